"""What will happen if nobody does anything: the real follow-up, played on a copy in memory.

Nothing is computed here a second time. Timers fire as they do in `scheduling.timers`, what they
write leaves the outbox as the delivery would let it, and the clock goes from one due thing to the
next. The platforms are taken to answer at once and to accept everything. This module does not know
what a timer means nor what a message says, and never sees the real database.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from scheduling.clock import FixedClock
from scheduling.timers import MAX_CHUNKS, Fire, Timers
from scheduling.worker import Worker
from storage.copy import Row, depart, let_go, lighten, next_departure
from storage.unit_of_work import Database

MAX_STEPS = 500_000
"""Instants at which something happens; a quarter of ten thousand people has some thousands."""


class Abandoned(Exception):
    """It was asked to stop, or would never have ended."""


def rehearse(
    copy: Database,
    fire: Fire,
    now: datetime,
    until: datetime,
    *,
    stop: Callable[[], bool] = lambda: False,
) -> list[Row]:
    """Play a copy from now on.

    Args:
        copy: Of `storage.copy`; changed, and nobody else's.
        fire: What a due timer means, to a bot of the copy's own.
        now: When the copy was made (UTC).
        until: The last instant (UTC).
        stop: Asked between two steps.

    Returns:
        What was said, in order, that on the wire at the beginning left out.

    Raises:
        Abandoned: `stop` said so, or there is no end to what is due.
    """
    lighten(copy)
    timers = Timers(copy, Worker(copy), FixedClock(now), fire)
    with copy.unit_of_work() as uow:
        let_go(uow)
        uow.commit()
    said: list[Row] = []
    at: datetime | None = now
    for _ in range(MAX_STEPS):
        if at is None or at > until:
            return said
        for _ in range(MAX_CHUNKS):
            if stop():
                raise Abandoned
            if not timers.chunk(at)[0]:
                break
        with copy.unit_of_work() as uow:
            said += depart(uow, at)
            steps = uow.timers.next_due(at), next_departure(uow, at)
            uow.commit()
        at = min((step for step in steps if step is not None), default=None)
    raise Abandoned
