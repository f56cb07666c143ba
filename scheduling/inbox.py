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
from scheduling.clock import Clock
from scheduling.worker import Worker
from storage.crash import point
from storage.inbox import Received
from storage.unit_of_work import Database, UnitOfWork

log = logging.getLogger(__name__)

MAX_TRIES = 5
STALE = timedelta(seconds=30)
CLASH_TRIES = 3  # two transactions in each other's way: nobody's fault, nobody need know
_REMEMBERED = 500  # payloads between `receive` and `work`; the rest is read back from the row
_LETTERS = "ACDEFHJKMNPRTUVWXY3479"  # none that is misread over the telephone


@dataclass(frozen=True, slots=True)
class InboxMeta:
    """What is known of a payload besides itself.

    Attributes:
        row_id: Number of the inbox row; keys of the answers may be made from it.
        platform: `slack` or `telegram`.
        bot_account: Our identity that heard it.
        event_key: The platform's id of the delivery.
        received_at: When it was kept (UTC).
    """

    row_id: int
    platform: str
    bot_account: str
    event_key: str
    received_at: datetime


Wake = Callable[[Collection[str]], None]
Reader = Callable[[bytes, InboxMeta], Event | None]
Handle = Callable[[UnitOfWork, Event, datetime], Ack]
OnFailure = Callable[[UnitOfWork, Event, str, datetime], None]
OnPoison = Callable[[UnitOfWork, Received, datetime], None]


def clash(error: BaseException) -> bool:
    """Whether a transaction only got into another's way (PostgreSQL) and may simply be repeated.

    Two processes that meet the same newcomer at once are that too: the second finds the account
    there when it tries again.
    """
    state = getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None
    return state in {"40001", "40P01", "23505"}


def nobody(_accounts: Collection[str]) -> None:
    """Wake nobody."""


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
        on_failure: `(uow, event, reference, now)`, in a fresh transaction when the effect failed
            for the first time: the person gets an answer all the same.
        on_poison: `(uow, row, now)`, when a row is given up: the person and staff are told.
        keep_bodies: Keep payloads until they are purged; otherwise a row forgets its payload when
            it is done.
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
        on_failure: OnFailure | None = None,
        on_poison: OnPoison | None = None,
        keep_bodies: bool = False,
    ) -> None:
        self._database = database
        self._worker = worker
        self._clock = clock
        self._handle = handle
        self._readers = readers
        self._wake = wake
        self._on_failure = on_failure
        self._on_poison = on_poison
        self._keep_bodies = keep_bodies
        self._payloads: OrderedDict[int, tuple[bytes, InboxMeta]] = OrderedDict()
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
            The row to `work`, or None when we have it already.
        """
        now = self._clock.now()
        row_id = await self._worker.run(
            self._receive, platform, bot_account, event_key, message_key, payload, now
        )
        point("after_inbox")
        if row_id is not None:
            meta = InboxMeta(row_id, platform, bot_account, event_key, now)
            self._payloads[row_id] = payload, meta
            if len(self._payloads) > _REMEMBERED:
                self._payloads.popitem(last=False)
        return row_id

    def _receive(
        self,
        platform: str,
        bot_account: str,
        event_key: str,
        message_key: str | None,
        payload: bytes,
        now: datetime,
    ) -> int | None:
        with self._database.unit_of_work() as uow:
            row_id = uow.inbox.receive(
                platform=platform,
                bot_account=bot_account,
                event_key=event_key,
                message_key=message_key,
                payload=payload,
                now=now,
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
        found = self._payloads.pop(row_id, None) or await self._worker.run(self._load, row_id)
        if found is None:
            return Ack()
        payload, meta = found
        try:
            event = self._readers[meta.platform](payload, meta)
        except Exception as error:  # a payload of no known shape must not stop the others
            kind = type(error).__name__
            log.error("unreadable row=%s error=%s\n%s", row_id, kind, where(error))  # noqa: TRY400
            await self._worker.run(self._reject, row_id, f"malformed: {kind}")
            return Ack()
        if event is None:
            await self._worker.run(self._ignore, row_id)
            return Ack()
        author = event.author
        turns = self._turns.setdefault(f"{author.platform}:{author.account}", asyncio.Lock())
        async with turns:
            ack, touched = await self._worker.run(self._work, row_id, event)
        if touched:
            self._wake(touched)
        return ack

    async def sweep(self, age: timedelta = STALE) -> int:
        """Work what was received that long ago and is still not done.

        Args:
            age: Nothing at the start of the process, so that nobody waits for what a crash left.

        Returns:
            How many rows were worked again.
        """
        rows = await self._worker.run(self._stale, self._clock.now() - age)
        for row_id in rows:
            await self.work(row_id)
        return len(rows)

    # --- in the worker ------------------------------------------------------------------------

    def _work(self, row_id: int, event: Event) -> tuple[Ack, Collection[str]]:
        for attempt in range(1, CLASH_TRIES + 1):
            try:
                return self._turn(row_id, event)
            except Exception as error:
                if not clash(error) or attempt == CLASH_TRIES:
                    return Ack(), self._failed(row_id, event, error)
        raise AssertionError("unreachable")

    def _turn(self, row_id: int, event: Event) -> tuple[Ack, Collection[str]]:
        now = self._clock.now()
        with self._database.unit_of_work() as uow:
            row = uow.inbox.open(row_id)
            if row is None:
                return Ack(), ()
            ack = self._handle(uow, event, now)
            point("in_turn")
            person_id = uow.people.owner_of(event.author.platform, event.author.account)
            uow.inbox.done(row, now, person_id, keep_body=self._keep_bodies)
            uow.commit()
        return ack, uow.outbox.touched

    def _failed(self, row_id: int, event: Event, error: Exception) -> Collection[str]:
        """Count it; the first time the person is told, the last time it is given up."""
        reference = "".join(secrets.choice(_LETTERS) for _ in range(4))
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
                tries = uow.inbox.tried(row_id)
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

    def _load(self, row_id: int) -> tuple[bytes, InboxMeta] | None:
        with self._database.unit_of_work() as uow:
            row = uow.inbox.open(row_id)
        if row is None:
            return None
        meta = InboxMeta(row.id, row.platform, row.bot_account, row.event_key, row.received_at)
        return row.payload, meta

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

    def _stale(self, before: datetime) -> list[int]:
        with self._database.unit_of_work() as uow:
            return list(uow.inbox.stale(before))


def _guarded(uow: UnitOfWork, reference: str, tell: Callable[[], None]) -> None:
    """Tell somebody about a failure; failing at that too must not undo its count."""
    try:
        with uow.session.begin_nested():
            tell()
    except Exception as error:  # the last resort has no further one
        kind = type(error).__name__
        log.error("not told ref=%s error=%s\n%s", reference, kind, where(error))  # noqa: TRY400
