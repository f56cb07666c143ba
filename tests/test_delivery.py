"""Delivery: never lost, never said twice, whatever the platform answers and wherever it stops."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from scheduling.pacing import Limits, Rate
from scheduling.protocol import Protocol
from scheduling.sender import NotSent
from scheduling.settling import LADDER
from storage.sending import Taken
from storage.tables import Outbox
from storage.unit_of_work import Database, UnitOfWork
from tests.delivering import BOT, FAST, SECOND, SLACK, Step, World, until
from tests.stores import NOON, payload, somebody
from tests.test_pacing import busiest


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


# --- the ordinary way -----------------------------------------------------------------------------


async def test_what_is_due_is_said_in_order_and_settled(both: World) -> None:
    lea, zoe = somebody(both.database, "7"), somebody(both.database, "9")
    for n in range(5):
        both.put(lea, f"lea {n}")
        both.put(zoe, f"zoe {n}")
    await both.delivery.drain()
    texts = both.telegram.texts()
    assert [text for text in texts if "lea" in text] == [f"lea {n}" for n in range(5)]
    assert [text for text in texts if "zoe" in text] == [f"zoe {n}" for n in range(5)]
    assert both.counts() == {"sent": 10}
    row = both.row("lea 0")
    assert (row.message_id, row.sent_at, row.payload) == ("7/1", NOON, None)
    assert row.floor_id == 0


async def test_each_token_says_its_own(world: World) -> None:
    world.put(somebody(world.database, "7"), "telegram")
    world.put(somebody(world.database, "T1/U7", platform="slack"), "slack")
    await world.delivery.drain()
    assert (world.telegram.texts(), world.slack.texts()) == (["telegram"], ["slack"])


async def test_later_is_later_and_too_late_is_never(world: World) -> None:
    lea = somebody(world.database)
    world.put(lea, "tomorrow", not_before=NOON + timedelta(days=1))
    world.put(lea, "worthless", expires_at=NOON)
    await world.delivery.drain()
    assert world.telegram.texts() == []
    assert world.counts() == {"queued": 1, "expired": 1}
    world.clock.advance(timedelta(days=1))
    await world.delivery.drain()
    assert world.telegram.texts() == ["tomorrow"]


async def test_a_running_delivery_answers_at_once_and_sleeps_otherwise(world: World) -> None:
    lea = somebody(world.database)
    delivery = world.process(times=Protocol(ttl=60.0))  # no renewal while we count
    steps = 0
    run = world.worker.run_first

    async def counting(*args: Any, **more: Any) -> Any:
        nonlocal steps
        steps += 1
        return await run(*args, **more)

    world.worker.run_first = counting  # type: ignore[method-assign]
    task = asyncio.create_task(delivery.run())
    await delivery.drain()
    before = steps
    await asyncio.sleep(0.3)
    assert steps == before  # idle
    before = steps
    world.put(lea, "hello")
    begun = time.monotonic()
    delivery.wake({BOT})
    await until(lambda: bool(world.telegram.arrived))
    assert world.telegram.arrived[0][0] - begun < 0.1
    await until(lambda: world.state("hello")[0] == "sent")
    await asyncio.sleep(0.05)
    assert steps - before == 2  # claim, settle
    await delivery.stop()
    await task
    assert not delivery.holds(BOT)


async def test_many_are_settled_and_claimed_together(world: World) -> None:
    commits = 0
    begin = world.database.unit_of_work

    def counting() -> UnitOfWork:
        nonlocal commits
        commits += 1
        return begin()

    for n in range(200):
        world.put(somebody(world.database, str(n)), f"m{n}", priority=9)
    world.telegram.latency = 0.01
    world.database.unit_of_work = counting  # type: ignore[method-assign]
    await world.delivery.drain()
    assert len(world.telegram.arrived) == 200
    assert commits <= 200
    assert 1 < world.telegram.most_in_flight <= 32


async def test_stop_finishes_what_is_in_flight_and_hands_over_at_once(world: World) -> None:
    lea = somebody(world.database)
    world.put(lea, "first")
    world.put(lea, "second")
    world.telegram.latency = 0.1
    task = asyncio.create_task(world.delivery.run())
    await until(lambda: bool(world.telegram.now_in_flight))
    await world.delivery.stop()
    await task
    assert world.state("first")[0] == "sent"
    assert world.state("second")[0] == "queued"
    begun = time.monotonic()
    await world.process(sole=False).drain()
    assert time.monotonic() - begun < FAST.ttl / 2
    assert world.telegram.texts() == ["first", "second"]


# --- what the platform answers ----------------------------------------------------------------


async def test_too_soon_waits_as_long_as_it_says_and_is_no_failure(world: World) -> None:
    lea = somebody(world.database)
    world.telegram.script["hello"] = [
        NotSent("429", retry_after=7),
        NotSent("429", retry_after=-1),
        NotSent("429", retry_after=1e9),
    ]
    world.put(lea, "hello")
    world.put(lea, "behind")
    for seconds in (7, 30, 30):
        await world.delivery.drain()
        row = world.row("hello")
        assert (row.state, row.attempts) == ("queued", 0)
        assert row.not_before == world.clock.now() + seconds * SECOND
        world.clock.advance(seconds * SECOND)
    await world.delivery.drain()
    assert world.telegram.texts() == ["hello", "behind"]
    assert world.row("hello").waits == 3


async def test_even_too_soon_ends(world: World) -> None:
    world.put(somebody(world.database), "hello")
    with world.database.unit_of_work() as uow:
        uow.session.query(Outbox).update({"waits": 500})
        uow.commit()
    world.telegram.script["hello"] = [NotSent("429", retry_after=1)]
    await world.delivery.drain()
    assert world.state("hello") == ("failed", "too many tries")


async def test_no_connection_is_tried_less_and_less_often_and_not_for_ever(world: World) -> None:
    world.telegram.script["hello"] = [NotSent("connection")] * 100
    world.put(somebody(world.database), "hello")

    def elapsed() -> float:
        return (world.clock.now() - NOON).total_seconds()

    delivery = world.process(elapsed=elapsed)
    for seconds in LADDER:
        await delivery.drain()
        assert world.state("hello") == ("queued", "connection")
        world.clock.advance((seconds - 1) * SECOND)
        before = len(world.telegram.script["hello"])
        await delivery.drain()
        assert len(world.telegram.script["hello"]) == before
        world.clock.advance(SECOND)
    await delivery.drain()
    assert world.state("hello") == ("failed", "too many tries")
    assert len(world.telegram.script["hello"]) == 100 - len(LADDER) - 1


async def test_refused_is_for_staff_and_holds_nobody_up(world: World) -> None:
    lea = somebody(world.database)
    world.telegram.script["bad"] = [NotSent("can't parse entities", permanent=True)]
    world.put(lea, "bad")
    world.put(lea, "good")
    await world.delivery.drain()
    assert world.state("bad") == ("failed", "can't parse entities")
    assert world.telegram.texts() == ["good"]
    with world.database.unit_of_work() as uow:
        assert [row.dedup_key for row in uow.outbox.parked(5)] == ["bad"]


async def test_a_message_of_another_version_fails_alone(world: World) -> None:
    lea = somebody(world.database)
    with world.database.unit_of_work() as uow:
        uow.outbox.put(key="old", identity=lea, payload=b'{"html": "?"}', now=NOON)
        uow.commit()
    world.put(lea, "new")
    await world.delivery.drain()
    assert world.state("old") == ("failed", "unreadable message")
    assert world.telegram.texts() == ["new"]


async def test_who_cannot_be_reached_here_is_told_on_their_other_platform(world: World) -> None:
    lea = somebody(world.database, "7")
    somebody(world.database, "T1/U7", platform="slack", person=lea.person_id)
    world.telegram.script = {
        text: [NotSent("blocked", unreachable=True)] for text in ("first", "second", "third")
    }
    world.put(lea, "first", priority=5)
    world.put(lea, "second", op="edit", target="7/1")
    world.put(lea, "third", op="delete", target="7/2")
    await world.delivery.drain()
    assert world.slack.texts() == ["first", "second"]
    assert world.state("first") == world.state("third") == ("unreachable", "blocked")
    assert world.row("first:other").priority == 5
    assert world.row("second:other").op == "post"
    with world.database.unit_of_work() as uow:
        reachable = {i.platform: i.reachable for i in uow.people.identities(lea.person_id)}
    assert reachable == {"telegram": False, "slack": True}
    assert len(world.unreachable) == 1  # the news, not each message


async def test_who_cannot_be_reached_anywhere_is_for_staff(world: World) -> None:
    lea = somebody(world.database, "7")
    somebody(world.database, "T1/U7", platform="slack", person=lea.person_id)
    blocked: list[Step] = [NotSent("blocked", unreachable=True)]
    world.telegram.script["hello"] = [*blocked]
    world.slack.script["hello"] = [*blocked]
    world.put(lea, "hello")
    await world.delivery.drain()
    assert world.counts() == {"unreachable": 2}
    assert len(world.unreachable) == 2


async def test_an_archived_channel_is_for_staff_too(world: World) -> None:
    with world.database.unit_of_work() as uow:
        uow.outbox.put_raw(
            key="digest", bot_account=SLACK, chat_id="C1", payload=payload("digest"), now=NOON
        )
        uow.commit()
    world.slack.script["digest"] = [NotSent("is_archived", unreachable=True)]
    await world.delivery.drain()
    assert world.state("digest") == ("unreachable", "is_archived")
    assert len(world.unreachable) == 1


async def test_telling_staff_may_fail(world: World) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    delivery = world.process(on_unreachable=broken)
    world.put(somebody(world.database), "hello")
    world.telegram.script["hello"] = [NotSent("blocked", unreachable=True)]
    await delivery.drain()
    assert world.state("hello") == ("unreachable", "blocked")


# --- pace -----------------------------------------------------------------------------------------


async def test_the_platforms_pace_is_kept_and_used(world: World) -> None:
    rate = Rate(40, 1.0, smooth=True)
    world.telegram.limits = Limits(account=(rate,), chat=(Rate(1, 0.3),))
    people = [somebody(world.database, str(n)) for n in range(60)]
    for person in people:
        world.put(person, f"mass {person.account}", priority=9)
    world.put(people[-1], "answer")
    world.telegram.latency = 0.01
    delivery = world.process(paced=True)
    await delivery.drain()
    times = [at for at, _, _ in world.telegram.arrived]
    assert len(times) == 61
    assert busiest(times, 0.97) <= 40
    assert times[-1] - times[0] < 61 / (40 * 0.9)
    assert world.telegram.texts()[0] == "mass 59"  # the answer lends its haste
    assert world.telegram.texts().index("answer") < 30  # as soon as its chat is free again
    chat = [at for at, chat, _ in world.telegram.arrived if chat == "59"]
    assert chat[1] - chat[0] >= 0.3


async def test_too_soon_for_the_account_silences_the_account(world: World) -> None:
    lea, zoe = somebody(world.database, "7"), somebody(world.database, "9")
    world.telegram.limits = Limits(account=(Rate(30, 1.0, smooth=True),))
    world.telegram.script["hello"] = [NotSent("429", retry_after=0.7, scope="account")]
    delivery = world.process(paced=True)
    world.put(lea, "hello")
    await delivery.drain()
    begun = time.monotonic()
    world.put(zoe, "other")
    await delivery.drain()
    assert time.monotonic() - begun > 0.4
    assert world.telegram.texts() == ["other"]


async def test_after_taking_over_there_is_a_moment_of_silence(world: World) -> None:
    lea = somebody(world.database)
    world.telegram.limits = Limits(account=(Rate(30, 1.0, smooth=True),))
    first = world.process(paced=True)
    world.put(lea, "first")
    begun = time.monotonic()
    await first.drain()
    assert time.monotonic() - begun < 0.5  # the first ever need not wait
    second = world.process(paced=True, times=Protocol(2.0, 0.5, quiet=0.6, margin=0.0))
    world.put(lea, "second")
    begun = time.monotonic()
    await second.drain()
    assert time.monotonic() - begun >= 0.6
    assert world.telegram.texts() == ["first", "second"]


def test_times_that_let_two_senders_overlap_are_refused() -> None:
    assert Protocol().http_timeout < Protocol().ttl / 2
    with pytest.raises(ValueError, match="half"):
        Protocol(ttl=10, http_timeout=5)


async def test_what_an_outage_kept_back_does_not_come_at_night(both: World) -> None:
    morning = NOON + timedelta(hours=20)

    def waking(_uow: UnitOfWork, _row: Taken, now: datetime) -> datetime:
        return now if NOON.hour <= now.hour < 20 or now >= morning else morning

    lea = somebody(both.database)
    both.put(lea, "reminder", priority=5)
    both.telegram.script["reminder"] = [NotSent("no connection")]
    night = both.process(waking=waking)
    await night.drain()  # tried at noon, in vain
    both.clock.advance(timedelta(hours=9))
    both.put(lea, "answer")
    await night.drain()
    assert both.telegram.texts() == ["answer"]  # nor does it hold up who is awake
    assert both.row("reminder").not_before == morning
    both.clock.set(morning)
    await night.drain()
    assert both.telegram.texts() == ["answer", "reminder"]
