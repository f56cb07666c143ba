"""When who is to be asked what, worked out apart: from the programme file and from the calendar.

The oracle of recurrence is `recurring-ical-events`. Nothing of the bot is imported here: what it
does is compared with this, so nothing of it may be in this.
"""

from __future__ import annotations

import tomllib
from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import recurring_ical_events
from icalendar import Calendar, Event, vRecur

Toml = dict[str, Any]
Prompt = tuple[str, datetime]  # (kind, UTC)


def read(file: Path) -> Toml:
    """A programme file."""
    return tomllib.loads(file.read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class Life:
    """Where somebody lives, from when on; the first from the beginning."""

    zones: tuple[tuple[datetime, str], ...]

    def zone(self, at: datetime) -> ZoneInfo:
        """Where they live then."""
        return ZoneInfo([name for since, name in self.zones if since <= at][-1])


def by_day(at: datetime, zone: ZoneInfo, file: Toml) -> datetime:
    """The same instant, or eight in the morning after a night in which it would fall."""
    quiet = file["programme"]["quiet"]
    local = at.astimezone(zone)
    if quiet["to"] <= local.time() < quiet["from"]:
        return at
    day = local.date() + timedelta(days=local.time() >= quiet["from"])
    return datetime.combine(day, quiet["to"], zone).astimezone(UTC)


def _months_later(at: datetime, months: int, zone: ZoneInfo) -> datetime:
    local = at.astimezone(zone)
    month = local.month - 1 + months
    year, month = local.year + month // 12, month % 12 + 1
    day = min(local.day, monthrange(year, month)[1])
    return local.replace(year=year, month=month, day=day).astimezone(UTC)


def _first(rule: str, at: time, zone: ZoneInfo, begins: datetime) -> date:
    """The first day of a weekly rule on which its hour is not before `begins`."""
    wanted = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"].index(rule.partition("BYDAY=")[2][:2])
    day = begins.astimezone(zone).date()
    while day.weekday() != wanted or datetime.combine(day, at, zone) < begins:
        day += timedelta(days=1)
    return day


def _expand(rule: str, first: datetime, begin: datetime, end: datetime) -> Iterator[datetime]:
    calendar, event = Calendar(), Event()
    event.add("uid", "rhythm")
    event.add("dtstart", first)
    event.add("duration", timedelta(minutes=15))
    event.add("rrule", vRecur.from_ical(rule))
    calendar.add_component(event)
    for found in recurring_ical_events.of(calendar).between(begin, end):
        yield found["DTSTART"].dt.astimezone(UTC)


def of_pair(file: Toml, role: str, life: Life, start: datetime, end: datetime) -> list[Prompt]:
    """What one side of a long-term pair is asked and told, if it never answers.

    Args:
        file: The programme.
        role: `mentee` or `mentor`.
        life: Where they live.
        start: When the pair began.
        end: Up to then; the pair lasts longer.
    """
    home = ZoneInfo(file["programme"]["zone"])
    found: list[Prompt] = []
    for rhythm in file["rhythms"]:
        if role not in rhythm["to"] or "long_term" not in rhythm.get("pairs", ["long_term"]):
            continue
        begins = start + timedelta(days=rhythm["first_after_days"])
        first = _first(rhythm["rrule"], rhythm["at"], home, begins)
        until = [since for since, _ in life.zones[1:]] + [end]
        for (since, name), over in zip(life.zones, until, strict=True):
            there = datetime.combine(first, rhythm["at"], ZoneInfo(name))
            for at in _expand(rhythm["rrule"], there, max(since, start), over):
                if max(since, start) < at <= over:
                    found.append(("checkin", by_day(at, life.zone(at), file)))
                    if days := rhythm.get("remind_after_days"):
                        again = at + timedelta(days=days)
                        found.append(("checkin-remind", by_day(again, life.zone(again), file)))
    for guide in file.get("guides", []):
        if role in guide["to"]:
            at = _months_later(start, guide["month"], home)
            found.append(("guide", by_day(at, life.zone(at), file)))
    return [(kind, at) for kind, at in found if at < end]


def of_reports(file: Toml, life: Life, start: datetime, end: datetime) -> list[Prompt]:
    """The quarterly reports that somebody is asked for, if they never send one."""
    home = ZoneInfo(file["programme"]["zone"])
    found: list[Prompt] = []
    for report in file["reports"]:
        for year in range(start.year, end.year + 1):
            for month in report["months"]:
                day = datetime(year, month, report["day"], tzinfo=home)
                opening = datetime.combine(day.date(), report["at"], home).astimezone(UTC)
                if opening <= start:
                    continue
                for after in (0, *report["reminders_after_days"]):
                    at = opening + timedelta(days=after)
                    found.append(("report", by_day(at, life.zone(at), file)))
    return [(kind, at) for kind, at in found if at < end]


def compare(
    expected: Sequence[datetime], sent: Sequence[datetime], late: timedelta
) -> tuple[int, int]:
    """How many were not sent in time, and how many were sent that nobody expected."""
    left = sorted(sent)
    missing = 0
    for at in sorted(expected):
        match = next((s for s in left if at - timedelta(seconds=1) <= s <= at + late), None)
        if match is None:
            missing += 1
        else:
            left.remove(match)
    return missing, len(left)
