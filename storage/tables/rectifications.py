"""What people ask the team to put right about them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Integer, String
from sqlalchemy.orm import Mapped

from storage.sealed import Sealed
from storage.tables.base import Base, c, id_, person_
from storage.utc import Utc


class Rectification(Base, purpose="account", basis="duty", kept="requests"):
    """Something that is wrong about a person and that only the team can change (GDPR 16)."""

    __tablename__ = "rectification"
    id: Mapped[int] = id_()
    person_id: Mapped[int] = person_("who asks")
    programme_id: Mapped[str] = c(String(20), "whose team is asked", index=True)
    text: Mapped[bytes] = c(Sealed, "what is wrong, in their words", "staff")
    version: Mapped[int] = c(Integer, "for compare-and-set", default=1)
    asked_at: Mapped[datetime] = c(Utc, "asked")
    settled_at: Mapped[datetime | None] = c(Utc, "the team said that it is done", "self")
