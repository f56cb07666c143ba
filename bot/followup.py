"""What a due timer means.

A timer never sends: it becomes outbox rows and the next timer, in one transaction, so exactly once.
The flows register what each kind means; this module only dispatches, and plans what belongs to a
programme as a whole.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot.errors import NotAllowed, NotRunHere
from bot.turn import Scene
from storage.timers import DueTimer
from storage.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from bot.bot import Bot

log = logging.getLogger(__name__)
AWAY_DAYS = 1  # a timer of a programme that is not run here asks again after that long

Meaning = Callable[[Scene, DueTimer], None]
MEANINGS: dict[str, Meaning] = {}
PLANNERS: list[Callable[[Scene], None]] = []
LAST: list[Callable[[Scene], None]] = []


def due(kind: str) -> Callable[[Meaning], Meaning]:
    """Register what a due timer of this kind means."""

    def register(run: Meaning) -> Meaning:
        MEANINGS[kind] = run
        return run

    return register


def planner(run: Callable[[Scene], None]) -> Callable[[Scene], None]:
    """Register what plans a programme's own timers.

    Called at start and after a reload, any number of times.
    """
    PLANNERS.append(run)
    return run


def at_last(run: Callable[[Scene], None]) -> Callable[[Scene], None]:
    """Register what looks at the end of each transaction at what has changed in it."""
    LAST.append(run)
    return run


def conclude(scene: Scene) -> None:
    """The cause has had its effect: what follows from it whatever it was."""
    for run in LAST:
        run(scene)


def fire(bot: Bot, uow: UnitOfWork, timer: DueTimer, now: datetime) -> None:
    """Turn one due timer into what it means, inside the caller's transaction."""
    meaning = MEANINGS.get(timer.kind)
    if meaning is None:
        log.warning("a timer of an unknown kind was dropped", extra={"kind": timer.kind})
        return
    try:
        with uow.savepoint():  # given up half-way means: nothing of it happened
            scene = Scene(bot, uow, now)
            meaning(scene, timer)
            conclude(scene)
    except NotRunHere:
        # Its programme is missing from the settings, perhaps for a day: nothing is given up.
        uow.timers.again(timer, now + timedelta(days=AWAY_DAYS))
        log.info("a timer waits for its programme", extra={"kind": timer.kind})
    except NotAllowed as gone:  # what it was about was erased
        log.info("a timer lost its subject", extra={"kind": timer.kind, "why": gone.message})


def plan(bot: Bot, uow: UnitOfWork, now: datetime) -> None:
    """See to it that every programme's own timers are in the store."""
    scene = Scene(bot, uow, now)
    for run in PLANNERS:
        run(scene)
