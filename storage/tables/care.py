"""What goes on around a pair: a mentor who says that something is beyond their role."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Integer, String
from sqlalchemy.orm import Mapped

from storage.tables.base import Base, BigId, c, id_, person_
from storage.utc import Utc


class Beyond(Base, purpose="follow", basis="interest", kept="requests"):
    """A mentor's private word to the team: this is beyond my role (A-19).

    The mentee never learns of it. What the mentor wrote is in the dialogue, sealed for them.
    """

    __tablename__ = "beyond"
    id: Mapped[int] = id_()
    pair_id: Mapped[int] = c(ForeignKey("pair.id", ondelete="CASCADE"), "pair", index=True)
    author_id: Mapped[int] = person_("the mentor who said so")
    conversation_id: Mapped[int | None] = c(BigId, "the dialogue with their words, if any")
    state: Mapped[str] = c(String(16), "see bot.lifecycle.BEYOND", default="open")
    version: Mapped[int] = c(Integer, "for compare-and-set", default=1)
    said_at: Mapped[datetime] = c(Utc, "said")
    due_at: Mapped[datetime] = c(Utc, "when the team has promised to have answered")
    answered_at: Mapped[datetime | None] = c(Utc, "the team has answered")
    answered_by_id: Mapped[int | None] = c(BigId, "who of the team answered", "staff")
