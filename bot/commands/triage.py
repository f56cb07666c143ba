"""« À voir en premier »: whom the team looks at first, with the reasons, and what it weighs.

Staff of the programme only, in private: the reasons quote answers, so whoever is shown them is
noted as having read of them. Where many are followed, the order is worked out beside the turns, in
a thread (`bot.aside`), and so are the sentences of the file; either comes a moment later. No figure
is shown, and nobody is ever told their own place. What staff do about it is in `triage_person`.

Source: E-08, E-09; what peers' users ask for, 6 and 7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from bot import access
from bot.aside import Answer, Next, Work, asker, beside, put, reply
from bot.commands import triage_person
from bot.commands.registry import command
from bot.dialogues import run_choice
from bot.exporter import write_csv
from bot.i18n import Words
from bot.messages import File, Line, Message
from bot.triage import gather, words
from bot.triage.gather import Seen, everybody, read
from bot.triage.room import Reader, Room
from bot.triage.words import Teller, people_in
from bot.turn import Scene, Turn
from storage.timers import DueTimer
from storage.words import number

SHOWN: Final = 6  # people on a page, each with a button
REASONS: Final = 4  # of each, in the list; their page has all
_WEIGHTS: Final = frozenset({"poids", "weights"})
_FILE: Final = frozenset({"fichier", "file", "csv"})


@command("a-voir", alias="triage", who="staff", where="private")
def a_voir(turn: Turn, args: str) -> None:
    """Whom to look at first; with a number or a name, one person; `poids`, `fichier`."""
    first = args.split(maxsplit=1)[0].lower() if args.strip() else ""
    if first in _WEIGHTS:
        turn.say(_weights(turn))
    elif first in _FILE:
        _list(turn, None)
    elif args.startswith("~") and (page := number(args[1:])) is not None:
        _list(turn, page, instead=True)
    elif args.strip():
        triage_person.about(turn, args.strip())
    else:
        _list(turn, 1)


def _list(turn: Turn, page: int | None, *, instead: bool = False) -> None:
    """A page of the list, or all of it as a file; a little later where many are followed.

    Args:
        turn: Whose.
        page: Which; None: the file.
        instead: Of the page that was pressed, where that can be changed.
    """
    if turn.uow.triage.followed(turn.programme.id) > gather.AT_ONCE:
        put(turn, "triage-list", turn.me.id, page=page)
        said = Message(turn.w("triage-wait"))
    else:
        said = _shown(turn, everybody(turn.uow, turn.programme, turn.now), page)
    if not (instead and turn.replace(said)):
        turn.say(said)


@beside("triage-list")
def order(scene: Scene, timer: DueTimer) -> Work | None:
    """Read what is known, for whoever asked and may still know it; weigh it in a thread."""
    if asker(scene, timer) is None:
        return None
    known = read(scene.uow, scene.programme_of(timer.payload["programme"]), scene.now)

    def work() -> Answer | Next:
        every = known.weighed()
        if every and timer.payload["page"] is None:
            return Next(lambda later: _write(later, timer, every))
        return lambda later: _told(later, timer, every)

    return work


def _told(scene: Scene, timer: DueTimer, every: Sequence[Seen]) -> None:
    person = asker(scene, timer)
    if person is None:
        return
    programme = scene.programme_of(timer.payload["programme"])
    room = Room(scene, programme, person)
    there = scene.uow.people.names(one.member.id for one in every)  # nobody erased meanwhile
    said = _shown(room, [one for one in every if one.member.id in there], timer.payload["page"])
    reply(scene, timer, lambda _: said)


def _write(scene: Scene, timer: DueTimer, every: Sequence[Seen]) -> Work | None:
    """Read the names that the sentences need; the file is written in a thread."""
    person = asker(scene, timer)
    if person is None:
        return None
    programme = scene.programme_of(timer.payload["programme"])
    w = scene.words(person, programme)
    names = _names(scene, every)
    room = Room(scene, programme, person)
    there = _others(room, [one for one in every if one.member.id in names])

    def work() -> Answer:
        content = _content(w, Teller(programme, w, names), there)
        return lambda later: _written(later, timer, there, names, content)

    return work


def _written(
    scene: Scene, timer: DueTimer, every: Sequence[Seen], names: Mapping[int, str], content: bytes
) -> None:
    """The file as it was written; anew if somebody it names was erased meanwhile."""
    person = asker(scene, timer)
    if person is None:
        return
    programme = scene.programme_of(timer.payload["programme"])
    room = Room(scene, programme, person)
    now = _names(scene, every)
    if now.keys() != names.keys():
        every = [one for one in every if one.member.id in now]
        content = _content(room.w, Teller(programme, room.w, now), every)
    said = _file(room, every, content)
    reply(scene, timer, lambda _: said)


def _names(scene: Scene, every: Sequence[Seen]) -> dict[int, str]:
    """Whoever is in the list and its reasons, and still here."""
    names = scene.uow.people.names
    others = people_in(sign for one in every for sign in one.entry.signs)
    return {**names(one.member.id for one in every), **names(others)}


def _others(room: Reader, every: Sequence[Seen]) -> list[Seen]:
    """Without the reader and their own mentees: these speak to the team in confidence."""
    own = access.close_to(room, room.me.id)
    return [one for one in every if one.member.id not in own]


def _shown(room: Reader, every: Sequence[Seen], page: int | None) -> Message:
    w = room.w
    every = _others(room, every)
    if not every:
        weights = run_choice(w("triage-see-weights"), "a-voir", "poids")
        return Message(w("triage-nobody"), quiet=() if page is None else (weights,))
    if page is None:
        return _file(room, every, _content(w, triage_person.teller(room, every), every))
    return _page(room, every, page)


def _page(room: Reader, every: Sequence[Seen], wanted: int) -> Message:
    w = room.w
    pages = -(-len(every) // SHOWN)
    page = min(max(wanted, 1), pages)
    shown = every[(page - 1) * SHOWN : page * SHOWN]
    teller = triage_person.teller(room, shown)
    lines = tuple(
        Line(
            label=" · ".join([one.member.name or "—", *triage_person.standing(room, one)]),
            text="\n".join(_reasons(room, triage_person.reasons(w, teller, one))),
            choice=run_choice(w("triage-open-one"), "a-voir", str(one.member.id)),
        )
        for one in shown
    )
    _read(room, shown)
    before = run_choice(w("directory-before"), "a-voir", f"~{page - 1}")
    after = run_choice(w("directory-after"), "a-voir", f"~{page + 1}")
    return Message(
        title=w("triage-title"),
        text=w("triage-text", len(every)),
        lines=lines,
        choices=(*((before,) if page > 1 else ()), *((after,) if page < pages else ())),
        quiet=(
            run_choice(w("triage-see-weights"), "a-voir", "poids"),
            run_choice(w("triage-see-file"), "a-voir", "fichier"),
        ),
        note=(w("directory-page", page=page, pages=pages) + " · " if pages > 1 else "")
        + w("triage-made-of"),
        notice=w("triage-title"),
    )


def _reasons(room: Reader, said: Sequence[str]) -> list[str]:
    w, rest = room.w, len(said) - REASONS
    shown = list(said[: REASONS if rest > 0 else None])
    if rest > 0:
        shown.append(w("triage-more-signs", rest))
    return [f"– {one}" for one in shown]


def _read(room: Reader, shown: Sequence[Seen]) -> None:
    room.note_reads("triage", ((room.me.id, one.member.id) for one in shown), room.programme)


def _weights(turn: Turn) -> Message:
    w, programme = turn.w, turn.programme
    rules = programme.triage
    return Message(
        title=w("triage-weights-title"),
        text=w("triage-weights-text") + "\n" + words.silence(programme, w),
        lines=words.weights(programme, w),
        note=w(
            "triage-weights-note",
            recent=rules.recent_days,
            correction=rules.correction_days,
            help=rules.help_days,
        ),
    )


def _content(w: Words, teller: Teller, every: Sequence[Seen]) -> bytes:
    return write_csv(
        ("number", "name", "follow_up", "correction", "until", "reasons"),
        (
            (
                one.member.id,
                one.member.name or "—",
                w(f"triage-level-{one.level}"),
                triage_person.position(w, one),
                one.entry.correction.until if one.entry.correction else None,
                " ; ".join(triage_person.reasons(w, teller, one)),
            )
            for one in every
        ),
    )


def _file(room: Reader, every: Sequence[Seen], content: bytes) -> Message:
    _read(room, every)
    room.uow.people.note(
        "exported", "a-voir", None, actor_id=room.me.id, now=room.now, rows=len(every)
    )
    file = File(f"{room.programme.id}-a-voir.csv", content)
    return Message(room.w("staff-export-done", n=len(every)), file=file)
