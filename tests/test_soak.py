"""Two programmes over weeks and clock changes, against a calendar worked out apart.

Shortened; the long form is `make soak`: two years, 190 pairs, 10,000 laureates.
"""

from datetime import UTC, datetime, timedelta

import pytest

from tests.simulation import almanac
from tests.simulation.almanac import Life
from tests.simulation.soak import PRESETS, soak

START = datetime(2026, 8, 31, 8, 0, tzinfo=UTC)


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_what_is_sent_is_what_the_calendar_says() -> None:
    found = soak(74, 20, 50)  # two clock changes, the start of a quarter, ten kills
    assert not found.missed, str(found)
    figures = {what: value for what, value, _, _ in found.rows}
    assert int(figures["prompts of the calendar"]) > 400
    assert int(figures["kills"]) >= 8


def test_the_calendar_itself_is_that_of_a_wall_calendar() -> None:
    """A few dates worked out by hand, so that both cannot be wrong in the same way."""
    file = almanac.read(PRESETS / "ax-accompagnement.toml")
    end = START + timedelta(days=80)
    paris = Life(((START, "Europe/Paris"),))
    asked = [at for kind, at in almanac.of_pair(file, "mentee", paris, START, end)
             if kind == "checkin"]  # fmt: skip
    assert asked == [
        datetime(2026, 9, 15, 7, 30, tzinfo=UTC),
        datetime(2026, 10, 6, 7, 30, tzinfo=UTC),
        datetime(2026, 10, 27, 8, 30, tzinfo=UTC),  # two days after the clocks went back
        datetime(2026, 11, 17, 8, 30, tzinfo=UTC),
    ]
    reports = almanac.read(PRESETS / "emergence.toml")
    apia = Life(((START, "Pacific/Apia"),))
    assert almanac.of_reports(reports, apia, START, end) == [
        ("report", datetime(2026, 10, 1, 19, tzinfo=UTC)),  # 21 h there: eight the next morning
        ("report", datetime(2026, 10, 8, 19, tzinfo=UTC)),
        ("report", datetime(2026, 10, 15, 19, tzinfo=UTC)),
    ]


def test_the_comparison_sees_what_is_missing_and_what_is_too_much() -> None:
    due = [START, START + timedelta(days=1)]
    late = timedelta(minutes=45)
    assert almanac.compare(due, due, late) == (0, 0)
    assert almanac.compare(due, due[:1], late) == (1, 0)
    assert almanac.compare(due, [*due, due[0]], late) == (0, 1)
    assert almanac.compare(due, [due[0] + timedelta(hours=1), due[1]], late) == (1, 1)
