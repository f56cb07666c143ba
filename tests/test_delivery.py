"""Delivery: never lost, never said twice, whatever the platform answers and wherever it stops."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.messages import Message
from scheduling.clock import FixedClock
from scheduling.delivery import Delivery
from scheduling.lane import Protocol
from scheduling.pacing import Limits, Rate
from scheduling.sender import Claimed, Doubtful, NotSent, Outcome, Sent
from scheduling.settling import LADDER
from scheduling.worker import Worker
from storage.leases import LeaseStore
from storage.sending import TWICE, Taken
from storage.tables import Base, Identity, Outbox
from storage.unit_of_work import Database, UnitOfWork
from tests.stores import NOON, SECRET, payload, somebody
from tests.test_pacing import busiest

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
        here = self.now_in_flight.get(row.chat_id, 0) + 1
        assert here == 1, "two at once in one chat"
        self.now_in_flight[row.chat_id] = here
        self.most_in_flight = max(self.most_in_flight, len(self.now_in_flight))
        try:
            await asyncio.sleep(self.latency)
            return self._play(self.script.get(row.message.text, []), row)
        finally:
            del self.now_in_flight[row.chat_id]

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


async def test_two_replicas_say_everything_once(pg_url: str) -> None:
    database = Database(pg_url, SECRET)
    Base.metadata.create_all(database.engine)
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
