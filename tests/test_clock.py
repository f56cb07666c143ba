"""Clocks that are moved by hand, and the alarm that survives what it wakes."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest

from scheduling.clock import DemoClock, FixedClock, SystemClock, Ticker, elapsed
from tests.stores import NOON


def test_a_fixed_clock_stands_still_until_it_is_moved() -> None:
    clock = FixedClock(NOON.astimezone(timezone(timedelta(hours=2))))
    assert clock.now() == NOON
    assert clock.now().tzinfo is UTC
    clock.advance(timedelta(weeks=3))
    assert clock.now() == NOON + timedelta(weeks=3)
    clock.set(NOON)
    assert clock.now() == NOON


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        FixedClock(datetime(2026, 10, 6))  # noqa: DTZ001 - that is the point


async def test_the_demo_clock_runs_from_where_it_is_set() -> None:
    clock = DemoClock(NOON)
    await asyncio.sleep(0.02)
    assert NOON < clock.now() < NOON + timedelta(seconds=5)
    clock.advance(timedelta(days=1))
    assert clock.now() > NOON + timedelta(days=1)
    assert abs(DemoClock().now() - SystemClock().now()) < timedelta(seconds=5)


def test_elapsed_only_grows() -> None:
    assert elapsed() <= elapsed()


async def test_the_ticker_goes_on_after_an_error_and_never_overlaps_itself() -> None:
    calls: list[str] = []
    running = 0

    async def slow() -> None:
        nonlocal running
        running += 1
        assert running == 1
        calls.append("slow")
        await asyncio.sleep(0.05)
        running -= 1

    async def broken() -> None:
        calls.append("broken")
        raise RuntimeError

    ticker = Ticker()
    ticker.every(0.02, slow, "slow")
    ticker.every(0.02, broken, "broken")
    ticker.start()
    await asyncio.sleep(0.3)
    ticker.stop()
    ticker.stop()
    assert calls.count("broken") >= 3
    assert 2 <= calls.count("slow") <= 7
    await asyncio.sleep(0.06)
    count = len(calls)
    await asyncio.sleep(0.1)
    assert len(calls) == count


async def test_a_call_under_way_goes_on_when_the_ticker_stops(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A stop in good order is no error, and cuts nothing in the middle."""
    begun, done = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        begun.set()
        await asyncio.sleep(0.1)
        done.set()

    ticker = Ticker()
    ticker.every(0.02, slow, "slow")
    ticker.start()
    async with asyncio.timeout(5):
        await begun.wait()
        ticker.stop()
        await done.wait()
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
