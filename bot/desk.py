"""The team's desk: what waits, and the programme's figures, for those whose roles may read them.

A few lines in the menu, the tables on Slack's App Home; both are worked out when they are opened,
by a number of statements that does not grow. The figures are those of `statistiques` and of nobody
else: who may not read that verb in a programme sees none of them there. What is a person's own,
this module does not know.

Source: A-15, A-26, X-14.
"""

from __future__ import annotations

from typing import Final

from bot.commands import outcomes, statistics
from bot.commands.registry import may
from bot.dialogues import run_choice
from bot.messages import Choice, Message
from bot.policy import policy_of
from bot.turn import Turn
from bot.word_count import FEWEST

_FIGURES: Final = "statistiques"


def lines(turn: Turn) -> list[Message]:
    """The desk in short: one message, or none for whoever has no desk."""
    w, programme = turn.w, turn.programme
    offered = (
        ("a-voir", w("desk-triage")),
        ("demandes", w("desk-requests")),
        ("binomes", w("desk-pairs")),
        *((("bilan", w("desk-reports")),) if programme.reports else ()),
        (_FIGURES, w("desk-figures")),
    )
    desk = [run_choice(label, verb) for verb, label in offered if may(turn, verb)]
    return [Message(title=w("desk-title"), text=_text(turn), choices=tuple(desk))] if desk else []


def _text(turn: Turn) -> str:
    """What waits, for who answers requests; and what came of it, for who may read the figures."""
    w, programme = turn.w, turn.programme
    answers, counts = may(turn, "demandes"), may(turn, _FIGURES)
    if not (answers or counts):
        return ""
    ever = statistics.ever(programme.zone, turn.now)
    found = turn.uow.numbers.brief(programme.id, ever.period, turn.now)
    said = []
    if answers:
        team = found.states.get("team", 0)
        said.append(w("desk-text", waiting=found.waiting.rows, team=team))
    if counts and found.waiting.oldest is not None:
        age = w("age-days", max((turn.now - found.waiting.oldest).days, 0))
        said.append(w("desk-oldest", age=age, overdue=found.overdue))
    if counts and programme.intake is not None:
        said.append(w("desk-requests-ever", requests=found.requests))
    if counts:
        said.append(w("desk-pairs-ever", begun=found.begun, going=found.going))
    return "\n".join(said)


def board(turn: Turn) -> list[Message]:
    """The figures from the first day on, as tables; meetings and reports of two quarters.

    Empty for whoever may not read them in this programme.
    """
    if not may(turn, _FIGURES):
        return []
    w, programme = turn.w, turn.programme
    ever = statistics.ever(programme.zone, turn.now)
    lately = statistics.lately(programme.zone, turn.now)
    found = turn.uow.numbers.of(
        programme.id, ever.period, lately.quarters, turn.now, met=lately.period
    )
    ended = outcomes.short(turn, programme, ever.period, w)
    shown = statistics.tables(found, programme, ended, w, turn.now, months=statistics.MONTHS)
    title = w("stats-title", name=w("desk-figures"), period=w("stats-from-first"))
    sections = [
        Message(text, title=title if number == 0 else None, table=table)
        for number, (text, table) in enumerate(shown)
    ]
    more = Message(
        w("desk-figures-more"),
        choices=(run_choice(w("desk-figures-all"), _FIGURES), *_elsewhere(turn)),
        note=w("stats-note", few=FEWEST),
    )
    return [*sections, more]


def _elsewhere(turn: Turn) -> list[Choice]:
    """The figures of other programmes in which the reader holds a role that may read them."""
    asked = policy_of(f"command:{_FIGURES}")
    return [
        run_choice(turn.w.pick(one.name), _FIGURES, f"@{one.id}")
        for one in turn.programmes.values()
        if one.id != turn.programme.id
        and turn.lives_in(one)
        and asked.admits(turn.roles_in(one.id), one)
    ]
