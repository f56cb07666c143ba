"""So many times in any stretch of a minute, whoever asks, and never more memory than was said."""

from __future__ import annotations

from collections import deque
from copy import deepcopy
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.limits import Limiter, source_of

NOON = datetime(2026, 10, 6, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_so_many_in_any_stretch_and_then_the_rest_of_it() -> None:
    limiter = Limiter(3)
    assert [limiter.take("a", after(n)) for n in (0, 10, 20, 30)] == [0, 0, 0, 30]
    assert limiter.take("b", after(30)) == 0, "another one"
    assert [limiter.take("a", after(n)) for n in (59.5, 60, 60, 70)] == [1, 0, 10, 0]


def test_looking_costs_nothing() -> None:
    limiter = Limiter(1)
    assert [limiter.wait("a", NOON) for _ in range(5)] == [0] * 5
    assert len(limiter) == 0


def test_a_clock_that_was_set_back_locks_nobody_out() -> None:
    limiter = Limiter(1)
    assert limiter.take("a", after(3600)) == 0
    assert limiter.take("a", NOON) == 0
    assert limiter.take("a", NOON) == 60


def test_who_was_quiet_longest_is_forgotten_first() -> None:
    limiter = Limiter(1, sources=3)
    for n in range(1000):
        assert limiter.take(str(n), after(n / 1000)) == 0
        assert len(limiter) <= 3
    assert [limiter.wait(str(n), after(1)) > 0 for n in (996, 997, 998, 999)] == [False] + [
        True
    ] * 3


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 40)), max_size=60))
def test_never_more_than_so_many_in_any_minute(asked: list[tuple[str, float]]) -> None:
    limiter, at = Limiter(4), 0.0
    let: dict[str, deque[float]] = {"a": deque(), "b": deque()}
    for source, pause in asked:
        at += pause
        now = after(at)
        recent = sum(now.timestamp() - one < 60 for one in let[source])
        seconds = limiter.take(source, now)
        assert (seconds == 0) == (recent < 4)
        assert 0 <= seconds <= 60
        if not seconds:
            let[source].append(now.timestamp())
        else:
            later = now + timedelta(seconds=seconds)
            assert deepcopy(limiter).wait(source, later) == 0


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "source"),
    [
        ("192.0.2.7", ["198.51.100.1"], 0, "192.0.2.7"),
        ("192.0.2.7", ["198.51.100.1"], 1, "198.51.100.1"),
        ("192.0.2.7", ["203.0.113.9, 198.51.100.1"], 1, "198.51.100.1"),
        ("192.0.2.7", ["203.0.113.9", "198.51.100.1, 192.0.2.8"], 2, "198.51.100.1"),
        ("192.0.2.7", ["198.51.100.1"], 2, "192.0.2.7"),
        ("192.0.2.7", [], 1, "192.0.2.7"),
        ("192.0.2.7", ["unknown"], 1, "192.0.2.7"),
        ("192.0.2.7", ["\0", ""], 1, "192.0.2.7"),
        ("2001:db8:1:2:aaaa::1", [], 0, "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::2", [], 0, "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", [], 0, "192.0.2.7"),
        ("fe80::1%eth0", [], 0, "fe80::/64"),
        (None, [], 0, "here"),
        (None, ["198.51.100.1"], 1, "198.51.100.1"),
    ],
)
def test_who_asks(peer: str | None, forwarded: list[str], proxies: int, source: str) -> None:
    assert source_of(peer, forwarded, proxies) == source
