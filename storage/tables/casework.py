"""What the team does about a request: notes, decisions, interviews.

Everything written is about the one who asked and sealed with their key: it goes with them, from
backups too, and stays when its author leaves the team.

Source: A-14 (recorded feasibility), A-15, A-16 (several interviews on one request, notes kept).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped

from storage.sealed import Sealed
from storage.tables.base import Base, BigId, c, id_, person_
from storage.utc import Utc


class RequestNote(Base, purpose="introduce", basis="consent", kept="requests"):
    """A line in the file of a request: a note, what an interview gave, a decision."""

    __tablename__ = "request_note"
    id: Mapped[int] = id_()
    request_id: Mapped[int] = c(ForeignKey("request.id", ondelete="CASCADE"), "request", index=True)
    person_id: Mapped[int] = person_("whom it is about, who asked; the seal is theirs")
    by_id: Mapped[int | None] = c(BigId, "who wrote it, mostly of staff; none once erased", "staff")
    kind: Mapped[str] = c(
        String(16),
        "note, interview, moment, reply (of the one who asked), feasible,"
        " refusal (not decided yet), infeasible, reopened, changed (by the one who asked)",
    )
    text: Mapped[bytes | None] = c(Sealed, "the words; none for a decision without", "staff")
    told: Mapped[bool] = c(
        Boolean, "whether the one who asked was given these words", "staff", default=False
    )
    said_at: Mapped[datetime] = c(Utc, "written", "staff")


class Interview(Base, purpose="introduce", basis="interest", kept="requests"):
    """A colleague asked to talk with the one who made a request."""

    __tablename__ = "interview"
    __table_args__ = (UniqueConstraint("request_id", "interviewer_id"),)
    id: Mapped[int] = id_()
    request_id: Mapped[int] = c(ForeignKey("request.id", ondelete="CASCADE"), "request", index=True)
    interviewer_id: Mapped[int] = person_("staff member who is asked")
    asked_by_id: Mapped[int | None] = c(BigId, "staff member who asks", "staff")
    state: Mapped[str] = c(
        String(16),
        "asked, told (the one who asked knows), unsuited (not at that moment), done, declined",
        "staff",
        default="asked",
    )
    version: Mapped[int] = c(Integer, "for compare-and-set", default=1)
    asked_at: Mapped[datetime] = c(Utc, "asked", "staff")
    settled_at: Mapped[datetime | None] = c(Utc, "last change of its state", "staff")
