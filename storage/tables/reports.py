"""Quarterly reports, and what people look for."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import (
    Date,
    Integer,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped

from storage.sealed import Sealed
from storage.tables.base import Base, BigId, c, id_, person_
from storage.utc import Utc


class Report(Base, purpose="report", basis="consent", kept="reports"):
    """One quarter's report of one person (E-06)."""

    __tablename__ = "report"
    __table_args__ = (UniqueConstraint("person_id", "programme_id", "report", "quarter"),)
    id: Mapped[int] = id_()
    programme_id: Mapped[str] = c(String(20), "programme", index=True)
    person_id: Mapped[int] = person_("whose")
    report: Mapped[str] = c(String(20), "id of the report in the programme file")
    quarter: Mapped[str] = c(String(8), "2026T4")
    conversation_id: Mapped[int | None] = c(BigId, "the dialogue")
    state: Mapped[str] = c(String(16), "open, sent, missed", "staff", default="open")
    opened_at: Mapped[datetime] = c(Utc, "prompt planned")
    closes_at: Mapped[datetime] = c(Utc, "answers may be changed until then")
    sent_at: Mapped[datetime | None] = c(Utc, "first sent", "staff")
    answers: Mapped[bytes | None] = c(
        Sealed, "snapshot: question, label, value of each answer", "staff"
    )


class Wish(Base, purpose="report", basis="consent", kept="reports"):
    """The internship, work-study or job a person looks for, as fields (E-12)."""

    __tablename__ = "wish"
    __table_args__ = (UniqueConstraint("person_id", "programme_id"),)
    id: Mapped[int] = id_()
    person_id: Mapped[int] = person_("whose")
    programme_id: Mapped[str] = c(String(20), "programme", index=True)
    kind: Mapped[str] = c(String(20), "internship, work_study, job", "staff")
    field: Mapped[str] = c(String(200), "kind of work", "staff", default="")
    place: Mapped[str] = c(String(200), "where", "staff", default="")
    start_on: Mapped[date | None] = c(Date, "from", "staff")
    months: Mapped[int | None] = c(Integer, "length in months", "staff")
    updated_at: Mapped[datetime] = c(Utc, "last change")
