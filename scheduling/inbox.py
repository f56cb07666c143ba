"""What was heard: kept before the platform is told so, then worked, in order for each person.

An effect, its messages and the mark that the row is done are one transaction. This module cannot
read a platform's payload (readers are handed in) and does not know what an event leads to (the bot
is handed in as a function).

Source: delivery protocol, "Inbound"; quality, "Silent: 0".
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import traceback
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from sqlalchemy.exc import DBAPIError

from bot.events import Event
from bot.messages import Ack
from scheduling.clock import Clock, elapsed
from scheduling.lane import Offer
from scheduling.meter import Meter, Silent
from scheduling.worker import Worker
from storage.crash import point
from storage.inbox import Received
from storage.unit_of_work import Database, UnitOfWork

log = logging.getLogger(__name__)

MAX_TRIES = 5
STALE = timedelta(seconds=10)  # another process would have worked it long ago
PATIENCE = 3.0  # seconds for whoever has the same person's earlier event; then it is worked here
LOOK_EVERY = 0.02
LONGEST_WORK = 60.0  # seconds from hearing to being worked here, after which the sweep does it
CLASH_TRIES = 3  # two transactions in each other's way: nobody's fault, nobody need know
SWEPT = 500  # rows that one look of a sweep finds
_REMEMBERED = 500  # events between `receive` and `work`; the rest is read back from the row
_LETTERS = "ACDEFHJKMNPRTUVWXY3479"  # none that is misread over the telephone


@dataclass(frozen=True, slots=True)
class InboxMeta:
    """What is known of a payload besides itself.

    Attributes:
        platform: `slack` or `telegram`.
        bot_account: Our identity that heard it.
        event_key: The platform's id of the delivery.
        received_at: When it was kept (UTC).
    """

    platform: str
    bot_account: str
    event_key: str
    received_at: datetime


Answered = tuple[Ack, Collection[str]]
Wake = Callable[[Collection[str]], None]
Reader = Callable[[bytes, InboxMeta], Event | None]
Handle = Callable[[UnitOfWork, Event, datetime], Ack]
MakeOffer = Callable[[str], Offer | None]
OnFailure = Callable[[UnitOfWork, Event, str, datetime], None]
OnPoison = Callable[[UnitOfWork, Received, datetime], None]


def clash(error: BaseException) -> bool:
    """Whether a transaction only got into another's way (PostgreSQL) and may simply be repeated.

    A unique key taken meanwhile is one: two first words of the same person, heard by two processes.
    So is a connection that was cut: had the commit arrived, the row would be found settled.
    """
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    return error.connection_invalidated or state in {"40001", "40P01", "23505"}


def nothing(_account: str) -> None:
    """Offer nothing."""


def nobody(_accounts: Collection[str]) -> None:
    """Wake nobody."""


def author_of(event: Event) -> str:
    """Whose event it is: one account's are worked one after the other."""
    return f"{event.author.platform}:{event.author.account}"


def where(error: BaseException) -> str:
    """The places an error went through, without any of the values (they may be personal)."""
    return "".join(traceback.format_tb(error.__traceback__))


class Inbox:
    """Receives, works, and works again what a crash left.

    Args:
        database: Where the inbox is.
        worker: Where its statements run.
        clock: The time.
        handle: `Bot.handle`: the effect of an event, in a transaction committed here.
        readers: By platform: the event in a payload; None if it is not for the bot.
        wake: `Delivery.wake`: called after a commit, with the tokens that have something to say.
        offer: `Delivery.offer`: an answer may be claimed in the transaction that writes it.
        on_failure: `(uow, event, reference, now)`, in a fresh transaction when the effect failed
            for the first time: the person gets an answer all the same.
        on_poison: `(uow, row, now)`, when a row is given up: the person and staff are told.
        keep_bodies: Keep payloads until they are purged; otherwise a row forgets its payload when
            it is done.
        meter: Counts what is heard and worked.
    """

    def __init__(  # noqa: PLR0913 - the composition root names them all
        self,
        database: Database,
        worker: Worker,
        clock: Clock,
        handle: Handle,
        readers: Mapping[str, Reader],
        *,
        wake: Wake = nobody,
        offer: MakeOffer = nothing,
        on_failure: OnFailure | None = None,
        on_poison: OnPoison | None = None,
        keep_bodies: bool = False,
        meter: Meter | None = None,
    ) -> None:
        self._database = database
        self._worker = worker
        self._clock = clock
        self._handle = handle
        self._readers = readers
        self._wake = wake
        self._offer = offer
        self._on_failure = on_failure
        self._on_poison = on_poison
        self._keep_bodies = keep_bodies
        self._meter = meter or Silent()
        self._events: OrderedDict[int, Event] = OrderedDict()
        self._mine: dict[int, float] = {}  # heard here and still to be worked here: since when
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    # --- receive ------------------------------------------------------------------------------

    async def receive(
        self,
        *,
        platform: str,
        bot_account: str,
        event_key: str,
        payload: bytes,
        message_key: str | None = None,
    ) -> int | None:
        """Keep what was heard; committed when this returns, so that the platform may be told.

        Args:
            platform: `slack` or `telegram`.
            bot_account: Our identity that heard it.
            event_key: The platform's id of the delivery.
            payload: As received, after its signature or secret was checked.
            message_key: The platform's id of the message where it may come in two deliveries.

        Returns:
            The row to `work`; None when we have it already, or there is nothing for the bot in it.
        """
        now = self._clock.now()
        event: Event | None = None
        try:
            meta = InboxMeta(platform, bot_account, event_key, now)
            event = self._readers[platform](payload, meta)
        except Exception as error:  # kept all the same: `work` says what is wrong with it
            log.debug("not read at once error=%s", type(error).__name__)
        else:
            if event is None:
                return None
        row_id = await self._worker.run_first(
            self._receive, platform, bot_account, event_key, message_key, payload, now, event
        )
        point("after_inbox")
        if row_id is not None:
            self._meter.received(platform)
            self._mine[row_id] = elapsed()
            if event is not None:
                self._events[row_id] = event
                if len(self._events) > _REMEMBERED:
                    self._events.popitem(last=False)
        return row_id

    def _receive(
        self,
        platform: str,
        bot_account: str,
        event_key: str,
        message_key: str | None,
        payload: bytes,
        now: datetime,
        event: Event | None,
    ) -> int | None:
        with self._database.unit_of_work() as uow:
            row_id = uow.inbox.receive(
                platform=platform,
                bot_account=bot_account,
                event_key=event_key,
                message_key=message_key,
                payload=payload,
                now=now,
                author=None if event is None else author_of(event),
            )
            uow.commit()
        return row_id

    # --- work ---------------------------------------------------------------------------------

    async def work(self, row_id: int) -> Ack:
        """Work a row, once: whoever comes second finds it done.

        Never raises for what is in the row: what fails is counted, logged under a short reference,
        answered through `on_failure`, and tried again by `sweep`.

        Returns:
            What the platform wants in the same breath; empty when there is nothing.
        """
        try:
            return await self._work(row_id)
        finally:
            self._mine.pop(row_id, None)

    async def _work(self, row_id: int, *, counted: bool = False) -> Ack:
        event = self._events.pop(row_id, None)
        fresh = event is not None  # else what a crash left: nobody waits for it so closely
        event = event or await self._read_back(row_id)
        if event is None:
            return Ack()
        until = elapsed() + PATIENCE
        while True:
            async with self._turns.setdefault(author_of(event), asyncio.Lock()):
                found = await self._with_offer(row_id, event, counted=counted, fresh=fresh)
            if not isinstance(found, int):
                break
            # The same person's earlier event comes first. Whoever heard it is at it; if they died
            # of it, it is worked here.
            if elapsed() < until:
                await asyncio.sleep(LOOK_EVERY)
            else:
                await self._work_again(found)
        ack, touched = found
        if touched:
            self._wake(touched)
        return ack

    async def _with_offer(
        self, row_id: int, event: Event, *, counted: bool, fresh: bool
    ) -> Answered | int:
        """The turn, with leave to claim its own answer where the delivery gives it."""
        offer = self._offer(event.author.bot_account) if fresh else None
        touched: Collection[str] = ()
        try:
            found = await self._worker.run(self._answer, row_id, event, counted, offer)
            if not isinstance(found, int):
                touched = found[1]
        finally:
            if offer is not None:
                touched = offer.close(touched)
        return found if isinstance(found, int) else (found[0], touched)

    async def sweep(self, age: timedelta = STALE) -> int:
        """Work what was received that long ago, not by us, and is still not done.

        Args:
            age: Nothing at the start of the process, so that nobody waits for what a crash left.

        Returns:
            How many rows were worked again.
        """
        since = elapsed() - LONGEST_WORK
        busy = {row_id for row_id, begun in self._mine.items() if begun > since}
        worked = 0
        while rows := await self._worker.run(self._stale, self._clock.now() - age, busy):
            for row_id in rows:
                await self._work_again(row_id)
            worked += len(rows)
            busy |= set(rows)  # what failed is for the next sweep
        return worked

    async def _work_again(self, row_id: int) -> None:
        """Count before working: an event that brings the process down must not do so for ever."""
        if await self._worker.run(self._counted, row_id):
            await self._work(row_id, counted=True)

    async def _read_back(self, row_id: int) -> Event | None:
        """The event of a row; a row that cannot be read, or says nothing, is settled here."""
        row = await self._worker.run(self._load, row_id)
        if row is None:
            return None
        try:
            event = self._event(row)
        except Exception as error:  # a payload of no known shape must not stop the others
            kind = type(error).__name__
            log.error("unreadable row=%s error=%s\n%s", row_id, kind, where(error))  # noqa: TRY400
            await self._worker.run(self._reject, row_id, f"malformed: {kind}")
            return None
        if event is None:
            await self._worker.run(self._ignore, row_id)
        return event

    def _event(self, row: Received) -> Event | None:
        meta = InboxMeta(row.platform, row.bot_account, row.event_key, row.received_at)
        return self._readers[row.platform](row.payload, meta)

    # --- in the worker ------------------------------------------------------------------------

    def _answer(
        self, row_id: int, event: Event, counted: bool, offer: Offer | None
    ) -> Answered | int:
        for attempt in range(1, CLASH_TRIES + 1):
            try:
                return self._turn(row_id, event, offer)
            except Exception as error:
                if offer is not None:
                    offer.undone()
                if not clash(error) or attempt == CLASH_TRIES:
                    return Ack(), self._failed(row_id, event, error, counted=counted)
        raise AssertionError("unreachable")

    def _turn(self, row_id: int, event: Event, offer: Offer | None) -> Answered | int:
        """The turn; or the number of the row that has to be worked first."""
        now, begun = self._clock.now(), elapsed()
        with self._database.unit_of_work() as uow:
            row = uow.inbox.open(row_id)
            if row is None:
                return Ack(), ()
            if row.earlier is not None:
                return row.earlier
            ack = self._handle(uow, event, now)
            point("in_turn")
            person_id = uow.people.owner_of(event.author.platform, event.author.account)
            uow.inbox.done(row, now, person_id, keep_body=self._keep_bodies)
            if offer is not None:
                offer.claim(uow, now)
            uow.commit()
        self._meter.worked(row.platform, elapsed() - begun)
        return ack, uow.outbox.touched

    def _failed(
        self, row_id: int, event: Event, error: Exception, *, counted: bool
    ) -> Collection[str]:
        """Count it; the first time the person is told, the last time it is given up."""
        self._meter.failed(event.author.platform)
        reference = _reference()
        log.error(
            "turn failed ref=%s row=%s error=%s\n%s",
            reference,
            row_id,
            type(error).__name__,
            where(error),
        )
        now = self._clock.now()
        try:
            with self._database.unit_of_work() as uow:
                tries = uow.inbox.tries(row_id) if counted else uow.inbox.tried(row_id)
                if tries == 1 and self._on_failure is not None:
                    told = self._on_failure
                    _guarded(uow, reference, lambda: told(uow, event, reference, now))
                if tries >= MAX_TRIES:
                    self._give_up(uow, row_id, reference, now)
                uow.commit()
                return uow.outbox.touched
        except DBAPIError as away:  # the database is away: the sweep finds the row where it was
            log.error("not counted ref=%s error=%s", reference, type(away).__name__)  # noqa: TRY400
            return ()

    def _give_up(self, uow: UnitOfWork, row_id: int, reference: str, now: datetime) -> None:
        row = uow.inbox.open(row_id)
        if row is None:
            return
        uow.inbox.reject(row, "poison", now)
        if self._on_poison is not None:
            told = self._on_poison
            _guarded(uow, reference, lambda: told(uow, row, now))

    def _counted(self, row_id: int) -> bool:
        """Count an attempt before it is made; False when the row has had all of its attempts.

        One that never came to its end, five times over, has brought the process down each time.
        """
        now = self._clock.now()
        with self._database.unit_of_work() as uow:
            tries = uow.inbox.tried(row_id)
            if tries > MAX_TRIES:
                reference = _reference()
                log.error("given up ref=%s row=%s: it never came to its end", reference, row_id)
                self._apologise(uow, row_id, reference, now)
                self._give_up(uow, row_id, reference, now)
            uow.commit()
            touched = uow.outbox.touched
        if touched:
            self._wake(touched)
        return 0 < tries <= MAX_TRIES

    def _apologise(self, uow: UnitOfWork, row_id: int, reference: str, now: datetime) -> None:
        row, told = uow.inbox.open(row_id), self._on_failure
        if row is None or told is None:
            return

        def tell() -> None:
            if event := self._event(row):
                told(uow, event, reference, now)

        _guarded(uow, reference, tell)

    def _load(self, row_id: int) -> Received | None:
        with self._database.unit_of_work() as uow:
            return uow.inbox.open(row_id)

    def _reject(self, row_id: int, reason: str) -> None:
        with self._database.unit_of_work() as uow:
            row = uow.inbox.open(row_id)
            if row is not None:
                uow.inbox.reject(row, reason, self._clock.now())
            uow.commit()

    def _ignore(self, row_id: int) -> None:
        with self._database.unit_of_work() as uow:
            row = uow.inbox.open(row_id)
            if row is not None:
                uow.inbox.done(row, self._clock.now(), None)
            uow.commit()

    def _stale(self, before: datetime, but: Collection[int]) -> list[int]:
        with self._database.unit_of_work() as uow:
            return list(uow.inbox.stale(before, but, SWEPT))


def _reference() -> str:
    """What somebody can read out over the telephone, and the log says too."""
    return "".join(secrets.choice(_LETTERS) for _ in range(4))


def _guarded(uow: UnitOfWork, reference: str, tell: Callable[[], None]) -> None:
    """Tell somebody about a failure; failing at that too must not undo its count."""
    try:
        with uow.savepoint():
            tell()
    except Exception as error:  # the last resort has no further one
        kind = type(error).__name__
        log.error("not told ref=%s error=%s\n%s", reference, kind, where(error))  # noqa: TRY400
