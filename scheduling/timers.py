"""What is due becomes messages and the next timers, in one transaction: exactly once.

Firing does no input or output but the database's. This module does not know what a kind of timer
means (the bot's follow-up is handed in as a function).

Source: delivery protocol, T0; requirement: one recipient's trouble never stops the others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from scheduling.clock import Clock
from scheduling.inbox import Wake, clash, nobody, where
from scheduling.meter import Meter, Silent
from scheduling.worker import Worker
from storage.crash import point
from storage.timers import DueTimer
from storage.unit_of_work import Database, UnitOfWork

log = logging.getLogger(__name__)

CHUNK = 50  # a transaction short enough that people need not wait for it
FIRST_DELAY = timedelta(minutes=5)
LONGEST_DELAY = timedelta(days=1)
TELL_AFTER = 5  # tries
MAX_CHUNKS = 10_000

Fire = Callable[[UnitOfWork, DueTimer, datetime], None]


class Timers:
    """Fires what is due.

    Args:
        database: Where the timers are.
        worker: Where their statements run.
        clock: The time.
        fire: What a due timer means: outbox rows and next timers. A fan-out writes one chunk and
            calls `uow.timers.again` with a cursor.
        wake: `Delivery.wake`: called after a commit, with the tokens that have something to say.
        on_stuck: `(uow, timer, now)`, tells staff of a timer that keeps failing.
        meter: Counts what fired.
    """

    def __init__(
        self,
        database: Database,
        worker: Worker,
        clock: Clock,
        fire: Fire,
        *,
        wake: Wake = nobody,
        on_stuck: Fire | None = None,
        meter: Meter | None = None,
    ) -> None:
        self._database = database
        self._worker = worker
        self._clock = clock
        self._fire = fire
        self._wake = wake
        self._on_stuck = on_stuck
        self._meter = meter or Silent()

    async def fire_due(self, now: datetime | None = None) -> int:
        """Fire everything due, in transactions of `CHUNK` timers; others' work goes in between.

        Args:
            now: UTC; by default the clock's.

        Returns:
            How many fired (a fan-out counts once per chunk).
        """
        now = now or self._clock.now()
        fired = 0
        for _ in range(MAX_CHUNKS):
            found, well, touched = await self._worker.run(self.chunk, now)
            fired += well
            if touched:
                self._wake(touched)
            if not found:
                break
        return fired

    async def next_due(self) -> datetime | None:
        """When something is due next."""
        return await self._worker.run(self._next_due, self._clock.now())

    def _next_due(self, after: datetime) -> datetime | None:
        with self._database.unit_of_work() as uow:
            return uow.timers.next_due(after)

    def chunk(self, now: datetime) -> tuple[int, int, Collection[str]]:
        """Fire the next `CHUNK` due timers in one transaction, in the caller's thread.

        Returns:
            How many were found, how many fired, and the tokens that have something to say.
        """
        with self._database.unit_of_work() as uow:
            due = uow.timers.due(now, CHUNK)
            well = [timer.kind for timer in due if self._one(uow, timer, now)]
            uow.commit()
        if due:
            point("after_t0")
        for kind in well:
            self._meter.fired(kind)
        return len(due), len(well), uow.outbox.touched

    def _one(self, uow: UnitOfWork, timer: DueTimer, now: datetime) -> bool:
        try:
            with uow.savepoint():
                uow.timers.fire(timer)
                self._fire(uow, timer, now)
        except Exception as error:  # one subject's trouble must not stop the others
            if clash(error):
                return False  # still pending: it comes with the next chunk
            self._postpone(uow, timer, now, error)
            return False
        return True

    def _postpone(self, uow: UnitOfWork, timer: DueTimer, now: datetime, error: Exception) -> None:
        tries = int(timer.payload.get("tries", 0)) + 1
        log.error(
            "timer failed timer=%s kind=%s subject=%s tries=%s error=%s\n%s",
            timer.id,
            timer.kind,
            timer.subject_id,
            tries,
            type(error).__name__,
            where(error),
        )
        delay = min(FIRST_DELAY * 2 ** min(tries - 1, 16), LONGEST_DELAY)
        uow.timers.again(timer, now + delay, {**timer.payload, "tries": tries})
        if tries == TELL_AFTER and self._on_stuck is not None:
            try:
                with uow.savepoint():
                    self._on_stuck(uow, timer, now)
            except Exception as again:  # news for staff must not undo the postponement
                kind = type(again).__name__
                log.error("could not tell staff timer=%s error=%s", timer.id, kind)  # noqa: TRY400
