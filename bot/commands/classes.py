"""A class as its teacher sees it: who has asked, who meets when, which meetings took place.

`classe`, `classe 2de 4`; for the team also `classe 2de 4 + Léa Roy, #12` and `classe 2de 4 - #12`.
Facts only: nothing that a pupil or a professional wrote is here, nor whom a pupil meets. A teacher
sees the classes they were given, the team every one. This module orients nobody.

Source: J-01, J-02, J-13, J-19, J-20.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from bot import access, minors
from bot.classes import key_of, named
from bot.commands.registry import command
from bot.dialogues import run_choice
from bot.flows import meetings
from bot.messages import Line, Message
from bot.turn import Turn
from storage.kept import Held
from storage.tables import Pair, Person, Request

SHOWN: Final = 20  # pupils in a message
_CHANGE: Final = re.compile(r"(.+?)\s+([+-])\s*(\S.*)")
_OUTCOMES: Final = ("kept", "called_off", "missed", "differ")


@command("classe", alias="class", who="teacher", where="private")
def classe(turn: Turn, args: str) -> None:
    """The classes, or one of them; the team says who is in which."""
    whole = turn.holds_all(turn.programme.id)
    found = _CHANGE.fullmatch(args)
    if found is not None and whole:
        _change(turn, found[1], found[2], found[3])
        return
    if args:
        _show(turn, args)
        return
    mine = turn.uow.classes.of_programme(turn.programme.id, None if whole else turn.me.id)
    if len(mine) == 1 and not whole:
        _show(turn, mine[0][0])
        return
    w = turn.w
    none = "class-how" if whole else "class-none-yours"
    turn.say(
        Message(
            title=w("class-list-title"),
            text=w("class-list-text", n=len(mine)) if mine else w(none),
            choices=tuple(
                run_choice(w("class-button", n=pupils, name=name), "classe", key)
                for key, name, pupils in mine[:SHOWN]
            ),
            note=w("class-how") if whole and mine else None,
        )
    )


# --- who is in it ---------------------------------------------------------------------------------


def _change(turn: Turn, typed: str, sign: str, people: str) -> None:
    """Put people into a class, as what their role here says, or take them out."""
    programme, found = turn.programme, named(typed)
    if found is None:
        turn.text("class-bad-name")
        return
    key, name = found
    known = turn.uow.classes.places(programme.id, key)
    name = known[0].name if known else name
    unknown = []
    for words in filter(None, (one.strip() for one in re.split(r"[,;\n]", people))):
        person = turn.uow.people.find(words, programme.id)
        role = _role(turn, person) if person is not None else None
        if person is None or (role is None and sign == "+"):
            unknown.append(words)
        elif sign == "-":
            if turn.uow.classes.take(programme.id, key, person.id):
                turn.note("class-left", "person", person.id)
        elif turn.uow.classes.put(programme.id, key, name, person.id, role or "pupil"):
            turn.note("class-joined", "person", person.id, role=role)
    if unknown:
        turn.text("class-unknown", names=", ".join(unknown))
    if turn.uow.classes.places(programme.id, key):
        _show(turn, key)
    elif not unknown:
        turn.text("class-empty")


def _role(turn: Turn, person: Person) -> str | None:
    """As what somebody is in a class: a teacher by role, a pupil by taking part."""
    roles = turn.uow.people.roles(person.id, turn.programme.id)
    return "teacher" if "teacher" in roles else "pupil" if "mentee" in roles else None


# --- as it stands ---------------------------------------------------------------------------------


def _show(turn: Turn, typed: str) -> None:
    places = access.school_class(turn, key_of(typed))
    w, programme = turn.w, turn.programme
    of = {place.person_id: place.role for place in places}
    here = turn.uow.classes.people(programme.id, of)
    pupils = [person for person in here if of[person.id] == "pupil"]
    ids = [person.id for person in pupils]
    asked = turn.uow.classes.requests(programme.id, ids)
    pairs = turn.uow.classes.pairs(programme.id, ids)
    over = turn.uow.kept.over([pair.id for some in pairs.values() for pair in some], turn.now)
    lines = []
    for pupil in pupils:
        turn.read("class", pupil.id)
        theirs = pairs.get(pupil.id, [])
        held = [one for pair in theirs for one in over.get(pair.id, [])]
        said = [_step(turn, pupil, asked.get(pupil.id), theirs), *_meetings(turn, theirs, held)]
        lines.append(Line(label=pupil.name or f"#{pupil.id}", text=" · ".join(said)))
    teachers = [person.name or "—" for person in here if of[person.id] == "teacher"]
    for begin in range(0, max(len(lines), 1), SHOWN):
        turn.say(
            Message(
                title=w("class-title", name=places[0].name),
                text=w(
                    "class-text",
                    n=len(pupils),
                    teachers=w.all(teachers) if teachers else w("class-is-untaught"),
                ),
                lines=tuple(lines[begin : begin + SHOWN]),
                note=w("class-facts"),
            )
        )


def _step(turn: Turn, pupil: Person, request: Request | None, pairs: Sequence[Pair]) -> str:
    """How far a pupil has got, in words."""
    w = turn.w
    if "storage" not in turn.uow.people.consents(pupil.id, turn.programme.id):
        return w("class-is-absent")
    if minors.missing(turn, pupil, turn.programme) is not None:
        return w("class-is-waiting")
    if any(pair.state in ("active", "paused") for pair in pairs):
        return w("class-is-paired")
    if request is not None and request.state != "matched":
        return w("class-is-asked", state=w(f"export-request-{request.state}"))
    return w("class-is-over") if pairs else w("class-is-new")


def _meetings(turn: Turn, pairs: Sequence[Pair], over: Sequence[Held]) -> list[str]:
    """The next date, and how many meetings took place or did not."""
    w = turn.w
    zone = turn.zone(turn.me, turn.programme)
    coming = [
        meeting
        for pair in pairs
        if pair.state in ("active", "paused")
        and (meeting := meetings.coming(turn, pair, zone)) is not None
    ]
    said = []
    if coming:
        first = min(coming, key=lambda meeting: meeting.starts_at)
        said.append(w("class-is-next", when=meetings.when(first, w)))
    counted = Counter(held.outcome for held in over)
    said.extend(
        w(f"class-met-{outcome}", n=counted[outcome]) for outcome in _OUTCOMES if counted[outcome]
    )
    return said
