"""What is counted once and kept when the rows it was counted from are gone."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Date, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped

from storage.tables.base import Base, c, id_


class Tally(Base, purpose="account", basis="none", kept="house"):
    """How many requests of a month gave an answer; linked to nobody, so it outlives them (A-26)."""

    __tablename__ = "tally"
    __table_args__ = (UniqueConstraint("programme_id", "month", "question", "answer"),)
    id: Mapped[int] = id_()
    programme_id: Mapped[str] = c(String(20), "programme")
    month: Mapped[date] = c(Date, "first day of the month, in the programme's zone")
    question: Mapped[str] = c(String(20), "counted question of the intake; empty: the requests")
    answer: Mapped[str] = c(String(20), "option; empty: the question was not asked, or left out")
    requests: Mapped[int] = c(Integer, "how many", "staff")
