"""The only place that asks what time it is, and the alarm that makes things happen at all.

Everything else gets `now` as an argument. The ticker wakes functions up; what is due, and whether
it was done, is in the database: the ticker forgets everything with the process, on purpose.

Source: delivery protocol; quality, traps 1 and 8 (a scheduler must not own the calendar; a faked
clock must leave the monotonic one alone).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from typing_extensions import override


class Clock(Protocol):
    """Tells the time of day."""

    def now(self) -> datetime:
        """This instant, aware, UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """This instant, aware, UTC."""
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands still until it is moved: for tests and stories.

    Args:
        at: What it shows; any zone.

    Raises:
        ValueError: `at` is naive.
    """

    def __init__(self, at: datetime) -> None:
        self.set(at)

    def now(self) -> datetime:
        """What it shows, UTC."""
        return self._at

    def set(self, at: datetime) -> None:
        """Show this instant from now on.

        Raises:
            ValueError: `at` is naive.
        """
        if at.tzinfo is None:
            raise ValueError("naive datetime")
        self._at = at.astimezone(UTC)

    def advance(self, by: timedelta) -> None:
        """Move on; backwards if negative."""
        self.set(self.now() + by)


class DemoClock(FixedClock):
    """A clock that runs like any other, from wherever it is set to: for the demo.

    Args:
        at: What it shows at first; by default the real time.
    """

    def __init__(self, at: datetime | None = None) -> None:
        super().__init__(at or SystemClock().now())

    @override
    def now(self) -> datetime:
        return self._at + timedelta(seconds=time.monotonic() - self._since)

    @override
    def set(self, at: datetime) -> None:
        super().set(at)
        self._since = time.monotonic()


def elapsed() -> float:
    """Seconds on a clock that nobody sets, and that goes on while the machine is suspended.

    Leases are measured with it: one that ignored a suspended laptop would outlive itself.
    """
    boottime = getattr(time, "CLOCK_BOOTTIME", None)  # Linux
    return time.monotonic() if boottime is None else time.clock_gettime(boottime)


class Ticker:
    """APScheduler as an alarm clock: every so many seconds, in this process, nothing remembered.

    A call that takes longer than its period is not started twice; calls missed meanwhile, or while
    the machine slept, become one, however late.
    """

    def __init__(self) -> None:
        self._stopping = False
        self._scheduler = AsyncIOScheduler(
            jobstores={"default": MemoryJobStore()},
            timezone=UTC,
            job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None},
        )

    def every(self, seconds: float, call: Callable[[], Awaitable[object]], name: str) -> None:
        """Call this now and then.

        Args:
            seconds: The period.
            call: Awaited; what it raises is logged, and it is called again at the next tick.
            name: Unique; for the log.
        """

        async def tick() -> None:
            under_way = asyncio.ensure_future(call())
            try:
                await asyncio.shield(under_way)
            except asyncio.CancelledError:
                if not self._stopping:
                    raise
                under_way.add_done_callback(_seen)

        self._scheduler.add_job(tick, "interval", seconds=seconds, id=name, name=name)

    def start(self) -> None:
        """Begin, on the running event loop."""
        self._scheduler.start()

    def stop(self) -> None:
        """Stop ticking; a call under way goes on, though the scheduler would cancel it."""
        self._stopping = True
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)


def _seen(task: asyncio.Future[object]) -> None:
    """Nobody waits any more for what becomes of it."""
    if not task.cancelled():
        task.exception()
