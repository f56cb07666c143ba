"""Quarterly reports and the wishes read from them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from storage.tables import Person, Report, Wish
from storage.upsert import changed, insert_new, table_of
from storage.vault import Vault


class Reports:
    """Reports of people, quarter by quarter."""

    def __init__(self, session: Session, vault: Vault) -> None:
        self._session = session
        self._vault = vault

    def open(
        self,
        person_id: int,
        programme_id: str,
        report: str,
        quarter: str,
        *,
        opened_at: datetime,
        closes_at: datetime,
    ) -> Report | None:
        """Open somebody's report of a quarter; None when it is open already.

        Also when another process opens it at this instant: this waits for its end.
        """
        key = {"person_id": person_id, "programme_id": programme_id}
        key |= {"report": report, "quarter": quarter}
        new = {**key, "opened_at": opened_at, "closes_at": closes_at}
        number = insert_new(self._session, table_of(Report), new)
        return None if number is None else self._session.get_one(Report, number)

    def get(self, report_id: int) -> Report | None:
        """The report with this number."""
        return self._session.get(Report, report_id)

    def of_quarter(
        self, person_id: int, programme_id: str, report: str, quarter: str
    ) -> Report | None:
        """This person's report of this quarter."""
        return self._session.scalar(
            select(Report).where(
                Report.person_id == person_id,
                Report.programme_id == programme_id,
                Report.report == report,
                Report.quarter == quarter,
            )
        )

    def latest(
        self, person_id: int, programme_id: str, *, report: str | None = None, sent: bool = False
    ) -> Report | None:
        """The person's newest report, or the newest one sent."""
        query = select(Report).where(
            Report.person_id == person_id, Report.programme_id == programme_id
        )
        if report is not None:
            query = query.where(Report.report == report)
        if sent:
            query = query.where(Report.sent_at.is_not(None))
        return self._session.scalar(
            query.order_by(Report.quarter.desc(), Report.id.desc()).limit(1)
        )

    def answerable(self, person_id: int, programme_id: str, now: datetime) -> Report | None:
        """The person's report to go on with: its window is open; one not sent comes first."""
        return self._session.scalar(
            select(Report)
            .where(
                Report.person_id == person_id,
                Report.programme_id == programme_id,
                Report.closes_at > now,
            )
            .order_by(Report.sent_at.is_not(None), Report.closes_at, Report.id)
            .limit(1)
        )

    def having(
        self, people: Collection[int], programme_id: str, report: str, quarter: str
    ) -> frozenset[int]:
        """Which of these people have the report of that quarter."""
        return frozenset(
            self._session.scalars(
                select(Report.person_id).where(
                    *_one(programme_id, report, quarter), Report.person_id.in_(people)
                )
            )
        )

    def missing(
        self,
        programme_id: str,
        report: str,
        quarter: str,
        now: datetime,
        *,
        after_id: int = 0,
        limit: int,
    ) -> Sequence[tuple[Report, Person]]:
        """Reports not sent whose window is open, by number; `after_id` and `limit` page."""
        rows = self._session.execute(
            select(Report, Person)
            .join(Person, Person.id == Report.person_id)
            .where(*_one(programme_id, report, quarter), *_waited_for(now), Report.id > after_id)
            .order_by(Report.id)
            .limit(limit)
        ).all()
        return [(one, person) for one, person in rows]

    def count_missing(self, programme_id: str, report: str, quarter: str, now: datetime) -> int:
        """How many reports are not sent and still may be."""
        found = select(func.count(Report.id)).where(
            *_one(programme_id, report, quarter), *_waited_for(now)
        )
        return self._session.scalar(found) or 0

    def close(self, programme_id: str, report: str, quarter: str) -> tuple[int, int]:
        """What is still open was missed; how many were sent, and how many there are."""
        one = _one(programme_id, report, quarter)
        self._session.flush()
        changed(
            self._session,
            update(Report).where(*one, Report.state == "open").values(state="missed"),
        )
        sent = select(func.count(Report.sent_at), func.count(Report.id)).where(*one)
        row = self._session.execute(sent).one()
        return int(row[0]), int(row[1])

    def in_quarter(
        self, programme_id: str, report: str, quarter: str
    ) -> Sequence[tuple[Report, Person]]:
        """Everybody's report of a quarter, by name."""
        rows = self._session.execute(
            select(Report, Person)
            .join(Person, Person.id == Report.person_id)
            .where(*_one(programme_id, report, quarter))
            .order_by(Person.name, Person.id)
        ).all()
        return [(one, person) for one, person in rows]

    def quarters(self, programme_id: str) -> Sequence[str]:
        """The quarters that have reports, newest first."""
        return self._session.scalars(
            select(Report.quarter)
            .where(Report.programme_id == programme_id)
            .distinct()
            .order_by(Report.quarter.desc())
        ).all()

    def keep(self, report: Report, answers: Any, now: datetime) -> None:
        """Store the answers; sending again within the window replaces them."""
        report.answers = self._vault.seal(self._session, report.person_id, answers)
        report.state = "sent"
        report.sent_at = report.sent_at or now

    def answers(self, report: Report) -> Any:
        """The snapshot, or None."""
        if report.answers is None:
            return None
        return self._vault.open(self._session, report.person_id, report.answers)

    def wish(self, person_id: int, programme_id: str) -> Wish | None:
        """What the person looks for."""
        return self._session.scalar(
            select(Wish).where(Wish.person_id == person_id, Wish.programme_id == programme_id)
        )

    def set_wish(
        self,
        person_id: int,
        programme_id: str,
        *,
        kind: str | None,
        field: str,
        place: str,
        start_on: date | None,
        months: int | None,
        now: datetime,
    ) -> None:
        """Write what the person looks for; `kind=None` means nothing, and the row goes."""
        row = self.wish(person_id, programme_id)
        if kind is None:
            if row is not None:
                self._session.delete(row)
            return
        if row is None:
            row = Wish(person_id=person_id, programme_id=programme_id)
            self._session.add(row)
        row.kind, row.field, row.place = kind, field, place
        row.start_on, row.months, row.updated_at = start_on, months, now


def _one(programme_id: str, report: str, quarter: str) -> tuple[ColumnElement[bool], ...]:
    """Everybody's reports of one quarter."""
    return (
        Report.programme_id == programme_id,
        Report.report == report,
        Report.quarter == quarter,
    )


def _waited_for(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return Report.state == "open", Report.closes_at > now
