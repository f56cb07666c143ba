"""A due timer fires once, whoever ticks; one that fails stops nobody else."""

import asyncio
from collections.abc import AsyncIterator, Collection
from datetime import datetime, timedelta

import pytest

from scheduling.clock import FixedClock
from scheduling.timers import CHUNK, Timers
from scheduling.worker import Worker
from storage.tables import Audit
from storage.timers import DueTimer
from storage.unit_of_work import Database, UnitOfWork
from tests.empty import tables
from tests.stores import NOON, SECRET, payload

DAY = timedelta(days=1)


class World:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = FixedClock(NOON)
        self.worker = Worker(database)
        self.broken: set[int] = set()
        self.stuck: list[int] = []
        self.crash = False
        self.woken: set[str] = set()
        self.timers = self.another()

    def another(self) -> Timers:
        """The timers of another process on the same database."""
        return Timers(
            self.database,
            self.worker,
            self.clock,
            self.fire,
            wake=self._wake,
            on_stuck=lambda _uow, timer, _now: self.stuck.append(timer.subject_id),
        )

    def _wake(self, accounts: Collection[str]) -> None:
        self.woken |= set(accounts)

    def fire(self, uow: UnitOfWork, timer: DueTimer, now: datetime) -> None:
        uow.session.add(Audit(at=now, verb=timer.kind, thing="timer", thing_id=timer.subject_id))
        uow.session.flush()
        if timer.subject_id in self.broken:
            raise ZeroDivisionError
        uow.outbox.put_raw(
            key=f"{timer.key}:{timer.payload.get('cursor', 0)}",
            bot_account="telegram:1",
            chat_id=str(timer.subject_id),
            payload=payload("due"),
            now=now,
        )
        if timer.kind == "daily":
            self.plan(uow, timer.subject_id, timer.due_at + DAY)
        if timer.kind == "fan-out":
            cursor = timer.payload.get("cursor", 0) + 1
            if cursor < 3:
                uow.timers.again(timer, now, {"cursor": cursor})
        if self.crash:
            raise KeyboardInterrupt

    def plan(self, uow: UnitOfWork, subject: int, due: datetime, kind: str = "daily") -> None:
        uow.timers.put(
            key=f"{kind}:{subject}:{due:%Y-%m-%d}", kind=kind, subject_id=subject, due_at=due
        )

    def planned(self, count: int, kind: str = "daily") -> None:
        with self.database.unit_of_work() as uow:
            for subject in range(count):
                self.plan(uow, subject, NOON, kind)
            uow.commit()

    def fired(self) -> list[int]:
        with self.database.unit_of_work() as uow:
            return [row.thing_id or 0 for row in uow.session.query(Audit).order_by(Audit.id)]


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    world = World(database)
    yield world
    world.worker.close()


async def test_what_is_due_fires_once_and_plans_the_next(world: World) -> None:
    world.planned(3)
    assert await world.timers.fire_due() == 3
    assert world.fired() == [0, 1, 2]
    assert await world.timers.fire_due() == 0
    assert await world.timers.next_due() == NOON + DAY
    world.clock.advance(DAY)
    assert await world.timers.fire_due() == 3
    assert world.fired() == [0, 1, 2, 0, 1, 2]
    assert world.woken == {"telegram:1"}


async def test_more_than_a_chunk(world: World) -> None:
    world.planned(2 * CHUNK + 7)
    assert await world.timers.fire_due() == 2 * CHUNK + 7
    assert sorted(world.fired()) == list(range(2 * CHUNK + 7))


async def test_one_that_fails_stops_nobody_and_comes_again_later_and_later(world: World) -> None:
    world.planned(3)
    world.broken = {1}
    assert await world.timers.fire_due() == 2
    assert world.fired() == [0, 2]
    assert await world.timers.fire_due(NOON + timedelta(minutes=4)) == 0
    later = NOON
    for minutes in (5, 10, 20, 40):
        later += timedelta(minutes=minutes)
        assert await world.timers.fire_due(later - timedelta(seconds=1)) == 0
        assert world.stuck == []
        assert await world.timers.fire_due(later) == 0
    assert world.stuck == [1]
    world.broken = set()
    assert await world.timers.fire_due(later + timedelta(minutes=80)) == 1
    assert world.fired() == [0, 2, 1]


async def test_a_fan_out_goes_on_until_it_is_done(world: World) -> None:
    world.planned(1, "fan-out")
    assert await world.timers.fire_due() == 3
    assert world.fired() == [0, 0, 0]
    assert await world.timers.fire_due() == 0


async def test_a_crash_inside_leaves_everything_as_it_was(world: World) -> None:
    world.planned(2)
    world.crash = True
    with pytest.raises(KeyboardInterrupt):
        world.timers.chunk(NOON)
    assert world.fired() == []
    world.crash = False
    assert await world.another().fire_due() == 2
    assert world.fired() == [0, 1]


async def test_four_tickers_fire_each_timer_once(pg_tables: str) -> None:
    database = Database(pg_tables, SECRET)
    tables(database)
    world = World(database)
    world.planned(600)
    counts = await asyncio.gather(*(world.another().fire_due() for _ in range(4)))
    assert sum(counts) == 600
    assert sorted(world.fired()) == list(range(600))
    assert sum(count > 0 for count in counts) > 1
    world.worker.close()
    database.close()
