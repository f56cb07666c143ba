"""An event loop whose time jumps to whatever comes next, and the clocks of a machine in it.

Three clocks, as on a real machine: the loop's own (`loop.time()`, stands still while the machine
is suspended), the one that nobody sets (`Clocks.elapsed`, goes on meanwhile), and the wall clock
(`Clocks.now`, which somebody may set wrong). `Clocks.true` is what an honest watch beside the
machine shows. This module knows nothing of the bot.
"""

from __future__ import annotations

import asyncio
import random
import selectors
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar

from typing_extensions import override

T = TypeVar("T")

_LEAST = 1e-6  # below what a float of months can tell


class NothingLeftError(AssertionError):
    """Everybody waits for something that nothing will bring about."""


class _Jump(selectors.SelectSelector):
    """Waits for nothing: the time it was to wait has passed."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    @override
    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise NothingLeftError("every task waits, and no time is set")
        if timeout > 0:
            self.now += max(timeout, _LEAST)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """asyncio's loop; only the time it waits does not pass. For one thread, without sockets."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)
        self._clock_resolution = _LEAST

    @override
    def time(self) -> float:
        return self._jump.now


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run it to its end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


class Clocks:
    """The clocks of one machine.

    Args:
        start: What an honest watch shows when the loop's time is 0.
    """

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._loop = asyncio.get_running_loop()
        self._suspended = 0.0
        self.wrong = timedelta()  # how far the wall clock is ahead

    def elapsed(self) -> float:
        """Seconds on the clock that nobody sets."""
        return self._loop.time() + self._suspended

    def true(self) -> datetime:
        """What an honest watch shows (UTC)."""
        return self._start + timedelta(seconds=self.elapsed())

    def now(self) -> datetime:
        """What the machine's wall clock shows (UTC): `scheduling.clock.Clock`."""
        return self.true() + self.wrong

    def suspend(self, seconds: float) -> None:
        """The machine was asleep for so long."""
        self._suspended += seconds

    def step(self, by: timedelta) -> None:
        """Somebody sets the wall clock."""
        self.wrong += by


def sometimes(rng: random.Random, mean: float) -> float:
    """A waiting time of this mean, in the unit of the mean."""
    return rng.expovariate(1 / mean)
