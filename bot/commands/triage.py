"""« À voir en premier »: whom the team looks at first, with the reasons, and what it weighs.

Staff of the programme only, in private: the reasons quote answers, so whoever is shown them is
noted as having read the reports they come from. No figure is shown, and nobody is ever told their
own place. What staff do about somebody's place is in `triage_person`.

Source: E-08, E-09; what peers' users ask for, 6 and 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.commands import triage_person
from bot.commands.registry import command
from bot.dialogues import run_choice
from bot.exporter import write_csv
from bot.messages import File, Line, Message
from bot.triage import words
from bot.triage.gather import Seen, everybody
from bot.turn import Turn
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
        _file(turn)
    elif args.startswith("~") and (page := number(args[1:])) is not None:
        said = _page(turn, page)
        if not turn.replace(said):
            turn.say(said)
    elif args.strip():
        triage_person.about(turn, args.strip())
    else:
        turn.say(_page(turn, 1))


def _page(turn: Turn, wanted: int) -> Message:
    w, programme = turn.w, turn.programme
    every = everybody(turn.uow, programme, turn.now)
    if not every:
        return Message(
            w("triage-nobody"), quiet=(run_choice(w("triage-see-weights"), "a-voir", "poids"),)
        )
    pages = -(-len(every) // SHOWN)
    page = min(max(wanted, 1), pages)
    shown = every[(page - 1) * SHOWN : page * SHOWN]
    teller = triage_person.teller(turn, shown)
    lines = tuple(
        Line(
            label=" · ".join([one.member.name or "—", *triage_person.standing(turn, one)]),
            text="\n".join(_reasons(turn, teller.all(one.entry.signs))),
            choice=run_choice(w("triage-open-one"), "a-voir", str(one.member.id)),
        )
        for one in shown
    )
    _read(turn, shown)
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


def _reasons(turn: Turn, said: Sequence[str]) -> list[str]:
    rest = len(said) - REASONS
    shown = list(said[: REASONS if rest > 0 else None])
    if rest > 0:
        shown.append(turn.w("triage-more-signs", rest))
    return [f"– {one}" for one in shown]


def _read(turn: Turn, shown: Sequence[Seen]) -> None:
    turn.read_all("triage", (one.member.id for one in shown))


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


def _file(turn: Turn) -> None:
    w, programme = turn.w, turn.programme
    every = everybody(turn.uow, programme, turn.now)
    if not every:
        turn.say(Message(w("triage-nobody")))
        return
    teller = triage_person.teller(turn, every)
    content = write_csv(
        ("number", "name", "follow_up", "correction", "until", "reasons"),
        (
            (
                one.member.id,
                one.member.name or "—",
                w(f"triage-level-{one.level}"),
                triage_person.position(turn, one),
                one.entry.correction.until if one.entry.correction else None,
                " ; ".join(teller.all(one.entry.signs)),
            )
            for one in every
        ),
    )
    _read(turn, every)
    turn.note("exported", "a-voir", None, rows=len(every))
    turn.say(
        Message(
            w("staff-export-done", n=len(every)), file=File(f"{programme.id}-a-voir.csv", content)
        )
    )
