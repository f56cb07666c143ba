"""Updates repeated, shuffled and late lead to the same as those delivered once, in order.

Shortened: 320 updates; the long form is `make shuffle`.
"""

from collections.abc import Mapping
from itertools import count
from typing import Any

import pytest

from handlers.slack import inbound
from tests.simulation.shuffle import compare, first_difference

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_repeated_shuffled_and_late_it_is_the_same_byte_for_byte() -> None:
    plain, mixed, differ = compare(couples=8, steps=20)
    assert not differ, first_difference(plain.state[differ[0]], mixed.state[differ[0]])
    assert plain.updates == mixed.updates == 320
    assert mixed.repeats == 3 * 320
    assert plain.rows == mixed.rows == {"done": 320}
    assert sum(map(len, plain.state.values())) > 30_000


def test_without_keys_it_would_not_be(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers, keys = count(), inbound.keys

    def forgetful(payload: Mapping[str, Any]) -> tuple[str, str | None]:
        return f"{keys(payload)[0][:100]}-{next(numbers)}", None

    monkeypatch.setattr("tests.simulation.process.slack_inbound.keys", forgetful)
    _, mixed, differ = compare(couples=2, steps=4)
    assert mixed.rows["done"] > 16
    assert differ
