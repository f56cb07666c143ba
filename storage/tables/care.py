"""What goes on around a pair: turning to others, more time, training, news months after."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Boolean, Date, ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped

from storage.sealed import Sealed
from storage.tables.base import Base, BigId, c, id_, person_
from storage.utc import Utc


class Beyond(Base, purpose="follow", basis="interest", kept="requests"):
    """A mentor's private word to the team: this is beyond my role (A-19).

    The mentee never learns of it. What the mentor wrote is in their dialogues about it, sealed.
    """

    __tablename__ = "beyond"
    id: Mapped[int] = id_()
    pair_id: Mapped[int] = c(ForeignKey("pair.id", ondelete="CASCADE"), "pair", index=True)
    author_id: Mapped[int] = person_("the mentor who said so")
    state: Mapped[str] = c(String(16), "see bot.lifecycle.BEYOND", default="open")
    version: Mapped[int] = c(Integer, "for compare-and-set", default=1)
    said_at: Mapped[datetime] = c(Utc, "said")
    due_at: Mapped[datetime] = c(Utc, "when the team has promised to have answered")
    answered_at: Mapped[datetime | None] = c(Utc, "the team has answered")
    answered_by_id: Mapped[int | None] = c(BigId, "who of the team answered", "staff")


class Referral(Base, purpose="follow", basis="consent", kept="requests"):
    """Somebody is oriented to a coach, a test, an assessment or a group; tracked to its end (A-17).

    A pair may go on beside it.
    """

    __tablename__ = "referral"
    id: Mapped[int] = id_()
    programme_id: Mapped[str] = c(String(20), "programme", index=True)
    person_id: Mapped[int] = person_("who turns to others")
    pair_id: Mapped[int | None] = c(
        ForeignKey("pair.id", ondelete="SET NULL"), "the pair beside it", index=True
    )
    request_id: Mapped[int | None] = c(
        ForeignKey("request.id", ondelete="SET NULL"), "the request it came up with", index=True
    )
    kind: Mapped[str] = c(String(16), "coach, test, bilan, group", "staff")
    origin: Mapped[str] = c(String(16), "staff, mentor, mentee: who thought of it", "staff")
    state: Mapped[str] = c(String(16), "see bot.lifecycle.REFERRAL", "staff", default="suggested")
    version: Mapped[int] = c(Integer, "for compare-and-set", default=1)
    owner_id: Mapped[int | None] = c(BigId, "staff member in charge", "staff")
    note: Mapped[bytes | None] = c(Sealed, "what the team noted of it", "staff")
    begun_at: Mapped[datetime] = c(Utc, "first thought of")
    shown_at: Mapped[datetime | None] = c(Utc, "told to the person")
    changed_at: Mapped[datetime] = c(Utc, "last change of state")


class Extension(Base, purpose="follow", basis="consent", kept="requests"):
    """More months for a pair, once both sides have said yes (X-19)."""

    __tablename__ = "extension"
    id: Mapped[int] = id_()
    pair_id: Mapped[int] = c(ForeignKey("pair.id", ondelete="CASCADE"), "pair", index=True)
    months: Mapped[int] = c(Integer, "by how many months")
    mentee_yes: Mapped[bool] = c(Boolean, "the mentee has said yes", default=False)
    mentor_yes: Mapped[bool] = c(Boolean, "the mentor has said yes", default=False)
    state: Mapped[str] = c(String(16), "see bot.lifecycle.EXTENSION", default="open")
    asked_at: Mapped[datetime] = c(Utc, "proposed")
    expires_at: Mapped[datetime] = c(Utc, "the end of the pair as it is: no yes counts after it")


class Training(Base, purpose="introduce", basis="interest", kept="person"):
    """A mentor has followed the programme's training (X-13)."""

    __tablename__ = "training"
    __table_args__ = (UniqueConstraint("person_id", "programme_id"),)
    id: Mapped[int] = id_()
    person_id: Mapped[int] = person_("the mentor")
    programme_id: Mapped[str] = c(String(20), "whose training")
    state: Mapped[str] = c(String(16), "see bot.lifecycle.TRAINING", default="declared")
    done_on: Mapped[date] = c(Date, "followed on", "staff")
    declared_at: Mapped[datetime] = c(Utc, "written down")
    confirmed_by_id: Mapped[int | None] = c(BigId, "who of the team confirmed it", "staff")


class FollowUp(Base, purpose="follow", basis="consent", kept="requests"):
    """One side of a pair is asked some months after its end what it has become (A-06)."""

    __tablename__ = "followup"
    __table_args__ = (UniqueConstraint("pair_id", "person_id"),)
    id: Mapped[int] = id_()
    pair_id: Mapped[int] = c(ForeignKey("pair.id", ondelete="CASCADE"), "pair", index=True)
    person_id: Mapped[int] = person_("who was asked")
    conversation_id: Mapped[int | None] = c(BigId, "the dialogue with the answers")
    state: Mapped[str] = c(String(16), "see bot.lifecycle.FOLLOW_UP", default="asked")
    asked_at: Mapped[datetime] = c(Utc, "asked")
