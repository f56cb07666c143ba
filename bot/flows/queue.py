"""The team's queue: who is in charge of a request, and who hears when nobody is or time runs out.

Each live request has two clocks, set anew whenever it changes: one until somebody of the team takes
it on, one until its deadline. Each tells twice: first those nearest, later the others; a step is
told once, and a step that found nobody to tell comes again. A request with a campaign waits for the
campaign, not for the team.

Who is in charge is whoever was and still is of the team: a role that ended frees the request. What
staff press is `bot/commands/queue.py`.

Source: A-15; what peers' users complain of, rows 1 and 2.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from bot import access
from bot.dialogues import act_choice, run_choice
from bot.followup import at_last, due, planner
from bot.i18n import Words
from bot.messages import Message
from bot.policy import policy_of
from bot.programmes.schema import Programme
from bot.turn import ANSWER, REMINDER, Scene, Turn, within
from storage.casework import WAITING
from storage.requests import LIVE
from storage.tables import Person, Request
from storage.timers import DueTimer

NOBODY_THERE: Final = timedelta(days=1)  # nobody could be told: try again


def clocked(programme: Programme, request: Request) -> bool:
    """Whether the team's clocks run for a request."""
    return request.state in LIVE and (programme.campaign is None or request.state == "team")


def overdue(scene: Scene, request: Request) -> bool:
    """Whether a request's deadline has passed."""
    programme = scene.programme_of(request.programme_id)
    late = request.due_at is not None and request.due_at <= scene.now
    return late and clocked(programme, request)


def may_propose(scene: Scene, request: Request) -> bool:
    """Whether anybody may be proposed yet: where the file says so, not before the team's yes.

    What was proposed before the file said so goes on.
    """
    if not scene.programme_of(request.programme_id).queue.feasible_first:
        return True
    decision = scene.uow.casework.decision(request.id)
    begun = decision is None and request.state in ("proposed", "asked")
    return begun or decision == "feasible"


def possible(turn: Turn, request: Request) -> None:
    """Who proposes by hand or takes on the pair has judged that the team can help (A-14)."""
    if turn.uow.casework.decision(request.id) != "feasible":
        turn.uow.casework.write(request, turn.me.id, "feasible", None, turn.now)
        turn.note("request-feasible", "request", request.id)


def of_team(scene: Scene, person_id: int, programme_id: str) -> bool:
    """Whether somebody may see to requests: its staff, and a body the programme lends them to."""
    roles = scene.uow.people.roles(person_id, programme_id)
    programme = scene.bot.programmes.get(programme_id)
    return policy_of("command:demandes").admits(roles, programme)


def may_have(scene: Scene, person: Person, request: Request) -> bool:
    """Whether somebody may see to a request: of its team, and not their own."""
    return person.id != request.person_id and of_team(scene, person.id, request.programme_id)


def owner_of(scene: Scene, request: Request) -> Person | None:
    """Who is in charge; whoever is no longer of the team, or asks here, is in charge of nothing."""
    if request.owner_id is None:
        return None
    person = scene.uow.people.get(request.owner_id)
    if person is not None and may_have(scene, person, request):
        return person
    scene.uow.requests.give_to(request, None, instead_of=request.owner_id, now=scene.now)
    return None


def on_it(scene: Scene, request: Request) -> list[Person]:
    """Who sees to a request: whoever is in charge, asks for an interview, or is asked for one."""
    owner = owner_of(scene, request)
    numbers = {owner.id} if owner else set()
    for one in scene.uow.casework.interviews(request.id):
        numbers |= {one.interviewer_id} if one.state != "declined" else set()
        numbers |= {one.asked_by_id} if one.asked_by_id else set()
    staff = scene.team(scene.programme_of(request.programme_id), "demandes")
    return [one for one in staff if one.id in numbers - {request.person_id}]


def free_all(scene: Scene, person_id: int, programme_id: str | None = None) -> int:
    """Free every request somebody is in charge of: they pause, or leave; how many.

    The team is told at once of each, for somebody may be waiting for a promised answer.
    """
    freed = 0
    for request in scene.uow.requests.owned_by(person_id, programme_id):
        programme = scene.bot.programmes.get(request.programme_id)
        if scene.uow.requests.give_to(request, None, instead_of=person_id, now=scene.now):
            freed += 1
            if programme is not None:
                staff = scene.team(programme, "demandes")
                _say_to(
                    scene,
                    request,
                    "staff-request-freed",
                    [one for one in staff if one.id != person_id],
                    key=f"request-freed:{request.id}:{_stamp(scene.now)}",
                )
    return freed


def drop_interviews(scene: Scene, person_id: int, programme_id: str | None = None) -> None:
    """Interviews somebody was asked for go back: they leave, or are no longer of the team.

    Whoever was told to wait for them hears that it will be somebody else; whoever sees to the
    request, or asked for the interview, or else the team, that it is to be arranged again. Nobody
    is named: somebody who is erased is not spoken of.
    """
    for one in scene.uow.casework.asked_of(person_id, programme_id):
        request = scene.uow.requests.get(one.request_id)
        programme = scene.bot.programmes.get(request.programme_id) if request else None
        knew = one.state != "asked"
        if request is None or programme is None:
            continue
        if not scene.uow.casework.settle(one, "declined", scene.now):
            continue
        if knew:
            mentee = scene.person(request.person_id)
            w = scene.words(mentee, programme)
            said = Message(
                w("interview-other", team=w.team(programme.contact)), notice=w("request-title")
            )
            scene.tell(mentee, said, key=f"interview-other:{one.id}")
        staff = [p for p in scene.team(programme, "demandes") if p.id != person_id]
        owner = owner_of(scene, request)
        concerned = {owner.id if owner else None, one.asked_by_id}
        first = [p for p in staff if p.id in concerned]
        key = f"interview-freed:{one.id}"
        _say_to(scene, request, "staff-interview-freed", first, staff, key=key)


# --- the clocks -----------------------------------------------------------------------------------


def _stamp(at: datetime) -> int:
    return int(at.timestamp())


def _free_since(request: Request) -> datetime:
    return request.owned_at or request.created_at


def watch(scene: Scene, request: Request) -> None:
    """Set the clocks of a request as it stands; those that are set stay."""
    programme = scene.bot.programmes.get(request.programme_id)
    if programme is None or not clocked(programme, request):
        return
    timers = scene.uow.timers
    if request.owner_id is None:
        since = _free_since(request)
        timers.put(
            key=f"request-claim:{request.id}:{_stamp(since)}",
            kind="request-claim",
            subject_id=request.id,
            due_at=programme.working_days_later(since, programme.queue.claim_days),
            version=_stamp(since),
        )
    if request.due_at is not None:
        timers.put(
            key=f"request-due:{request.id}:{request.version}",
            kind="request-due",
            subject_id=request.id,
            due_at=request.due_at,
            version=request.version,
        )


@at_last
def changed(scene: Scene) -> None:
    """Whatever made or changed a request: its clocks are set anew."""
    for number in sorted(scene.uow.touched_requests):
        request = scene.uow.requests.get(number)
        if request is not None:
            watch(scene, request)
            _interviews_over(scene, request)


def _interviews_over(scene: Scene, request: Request) -> None:
    """Whoever is asked for an interview hears that the request has come to its end, once."""
    if request.state in LIVE:
        return
    programme = scene.programme_of(request.programme_id)
    for one in scene.uow.casework.interviews(request.id):
        person = scene.uow.people.get(one.interviewer_id) if one.state in WAITING else None
        off = f"request-off:{request.id}:{request.version}:staff{one.interviewer_id}"
        if person is None or not may_have(scene, person, request) or scene.uow.outbox.fate(off):
            continue  # gone, or told already that nothing is left to do
        w = scene.words(person, programme)
        said = about(scene, request, "staff-interview-over", w)
        note = act_choice(w("staff-interview-write"), "interview-note", one.id, one.version)
        scene.tell(
            person,
            within(programme, replace(said, choices=(note, *said.choices))),
            key=f"interview-over:{one.id}:{request.version}",
        )


@planner
def watch_all(scene: Scene) -> None:
    """At start, and when the file was changed: no request is left without its clocks.

    What has not fired yet follows the file as it is now.
    """
    for programme in scene.bot.programmes.values():
        for request in scene.uow.requests.waiting(programme.id):
            if clocked(programme, request):
                owner_of(scene, request)
                _unplan(scene, request)
                watch(scene, request)


def _unplan(scene: Scene, request: Request) -> None:
    for timer in scene.uow.timers.list(kind="request-claim", subject_id=request.id):
        if "step" not in timer.payload:
            scene.uow.timers.cancel_key(timer.key)


@due("request-claim")
def unclaimed(scene: Scene, timer: DueTimer) -> None:
    """Nobody has taken it on in time: the team is told again, then the programme's owners."""
    request = scene.uow.requests.get(timer.subject_id)
    if request is None or _stamp(_free_since(request)) != timer.version:
        return
    programme = scene.programme_of(request.programme_id)
    if not clocked(programme, request) or request.owner_id is not None:
        return
    staff = scene.team(programme, "demandes")
    if timer.payload.get("step") == 2:
        owners = scene.uow.people.with_role(programme.id, "owner")
        told = _say_to(scene, request, "staff-still-unclaimed", owners, staff, key=f"{timer.key}:2")
        if not told:
            scene.uow.timers.again(timer, scene.now + NOBODY_THERE)
        return
    owners = scene.uow.people.with_role(programme.id, "owner")
    told = _say_to(scene, request, "staff-unclaimed", staff, owners, key=f"{timer.key}:1")
    _next_step(scene, timer, programme, told=told)


@due("request-due")
def late(scene: Scene, timer: DueTimer) -> None:
    """The deadline has passed: who is in charge is told, later the rest of the team.

    With nobody in charge: the team, later the programme's owners.
    """
    request = scene.uow.requests.get(timer.subject_id)
    if request is None or request.version != timer.version:
        return
    programme = scene.programme_of(request.programme_id)
    if not clocked(programme, request):
        return
    scene.uow.requests.touch(request)
    owner = owner_of(scene, request)
    staff = scene.team(programme, "demandes")
    owners = scene.uow.people.with_role(programme.id, "owner")
    nearest, others = ([owner], staff) if owner else (staff, owners)
    if timer.payload.get("step") == 2:
        _say_to(
            scene,
            request,
            "staff-request-late" if owner else "staff-request-left",
            [one for one in others if one is not owner],
            [one for one in owners if one is not owner],
            key=f"{timer.key}:2",
        )
        return
    told = _say_to(
        scene, request, f"staff-due-{request.state}", nearest, others, owners, key=f"{timer.key}:1"
    )
    _next_step(scene, timer, programme, told=told)


def _next_step(scene: Scene, timer: DueTimer, programme: Programme, *, told: bool) -> None:
    """The others hear some working days after these; nobody there: the same again tomorrow."""
    if told:
        later = programme.working_days_later(scene.now, programme.queue.escalate_days)
        scene.uow.timers.again(timer, later, {"step": 2})
    else:
        scene.uow.timers.again(timer, scene.now + NOBODY_THERE)


# --- telling --------------------------------------------------------------------------------------


def tell_nearest(scene: Scene, request: Request, what: str, *, key: str) -> None:
    """Tell at once who is in charge of a request, or else its team."""
    owner = owner_of(scene, request)
    staff = scene.team(scene.programme_of(request.programme_id), "demandes")
    _say_to(scene, request, what, [owner] if owner else (), staff, key=key, priority=ANSWER)


def tell_on_it(scene: Scene, request: Request, what: str, *, key: str) -> None:
    """Tell at once everybody who sees to a request."""
    _say_to(scene, request, what, on_it(scene, request), key=key, priority=ANSWER)


def gone(scene: Scene, request: Request) -> None:
    """Whoever asked is about to be erased: who saw to it hears that nothing is left to do."""
    programme = scene.programme_of(request.programme_id)
    scene.tell_staff(
        programme,
        lambda w: Message(w("staff-request-gone", number=request.id)),
        key=f"request-gone:{request.id}",
        to=on_it(scene, request),
    )


def _say_to(
    scene: Scene,
    request: Request,
    what: str,
    *groups: Iterable[Person],
    key: str,
    priority: int = REMINDER,
) -> bool:
    """Tell the first of these groups in which somebody hears it now; whether somebody did.

    Whoever asks is none of them, nor whom they are paired with, of the team or not.
    """
    programme = scene.programme_of(request.programme_id)
    near = access.close_to(scene, request.person_id)
    for group in groups:
        told = False
        for person in (one for one in group if one.id not in near):
            w = scene.words(person, programme)
            queued = scene.tell(
                person,
                within(programme, about(scene, request, what, w)),
                key=f"{key}:staff{person.id}",
                priority=priority,
            )
            told |= queued and not scene.rests(person)
        if told:
            return True
    return False


def about(scene: Scene, request: Request, what: str, w: Words, by: str = "—") -> Message:
    """A line about a request to one of its team, with the next taps; `by`: who causes it."""
    mentee = scene.person(request.person_id)
    owner = owner_of(scene, request)
    text = w(
        what,
        number=request.id,
        name=mentee.name or "—",
        when=w.weekday(request.due_at or scene.now),
        owner=(owner.name or "—") if owner else "—",
        by=by,
        age=w("age-days", n=max((scene.now - request.created_at).days, 0)),
    )
    see = run_choice(w("staff-see-request"), "demandes", str(request.id))
    if owner is None and request.state in LIVE:
        return Message(text, choices=(act_choice(w("staff-claim"), "claim", request.id, 0), see))
    return Message(text, choices=(see,))
