"""One token's rows: lease, claim, send, settle, recover, one step after the other.

The intent is committed before the wire and the result after it; what was in flight at a crash is
looked up, never sent again blindly. No database transaction is open while a platform is called.
Only the chats concerned wait for a look-up, not the whole token: after a crash everybody else is
answered at once, although the platform's history may take seconds to tell.

Refuses to know other tokens, and words.

Source: delivery protocol, "Outbound, transaction by transaction" and "Crash points".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pydantic import ValidationError

from scheduling.clock import Clock
from scheduling.lookups import LookUps
from scheduling.meter import Meter, Silent
from scheduling.pacing import Pace
from scheduling.protocol import Protocol
from scheduling.sender import Claimed, Doubtful, NotSent, Outcome, Sender
from scheduling.settling import (
    REPEATABLE,
    GivenBack,
    OnParked,
    OnUnreachable,
    Result,
    settle,
    too_soon,
)
from scheduling.silence import Silence, is_answer
from scheduling.worker import Worker
from storage.crash import point
from storage.leases import LeaseStore
from storage.sending import Taken
from storage.unit_of_work import Database, UnitOfWork

log = logging.getLogger(__name__)

Waking = Callable[[UnitOfWork, Taken, datetime], datetime]

MAX_IN_FLIGHT = 32
OFFERED = 4  # how many a turn may claim itself: its answer, and some for others
LONGEST_GATE = 0.5  # seconds a claim may wait for its turn; more, and it is given back
SHORTEST_PAUSE = 0.02  # so that a clock that stands still cannot make the loop spin


@dataclass(frozen=True, slots=True)
class Shared:
    """What all lanes of a process have in common; see `Delivery` for the meaning.

    Attributes:
        owner: Of this process's leases.
        wake: `Delivery.wake`.
    """

    database: Database
    worker: Worker
    clock: Clock
    times: Protocol
    elapsed: Callable[[], float]
    held: Callable[[], bool]
    sole: bool
    on_unreachable: OnUnreachable | None
    on_parked: OnParked | None
    waking: Waking | None
    meter: Meter | Silent
    owner: str
    wake: Callable[[Collection[str] | None], None]


@dataclass(frozen=True, slots=True)
class _Job:
    """One transaction's work: settle, recover, claim."""

    results: Sequence[Result]
    epoch: int
    renew: bool
    recover: bool
    known: frozenset[int]
    limit: int
    chats: frozenset[str]
    ops: frozenset[str]
    floor: int | None
    ask: bool


@dataclass(frozen=True, slots=True)
class _Done:
    held: bool = True
    moved: frozenset[str] = frozenset()
    adopted: Sequence[Taken] = ()
    taken: Sequence[Taken] = ()
    next_due: float | None = None
    held_up: bool = True  # something due may wait for its chat or its kind of call
    more: bool = False


class Offer:
    """What a turn may claim in its own transaction: a transaction saved for each answer.

    Nothing else is different: the claim counts only while the lease is ours, and what is claimed
    and not sent is recovered as ever.
    """

    def __init__(self, lane: Lane, job: _Job) -> None:
        self._lane = lane
        self._job = job
        self._taken: Sequence[Taken] = ()
        self._rest = True

    @property
    def limit(self) -> int:
        """How many it may be."""
        return self._job.limit

    def claim(self, uow: UnitOfWork, now: datetime) -> None:
        """In the transaction, last: claim what it says, where its turn is now."""
        account, job = self._lane.account, self._job
        self._taken = ()
        if account in uow.outbox.touched:
            self._taken = self._lane.claim(uow, job, now)
        chats = {row.chat_id for row in self._taken}
        self._rest = any(of == account and chat not in chats for of, chat in uow.outbox.fresh)

    def undone(self) -> None:
        """The transaction was not committed."""
        self._taken = ()

    def close(self, touched: Collection[str]) -> Collection[str]:
        """On the event loop: send what was claimed.

        Args:
            touched: The tokens that have something new to say.

        Returns:
            Those of them that still have to be woken.
        """
        self._lane.accept(self, self._taken)
        if not self._taken or self._rest:
            return touched
        return {account for account in touched if account != self._lane.account}


class Lane:
    """One token."""

    def __init__(self, account: str, sender: Sender, shared: Shared, pace: Pace | None) -> None:
        self.account = account
        self.claims = 0
        self._sender = sender
        self._s = shared
        self._pace = pace
        self._silence = Silence(shared.elapsed)
        self._epoch: int | None = None
        self._lease_end = self._renew_at = self._recover_at = self._quiet_until = 0.0
        self._in_flight: dict[int, Taken] = {}
        margin = shared.times.margin
        self._doubts = LookUps(
            sender, self._silence, margin, shared.clock, shared.meter, self._note
        )
        self._results: list[Result] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._gate = asyncio.Lock()  # keeps claims in order while they wait for their turn
        self._at_gate = 0
        self._full = False  # the last claim took all it was allowed to
        self._offered = 0  # how many turns under way may claim
        self._troubles = 0
        self._woken = asyncio.Event()
        self._running = self._stopping = False
        self._step = self._idle_step = 0
        self._wanted = 0  # a drain waits for this step
        self._idle = asyncio.Event()
        self._ended = asyncio.Event()

    # --- the loop ---------------------------------------------------------------------------

    def wake(self) -> None:
        """Something was queued: look now."""
        self._woken.set()

    @property
    def holding(self) -> bool:
        """Whether the lease is ours, as far as we know."""
        return self._epoch is not None

    def safe(self) -> bool:
        """Whether an answer to a call made now would still come within the lease."""
        times = self._s.times
        return self._epoch is not None and self._s.elapsed() + times.http_timeout <= self._lease_end

    async def run(self) -> None:
        """Send until `stop`."""
        self._running = True
        self._ended.clear()
        try:
            while not (self._stopping and self._settled()):
                await self._pause(await self._advance())
            await self._release()
        finally:
            self._running = False
            self._ended.set()
            self._idle.set()  # a drain must not wait for a lane that has ended

    async def drain(self) -> None:
        """Send what is due now, until nothing is in flight or in doubt."""
        self._wanted = self._step + 1  # a step under way may have looked too early
        wanted = self._wanted
        while self._idle_step < wanted and not self._stopping:
            if self._running:
                self._idle.clear()
                self.wake()
                await self._idle.wait()
            else:
                pause = await self._advance()
                if self._idle_step < wanted:
                    await self._pause(pause)

    async def stop(self) -> None:
        """Finish what is in flight, write it down, give the lease back."""
        self._stopping = True
        self._doubts.drop()
        self.wake()
        if self._running:
            await self._ended.wait()
        else:
            while not self._settled():
                await self._pause(await self._advance())
            await self._release()

    def _settled(self) -> bool:
        return not (self._in_flight or self._doubts.rows or self._results or self._offered)

    def offer(self) -> Offer | None:
        """See `Delivery.offer`."""
        if not (self._s.database.is_sqlite and self._running and self.safe()):
            return None  # elsewhere two turns at once could each claim for the same chat
        limit = min(self._room() - self._offered, OFFERED)
        if limit <= 0:
            return None
        self._offered += limit
        job = replace(self._job(self._step), limit=limit)
        return Offer(self, job)

    def accept(self, offer: Offer, rows: Sequence[Taken]) -> None:
        """An offer comes back, and what was claimed with it goes."""
        self._offered -= offer.limit
        self._go(rows)
        if self._stopping or self._wanted > self._idle_step:
            self.wake()  # somebody waits until all is settled, and this was not

    def _go(self, rows: Sequence[Taken]) -> None:
        """Say what was claimed; the claims are committed."""
        if rows:
            point("after_t1")
        for row in rows:
            self.claims += 1
            self._in_flight[row.id] = row
            self._at_gate += 1
            task = asyncio.create_task(self._send(row), name="send")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pause(self, seconds: float) -> None:
        if seconds > 0:
            try:
                async with asyncio.timeout(seconds):
                    await self._woken.wait()
            except TimeoutError:
                pass

    async def _advance(self) -> float:
        """One step: lease, settle, recover, claim; returns the seconds until the next."""
        self._step += 1
        step = self._step
        self._woken.clear()
        try:
            if self._epoch is None and not await self._acquire():
                return max(SHORTEST_PAUSE, self._s.times.ttl / 10)
            pause = await self._work(step)
        except Exception as error:  # the database is away: wait for it
            self._troubles += 1
            log.error(  # noqa: TRY400 - the text of a database error may quote parameters
                "delivery stumbled account=%s error=%s", self.account, type(error).__name__
            )
            return min(0.1 * 2.0**self._troubles, 5.0)
        self._troubles = 0
        return pause

    async def _work(self, step: int) -> float:
        job = self._job(step)
        self._results = []
        begun = self._s.elapsed()
        try:
            done = await self._s.worker.run_first(self._transact, job)
        except BaseException:
            self._results[:0] = job.results
            raise
        times = self._s.times
        if done.moved:
            self._s.wake(done.moved)
        if not done.held:
            log.warning("lease lost account=%s epoch=%s", self.account, job.epoch)
            self._epoch = None
            return 0.0
        if job.renew:
            self._lease_end, self._renew_at = begun + times.ttl, begun + times.ttl / 3
        if job.recover:
            self._recover_at = begun + times.sweep
            self._recover(done.adopted)
        self._go(done.taken)
        self._full = bool(done.taken) and len(done.taken) >= job.limit
        if not (done.taken or done.more) and self._settled():
            self._idle_step = step
            self._idle.set()
        if self._full and self._room():
            return 0.0
        return self._until_next(done)

    def _job(self, step: int) -> _Job:
        assert self._epoch is not None  # noqa: S101 - acquired by the caller
        now = self._s.elapsed()
        chats, ops, _ = self._pace.busy() if self._pace else (set(), set(), None)
        return _Job(
            results=tuple(self._results),
            epoch=self._epoch,
            renew=now >= self._renew_at,
            recover=now >= self._recover_at,
            known=frozenset(
                {*self._in_flight, *self._doubts.rows, *(result.row.id for result in self._results)}
            ),
            limit=self._room(),
            chats=frozenset(chats),
            ops=frozenset(ops),
            floor=self._sender.floor(),
            ask=self._wanted > self._idle_step,
        )

    def _room(self) -> int:
        """How many rows may be claimed now."""
        if self._stopping or self._s.elapsed() < self._quiet_until:
            return 0
        if self._silence.away:  # one at a time asks, and look-ups before what is new
            return int(not (self._in_flight or self._doubts.rows or self._silence.wait()))
        room = MAX_IN_FLIGHT - len(self._in_flight)
        if self._pace is not None:
            ahead = self._pace.ahead()
            if self._at_gate > ahead // 2 or self._pace.account_wait() > LONGEST_GATE:
                return 0
            room = min(room, ahead - self._at_gate)
        return max(room, 0)

    def _until_next(self, done: _Done) -> float:
        now = self._s.elapsed()
        waits = [self._renew_at - now, self._recover_at - now]
        if now < self._quiet_until:
            waits.append(self._quiet_until - now)
        if silent := self._silence.wait():
            waits.append(silent)
        if self._s.times.poll is not None and not self._running:
            waits.append(self._s.times.poll)  # while it runs, `Delivery._watch` looks
        if self._pace is not None:
            if done.held_up and (free := self._pace.busy()[2]) is not None:
                waits.append(free)
            if (wait := self._pace.account_wait()) > LONGEST_GATE:
                waits.append(wait - LONGEST_GATE)
        if done.next_due is not None:
            waits.append(done.next_due)
        return max(SHORTEST_PAUSE, min(waits))

    # --- the transactions, in the worker ------------------------------------------------------

    def _transact(self, job: _Job) -> _Done:
        now = self._s.clock.now()
        owner, times = self._s.owner, self._s.times
        with self._s.database.unit_of_work() as uow:
            held = not job.renew or LeaseStore(uow.statements).renew(
                self.account, owner, job.epoch, times.ttl
            )
            if job.results:
                point("before_t2")
            settle(uow, job.results, now, self._s.on_unreachable, self._s.on_parked)
            if not held:
                uow.commit()
                return _Done(held=False, moved=frozenset(uow.outbox.touched))
            adopted: Sequence[Taken] = ()
            answers_only = self._s.held()
            if job.recover:
                if not answers_only:
                    uow.sending.expire(self.account, now)
                adopted = uow.sending.adopt(
                    bot_account=self.account,
                    owner=owner,
                    epoch=job.epoch,
                    overdue=now - timedelta(seconds=times.margin),
                    known=job.known,
                )
            first = uow.sending.first_queued(self.account)
            held_up = first is not None and first <= now
            taken: Sequence[Taken] = ()
            if job.limit and held_up:
                taken = self.claim(uow, job, now)
            due = first
            if held_up:
                due = None if taken else uow.sending.next_due(self.account, now)
            more = job.ask and not taken
            more = more and uow.sending.any_due(self.account, now, answers_only=answers_only)
            uow.commit()
        return _Done(
            moved=frozenset(uow.outbox.touched),
            adopted=adopted,
            taken=taken,
            next_due=self._seconds_to(due, now),
            held_up=held_up,
            more=more,
        )

    def claim(self, uow: UnitOfWork, job: _Job, now: datetime) -> Sequence[Taken]:
        """Take what is next, by the terms of the job; by night, what somebody asked for."""
        taken = uow.sending.claim(
            bot_account=self.account,
            owner=self._s.owner,
            epoch=job.epoch,
            now=now,
            seconds=self._s.times.http_timeout,
            limit=job.limit,
            busy=job.chats,
            busy_ops=job.ops,
            floor_id=job.floor,
            answers_only=self._s.held(),
        )
        return self._awake(uow, taken, now)

    def _awake(self, uow: UnitOfWork, taken: Sequence[Taken], now: datetime) -> Sequence[Taken]:
        """Put off to the morning what nobody asked for and would now come at night."""
        if self._s.waking is None:
            return taken
        found = []
        for row in taken:
            later = self._s.waking(uow, row, now) if row.priority else now
            if later > now:  # as if never tried: what waits for a new try would hold up its chat
                uow.sending.requeue(
                    row, later, row.reason, attempts=-row.attempts, waits=-row.waits
                )
            else:
                found.append(row)
        return found

    @staticmethod
    def _seconds_to(due: datetime | None, now: datetime) -> float | None:
        return None if due is None else (due - now).total_seconds()

    async def _acquire(self) -> bool:
        begun = self._s.elapsed()
        epoch, last = await self._s.worker.run(self._take_lease)
        if epoch is None:
            return False
        self._sender.resume(last)
        times = self._s.times
        self._epoch = epoch
        self._lease_end, self._renew_at = begun + times.ttl, begun + times.ttl / 3
        self._recover_at = 0.0  # before anything is sent
        # the first holder ever has no predecessor whose window would have to drain
        self._quiet_until = begun + times.quiet if self._pace is not None and epoch > 1 else 0.0
        log.info("sending account=%s epoch=%s", self.account, epoch)
        return True

    def _take_lease(self) -> tuple[int | None, Sequence[str]]:
        """The epoch, if we have it now, and the platform's ids of what was said last."""
        with self._s.database.unit_of_work() as uow:
            epoch = LeaseStore(uow.statements).acquire(
                self.account, self._s.owner, self._s.times.ttl, force=self._s.sole
            )
            last = () if epoch is None else uow.sending.last_sent(self.account)
            uow.commit()
        return epoch, last

    async def _release(self) -> None:
        epoch, self._epoch = self._epoch, None
        if epoch is not None:
            await self._s.worker.run(self._give_lease, epoch)

    def _give_lease(self, epoch: int) -> None:
        with self._s.database.unit_of_work() as uow:
            LeaseStore(uow.statements).release(self.account, self._s.owner, epoch)
            uow.commit()

    # --- the wire -----------------------------------------------------------------------------

    async def _send(self, row: Taken) -> None:
        try:
            outcome = await self._attempt(row)
        finally:
            self._in_flight.pop(row.id, None)
        if not isinstance(outcome, GivenBack):
            self._s.meter.answered(row.bot_account, row.op, outcome)
            if self._pace is not None:
                self._pace.answered(row.chat_id, row.op)
            self._silence.note(answered=is_answer(outcome))
        if isinstance(outcome, NotSent) and outcome.retry_after is not None and self._pace:
            which = {"chat": row.chat_id, "method": row.op, "account": ""}[outcome.scope]
            self._pace.hold(outcome.scope, which, too_soon(outcome.retry_after))
        if isinstance(outcome, Doubtful) and row.op not in REPEATABLE:
            self._look_up([row])
            self.wake()
        else:
            self._note(Result(row, outcome))

    async def _attempt(self, row: Taken) -> Outcome | GivenBack:
        try:
            if not await self._turn(row):
                return GivenBack()
        finally:
            self._at_gate -= 1
            if self._full and self._room():
                self.wake()  # there was more than could be claimed
        try:
            claimed = Claimed.of(row)
        except ValidationError:
            return NotSent("unreadable message", permanent=True)
        try:
            async with asyncio.timeout(self._s.times.http_timeout):
                point("before_wire")
                outcome = await self._sender.send(claimed)
                point("after_wire")
                return outcome
        except TimeoutError:
            return Doubtful("timeout")
        except Exception as error:  # whatever a library raises, the row must be settled
            # its text may quote an address with a token, or what was to be said
            log.error("send raised row=%s error=%s", row.id, type(error).__name__)  # noqa: TRY400
            return Doubtful(type(error).__name__)

    async def _turn(self, row: Taken) -> bool:
        """Wait for the row's turn; False when it is too late for it to go with this claim."""
        if self._pace is None:
            return self._mine(row)
        async with self._gate:
            while wait := self._pace.wait(row.chat_id, row.op):
                if wait > LONGEST_GATE:
                    return False
                await asyncio.sleep(wait)
            if not self._mine(row):
                return False
            self._pace.note(row.chat_id, row.op)
        return True

    def _mine(self, row: Taken) -> bool:
        return row.epoch == self._epoch and self.safe()

    def _recover(self, rows: Sequence[Taken]) -> None:
        if rows:
            log.info("recovering account=%s rows=%s", self.account, len(rows))
        for row in rows:
            if row.op in REPEATABLE:
                self._note(Result(row, Doubtful("interrupted"), looked=True))
        self._look_up([row for row in rows if row.op not in REPEATABLE])

    def _look_up(self, rows: Sequence[Taken]) -> None:
        if not self._stopping:
            self._doubts.begin(rows)

    def _note(self, result: Result) -> None:
        self._results.append(result)
        self.wake()
