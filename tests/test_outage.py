"""A platform that is away, or says "too soon": shortened; the long form is `make outage`."""

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest

from scheduling.sender import Doubtful, NotSent, Outcome, Sent
from scheduling.silence import AWAY, LONGEST_PAUSE, Silence, is_answer
from tests.simulation.loop import run
from tests.simulation.outage import CASES, Case, one


@pytest.mark.slow
@pytest.mark.timeout(200)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_afterwards_nothing_is_lost_and_the_backlog_goes_as_fast_as_permitted(case: Case) -> None:
    figures = one(replace(case, seconds=150.0), 0.15, rest=300.0)
    assert not figures.missed, str(figures)


# --- whether anybody is there ---------------------------------------------------------------------


def test_what_counts_as_an_answer() -> None:
    answers: list[Outcome] = [
        Sent(),
        NotSent("429", retry_after=0.0),
        NotSent("bad", permanent=True),
        NotSent("gone", unreachable=True),
    ]
    assert all(is_answer(outcome) for outcome in answers)
    silence: list[Outcome] = [Doubtful("http 503"), NotSent("no connection")]
    assert not any(is_answer(outcome) for outcome in silence)


def test_a_few_calls_without_an_answer_and_one_at_a_time_asks() -> None:
    async def asked() -> list[float]:
        loop = asyncio.get_running_loop()
        silence = Silence(loop.time)
        for _ in range(AWAY):
            assert silence.wait() == 0
            silence.note(answered=False)
        assert silence.wait() > 0
        found: list[float] = []

        async def ask() -> None:
            await silence.turn()
            found.append(loop.time())
            silence.note(answered=len(found) > 12)

        await asyncio.gather(*(ask() for _ in range(20)))
        assert silence.wait() == 0
        return found

    times = run(asked())
    pauses = [after - before for before, after in pairwise(times)]
    assert pauses[:5] == pytest.approx([2, 4, 8, 16, 30], abs=0.01)
    assert max(pauses) <= LONGEST_PAUSE + 0.01
    assert len(set(times[12:])) == 1  # somebody has answered: the others go at once
