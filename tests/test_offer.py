"""An answer claimed in the transaction that writes it: what is saved, and what stays as it was."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from bot.events import Author, Event, Said
from bot.messages import Ack
from scheduling.inbox import Inbox, InboxMeta
from scheduling.sender import NotSent, Sent
from storage.tables import Identity
from storage.unit_of_work import Database, UnitOfWork
from tests.delivering import BOT, FAST, World, until
from tests.stores import payload, somebody


def read(body: bytes, meta: InboxMeta) -> Event:
    data = json.loads(body)
    author = Author("telegram", data["from"], meta.bot_account)
    return Said(id=meta.event_key, author=author, at=meta.received_at, text=data["text"])


class Town:
    """An inbox beside a delivery that runs; the bot repeats every word as a message of its own."""

    def __init__(self, world: World, people: dict[str, Identity]) -> None:
        self.world = world
        self.people = people
        self.broken = 0  # turns that fail after their claim
        self.woken: list[str] = []
        world.delivery = world.process(paced=True)
        self.inbox = Inbox(
            world.database,
            world.worker,
            world.clock,
            self.handle,
            {"telegram": read},
            wake=self.wake,
            offer=world.delivery.offer,
        )

    def wake(self, accounts: Collection[str]) -> None:
        self.woken += accounts
        self.world.delivery.wake(accounts)

    def handle(self, uow: UnitOfWork, heard: Event, now: datetime) -> Ack:
        assert isinstance(heard, Said)
        for number, word in enumerate(heard.text.split()):
            who, _, text = word.rpartition(":")
            uow.outbox.put(
                key=f"{heard.id}:{number}",
                identity=self.people[who or heard.author.account],
                payload=payload(text),
                now=now,
            )
        if self.broken:
            self.broken -= 1
            event.listen(uow.session, "before_commit", self._fail, once=True)
        return Ack()

    def _fail(self, _session: object) -> None:
        raise OSError("disk full")

    async def hear(self, text: str, who: str = "7", **more: Any) -> int:
        row_id = await self.inbox.receive(
            platform="telegram",
            bot_account=BOT,
            event_key=f"{who} {text}",
            payload=json.dumps({"from": who, "text": text}).encode(),
            **more,
        )
        assert row_id is not None
        return row_id

    async def say(self, text: str, who: str = "7") -> None:
        await self.inbox.work(await self.hear(text, who))

    def texts(self) -> list[str]:
        return self.world.telegram.texts()


@pytest.fixture
async def town(lite: Database) -> AsyncIterator[Town]:
    world = World(lite)
    town = Town(world, {name: somebody(lite, name) for name in ("7", "8")})
    running = asyncio.create_task(world.delivery.run())
    await until(lambda: world.delivery.holds(BOT))
    await world.delivery.drain()
    yield town
    await world.delivery.stop()
    await running
    world.worker.close()


async def test_claimed_with_the_turn_and_nobody_woken(town: Town) -> None:
    await town.say("hello")
    assert town.world.counts() == {"sending": 1}  # no other transaction came in between
    assert town.woken == []
    await town.world.delivery.drain()
    assert town.texts() == ["hello"]
    assert town.world.counts() == {"sent": 1}


async def test_one_chat_still_hears_one_thing_at_a_time_in_order(town: Town) -> None:
    town.world.telegram.latency = 0.02
    await town.say("one two three")
    assert town.woken == []  # what is left waits for the first, whose result wakes us
    await town.say("four")
    await town.world.delivery.drain()
    assert town.texts() == ["one", "two", "three", "four"]
    assert town.world.telegram.most_in_flight == 1


async def test_what_is_said_to_others_goes_too(town: Town) -> None:
    await town.say("mine 8:theirs")
    await town.world.delivery.drain()
    assert sorted(town.texts()) == ["mine", "theirs"]


async def test_a_turn_that_fails_after_its_claim_sends_nothing(town: Town) -> None:
    town.broken = 1
    row_id = await town.hear("hello")
    await town.inbox.work(row_id)
    await town.world.delivery.drain()
    assert town.texts() == []
    assert town.world.counts() == {}
    await town.inbox.work(row_id)
    await town.world.delivery.drain()
    assert town.texts() == ["hello"]


async def test_what_a_crash_left_is_not_offered(town: Town) -> None:
    await town.hear("hello")
    town.inbox._events.clear()
    town.inbox._mine.clear()
    await town.inbox.sweep(timedelta(0))
    assert town.woken == [BOT]
    await town.world.delivery.drain()
    assert town.texts() == ["hello"]


async def test_a_lease_lost_meanwhile_claims_nothing(town: Town) -> None:
    offer = town.world.delivery.offer(BOT)
    assert offer is not None
    await town.world.worker.run(town.world.claim, "another process")
    with town.world.database.unit_of_work() as uow:
        uow.outbox.put(
            key="k", identity=town.people["7"], payload=payload("hello"), now=town.world.clock.now()
        )
        offer.claim(uow, town.world.clock.now())
        uow.commit()
    assert offer.close({BOT}) == {BOT}
    assert town.world.counts() == {"queued": 1}


async def test_too_soon_is_asked_of_the_platform_once(town: Town) -> None:
    """A refusal is settled as ever, and the row goes again."""
    town.world.telegram.script = {"hello": [NotSent("busy", retry_after=0.05), Sent("7/1")]}
    await town.say("hello")
    await until(lambda: town.world.counts() == {"queued": 1})
    town.world.clock.advance(timedelta(seconds=1))
    await asyncio.sleep(0.1)
    await town.world.delivery.drain()
    assert town.world.counts() == {"sent": 1}


async def test_nothing_is_offered_before_the_lease_or_after_the_end(lite: Database) -> None:
    world = World(lite)
    delivery = world.process(times=FAST)
    assert delivery.offer(BOT) is None
    running = asyncio.create_task(delivery.run())
    await until(lambda: delivery.holds(BOT))
    await delivery.drain()
    offer = delivery.offer(BOT)
    assert offer is not None
    stopping = asyncio.create_task(delivery.stop())
    await asyncio.sleep(0.05)
    assert not stopping.done()  # a turn may still bring a claim
    assert delivery.offer(BOT) is None
    offer.close(())
    await stopping
    await running
    world.worker.close()
