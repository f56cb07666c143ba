"""What each side of a pair said of a meeting once it was over."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped

from storage.tables.base import Base, c, id_, person_
from storage.utc import Utc


class MeetingWord(Base, purpose="follow", basis="consent", kept="requests"):
    """One side's word on whether a meeting took place (J-20); the other side never reads it."""

    __tablename__ = "meeting_word"
    __table_args__ = (UniqueConstraint("meeting_id", "person_id"),)
    id: Mapped[int] = id_()
    meeting_id: Mapped[int] = c(ForeignKey("meeting.id", ondelete="CASCADE"), "meeting", index=True)
    person_id: Mapped[int] = person_("who says so")
    said: Mapped[str] = c(String(16), "kept, called_off, missed", "staff")
    said_at: Mapped[datetime] = c(Utc, "said, or said otherwise since")
