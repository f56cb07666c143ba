"""The crash points by name, one at a time, as the table of the protocol lists them.

Somebody writes a word that answers nothing and gets one answer; a prompt falls due. The process
dies at the point, what it left is looked at, it is started again, and everybody has exactly what
they would have had. Refuses to know more of the protocol than the names of its points.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from storage.crash import KILLED
from tests.chaos import programme, seeds
from tests.chaos.figures import Figures
from tests.chaos.ground import Ground, ground, real_now
from tests.chaos.processes import Zygote
from tests.chaos.screens import Screen, SlackScreen, TelegramScreen

Platform = Literal["slack", "telegram"]
PLATFORMS: Final[tuple[Platform, ...]] = ("slack", "telegram")
KEPT: Final = "je le garde sans y toucher"
PATIENCE: Final = 25.0
TICK: Final = 2.0
HALT: Final = timedelta(minutes=30)


@dataclass
class Pair:
    """Two people who are a pair already, and the bot between them."""

    here: Ground
    slack: SlackScreen
    telegram: TelegramScreen

    def on(self, platform: Platform) -> Screen:
        """Whoever is there."""
        return self.slack if platform == "slack" else self.telegram

    def heard(self) -> list[str]:
        """The states of what was heard, oldest first."""
        return [str(row[0]) for row in self.here.rows("SELECT state FROM inbox ORDER BY id")]

    def said(self) -> list[str]:
        """The states of what is to be said, oldest first."""
        return [str(row[0]) for row in self.here.rows("SELECT state FROM outbox ORDER BY id")]

    async def rest(self) -> None:
        """Wait until nothing is left."""
        async with asyncio.timeout(PATIENCE):
            while self.here.waiting():
                await asyncio.sleep(0.05)

    def texts(self, platform: Platform) -> list[str]:
        """What stands on that screen."""
        return [one.text for one in self.on(platform).since(0)]


@functools.cache
def _template() -> tuple[Path, datetime]:
    """A folder with the pair planted in it, to be copied, and when the prompt is due."""
    folder, begun = Path(tempfile.mkdtemp(prefix="cordee-named-")), real_now()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file = programme.write(folder, halts=[begun + HALT])
    couple = (seeds.slack("UANA", "Ana"), seeds.telegram(101, "Bob"))
    seeds.plant(f"sqlite:///{folder / 'cordee.db'}", file, begun, couples=[couple])
    return folder, begun + HALT


@contextlib.asynccontextmanager
async def pair(zygote: Zygote, *, quick: bool = True) -> AsyncIterator[Pair]:
    """Two people, two platforms, a process that is not started."""
    with tempfile.TemporaryDirectory(prefix="cordee-named-") as name:
        folder, (template, _) = Path(name), _template()
        file = folder / "corde.toml"
        for path in (file, folder / "cordee.db"):
            shutil.copy(template / path.name, path)
        clock = folder / "clock" if quick else None
        async with ground(folder, file, zygote=zygote, clock=clock, retries=(0.2,) * 200) as here:
            here.one.settings["CORDEE_TICK_SECONDS"] = str(TICK)
            one = Pair(
                here,
                SlackScreen(here.slack, "UANA", "Ana"),
                TelegramScreen(here.telegram, 101, "Bob"),
            )
            here.telegram.world.users[101].started = True
            yield one


async def dies(one: Pair) -> None:
    """Wait until it has died of its order."""
    code = await one.here.one.ended(PATIENCE)
    assert code == KILLED, (code, one.here.one.said()[-2000:])


async def answered_once(one: Pair, platform: Platform) -> None:
    """The word before the crash has its one answer, and so has one after it.

    Raises:
        AssertionError: Another number of answers, or nobody's row is settled.
    """
    who = one.on(platform)
    assert await who.hears(KEPT, since=0, patience=PATIENCE), f"silent; {one.here.one.said()}"
    await one.rest()
    since = who.here()
    await who.say("encore un mot")
    assert await who.hears(KEPT, since=since, patience=PATIENCE)
    await one.rest()
    assert one.texts(platform) == one.texts(platform)[:2], one.texts(platform)
    assert [KEPT in text for text in one.texts(platform)] == [True, True]
    assert set(one.said()) == {"sent"}, one.said()
    assert set(one.heard()) == {"done"}, one.heard()


async def word(zygote: Zygote, point: str, platform: Platform, *, quick: bool = True) -> None:
    """A word on a platform, and death at a point on the way of its answer."""
    before = {  # what the crash leaves: the states of what was heard, and of what is to be said
        "before_commit": ([], []),
        "after_commit": (["received"], []),
        "after_inbox": (["received"], []),
        "in_turn": (["received"], []),
        "after_t1": (["done"], ["sending"]),
        "before_wire": (["done"], ["sending"]),
        "after_wire": (["done"], ["sending"]),
        "before_t2": (["done"], ["sending"]),
    }
    async with pair(zygote, quick=quick) as one:
        await one.here.one.start()
        await asyncio.sleep(0.3)
        one.here.one.order(point)
        await asyncio.sleep(0.1)
        await one.on(platform).say("un mot")
        await dies(one)
        assert (one.heard(), one.said()) == before[point], (one.heard(), one.said())
        delivered = len(one.texts(platform))
        assert delivered == (point in {"after_wire", "before_t2"})
        await one.here.one.start()
        await answered_once(one, platform)


async def on_the_wire(zygote: Zygote, platform: Platform, *, arrives: bool) -> None:
    """Killed while the platform has the call and has not answered."""
    async with pair(zygote) as one:
        await one.here.one.start()
        fake = one.here.slack if platform == "slack" else one.here.telegram
        method = "chat.postMessage" if platform == "slack" else "sendMessage"
        fake.fail_next(method, "timeout" if arrives else "timeout_before")
        await one.on(platform).say("un mot")
        async with asyncio.timeout(PATIENCE):
            while not any(call.method == method for call in fake.calls):
                await asyncio.sleep(0.01)
        assert await one.here.one.end(signal.SIGKILL) == -signal.SIGKILL
        assert one.said() == ["sending"]
        assert len(one.texts(platform)) == arrives
        await one.here.one.start()
        await answered_once(one, platform)


async def looking_up(zygote: Zygote, platform: Platform) -> None:
    """Killed again while it looks up what the first death left."""
    async with pair(zygote) as one:
        await one.here.one.start()
        one.here.one.order("after_wire")
        await asyncio.sleep(0.1)
        await one.on(platform).say("un mot")
        await dies(one)
        await one.here.one.start(CORDEE_CRASH_AT="in_recover", ready=False)
        await dies(one)
        assert one.said() == ["sending"]
        await one.here.one.start()
        await answered_once(one, platform)


async def prompt(zygote: Zygote, point: str) -> None:
    """A prompt falls due, and death inside its transaction (`before_commit`) or after it."""
    async with pair(zygote) as one:
        await one.here.one.start()
        assert one.here.clock is not None
        await asyncio.sleep(0.3)  # well before the first tick, and the lease lasts
        one.here.clock.until(_template()[1])
        one.here.one.order(point)
        await dies(one)
        fired = one.here.rows("SELECT count(*) FROM timer WHERE state = 'fired'")[0][0]
        kept = point != "before_commit"
        assert (bool(fired), one.said()) == (kept, ["queued"] * 2 * kept)
        await one.here.one.start()
        for platform in PLATFORMS:
            heard = await one.on(platform).hears(programme.halt(1), since=0, patience=PATIENCE)
            assert heard, one.here.one.said()
        await one.rest()
        for platform in PLATFORMS:
            assert len(one.texts(platform)) == 1, one.texts(platform)


WORDS: Final = (
    "before_commit",
    "after_inbox",
    "in_turn",
    "after_t1",
    "before_wire",
    "after_wire",
    "before_t2",
)


async def prove(figures: Figures, *, quick: bool) -> None:
    """Every row on both platforms; as figures.

    Args:
        figures: Where they go.
        quick: With short waits before look-ups, not paced.
    """
    well = 0
    with Zygote() as zygote:
        for point in WORDS:
            for platform in PLATFORMS:
                try:
                    await word(zygote, point, platform, quick=quick)
                    well += 1
                except AssertionError as error:
                    figures.say(f"  {point} on {platform}: {error}")
    figures.at_least("named points with the same end as without", well, 2 * len(WORDS))
