"""Days on which the team does not work: no deadline falls on them, no digest comes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from pydantic import ValidationError

from bot.programmes.about import DaysOff
from bot.programmes.queue import QueueRules
from bot.programmes.schema import Programme
from bot.rhythm import holidays_of_france
from tests.asking import asks, request, stand
from tests.stand import CLAIRE, programme, told


def here(**rules: object) -> Programme:
    found = programme(queue=QueueRules(digests=(time(8, 30),)))
    about = found.about.model_copy(update={"days_off": DaysOff.model_validate(rules)})
    return found.model_copy(update={"about": about})


def test_the_holidays_are_those_of_the_published_calendars() -> None:
    published = {
        2024: "01-01 04-01 05-01 05-08 05-09 05-20 07-14 08-15 11-01 11-11 12-25",
        2025: "01-01 04-21 05-01 05-08 05-29 06-09 07-14 08-15 11-01 11-11 12-25",
        2026: "01-01 04-06 05-01 05-08 05-14 05-25 07-14 08-15 11-01 11-11 12-25",
        2027: "01-01 03-29 05-01 05-06 05-08 05-17 07-14 08-15 11-01 11-11 12-25",
    }
    for year, days in published.items():
        assert holidays_of_france(year) == {date.fromisoformat(f"{year}-{d}") for d in days.split()}


@pytest.mark.parametrize(
    ("rules", "due"),
    [
        ({}, 17),  # Wednesday 11 November is a holiday, then a weekend
        ({"public": "none"}, 16),
        ({"also": ["2026-11-12", "2026-11-16"]}, 19),
    ],
)
def test_a_deadline_leaves_them_out(rules: dict[str, object], due: int) -> None:
    one = stand(here=here(**rules))
    one.now = datetime(2026, 11, 9, 9, tzinfo=UTC)
    asks(one)  # an answer is promised within five working days
    assert request(one).due_at == datetime(2026, 11, due, 9, tzinfo=UTC)


def test_no_digest_comes_on_them_and_the_next_says_what_is_new_since_the_last() -> None:
    one = stand(here=here(also=["2026-11-12"]))
    one.now = datetime(2026, 11, 10, 9, tzinfo=UTC)
    asks(one)
    heard = one.until(datetime(2026, 11, 16, 9, tzinfo=UTC))
    digests = [said for said in told(heard, CLAIRE) if said.key.startswith("digest:")]
    days = [said.key.split(":")[2][:8] for said in digests]
    assert days == ["20261113", "20261116"]
    assert "1 nouvelle demande" in digests[0].text
    assert "nouvelle" not in digests[1].text


def test_the_team_is_told_of_what_nobody_takes_on_on_a_working_day() -> None:
    one = stand(here=here())
    one.now = datetime(2026, 11, 9, 9, tzinfo=UTC)
    asks(one)
    heard = told(one.until(one.now + timedelta(days=4)), CLAIRE, "personne ne l’a encore prise")
    assert [said.key for said in heard]
    with one.work() as uow:
        [again] = uow.timers.list(kind="request-claim")
    assert again.due_at.astimezone(UTC).day == 16  # two working days after the 12th


def test_what_is_no_day_is_refused() -> None:
    with pytest.raises(ValidationError):
        DaysOff.model_validate({"also": ["24 décembre"]})
