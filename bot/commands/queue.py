"""The team's queue: what waits, oldest first, and one request with its file.

Who is in charge, in what state, for how long, until when: of every request, in words. To be in
charge is pressed, and of two who press at once one is and the other is told who. The clocks are
`bot/flows/queue.py`'s, what staff write in the file `casework`'s.

Source: A-15; what peers' users complain of, rows 1 to 4.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from bot import access, lifecycle
from bot.commands.registry import COMMANDS, act, command
from bot.dialogue.questionnaire import fold
from bot.dialogues import act_choice, for_staff, run_choice
from bot.errors import NotAllowed
from bot.flows import offers, queue
from bot.i18n import Words
from bot.messages import Choice, Line, Message
from bot.turn import Scene, Turn
from storage.casework import WAITING
from storage.requests import LIVE
from storage.tables import Interview, Person, Request, RequestNote
from storage.words import number

SHOWN: Final = 20
OFFERED: Final = 20  # colleagues with a button of their own
_CHOSEN: Final = re.compile(r"(\d{1,18})(?:[- ](.+))?", re.ASCII)
FILTERS: Final[Mapping[str, str]] = {
    "miennes": "mine",
    "mine": "mine",
    "libres": "free",
    "unclaimed": "free",
    "retard": "late",
    "overdue": "late",
}


def name_of(turn: Scene, person_id: int | None) -> str:
    """A person's name for a list; a dash when there is none."""
    person = turn.uow.people.get(person_id) if person_id else None
    return (person.name if person else None) or "—"


def _age(turn: Turn, since: datetime) -> str:
    return turn.w("age-days", n=max((turn.now - since).days, 0))


# --- the list -------------------------------------------------------------------------------------


@command("demandes", alias="requests", who="staff")
def demandes(turn: Turn, args: str) -> None:
    """Waiting requests, oldest first; `miennes`, `libres`, `retard`; with a number, that one."""
    if (wanted := number(args)) is not None:
        turn.say(page(turn, access.staff_request(turn, wanted)), here=True)
        return
    word, _, after = args.strip().lower().partition(".")
    turn.say(_list(turn, FILTERS.get(word, ""), number(after) or 0), here=True)


def _list(turn: Turn, wanted: str, after: int) -> Message:
    w = turn.w
    keep: Mapping[str, Callable[[Request], bool]] = {
        "": lambda r: True,
        "mine": lambda r: r.owner_id == turn.me.id,
        "free": lambda r: queue.owner_of(turn, r) is None,
        "late": lambda r: queue.overdue(turn, r),
    }
    found = turn.uow.requests.waiting(turn.programme.id)
    own = access.close_to(turn, turn.me.id)  # what is theirs is for the others
    every = [r for r in found if r.person_id not in own]
    waiting = [r for r in every if keep[wanted](r)]
    filters = tuple(
        run_choice(w(f"staff-filter-{name}"), "demandes", argument)
        for name, argument in (("mine", "miennes"), ("free", "libres"), ("late", "retard"))
        if name != wanted
    )
    everything = (run_choice(w("staff-filter-all"), "demandes"),) if wanted else ()
    if not waiting:
        key = f"staff-none-{wanted}" if wanted and every else "staff-no-requests"
        return Message(w(key), quiet=(*everything, *filters) if every else ())
    left = waiting[after:]
    more = tuple(
        run_choice(w("staff-next"), "demandes", f"{word}.{after + SHOWN}")
        for word in [next((word for word, name in FILTERS.items() if name == wanted), "")]
        if len(left) > SHOWN
    )
    return Message(
        title=w(f"staff-list-{wanted}") if wanted else w("staff-requests-title"),
        text=w("staff-requests-text", n=len(waiting)),
        lines=tuple(line(turn, r, w, turn.me.id) for r in left[:SHOWN]),
        note=w("staff-more", n=len(left) - SHOWN) if len(left) > SHOWN else None,
        choices=(*more, *everything, *filters),
        quiet=(run_choice(w("staff-export"), "exporter", "demandes"),),
    )


def standing(scene: Scene, request: Request, w: Words, reader_id: int) -> str:
    """State and deadline, how late it is, and who is in charge, in the reader's words."""
    parts = [
        w(
            f"staff-state-{request.state}",
            when=w.weekday(request.due_at) if request.due_at else "—",
        )
    ]
    if request.due_at is not None and queue.overdue(scene, request):
        zone = ZoneInfo(scene.programme_of(request.programme_id).zone)
        due, today = (at.astimezone(zone).date() for at in (request.due_at, scene.now))
        days = (today - due).days  # as people count them
        parts.append(w("staff-late-days", n=days) if days else w("staff-late-today"))
    owner = queue.owner_of(scene, request) if request.state in LIVE else None
    if owner is not None:
        mine = owner.id == reader_id
        parts.append(w("staff-owner-you") if mine else w("staff-owner", name=owner.name or "—"))
    elif request.state in LIVE:
        parts.append(w("staff-owner-none"))
    return " · ".join(parts)


def line(scene: Scene, request: Request, w: Words, reader_id: int) -> Line:
    """A request in a list, with the tap that opens it."""
    return Line(
        label=w(
            "staff-request-line",
            number=request.id,
            name=name_of(scene, request.person_id),
            age=w("age-days", n=max((scene.now - request.created_at).days, 0)),
        ),
        text=standing(scene, request, w, reader_id),
        choice=run_choice(w("staff-open"), "demandes", str(request.id)),
    )


# --- one request ----------------------------------------------------------------------------------


def page(turn: Turn, request: Request) -> Message:
    """A request with its answers, who was proposed, and the team's file on it."""
    w = turn.w
    talk = turn.uow.talks.get(request.conversation_id)
    answers = (turn.uow.talks.snapshot(talk) if talk else None) or []
    turn.read("request", request.person_id, request.id)
    lines = [Line(label=str(a["question"]), text=for_staff(str(a["label"]), w)) for a in answers]
    lines.extend(
        Line(
            label=name_of(turn, p.expert_id),
            text=w(f"proposal-is-{p.state}"),
            choice=(
                act_choice(w("staff-ask-expert"), "send", p.id, p.version)
                if p.state in ("shown", "lapsed", "withdrawn") and request.state in LIVE
                else None
            ),
        )
        for p in turn.uow.requests.proposals(request.id)
    )
    lines.extend(_interview(turn, one) for one in turn.uow.casework.interviews(request.id))
    lines.extend(_noted(turn, one) for one in turn.uow.casework.notes(request.id))
    choices, quiet = _ways_on(turn, request)
    return Message(
        title=w("staff-request-title", number=request.id, name=name_of(turn, request.person_id)),
        text=f"{standing(turn, request, w, turn.me.id)} · {_age(turn, request.created_at)}",
        lines=tuple(lines),
        choices=tuple(choices),
        quiet=tuple(quiet),
        notice=w("staff-request-title", number=request.id, name="…"),
    )


def _interview(turn: Turn, one: Interview) -> Line:
    w = turn.w
    mine = one.state in WAITING and one.interviewer_id == turn.me.id
    return Line(
        label=w("staff-interview-by", name=name_of(turn, one.interviewer_id)),
        text=w(f"staff-interview-{one.state}", when=w.day(one.settled_at or one.asked_at)),
        choice=act_choice(w("staff-interview-mine"), "interview", one.id, one.version)
        if mine
        else None,
    )


def _noted(turn: Turn, one: RequestNote) -> Line:
    w = turn.w
    words = turn.uow.casework.words(one)
    if one.kind == "reply":  # the rest is the team's own
        words = for_staff(words, w)
    said = w("staff-note-told" if one.told else "staff-note-kept", text=words)
    return Line(
        label=w(f"staff-note-{one.kind}", name=name_of(turn, one.by_id), when=w.day(one.said_at)),
        text=(said if one.kind == "infeasible" else words) or "—",
    )


def _ways_on(turn: Turn, request: Request) -> tuple[list[Choice], list[Choice]]:
    """What can be pressed on a request: first what is mostly next, then what ends or hands on."""
    w = turn.w
    quiet = [run_choice(w("desk-requests"), "demandes")]
    if request.state not in LIVE:
        last = turn.uow.casework.decision(request.id)
        if request.state == "closed" and last == "infeasible":
            quiet.append(act_choice(w("staff-reopen"), "reconsider", request.id, request.version))
        return [], quiet
    quiet.append(run_choice(w("staff-refer"), "orientations", f"demande/{request.id}"))
    owner = queue.owner_of(turn, request)
    held = owner.id if owner else 0
    choices: list[Choice] = []
    if owner is None:
        choices.append(act_choice(w("staff-claim"), "claim", request.id, 0, "primary"))
    judged = queue.may_propose(turn, request)
    best = "primary" if owner else "plain"
    if judged:
        choices.append(run_choice(w("staff-propose"), "proposer", str(request.id), best))
    choices.append(act_choice(w("staff-note"), "note", request.id, request.version))
    choices.append(run_choice(w("staff-interview"), "entretien", str(request.id)))
    judge = act_choice(
        w("staff-judge"), "judge", request.id, request.version, "plain" if judged else best
    )
    choices.append(judge)
    quiet.append(run_choice(w("staff-hand-over"), "confier", str(request.id)))
    if held == turn.me.id:
        quiet.append(act_choice(w("staff-release"), "release", request.id, held))
    if request.state != "asked":
        quiet.append(
            act_choice(
                w("staff-close-request"),
                "staff-close-request",
                request.id,
                request.version,
                "danger",
            )
        )
    return choices, quiet


def read_first(turn: Turn, request: Request) -> bool:
    """Say that the team is to judge first, where the file says so; whether it was said."""
    if queue.may_propose(turn, request):
        return False
    w = turn.w
    judge = act_choice(w("staff-judge"), "judge", request.id, request.version, "primary")
    see = run_choice(w("staff-see-request"), "demandes", str(request.id))
    turn.say(Message(w("staff-judge-first", number=request.id), choices=(judge, see)), here=True)
    return True


# --- in charge ------------------------------------------------------------------------------------


@act("claim", who="staff", of="demandes")
def claim(turn: Turn, number: int, version: int) -> None:
    """I see to it; of two who press at once one does, and the other is told who."""
    request = access.staff_request(turn, number)
    owner = queue.owner_of(turn, request)
    if (
        owner is None
        and request.state in LIVE
        and turn.uow.requests.give_to(request, turn.me.id, instead_of=None, now=turn.now)
    ):
        turn.note("request-claimed", "request", request.id)
        owner = turn.me
    elif request.state in LIVE:
        owner = queue.owner_of(turn, request)
        if owner is not None and owner.id != turn.me.id:
            said = turn.w("staff-claimed-by", name=owner.name or "—", number=request.id)
            turn.say(Message(said), here=True)
            return
    turn.say(page(turn, request), here=True)


@act("release", who="staff", of="demandes")
def release(turn: Turn, number: int, version: int) -> None:
    """I cannot see to it after all: it is anybody's again."""
    request = access.staff_request(turn, number)
    if turn.uow.requests.give_to(request, None, instead_of=turn.me.id, now=turn.now):
        turn.note("request-released", "request", request.id)
        turn.say(Message(turn.w("staff-released", number=request.id)), here=True)
        return
    turn.say(page(turn, request), here=True)


def colleagues(turn: Turn, request: Request) -> list[Person]:
    """The others of the programme's team who are there and do not ask themselves, by name."""
    staff, programme = turn.team(turn.programme, "demandes"), request.programme_id
    near = access.close_to(turn, request.person_id) | {turn.me.id}
    others = [
        one
        for one in staff
        if one.id not in near and queue.of_team(turn, one.id, programme) and not turn.rests(one)
    ]
    return sorted(others, key=lambda one: (one.name or "", one.id))


def chosen(turn: Turn, args: str, command: str) -> tuple[Request, Person | None] | None:
    """`12`, `12-45` or `12 Zoé`: a request, and a colleague of its team.

    Returns:
        None when nobody there was meant, and whoever typed it was asked again.

    Raises:
        NotAllowed: Neither, or the person is not of the team.
    """
    found = _CHOSEN.fullmatch(args.strip())
    request = access.staff_request(turn, number(found[1]) or 0 if found else 0)
    if found is None or not (words := found[2]):
        return request, None
    among = colleagues(turn, request)
    if words.isdecimal():
        person = turn.uow.people.get(number(words) or 0)
        if person is None or not queue.may_have(turn, person, request):
            raise NotAllowed("not of the team")
    else:
        person = by_name(among, words)
    if person is not None and (person.id == turn.me.id or not turn.rests(person)):
        return request, person
    w = turn.w
    asked = (
        w("supervise-unknown")
        if person is None
        else w("staff-colleague-rests", name=person.name or "—")
    )
    ask_whom(turn, request, command, asked, among)
    return None


def by_name(people: Iterable[Person], words: str) -> Person | None:
    """The one of them with a name of which a word begins so; None for nobody, and for several."""
    named = f" {fold(words)}"
    close = [one for one in people if named in f" {fold(one.name or '')}"]
    return close[0] if len(close) == 1 else None


def ask_whom(turn: Turn, request: Request, command: str, text: str, among: list[Person]) -> None:
    """The colleagues, each with a button; where they are many, how to name another."""
    if not among:
        turn.say(Message(turn.w("staff-no-colleague")), here=True)
        return
    w = turn.w
    typed = COMMANDS[command].called(w.lang)
    turn.say(
        Message(
            text,
            choices=tuple(
                run_choice(one.name or "—", command, f"{request.id}-{one.id}")
                for one in among[:OFFERED]
            ),
            quiet=(run_choice(w("staff-see-request"), "demandes", str(request.id)),),
            note=w("staff-colleague-others", command=typed, number=request.id)
            if len(among) > OFFERED
            else None,
        ),
        here=True,
    )


@command("confier", alias="hand-over", who="staff", of="demandes", listed=False)
def confier(turn: Turn, args: str) -> None:
    """Hand a request over: `12` asks to whom, `12-45` or `12 Zoé` does it; they are told."""
    meant = chosen(turn, args, "confier")
    if meant is None:
        return
    request, person = meant
    w = turn.w
    owner = queue.owner_of(turn, request)
    if person is None:
        ask_whom(
            turn,
            request,
            "confier",
            w("staff-hand-over-whom", number=request.id),
            [one for one in colleagues(turn, request) if one is not owner],
        )
        return
    before = owner.id if owner else None
    if person.id == before or not turn.uow.requests.give_to(
        request, person.id, instead_of=before, now=turn.now
    ):
        turn.say(page(turn, request), here=True)
        return
    turn.note("request-handed-over", "request", request.id, to=person.id)
    _hear(turn, request, person, "staff-handed-to-you")
    if owner is not None:
        _hear(turn, request, owner, "staff-handed-on")
    turn.say(Message(w("staff-handed-over", number=request.id, name=person.name or "—")), here=True)


def _hear(turn: Turn, request: Request, person: Person, what: str) -> None:
    """A colleague hears what was done with a request they see to, or will."""
    if person.id != turn.me.id:
        w = turn.words(person, turn.programme)
        said = queue.about(turn, request, what, w, by=turn.me.name or "—")
        turn.show(person, said, what="request-handed-over")


# --- the end --------------------------------------------------------------------------------------


@act("staff-close-request", who="staff", of="demandes")
def close_request(turn: Turn, number: int, version: int) -> None:
    """The team closes a request it cannot serve; the mentee hears it, with whom to ask."""
    request = access.staff_request(turn, number)
    if request.version != version or request.state not in ("open", "proposed", "team"):
        turn.say(page(turn, request), here=True)
        return
    end(turn, request, turn.w("staff-request-closed", number=request.id))


def end(turn: Turn, request: Request, done: str, reason: str | None = None) -> None:
    """Close a request from the team's side, and tell the one who asked whom to turn to.

    Args:
        turn: Of one of its staff.
        request: In a state that can be closed.
        done: What the staff member is told.
        reason: Why it cannot be answered here, as the one who asked is to read it; "" for a
            decision without; None when nothing was decided.
    """
    offers.take_back(turn, request)
    state = lifecycle.move(lifecycle.REQUEST, request.state, "withdraw")
    turn.uow.requests.move(request, request.version, state, now=turn.now)
    turn.uow.timers.cancel("request-stale", request.id)
    turn.note("request-closed-by-team", "request", request.id)
    mentee = turn.person(request.person_id)
    w = turn.words(mentee, turn.programme)
    team = w.team(turn.programme.contact)
    if reason is None:
        text = w("request-closed-by-team", name=team)
    elif reason:
        text = w("request-infeasible-why", name=team, reason=reason)
    else:
        text = w("request-infeasible", name=team)
    turn.show(
        mentee,
        Message(
            text,
            choices=(run_choice(w("request-new"), "demande"),),
            notice=w("request-title"),
        ),
        what="request-closed",
    )
    turn.say(Message(done), here=True)
