"""Classes of a school: whose pupils they are."""

from __future__ import annotations

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped

from storage.tables.base import Base, c, id_, person_


class ClassPlace(Base, purpose="organise", basis="interest", kept="person"):
    """Somebody's place in a class: one of its pupils, or who teaches it (J-01)."""

    __tablename__ = "class_place"
    __table_args__ = (UniqueConstraint("programme_id", "key", "person_id"),)
    id: Mapped[int] = id_()
    programme_id: Mapped[str] = c(String(20), "programme")
    key: Mapped[str] = c(String(40), "the name without case and accents, to find it by")
    name: Mapped[str] = c(String(20), "what the class is called", "staff")
    person_id: Mapped[int] = person_("whose place it is")
    role: Mapped[str] = c(String(16), "pupil, teacher", "staff")
