"""A platform that is away for an hour, or says "too soon" for ten minutes, under steady load.

    python -m tests.simulation.outage

Afterwards: nothing lost, nothing twice, each chat in order, no storm of calls meanwhile, every
Retry-After kept, and the backlog drained about as fast as the platform permits. What is permitted
is written down here from the platforms' own documents, not taken from the bot.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import math
import random
import sys
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from sqlalchemy import text
from typing_extensions import override

from bot.messages import MESSAGE, Message
from scheduling.protocol import Protocol
from scheduling.sender import Claimed, Doubtful
from tests.simulation.loop import run, sometimes
from tests.simulation.platforms import Call, Fault, Platform, too_many
from tests.simulation.world import Cast, World, cast

CHATS: Final = 400  # on each platform
WARM: Final = 120.0  # seconds of ordinary life before
LATER: Final = 1200.0  # and after
MINUTE, HOUR = 60.0, 3600.0
GROUP: Final = "-77001"
GROUP_WORDS: Final = 40
# What the documents allow: Telegram 30 a second, 20 a minute in a group; Slack "several hundred per
# minute" (taken as 300) in a workspace, Tier 3 for its history (50 a minute).
TELEGRAM_SECOND, GROUP_MINUTE, SLACK_MINUTE, HISTORY_MINUTE = 30, 20, 300, 50
DRAIN_BAR: Final = 0.95
SHORT_BAR = 0.9  # of few messages the last, unfinished minute is too large a part
NOTICED_BAR: Final = 60.0  # seconds until the bot notices that the platform is back
OTHERS_BAR: Final = 5.0  # seconds that the other platform's people wait at most
REAL: Final = Protocol()  # as in the real thing: the lease is not stretched here


@dataclass(frozen=True, slots=True)
class Case:
    """What goes wrong."""

    platform: str
    kind: str  # "5xx" or "429"
    seconds: float

    @property
    def name(self) -> str:
        return f"{self.platform} {self.kind} {self.seconds / MINUTE:g} min"


CASES: Final = tuple(
    Case(platform, kind, seconds)
    for platform in ("telegram", "slack")
    for kind, seconds in (("5xx", HOUR), ("429", 10 * MINUTE))
)


@dataclass
class Figures:
    """What came of it; `missed` says which bars were missed."""

    name: str
    rows: list[tuple[str, float, str, bool]] = field(default_factory=list)

    def note(self, what: str, value: float, bar: str, *, well: bool) -> None:
        """One figure with its bar."""
        self.rows.append((what, value, bar, well))

    @property
    def missed(self) -> list[str]:
        """The bars that were missed."""
        return [f"{self.name}: {w} {v:g} (bar: {b})" for w, v, b, well in self.rows if not well]

    @override
    def __str__(self) -> str:
        lines = [
            f"  {what:44} {value:>10.2f}  bar: {bar:16} {'ok' if well else 'MISSED'}"
            for what, value, bar, well in self.rows
        ]
        return "\n".join([self.name, *lines])


@lru_cache(maxsize=1)
def _scene() -> Cast:
    at = datetime(2026, 10, 6, 9, 0, tzinfo=UTC)
    return cast("ax-accompagnement", at, couples=0, zones=("Europe/Paris",), alone=2 * CHATS)


class Load:
    """People are told things, at a steady pace, now and then many at once.

    Args:
        world: Where.
        rate: Messages a second on each platform.
    """

    def __init__(self, world: World, rate: float) -> None:
        self._world = world
        self._rng = random.Random(5)
        self._rate = rate
        self._number = 0
        self._chats = {
            name: [m for m in world.cast.members if m.platform == name] for name in world.platforms
        }

    async def steady(self) -> None:
        """For ever, until cancelled."""
        while True:
            await asyncio.sleep(sometimes(self._rng, 1 / self._rate))
            for name in self._chats:
                self.put(name, 1, self._rng.choice((0, 0, 5, 9)))

    def put(self, platform: str, count: int, priority: int) -> None:
        """So many at once, each to somebody."""
        world = self._world
        now = world.clocks.now()
        with world.database.unit_of_work() as uow:
            for _ in range(count):
                member = self._rng.choice(self._chats[platform])
                identity = uow.people.by_account(platform, member.account)
                assert identity is not None
                self._number += 1
                uow.outbox.put(
                    key=f"load:{self._number}",
                    identity=identity,
                    payload=_payload(self._number),
                    now=now,
                    priority=priority,
                )
            uow.commit()
        assert world.process is not None
        world.process.delivery.wake()

    def to_group(self, count: int) -> None:
        """So many to the team's group on Telegram."""
        world = self._world
        with world.database.unit_of_work() as uow:
            for n in range(count):
                uow.outbox.put_raw(
                    key=f"group:{n}",
                    bot_account=world.telegram.bot_account,
                    chat_id=GROUP,
                    payload=_payload(n),
                    now=world.clocks.now(),
                )
            uow.commit()


def _payload(number: int) -> bytes:
    return MESSAGE.dump_json(Message(f"message {number}"), exclude_defaults=True)


class Trouble:
    """What the platform answers meanwhile, and when it was asked.

    Args:
        case: What goes wrong.
        world: Where; the other platform is well.
    """

    def __init__(self, case: Case, world: World) -> None:
        self.case = case
        self.platform: Platform = world.platforms[case.platform]
        self.begun = self.ended = 0.0
        self._rng = random.Random(3)
        self._world = world

    def begin(self) -> None:
        """From now on."""
        self.begun = self._world.clocks.elapsed()
        self.ended = self.begun + self.case.seconds
        self.platform.script = self._answer
        if self.case.kind == "5xx":
            self.platform.weather.out = self.ended  # look-ups meet it too

    def end(self) -> None:
        """The platform is well again."""
        self.platform.script = lambda _row: None

    def _answer(self, _row: Claimed) -> Fault | None:
        if self.case.kind == "5xx":  # now and then it was said all the same
            return Fault(self._rng.random() < 0.02, Doubtful("http 503"))
        seconds = self._rng.choice((3.0, 10.0, 30.0))
        return too_many(seconds, "account" if self.case.platform == "telegram" else "method")


async def suffer(case: Case, rate: float, rest: float) -> Figures:
    """One case."""
    world = World(_scene(), 7, times=REAL)
    await world.start()
    load = Load(world, rate)
    steady = asyncio.create_task(load.steady())
    await asyncio.sleep(WARM)
    trouble = Trouble(case, world)
    trouble.begin()
    await asyncio.sleep(case.seconds / 2)
    load.put(case.platform, 540, 9)  # a mass prompt, in the middle of it
    if case.platform == "telegram":
        load.to_group(GROUP_WORDS)
    await asyncio.sleep(case.seconds / 2)
    trouble.end()
    backlog = _waiting(world, trouble.platform)
    await asyncio.sleep(rest)
    steady.cancel()
    await asyncio.sleep(90.0)
    figures = _figures(case, world, trouble, backlog)
    world.close()
    return figures


def _waiting(world: World, platform: Platform) -> set[int]:
    with world.database.engine.connect() as connection:
        rows = connection.execute(
            text("SELECT id FROM outbox WHERE bot_account = :a AND state IN ('queued','sending')"),
            {"a": platform.bot_account},
        )
        return {row[0] for row in rows}


def _figures(case: Case, world: World, trouble: Trouble, backlog: set[int]) -> Figures:
    found = Figures(case.name)
    platform = trouble.platform
    with world.database.engine.connect() as connection:
        states = {
            row[0]: row[1]
            for row in connection.execute(text("SELECT state, count(*) FROM outbox GROUP BY state"))
        }
    found.note("backlog when it ended", len(backlog), ">= 500", well=len(backlog) >= 500)
    unsent = sum(count for state, count in states.items() if state != "sent")
    found.note("lost, parked or still waiting", unsent, "0", well=unsent == 0)
    twins = sum(len(m) - 1 for p in world.platforms.values() for m in p.rows.values())
    blind = sum(len(platform.rows.get(row, ())) > 1 for row in platform.blind)
    found.note("said twice where a look-up could tell", twins - blind, "0", well=twins == blind)
    disorder = _disorder(platform.ledger)
    found.note("out of order in a chat", disorder, "0", well=disorder == 0)
    _calls(found, case, trouble)
    _drain(found, case, trouble, backlog)
    (other,) = (p for p in world.platforms.values() if p is not platform)
    wait = _longest_wait(world, other)
    found.note("longest wait on the other platform, s", wait, f"<= {OTHERS_BAR:g}",
               well=wait <= OTHERS_BAR)  # fmt: skip
    return found


def _disorder(ledger: Sequence[Call]) -> int:
    newest: dict[str, int] = {}
    wrong = 0
    for call in ledger:
        if call.accepted:
            wrong += call.row < newest.get(call.chat, 0)
            newest[call.chat] = max(call.row, newest.get(call.chat, 0))
    return wrong


def busiest(times: Sequence[float], seconds: float) -> int:
    """The most in any window of this length."""
    return max(
        (bisect_left(times, at + seconds - 1e-6) - n for n, at in enumerate(times)), default=0
    )


def _calls(found: Figures, case: Case, trouble: Trouble) -> None:
    """No storm: what was asked while it was away, and how fast."""
    platform, during = trouble.platform, (trouble.begun + 1.0, trouble.ended)
    sends = [c.at for c in platform.ledger if during[0] <= c.at < during[1]]
    looks = [at for at in platform.looks if during[0] <= at < during[1]]
    most = case.seconds * TELEGRAM_SECOND if case.platform == "telegram" else (
        case.seconds / MINUTE * SLACK_MINUTE
    )  # fmt: skip
    # Of a 429 those learn who are under way at the same time; of silence one at a time.
    share, bar = (len(sends) + len(looks)) / most, 0.25 if case.kind == "429" else 0.02
    found.note("calls while it was away, share of the slots", share, f"<= {bar}",
               well=share <= bar)  # fmt: skip
    if case.platform == "telegram":
        fast = busiest(sorted([*sends, *looks]), 1.0)
        found.note("most calls in a second, look-ups too", fast, f"<= {TELEGRAM_SECOND}",
                   well=fast <= TELEGRAM_SECOND)  # fmt: skip
    else:
        fast = busiest(sorted(looks), MINUTE)
        found.note("most looks into the history in a minute", fast, f"<= {HISTORY_MINUTE}",
                   well=fast <= HISTORY_MINUTE)  # fmt: skip
    found.note("calls before a Retry-After was over", len(platform.early), "0",
               well=not platform.early)  # fmt: skip


def _drain(found: Figures, case: Case, trouble: Trouble, backlog: set[int]) -> None:
    """How fast the backlog went, against what is permitted."""
    accepted: dict[int, Call] = {}
    for call in trouble.platform.ledger:
        if call.accepted:
            accepted.setdefault(call.row, call)
    after = sorted((c for c in accepted.values() if c.at >= trouble.ended), key=lambda c: c.at)
    if not after:
        found.note("drained", 0, "> 0", well=False)
        return
    first = after[0].at
    bar = NOTICED_BAR if case.kind == "5xx" else 31.0  # the last Retry-After, and to the second
    found.note("seconds until the first one went", first - trouble.ended, f"<= {bar:g}",
               well=first - trouble.ended <= bar)  # fmt: skip
    # At the end a few chats have much and must take a second for each: that is no matter of speed.
    went = [c.at for c in after if c.row in backlog and c.chat != GROUP]
    last = went[math.ceil(0.95 * len(went)) - 1]
    count = bisect_left([c.at for c in after], last) + 1
    least = (
        (count - 1) / TELEGRAM_SECOND
        if case.platform == "telegram"
        else MINUTE * (math.ceil(count / SLACK_MINUTE) - 1)
    )
    share = least / (last - first)
    found.note("sent until 95 % of it had gone", count, ">= 500", well=count >= 500)
    found.note("seconds it took", last - first, f">= {least:g}", well=last - first >= 0.99 * least)
    found.note("share of the permitted rate", share, f">= {DRAIN_BAR}", well=share >= DRAIN_BAR)
    if case.platform == "telegram":
        group = [c.at for c in trouble.platform.ledger if c.chat == GROUP and c.accepted]
        least = MINUTE * (GROUP_WORDS // GROUP_MINUTE - 1) + (GROUP_MINUTE - 1)
        share = least / (max(group) - min(group))
        bar = DRAIN_BAR if len(group) > 60 else SHORT_BAR
        found.note("share of the group's rate", share, f">= {bar}", well=share >= bar)


def _longest_wait(world: World, platform: Platform) -> float:
    with world.database.engine.connect() as connection:
        waits = connection.execute(
            text(
                "SELECT max((julianday(sent_at) - julianday(created_at)) * 86400) FROM outbox"
                " WHERE bot_account = :a AND priority = 0"
            ),
            {"a": platform.bot_account},
        ).scalar()
    return float(waits or 0.0)


def one(case: Case, rate: float = 0.3, rest: float = LATER) -> Figures:
    """One case, in virtual time."""
    logging.disable(logging.CRITICAL)
    try:
        return run(suffer(case, rate, rest))
    finally:
        logging.disable(logging.NOTSET)


def main() -> int:
    """All cases; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=0.3, help="messages a second, each platform")
    parser.add_argument("--only", default="", help="part of a case's name")
    given = parser.parse_args()
    missed: list[str] = []
    for case in CASES:
        if given.only in case.name:
            figures = one(case, given.rate)
            print(figures)
            missed += figures.missed
    print(f"bars missed: {len(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
