"""An offer in an expert's hands: sent, accepted, declined, passed over, taken back.

Or with the team. Whoever asked always hears what became of it, and a request never stays with
somebody who does not answer (A-15). Who is proposed, and what the mentee does, is `requests`; what
follows the yes is `pairs`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from bot import access, lifecycle, minors
from bot.commands.registry import act
from bot.dialogues import (
    act_choice,
    run_choice,
)
from bot.errors import NotAllowed
from bot.flows import holds, pairs, queue, training
from bot.followup import due
from bot.i18n import Words
from bot.messages import Line, Message
from bot.programmes.schema import Programme
from bot.turn import ANSWER, REMINDER, Scene, Turn
from storage.tables import Pair, Person, Proposal, Request
from storage.timers import DueTimer

REFUSAL_PAUSE_DAYS = 90
INVITED_DAYS = 7
Watcher = Callable[[Scene, Request, Proposal, str], bool]
WATCHERS: list[Watcher] = []


def watcher(run: Watcher) -> Watcher:
    """Register who hears what became of an offer: accept, decline, leave, lapse or withdraw.

    After a no, it says whether it looks for somebody else itself.
    """
    WATCHERS.append(run)
    return run


def _heard(scene: Scene, request: Request, proposal: Proposal, how: str) -> bool:
    return any(run(scene, request, proposal, how) for run in WATCHERS)


# --- sending --------------------------------------------------------------------------------------


def send(
    scene: Scene,
    request: Request,
    proposal: Proposal,
    *,
    priority: int = ANSWER,
    unreached: list[Person] | None = None,
) -> bool:
    """Send a request to an expert.

    With a deadline and a nudge before it. False when somebody was quicker, or when the two may not
    be put in touch (yet): the team has not said that it can help, a minor without the
    parents' agreement, an expert who is not checked, words that are held.

    Args:
        scene: The cause.
        request: What is asked.
        proposal: Of whom.
        priority: Of the outbox.
        unreached: Takes the expert who cannot be written to, for the caller to tell the team of
            many at once; by default the team is told of this one.
    """
    programme = scene.programme_of(request.programme_id)
    uow = scene.uow
    mentee = scene.person(request.person_id)
    if (
        not queue.may_propose(scene, request)
        or not minors.may_meet(scene, mentee, proposal.expert_id, programme)
        or holds.waits(scene, request)
    ):
        return False
    deadline = _in(scene, programme.proposals.deadline_days)
    state = lifecycle.move(lifecycle.PROPOSAL, proposal.state, "ask")
    if not uow.requests.move_proposal(
        proposal, proposal.version, state, asked_at=scene.now, due_at=deadline
    ):
        return False
    uow.requests.move(
        request,
        request.version,
        lifecycle.move(lifecycle.REQUEST, request.state, "ask"),
        now=scene.now,
        due_at=deadline,
    )
    expert = scene.person(proposal.expert_id)
    if not scene.tell(
        expert,
        offer(scene, request, proposal),
        key=f"offer:{proposal.id}:{proposal.version}",
        priority=priority,
    ):
        if unreached is None:
            _invite(scene, request, expert)
        else:
            unreached.append(expert)
    _plan(scene, proposal, "proposal-nudge", _in(scene, programme.proposals.nudge_days))
    _plan(scene, proposal, "proposal-due", deadline)
    return True


def _plan(scene: Scene, proposal: Proposal, kind: str, at: datetime) -> None:
    scene.uow.timers.put(
        key=f"{kind}:{proposal.id}:{proposal.version}:{at:%Y%m%dT%H%M%S}",
        kind=kind,
        subject_id=proposal.id,
        due_at=at,
        version=proposal.version,
    )


def _in(scene: Scene, days: int) -> datetime:
    return scene.now + timedelta(days=days)


def _invite(scene: Scene, request: Request, expert: Person) -> None:
    """The expert has no account here yet: the team gets the link that brings them in."""
    programme = scene.programme_of(request.programme_id)
    code = way_in(scene, programme, expert)
    said = "staff-expert-to-invite"
    if not code:
        here = is_here(scene, expert)
        said = "staff-expert-unreachable" if here else "staff-expert-of-team"

    def build(w: Words) -> Message:
        link = scene.bot.deep_link(code or programme.id, programme) or "—"
        return Message(
            w(
                said,
                name=expert.name or "—",
                email=expert.email or "—",
                number=request.id,
                code=code,
                link=link,
            )
        )

    scene.tell_staff(programme, build, key=f"invite:{request.id}:{expert.id}:{request.version}")


def way_in(scene: Scene, programme: Programme, expert: Person) -> str | None:
    """A code that brings in somebody without an account.

    None for who is here already but cannot be written to: it would open their account to others.
    None for who has a role of a team, too: an owner invites them.
    """
    people = scene.uow.people
    if people.identities(expert.id) or people.works_in(expert.id):
        return None
    valid = timedelta(days=INVITED_DAYS)
    return people.make_code(expert.id, now=scene.now, valid=valid, programme_id=programme.id)


def is_here(scene: Scene, expert: Person) -> bool:
    """Whether they have an account; without, and without a code, an owner is to invite them."""
    return bool(scene.uow.people.identities(expert.id))


def known_from(scene: Scene, request: Request, w: Words) -> str:
    """The mentee as the expert may know them before saying yes: by name only if they wished so."""
    shared = scene.uow.requests.shared(request) or {}
    mentee = scene.person(request.person_id)
    programme = scene.programme_of(request.programme_id)
    return pairs.known_as(mentee, w, programme, named=bool(shared.get("named")))


def offer(scene: Scene, request: Request, proposal: Proposal, *, again: bool = False) -> Message:
    """What the expert sees: what the mentee chose to show, and three ways to answer."""
    programme = scene.programme_of(request.programme_id)
    first = "offer-text" if programme.campaign is None else "offer-campaign"
    expert = scene.person(proposal.expert_id)
    w = scene.words(expert, programme)
    shared = scene.uow.requests.shared(request) or {}
    known = known_from(scene, request, w)
    kind = (
        w("help-one-off")
        if request.kind == "one_off"
        else w("help-long-term", months=programme.pair.months)
    )
    return Message(
        title=w("offer-title"),
        text=w(
            "offer-nudge" if again else first,
            name=known,
            kind=kind,
            when=w.weekday(proposal.due_at or scene.now),
        ),
        lines=tuple(
            Line(label=question, text=answer) for question, answer in shared.get("answers", ())
        ),
        choices=(
            act_choice(w("accept"), "accept", proposal.id, proposal.version, "primary"),
            act_choice(w("decline"), "decline", proposal.id, proposal.version),
            act_choice(w("decline-and-pause"), "decline-pause", proposal.id, proposal.version),
        ),
        quiet=(act_choice(w("flag"), "flag-offer", proposal.id, 1),),
        note=w("offer-note"),
        notice=w("offer-title"),
    )


# --- the expert answers ---------------------------------------------------------------------------


@act("accept", who="member")
def accept(turn: Turn, number: int, version: int) -> None:
    """The expert says yes: charter first (A-19), then a place, atomically, then the pair."""
    proposal, request = access.asked_of_me(turn, number)
    programme = turn.programme
    if proposal.state != "asked" or proposal.version != version:
        _too_late(turn, proposal)
        return
    if pairs.may_not_yet(turn, turn.person(request.person_id)):
        return
    if training.lacks(turn, turn.me, programme):
        training.ask(turn)
        return
    charter = programme.pair.charter
    if charter and not turn.uow.people.agreed_to(turn.me.id, programme.id, "charter", charter.read):
        turn.say(
            Message(
                title=turn.w("charter-title"),
                text=turn.w.pick(charter.text),
                choices=(
                    act_choice(turn.w("charter-agree"), "charter", proposal.id, version, "primary"),
                    act_choice(turn.w("decline"), "decline", proposal.id, version),
                ),
            )
        )
        return
    if not turn.uow.directory.take_place(turn.me.id, turn.now):
        turn.text("no-place-left")
        _refused(turn, proposal, request, "decline")
        return
    state = lifecycle.move(lifecycle.PROPOSAL, proposal.state, "accept")
    if not turn.uow.requests.move_proposal(proposal, version, state):
        turn.uow.directory.give_place(turn.me.id, turn.now)
        _too_late(turn, proposal)
        return
    _no_timers(turn, proposal)
    turn.uow.requests.move(
        request,
        request.version,
        lifecycle.move(lifecycle.REQUEST, request.state, "match"),
        now=turn.now,
    )
    turn.uow.timers.cancel("request-stale", request.id)
    turn.note("proposal-accepted", "proposal", proposal.id)
    turn.replace(Message(turn.w("accepted-noted")))
    pairs.form(turn, request, turn.person(request.person_id), turn.me, programme=programme)
    _heard(turn, request, proposal, "accept")
    if not turn.bot.experts.free(turn, turn.me.id):
        free_all(turn, turn.me.id)  # the last place is taken: nobody need wait for this expert


@act("charter", who="member")
def charter(turn: Turn, number: int, version: int) -> None:
    """The volunteer accepts the charter, and with it the request."""
    access.asked_of_me(turn, number)
    rules = turn.programme.pair.charter
    if rules is not None:
        turn.uow.people.consent(
            turn.me.id, turn.programme.id, "charter", text=rules.read, now=turn.now
        )
        turn.replace(Message(turn.w("charter-noted")))
    accept(turn, number, version)


@act("decline", who="member")
def decline(turn: Turn, number: int, version: int) -> None:
    """Not this time: no reason needed, never held against anybody."""
    proposal, request = access.asked_of_me(turn, number)
    if proposal.state != "asked" or proposal.version != version:
        _too_late(turn, proposal)
        return
    turn.replace(Message(turn.w("declined-noted")))
    _refused(turn, proposal, request, "decline")


@act("decline-pause", who="member")
def decline_pause(turn: Turn, number: int, version: int) -> None:
    """Not now at all: every waiting request is freed, and no other comes for a while."""
    proposal, _ = access.asked_of_me(turn, number)
    if proposal.state != "asked" or proposal.version != version:
        _too_late(turn, proposal)
        return
    until = turn.in_days(REFUSAL_PAUSE_DAYS)
    turn.uow.directory.pause(turn.me.id, turn.now, until)
    turn.replace(
        Message(
            turn.w("declined-paused", when=turn.w.weekday(until)),
            choices=(run_choice(turn.w("pause-end"), "pause", "fin"),),
        )
    )
    free_all(turn, turn.me.id)


def _too_late(turn: Turn, proposal: Proposal) -> None:
    """An old button: say how it ended."""
    turn.text(f"offer-was-{proposal.state}" if proposal.state != "asked" else "button-stale")


# --- released -------------------------------------------------------------------------------------


def free_all(
    scene: Scene, expert_id: int, programme_id: str | None = None, how: str = "decline"
) -> None:
    """Release every request that waits for this expert, of one programme or of all.

    Args:
        scene: The cause.
        expert_id: Whose answer is waited for.
        programme_id: Of this programme only.
        how: `leave` when they are about to be erased: a message with their name would go too.
    """
    for waiting in scene.uow.requests.asked_of(expert_id, programme_id):
        request = scene.uow.requests.get(waiting.request_id)
        if request is not None and request.programme_id in scene.bot.programmes:
            _refused(scene, waiting, request, how)


def said_no(scene: Scene, proposal: Proposal, how: str, w: Words, programme: Programme) -> str:
    """To whoever asked: the expert cannot, was silent, or is not here any more."""
    if how == "leave":
        return w("expert-left")
    name = minors.called(scene.person(proposal.expert_id), programme)
    return w("expert-declined" if how == "decline" else "expert-silent", name=name)


def _refused(scene: Scene, proposal: Proposal, request: Request, how: str) -> None:
    """A no, or silence: on to the next choice, and the mentee knows."""
    event = "decline" if how == "leave" else how
    state = lifecycle.move(lifecycle.PROPOSAL, proposal.state, event)
    if not scene.uow.requests.move_proposal(proposal, proposal.version, state):
        return
    _no_timers(scene, proposal)
    if request.state != "asked":
        return  # it has gone on without this expert
    if _heard(scene, request, proposal, how):
        return
    programme = scene.programme_of(request.programme_id)
    mentee = scene.person(request.person_id)
    w = scene.words(mentee, programme)
    every = scene.uow.requests.proposals(request.id)
    asked = [p for p in every if p.asked_at is not None]
    free = (p for p in every if p.state == "shown" and scene.bot.experts.free(scene, p.expert_id))
    more = len(asked) < programme.proposals.max_asked
    # Somebody shown days ago may not be sent it any more: then whoever comes after them.
    following = next((p for p in free if send(scene, request, p)), None) if more else None
    said = said_no(scene, proposal, how, w, programme)
    key = f"refused:{proposal.id}:{proposal.version}"
    if following is not None:
        scene.tell(
            mentee,
            Message(
                said
                + "\n"
                + w(
                    "next-asked",
                    name=minors.called(scene.person(following.expert_id), programme),
                    when=w.weekday(following.due_at or scene.now),
                ),
                quiet=(act_choice(w("choose-myself"), "stop-asking", request.id, request.version),),
            ),
            key=key,
        )
        return
    scene.tell(mentee, Message(said), key=key)
    hand_over(scene, request, told="request-after-refusals")


def _no_timers(scene: Scene, proposal: Proposal) -> None:
    for kind in ("proposal-nudge", "proposal-due"):
        scene.uow.timers.cancel(kind, proposal.id)


def take_back(turn: Scene, request: Request, untold: int | None = None) -> None:
    """Take back what is in an expert's hands; they are told, but for who hears better news."""
    for proposal in turn.uow.requests.proposals(request.id):
        if proposal.state != "asked":
            continue
        state = lifecycle.move(lifecycle.PROPOSAL, "asked", "withdraw")
        if not turn.uow.requests.move_proposal(proposal, proposal.version, state):
            raise NotAllowed("the expert was quicker")
        _no_timers(turn, proposal)
        _heard(turn, request, proposal, "withdraw")
        if proposal.expert_id == untold:
            continue
        expert = turn.person(proposal.expert_id)
        w = turn.words(expert, turn.programme_of(request.programme_id))
        turn.tell(
            expert,
            Message(w("offer-was-withdrawn")),
            key=f"withdrawn:{proposal.id}:{proposal.version}",
        )


@pairs.begins
def follow(scene: Scene, pair: Pair) -> None:
    """A pair made by hand answers what the mentee asked for: nobody else is asked any more."""
    request = scene.uow.requests.live(pair.mentee_id, pair.programme_id)
    if pair.request_id is not None or request is None:
        return
    take_back(scene, request, untold=pair.mentor_id)
    state = lifecycle.move(lifecycle.REQUEST, request.state, "match")
    if scene.uow.requests.move(request, request.version, state, now=scene.now):
        pair.request_id = request.id
        scene.uow.timers.cancel("request-stale", request.id)


# --- the team -------------------------------------------------------------------------------------


def hand_over(scene: Scene, request: Request, *, told: str) -> None:
    """Give a request to the team; the mentee knows, and by when they will hear."""
    programme = scene.programme_of(request.programme_id)
    state = lifecycle.move(lifecycle.REQUEST, request.state, "hand_over")
    take_back(scene, request)
    deadline = scene.working_days(programme)
    if not scene.uow.requests.move(request, request.version, state, now=scene.now, due_at=deadline):
        return
    mentee = scene.person(request.person_id)
    w = scene.words(mentee, programme)
    scene.tell(
        mentee,
        Message(
            w(
                told,
                name=w.team(programme.contact),
                days=programme.contact.days,
                when=w.weekday(deadline),
            )
        ),
        key=f"request-team:{request.id}:{request.version}",
    )
    queue.tell_nearest(
        scene,
        request,
        "staff-request-handed",
        key=f"staff-request-handed:{request.id}:{request.version}",
    )


# --- timers ---------------------------------------------------------------------------------------


def _still_asked(scene: Scene, timer: DueTimer) -> tuple[Proposal, Request] | None:
    """What the timer is about, as long as the expert has not answered what it was planned for."""
    proposal = scene.uow.requests.proposal(timer.subject_id)
    if proposal is None or proposal.state != "asked" or proposal.version != timer.version:
        return None
    request = scene.uow.requests.get(proposal.request_id)
    return None if request is None else (proposal, request)


def _unconfirmed(scene: Scene, proposal: Proposal, request: Request) -> bool:
    programme = scene.programme_of(request.programme_id)
    return training.unconfirmed(scene, proposal.expert_id, programme)


@due("proposal-nudge")
def nudge(scene: Scene, timer: DueTimer) -> None:
    """The expert has not answered yet: the same request again, kindly."""
    found = _still_asked(scene, timer)
    if found is None:
        return
    proposal, request = found
    if _unconfirmed(scene, proposal, request):
        return  # they have; the answer that is missing is the team's
    scene.tell(
        scene.person(proposal.expert_id),
        offer(scene, request, proposal, again=True),
        key=timer.key,
        priority=REMINDER,
        expires_at=proposal.due_at,
    )


@due("proposal-due")
def lapse(scene: Scene, timer: DueTimer) -> None:
    """No answer by the deadline: the request is released and goes to the next choice."""
    found = _still_asked(scene, timer)
    if found is None:
        return
    proposal, request = found
    if _unconfirmed(scene, proposal, request):
        _later(
            scene, proposal, request, scene.working_days(scene.programme_of(request.programme_id))
        )
        return
    expert = scene.person(proposal.expert_id)
    w = scene.words(expert, scene.programme_of(request.programme_id))
    scene.tell(
        expert,
        Message(w("offer-was-lapsed"), choices=(run_choice(w("pause-start"), "pause"),)),
        key=f"lapsed:{proposal.id}:{proposal.version}",
        priority=REMINDER,
    )
    _refused(scene, proposal, request, "lapse")


@training.on_confirmed
def go_on(scene: Scene, expert: Person, programme: Programme) -> None:
    """The team has confirmed the training: the expert has time left to accept."""
    least = _in(scene, programme.proposals.deadline_days - programme.proposals.nudge_days)
    for proposal in scene.uow.requests.asked_of(expert.id, programme.id):
        request = scene.uow.requests.get(proposal.request_id)
        if request is not None and proposal.due_at is not None and proposal.due_at < least:
            scene.uow.timers.cancel("proposal-due", proposal.id)
            _later(scene, proposal, request, least)


def _later(scene: Scene, proposal: Proposal, request: Request, until: datetime) -> None:
    """The expert's deadline moves; whoever asked hears the new one, and not why."""
    proposal.due_at = until
    _plan(scene, proposal, "proposal-due", until)
    if request.state != "asked" or not scene.uow.requests.move(
        request,
        request.version,
        lifecycle.move(lifecycle.REQUEST, request.state, "ask"),
        now=scene.now,
        due_at=until,
    ):
        return
    programme = scene.programme_of(request.programme_id)
    mentee = scene.person(request.person_id)
    w = scene.words(mentee, programme)
    name = minors.called(scene.person(proposal.expert_id), programme)
    scene.tell(
        mentee,
        Message(
            w("request-still-asked", name=name, when=w.weekday(until)),
            choices=(run_choice(w("menu-my-request"), "demande"),),
        ),
        key=f"offer-later:{proposal.id}:{until:%Y%m%d}",
        priority=REMINDER,
    )
