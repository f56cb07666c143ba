"""A clock that leaps: people are answered, what goes to many waits for a human or for the clock."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from handlers.local.stage import Stage
from scheduling import leap
from scheduling.clock import FixedClock
from scheduling.leap import Leap
from scheduling.worker import Worker
from storage.tables import Outbox
from storage.unit_of_work import Database, UnitOfWork
from tests.stores import NOON, payload, somebody

DAY = timedelta(days=1)


class World:
    """A machine: two clocks, and a process that can be started again."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.worker = Worker(database)
        self.clock = FixedClock(NOON)
        self.seconds = 1000.0
        self.asked: list[tuple[datetime, datetime]] = []
        self.process()

    def process(self) -> None:
        self.leap = Leap(self.database, self.worker, self.clock, self._ask, lambda: self.seconds)

    def _ask(self, _uow: UnitOfWork, was: datetime, now: datetime) -> None:
        self.asked.append((was, now))

    def passes(self, time: timedelta) -> None:
        self.clock.advance(time)
        self.seconds += time.total_seconds()

    def confirm(self, at: datetime) -> None:
        with self.database.unit_of_work() as uow:
            uow.memos.put(leap.CONFIRMED, at)
            uow.commit()


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    world = World(database)
    await world.leap.start()
    yield world
    world.worker.close()


async def test_time_that_passes_is_no_leap(world: World) -> None:
    for time in (timedelta(seconds=1), timedelta(hours=3), 40 * DAY):  # asleep for 40 days
        world.passes(time)
        assert await world.leap.look()
    assert world.asked == []


async def test_a_day_more_or_less_is_no_leap(world: World) -> None:
    for step in (timedelta(hours=25), timedelta(hours=-25), -300 * DAY, timedelta(minutes=-61)):
        world.clock.advance(step)
        assert not world.leap.held()
        assert await world.leap.look()
    assert world.asked == []


async def test_a_leap_is_seen_at_once_and_asked_once(world: World) -> None:
    world.passes(timedelta(hours=1))
    assert await world.leap.look()
    world.clock.advance(30 * DAY)
    assert world.leap.held()
    for _ in range(3):
        world.passes(timedelta(seconds=1))
        assert not await world.leap.look()
    was = NOON + timedelta(hours=1, seconds=1)
    assert world.asked == [(was, was + 30 * DAY)]


async def test_staff_confirm_the_date(world: World) -> None:
    world.clock.advance(30 * DAY)
    assert not await world.leap.look()
    world.confirm(NOON)  # of another day: says nothing about this one
    assert not await world.leap.look()
    world.confirm(world.clock.now())
    assert await world.leap.look()
    assert not world.leap.held()
    world.clock.advance(2 * DAY)
    assert not await world.leap.look()
    assert len(world.asked) == 2


async def test_the_clock_is_set_back(world: World) -> None:
    lea = somebody(world.database)
    world.clock.advance(300 * DAY)
    assert not await world.leap.look()
    with world.database.unit_of_work() as uow:
        wrong = world.clock.now()
        uow.outbox.put(key="answer", identity=lea, payload=payload("Oui."), now=wrong)
        uow.outbox.put(
            key="later", identity=lea, payload=payload("Demain."), now=NOON, not_before=NOON + DAY
        )
        uow.commit()
    world.clock.advance(-300 * DAY)
    assert await world.leap.look()
    with world.database.unit_of_work() as uow:
        rows = {row.dedup_key: row.not_before for row in uow.session.query(Outbox)}
    assert rows == {"answer": NOON, "later": NOON + DAY}


async def test_a_leap_while_the_process_was_down(world: World) -> None:
    world.passes(timedelta(minutes=1))
    await world.leap.look()  # keeps where the clocks stood
    world.passes(timedelta(minutes=5))
    world.clock.advance(10 * DAY)
    world.process()
    await world.leap.start()
    assert world.leap.held()
    assert len(world.asked) == 1


async def test_an_outage_is_no_leap(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.passes(3 * DAY)  # the process was down, the machine was not
    world.process()
    await world.leap.start()
    assert not world.leap.held()
    world.clock.advance(3 * DAY)  # the machine was down: nobody can tell
    world.seconds = 5.0
    monkeypatch.setattr(leap, "boot", lambda: "another run of the machine")
    world.process()
    await world.leap.start()
    assert not world.leap.held()
    assert world.asked == []


async def until(there: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not there():  # noqa: ASYNC110 - the local platforms have no other news
            await asyncio.sleep(0.02)


async def test_people_are_answered_while_the_rest_waits(tmp_path: Path) -> None:
    stage = Stage(f"sqlite:///{tmp_path}/c.db", ["emergence"], staff=["slack:T0LOCAL/UCLAIRE"])
    stage.slack.add_user("UCLAIRE", "Claire")
    stage.telegram.add_user(7, "Léa")
    await stage.start()
    try:
        service = stage.service
        service.leap = Leap(service.database, service.worker, stage.clock, service._leapt)
        await stage.telegram.press_start(7)
        await stage.settled()

        def plan(uow: UnitOfWork) -> None:
            lea = uow.people.by_account("telegram", "7")
            assert lea is not None
            now = stage.clock.now()
            due = now + 20 * DAY
            uow.outbox.put(
                key="mass",
                identity=lea,
                payload=payload("Bilan"),
                now=now,
                priority=9,
                not_before=due,
                expires_at=now + 40 * DAY,
            )
            uow.timers.put(key="x", kind="none", subject_id=1, due_at=due)
            uow.commit()

        await stage.read(plan)
        stage.clock.advance(30 * DAY)
        assert await service.tick() == 0
        before = len(stage.telegram.messages(7))
        await stage.telegram.send(7, "bonjour")
        await until(lambda: len(stage.telegram.messages(7)) > before + 1)  # and an answer
        await service.settle()
        assert "Bilan" not in str(stage.telegram.messages(7))
        [question] = [m for m in stage.slack.messages("UCLAIRE") if "horloge" in m.text.lower()]
        assert "15 oct. 2026" in str(question.blocks)
        await stage.slack.press("UCLAIRE", "UCLAIRE", question.ts, "La date est juste")
        await until(lambda: "Merci" in str(stage.slack.messages("UCLAIRE")))
        await until(lambda: not service.busy)
        assert await service.tick() >= 1
        await until(lambda: "Bilan" in str(stage.telegram.messages(7)))
    finally:
        await stage.stop()
