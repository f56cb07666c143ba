"""How quickly the bot says "received", and answers, when many write at once; and after a crash.

`python -m tests.chaos.load [seconds]`: fifty updates a second, mixed, then five hundred in one go,
by signed HTTP and webhook and by Socket Mode and polling; `kill -9` in the middle of it; a thousand
updates that waited while nobody was there.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from storage.unit_of_work import Database
from tests.bench_process import cpu_of
from tests.chaos import figures as shown
from tests.chaos import programme, seeds
from tests.chaos.figures import Figures, share
from tests.chaos.ground import Ground, Taken, Way, ground, real_now
from tests.chaos.processes import Zygote
from tests.chaos.screens import Screen, SlackScreen, TelegramScreen
from tests.run_world import KEY

PER_SECOND: Final = 50
BURST: Final = 500
WAITED: Final = 1_000
ANSWERED: Final = 26  # of the fifty: what both platforms allow us to say in a second
WORDS: Final = "je le garde sans y toucher"
NO_ACK: Final = 3.0
ACK: Final = 0.25


@dataclass
class Crowd:
    """People on both platforms who write in turn.

    Attributes:
        telegram: On Telegram.
        slack: On Slack.
        waits: Seconds to each answer, by platform.
        unanswered: Those who got none.
    """

    here: Ground
    telegram: list[TelegramScreen]
    slack: list[SlackScreen]
    waits: dict[str, list[float]] = field(default_factory=lambda: {"telegram": [], "slack": []})
    unanswered: list[str] = field(default_factory=list)

    async def writes(self, who: Screen, number: int, patience: float = 60.0) -> None:
        """A word out of nowhere, and its answer."""
        since, begun = who.here(), time.monotonic()
        await who.say(f"mot {number}")
        if await who.hears(WORDS, since=since, patience=patience) is None:
            self.unanswered.append(who.name)
        else:
            kind = "slack" if isinstance(who, SlackScreen) else "telegram"
            self.waits[kind].append(time.monotonic() - begun)

    async def opens(self, who: SlackScreen) -> None:
        """Look at the Home tab."""
        await self.here.slack.open_home(who.user)

    async def hides(self, who: TelegramScreen) -> None:
        """Block the bot and take it back: heard, and nothing to say to it."""
        await self.here.telegram.block(who.user)
        await self.here.telegram.unblock(who.user)

    async def steady(self, seconds: float, seed: int, rate: int = PER_SECOND) -> None:
        """So many updates a second: words that are answered, Home tabs, comings and goings."""
        dice = random.Random(seed)
        begun = time.monotonic()
        tasks: list[asyncio.Task[None]] = []
        tg, slack = _turns(self.telegram), _turns(self.slack)
        for number in range(int(seconds * rate)):
            await asyncio.sleep(max(0.0, begun + number / rate - time.monotonic()))
            part = dice.random() * PER_SECOND
            if part < ANSWERED - 4:
                work = self.writes(next(tg), number)
            elif part < ANSWERED:
                work = self.writes(next(slack), number)
            elif part < 48:
                work = self.opens(next(slack))
            else:
                work = self.hides(next(tg))
            tasks.append(asyncio.create_task(work))
        await asyncio.gather(*tasks)


def _turns(people: Sequence[Any]) -> Any:
    while True:
        yield from people


def _people(here: Ground, telegram: int, slack: int) -> Crowd:
    on_telegram = [TelegramScreen(here.telegram, 10_000 + n, f"T{n}") for n in range(telegram)]
    for one in on_telegram:
        here.telegram.world.users[one.user].started = True
    return Crowd(
        here, on_telegram, [SlackScreen(here.slack, f"UL{n}", f"S{n}") for n in range(slack)]
    )


async def _raise(
    stack: AsyncExitStack, way: Way, zygote: Zygote | None, telegram: int, slack: int
) -> Crowd:
    """People who are members, platforms, a process that is not started."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cordee-load-")))
    now = real_now()
    file = programme.write(folder)
    others = [seeds.telegram(10_000 + n, f"T{n}") for n in range(telegram)]
    others += [seeds.slack(f"UL{n}", f"S{n}") for n in range(slack)]
    seeds.plant(f"sqlite:///{folder / 'cordee.db'}", file, now, others=others)
    here = await stack.enter_async_context(ground(folder, file, way=way, zygote=zygote))
    return _people(here, telegram, slack)


def _acks(figures: Figures, what: str, taken: Sequence[Taken], bar: float | None) -> None:
    seconds = [one.seconds for one in taken]
    figures.told(f"{what}: updates", len(seconds))
    for part in (0.5, 0.95):
        figures.told(f"{what}: received p{part * 100:g}", share(seconds, part) * 1000, "ms")
    p99, name = share(seconds, 0.99) * 1000, f"{what}: received p99"
    if bar is None:
        figures.told(name, p99, "ms")
    else:
        figures.at_most(name, p99, bar * 1000, "ms")
    figures.told(f"{what}: received, longest", max(seconds, default=0.0) * 1000, "ms")
    late, name = sum(o.seconds > NO_ACK or not o.ok for o in taken), "over 3 s, or not received"
    if figures.leeway > 1:  # three seconds are a time too
        figures.told(f"{what}: {name}", late)
    else:
        figures.at_most(f"{what}: {name}", late, 0)


async def rush(
    figures: Figures,
    *,
    way: Way,
    seconds: float,
    zygote: Zygote | None,
    rate: int = PER_SECOND,
    burst: int = BURST,
) -> None:
    """So many a second, then many at once, then `kill -9` in the middle of words."""
    async with AsyncExitStack() as stack:
        people = await _raise(stack, way, zygote, telegram=600, slack=300)
        here = people.here
        await here.one.start()
        used, begun = _cpu(here), time.monotonic()
        await people.steady(seconds, 1, rate)
        busy = (_cpu(here) - used) / (time.monotonic() - begun) * 100
        figures.told(f"{way}, {rate}/s: one core is busy with it for", busy, "%")
        taken = [*here.slack.taken, *here.telegram.taken]
        _acks(figures, f"{way}, {rate}/s", taken, ACK)
        for platform, waits in people.waits.items():
            figures.at_most(f"{way}: answer on {platform} p95", share(waits, 0.95), 1.0, "s")
            figures.at_most(f"{way}: answer on {platform} p99", share(waits, 0.99), 3.0, "s")
        figures.at_most(f"{way}: people without an answer", len(people.unanswered), 0)
        await _burst(figures, people, way, burst)
        await _recover(figures, people, way)
        assert await here.one.end() == 0
        assert "Traceback" not in here.one.said(), here.one.said()[-2000:]


def _cpu(here: Ground) -> float:
    assert here.one.pid is not None
    return cpu_of(here.one.pid)


async def _burst(figures: Figures, people: Crowd, way: Way, burst: int) -> None:
    here = people.here
    before = len(here.slack.taken), len(here.telegram.taken)
    heard = here.rows("SELECT count(*) FROM inbox")[0][0]
    begun, used = time.monotonic(), _cpu(here)
    await asyncio.gather(
        *(one.say("tous ensemble") for one in people.telegram[: burst // 2]),
        *(one.say("tous ensemble") for one in people.slack[: burst // 2]),
    )
    async with asyncio.timeout(60):
        while here.rows("SELECT count(*) FROM inbox")[0][0] < heard + burst:
            await asyncio.sleep(0.02)
    what = f"{way}, {burst} at once"
    figures.told(f"{what}: all kept after", time.monotonic() - begun, "s")
    figures.told(f"{what}: processor time until then", _cpu(here) - used, "s")
    taken = [*here.slack.taken[before[0] :], *here.telegram.taken[before[1] :]]
    _acks(figures, what, taken, None)


async def _recover(figures: Figures, people: Crowd, way: Way) -> None:
    """`kill -9` while hundreds wait for their answers, and again when nobody does."""
    here = people.here
    await here.one.end(signal.SIGKILL)
    moment, before = time.monotonic(), _told(here)
    starting = asyncio.create_task(here.one.start())
    while _told(here) == before:
        await asyncio.sleep(0.01)
    gap = time.monotonic() - moment
    figures.at_most(f"{way}: kill -9 with a backlog to the first answer", gap, 5.0, "s")
    await starting
    words = "SELECT count(*) FROM outbox WHERE state IN ('queued', 'sending') AND op <> 'home'"
    while here.rows(words)[0][0]:
        await asyncio.sleep(0.1)
    who = people.telegram[-1]
    gaps = []
    for _ in range(3):
        await here.one.end(signal.SIGKILL)
        moment, since = time.monotonic(), who.here()
        starting = asyncio.create_task(here.one.start())
        await who.say("es-tu là ?")
        assert await who.hears(WORDS, since=since, patience=40.0) is not None
        gaps.append(time.monotonic() - moment)
        await starting
    figures.at_most(f"{way}: kill -9 to the answer to a word meanwhile", max(gaps), 5.0, "s")


def _told(here: Ground) -> int:
    """How often anything was said on Telegram."""
    return sum(c.method == "sendMessage" and not c.refused for c in here.telegram.calls)


async def waited(
    figures: Figures, *, way: Way, kept: bool, zygote: Zygote | None, number: int = WAITED
) -> None:
    """Updates that waited while nobody was there, at the platform or in the inbox.

    Args:
        figures: Where the figures go.
        way: How the process is reached.
        kept: The process died right after it had kept them, else before.
        zygote: Where it is forked, or None.
        number: How many.
    """
    async with AsyncExitStack() as stack:
        people = await _raise(stack, way, zygote, telegram=number, slack=0)
        here = people.here
        if way == "http":  # the address is known from an earlier life
            await here.one.start()
            await here.one.end()
            here.telegram.updates.retry_seconds = 0.5
        for one in people.telegram:
            await one.say("j’ai attendu")
        if kept:
            _keep(here)
        begun = time.monotonic()
        await here.one.start()

        async with asyncio.timeout(240):
            while _told(here) < number:
                await asyncio.sleep(0.05)
        place = "in the inbox" if kept else "at the platform"
        bar = max(10.0, 60.0 * number / WAITED)
        figures.at_most(
            f"{way}: {number} that waited {place}: last answer", time.monotonic() - begun, bar, "s"
        )
        await asyncio.sleep(0.5)
        figures.at_most(f"{way}: answers too many", _told(here) - number, 0)
        assert await here.one.end() == 0


def _keep(here: Ground) -> None:
    """What the process does with each update before it says "received", and no more."""
    database = Database(here.url, KEY)
    with database.unit_of_work() as uow:
        for one in here.telegram.updates.pending:
            update = one.update
            uow.inbox.receive(
                platform="telegram",
                bot_account="telegram:4242",
                event_key=_key(update),
                message_key=None,
                payload=json.dumps(update).encode(),
                now=real_now(),
            )
        uow.commit()
    database.close()


def _key(update: Any) -> str:
    from handlers.telegram.inbound import keys

    event_key, _ = keys(update)
    return event_key


async def prove(figures: Figures) -> None:
    """The long form."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    parts: list[Callable[[Way], Awaitable[None]]] = [
        lambda way: rush(figures, way=way, seconds=seconds, zygote=None),
        lambda way: waited(figures, way=way, kept=False, zygote=None),
        lambda way: waited(figures, way=way, kept=True, zygote=None),
    ]
    ways: tuple[Way, ...] = ("http", "socket")
    for way in ways:
        for part in parts:
            await part(way)


if __name__ == "__main__":
    shown.main(prove)
