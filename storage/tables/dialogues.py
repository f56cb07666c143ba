"""What was said in dialogues: their answers, and words that fitted nowhere."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    String,
)
from sqlalchemy.orm import Mapped

from storage.sealed import Sealed
from storage.tables.base import Base, BigId, c, id_, person_
from storage.utc import Utc


class Conversation(Base, purpose="follow", basis="consent", kept="dialogue"):
    """A dialogue with one person: its questionnaire and the answers.

    Where it stands is derived from these.
    """

    __tablename__ = "conversation"
    id: Mapped[int] = id_()
    person_id: Mapped[int] = person_("with whom")
    programme_id: Mapped[str] = c(String(20), "programme")
    kind: Mapped[str] = c(
        String(32), "profile, intake, expert, checkin:<rhythm>, closing, report:<id>, objective"
    )
    about_id: Mapped[int | None] = c(BigId, "the pair, report or check-in it is about", index=True)
    state: Mapped[bytes] = c(Sealed, "the engine's State as JSON", "self")
    status: Mapped[str] = c(String(16), "open, done, cancelled", default="open")
    digest: Mapped[str] = c(String(64), "digest of the programme file it was last shown with")
    snapshot: Mapped[bytes | None] = c(
        Sealed, "question text, label and value of each answer at completion", "self"
    )
    opened_at: Mapped[datetime] = c(Utc, "opened")
    updated_at: Mapped[datetime] = c(Utc, "last turn")
    closes_at: Mapped[datetime | None] = c(Utc, "answers are taken until then")


class Stray(Base, purpose="speak", basis="consent", kept="drafts"):
    """Words that fitted no question, kept so that the person can hand them to the team."""

    __tablename__ = "stray"
    id: Mapped[int] = id_()
    person_id: Mapped[int] = person_("who wrote them")
    programme_id: Mapped[str | None] = c(String(20), "programme they were in")
    text: Mapped[bytes] = c(Sealed, "the words", "staff")
    said_at: Mapped[datetime] = c(Utc, "written")
    passed_at: Mapped[datetime | None] = c(Utc, "handed to the team")
    settled_at: Mapped[datetime | None] = c(Utc, "the team said that it has answered")
