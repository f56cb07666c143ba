"""The one place where a programme's figures are asked for: a number of statements that never grows.

Counts and instants only; nobody is named, and nothing is opened that is sealed. Requests are
counted by month and answer when they are made (`count`), so that the series from the first day
outlives the requests themselves. What a figure is called, who may see it and which are too small to
be shown, this module does not know.

Source: A-26, X-14, X-17; M-17.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from storage.directory import free
from storage.groups import Group, People
from storage.tables import (
    Checkin,
    Expert,
    Pair,
    Person,
    Proposal,
    Report,
    Request,
    Series,
    Tally,
    Wish,
)
from storage.upsert import table_of, upsert
from storage.utc import Utc

WAITING: Final = ("open", "proposed", "asked", "team")
"""States of a request that is not at its end."""
AGES: Final = (7, 30)
"""Days that separate what waits: under a week, under thirty days, longer."""
SECTORS: Final = 12
"""Sectors of the supply that are told apart, those of most people first."""

Listed = Request | Pair | Report | Wish
"""What files are made of."""
_Row = TypeVar("_Row", Request, Pair, Report, Wish)
Quarter = tuple[int, int]
"""Year and number, 1 to 4."""
_TALLY = table_of(Tally)


@dataclass(frozen=True, slots=True)
class Period:
    """From an instant on, until before another (UTC); its months by their first day, in a zone."""

    begin: datetime
    end: datetime
    first: date
    last: date
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Places:
    """Mentors of a sector: with a free place, with none, and those who pause."""

    sector: str
    free: int
    full: int
    paused: int


@dataclass(frozen=True, slots=True)
class Rows:
    """How many wait, and the oldest of them."""

    rows: int = 0
    oldest: datetime | None = None


@dataclass(frozen=True, slots=True)
class Statistics:
    """A programme's figures.

    Attributes:
        months: Requests made in the period, by month.
        answers: The same by counted question and option; "" where it was not answered.
        states: Requests of the period that are still kept, by the state they are in now.
        waiting: Requests that wait now, by age: under 7 days, under 30, longer.
        oldest: When the oldest of them was made.
        overdue: Of them, those whose deadline is over.
        asked: Experts asked who have not answered yet.
        pairs: Pairs begun in the period, by the state they are in now.
        going: Pairs that go on now, whenever they began.
        meetings: Rounds of check-ins that were answered in the period, by quarter: with a meeting,
            and without.
        reports: By quarter: sent, missed, and those whose window is open.
        supply: All who agree to be proposed, as one.
        sectors: The same by sector.
        schools: Requests and pairs of the period by the school of who asked, that of the mentee.
    """

    months: Mapping[date, int]
    answers: Mapping[str, Mapping[str, int]]
    states: Mapping[str, int]
    waiting: tuple[int, int, int]
    oldest: datetime | None
    overdue: int
    asked: Rows
    pairs: Mapping[str, int]
    going: int
    meetings: Mapping[Quarter, tuple[int, int]]
    reports: Mapping[str, tuple[int, int, int]]
    supply: Places
    sectors: tuple[Places, ...] = field(default=())
    schools: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def requests(self) -> int:
        """Requests made in the period."""
        return sum(self.months.values())


@dataclass(frozen=True, slots=True)
class Brief:
    """What fits in two lines, from the first day on.

    Attributes:
        requests: Made; they stay counted when they are erased.
        states: Requests that are kept, by the state they are in now.
        waiting: How many requests wait, and the oldest of them.
        overdue: Of them, those whose deadline is over.
        begun: Pairs that are kept and have begun.
        going: Pairs that go on now.
    """

    requests: int
    states: Mapping[str, int]
    waiting: Rows
    overdue: int
    begun: int
    going: int


class Numbers:
    """Counts requests as they are made, and reads a programme's figures."""

    def __init__(self, session: Session, group: Group | None = None) -> None:
        self._session = session
        self._group = group

    def among(self, group: Group | None) -> Numbers:
        """The same, of part of the people only; a pair is theirs when either side is."""
        return Numbers(self._session, group)

    def _only(self, *columns: People) -> list[ColumnElement[bool]]:
        return [] if self._group is None else [self._group.among(*columns)]

    def count(self, programme_id: str, month: date, changes: Mapping[tuple[str, str], int]) -> None:
        """Add to a month's counts, by question and answer; a correction takes away as well."""
        for (question, answer), more in sorted(changes.items()):
            if more:
                new = upsert(self._session, _TALLY).values(
                    programme_id=programme_id, month=month, question=question, answer=answer,
                    requests=more,
                )  # fmt: skip
                self._session.execute(
                    new.on_conflict_do_update(
                        index_elements=["programme_id", "month", "question", "answer"],
                        set_={"requests": _TALLY.c.requests + more},
                    )
                )

    def rows(self, entity: type[Listed], programme_id: str) -> int:
        """How many rows of a table a programme has."""
        query = select(func.count()).select_from(entity)
        here = entity.programme_id == programme_id
        return self._session.scalar(query.where(here, *self._only(*_about(entity)))) or 0

    def page(
        self, entity: type[_Row], programme_id: str, after_id: int, limit: int
    ) -> Sequence[_Row]:
        """A programme's rows of a table, by number, after one."""
        return self._session.scalars(
            select(entity)
            .where(entity.programme_id == programme_id, entity.id > after_id)
            .where(*self._only(*_about(entity)))
            .order_by(entity.id)
            .limit(limit)
        ).all()

    def brief(self, programme_id: str, period: Period, now: datetime) -> Brief:
        """Read the few that stand on the desk: three statements.

        Args:
            programme_id: Whose.
            period: From the first day on.
            now: UTC.
        """
        made = self._session.scalar(
            select(func.sum(Tally.requests)).where(
                Tally.programme_id == programme_id, Tally.question == ""
            )
        )
        states, waiting, oldest, overdue = self._requests(programme_id, period, now)
        pairs, going = self._pairs(programme_id, period)
        return Brief(
            int(made or 0), states, Rows(sum(waiting), oldest), overdue, sum(pairs.values()), going
        )

    def of(
        self,
        programme_id: str,
        period: Period,
        quarters: Collection[str],
        now: datetime,
        met: Period | None = None,
    ) -> Statistics:
        """Read them all.

        Args:
            programme_id: Whose.
            period: Of what is counted over time; what waits, and the supply, are those of now.
            quarters: Of the reports, as they are stored.
            now: UTC.
            met: Of the meetings, whose rounds are read one by one; by default the same period.
        """
        months, answers = self._tally(programme_id, period)
        states, waiting, oldest, overdue = self._requests(programme_id, period, now)
        pairs, going = self._pairs(programme_id, period)
        return Statistics(
            months=months,
            answers=answers,
            states=states,
            waiting=waiting,
            oldest=oldest,
            overdue=overdue,
            asked=self._asked(programme_id),
            pairs=pairs,
            going=going,
            meetings=self._meetings(programme_id, met or period),
            reports=self._reports(programme_id, quarters, now),
            supply=self._supply(now),
            sectors=self._sectors(now),
            schools=self._schools(programme_id, period),
        )

    def _tally(
        self, programme_id: str, period: Period
    ) -> tuple[dict[date, int], dict[str, dict[str, int]]]:
        """By month and answer; of part of the people, requests that are kept, and no answers."""
        if self._group is not None:
            made = self._session.scalars(
                select(Request.created_at)
                .where(Request.programme_id == programme_id, _within(Request.created_at, period))
                .where(*self._only(Request.person_id))
            )
            days = (at.astimezone(ZoneInfo(period.zone)).date() for at in made)
            return dict(sorted(Counter(day.replace(day=1) for day in days).items())), {}
        rows = self._session.execute(
            select(Tally.month, Tally.question, Tally.answer, Tally.requests)
            .where(Tally.programme_id == programme_id)
            .where(Tally.month >= period.first, Tally.month <= period.last, Tally.requests != 0)
            .order_by(Tally.month, Tally.question, Tally.answer)
        )
        months: dict[date, int] = {}
        answers: dict[str, dict[str, int]] = {}
        for month, question, answer, requests in rows:
            if question:
                given = answers.setdefault(question, {})
                given[answer] = given.get(answer, 0) + requests
            else:
                months[month] = requests
        return months, answers

    def _requests(
        self, programme_id: str, period: Period, now: datetime
    ) -> tuple[dict[str, int], tuple[int, int, int], datetime | None, int]:
        young, old = (now - timedelta(days=days) for days in AGES)
        age = case((Request.created_at > young, 0), (Request.created_at > old, 1), else_=2)
        rows = self._session.execute(
            select(
                Request.state,
                age,
                func.count(),
                func.sum(_one(_within(Request.created_at, period))),
                func.min(Request.created_at, type_=Utc),
                func.sum(_one(Request.due_at <= now)),
            )
            .where(Request.programme_id == programme_id, *self._only(Request.person_id))
            .group_by(Request.state, age)
        )
        states: dict[str, int] = {}
        waiting, oldest, overdue = [0, 0, 0], None, 0
        for state, bucket, every, here, first, late in rows:
            if here:
                states[state] = states.get(state, 0) + int(here)
            if state in WAITING:
                waiting[bucket] += every
                overdue += int(late)
                oldest = min(first, oldest or first)
        return states, (waiting[0], waiting[1], waiting[2]), oldest, overdue

    def _asked(self, programme_id: str) -> Rows:
        rows, oldest = self._session.execute(
            select(func.count(), func.min(Proposal.asked_at, type_=Utc))
            .join(Request, Request.id == Proposal.request_id)
            .where(Request.programme_id == programme_id, Proposal.state == "asked")
            .where(*self._only(Request.person_id))
        ).one()
        return Rows(rows, oldest)

    def _pairs(self, programme_id: str, period: Period) -> tuple[dict[str, int], int]:
        rows = self._session.execute(
            select(Pair.state, func.count(), func.sum(_one(_within(Pair.started_at, period))))
            .where(Pair.programme_id == programme_id, *self._only(*_about(Pair)))
            .group_by(Pair.state)
        ).all()
        going = sum(every for state, every, _ in rows if state in ("active", "paused"))
        return {state: int(here) for state, _, here in rows if here}, going

    def _meetings(self, programme_id: str, period: Period) -> dict[Quarter, tuple[int, int]]:
        here = [Pair.programme_id == programme_id, _within(Checkin.occurrence, period)]
        here += self._only(*_about(Pair))
        days = ((day, met) for (_, _, day), met in rounds(self._session, *here).items())
        found: dict[Quarter, tuple[int, int]] = {}
        for day, seen in sorted(days):
            quarter = day.year, (day.month + 2) // 3
            held, without = found.get(quarter, (0, 0))
            found[quarter] = (held + seen, without + (not seen))
        return found

    def _reports(
        self, programme_id: str, quarters: Iterable[str], now: datetime
    ) -> dict[str, tuple[int, int, int]]:
        sent = Report.sent_at.is_not(None)
        over = and_(Report.sent_at.is_(None), Report.closes_at <= now)
        rows = self._session.execute(
            select(Report.quarter, func.count(), func.sum(_one(sent)), func.sum(_one(over)))
            .where(Report.programme_id == programme_id, Report.quarter.in_(sorted(quarters)))
            .where(*self._only(Report.person_id))
            .group_by(Report.quarter)
            .order_by(Report.quarter)
        )
        return {
            quarter: (int(there), int(missed), every - int(there) - int(missed))
            for quarter, every, there, missed in rows
        }

    def _schools(self, programme_id: str, period: Period) -> dict[str, tuple[int, int]]:
        """Of people whose school is known (M-17)."""
        requests = select(Person.school, func.count()).join(Request, Request.person_id == Person.id)
        pairs = select(Person.school, func.count()).join(Pair, Pair.mentee_id == Person.id)
        asked = requests.where(
            Request.programme_id == programme_id, _within(Request.created_at, period),
            *self._only(Request.person_id),
        )  # fmt: skip
        begun = pairs.where(
            Pair.programme_id == programme_id, _within(Pair.started_at, period),
            *self._only(*_about(Pair)),
        )  # fmt: skip
        found: dict[str, list[int]] = {}
        for place, query in enumerate((asked, begun)):
            known = query.where(Person.school.is_not(None)).group_by(Person.school)
            for school, count in self._session.execute(known):
                if school:
                    found.setdefault(school, [0, 0])[place] = count
        return {school: (both[0], both[1]) for school, both in sorted(found.items())}

    def _supply(self, now: datetime) -> Places:
        agree = (Expert.consenting.is_(True), *self._only(Expert.person_id))
        row = self._session.execute(select(*_places(now)).where(*agree)).one()
        return Places("", *(int(number or 0) for number in row))

    def _sectors(self, now: datetime) -> tuple[Places, ...]:
        rows = self._session.execute(
            select(Expert.sector, *_places(now))
            .where(Expert.consenting.is_(True), Expert.sector != "")
            .where(*self._only(Expert.person_id))
            .group_by(Expert.sector)
            .order_by(func.count().desc(), Expert.sector)
            .limit(SECTORS)
        )
        return tuple(Places(row[0], *(int(number) for number in row[1:])) for row in rows)


def rounds(session: Session, *where: ColumnElement[bool]) -> dict[tuple[int, str, date], bool]:
    """Rounds of check-ins that were answered, by pair, rhythm and day, and whether they met.

    Rounds, not answers: both sides may be asked about the same one. A round is a date of the rule
    on which each side is asked at its own hour, so the date is that of the side's zone.

    Args:
        session: Of an open unit of work.
        where: Of check-ins, their series and pairs.
    """
    rows = session.execute(
        select(Checkin.pair_id, Series.rhythm, Checkin.occurrence, Series.zone, Checkin.met)
        .join(Series, Series.id == Checkin.series_id)
        .join(Pair, Pair.id == Checkin.pair_id)
        .where(Checkin.state == "answered", Checkin.met.is_not(None), *where)
    )
    found: dict[tuple[int, str, date], bool] = {}
    for pair, rhythm, occurrence, zone, met in rows:
        day = occurrence.astimezone(ZoneInfo(zone)).date()
        found[pair, rhythm, day] = found.get((pair, rhythm, day), False) or met == "yes"
    return found


def _about(entity: type[Listed]) -> list[People]:
    """Whom a row is about; a pair is of either side."""
    return [Pair.mentee_id, Pair.mentor_id] if issubclass(entity, Pair) else [entity.person_id]


def _within(column: InstrumentedAttribute[datetime], period: Period) -> ColumnElement[bool]:
    return and_(column >= period.begin, column < period.end)


def _one(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)


def _places(now: datetime) -> list[ColumnElement[int]]:
    """Free, full, paused, in this order: each is one of the three."""
    free_now, awake = and_(*free(now)), or_(Expert.available.is_(True), Expert.paused_until <= now)
    return [
        func.sum(case((free_now, 1), else_=0)),
        func.sum(case((free_now, 0), (awake, 1), else_=0)),
        func.sum(case((awake, 0), else_=1)),
    ]
