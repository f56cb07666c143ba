"""Counting requests as they are made, by the answers that the programme file names (A-26).

Only counts are kept, by month: nobody's answers can be read in them. A correction moves what it
changes. What is done with the figures this module does not know.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from bot.programmes.schema import Intake
from bot.rhythm import to_local
from bot.turn import Turn
from storage.tables import Request


def count(
    turn: Turn,
    intake: Intake,
    request: Request,
    answers: Mapping[str, object],
    before: Mapping[str, object] | None = None,
) -> None:
    """Count a request, or move it when its answers were corrected.

    Args:
        turn: Whose request; of its programme.
        intake: What was asked.
        request: It; counted in the month in which it was made, in the programme's zone.
        answers: What was answered now.
        before: What had been answered when it was counted, if it was.
    """
    changes = Counter({("", ""): 1} if before is None else {})
    changes.update(_answers(intake, answers))
    changes.subtract(_answers(intake, before) if before is not None else ())
    made = to_local(request.created_at, turn.programme.zone).date()
    turn.uow.numbers.count(turn.programme.id, made.replace(day=1), changes)


def _answers(intake: Intake, answers: Mapping[str, object]) -> list[tuple[str, str]]:
    """Question and option of each counted answer; an empty option where there is none."""
    found = []
    for name in intake.counted:
        given = answers.get(name)
        options = [str(one) for one in given] if isinstance(given, (list, tuple)) else [given]
        found += [(name, str(one or "")) for one in options or [None]]
    return found
