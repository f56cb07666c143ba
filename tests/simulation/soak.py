"""Two years of two programmes: what is sent is what an independent calendar says, and no more.

    python -m tests.simulation.soak --years 2 --couples 190 --laureates 10000

With a kill every week, clock changes in five zones, people who move from one to another, and the
purge of every night. Memory stays flat and the database keeps nothing past its period.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import random
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import text
from typing_extensions import override

from bot.bot import Bot
from bot.flows import pairs
from bot.programmes.schema import Programme
from bot.turn import Scene
from storage.tables import Person
from storage.unit_of_work import Database
from tests.empty import tables
from tests.simulation import almanac
from tests.simulation.loop import run
from tests.simulation.platforms import Call, Platform, Shown
from tests.simulation.world import (
    SECRET,
    STAFF,
    Bond,
    Cast,
    Member,
    World,
    image_of,
    join,
    programme,
)

START: Final = datetime(2026, 8, 31, 8, 0, tzinfo=UTC)
ZONES: Final = (
    "Europe/Paris",
    "Europe/Paris",
    "Europe/Paris",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "Pacific/Apia",
)
PRESETS: Final = Path(__file__).parents[2] / "bot" / "programmes"
DAY: Final = 86_400.0
LATE: Final = timedelta(minutes=45)  # a mass prompt to thousands takes its time, a restart too
PAIR_MONTHS: Final = 60  # longer than what is looked at
OUTBOX_DAYS, INBOX_DAYS = 90, 30  # as the service purges
MEMORY_BAR: Final = 1.10
THURSDAY: Final = 3
KEEP: Final = 2000  # calls that the simulated platforms remember


@dataclass
class Report:
    """What was measured, and which bars were missed."""

    rows: list[tuple[str, str, str, bool]] = field(default_factory=list)

    def note(self, what: str, value: object, bar: str = "", *, well: bool = True) -> None:
        """One figure."""
        self.rows.append((what, str(value), bar, well))

    @property
    def missed(self) -> list[str]:
        """The bars that were missed."""
        return [f"{what}: {value} (bar: {bar})" for what, value, bar, well in self.rows if not well]

    @override
    def __str__(self) -> str:
        return "\n".join(
            f"{what:44} {value:>16}  {f'bar: {bar}' if bar else '':14}{'' if well else ' MISSED'}"
            for what, value, bar, well in self.rows
        )


def lasting(preset: str) -> Programme:
    """The preset, with pairs that do not end while we look."""
    here = programme(preset)
    pair = here.pair.model_copy(update={"months": PAIR_MONTHS})
    return here.model_copy(update={"pair": pair})


def settle(couples: int, laureates: int) -> Cast:
    """Pairs in one programme, laureates in the other; half of them on each platform."""
    mentoring, emergence = lasting("ax-accompagnement"), lasting("emergence")
    bot = Bot({p.id: p for p in (mentoring, emergence)}, STAFF)
    database = Database("sqlite://", SECRET)
    tables(database)
    members: list[Member] = []
    bonds: list[Bond] = []
    with database.unit_of_work() as uow:
        staff = tuple(
            join(uow, here, platform, account.rpartition("/")[2], "Équipe", here.zone, "staff",
                 START)
            for here, (platform, account) in zip((mentoring, emergence), STAFF, strict=True)
        )  # fmt: skip
        for n in range(2 * couples + laureates):
            slack = (n + n // 2) % 2 == 0
            of_pair = n < 2 * couples
            members.append(
                join(
                    uow,
                    mentoring if of_pair else emergence,
                    "slack" if slack else "telegram",
                    f"U{n:05}" if slack else str(1000 + n),
                    f"Prénom{n:05} Nom{n:05}",
                    ZONES[(n // 3) % len(ZONES)],
                    "mentor" if of_pair and n % 2 else "mentee",
                    START,
                )
            )
        uow.session.flush()
        bot.plan(uow, START)
        scene = Scene(bot, uow, START)
        for n in range(0, 2 * couples, 2):
            one, other = (uow.people.get(members[n + side].number) for side in (0, 1))
            assert one is not None
            assert other is not None
            made = pairs.form(scene, None, one, other, programme=mentoring)
            bonds.append(Bond(made.id, members[n], members[n + 1]))
        uow.commit()
    image = image_of(database)
    database.close()
    return Cast(image, (mentoring, emergence), START, tuple(members), tuple(bonds), staff)


def kind_of(shown: Shown) -> str:
    """What a prompt is, by what can be pressed in it."""
    tokens = [token for _, token in shown.buttons]
    if any(token.startswith("a:") and ":met:" in token for token in tokens):
        return "checkin"
    if any(token.startswith("x:skip-this:") for token in tokens):
        return "checkin-remind"
    if any(token.startswith("r:rapport:") for token in tokens):
        return "report"
    return "guide" if not tokens else "other"


class Watch:
    """Writes down what was sent to whom and when: in a file, not in memory."""

    def __init__(self, world: World, file: Path) -> None:
        self._file = file.open("w", encoding="utf-8")
        self.count = 0
        for platform in world.platforms.values():
            platform.memory = KEEP
            platform.on_call = partial(self._called, platform)

    def _called(self, platform: Platform, call: Call) -> None:
        if call.accepted and call.priority and call.message in platform.shown:
            kind = kind_of(platform.shown[call.message])
            self._file.write(f"{call.chat}\t{kind}\t{call.wall.timestamp():.0f}\n")
            self.count += 1

    def read(self) -> dict[str, dict[str, list[datetime]]]:
        """By chat and kind."""
        self._file.close()
        found: dict[str, dict[str, list[datetime]]] = defaultdict(lambda: defaultdict(list))
        with Path(self._file.name).open(encoding="utf-8") as lines:
            for line in lines:
                chat, kind, at = line.split("\t")
                found[chat][kind].append(datetime.fromtimestamp(int(at), UTC))
        return found


async def purge(world: World) -> None:
    """What the service does every night."""
    process = world.process
    if process is None:
        return
    now = world.clocks.now()
    rules = {here.id: here.retention for here in world.cast.programmes}

    def step() -> int:
        with world.database.unit_of_work() as uow:
            gone = uow.purge(rules, now)
            uow.commit()
        return gone

    while await process.worker.run(step):
        pass


def rss() -> float:
    """Memory of this process, in MiB, after what is not used was given back."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _size(world: World) -> float:
    with world.database.engine.connect() as connection:
        pages, free, size = (
            connection.execute(text(f"PRAGMA {name}")).scalar() or 0
            for name in ("page_count", "freelist_count", "page_size")
        )
    return float((pages - free) * size / 2**20)


def _stale(world: World) -> int:
    """Rows that are kept a day longer than they may be."""
    now = world.clocks.now() - timedelta(days=1, hours=1)

    def before(days: int) -> str:
        return (now - timedelta(days=days)).strftime("%Y-%m-%d %H:%M:%S")

    queries = {
        "outbox WHERE state IN ('sent','expired','cancelled') AND created_at": OUTBOX_DAYS,
        "timer WHERE state <> 'pending' AND due_at": OUTBOX_DAYS,
        "inbox WHERE state <> 'received' AND received_at": INBOX_DAYS,
        "conversation WHERE status <> 'done' AND closes_at < updated_at AND updated_at": 30,
    }
    with world.database.engine.connect() as connection:
        return sum(
            connection.execute(
                text(f"SELECT count(*) FROM {what} < :at"), {"at": before(days)}
            ).scalar()
            or 0
            for what, days in queries.items()
        )


class Moves:
    """Some people go and live elsewhere; the process learns it when it starts again."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self.lives = {m.chat: [(START, m.zone)] for m in world.cast.members}
        self._world = world
        self._rng = rng

    def some(self, count: int) -> None:
        """So many move now."""
        now = self._world.clocks.now()
        # On a day on which nobody is asked anything: where somebody is at an instant is then plain.
        if now.weekday() != THURSDAY or now.day not in (4, 5, 6, *range(18, 27)):
            return
        with self._world.database.unit_of_work() as uow:
            for member in self._rng.sample(self._world.cast.members, count):
                zone = self._rng.choice(ZONES)
                person = uow.session.get(Person, member.number)
                assert person is not None
                person.zone = zone
                self.lives[member.chat].append((now, zone))
            uow.commit()

    def of(self, chat: str) -> almanac.Life:
        """Where somebody lived."""
        return almanac.Life(tuple(self.lives[chat]))


def _next_kill(rng: random.Random, day: int) -> float:
    """Days until the process is killed again: every other time on a Thursday."""
    if rng.random() < 0.5:
        return 7 - (day - THURSDAY) % 7 + rng.random()
    return rng.uniform(4, 10)


async def live(days: float, scene: Cast, folder: Path, seed: int) -> Report:
    """So many days."""
    found = Report()
    world = World(scene, seed, file=folder / "soak.db")
    rng = random.Random(seed)
    watch, moves = Watch(world, folder / "sent.tsv"), Moves(world, rng)
    sizes: list[float] = []
    memory: list[float] = []
    await world.start()
    loop = asyncio.get_running_loop()
    kill_at = rng.uniform(1, 7) * DAY
    for day in range(int(days)):
        until = (day + 1) * DAY
        if kill_at < until:
            await asyncio.sleep(max(0.0, kill_at - loop.time()))
            world.kill()
            await asyncio.sleep(rng.uniform(5, 60))
            moves.some(len(scene.members) // 30)
            await world.start()
            kill_at = (day + _next_kill(rng, day)) * DAY
        await asyncio.sleep(max(0.0, until - loop.time()))
        await purge(world)
        if (day + 1) % 91 == 0:
            sizes.append(_size(world))
            memory.append(rss())
            logging.getLogger(__name__).warning(
                "day %s: %s prompts, %.0f MiB, database %.1f MiB",
                day + 1, watch.count, memory[-1], sizes[-1],
            )  # fmt: skip
    if not memory:
        memory.append(rss())
        sizes.append(_size(world))
    end = scene.start + timedelta(days=int(days))
    found.note("days", int(days))
    found.note("kills", world.kills)
    _memory(found, memory, sizes)
    stale = _stale(world)
    found.note("rows past their period and a day", stale, "0", well=stale == 0)
    world.close()
    _judge(found, scene, moves, watch, end - timedelta(hours=1))
    return found


def _memory(found: Report, memory: list[float], sizes: list[float]) -> None:
    found.note("memory after the first quarter, MiB", f"{memory[0]:.1f}")
    share = memory[-1] / memory[0]
    found.note("memory at the end, MiB", f"{memory[-1]:.1f}", f"<= {MEMORY_BAR:.0%}",
               well=share <= MEMORY_BAR)  # fmt: skip
    found.note("database by quarter, MiB", " ".join(f"{s:.0f}" for s in sizes))


def _judge(found: Report, scene: Cast, moves: Moves, watch: Watch, end: datetime) -> None:
    """The prompts sent against the calendar, one by one."""
    sent = watch.read()
    files = {p.id: almanac.read(PRESETS / f"{p.id}.toml") for p in scene.programmes}
    roles = {m.chat: side for b in scene.bonds for m, side in ((b.mentee, "mentee"),
                                                               (b.mentor, "mentor"))}  # fmt: skip
    expected = missing = extra = night = 0
    for member in scene.members:
        life = moves.of(member.chat)
        if member.chat in roles:
            due = almanac.of_pair(
                files["ax-accompagnement"], roles[member.chat], life, scene.start, end
            )
        else:
            due = almanac.of_reports(files["emergence"], life, scene.start, end)
        planned: dict[str, list[datetime]] = defaultdict(list)
        for kind, at in due:
            planned[kind].append(at)
        expected += len(due)
        mine = sent.get(member.chat, {})
        for kind in {*planned, *mine}:
            times = [at for at in mine.get(kind, []) if at < end]
            lost, more = almanac.compare(planned[kind], times, LATE)
            missing += lost
            extra += more
            if (lost or more) and missing + extra < 20:
                logging.getLogger(__name__).warning(
                    "%s %s: planned %s, sent %s",
                    member, kind, sorted(planned[kind])[:40], times[:40],
                )  # fmt: skip
            for at in times:
                local = at.astimezone(life.zone(at)).time()
                night += (
                    not files["emergence"]["programme"]["quiet"]["to"]
                    <= local
                    < (files["emergence"]["programme"]["quiet"]["from"])
                )
    staff = sum(len(t) for m in scene.staff for t in sent.get(m.chat, {}).values())
    found.note("prompts of the calendar", expected, "> 0", well=expected > 0)
    found.note("of these not sent within 45 minutes", missing, "0", well=missing == 0)
    found.note("sent, and not of the calendar", extra, "0", well=extra == 0)
    found.note("sent at night", night, "0", well=night == 0)
    found.note("other prompts, to staff", staff)


def soak(days: float, couples: int, laureates: int, seed: int = 1) -> Report:
    """All of it, in virtual time."""
    begun = time.perf_counter()
    scene = settle(couples, laureates)
    with tempfile.TemporaryDirectory() as folder:
        found = run(live(days, scene, Path(folder), seed))
    found.note("seconds", f"{time.perf_counter() - begun:.0f}")
    return found


def main() -> int:
    """Run it; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", type=float, default=2.0)
    parser.add_argument("--couples", type=int, default=190)
    parser.add_argument("--laureates", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    for name in ("scheduling", "storage", "bot", "handlers"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    found = soak(365.25 * given.years, given.couples, given.laureates, given.seed)
    print(found)
    return 1 if found.missed else 0


if __name__ == "__main__":
    sys.exit(main())
