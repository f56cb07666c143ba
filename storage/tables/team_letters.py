"""What a member of the team and somebody they follow write to each other through the bot."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, Integer, String
from sqlalchemy.orm import Mapped

from storage.sealed import Sealed
from storage.tables.base import Base, BigId, c, id_, person_
from storage.utc import Utc


class TeamLetter(Base, purpose="follow", basis="interest", kept="requests"):
    """A word from the team to somebody it follows, or their answer to it (E-09)."""

    __tablename__ = "team_letter"
    id: Mapped[int] = id_()
    person_id: Mapped[int] = person_("to whom, or whose answer; the seal is theirs")
    programme_id: Mapped[str] = c(String(20), "in which programme", index=True)
    by_id: Mapped[int] = c(BigId, "staff member who writes, or is answered", "staff")
    answer: Mapped[bool] = c(Boolean, "whether it is the person's answer", "staff", default=False)
    text: Mapped[bytes] = c(Sealed, "the words", "staff")
    state: Mapped[str] = c(String(16), "draft (nobody has had it), sent", default="draft")
    version: Mapped[int] = c(Integer, "for compare-and-set", default=1)
    written_at: Mapped[datetime] = c(Utc, "written", "staff")
