"""Who asked the team for help, and what the team decided about whom it looks at first."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, Integer, String, text
from sqlalchemy.orm import Mapped

from storage.sealed import Sealed
from storage.tables.base import Base, BigId, c, id_, person_
from storage.utc import Utc


class HelpCall(Base, purpose="follow", basis="consent", kept="requests"):
    """Somebody's « j'ai besoin d'aide », until a member of the team has seen to it (M-15)."""

    __tablename__ = "help_call"
    __table_args__ = (
        Index("uq_help_call_live", "person_id", "programme_id", unique=True,
              sqlite_where=text("state<>'closed'"), postgresql_where=text("state<>'closed'")),
    )  # fmt: skip
    id: Mapped[int] = id_()
    person_id: Mapped[int] = person_("who asks")
    programme_id: Mapped[str] = c(String(20), "of which team", index=True)
    words: Mapped[bytes | None] = c(Sealed, "what they said of it, if anything", "staff")
    state: Mapped[str] = c(String(16), "open, taken, closed", default="open")
    version: Mapped[int] = c(Integer, "for compare-and-set", default=1)
    asked_at: Mapped[datetime] = c(Utc, "asked")
    due_at: Mapped[datetime] = c(Utc, "the answer they were promised")
    taken_by_id: Mapped[int | None] = c(BigId, "staff member who is on it", "staff")
    taken_at: Mapped[datetime | None] = c(Utc, "taken")
    closed_at: Mapped[datetime | None] = c(Utc, "over")


class Correction(Base, purpose="follow", basis="interest", kept="requests"):
    """What a member of the team decided about somebody's place or follow-up, and why (E-09).

    Rows stay as history; the one without an end is in force, at most one of each kind.
    """

    __tablename__ = "correction"
    __table_args__ = (
        Index("uq_correction_now", "person_id", "programme_id", "about", unique=True,
              sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL")),
    )  # fmt: skip
    id: Mapped[int] = id_()
    person_id: Mapped[int] = person_("about whom")
    programme_id: Mapped[str] = c(String(20), "in which programme", index=True)
    about: Mapped[str] = c(
        String(8), "place (in the list), level (of the follow-up), hand (who follows)", "staff"
    )
    value: Mapped[str] = c(String(8), "higher, lower, seen; light, normal, close; handed", "staff")
    why: Mapped[bytes] = c(Sealed, "the reason given, in words", "staff")
    signs: Mapped[bytes | None] = c(
        Sealed, "the signs there were: what comes later is shown again", "staff"
    )
    by_id: Mapped[int] = c(BigId, "staff member who decided", "staff")
    to_id: Mapped[int | None] = c(BigId, "staff member who follows them from then on", "staff")
    at: Mapped[datetime] = c(Utc, "decided")
    until: Mapped[datetime | None] = c(Utc, "no effect from then on", "staff")
    ended_at: Mapped[datetime | None] = c(Utc, "taken back, or replaced")
    ended_by_id: Mapped[int | None] = c(BigId, "staff member who ended it", "staff")
