"""A world: a machine with its clocks and its database, two platforms, one process at a time.

The database is made once per kind of world and copied: what a world costs is then what happens in
it. Killing, starting, suspending and setting the clock are done here; who does what when is said by
those who use it.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from bot.bot import Bot
from bot.flows import pairs
from bot.programmes.load import load
from bot.programmes.schema import Programme
from bot.turn import Scene
from scheduling.protocol import Protocol
from storage.tables import Identity
from storage.unit_of_work import Database, UnitOfWork
from tests.empty import tables
from tests.simulation.loop import Clocks
from tests.simulation.platforms import (
    SLACK,
    TEAM,
    TELEGRAM,
    Act,
    Connection,
    Platform,
    Slack,
    Telegram,
)
from tests.simulation.process import STRETCHED, Process

SECRET: Final = "simulated, no real person here"
STAFF: Final = (("telegram", "900"), ("slack", f"{TEAM}/U900"))


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in the database."""

    number: int  # person id
    platform: str
    chat: str  # U… or digits
    name: str
    zone: str  # where they live
    role: str

    @property
    def account(self) -> str:
        """As the platform names them."""
        return f"{TEAM}/{self.chat}" if self.platform == "slack" else self.chat


@dataclass(frozen=True, slots=True)
class Bond:
    """A pair."""

    number: int
    mentee: Member
    mentor: Member


@dataclass(frozen=True, slots=True)
class Cast:
    """A database to begin with, and who is in it."""

    image: bytes
    programmes: tuple[Programme, ...]
    start: datetime
    members: tuple[Member, ...]
    bonds: tuple[Bond, ...]
    staff: tuple[Member, ...]


@lru_cache(maxsize=8)
def programme(preset: str) -> Programme:
    """A preset, read once."""
    return load(preset)


def connection(database: Database) -> sqlite3.Connection:
    """The one connection of a database in memory."""
    raw = database.engine.raw_connection()
    try:
        found: Any = raw.driver_connection
    finally:
        raw.close()
    assert isinstance(found, sqlite3.Connection)
    return found


def image_of(database: Database) -> bytes:
    """All that is in it."""
    return connection(database).serialize()


def open_image(image: bytes, file: Path | None = None) -> Database:
    """A database, in memory or in a file, that holds this."""
    database = Database(f"sqlite:///{file}" if file else "sqlite://", SECRET)
    other = sqlite3.connect(":memory:")
    other.deserialize(image)
    other.backup(connection(database))
    other.close()
    return database


def join(
    uow: UnitOfWork, here: Programme, platform: str, chat: str, name: str, zone: str, role: str,
    now: datetime,
) -> Member:  # fmt: skip
    """Somebody who has agreed to be here."""
    account = f"{TEAM}/{chat}" if platform == "slack" else chat
    bot_account = SLACK if platform == "slack" else TELEGRAM
    identity: Identity = uow.people.meet(
        platform=platform, account=account, bot_account=bot_account, lang="fr", now=now
    )
    person = uow.people.get(identity.person_id)
    assert person is not None
    person.name, person.programme_id = name, here.id
    person.zone = None if zone == here.zone else zone
    person.email = f"{chat.lower()}@exemple.invalid"
    uow.people.consent(person.id, here.id, "storage", text=here.consent.read, now=now)
    if role == "mentor":
        uow.people.consent(person.id, here.id, "charter", text=("2026-11", ""), now=now)
    uow.people.enrol(person.id, here.id, role, now=now)
    return Member(person.id, platform, chat, name, zone, role)


def cast(
    preset: str,
    start: datetime,
    *,
    couples: int,
    zones: tuple[str, ...],
    alone: int = 0,
) -> Cast:
    """So many pairs, and people without one, half on each platform.

    Args:
        preset: The programme.
        start: When all of them begin.
        couples: How many pairs.
        zones: Where people live, in turns; the programme's own zone first.
        alone: How many mentees without a pair.
    """
    here = programme(preset)
    bot = Bot({here.id: here}, STAFF)
    database = Database("sqlite://", SECRET)
    tables(database)
    members: list[Member] = []
    bonds: list[Bond] = []
    with database.unit_of_work() as uow:
        staff = tuple(
            join(uow, here, platform, account.rpartition("/")[2], f"Équipe {n}", here.zone, "staff",
                 start)
            for n, (platform, account) in enumerate(STAFF)
        )  # fmt: skip
        for n in range(2 * couples + alone):
            slack = (n + n // 2) % 2 == 0
            member = join(
                uow,
                here,
                "slack" if slack else "telegram",
                f"U{n:05}" if slack else str(1000 + n),
                f"Prénom{n:05} Nom{n:05}",
                zones[(n // 3) % len(zones)],
                "mentor" if n < 2 * couples and n % 2 else "mentee",
                start,
            )
            members.append(member)
        uow.session.flush()
        bot.plan(uow, start)
        scene = Scene(bot, uow, start)
        for mentee, mentor in zip(members[: 2 * couples : 2], members[1 : 2 * couples : 2],
                                  strict=True):  # fmt: skip
            one, other = uow.people.get(mentee.number), uow.people.get(mentor.number)
            assert one is not None
            assert other is not None
            made = pairs.form(scene, None, one, other, programme=here)
            bonds.append(Bond(made.id, mentee, mentor))
        uow.commit()
    image = image_of(database)
    database.close()
    return Cast(image, (here,), start, tuple(members), tuple(bonds), staff)


class World:
    """The machine, the platforms, and the process that runs now, if one does.

    Args:
        scene: What to begin with.
        seed: All chance comes from it.
        connect: How a process connects to a platform: a test may plant a fault there.
        times: The delivery's times.
        paced: Whether the delivery keeps to the platforms' limits.
        file: Where the database is; None: in memory.
    """

    def __init__(
        self,
        scene: Cast,
        seed: int,
        *,
        file: Path | None = None,
        connect: Callable[[Platform], Connection] = lambda platform: platform.connect(),
        times: Protocol = STRETCHED,
        paced: bool = True,
    ) -> None:
        self.cast = scene
        self.rng = random.Random(seed)
        self.clocks = Clocks(scene.start)
        self.database = open_image(scene.image, file)
        self.slack = Slack(self.clocks, self.rng)
        self.telegram = Telegram(self.clocks, self.rng)
        self.slack.push = self._push
        self.platforms: Mapping[str, Platform] = {"slack": self.slack, "telegram": self.telegram}
        self.process: Process | None = None
        self.kills = 0
        self.steps: list[float] = []  # when somebody set the wall clock
        self._connect = connect
        self._times = times
        self._paced = paced
        self._telegram_line: Connection | None = None

    async def start(self) -> None:
        """A process starts."""
        assert self.process is None
        lines = {p.bot_account: self._connect(p) for p in self.platforms.values()}
        self._telegram_line = lines[TELEGRAM]
        programmes = {here.id: here for here in self.cast.programmes}
        process = Process(
            self.database, self.clocks, programmes, STAFF, lines,
            times=self._times, paced=self._paced,
        )  # fmt: skip
        self.process = process
        await process.start()
        process.begin(self._poll(process, lines[TELEGRAM]))

    def kill(self) -> None:
        """The process is killed; nobody starts it again by itself."""
        if self.process is not None:
            self.kills += 1
            self.process.kill()
            self.process = None

    def suspend(self, seconds: float) -> None:
        """The machine sleeps, and wakes up."""
        self.clocks.suspend(seconds)
        if self.process is not None:
            self.process.stirred()

    def set_clock(self, by: timedelta) -> None:
        """Somebody sets the wall clock of the machine."""
        self.clocks.step(by)
        self.steps.append(self.clocks.elapsed())
        if self.process is not None:
            self.process.stirred()

    def close(self) -> None:
        """It is over."""
        self.kill()
        self.database.close()

    # --- what comes in ------------------------------------------------------------------------

    async def _poll(self, process: Process, line: Connection) -> None:
        """Telegram: a batch is confirmed once every update of it is kept."""
        telegram = self.telegram
        while True:
            await telegram.some.wait()
            await asyncio.sleep(0.05)
            batch = list(telegram.waiting)
            for act in batch:
                act.event_key, row = await process.hear("telegram", TELEGRAM, act.payload)
                line.saw()
                if row is not None:
                    process.begin(self._work(process, act, row))
            for act in batch:
                act.acked = True
                telegram.waiting.popleft()
            if not telegram.waiting:
                telegram.some.clear()

    def _push(self, act: Act) -> asyncio.Task[None] | None:
        """Slack: acknowledged once it is kept; a press with what the turn says at once."""
        process = self.process
        return None if process is None else process.begin(self._pushed(process, act))

    async def _pushed(self, process: Process, act: Act) -> None:
        act.event_key, row = await process.hear("slack", SLACK, act.payload)
        act.acked = True
        if row is not None:
            await self._work(process, act, row)

    async def _work(self, process: Process, act: Act, row: int) -> None:
        ack = await process.work(row)
        act.at_once = bool(ack.form or ack.errors or ack.toast)
