"""Says what is in the outbox: one sender per token at a time, at the permitted pace, at most once.

Refuses to know how one token's rows are sent (`scheduling.lane`), platforms and words.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Collection, Mapping

from scheduling.clock import Clock, elapsed
from scheduling.lane import Lane, Offer, Shared, Waking
from scheduling.meter import Meter, Silent
from scheduling.pacing import Pace
from scheduling.protocol import Protocol
from scheduling.sender import Sender
from scheduling.settling import OnParked, OnUnreachable
from scheduling.worker import Worker
from storage.unit_of_work import Database

log = logging.getLogger(__name__)


class Delivery:
    """Sends what is due, for all tokens.

    Args:
        database: Where the outbox is.
        worker: Where its statements run.
        clock: Tells what is due.
        senders: By our sending identity (`slack:T1`, `telegram:123456`).
        paced: Keep to the senders' limits; off in stories, where the platform is a fake and time
            stands still.
        times: The protocol's times.
        sole: No other process can be at work on this database (an exclusive lock says so): a lease
            that a crash left behind is taken over at once.
        on_unreachable: `(uow, row, now)`, tells staff that somebody cannot be reached any more.
        on_parked: `(uow, rows, now)`, sees to it that staff hear of what waits for them.
        waking: `(uow, row, now)`, when what its reader did not ask for may be said: now, or later.
            It was due by day; an outage, a restart or a queue may have made it night meanwhile.
        elapsed: Seconds on a clock that nobody sets; a simulation brings its own.
        held: Whether only answers to people may go now: the clock cannot be trusted.
        meter: Counts what became of what was sent.
    """

    def __init__(  # noqa: PLR0913 - keywords of the composition root
        self,
        database: Database,
        worker: Worker,
        clock: Clock,
        senders: Mapping[str, Sender],
        *,
        paced: bool = True,
        times: Protocol | None = None,
        sole: bool = False,
        on_unreachable: OnUnreachable | None = None,
        on_parked: OnParked | None = None,
        waking: Waking | None = None,
        elapsed: Callable[[], float] = elapsed,
        held: Callable[[], bool] = lambda: False,
        meter: Meter | None = None,
    ) -> None:
        if times is None:
            times = Protocol(poll=None if database.is_sqlite else 0.2)
        self._s = Shared(
            database=database,
            worker=worker,
            clock=clock,
            times=times,
            elapsed=elapsed,
            held=held,
            sole=sole,
            on_unreachable=on_unreachable,
            on_parked=on_parked,
            waking=waking,
            meter=meter or Silent(),
            owner=uuid.uuid4().hex,
            wake=self.wake,
        )
        self._paced = paced
        self._group: asyncio.TaskGroup | None = None
        self._over = asyncio.Event()
        self._lanes = {account: self._lane(account, sender) for account, sender in senders.items()}

    def _lane(self, account: str, sender: Sender) -> Lane:
        pace = Pace(sender.limits, self._s.elapsed) if self._paced else None
        return Lane(account, sender, self._s, pace)

    @property
    def accounts(self) -> frozenset[str]:
        """The tokens there are lanes for."""
        return frozenset(self._lanes)

    def add(self, account: str, sender: Sender) -> None:
        """Send with one more token from now on."""
        lane = self._lanes[account] = self._lane(account, sender)
        if self._group is not None:
            self._group.create_task(lane.run())

    async def remove(self, account: str) -> None:
        """Send no more with this token; what is in flight is finished first."""
        lane = self._lanes.get(account)
        if lane is not None:
            await lane.stop()
            del self._lanes[account]

    def wake(self, accounts: Collection[str] | None = None) -> None:
        """Something was queued: look now. Call after the commit, on the event loop.

        Args:
            accounts: For these tokens (`uow.outbox.touched`); None: perhaps for any.
        """
        for account, lane in self._lanes.items():
            if accounts is None or account in accounts:
                lane.wake()

    def offer(self, bot_account: str) -> Offer | None:
        """Let a turn claim in its own transaction what it says; None: it had better only wake us.

        Call on the event loop, and `close` what is returned there, whatever became of the turn.

        Args:
            bot_account: The token the turn answers with.
        """
        lane = self._lanes.get(bot_account)
        return lane.offer() if lane is not None else None

    async def run(self) -> None:
        """Send until `stop`."""
        watch = asyncio.create_task(self._watch()) if self._s.times.poll is not None else None
        self._over.clear()
        try:
            async with asyncio.TaskGroup() as self._group:
                for lane in self._lanes.values():
                    self._group.create_task(lane.run())
                await self._over.wait()
        finally:
            self._group = None
            if watch is not None:
                watch.cancel()

    async def _watch(self) -> None:
        """Look for what other processes queued: one look for all tokens that are ours."""
        while True:
            await asyncio.sleep(self._s.times.poll or 0.0)
            ours = [lane for lane in self._lanes.values() if lane.holding]
            if not ours:
                continue
            try:
                due = await self._s.worker.run(self._due)
            except Exception as error:  # the database is away: the lanes say so, too
                log.error("look failed error=%s", type(error).__name__)  # noqa: TRY400
                continue
            for lane in ours:
                if lane.account in due:
                    lane.wake()

    def _due(self) -> frozenset[str]:
        with self._s.database.unit_of_work() as uow:
            return uow.sending.due_accounts(self._s.clock.now())

    async def drain(self) -> None:
        """Send everything due now and return when nothing more is due, in flight or in doubt."""
        while True:
            before = sum(lane.claims for lane in self._lanes.values())
            for lane in tuple(self._lanes.values()):
                await lane.drain()
            if sum(lane.claims for lane in self._lanes.values()) == before:
                return  # nothing went from one token to another meanwhile

    async def stop(self) -> None:
        """Finish what is in flight, write it down, give the leases back."""
        await asyncio.gather(*(lane.stop() for lane in self._lanes.values()))
        self._over.set()

    def holds(self, bot_account: str) -> bool:
        """Whether this process is the one that sends (and, for Telegram, polls) with this token."""
        lane = self._lanes.get(bot_account)
        return lane is not None and lane.safe()
