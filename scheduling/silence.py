"""Whether a platform is there at all: while it is not, one call at a time asks.

An hour of 5xx must not put a thousand messages in doubt, nor be answered by a storm of look-ups:
after a few calls in a row without an answer, one call at a time finds out whether somebody answers
again, less and less often, and everything else waits where it is. This module calls nobody, and
knows of outcomes only whether they are an answer.

Source: quality, goal "429 and outage": at most one call per allowed slot, nothing lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from scheduling.sender import NotSent, Outcome, Sent

AWAY = 3  # calls in a row without an answer
LONGEST_PAUSE = 30.0  # seconds between two calls while nobody answers


def is_answer(outcome: Outcome) -> bool:
    """Whether the platform itself said so: no time-out, no 5xx, no failed connection."""
    if isinstance(outcome, NotSent):
        return outcome.permanent or outcome.unreachable or outcome.retry_after is not None
    return isinstance(outcome, Sent)


class Silence:
    """How long nobody has answered.

    Args:
        elapsed: Seconds on a clock that nobody sets.
    """

    def __init__(self, elapsed: Callable[[], float]) -> None:
        self._elapsed = elapsed
        self._unanswered = 0
        self._next = 0.0
        self._back = asyncio.Event()

    @property
    def away(self) -> bool:
        """Whether nobody is there."""
        return self._unanswered >= AWAY

    def note(self, *, answered: bool) -> None:
        """A call ended."""
        if answered:
            self._unanswered = 0
            self._back.set()
            return
        self._unanswered += 1
        self._back.clear()
        self._next = max(self._next, self._elapsed() + self._pause())

    def _pause(self) -> float:
        return min(2.0 ** max(self._unanswered - AWAY, 0), LONGEST_PAUSE)

    def wait(self) -> float:
        """Seconds until somebody may ask; 0 for now, and while all is well."""
        return max(0.0, self._next - self._elapsed()) if self.away else 0.0

    def take(self) -> None:
        """This one asks now: the next one waits."""
        if self.away:
            self._next = self._elapsed() + self._pause()

    async def turn(self) -> None:
        """Wait until the platform is there, or it is one's turn to ask whether it is."""
        while wait := self.wait():
            try:
                async with asyncio.timeout(wait):
                    await self._back.wait()
            except TimeoutError:
                pass
        self.take()
