"""Calendar: rules over both clock changes, month and quarter ends, quiet hours."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rhythm import (
    Quarter,
    anchor,
    check_rule,
    holidays_of_france,
    into_waking_hours,
    is_missing,
    months_later,
    next_occurrence,
    next_opening,
    reported,
    to_local,
    to_utc,
    working_days_later,
)

PARIS = "Europe/Paris"
ZONES = st.sampled_from(
    [PARIS, "America/New_York", "Asia/Kolkata", "Pacific/Apia", "Australia/Lord_Howe", "UTC",
     "Africa/Casablanca", "America/Santiago"]
)  # fmt: skip
INSTANTS = st.integers(0, 11 * 366 * 86400).map(
    lambda seconds: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
TIMES = st.times().map(lambda t: t.replace(second=0, microsecond=0))
RULES = st.sampled_from(
    [
        "FREQ=WEEKLY;INTERVAL=3;BYDAY=TU",
        "FREQ=WEEKLY;BYDAY=MO,TH",
        "FREQ=MONTHLY;BYDAY=2TU",
        "FREQ=MONTHLY;BYDAY=-1FR",
        "FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=1",
        "FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1",
        "FREQ=DAILY;INTERVAL=10",
        "FREQ=YEARLY;BYMONTH=9;BYDAY=1MO",
    ]
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


def series(rule: str, start: str, zone: str, count: int, after: str = "2020-01-01") -> list[str]:
    found, moment = [], utc(after)
    for _ in range(count):
        due = next_occurrence(rule, wall(start), zone, moment)
        if due is None:
            break
        found.append(due.strftime("%Y-%m-%dT%H:%MZ"))
        moment = due
    return found


# --- clock changes
def test_a_weekly_rhythm_keeps_its_wall_time_over_both_clock_changes() -> None:
    assert series("FREQ=WEEKLY;BYDAY=TU", "2026-10-20T09:30", PARIS, 3) == [
        "2026-10-20T07:30Z", "2026-10-27T08:30Z", "2026-11-03T08:30Z",
    ]  # fmt: skip
    assert series("FREQ=WEEKLY;BYDAY=TU", "2026-03-24T09:30", PARIS, 2) == [
        "2026-03-24T08:30Z", "2026-03-31T07:30Z",
    ]  # fmt: skip


def test_a_time_left_out_comes_after_the_gap_and_a_doubled_one_comes_once() -> None:
    assert series("FREQ=DAILY", "2026-03-28T02:30", PARIS, 3) == [
        "2026-03-28T01:30Z", "2026-03-29T01:30Z", "2026-03-30T00:30Z",
    ]  # fmt: skip
    assert to_local(utc("2026-03-29T01:30"), PARIS) == wall("2026-03-29T03:30")
    assert series("FREQ=DAILY", "2026-10-24T02:30", PARIS, 3) == [
        "2026-10-24T00:30Z", "2026-10-25T00:30Z", "2026-10-26T01:30Z",
    ]  # fmt: skip


def test_a_time_left_out_is_recognised() -> None:
    assert is_missing(wall("2026-03-29T02:30"), PARIS)
    assert not is_missing(wall("2026-03-29T03:30"), PARIS)
    assert not is_missing(wall("2026-10-25T02:30"), PARIS)


# --- rules
def test_months_of_different_lengths() -> None:
    last = "FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1"
    days = [d[:10] for d in series(last, "2027-01-31T09:00", PARIS, 14)]
    assert days[:5] == ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31"]
    assert days[13] == "2028-02-29"
    assert [d[:10] for d in series("FREQ=MONTHLY;BYMONTHDAY=31", "2027-01-31T09:00", PARIS, 2)] == [
        "2027-01-31",
        "2027-03-31",
    ]


def test_a_rule_ends() -> None:
    assert len(series("FREQ=DAILY;COUNT=3", "2026-11-01T09:00", PARIS, 9)) == 3
    until = "FREQ=WEEKLY;UNTIL=20261115T090000"
    assert len(series(until, "2026-11-01T09:00", PARIS, 9)) == 3


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("", "write FREQ="),
        ("FREQ=HOURLY", "write FREQ="),
        ("FREQ=WEEKLY;FREQ=DAILY", "there twice"),
        ("FREQ=DAILY;BYDAY=TU", '"BYDAY" does not go with FREQ=DAILY'),
        ("FREQ=WEEKLY;INTERVAL=0", "not of the form"),
        ("FREQ=WEEKLY;BYDAY=TUE", "not of the form"),
        ("FREQ=WEEKLY;BYDAY=2TU", "write TU, not 2TU"),
        ("FREQ=WEEKLY;COUNT=2;UNTIL=20270101", "COUNT or UNTIL"),
        ("FREQ=WEEKLY;UNTIL=20270101T000000Z", "not of the form"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "never happens"),
        ("FREQ=MONTHLY;INTERVAL=12;BYDAY=1MO;BYSETPOS=9", "never happens"),
        ("DTSTART=20260101;FREQ=DAILY", "does not go with"),
        ("FREQ=WEEKLY;BYDAY=TU\n", "not of the form"),
    ],
)
def test_a_rule_that_is_not_plain_is_refused_with_its_remedy(rule: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        check_rule(rule)


@given(RULES, TIMES, ZONES, INSTANTS)
@settings(max_examples=150, deadline=None)
def test_a_series_grows_and_keeps_its_wall_time(
    rule: str, at: time, zone: str, since: datetime
) -> None:
    check_rule(rule)
    start = anchor(rule, at, zone, since)
    assert start.time() == at
    assert to_utc(start, zone) >= since
    moment = since - timedelta(seconds=1)
    for _ in range(6):
        due = next_occurrence(rule, start, zone, moment)
        assert due is not None
        assert due > moment
        local = to_local(due, zone)
        if local.time() != at:
            # Only a time that the clock left out is moved, and only by the width of the gap.
            nominal = datetime.combine(local.date(), at)
            assert is_missing(nominal, zone)
            assert timedelta(0) < local - nominal <= timedelta(hours=1)
        moment = due


@given(TIMES, ZONES, INSTANTS)
@settings(max_examples=100, deadline=None)
def test_nothing_is_left_out_between_two_looks(at: time, zone: str, since: datetime) -> None:
    rule = "FREQ=WEEKLY;BYDAY=MO,WE,FR"
    start = anchor(rule, at, zone, since)
    one_by_one, moment = [], since - timedelta(seconds=1)
    while moment < since + timedelta(days=30):
        due = next_occurrence(rule, start, zone, moment)
        assert due is not None
        one_by_one.append(due)
        moment = due
    for day in range(30):
        look = since + timedelta(days=day)
        expected = next((d for d in one_by_one if d > look), None)
        assert next_occurrence(rule, start, zone, look) == expected


def test_the_interval_is_counted_from_the_first_occurrence() -> None:
    # Wednesday: the first Tuesday is six days away, not three weeks.
    rule = "FREQ=WEEKLY;INTERVAL=3;BYDAY=TU"
    start = anchor(rule, time(9, 30), PARIS, utc("2026-11-25T10:00"))
    assert start == wall("2026-12-01T09:30")
    assert [d[:10] for d in series(rule, start.isoformat(), PARIS, 2)] == [
        "2026-12-01",
        "2026-12-22",
    ]
    later = anchor(rule, time(9, 30), PARIS, utc("2026-12-01T08:31"))
    assert later == wall("2026-12-08T09:30")
    assert anchor("FREQ=DAILY;COUNT=1", time(9, 30), PARIS, utc("2026-12-01T08:30")) == wall(
        "2026-12-01T09:30"
    )


# --- quiet hours
NIGHT = (time(20), time(8))


@pytest.mark.parametrize(
    ("at", "moved"),
    [
        ("2026-11-24T12:00", "2026-11-24T12:00"),
        ("2026-11-24T18:59", "2026-11-24T18:59"),
        ("2026-11-24T19:00", "2026-11-25T07:00"),  # 20:00 in Paris
        ("2026-11-25T02:00", "2026-11-25T07:00"),
        ("2026-11-25T07:00", "2026-11-25T07:00"),  # 08:00 is day
        ("2026-03-28T22:00", "2026-03-29T06:00"),  # the short night
        ("2026-10-24T20:00", "2026-10-25T07:00"),  # the long one
    ],
)
def test_nights_are_left_to_sleep(at: str, moved: str) -> None:
    assert into_waking_hours(utc(at), PARIS, NIGHT) == utc(moved)


def test_quiet_hours_at_noon_and_none_at_all() -> None:
    lunch = (time(12), time(14))
    assert into_waking_hours(utc("2026-11-24T11:30"), PARIS, lunch) == utc("2026-11-24T13:00")
    assert into_waking_hours(utc("2026-11-24T13:00"), PARIS, lunch) == utc("2026-11-24T13:00")
    assert into_waking_hours(utc("2026-11-24T11:00"), PARIS, lunch) == utc("2026-11-24T13:00")
    midnight = utc("2026-11-24T23:30")
    assert into_waking_hours(midnight, PARIS, None) == midnight
    assert into_waking_hours(midnight, PARIS, (time(8), time(8))) == midnight


def test_the_end_of_the_quiet_hours_may_fall_in_the_doubled_hour() -> None:
    quiet = (time(0), time(2, 30))
    # 02:10 for the second time: the first 02:30 is over.
    assert into_waking_hours(utc("2026-10-25T01:10"), PARIS, quiet) == utc("2026-10-25T01:30")
    assert into_waking_hours(utc("2026-10-25T00:10"), PARIS, quiet) == utc("2026-10-25T00:30")


@given(INSTANTS, ZONES, st.tuples(TIMES, TIMES))
@settings(max_examples=200, deadline=None)
def test_waking_is_later_by_less_than_a_day_and_a_fixed_point(
    at: datetime, zone: str, quiet: tuple[time, time]
) -> None:
    moved = into_waking_hours(at, zone, quiet)
    assert at <= moved <= at + timedelta(hours=25)
    if moved != at and not is_missing(datetime.combine(to_local(moved, zone), quiet[1]), zone):
        assert to_local(moved, zone).time() == quiet[1]
    assert into_waking_hours(moved, zone, quiet) == moved


# --- months
def test_months_later_keeps_the_wall_time_and_stays_in_the_month() -> None:
    assert months_later(utc("2026-08-31T08:00"), 6, PARIS) == utc("2027-02-28T09:00")
    assert months_later(utc("2026-11-24T09:00"), 0, PARIS) == utc("2026-11-24T09:00")
    # In Paris it is already the first of the month.
    assert months_later(utc("2026-10-31T23:30"), 1, PARIS) == utc("2026-11-30T23:30")


# --- quarters
def test_quarters_are_read_written_and_counted() -> None:
    for text in ("2026T4", "2026t4", "2026-T4", "T4 2026", "Q4 2026", "2026Q4", " 2026 T4 "):
        assert Quarter.parse(text) == Quarter(2026, 4)
    quarter = Quarter(2026, 4)
    assert str(quarter) == "2026T4"
    assert (quarter.start, quarter.end) == (date(2026, 10, 1), date(2026, 12, 31))
    assert (quarter.next, quarter.previous) == (Quarter(2027, 1), Quarter(2026, 3))
    assert Quarter.last(date(2027, 1, 1)) == quarter
    assert Quarter.last(date(2026, 12, 31)) == Quarter(2026, 3)
    assert sorted([Quarter(2027, 1), quarter]) == [quarter, Quarter(2027, 1)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026",
        "2026T5",
        "2026T0",
        "T4",
        "26T4",
        "2026T44",
        "9999T1",
        "\u0662\u0660\u0662\u0666T4",
    ],
)
def test_what_is_no_quarter_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="quarter"):
        Quarter.parse(text)


@given(st.dates(date(1901, 1, 1), date(2199, 12, 31)))
def test_every_day_lies_in_its_quarter(day: date) -> None:
    quarter = Quarter.of(day)
    assert quarter.start <= day <= quarter.end
    assert quarter.end + timedelta(days=1) == quarter.next.start
    assert quarter.next.previous == quarter
    assert Quarter.parse(str(quarter)) == quarter


def test_a_report_is_about_the_quarter_just_over_or_the_one_under_way() -> None:
    assert reported(date(2027, 1, 1)) == Quarter(2026, 4)
    assert reported(date(2027, 1, 31)) == Quarter(2026, 4)
    assert reported(date(2026, 12, 15)) == Quarter(2026, 4)


def test_reports_open_on_the_day_of_their_months() -> None:
    moment, found = utc("2026-11-24T00:00"), []
    for _ in range(4):
        moment, quarter = next_opening([1, 4, 7, 10], 1, time(10), PARIS, moment)
        found.append((moment.strftime("%Y-%m-%dT%H:%MZ"), str(quarter)))
    assert found == [
        ("2027-01-01T09:00Z", "2026T4"),
        ("2027-04-01T08:00Z", "2027T1"),
        ("2027-07-01T08:00Z", "2027T2"),
        ("2027-10-01T08:00Z", "2027T3"),
    ]
    due, _ = next_opening([2], 31, time(10), PARIS, utc("2027-03-01T00:00"))
    assert due == utc("2028-02-29T09:00")
    again, _ = next_opening([2], 31, time(10), PARIS, due)
    assert again == utc("2029-02-28T09:00")
    with pytest.raises(ValueError, match="at least one month"):
        next_opening([], 1, time(10), PARIS, due)


@given(INSTANTS, ZONES)
@settings(max_examples=100, deadline=None)
def test_the_next_opening_is_at_most_a_quarter_away(after: datetime, zone: str) -> None:
    due, quarter = next_opening([1, 4, 7, 10], 1, time(10), zone, after)
    assert timedelta(0) < due - after <= timedelta(days=93)
    assert due.tzinfo is UTC
    assert quarter.end < due.astimezone(ZoneInfo(zone)).date()


# --- what is said of a rule that is refused
_WEEKLY = "BYDAY, COUNT, INTERVAL, UNTIL, WKST"


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("", 'write FREQ=DAILY|WEEKLY|MONTHLY|YEARLY (here "")'),
        ("COUNT=2", 'write FREQ=DAILY|WEEKLY|MONTHLY|YEARLY (here "")'),
        ("FREQ=HOURLY", 'write FREQ=DAILY|WEEKLY|MONTHLY|YEARLY (here "HOURLY")'),
        ("FREQ=DAILY;COUNT=1;COUNT=2", '"COUNT" is there twice'),
        ("FREQ=WEEKLY;BYMONTH=2", f'"BYMONTH" does not go with FREQ=WEEKLY; possible: {_WEEKLY}'),
        ("FREQ=DAILY;COUNT=1=2", '"COUNT=1=2" is not of the form that RFC 5545 gives it'),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101", "write COUNT or UNTIL, not both"),
        ("FREQ=WEEKLY;BYDAY=2TU", "a weekly BYDAY has no number: write TU, not 2TU"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "this rule never happens"),
        (
            "FREQ=DAILY;UNTIL=20271301",
            "this is not a rule of RFC 5545: invalid 'UNTIL': 20271301",
        ),
        ("FREQ=DAILY;INTERVAL=", '"INTERVAL=" is not of the form that RFC 5545 gives it'),
    ],
)
def test_a_refusal_says_what_is_wrong_and_what_to_write(rule: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check_rule(rule)


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY",
        "FREQ=WEEKLY",
        "FREQ=DAILY;COUNT=2",
        "FREQ=DAILY;UNTIL=20200101",  # over before it is looked at; still a rule
        "FREQ=WEEKLY;UNTIL=20200101T000000;BYDAY=MO",
        "FREQ=MONTHLY;BYDAY=2TU",
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=2;BYMONTHDAY=29",  # leap years only
        "FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=30",
    ],
)
def test_a_plain_rule_is_taken(rule: str) -> None:
    check_rule(rule)


# --- to the minute, to the day
def test_a_wall_time_has_no_fold_and_its_own_is_left_aside() -> None:
    twice = to_local(utc("2026-10-25T01:30"), PARIS)
    assert (twice, twice.fold, twice.tzinfo) == (wall("2026-10-25T02:30"), 0, None)
    assert to_utc(wall("2026-10-25T02:30").replace(fold=1), PARIS) == utc("2026-10-25T00:30")
    assert not is_missing(wall("2026-10-25T02:30").replace(fold=1), PARIS)


def test_a_rhythm_begins_on_the_day_of_the_person_at_the_instant_or_later() -> None:
    daily = "FREQ=DAILY;INTERVAL=9;UNTIL=20200101"
    # In Paris the first of December has begun.
    assert anchor(daily, time(0, 15), PARIS, utc("2026-11-30T23:10")) == wall("2026-12-01T00:15")
    assert anchor(daily, time(0, 15), PARIS, utc("2026-11-30T23:15")) == wall("2026-12-01T00:15")
    assert anchor(daily, time(0, 15), PARIS, utc("2026-11-30T23:16")) == wall("2026-12-02T00:15")
    once = "FREQ=DAILY;COUNT=1"
    assert anchor(once, time(9), PARIS, utc("2026-11-30T08:01")) == wall("2026-12-01T09:00")
    with pytest.raises(ValueError, match=r"^the rule FREQ=MONTHLY;BYMONTHDAY=31;BYSETPOS=9 never"):
        anchor("FREQ=MONTHLY;BYMONTHDAY=31;BYSETPOS=9", time(9), PARIS, utc("2026-11-30T00:00"))


def test_the_next_time_is_strictly_later_even_over_the_widest_gap() -> None:
    start = wall("2026-03-01T02:30")
    due = next_occurrence("FREQ=DAILY", start, PARIS, utc("2026-03-29T01:29"))
    assert due == utc("2026-03-29T01:30")
    assert next_occurrence("FREQ=DAILY", start, PARIS, due) == utc("2026-03-30T00:30")
    assert next_occurrence("FREQ=DAILY;COUNT=2", start, PARIS, utc("2026-03-02T01:30")) is None
    assert due.tzinfo is UTC


def test_what_is_not_moved_is_told_in_universal_time() -> None:
    noon = datetime(2026, 11, 24, 12, tzinfo=ZoneInfo(PARIS))
    for quiet in (None, (time(8), time(8)), NIGHT):
        assert into_waking_hours(noon, PARIS, quiet).tzinfo is UTC
    night = datetime(2026, 11, 24, 23, tzinfo=ZoneInfo(PARIS))
    assert into_waking_hours(night, PARIS, NIGHT).tzinfo is UTC


# --- working days
def test_working_days_are_counted_at_the_same_wall_time() -> None:
    off = holidays_of_france(2026) | holidays_of_france(2027)

    def works(day: date) -> bool:
        return day.weekday() < 5 and day not in off

    friday = utc("2026-10-23T22:30")  # in Paris it is Saturday already
    assert working_days_later(friday, 0, PARIS, works) == friday
    assert working_days_later(friday, 1, PARIS, works) == utc("2026-10-25T23:30")
    assert working_days_later(friday, 6, PARIS, works) == utc("2026-11-01T23:30")
    # All Saints' is a Sunday, the eleventh a Wednesday, Christmas a Friday.
    assert working_days_later(utc("2026-11-10T09:00"), 1, PARIS, works) == utc("2026-11-12T09:00")
    assert working_days_later(utc("2026-12-24T09:00"), 1, PARIS, works) == utc("2026-12-28T09:00")
    assert working_days_later(utc("2026-12-31T09:00"), 2, PARIS, works) == utc("2027-01-05T09:00")


def test_the_public_holidays_of_a_year() -> None:
    days = "01-01 04-06 05-01 05-08 05-14 05-25 07-14 08-15 11-01 11-11 12-25"
    assert holidays_of_france(2026) == {date.fromisoformat(f"2026-{day}") for day in days.split()}


# --- quarters, at their ends
@pytest.mark.parametrize(
    ("year", "number"), [(2026, 0), (2026, 5), (1899, 4), (2201, 1), (2026, -1)]
)
def test_no_quarter_lies_outside_its_year_or_the_centuries(year: int, number: int) -> None:
    with pytest.raises(ValueError, match=f"^no such quarter: {year}T{number}$"):
        Quarter(year, number)


def test_quarters_at_the_ends_of_the_centuries_and_of_the_year() -> None:
    assert (str(Quarter(1900, 1)), str(Quarter(2200, 4))) == ("1900T1", "2200T4")
    months = [Quarter.of(date(2026, month, 1)).number for month in range(1, 13)]
    assert months == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]
    ends = [(Quarter(2026, n).start, Quarter(2026, n).end) for n in range(1, 5)]
    assert ends == [
        (date(2026, 1, 1), date(2026, 3, 31)),
        (date(2026, 4, 1), date(2026, 6, 30)),
        (date(2026, 7, 1), date(2026, 9, 30)),
        (date(2026, 10, 1), date(2026, 12, 31)),
    ]
    assert [Quarter(2026, n).next for n in (1, 4)] == [Quarter(2026, 2), Quarter(2027, 1)]
    about = [str(reported(date(2026, month, 28))) for month in range(1, 13)]
    assert about == (["2025T4"] + ["2026T1"] * 3 + ["2026T2"] * 3 + ["2026T3"] * 3 + ["2026T4"] * 2)
    long = "2026T4 and then some more of it"
    with pytest.raises(
        ValueError, match=f'^"{long[:20]}" is no quarter; write for example 2026T4$'
    ):
        Quarter.parse(long)
    assert Quarter.parse("q1_2027") == Quarter(2027, 1)


def test_an_opening_is_strictly_later_and_at_most_a_year_and_a_month_away() -> None:
    opens = utc("2027-03-31T08:00")
    assert next_opening([3], 31, time(10), PARIS, opens - timedelta(seconds=1))[0] == opens
    assert next_opening([3], 31, time(10), PARIS, opens)[0] == utc("2028-03-31T08:00")
    # In Paris it is already the first of January.
    at = utc("2026-12-31T23:30")
    assert next_opening([12], 31, time(10), PARIS, at)[0] == utc("2027-12-31T09:00")
    due, quarter = next_opening([2, 5], 15, time(10), PARIS, at)
    assert (due, str(quarter)) == (utc("2027-02-15T09:00"), "2027T1")
    with pytest.raises(ValueError, match=r"^a report opens in at least one month from 1 to 12$"):
        next_opening([0, 13], 1, time(10), PARIS, at)
