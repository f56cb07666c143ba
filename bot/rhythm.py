"""When things recur: pure calendar arithmetic on local time, by dateutil and zoneinfo.

Rules of RFC 5545 are expanded on naive local wall time, then placed in the zone with fold=0: a time
that a clock change leaves out comes after the gap, one that it doubles is its first. This module
does not know what is due, for whom, nor what the time is now. Source: delivery 10.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from dateutil.easter import easter
from dateutil.relativedelta import relativedelta
from dateutil.rrule import rrule, rrulestr
from typing_extensions import override

_PARTS: Final = {
    "DAILY": {"INTERVAL", "COUNT", "UNTIL"},
    "WEEKLY": {"INTERVAL", "COUNT", "UNTIL", "BYDAY", "WKST"},
    "MONTHLY": {"INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYSETPOS"},
    "YEARLY": {"INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYSETPOS", "BYMONTH"},
}
"""What a rule of each frequency may hold: enough for programmes, and never a scan without end."""
_DAY: Final = "(?:MO|TU|WE|TH|FR|SA|SU)"
_FORMS: Final = {
    "INTERVAL": r"[1-9][0-9]{0,2}",
    "COUNT": r"[1-9][0-9]{0,2}",
    "UNTIL": r"[0-9]{8}(?:T[0-9]{6})?",
    "BYMONTH": r"(?:[1-9]|1[0-2])(?:,(?:[1-9]|1[0-2]))*",
    "BYMONTHDAY": r"-?(?:[1-9]|[12][0-9]|3[01])(?:,-?(?:[1-9]|[12][0-9]|3[01]))*",
    "BYSETPOS": r"-?[1-9][0-9]?(?:,-?[1-9][0-9]?)*",
    "BYDAY": rf"(?:[+-]?[1-5])?{_DAY}(?:,(?:[+-]?[1-5])?{_DAY})*",
    "WKST": _DAY,
}

SATURDAY = 5  # as date.weekday() counts


def check_rule(rule: str) -> None:
    """Refuse a rule that is not plain, daily at most, or never happens.

    Args:
        rule: RFC 5545 text such as `FREQ=WEEKLY;INTERVAL=3;BYDAY=TU`, without DTSTART; an UNTIL is
            local time, without Z.

    Raises:
        ValueError: what is wrong and what to write instead, in English.
    """
    parts: dict[str, str] = {}
    for part in rule.split(";"):
        name, _, value = part.partition("=")
        if name in parts:
            raise ValueError(f'"{name}" is there twice')
        parts[name] = value
    frequency = parts.pop("FREQ", "")
    if frequency not in _PARTS:
        raise ValueError(f'write FREQ={"|".join(_PARTS)} (here "{frequency}")')
    for name, value in parts.items():
        if name not in _PARTS[frequency]:
            allowed = ", ".join(sorted(_PARTS[frequency]))
            raise ValueError(f'"{name}" does not go with FREQ={frequency}; possible: {allowed}')
        if not re.fullmatch(_FORMS[name], value):
            raise ValueError(f'"{name}={value}" is not of the form that RFC 5545 gives it')
    if "COUNT" in parts and "UNTIL" in parts:
        raise ValueError("write COUNT or UNTIL, not both")
    if frequency == "WEEKLY" and re.search("[0-9]", parts.get("BYDAY", "")):
        raise ValueError("a weekly BYDAY has no number: write TU, not 2TU")
    endless = ";".join(p for p in rule.split(";") if not p.startswith("UNTIL="))
    try:
        _expand(rule, datetime(2024, 1, 1))  # noqa: DTZ001 - wall time; an UNTIL is a day as well
        # A leap year's first day: whatever happens at all happens after it.
        first = next(iter(_expand(endless, datetime(2024, 1, 1))), None)  # noqa: DTZ001 - wall time
    except (ValueError, TypeError) as error:
        raise ValueError(f"this is not a rule of RFC 5545: {error}") from error
    if first is None:
        raise ValueError("this rule never happens")


@lru_cache(maxsize=1024)
def _expand(rule: str, start: datetime) -> rrule:
    expanded = rrulestr(rule, dtstart=start)
    if not isinstance(expanded, rrule):
        raise TypeError("one rule is expected")
    return expanded


def to_utc(local: datetime, zone: str) -> datetime:
    """The instant of a wall time.

    Args:
        local: naive wall time; its fold is ignored.
        zone: IANA name.

    Returns:
        An aware UTC time: after the gap for a time that does not exist, the first of a doubled one.
    """
    return local.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)


def to_local(at: datetime, zone: str) -> datetime:
    """The naive wall time in `zone` (IANA name) at an aware instant."""
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)


def is_missing(local: datetime, zone: str) -> bool:
    """Whether a clock change of `zone` leaves this naive wall time out."""
    return to_local(to_utc(local, zone), zone) != local.replace(fold=0)


def anchor(rule: str, at: time, zone: str, not_before: datetime) -> datetime:
    """The first occurrence of a rhythm that starts now, from which its interval is counted.

    Args:
        rule: a rule that `check_rule` took.
        at: local time of day.
        zone: IANA name of the person's zone.
        not_before: aware; the occurrence is then or later.

    Returns:
        Naive wall time, to be kept as the start of the series.
    """
    kept = [p for p in rule.split(";") if not p.startswith(("INTERVAL=", "COUNT=", "UNTIL="))]
    day = to_local(not_before, zone).date()
    for local in _expand(";".join(kept), datetime.combine(day, at)):
        if to_utc(local, zone) >= not_before:
            return local
    raise ValueError(f"the rule {rule} never happens")


def next_occurrence(rule: str, start: datetime, zone: str, after: datetime) -> datetime | None:
    """The next time a series is due.

    Args:
        rule: a rule that `check_rule` took.
        start: naive wall time of the first occurrence (see `anchor`).
        zone: IANA name of the zone of that wall time.
        after: aware; the occurrence is strictly later.

    Returns:
        An aware UTC time, or None when the rule is at its end.
    """
    # A day's margin: wall time and instants may disagree by the width of a clock change.
    since = to_local(after, zone) - timedelta(days=1)
    for local in _expand(rule, start).xafter(since, inc=True):
        due = to_utc(local, zone)
        if due > after:
            return due
    return None


def into_waking_hours(at: datetime, zone: str, quiet: tuple[time, time] | None) -> datetime:
    """Move a time out of the hours in which nobody is to be disturbed.

    Args:
        at: aware time at which something is due.
        zone: IANA name of the person's zone.
        quiet: local times (from, to); from > to is a night; equal or None means no quiet hours.

    Returns:
        `at` itself in UTC when it is outside, else the next end of the quiet hours, in UTC.
    """
    if quiet is None or quiet[0] == quiet[1]:
        return at.astimezone(UTC)
    begin, end = quiet
    local = to_local(at, zone)
    now = local.time()
    asleep = begin <= now < end if begin < end else now >= begin or now < end
    if not asleep:
        return at.astimezone(UTC)
    day = local.date() if now < end else local.date() + timedelta(days=1)
    wake = datetime.combine(day, end, tzinfo=ZoneInfo(zone))
    # When the clock goes back, the first of two equal wall times may already be over.
    first, second = (wake.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    return first if first >= at else second


def months_later(at: datetime, months: int, zone: str) -> datetime:
    """The same day and wall time `months` later; the last day of a shorter month.

    Args:
        at: aware.
        months: may be negative.
        zone: IANA name of the zone whose calendar counts.

    Returns:
        An aware UTC time.
    """
    return to_utc(to_local(at, zone) + relativedelta(months=months), zone)


@lru_cache(maxsize=16)
def holidays_of_france(year: int) -> frozenset[date]:
    """The eleven public holidays of the whole country. Source: Code du travail, L3133-1."""
    fixed = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))
    moving = (1, 39, 50)  # days after Easter: its Monday, Ascension, the Monday after Pentecost
    first = easter(year)
    return frozenset(
        [date(year, month, day) for month, day in fixed]
        + [first + timedelta(days=after) for after in moving]
    )


def working_days_later(
    at: datetime, days: int, zone: str, works: Callable[[date], bool]
) -> datetime:
    """The same wall time so many working days later.

    Args:
        at: aware.
        days: how many, at least 0.
        zone: IANA name of the zone whose calendar counts.
        works: whether a day is a working day; in each year some are.

    Returns:
        An aware UTC time.
    """
    local = to_local(at, zone)
    left = days
    while left > 0:
        local += timedelta(days=1)
        left -= works(local.date())
    return to_utc(local, zone)


# -------------------------------------------------------------------------------------- quarters
@dataclass(frozen=True, order=True)
class Quarter:
    """A quarter of a civil year, written 2026T4."""

    year: int
    number: int

    def __post_init__(self) -> None:
        """Refuse what is no quarter.

        Raises:
            ValueError: a number outside 1-4 or a year outside 1900-2200.
        """
        if not (1 <= self.number <= 4 and 1900 <= self.year <= 2200):
            raise ValueError(f"no such quarter: {self.year}T{self.number}")

    @classmethod
    def of(cls, day: date) -> Quarter:
        """The quarter in which a day lies."""
        return cls(day.year, (day.month + 2) // 3)

    @classmethod
    def last(cls, today: date) -> Quarter:
        """The last quarter that is over."""
        return cls.of(today).previous

    @classmethod
    def parse(cls, text: str) -> Quarter:
        """Read "2026T4", "2026-t4", "T4 2026" or "Q4 2026".

        Raises:
            ValueError: it is none of these.
        """
        tidy = re.sub(r"[\s_-]", "", text).upper()
        found = re.fullmatch(r"([0-9]{4})[TQ]([1-4])|[TQ]([1-4])([0-9]{4})", tidy, re.ASCII)
        if not found:
            raise ValueError(f'"{text[:20]}" is no quarter; write for example 2026T4')
        year, number = (found[1], found[2]) if found[1] else (found[4], found[3])
        return cls(int(year), int(number))

    @override
    def __str__(self) -> str:
        """As it is stored and typed: 2026T4."""
        return f"{self.year:04}T{self.number}"

    @property
    def next(self) -> Quarter:
        """The quarter after this one."""
        return Quarter.of(self.start + relativedelta(months=3))

    @property
    def previous(self) -> Quarter:
        """The quarter before this one."""
        return Quarter.of(self.start - timedelta(days=1))

    @property
    def start(self) -> date:
        """Its first day."""
        return date(self.year, 3 * self.number - 2, 1)

    @property
    def end(self) -> date:
        """Its last day."""
        return self.start + relativedelta(months=3, days=-1)


def reported(opening: date) -> Quarter:
    """The quarter that a report opened on that day is about.

    In the first month of a quarter it is the one just over, later on the present one.
    """
    quarter = Quarter.of(opening)
    return quarter.previous if opening.month == quarter.start.month else quarter


def next_opening(
    months: Sequence[int], day: int, at: time, zone: str, after: datetime
) -> tuple[datetime, Quarter]:
    """When a quarterly report opens next, and the quarter it is about.

    Args:
        months: months of the year in which it opens, 1-12, at least one.
        day: day of the month; the last day where a month has fewer.
        at: local time of day.
        zone: IANA name of the programme's zone.
        after: aware; the opening is strictly later.

    Returns:
        An aware UTC time and the quarter.
    """
    first = to_local(after, zone).date().replace(day=1)
    # Fourteen months from here hold every month of the year after this moment.
    for offset in range(14):
        month = first + relativedelta(months=offset)
        if month.month in months:
            opening = month + relativedelta(day=day)
            due = to_utc(datetime.combine(opening, at), zone)
            if due > after:
                return due, reported(opening)
    raise ValueError("a report opens in at least one month from 1 to 12")
