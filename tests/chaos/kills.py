"""`kill -9` at random moments under a mixed load: nothing lost, nothing twice, nobody left alone.

`python -m tests.chaos.kills [sqlite|postgres|hands|all] [kills] [seed] [--run]`: one process on
SQLite; three replicas on PostgreSQL, killed, frozen for longer than their lease, stopped and
started, all at once too, over sockets and the elected poller and over HTTP and webhook; and how
long a change of hands takes. Some calls of the platforms go wrong meanwhile, answers swallowed
first of all. With `--run` each start is `cordee run` from nothing, else it is forked.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from tests.chaos import figures as shown
from tests.chaos import programme, seeds
from tests.chaos.actors import Actor, Diary, Newcomer, Staff
from tests.chaos.figures import Figures
from tests.chaos.ground import STAFF_SLACK, STAFF_TELEGRAM, Ground, Way, ground, real_now
from tests.chaos.judge import judge, tell_load
from tests.chaos.processes import Replica, Zygote
from tests.chaos.screens import Screen, SlackScreen, TelegramScreen
from tests.postgres import PgServer, running_server

PAIRS: Final = 8
NEWCOMERS: Final = 4
LIVES: Final = (0.1, 3.0)  # seconds from ready to the next kill
LEASE: Final = 12.0
HALT_EVERY: Final = 20.0
REST_SECONDS: Final = 150.0
TWICE_HEARD: Final = 12  # newcomers whose first two words come at once
CHANCE: Final = 0.03  # of a call that goes wrong


@dataclass
class Crowd:
    """The people of a run.

    Attributes:
        people: Those in pairs, by mark.
        actors: All of them, at work.
        halts: When each check-in comes due.
    """

    people: dict[str, Screen]
    actors: list[Actor]
    halts: list[datetime]
    diary: Diary = field(default_factory=Diary)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def begin(self) -> None:
        """Let them live."""
        self.tasks = [asyncio.create_task(actor.live()) for actor in self.actors]

    async def end(self) -> None:
        """Let them finish what they are at; what broke in them is raised."""
        self.diary.ends()
        await asyncio.gather(*self.tasks)


def couples(number: int) -> list[tuple[seeds.Account, seeds.Account]]:
    """Pairs over both platforms, in all four ways."""
    found = []
    for n in range(number):
        ends = [
            seeds.slack(f"UP{n}{side}", f"Prénom{n}{side} Nom")
            if (n >> place) & 1
            else seeds.telegram(1000 + 2 * n + place, f"Prénom{n}{side} Nom")
            for place, side in enumerate("AB")
        ]
        found.append((ends[0], ends[1]))
    return found


def crowd(here: Ground, halts: list[datetime], seed: int, *, pause: float = 2.0) -> Crowd:
    """The people of `couples`, staff and newcomers, at their screens."""
    diary = Diary()
    people: dict[str, Screen] = {}
    actors: list[Actor] = []
    for n, ends in enumerate(couples(PAIRS)):
        for side, (platform, account, name) in zip("AB", ends, strict=True):
            screen: Screen
            if platform == "slack":
                screen = SlackScreen(here.slack, account.partition("/")[2], name)
            else:
                screen = TelegramScreen(here.telegram, int(account), name)
                here.telegram.world.users[int(account)].started = True
            other = f"p{n}{'B' if side == 'A' else 'A'}"
            people[f"p{n}{side}"] = screen
            number = len(actors)
            actors.append(
                Actor(screen, f"p{n}{side}", other, diary, seed * 1000 + number, pause=pause)
            )
    claire = SlackScreen(here.slack, STAFF_SLACK, "Claire")
    marc = TelegramScreen(here.telegram, STAFF_TELEGRAM, "Marc")
    actors += [
        Staff(claire, "staffA", "", diary, seed * 1000 + 900, pause=pause),
        Staff(marc, "staffB", "", diary, seed * 1000 + 901, pause=pause),
    ]
    for n in range(NEWCOMERS):
        new: Screen = (
            SlackScreen(here.slack, f"UNEW{n}", f"Neuf{n}")
            if n % 2
            else TelegramScreen(here.telegram, 3000 + n, f"Neuf{n}")
        )
        actors.append(Newcomer(new, f"n{n}", "", diary, seed * 1000 + 950 + n, pause=pause))
    return Crowd(people, actors, halts, diary)


@contextlib.asynccontextmanager
async def raised(
    *,
    url: str | None,
    replicas: int,
    way: Way,
    zygote: Zygote | None,
    seconds: float,
    seed: int,
) -> AsyncIterator[tuple[Ground, Crowd]]:
    """A planted database, the platforms, processes that are not started, people at their screens.

    Args:
        url: An empty PostgreSQL; None: SQLite.
        replicas: How many processes.
        way: How they are reached.
        zygote: Where they are forked, or None.
        seconds: How long check-ins shall come due.
        seed: Of the people.
    """
    with tempfile.TemporaryDirectory(prefix="cordee-kills-") as name:
        folder, now = Path(name), real_now()
        first = now + timedelta(seconds=10)
        halts = [
            first + timedelta(seconds=HALT_EVERY * n) for n in range(1 + int(seconds / HALT_EVERY))
        ]
        logs = [first + timedelta(seconds=seconds / 2)]
        file = programme.write(folder, halts=halts, logs=logs)
        address = url or f"sqlite:///{folder / 'cordee.db'}"
        seeds.plant(address, file, now, couples=couples(PAIRS))
        async with ground(
            folder, file, url=address, replicas=replicas, way=way, zygote=zygote
        ) as here:
            yield here, crowd(here, halts, seed)


async def kill_one(
    figures: Figures, *, kills: int, seed: int, zygote: Zygote | None, longest: float = LIVES[1]
) -> None:
    """One process on SQLite, killed again and again, started again at once.

    Args:
        figures: Where the figures go.
        kills: How often.
        seed: Of when, and of what people do.
        zygote: Where it is forked, or None.
        longest: Longest seconds from ready to the next kill.
    """
    dice = random.Random(seed)
    each = 2.4 if zygote else 4.0
    async with raised(
        url=None, replicas=1, way="socket", zygote=zygote, seconds=kills * each, seed=seed
    ) as (here, people):
        await here.one.start()
        people.begin()
        here.trouble(seed, CHANCE)
        readies, opened = [], 0
        for _ in range(kills):
            await asyncio.sleep(dice.uniform(LIVES[0], longest))
            await here.one.end(signal.SIGKILL)
            opened += _sending(here)
            await here.one.start()
            readies.append(here.one.ready_after)
        await _end(figures, here, people, opened)
        figures.told("kills", kills)
        figures.told("start to ready p95", shown.share(readies, 0.95), "s")


def _sending(here: Ground) -> int:
    """How many sends to Telegram are open in the tables."""
    return int(
        here.rows(
            "SELECT count(*) FROM outbox WHERE state = 'sending'"
            " AND bot_account LIKE 'telegram%' AND op IN ('post', 'file')"
        )[0][0]
    )


async def _end(figures: Figures, here: Ground, people: Crowd, opened: int) -> None:
    """No more trouble; people finish, the bot finishes; then the verdict."""
    here.trouble(0, 0.0)
    await people.end()
    last = real_now()
    async with asyncio.timeout(REST_SECONDS):
        while here.waiting():
            await asyncio.sleep(0.2)
    for replica in here.replicas:
        code = await replica.end()
        if code != 0:
            figures.at_most(f"exit code of {replica.name}", abs(code), 0)
    due = [n for n, at in enumerate(people.halts, 1) if at < last - timedelta(seconds=2)]
    hit = here.slack.hit + here.telegram.hit
    tell_load(figures, people.diary)
    figures.told("check-in prompts", len(due) * len(people.people))
    figures.told(f"calls that went wrong {dict(hit)}", hit.total())
    looks = [c for c in here.slack.calls if c.method == "conversations.history"]
    figures.told("look-ups on Slack", len(looks))
    late = sum((c.response or {}).get("error") == "ratelimited" for c in looks)
    figures.told("of them too soon", late)
    verdict = judge(here, people.diary, people.people, due)
    verdict.tell(figures, open_sends=opened + here.telegram.hit.total())
    errors = [e for replica in here.replicas for e in replica.errors()]
    figures.at_most("errors in the logs", len(errors), 0)
    for error in errors[:5]:
        figures.say(f"  {error}")


async def kill_three(
    figures: Figures,
    url: str,
    *,
    rounds: int,
    seed: int,
    way: Way,
    zygote: Zygote | None,
    frozen: int,
) -> None:
    """Three replicas on PostgreSQL, something happening to one or all of them each time.

    Args:
        figures: Where the figures go.
        url: An empty database.
        rounds: How often something happens.
        seed: Of what, when and to whom.
        way: How they are reached.
        zygote: Where they are forked, or None.
        frozen: In how many of the rounds somebody is frozen for longer than the lease.
    """
    dice = random.Random(seed)
    each = 2.4 if zygote else 4.0
    seconds = rounds * each + frozen * 2.0
    async with raised(url=url, replicas=3, way=way, zygote=zygote, seconds=seconds, seed=seed) as (
        here,
        people,
    ):
        await asyncio.gather(*(replica.start() for replica in here.replicas))
        people.begin()
        here.trouble(seed, CHANCE)
        happened: dict[str, int] = {}
        opened, thaws = 0, []
        kinds = ["freeze"] * frozen + dice.choices(
            ("kill", "stop", "two", "all"), (60, 20, 15, 5), k=rounds - frozen
        )
        dice.shuffle(kinds)
        for kind in kinds:
            await asyncio.sleep(dice.uniform(*LIVES))
            free = [r for r in here.replicas if r.alive and not r.frozen]
            chosen = dice.choice(free) if free else None
            if chosen is None:
                await asyncio.sleep(1.0)
                continue
            happened[kind] = happened.get(kind, 0) + 1
            if kind == "freeze":
                thaws.append(asyncio.create_task(_freeze(chosen, LEASE + dice.uniform(0.5, 2.5))))
                continue
            several = {"two": 2, "all": 3}.get(kind, 1)
            targets = [chosen, *(r for r in free if r is not chosen)][:several]
            how = signal.SIGTERM if kind == "stop" else signal.SIGKILL
            await asyncio.gather(*(target.end(how) for target in targets))
            opened += _sending(here)
            await asyncio.gather(*(target.start() for target in targets))
        await asyncio.gather(*thaws)
        figures.told(f"what happened: {happened}", sum(happened.values()))
        await _end(figures, here, people, opened)


async def _freeze(replica: Replica, seconds: float) -> None:
    """Stop it in its tracks for longer than its lease, then let it go on as if nothing were."""
    replica.send(signal.SIGSTOP)
    await asyncio.sleep(seconds)
    if replica.alive:
        replica.send(signal.SIGCONT)


# --- hands ----------------------------------------------------------------------------------------


def holder(here: Ground, account: str) -> Replica:
    """Who sends with a token now: the one with the highest epoch in its log."""

    def epoch(replica: Replica) -> int:
        found = re.findall(rf"sending account={account} epoch=(\d+)", replica.said())
        return max(map(int, found), default=0)

    return max(here.replicas, key=epoch)


async def change_hands(
    figures: Figures, url: str, *, zygote: Zygote | None, times: int, way: Way
) -> None:
    """From the end of whoever sends to the first message by another."""
    async with raised(url=url, replicas=3, way=way, zygote=zygote, seconds=0, seed=1) as (
        here,
        _people,
    ):
        begun = time.monotonic()
        await asyncio.gather(*(replica.start() for replica in here.replicas))
        figures.told("three replicas ready together", time.monotonic() - begun, "s")
        for how, bar in ((signal.SIGKILL, 15.0), (signal.SIGTERM, 2.0)):
            gaps = [await _handed_over(here, how) for _ in range(times)]
            name = "killed" if how is signal.SIGKILL else "stopped"
            figures.at_most(f"sender {name}: first message by another", max(gaps), bar, "s")


async def _handed_over(here: Ground, how: signal.Signals) -> float:
    """End the holder of Telegram while Slack's people write to Telegram's; seconds until the next.

    Letters come from Slack, so that what is measured is sending, not hearing.
    """
    writer = SlackScreen(here.slack, "UP1A", "")
    reader = "1003"  # p1B
    stop = asyncio.Event()
    count = 0

    async def write() -> None:
        nonlocal count
        while not stop.is_set():
            count += 1
            await writer.command("ecrire", f"relais-{count};")
            await asyncio.sleep(0.3)

    def sent() -> list[float]:
        calls = [c for c in here.telegram.calls if c.method == "sendMessage" and not c.refused]
        return [c.monotonic for c in calls if str(c.arguments["chat_id"]) == reader]

    writing = asyncio.create_task(write())
    try:
        before = len(sent())
        async with asyncio.timeout(40):
            while len(sent()) < before + 2:
                await asyncio.sleep(0.05)
        gone = holder(here, "telegram:4242")
        moment = time.monotonic()
        await gone.end(how)
        async with asyncio.timeout(60):
            while not [at for at in sent() if at > moment + 0.2]:
                await asyncio.sleep(0.02)
        gap = min(at for at in sent() if at > moment + 0.2) - moment
    finally:
        stop.set()
        await writing
    await gone.start()
    return gap


async def together(figures: Figures, url: str, *, zygote: Zygote | None) -> None:
    """Three processes migrate one empty database at the same moment."""
    with tempfile.TemporaryDirectory(prefix="cordee-together-") as name:
        folder = Path(name)
        file = programme.write(folder)
        async with ground(folder, file, url=url, replicas=3, zygote=zygote) as here:
            await asyncio.gather(*(replica.start() for replica in here.replicas))
            well = sum(replica.alive for replica in here.replicas)
            figures.at_least("replicas that start together on an empty database", well, 3)
            new = [SlackScreen(here.slack, f"UTWIN{n}", f"Neuf{n}") for n in range(TWICE_HEARD)]
            words = [one.say(text) for one in new for text in ("bonjour", "quelqu’un ?")]
            await asyncio.gather(*words)  # by different replicas, which both meet a newcomer
            for one in new:
                await one.until(lambda o=one: o.since(0)[1] if o.since(3) else None, 20.0)  # type: ignore[misc]
            told = [s.text for one in new for s in one.since(0)]
            figures.at_least(
                "answers to newcomers heard by two replicas at once", len(told), 2 * TWICE_HEARD
            )
            figures.at_most("of them, about a failure", sum("échoué" in t for t in told), 0)
            codes = [await replica.end() for replica in here.replicas if replica.alive]
            figures.at_most("of them, ended badly", sum(code != 0 for code in codes), 0)


def _arguments(words: Sequence[str]) -> tuple[str, int, int]:
    what = words[0] if words else "all"
    return what, int(words[1]) if len(words) > 1 else 200, int(words[2]) if len(words) > 2 else 1


async def prove(figures: Figures) -> None:
    """The long form."""
    real = "--run" in sys.argv
    what, kills, seed = _arguments([word for word in sys.argv[1:] if word != "--run"])
    with contextlib.ExitStack() as stack:
        zygote = None if real else stack.enter_context(Zygote())
        if what in {"sqlite", "all"}:
            figures.say(f"== SQLite, one process, {kills} kills, seed {seed}")
            await kill_one(figures, kills=kills, seed=seed, zygote=zygote)
        if what in {"postgres", "hands", "all"}:
            server = stack.enter_context(running_server())
            await _on_postgres(figures, server, zygote, (what, kills, seed))


async def _on_postgres(
    figures: Figures, server: PgServer, zygote: Zygote | None, asked: tuple[str, int, int]
) -> None:
    what, kills, seed = asked

    def empty() -> str:
        return server.create().render_as_string(hide_password=False)

    figures.say("== PostgreSQL, three replicas")
    await together(figures, empty(), zygote=zygote)
    ways: Mapping[Way, int] = {"socket": seed, "http": seed + 1}
    for way, one_seed in ways.items():
        if what != "hands":
            rounds = kills // 2
            figures.say(f"-- {way}, {rounds} rounds, seed {one_seed}")
            await kill_three(
                figures,
                empty(),
                rounds=rounds,
                seed=one_seed,
                way=way,
                zygote=zygote,
                frozen=max(1, rounds // 10),
            )
        figures.say(f"-- {way}, change of hands")
        await change_hands(figures, empty(), zygote=zygote, times=3, way=way)


if __name__ == "__main__":
    shown.main(prove)
