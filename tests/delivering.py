"""A delivery between a real database and two platforms that do as they are told."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.messages import Message
from scheduling.clock import FixedClock
from scheduling.delivery import Delivery
from scheduling.pacing import Limits
from scheduling.protocol import Protocol
from scheduling.sender import Claimed, Doubtful, NotSent, Outcome, Sent
from scheduling.worker import Worker
from storage.leases import LeaseStore
from storage.sending import Taken
from storage.tables import Identity, Outbox
from storage.takeback import ASIDE
from storage.unit_of_work import Database, UnitOfWork
from tests.stores import NOON, payload

BOT, SLACK = "telegram:1", "slack:T1"
FAST = Protocol(ttl=2.0, http_timeout=0.5, quiet=0.05, margin=0.0, sweep=60.0, poll=None)
SECOND = timedelta(seconds=1)

Step = Outcome | Exception | Callable[[Claimed], Outcome | None]


class Platform:
    """A platform's stand-in: does as its script says, and remembers everything that arrived."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.script: dict[str, list[Step]] = {}
        self.looks: dict[str, list[Step]] = {}
        self.arrived: list[tuple[float, str, str]] = []  # when, chat, text
        self.history: dict[int, str] = {}  # row -> message id
        self.asked: list[list[int]] = []
        self.latency = 0.0
        self.now_in_flight: dict[str, int] = {}
        self.most_in_flight = 0

    def floor(self) -> int | None:
        return len(self.arrived)

    def resume(self, message_ids: Iterable[str]) -> None:
        self.resumed = list(message_ids)

    def deliver(self, row: Claimed) -> Sent:
        assert isinstance(row.message, Message)
        self.arrived.append((time.monotonic(), row.chat_id, row.message.text))
        self.history[row.id] = f"{row.chat_id}/{len(self.arrived)}"
        return Sent(self.history[row.id])

    def swallow(self, row: Claimed) -> Outcome:
        """It arrives, but nobody hears so."""
        self.deliver(row)
        return Doubtful("read time-out")

    async def send(self, row: Claimed) -> Outcome:
        assert isinstance(row.message, Message)
        line = f"{row.chat_id}{ASIDE if row.op == 'delete' else ''}"
        here = self.now_in_flight.get(line, 0) + 1
        assert here == 1, "two at once in one chat"
        self.now_in_flight[line] = here
        self.most_in_flight = max(self.most_in_flight, len(self.now_in_flight))
        try:
            await asyncio.sleep(self.latency)
            return self._play(self.script.get(row.message.text, []), row)
        finally:
            del self.now_in_flight[line]

    async def reconcile(self, rows: Sequence[Claimed]) -> Mapping[int, Outcome]:
        self.asked.append([row.id for row in rows])
        found: dict[int, Outcome] = {}
        for row in rows:
            assert isinstance(row.message, Message)
            if steps := self.looks.get(row.message.text):
                found[row.id] = self._play(steps, row)
            elif row.id in self.history:
                found[row.id] = Sent(self.history[row.id])
            else:
                found[row.id] = NotSent("absent")
        return found

    def _play(self, steps: list[Step], row: Claimed) -> Outcome:
        if not steps:
            return self.deliver(row)
        step = steps.pop(0)
        if isinstance(step, Exception):
            raise step
        if isinstance(step, Sent | NotSent | Doubtful):
            return step
        return step(row) or self.deliver(row)

    def texts(self) -> list[str]:
        return [text for _, _, text in self.arrived]


class World:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.worker = Worker(database)
        self.clock = FixedClock(NOON)
        self.telegram, self.slack = Platform(), Platform()
        self.unreachable: list[int] = []
        self.delivery = self.process()

    def process(self, *, times: Protocol = FAST, **more: Any) -> Delivery:
        """The delivery of a new process on the same database."""
        return Delivery(
            self.database,
            self.worker,
            self.clock,
            {BOT: more.pop("telegram", self.telegram), SLACK: self.slack},
            times=times,
            on_unreachable=more.pop("on_unreachable", self._note),
            **{"paced": False, "sole": True, **more},
        )

    def _note(self, _uow: UnitOfWork, row: Taken, _now: datetime) -> None:
        self.unreachable.append(row.id)

    def put(self, identity: Identity, text: str, **more: Any) -> None:
        with self.database.unit_of_work() as uow:
            uow.outbox.put(
                key=text,
                identity=identity,
                payload=payload(text),
                now=self.clock.now(),
                **more,
            )
            uow.commit()

    def row(self, key: str) -> Outbox:
        with self.database.unit_of_work() as uow:
            return uow.session.query(Outbox).filter_by(dedup_key=key).one()

    def state(self, key: str) -> tuple[str, str | None]:
        row = self.row(key)
        return row.state, row.reason

    def counts(self) -> dict[str, int]:
        with self.database.unit_of_work() as uow:
            return uow.outbox.counts()

    def claim(self, owner: str = "a dead process") -> list[Taken]:
        """What a process that then dies had claimed: T1 is committed, and nothing follows."""
        with self.database.unit_of_work() as uow:
            epoch = LeaseStore(uow.session).acquire(BOT, owner, 0.0, force=True)
            rows = uow.sending.claim(
                bot_account=BOT,
                owner=owner,
                epoch=epoch or 0,
                now=self.clock.now(),
                seconds=5,
                limit=10,
            )
            uow.commit()
        return rows


async def until(true: Callable[[], bool]) -> None:
    """Wait for it; the test's own time limit ends a wait in vain."""
    while not true():  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0.002)
