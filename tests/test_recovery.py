"""Doubt and crashes: what may have arrived is looked up, and said neither twice nor never."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from scheduling.protocol import Protocol
from scheduling.sender import Claimed, Doubtful, NotSent, Outcome, Sent
from scheduling.settling import LADDER
from storage.leases import LeaseStore
from storage.sending import TWICE
from storage.tables import Outbox
from storage.unit_of_work import Database, UnitOfWork
from tests.delivering import BOT, FAST, Platform, Step, World, until
from tests.empty import tables
from tests.stores import SECRET, somebody


@pytest.fixture
async def world(lite: Database) -> AsyncIterator[World]:
    world = World(lite)
    yield world
    world.worker.close()


@pytest.fixture
async def both(database: Database) -> AsyncIterator[World]:
    world = World(database)
    yield world
    world.worker.close()


# --- doubt --------------------------------------------------------------------------------------


async def test_too_soon_to_look_up_is_no_silence(world: World) -> None:
    """A burst of look-ups that meets a 429 must not stop what others have to hear."""
    lea, zoe = somebody(world.database, "7"), somebody(world.database, "9")
    world.put(lea, "hello")
    world.telegram.script["hello"] = [world.telegram.swallow]
    soon = Doubtful("too many requests", look_again=0.1, there=True)
    world.telegram.looks["hello"] = [soon] * 8
    task = asyncio.create_task(world.delivery.drain())
    await until(lambda: len(world.telegram.asked) >= 5)
    world.put(zoe, "other")
    await asyncio.wait_for(task, 5)
    assert world.telegram.texts() == ["hello", "other"]


async def test_what_is_proved_absent_again_does_not_wait(world: World) -> None:
    world.put(somebody(world.database), "hello")
    world.telegram.script["hello"] = [Doubtful("timeout")] * 3
    await world.delivery.drain()
    assert world.telegram.texts() == ["hello"]
    assert world.row("hello").attempts == 4


async def test_what_may_be_there_twice_is_found_by_the_press_on_the_other(world: World) -> None:
    world.put(somebody(world.database), "hello")
    inconclusive = Doubtful("not found, not proved absent")
    world.telegram.script["hello"] = [world.telegram.swallow, NotSent("no connection")]
    world.telegram.looks["hello"] = [inconclusive]
    await world.delivery.drain()
    world.clock.advance(timedelta(hours=1))
    await world.delivery.drain()
    world.clock.advance(timedelta(hours=1))
    await world.delivery.drain()
    assert world.telegram.texts() == ["hello", "hello"]
    assert world.state("hello") == ("sent", TWICE)
    with world.database.unit_of_work() as uow:
        assert uow.sending.twin(BOT, "7", "7/2") is None  # the one that is recorded
        assert uow.sending.twin(BOT, "8", "8/1") is None
        assert uow.sending.twin(BOT, "7", "7/1") == "7/2"
        assert uow.sending.twin(BOT, "7", "7/1") is None  # once
        uow.commit()
    assert world.state("hello") == ("sent", None)


async def test_a_press_on_another_message_finds_no_twin(world: World) -> None:
    lea = somebody(world.database)
    world.put(lea, "before")
    await world.delivery.drain()
    world.telegram.script["hello"] = [world.telegram.swallow]
    world.telegram.looks["hello"] = [Doubtful("not found, not proved absent")]
    world.put(lea, "hello")
    await world.delivery.drain()
    world.clock.advance(timedelta(hours=1))
    await world.delivery.drain()
    assert world.state("hello") == ("sent", TWICE)
    with world.database.unit_of_work() as uow:
        assert uow.sending.twin(BOT, "7", "7/1") is None
        assert uow.sending.twin(BOT, "7", "7/2") == "7/3"


async def test_a_swallowed_answer_is_looked_up_and_not_sent_again(world: World) -> None:
    lea = somebody(world.database)
    world.telegram.script["hello"] = [world.telegram.swallow]
    world.put(lea, "hello")
    world.put(lea, "next")
    await world.delivery.drain()
    assert world.telegram.texts() == ["hello", "next"]
    assert world.row("hello").message_id == "7/1"
    assert len(world.telegram.asked) == 1


@pytest.mark.parametrize("step", [Doubtful("502"), ConnectionResetError("SECRET")])
async def test_lost_on_the_way_is_looked_up_and_sent_once_more(
    world: World, step: Step, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    world.telegram.script["hello"] = [step]
    world.put(somebody(world.database), "hello")
    await world.delivery.drain()
    assert world.telegram.texts() == ["hello"]
    assert world.row("hello").attempts == 2
    assert "SECRET" not in caplog.text


async def test_an_answer_after_the_time_out_is_doubt_not_a_second_message(world: World) -> None:
    arrived = world.telegram.deliver

    async def slow(row: Claimed) -> Outcome:
        arrived(row)
        await asyncio.sleep(60)
        return Sent()

    world.telegram.send = slow  # type: ignore[method-assign]
    world.put(somebody(world.database), "hello")
    begun = time.monotonic()
    await world.delivery.drain()
    assert time.monotonic() - begun < 4 * FAST.http_timeout
    assert world.telegram.texts() == ["hello"]
    assert world.state("hello")[0] == "sent"


async def test_a_look_up_that_needs_time_holds_up_its_own_chat_only(world: World) -> None:
    lea, zoe = somebody(world.database, "7"), somebody(world.database, "9")
    world.telegram.script["hello"] = [world.telegram.swallow]
    world.telegram.looks["hello"] = [
        Doubtful("lag", look_again=0.1),
        ConnectionError(),
        Sent("7/1"),
    ]
    world.put(lea, "hello")
    world.put(lea, "behind")
    world.put(zoe, "other")
    begun = time.monotonic()
    await world.delivery.drain()
    assert time.monotonic() - begun > 0.1
    assert world.telegram.texts() == ["hello", "other", "behind"]
    assert len(world.telegram.asked) == 3


async def test_when_nobody_can_tell_the_policy_decides(world: World) -> None:
    lea, zoe = somebody(world.database, "7"), somebody(world.database, "9")
    for text in ("prompt", "announcement"):
        world.telegram.script[text] = [Doubtful("time-out")]
        world.telegram.looks[text] = [Doubtful("ids out of order")]
    world.put(lea, "prompt", policy="resend")
    world.put(zoe, "announcement", policy="hold")
    world.put(zoe, "behind")
    await world.delivery.drain()
    assert sorted(world.telegram.texts()) == ["behind", "prompt"]
    assert world.state("announcement") == ("in_doubt", "ids out of order")


async def test_resending_ends_too(world: World) -> None:
    world.telegram.script["hello"] = [Doubtful("time-out")] * 100
    world.telegram.looks["hello"] = [Doubtful("no look-up")] * 100
    world.put(somebody(world.database), "hello")
    for _ in range(20):
        await world.delivery.drain()
        world.clock.advance(timedelta(days=1))
    assert world.state("hello") == ("failed", "too many tries")
    assert len(world.telegram.script["hello"]) == 100 - len(LADDER) - 1


@pytest.mark.parametrize("op", ["edit", "delete", "home", "ephemeral"])
async def test_what_may_be_done_twice_is_simply_done_again(world: World, op: str) -> None:
    world.telegram.script["again"] = [world.telegram.swallow]
    world.put(somebody(world.database), "again", op=op, target="7/1")
    await world.delivery.drain()
    world.clock.advance(timedelta(minutes=1))
    await world.delivery.drain()
    assert world.telegram.texts() == ["again", "again"]
    assert world.telegram.asked == []
    assert world.state("again")[0] == "sent"


# --- crashes ------------------------------------------------------------------------------------


async def test_a_crash_before_the_wire_is_looked_up_then_sent_once(both: World) -> None:
    both.put(somebody(both.database), "hello")
    [row] = both.claim()
    await both.delivery.drain()
    assert both.telegram.asked == [[row.id]]
    assert both.telegram.texts() == ["hello"]
    assert both.state("hello")[0] == "sent"


async def test_a_crash_after_the_wire_is_looked_up_and_not_sent_again(both: World) -> None:
    both.put(somebody(both.database), "hello")
    [row] = both.claim()
    both.telegram.deliver(Claimed.of(row))
    await both.delivery.drain()
    assert both.telegram.texts() == ["hello"]
    assert both.row("hello").message_id == "7/1"


async def test_a_crash_during_recovery_is_recovered(both: World) -> None:
    both.put(somebody(both.database), "hello")
    [row] = both.claim()
    both.telegram.deliver(Claimed.of(row))
    both.telegram.looks["hello"] = [Doubtful("lag", look_again=60)]
    first = asyncio.create_task(both.delivery.drain())
    await until(lambda: bool(both.telegram.asked))
    first.cancel()  # adopted, then gone
    await both.process().drain()
    assert both.telegram.texts() == ["hello"]
    assert both.state("hello")[0] == "sent"


async def test_what_may_be_done_twice_is_done_again_after_a_crash(world: World) -> None:
    world.put(somebody(world.database), "edit", op="edit", target="7/1")
    world.claim()
    await world.delivery.drain()
    assert world.telegram.texts() == ["edit"]
    assert world.telegram.asked == []


async def test_a_claim_whose_commit_got_lost_is_found_by_the_sweep(world: World) -> None:
    world.put(somebody(world.database), "hello")
    lose = True
    real = world.database.unit_of_work

    def losing() -> UnitOfWork:
        uow = real()
        commit = uow.commit

        def lost() -> None:
            nonlocal lose
            commit()
            if lose and any(row.state == "sending" for row in uow.session.query(Outbox)):
                lose = False
                raise ConnectionError

        uow.commit = lost  # type: ignore[method-assign]
        return uow

    world.database.unit_of_work = losing  # type: ignore[method-assign]
    delivery = world.process(times=Protocol(2.0, 0.5, 0.0, 0.0, 0.1))
    await delivery.drain()
    assert not lose
    assert world.telegram.texts() == []  # claimed, but nobody knows
    world.clock.advance(timedelta(minutes=1))
    await asyncio.sleep(0.15)
    await delivery.drain()
    assert world.telegram.texts() == ["hello"]


async def test_a_zombies_late_result_changes_nothing(both: World) -> None:
    both.put(somebody(both.database), "hello")
    both.telegram.latency = 0.2
    zombie = asyncio.create_task(both.delivery.drain())
    await until(lambda: bool(both.telegram.now_in_flight))
    # meanwhile another process takes over, and knows that it arrived
    other = Platform()
    successor = both.process(telegram=other)
    row_id = both.row("hello").id
    other.history[row_id] = "7/99"
    await successor.drain()
    assert both.row("hello").message_id == "7/99"
    zombie_says = both.row("hello").epoch
    await asyncio.wait_for(asyncio.gather(zombie, return_exceptions=True), 10)
    row = both.row("hello")
    assert (row.state, row.message_id, row.epoch) == ("sent", "7/99", zombie_says)


async def test_no_call_is_made_whose_answer_would_come_after_the_lease(world: World) -> None:
    world.put(somebody(world.database), "hello")
    lane = world.delivery._lanes[BOT]
    await lane._acquire()
    lane._lease_end -= FAST.ttl - FAST.http_timeout + 0.01
    lane._renew_at = lane._lease_end
    await lane._advance()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert world.telegram.texts() == []
    await (
        world.delivery.drain()
    )  # renewed in time: the row given back is sent, as its first attempt
    assert world.telegram.texts() == ["hello"]
    assert world.row("hello").attempts == 1


async def test_a_second_process_stays_passive_until_the_first_is_gone(both: World) -> None:
    first = both.process(sole=False)
    second = both.process(sole=False)
    await first.drain()
    both.put(somebody(both.database), "hello")
    passive = asyncio.create_task(second.drain())
    await asyncio.sleep(0.3)
    assert both.telegram.texts() == []
    assert first.holds(BOT)
    assert not second.holds(BOT)
    await first.stop()
    await asyncio.wait_for(passive, 5)
    assert both.telegram.texts() == ["hello"]
    assert second.holds(BOT)


async def test_a_lost_lease_is_noticed_and_fought_for_again(both: World) -> None:
    lea = somebody(both.database)
    await both.delivery.drain()
    with both.database.unit_of_work() as uow:
        LeaseStore(uow.session).acquire(BOT, "somebody else", 0.0, force=True)
        uow.commit()
    both.put(lea, "hello")
    both.delivery._lanes[BOT]._renew_at = 0.0
    await both.delivery.drain()
    assert both.telegram.texts() == ["hello"]
    assert both.row("hello").epoch == 3


async def test_a_database_that_stumbles_loses_no_result(world: World) -> None:
    world.put(somebody(world.database), "hello")
    real = world.database.unit_of_work
    troubles = 0

    def stumbling() -> UnitOfWork:
        nonlocal troubles
        if world.telegram.arrived and troubles < 2:
            troubles += 1
            raise ConnectionError
        return real()

    world.database.unit_of_work = stumbling  # type: ignore[method-assign]
    await world.delivery.drain()
    assert troubles == 2
    world.database.unit_of_work = real  # type: ignore[method-assign]
    assert world.telegram.texts() == ["hello"]
    assert world.state("hello")[0] == "sent"


async def test_two_replicas_say_everything_once(pg_tables: str) -> None:
    database = Database(pg_tables, SECRET)
    tables(database)
    world = World(database)
    people = [somebody(database, str(n)) for n in range(20)]
    for n in range(100):
        world.put(people[n % 20], f"m{n}")
    replicas = [world.process(sole=False) for _ in range(2)]
    tasks = [asyncio.create_task(replica.run()) for replica in replicas]
    await until(lambda: len(world.telegram.arrived) >= 30)
    holder = next(replica for replica in replicas if replica.holds(BOT))
    other = next(replica for replica in replicas if replica is not holder)
    await holder.stop()  # hands over in the middle
    await other.drain()
    await other.stop()
    await asyncio.gather(*tasks)
    assert sorted(world.telegram.texts()) == sorted(f"m{n}" for n in range(100))
    world.worker.close()
    database.close()
