"""The pace: no sliding window too full, hardly a slot wasted, nothing remembered for long."""

import asyncio
import random
from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.pacing import ROOM, Limits, Pace, Rate


class Seconds:
    """A clock for the pace, moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def busiest(times: list[float], seconds: float) -> int:
    """The most departures in any window of this length, open at its end."""
    return max(
        (bisect_left(times, at + seconds - 1e-6) - n for n, at in enumerate(times)), default=0
    )


def _drive(pace: Pace, clock: Seconds, until: float, late: random.Random | None) -> list[float]:
    """Send as fast as allowed to ever new chats, by a loop that wakes up to 20 ms late."""
    times: list[float] = []
    while clock.now < until:
        if wait := pace.wait(f"chat{len(times)}", "post"):
            clock.now += wait + (late.uniform(0, 0.02) if late else 0.0)
        else:
            pace.note(f"chat{len(times)}", "post")
            times.append(clock.now)
    return times


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_never_too_many_in_any_second_and_hardly_fewer_than_allowed(seed: int | None) -> None:
    clock = Seconds()
    pace = Pace(Limits(account=(Rate(30, 1.03, smooth=True),)), clock)
    late = random.Random(seed) if seed is not None else None
    times = _drive(pace, clock, 1060.0, late)
    assert busiest(times, 1.03) <= 30
    assert len(times) / 60 >= 0.95 * 30 / 1.03
    assert busiest(times, 0.01) <= 4  # a burst is a tenth of a second's worth


def test_a_burst_after_silence_is_small() -> None:
    clock = Seconds()
    pace = Pace(Limits(account=(Rate(30, 1.0, smooth=True),)), clock)
    _drive(pace, clock, 1002.0, None)
    clock.now += 100
    times = _drive(pace, clock, 1103.0, None)
    assert busiest(times, 0.001) <= 4
    assert busiest(times, 1.0) <= 30


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 0.7)), max_size=120))
def test_whatever_the_traffic_chats_and_groups_keep_their_limits(
    traffic: list[tuple[int, float]],
) -> None:
    clock = Seconds()
    limits = Limits(
        account=(Rate(5, 1.0),),
        chat=(Rate(1, 1.05),),
        group=(Rate(4, 10.0),),
        is_group=lambda chat: chat == "0",
    )
    pace = Pace(limits, clock)
    sent: dict[str, list[float]] = {}
    for number, pause in traffic:
        chat = str(number)
        clock.now += pause
        late, _, _ = pace.busy()
        wait = pace.wait(chat, "post")
        assert wait or chat not in late
        clock.now += wait
        assert pace.wait(chat, "post") == 0
        pace.note(chat, "post")
        sent.setdefault(chat, []).append(clock.now)
    assert busiest(sorted(at for times in sent.values() for at in times), 1.0) <= 5
    for chat, times in sent.items():
        assert busiest(times, 1.05) <= 1
        if chat == "0":
            assert busiest(times, 10.0) <= 4


def test_operations_have_limits_of_their_own() -> None:
    clock = Seconds()
    pace = Pace(Limits(ops={"edit": (Rate(2, 60.0),)}), clock)
    for chat in ("a", "b"):
        pace.note(chat, "edit")
    assert pace.wait("c", "edit") == pytest.approx(60.0)
    assert pace.wait("c", "post") == 0
    chats, ops, free = pace.busy()
    assert (chats, ops) == (set(), {"edit"})
    assert free == pytest.approx(60.0)


def test_too_soon_holds_a_chat_a_method_or_all() -> None:
    clock = Seconds()
    pace = Pace(Limits(), clock)
    pace.hold("chat", "a", 3)
    pace.hold("method", "edit", 5)
    assert pace.wait("a", "post") == 3
    assert pace.wait("b", "edit") == 5
    assert pace.wait("b", "post") == 0
    assert pace.busy() == ({"a"}, {"edit"}, 3)
    pace.hold("account", "", 9)
    pace.hold("account", "", 2)  # a shorter word does not shorten a longer one
    assert pace.wait("b", "post") == pace.account_wait() == 9
    clock.now += 9
    assert pace.wait("a", "edit") == 0
    assert pace.busy() == (set(), set(), None)


def test_memory_follows_the_traffic() -> None:
    clock = Seconds()
    pace = Pace(Limits(chat=(Rate(1, 1.05),)), clock)
    for n in range(5000):
        pace.note(f"chat{n}", "post")
        clock.now += 0.01
        if n % 50 == 0:
            chats, _, _ = pace.busy()
            assert len(chats) <= 106
    assert len(pace._chats) <= 160


def test_how_many_may_be_claimed_ahead() -> None:
    assert Pace(Limits(account=(Rate(30, 1.03),)), Seconds()).ahead() == 3
    assert Pace(Limits(account=(Rate(1, 1.0),)), Seconds()).ahead() == 1
    assert Pace(Limits(), Seconds()).ahead() > 1


async def test_on_the_real_clock_too() -> None:
    loop = asyncio.get_running_loop()
    pace = Pace(Limits(account=(Rate(60, 1.0, smooth=True),)), loop.time)
    times: list[float] = []
    begun = loop.time()
    while loop.time() - begun < 1.5:
        if wait := pace.wait("c", "post"):
            await asyncio.sleep(wait)
        else:
            pace.note("c", "post")
            times.append(loop.time())
    assert busiest(times, 0.99) <= 60
    assert len(times) >= 60


def test_after_a_slow_call_the_next_waits_from_its_answer() -> None:
    now = [0.0]
    pace = Pace(Limits(chat=(Rate(1, 1.0),)), lambda: now[0])
    pace.note("7", "post")
    now[0] = 0.4
    pace.answered("7", "edit")
    assert pace.wait("7", "post") == pytest.approx(0.6)
    pace.answered("7", "post")
    assert pace.wait("7", "post") == pytest.approx(0.8 - ROOM)  # it may have arrived half-way
    now[0] = 1.4
    pace.note("7", "post")
    now[0] = 1.4 + ROOM
    pace.answered("7", "post")  # as quick as the room allows
    assert pace.wait("7", "post") == pytest.approx(1.0 - ROOM)
