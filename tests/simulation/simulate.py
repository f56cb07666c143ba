"""Seeds × half-years of a programme's life, with everything going wrong that can.

    python -m tests.simulation.simulate --seeds 1000 --jobs 2

A failing seed prints the command that shows it again. The same seed gives the same trace.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import hashlib
import logging
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from tests.simulation.judge import Verdict, judge
from tests.simulation.loop import run, sometimes
from tests.simulation.people import DAY, HOUR, Crowd, Manners
from tests.simulation.platforms import Connection, Platform
from tests.simulation.world import Cast, World, cast

PRESET: Final = "ax-accompagnement"
ZONES: Final = (
    "Europe/Paris",
    "Europe/Paris",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "Pacific/Apia",
)
STARTS: Final = (  # between them every change of the clocks
    datetime(2026, 1, 12, 7, 0, tzinfo=UTC),
    datetime(2026, 9, 1, 7, 0, tzinfo=UTC),
)
REST: Final = 3 * DAY  # fair weather at the end, so that all comes to rest


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is like.

    Attributes:
        seed: All chance comes from it.
        days: How long it lasts, besides the rest at its end.
        couples: Pairs.
        kills: Mean days between two kills.
        outages: Mean days between two outages of a platform.
        suspends: Mean days between two sleeps of the machine.
        steps: Mean days between two settings of the wall clock.
        ills: Share of calls with which something goes wrong.
        repeats: Share of deliveries to us that come again.
    """

    seed: int
    days: float = 182.0
    couples: int = 50
    kills: float = 6.0
    outages: float = 20.0
    suspends: float = 25.0
    steps: float = 30.0
    ills: float = 0.04
    repeats: float = 0.04


BUSY: Final = Plan(0, kills=2.0, outages=8.0, suspends=12.0, steps=12.0, ills=0.1)


@dataclass
class Result:
    """What became of a seed."""

    seed: int
    trace: str
    broken: list[str] = field(default_factory=list)
    figures: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


Connect = Callable[[Platform], Connection]


def plainly(platform: Platform) -> Connection:
    """As the platform is."""
    return platform.connect()


@lru_cache(maxsize=4)
def scene(couples: int, number: int) -> Cast:
    """The database that a run begins with."""
    return cast(PRESET, STARTS[number % len(STARTS)], couples=couples, zones=ZONES)


class Fate:
    """What happens to the machine and to the platforms.

    Args:
        world: Whose.
        plan: How often.
        until: When it leaves them in peace, on the loop's clock.
    """

    def __init__(self, world: World, plan: Plan, until: float) -> None:
        self.world = world
        self.plan = plan
        self.until = until
        self.rng: random.Random = world.rng
        self.loop = asyncio.get_running_loop()
        self.back = asyncio.Event()
        for mean, call in (
            (plan.kills, self._kill),
            (plan.outages, self._outage),
            (plan.suspends, self._suspend),
            (plan.steps, self._step),
        ):
            self._next(mean, call)

    def _next(self, mean: float, call: Callable[[], None]) -> None:
        if mean:
            self._later(sometimes(self.rng, mean * DAY), call)

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        self.world.slack.later(seconds, call)  # beside every process

    def _over(self) -> bool:
        return self.loop.time() > self.until

    def _kill(self) -> None:
        process = self.world.process
        if self._over():
            return
        if process is not None and self.rng.random() < 0.6:  # as soon as it commits something
            process.worker.fuse = self.rng.randrange(1, 12)
            process.worker.on_end = lambda: self._later(0.0, self._die)
        else:
            self._die()
        self._next(self.plan.kills, self._kill)

    def _die(self) -> None:
        self.world.kill()
        away = self.rng.choice((1.0, 5.0, 30.0, 600.0, 3 * HOUR, 14 * HOUR))
        if self.rng.random() < 0.03:
            away = 5 * DAY
        self._later(away, self.back.set)

    def _outage(self) -> None:
        if self._over():
            return
        platform = self.rng.choice(list(self.world.platforms.values()))
        platform.weather.out = self.world.clocks.elapsed() + sometimes(self.rng, 2 * HOUR)
        self._next(self.plan.outages, self._outage)

    def _suspend(self) -> None:
        if self._over():
            return
        asleep = self.rng.choice((HOUR, 9 * HOUR, 2 * DAY, 6 * DAY))
        self.world.suspend(self.rng.uniform(0.2, 1.0) * asleep)
        self._next(self.plan.suspends, self._suspend)

    def _step(self) -> None:
        if self._over():
            return
        minutes = self.rng.choice((-180, -61, -5, 3, 45, 240))
        self.world.set_clock(timedelta(minutes=minutes))
        self._later(sometimes(self.rng, 2 * DAY), self._repair)  # somebody notices
        self._next(self.plan.steps, self._step)

    def _repair(self) -> None:
        if self.world.clocks.wrong:
            self.world.set_clock(-self.world.clocks.wrong)

    async def keep_running(self) -> None:
        """Start the process again whenever it is down."""
        while True:
            await self.back.wait()
            self.back.clear()
            if self.world.process is None:
                await self.world.start()


async def live(plan: Plan, connect: Connect = plainly) -> tuple[World, Verdict]:
    """One run; the world is closed by the caller."""
    world = World(scene(plan.couples, plan.seed), plan.seed, connect=connect)
    for platform in world.platforms.values():
        platform.weather.ills = plan.ills
        platform.weather.repeats = plan.repeats
    end = plan.days * DAY
    crowd = Crowd(world, Manners(), until=end)
    await world.start()
    fate = Fate(world, plan, until=end)
    keeper = asyncio.create_task(fate.keep_running())
    await asyncio.sleep(end)
    for platform in world.platforms.values():
        platform.weather.ills = platform.weather.repeats = platform.weather.out = 0.0
        for chat in list(platform.blocked):
            platform.blocked.discard(chat)
    if world.clocks.wrong:
        world.set_clock(-world.clocks.wrong)
    if world.process is not None:
        world.process.worker.fuse = None
    await asyncio.sleep(8 * DAY)  # the longest somebody is still away
    await asyncio.sleep(REST)
    verdict = judge(world, crowd)
    keeper.cancel()
    return world, verdict


def trace(world: World) -> str:
    """Everything that went over the wire, in one word."""
    found = hashlib.sha256()
    for platform in world.platforms.values():
        for call in platform.ledger:
            found.update(
                f"{call.at:.6f} {call.chat} {call.op} {call.row} {call.accepted} "
                f"{call.message} {call.text}\n".encode()
            )
        for act in platform.acts:
            found.update(f"{act.at:.6f} {act.chat} {act.kind} {act.event_key}\n".encode())
    return found.hexdigest()[:16]


def one(plan: Plan, connect: Connect = plainly) -> Result:
    """One seed, in virtual time."""
    logging.disable(logging.CRITICAL)
    scene(plan.couples, plan.seed)  # made once for all seeds
    gc.collect()
    gc.freeze()  # what stays anyway need not be looked at again and again
    gc.set_threshold(50_000, 20, 20)
    begun = time.perf_counter()

    async def main() -> Result:
        world, verdict = await live(plan, connect)
        found = Result(plan.seed, trace(world), verdict.broken, verdict.figures)
        world.close()
        return found

    result = run(main())
    result.seconds = time.perf_counter() - begun
    logging.disable(logging.NOTSET)
    gc.set_threshold(700, 10, 10)
    gc.unfreeze()
    return result


def command(plan: Plan) -> str:
    """How to see a seed again."""
    return (
        f"python -m tests.simulation.simulate --first {plan.seed} --seeds 1 "
        f"--days {plan.days:g} --couples {plan.couples}"
        + (" --busy" if plan.ills == BUSY.ills else "")
    )


def main() -> int:
    """Run many seeds; 1 when one of them breaks a rule or the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--days", type=float, default=182.0)
    parser.add_argument("--couples", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--busy", action="store_true", help="many more faults, as in the tests")
    parser.add_argument("--minutes", type=float, default=None, help="bar for the whole run")
    given = parser.parse_args()
    plans = [
        replace(BUSY if given.busy else Plan(0), seed=seed, days=given.days, couples=given.couples)
        for seed in range(given.first, given.first + given.seeds)
    ]
    begun = time.perf_counter()
    results: list[Result] = []
    if given.jobs == 1 or len(plans) == 1:
        results = [one(plan) for plan in plans]
    else:
        with ProcessPoolExecutor(given.jobs) as pool:
            results = list(pool.map(one, plans))
    seconds = time.perf_counter() - begun
    figures: Counter[str] = Counter()
    broken = 0
    for plan, result in zip(plans, results, strict=True):
        figures += result.figures
        if result.broken:
            broken += 1
            print(f"seed {plan.seed}: {len(result.broken)} broken; {command(plan)}")
            for line in result.broken[:10]:
                print("   ", line[:300])
    for name, count in sorted(figures.items()):
        print(f"{name:40} {count:>12,}")
    years = given.seeds * given.days / 365.25
    print(f"{'trace of the first seed':40} {results[0].trace:>12}")
    print(f"{'seconds':40} {seconds:>12.1f}")
    print(f"{'simulated years a second':40} {years / seconds:>12.3f}")
    print(f"{'seeds that break a rule':40} {broken:>12} (bar: 0)")
    slow = given.minutes is not None and seconds > 60 * given.minutes
    if given.minutes is not None:
        print(f"{'minutes':40} {seconds / 60:>12.1f} (bar: {given.minutes:g})")
    return 1 if broken or slow else 0


if __name__ == "__main__":
    sys.exit(main())
