"""Half-years of a programme in virtual time, with everything going wrong that can.

The long form is `make simulate`. The judge is judged too: with a fault planted in the connection
to a platform it has to find what the fault leads to.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from typing_extensions import override

from scheduling.sender import Claimed, NotSent, Outcome, Sent
from tests.simulation.platforms import Connection, Platform
from tests.simulation.simulate import BUSY, one

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SHORT = replace(BUSY, seed=1, days=70.0, couples=5)
TINY = replace(SHORT, days=15.0, couples=1)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_goes_wrong_nothing_is_lost_nor_said_twice_nor_to_somebody_else(seed: int) -> None:
    result = one(replace(SHORT, seed=seed))
    assert not result.broken, result.broken[:10]
    assert result.figures["kills"] > 10
    assert result.figures["acts"] > 40
    assert result.figures["check-ins asked"] >= 20


def test_the_same_seed_gives_the_same_trace_ten_times_of_ten() -> None:
    traces = {one(TINY).trace for _ in range(8)}
    for salt in ("1", "2"):  # another process, other hashes
        told = subprocess.run(
            [sys.executable, "-m", "tests.simulation.simulate", "--seeds", "1", "--first", "1",
             "--days", "15", "--couples", "1", "--busy"],
            capture_output=True, text=True, check=True, timeout=120,
            cwd=Path(__file__).parents[1],
            env={**os.environ, "PYTHONHASHSEED": salt, "COVERAGE_PROCESS_START": ""},
        ).stdout  # fmt: skip
        traces.add(next(line for line in told.splitlines() if "trace" in line).split()[-1])
    assert len(traces) == 1
    assert one(replace(TINY, seed=2)).trace not in traces


class Forgetful(Connection):
    """Says "absent" of whatever it is asked about."""

    @override
    async def reconcile(self, rows: Sequence[Claimed]) -> Mapping[int, Outcome]:
        return {row.id: NotSent("not found by the look-up") for row in rows}


class Boastful(Connection):
    """Says "sent" of what it never sent."""

    @override
    async def send(self, row: Claimed) -> Outcome:
        return Sent(f"{row.chat_id}/1") if row.id % 7 == 0 else await super().send(row)


class Astray(Connection):
    """Now and then takes one chat for another."""

    @override
    async def send(self, row: Claimed) -> Outcome:
        if row.id % 11 == 0 and row.chat_id.startswith("U0000"):
            row = replace(row, chat_id="U00000" if row.chat_id != "U00000" else "U00003")
        return await super().send(row)


class Hasty(Connection):
    """Does not listen to a 429."""

    @override
    async def send(self, row: Claimed) -> Outcome:
        found = await super().send(row)
        if isinstance(found, NotSent) and found.retry_after:
            return replace(found, retry_after=0.5)
        return found


PLANTED: dict[str, tuple[Callable[[Platform], Connection], str]] = {
    "a look-up that says absent": (Forgetful, "twice"),
    "a call taken for sent": (Boastful, "called sent, never accepted"),
    "a chat taken for another": (Astray, "to somebody else"),
    "a 429 not listened to": (Hasty, "before its Retry-After"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found(name: str) -> None:
    connect, rule = PLANTED[name]

    def wrong(platform: Platform) -> Connection:
        found = platform.connect()
        made = connect(platform)
        if type(made).reconcile is Connection.reconcile:
            made.reconcile = found.reconcile  # type: ignore[method-assign]
        return made

    result = one(replace(SHORT, days=40.0, ills=0.2), wrong)
    assert any(line.startswith(rule) for line in result.broken), result.broken[:5]
