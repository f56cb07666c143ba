"""What the team writes to many at once, and who does not want to hear of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped

from storage.sealed import Sealed
from storage.tables.base import Base, c, id_, person_
from storage.utc import Utc


class News(Base, purpose="speak", basis="interest", kept="person"):
    """What somebody wants to hear of in a programme, besides what concerns themselves (X-15)."""

    __tablename__ = "news"
    __table_args__ = (UniqueConstraint("person_id", "programme_id"),)
    id: Mapped[int] = id_()
    person_id: Mapped[int] = person_("who")
    programme_id: Mapped[str] = c(String(20), "in which programme")
    muted_at: Mapped[datetime | None] = c(Utc, "wants no announcements since then", "staff")
    next_at: Mapped[datetime | None] = c(Utc, "asked to be told of the next campaign", "staff")


class Announcement(Base, purpose="speak", basis="interest", kept="audit"):
    """A message of the team to a segment of a programme, and how far it reached (X-15, X-18)."""

    __tablename__ = "announcement"
    id: Mapped[int] = id_()
    programme_id: Mapped[str] = c(String(20), "programme", index=True)
    author_id: Mapped[int] = person_("who wrote it, by name; the seal is theirs")
    segment: Mapped[dict[str, Any]] = c(JSON, "to whom: criteria, no names", "staff", default=dict)
    text: Mapped[bytes | None] = c(Sealed, "the words", "public")
    state: Mapped[str] = c(String(16), "see bot.lifecycle.ANNOUNCEMENT", default="writing")
    version: Mapped[int] = c(Integer, "for compare-and-set", default=1)
    asked_at: Mapped[datetime] = c(Utc, "the words were last asked for")
    begun_at: Mapped[datetime | None] = c(Utc, "confirmed")
    done_at: Mapped[datetime | None] = c(Utc, "all written to, or stopped")
    told: Mapped[int] = c(Integer, "people written to", "staff", default=0)
    muted: Mapped[int] = c(Integer, "people left out: they want none", "staff", default=0)
    unreachable: Mapped[int] = c(Integer, "people without an account that can be written to",
                                 "staff", default=0)  # fmt: skip
    reached: Mapped[int | None] = c(Integer, "messages that arrived, counted a day later", "staff")
