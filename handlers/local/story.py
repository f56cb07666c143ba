"""One finite story in the terminal: both platforms side by side, six months in seconds.

It plays the scripts beside it through the real bot, compares what was seen with what they say, and
sums up. It refuses to judge: a difference, a refusal or a duplicate makes the command fail, nothing
else does.
"""

from __future__ import annotations

import asyncio
import difflib
import time
from collections.abc import Iterable
from datetime import datetime
from importlib.resources import as_file, files
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bot.i18n import words
from handlers.local.chat_file import parse
from handlers.local.script import Played, Player, Shown

STORIES = "stories"
WIDE = 110  # columns from which the platforms stand side by side
LINES = 7  # of a message; the rest is counted
ZONE = ZoneInfo("Europe/Paris")
COLOURS = {"slack": "magenta", "telegram": "cyan"}


async def tell(console: Console) -> bool:
    """Play every story of the package.

    Args:
        console: Where to show it; two columns when it is wide enough.

    Returns:
        Whether all was as written, with no refusal and no duplicate.
    """
    well = True
    with as_file(files("handlers.local") / STORIES) as folder:
        for path in sorted(folder.glob("*.chat")):
            well &= await play_one(console, path)
    return well


async def play_one(console: Console, path: Path) -> bool:
    """Play one script; whether all was as written."""
    text = await asyncio.to_thread(path.read_text, "utf-8")
    script = parse(text)
    stage = _Stage(console)
    console.rule(next((line.lstrip("# ") for line in script.head if line.startswith("#")), ""))
    began = time.perf_counter()
    played = await Player(script, path.parent, stage.show).play()
    took = time.perf_counter() - began
    stage.end()
    for fault in played.faults:
        console.print(Text(f"✗ {fault}", "red"))
    differences = list(
        difflib.unified_diff(
            text.splitlines(), played.text.splitlines(), "written", "seen", lineterm="", n=2
        )
    )
    for line in differences:
        console.print(Text(line, "red"))
    well = not differences and not played.faults and not played.duplicates
    console.print(_summary(played, stage, took, len(differences), well))
    return well


class _Stage:
    """Draws what is shown, as it happens."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.began: datetime | None = None
        self.ended: datetime | None = None
        self.day = ""

    def show(self, shown: Shown) -> None:
        """One thing that somebody said or saw."""
        self.began = self.began or shown.at
        self.ended = shown.at
        day = words("fr").weekday(shown.at.astimezone(ZONE).date())
        if day != self.day:
            self.day = day
            self.console.print(Text(f"{day} {shown.at.year}", "bold"), justify="center")
        self._print(shown)

    def _print(self, shown: Shown) -> None:
        colour = COLOURS.get(shown.platform or "", "white")
        if shown.by_bot:
            bubble: RenderableType = Panel(
                Group(*_lines(shown.lines)),
                title=f"{shown.platform} · {shown.name}",
                title_align="left",
                border_style=colour,
            )
        else:
            bubble = Text(f"{shown.name}: {shown.lines[0]}", f"bold {colour}")
        if self.console.width < WIDE:
            self.console.print(bubble)
            return
        columns = Table.grid(expand=True, padding=(0, 1))
        columns.add_column(ratio=1)
        columns.add_column(ratio=1)
        columns.add_row(*((bubble, "") if shown.platform == "slack" else ("", bubble)))
        self.console.print(columns)

    def end(self) -> None:
        """Leave a line after the last bubble."""
        self.console.print()


def _lines(lines: Iterable[str]) -> list[Text]:
    every = [line for line in lines if line]
    kept = (
        every if len(every) <= LINES + 1 else [*every[: LINES - 1], *_buttons(every[LINES - 1 :])]
    )
    drawn = []
    for line in kept[: LINES + 3]:
        style = "bold" if line.startswith("[") else "dim" if line.startswith("· ") else ""
        drawn.append(Text(line, style, overflow="fold"))
    if len(every) > len(drawn):
        drawn.append(Text(f"… (+{len(every) - len(drawn)})", "dim"))
    return drawn


def _buttons(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith(("[", "▾"))]


def _summary(
    played: Played, stage: _Stage, took: float, differences: int, well: bool
) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    days = (stage.ended - stage.began).days if stage.began and stage.ended else 0
    refusals = sum(fault.startswith("refused") for fault in played.faults)
    for name, value in (
        ("messages sent", played.sent),
        ("of them by the clock", played.prompts),
        ("virtual days", days),
        ("refusals by the platforms", refusals),
        ("duplicates", played.duplicates),
        ("lines that differ", differences),
        ("seconds", f"{took:.1f}"),
    ):
        table.add_row(name, str(value))
    return Panel(
        table,
        title="as written" if well else "NOT as written",
        border_style="green" if well else "red",
    )
