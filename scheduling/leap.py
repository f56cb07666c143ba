"""A clock that leaps: what would go to many waits until staff have said that the date is right.

A wall clock set forward by a month would fire a month's prompts at once, let what waits expire and
purge what is still to be kept. The machine has a second clock that nobody sets; when the two part
by more than a day, people are still answered, and everything else waits until the clock is set back
or staff have confirmed the date. An outage is no leap: both clocks, or neither, went on.

Source: delivery protocol, section 10, "a jump of more than 25 h".
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from scheduling.clock import Clock, elapsed
from scheduling.worker import Worker
from storage.unit_of_work import Database, UnitOfWork

log = logging.getLogger(__name__)

LONGEST: Final = timedelta(hours=25)  # a day, and the hour of a clock change
STAMP_SECONDS: Final = 30.0
FORGET: Final = timedelta(days=7)
CONFIRMED: Final = "clock-confirmed"
STAMP: Final = "clock:"
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")

OnLeap = Callable[[UnitOfWork, datetime, datetime], None]


def boot() -> str:
    """Names this run of the machine; the clock that nobody sets counts from its beginning."""
    try:
        return _BOOT.read_text().strip()
    except OSError:  # no Linux: a restart is taken for an outage
        return ""


class Leap:
    """Watches the clock of this process.

    Args:
        database: Where the last look is kept, so that a leap while the process was down is seen.
        worker: Where its statements run.
        clock: The one that may be set.
        on_leap: `(uow, was, now)`: asks staff whether the date is right.
        elapsed: Seconds on a clock that nobody sets.
    """

    def __init__(
        self,
        database: Database,
        worker: Worker,
        clock: Clock,
        on_leap: OnLeap,
        elapsed: Callable[[], float] = elapsed,
    ) -> None:
        self._database = database
        self._worker = worker
        self._clock = clock
        self._on_leap = on_leap
        self._elapsed = elapsed
        self._boot = boot()
        self._at, self._since = clock.now(), elapsed()  # the last look that agreed
        self._stamped = float("-inf")
        self._asked: datetime | None = None

    def held(self) -> bool:
        """Whether the clock has leapt and nobody has said that it is right."""
        return self._clock.now() - self._expected() > LONGEST

    def _expected(self) -> datetime:
        return self._at + timedelta(seconds=self._elapsed() - self._since)

    async def start(self) -> None:
        """Compare with the last look of a process before this one, on the same boot."""
        last = await self._worker.run(self._last)
        if last is not None:
            self._at, self._since = last
        await self.look()

    async def look(self) -> bool:
        """Look at both clocks; ask staff on a leap. Whether what goes to many may go."""
        now = self._clock.now()
        if not self.held():
            if self._asked is not None and now < self._asked - LONGEST:
                log.warning("the clock was set back")
                await self._worker.run(self._back, now)
            self._asked = None
            self._agree(now)
            if self._elapsed() - self._stamped >= STAMP_SECONDS:
                await self._worker.run(self._stamp, now)
                self._stamped = self._elapsed()
            return True
        if self._asked is None or now - self._asked > LONGEST:
            log.error("the clock has leapt: what goes to many waits")
            await self._worker.run(self._ask, now)
            self._asked = now
        elif await self._worker.run(self._confirmed, now):
            log.warning("the date was confirmed")
            self._agree(now)
            self._asked = None
        return not self.held()

    def _agree(self, now: datetime) -> None:
        self._at, self._since = now, self._elapsed()

    # --- in the worker ------------------------------------------------------------------------

    def _last(self) -> tuple[datetime, float] | None:
        with self._database.unit_of_work() as uow:
            memo = uow.memos.get(STAMP + self._boot)
        return None if memo is None else (memo.at, float(memo.detail["elapsed"]))

    def _stamp(self, now: datetime) -> None:
        with self._database.unit_of_work() as uow:
            uow.memos.put(STAMP + self._boot, now, {"elapsed": self._elapsed()})
            uow.memos.forget_old(STAMP, now - FORGET)
            uow.commit()

    def _ask(self, now: datetime) -> None:
        with self._database.unit_of_work() as uow:
            self._on_leap(uow, self._expected(), now)
            uow.commit()

    def _confirmed(self, now: datetime) -> bool:
        with self._database.unit_of_work() as uow:
            memo = uow.memos.get(CONFIRMED)
        return memo is not None and abs(now - memo.at) <= LONGEST

    def _back(self, now: datetime) -> None:
        """What was to be said "now" by the wrong clock is to be said now."""
        with self._database.unit_of_work() as uow:
            uow.outbox.no_longer_in_the_future(now)
            uow.commit()
