"""Asks a platform what became of messages that may have arrived, until it can tell or never will.

It knows one token's sender and its doubtful rows; not the outbox, the lease or the pace. What it
finds out goes to whoever settles.

Source: delivery protocol, "Crash points", R.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from scheduling.clock import Clock
from scheduling.meter import Meter, Silent
from scheduling.sender import Claimed, Doubtful, Outcome, Sender
from scheduling.settling import GivenBack, Result
from scheduling.silence import Silence
from storage.crash import point
from storage.sending import Taken

log = logging.getLogger(__name__)

MAX_LOOKS = 60  # then nobody can tell, and staff decide
LONG_AGO = 15.0  # seconds after which a platform's history lags no more


class LookUps:
    """The rows of one token of which nobody can tell yet whether they arrived.

    Args:
        sender: Who can ask its platform.
        silence: Whether the platform answers at all.
        margin: Seconds after its deadline for which a send may still arrive: no look before.
        clock: Tells how long ago that was.
        meter: Counts what was found.
        found: Takes each result.
    """

    def __init__(
        self,
        sender: Sender,
        silence: Silence,
        margin: float,
        clock: Clock,
        meter: Meter | Silent,
        found: Callable[[Result], None],
    ) -> None:
        self._sender = sender
        self._silence = silence
        self._margin = margin
        self._clock = clock
        self._meter = meter
        self._found = found
        self._tasks: set[asyncio.Task[None]] = set()
        self.rows: dict[int, Taken] = {}

    def begin(self, rows: Sequence[Taken]) -> None:
        """Look these up; their chats wait for it, and old ones not for the new."""
        old = [row for row in rows if self._ago(row) >= LONG_AGO]
        for some in (old, [row for row in rows if row not in old]):
            if some:
                self.rows.update({row.id: row for row in some})
                task = asyncio.create_task(self._look(some), name="look-up")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def drop(self) -> None:
        """Leave all of them to the next start, which finds them claimed and asks itself."""
        for task in self._tasks:
            task.cancel()
        self.rows.clear()

    async def _look(self, rows: Sequence[Taken]) -> None:
        since = min(map(self._ago, rows))
        delay, looks = min(max(self._margin - since, 0.0), self._margin), 0
        while looks < MAX_LOOKS:
            await asyncio.sleep(delay)
            await self._silence.turn()
            looks += not self._silence.away  # nobody there to tell: no look at all
            found = await self._ask(rows, max(looks, 1))
            again: list[Taken] = []
            delay, there = 0.0, False
            for row in rows:
                outcome = found.get(row.id, Doubtful("no look-up"))
                if isinstance(outcome, Doubtful) and outcome.look_again is not None:
                    there |= outcome.there
                    again.append(row)
                    delay = max(delay, outcome.look_again)
                else:
                    self._settle(row, Result(row, outcome, looked=True))
            self._silence.note(answered=there or len(again) < len(rows))
            if not again:
                return
            rows = again
        for row in rows:
            self._settle(row, Result(row, Doubtful("no look-up"), looked=True, hold=True))

    def _ago(self, row: Taken) -> float:
        return (self._clock.now() - row.send_deadline).total_seconds()

    async def _ask(self, rows: Sequence[Taken], look: int) -> Mapping[int, Outcome]:
        point("in_recover")
        try:
            return await self._sender.reconcile([Claimed.of(row) for row in rows])
        except Exception as error:  # the platform is away: ask again
            log.warning("look-up raised rows=%s error=%s", len(rows), type(error).__name__)
            again = Doubtful("look-up failed", look_again=min(2.0**look, 60.0))
            return {row.id: again for row in rows}

    def _settle(self, row: Taken, result: Result) -> None:
        self.rows.pop(row.id, None)
        if not isinstance(result.outcome, GivenBack):
            self._meter.looked_up(row.bot_account, row.op, result.outcome)
        self._found(result)
