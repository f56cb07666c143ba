"""Killed at every commit and at every send of one life: the same end as without.

`python -m tests.chaos.crashpoints [every]` takes every `every`-th (1: all). First the undisturbed
life is counted; then for each n the process dies at the n-th commit (before, after) or call of a
platform (before, after), is started again without the order to die, and what stands on every
screen at the end is compared.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from storage.crash import KILLED
from storage.migrate import upgrade
from storage.unit_of_work import Database
from tests.chaos import figures, programme
from tests.chaos.figures import Figures
from tests.chaos.ground import Ground, ground, real_now
from tests.chaos.life import FIRST_HALT, FIRST_LOG, Life
from tests.chaos.processes import Zygote
from tests.run_world import KEY

COMMITS: Final = ("before_commit", "after_commit")
SENDS: Final = ("before_wire", "after_wire")
NEVER: Final = 1_000_000_000
MOST_DEATHS: Final = 3
Seen = dict[str, list[tuple[str, tuple[str, ...]]]]


@dataclass
class Lived:
    """What came of one life.

    Attributes:
        seen: What stood on each screen at the end.
        deaths: How often the process died.
        trouble: What went wrong, if anything did.
        unclear: Rows nobody can tell the fate of.
        passes: How often the process came to the point of its last order, when it stopped well.
        again: Gestures made again.
    """

    seen: Seen = field(default_factory=dict)
    deaths: int = 0
    trouble: str = ""
    unclear: int = 0
    passes: int = 0
    again: int = 0


def prepared(folder: Path) -> Path:
    """An empty database with its tables, to be copied."""
    file = folder / "empty.db"
    database = Database(f"sqlite:///{file}", KEY)
    upgrade(database.engine)
    database.close()
    return file


async def live(zygote: Zygote, empty: Path, order: str) -> Lived:
    """Live once, with an order to die."""
    folder = Path(tempfile.mkdtemp(prefix="life-", dir=empty.parent))
    begun = real_now()
    file = programme.write(folder, halts=[begun + FIRST_HALT], logs=[begun + FIRST_LOG])
    shutil.copy(empty, folder / "cordee.db")
    lived = Lived()
    async with ground(
        folder, file, zygote=zygote, clock=folder / "clock", retries=(0.2,) * 200
    ) as here:
        life = Life(here, begun)
        watch = asyncio.create_task(_raise_again(here, lived, order))
        try:
            await life.whole()
        except AssertionError as error:
            lived.trouble = f"{type(error).__name__}: {error}"
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        if here.one.alive:
            code = await here.one.end()
            if code == KILLED:  # it died while it stopped: that counts too
                lived.deaths += 1
                await here.one.start(CORDEE_CRASH_AT="")
                await here.one.end()
        said = here.one.said()
        errors = here.one.errors()
        if errors:
            lived.trouble = f"{lived.trouble} in the log: {errors[0]}"
        found = re.findall(r"passes: (\d+)", said)
        lived.passes = int(found[-1]) if found else 0
        lived.seen, lived.again = life.seen(), len(life.again)
        lived.unclear = int(
            here.rows("SELECT count(*) FROM outbox WHERE state NOT IN ('sent', 'cancelled')")[0][0]
        )
        if here.slack.refusals or here.telegram.refusals:
            refused = [*here.slack.refusals, *here.telegram.refusals]
            wrong = [r for r in refused if r.error != "operation_timeout" and not _probe(r.method)]
            if wrong and not lived.trouble:
                lived.trouble = f"refused: {wrong[:2]}"
    shutil.rmtree(folder, ignore_errors=True)
    return lived


def _probe(method: str) -> bool:
    """Whether the bot asks so whether a message is there."""
    return method == "editMessageReplyMarkup"


async def _raise_again(here: Ground, lived: Lived, order: str) -> None:
    """Start the process, and again without the order whenever it has died."""
    await here.one.start(ready=False, CORDEE_CRASH_AT=order)
    while True:
        code = await here.one.ended(600)
        lived.deaths += 1
        assert code == KILLED, here.one.said()[-2000:]
        assert lived.deaths <= MOST_DEATHS
        await here.one.start(ready=False, CORDEE_CRASH_AT="")


def differs(seen: Seen, wanted: Seen) -> str:
    """Where the screens differ first; empty when they do not."""
    for who, lines in wanted.items():
        found = seen.get(who, [])
        if found != lines:
            extra = [one for one in found if found.count(one) > lines.count(one)]
            lacking = [one for one in lines if lines.count(one) > found.count(one)]
            if extra or lacking:
                return f"{who}: too often {extra[:2]}, missing {lacking[:2]}"
            return f"{who}: another order: {[t[:30] for t, _ in found]}"
    return ""


def spread(passes: int, every: int, first: int = 1) -> Sequence[int]:
    """1 to `passes` in steps of `every`."""
    return range(first, passes + 1, every)


async def prove(figures: Figures, *, every: int = 1, at_once: int = 2, least: int = 0) -> None:
    """Count, then die everywhere.

    Args:
        figures: Where the figures go.
        every: Every how many-th.
        at_once: Lives at a time.
        least: Fewest points that must have been hit.
    """
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cordee-points-") as name:
        empty = prepared(Path(name))
        with Zygote() as zygote:
            whole = [
                await live(zygote, empty, f"{point}:{NEVER}") for point in (COMMITS[0], SENDS[0])
            ]
            assert not any(one.trouble for one in whole), [one.trouble for one in whole]
            assert not differs(whole[1].seen, whole[0].seen), differs(whole[1].seen, whole[0].seen)
            wanted = whole[0].seen
            figures.told("commits of one life", whole[0].passes)
            figures.told("calls of a platform", whole[1].passes)
            orders = [
                f"{point}:{n}"
                for place, point in enumerate((*COMMITS, *SENDS))
                for n in spread(whole[point in SENDS].passes, every, 1 + place * every // 4)
            ]
            figures.told("points tried", len(orders))
            waiting = list(reversed(orders))
            found: dict[str, Lived] = {}

            async def work() -> None:
                while waiting:
                    order = waiting.pop()
                    found[order] = await live(zygote, empty, order)

            await asyncio.gather(*(work() for _ in range(at_once)))
    wrong = {}
    for order in orders:
        lived = found[order]
        trouble = lived.trouble or differs(lived.seen, wanted)
        if trouble:
            wrong[order] = trouble
            figures.say(f"  {order}: {trouble}")
    hit = sum(bool(lived.deaths) for lived in found.values())
    figures.at_least("points at which it died", hit, least or len(orders) * 9 // 10)
    figures.told("gestures people had to make again", sum(o.again for o in found.values()))
    figures.told("seconds in all", time.monotonic() - begun, "s")
    figures.at_most("rows of unclear fate", sum(o.unclear for o in found.values()), 0)
    figures.at_most("points with another end than without", len(wrong), 0)


if __name__ == "__main__":
    step = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    figures.main(lambda shown: prove(shown, every=step))
