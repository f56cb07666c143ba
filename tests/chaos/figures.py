"""What a proof measured, each figure beside its bar."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

Number = float | int
TIMES = ("s", "ms", "×")


@dataclass
class Figures:
    """Figures, printed as they come.

    Attributes:
        missed: Those past their bar.
        kept: All of them.
        quiet: Do not print; a test looks at `missed` instead, and shows every line when one is.
        leeway: Times (`s`, `ms`, `×`) may be so many times their bar: a test runs beside others on
            two cores, and says nothing about speed. Counts keep their bar.
    """

    quiet: bool = False
    leeway: float = 1.0
    missed: list[str] = field(default_factory=list)
    kept: dict[str, Number] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def at_most(self, name: str, value: Number, bar: Number, unit: str = "") -> None:
        """A figure that must not be above its bar."""
        most = bar * self.leeway if unit in TIMES else bar
        self._put(name, value, unit, f"at most {bar:g}", value <= most)

    def at_least(self, name: str, value: Number, bar: Number, unit: str = "") -> None:
        """A figure that must not be below its bar."""
        self._put(name, value, unit, f"at least {bar:g}", value >= bar)

    def told(self, name: str, value: Number, unit: str = "") -> None:
        """A figure without a bar."""
        self._put(name, value, unit, "told", well=True)

    def _put(self, name: str, value: Number, unit: str, bar: str, well: bool) -> None:
        self.kept[name] = value
        shown = f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
        line = f"{name:<58} {shown:>10} {unit:<4} ({bar})"
        if not well:
            self.missed.append(line)
            line += "  MISSED"
        self.say(line)

    def say(self, line: str) -> None:
        """A line that is no figure."""
        self.lines.append(line)
        if not self.quiet:
            print(line, flush=True)

    def check(self) -> None:
        """Fail a test when a bar was missed.

        Raises:
            AssertionError: It was.
        """
        assert not self.missed, "\n".join(["", *self.missed, "", "all of it:", *self.lines])


def share(values: Sequence[float], part: float) -> float:
    """The value below which that part of the values lies (nearest rank); 0 for none."""
    ordered = sorted(values)
    if not ordered:
        return 0.0
    place = max(0, -(-int(part * 1000) * len(ordered) // 1000) - 1)
    return ordered[min(place, len(ordered) - 1)]


def busiest(moments: Sequence[float], seconds: float) -> int:
    """The most moments in any window of so many seconds, half open, as the platforms count."""
    ordered = sorted(moments)
    first = most = 0
    for last, moment in enumerate(ordered):
        while moment - ordered[first] >= seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def main(proof: Callable[[Figures], Coroutine[Any, Any, None]]) -> None:
    """Run a long form; the process exits 1 when a bar was missed."""
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # clients that died in mid-call
    figures = Figures()
    asyncio.run(proof(figures))
    for line in figures.missed:
        print(f"MISSED {line}", file=sys.stderr)
    sys.exit(bool(figures.missed))
