"""What was heard has its effect once, in order, and nobody is left without an answer."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Collection
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from bot.events import Author, Event, Said
from bot.messages import Ack
from scheduling.clock import FixedClock
from scheduling.inbox import MAX_TRIES, Inbox, InboxMeta
from scheduling.worker import Worker
from storage.inbox import Received
from storage.tables import Audit
from storage.tables import Inbox as Row
from storage.unit_of_work import Database, UnitOfWork
from tests.stores import NOON, payload


def read(payload: bytes, meta: InboxMeta) -> Event | None:
    """A platform's payloads, for these tests: `{"from": …, "text": …}`."""
    body = json.loads(payload)
    if body.get("channel"):
        return None
    author = Author("telegram", body["from"], meta.bot_account)
    return Said(id=meta.event_key, author=author, at=meta.received_at, text=body["text"])


class Bot:
    """Notes each event as a row of the audit: an effect that can be counted."""

    def __init__(self) -> None:
        self.broken = 0
        self.raises: Exception = ZeroDivisionError("SECRET words")
        self.told: list[str] = []
        self.poison: list[int] = []
        self.slow: dict[str, float] = {}

    def handle(self, uow: UnitOfWork, event: Event, now: datetime) -> Ack:
        assert isinstance(event, Said)
        uow.session.add(Audit(at=now, verb=event.text, thing="event"))
        uow.session.flush()
        uow.outbox.put_raw(
            key=f"reply:{event.id}",
            bot_account=event.author.bot_account,
            chat_id=event.author.chat,
            payload=payload("heard"),
            now=now,
        )
        time.sleep(self.slow.get(event.text, 0))
        if self.broken:
            self.broken -= 1
            raise self.raises
        return Ack(toast=event.text)

    def failed(self, uow: UnitOfWork, event: Event, reference: str, now: datetime) -> None:
        uow.session.add(Audit(at=now, verb="sorry", thing=reference))
        self.told.append(reference)

    def poisoned(self, uow: UnitOfWork, row: Received, now: datetime) -> None:
        self.poison.append(row.id)


class World:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.worker = Worker(database)
        self.clock = FixedClock(NOON)
        self.bot = Bot()
        self.woken: set[str] = set()
        self.restart()

    def restart(self) -> None:
        """What a new process has: nothing but the database."""
        self.inbox = Inbox(
            self.database,
            self.worker,
            self.clock,
            self.bot.handle,
            {"telegram": read},
            wake=self._wake,
            on_failure=self.bot.failed,
            on_poison=self.bot.poisoned,
        )

    def _wake(self, accounts: Collection[str]) -> None:
        self.woken |= set(accounts)

    async def hear(self, text: str, who: str = "7", key: str | None = None, **more: Any) -> int:
        row_id = await self.inbox.receive(
            platform="telegram",
            bot_account="telegram:1",
            event_key=key or text,
            payload=json.dumps({"from": who, "text": text, **more}).encode(),
        )
        return row_id or 0

    def effects(self) -> list[str]:
        with self.database.unit_of_work() as uow:
            return [row.verb for row in uow.session.query(Audit).order_by(Audit.id)]

    def rows(self) -> list[tuple[str, str | None, int]]:
        with self.database.unit_of_work() as uow:
            found = uow.session.query(Row).order_by(Row.id)
            return [(row.state, row.reason, row.tries) for row in found]


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    world = World(database)
    yield world
    world.worker.close()


async def test_heard_and_worked_once_with_the_answer_in_the_same_breath(world: World) -> None:
    row_id = await world.hear("hello")
    assert (await world.inbox.work(row_id)).toast == "hello"
    assert await world.hear("hello") == 0
    assert await world.inbox.work(row_id) == Ack()
    assert world.effects() == ["hello"]
    assert world.rows() == [("done", None, 0)]
    assert world.woken == {"telegram:1"}


async def test_a_crash_after_receiving_is_made_good_at_the_start(world: World) -> None:
    await world.hear("one")
    await world.hear("two")
    world.restart()
    assert await world.inbox.sweep() == 0  # too fresh: the process that has it may be at work
    assert await world.inbox.sweep(timedelta(0)) == 2
    assert world.effects() == ["one", "two"]
    assert await world.inbox.sweep(timedelta(0)) == 0


async def test_two_processes_on_one_row_have_one_effect(world: World) -> None:
    row_id = await world.hear("hello")
    first = world.inbox
    world.restart()
    acks = await asyncio.gather(first.work(row_id), world.inbox.work(row_id))
    assert sorted(ack.toast or "" for ack in acks) == ["", "hello"]
    assert world.effects() == ["hello"]


async def test_one_persons_events_keep_their_order(world: World) -> None:
    world.bot.slow = {"0": 0.05, "1": 0.02}
    rows = [await world.hear(str(n)) for n in range(6)]
    await asyncio.gather(*(world.inbox.work(row_id) for row_id in rows))
    assert world.effects() == ["0", "1", "2", "3", "4", "5"]


async def test_a_failure_undoes_its_effect_but_the_person_is_answered(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.bot.broken = 2
    row_id = await world.hear("hello")
    assert await world.inbox.work(row_id) == Ack()
    assert world.effects() == ["sorry"]
    [reference] = world.bot.told
    assert reference in caplog.text
    assert "test_inbox.py" in caplog.text
    assert "SECRET" not in caplog.text
    world.clock.advance(timedelta(minutes=1))
    await world.inbox.sweep()
    assert world.bot.told == [reference]  # once is enough
    world.clock.advance(timedelta(minutes=1))
    await world.inbox.sweep()
    assert world.effects() == ["sorry", "hello"]
    assert world.rows() == [("done", None, 3)]


async def test_poison_is_given_up_after_five_tries(world: World) -> None:
    world.bot.broken = 100
    row_id = await world.hear("hello")
    for _ in range(7):
        await world.inbox.work(row_id)
    assert world.rows() == [("rejected", "poison", 5)]
    assert world.bot.poison == [row_id]
    assert world.bot.broken == 95
    assert await world.inbox.sweep(timedelta(0)) == 0


async def test_failing_to_say_so_is_no_worse(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.bot.broken = 1

    words = "SECR" + "ET"  # the log may show the line, never the value

    def broken(*_: object) -> None:
        raise KeyError(words)

    world.inbox._on_failure = broken
    row_id = await world.hear("hello")
    await world.inbox.work(row_id)
    assert world.rows() == [("received", None, 1)]
    assert "not told" in caplog.text
    assert "SECRET" not in caplog.text
    await world.inbox.work(row_id)
    assert world.effects() == ["hello"]


async def test_two_transactions_in_each_others_way_are_nobodys_fault(world: World) -> None:
    class Deadlock(Exception):
        sqlstate = "40P01"

    world.bot.broken, world.bot.raises = 2, OperationalError("x", {}, Deadlock())
    ack = await world.inbox.work(await world.hear("hello"))
    assert ack.toast == "hello"
    assert world.bot.told == []
    assert world.rows() == [("done", None, 0)]


async def test_a_payload_of_no_known_shape_is_rejected_unquoted(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    row_id = await world.inbox.receive(
        platform="telegram", bot_account="telegram:1", event_key="e", payload=b'{"SECRET": 1}'
    )
    assert await world.inbox.work(row_id or 0) == Ack()
    assert world.rows() == [("rejected", "malformed: KeyError", 0)]
    assert "SECRET" not in caplog.text


async def test_what_is_not_for_the_bot_is_not_kept(world: World) -> None:
    assert await world.hear("chatter", channel=True) == 0
    assert world.rows() == []


async def test_more_than_one_look_finds_is_worked_in_one_sweep(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduling.inbox.SWEPT", 20)
    for n in range(52):
        await world.hear(str(n), who=str(n))
    world.restart()
    assert await world.inbox.sweep(timedelta(0)) == 52
    assert len(world.effects()) == 52


async def test_a_cut_connection_is_no_failure(world: World) -> None:
    world.bot.broken = 1
    world.bot.raises = OperationalError("x", {}, Exception(), connection_invalidated=True)
    ack = await world.inbox.work(await world.hear("hello"))
    assert ack.toast == "hello"
    assert world.bot.told == []


async def test_events_are_not_hoarded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scheduling.inbox._REMEMBERED", 50)
    rows = [await world.hear(str(n), who=str(n)) for n in range(60)]
    assert len(world.inbox._events) == 50
    for row_id in rows:
        await world.inbox.work(row_id)
    assert len(world.effects()) == 60
    assert not world.inbox._events
    assert not world.inbox._mine
    assert not world.inbox._turns


async def test_an_earlier_event_heard_by_another_process_comes_first(world: World) -> None:
    first = await world.hear("first")
    elsewhere = world.inbox
    world.restart()
    second = await world.hear("second")
    stranger = await world.hear("stranger", who="8")
    later = asyncio.create_task(world.inbox.work(second))
    await world.inbox.work(stranger)
    await asyncio.sleep(0.1)
    assert not later.done()
    await elsewhere.work(first)
    assert (await later).toast == "second"
    assert world.effects() == ["stranger", "first", "second"]


async def test_an_earlier_event_of_a_process_that_died_is_worked_on_the_way(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduling.inbox.PATIENCE", 0.1)
    await world.hear("first")
    world.restart()
    await world.inbox.work(await world.hear("second"))
    assert world.effects() == ["first", "second"]


async def test_what_has_failed_once_holds_up_nobody(world: World) -> None:
    world.bot.broken = 1
    failed = await world.hear("first")
    await world.inbox.work(failed)
    begun = time.monotonic()
    await world.inbox.work(await world.hear("second"))
    assert time.monotonic() - begun < 2
    assert world.effects() == ["sorry", "second"]


async def test_an_event_that_brings_the_process_down_is_given_up_and_its_author_told(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    row_id = await world.hear("deadly")

    def die(*_: object) -> Ack:
        raise SystemExit

    for _ in range(5):
        world.restart()
        world.inbox._handle = die
        with pytest.raises(SystemExit):
            await world.inbox.sweep(timedelta(0))
    world.restart()
    assert await world.inbox.sweep(timedelta(0)) == 1
    assert world.rows() == [("rejected", "poison", 6)]
    assert world.effects() == ["sorry"]
    assert world.bot.poison == [row_id]
    assert world.bot.told[0] in caplog.text


async def test_what_a_new_version_no_longer_listens_to_is_settled_without_effect(
    world: World,
) -> None:
    row_id = await world.hear("hello")
    world.restart()
    world.inbox._readers = {"telegram": lambda _payload, _meta: None}
    assert await world.inbox.work(row_id) == Ack()
    assert world.rows() == [("done", None, 0)]
    assert world.effects() == []


@pytest.mark.parametrize("dies", [False, True])
async def test_poison_is_put_aside_though_nobody_is_to_be_told(world: World, dies: bool) -> None:
    def alone() -> Inbox:
        readers = {"telegram": read}
        return Inbox(world.database, world.worker, world.clock, world.bot.handle, readers)

    world.inbox = alone()
    world.bot.broken = 100
    row_id = await world.hear("hello")
    for _ in range(MAX_TRIES + 1):
        if dies:  # before the turn came to its end
            with world.database.unit_of_work() as uow:
                uow.inbox.tried(row_id)
                uow.commit()
        else:
            await world.inbox.work(row_id)
    await alone().sweep(timedelta(0))
    assert world.rows()[0][:2] == ("rejected", "poison")
    assert not world.bot.told
    assert not world.bot.poison
