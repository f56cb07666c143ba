"""Partner companies, the links they open their page with, and whom they were shown."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped

from storage.tables.base import Base, BigId, c, id_, person_
from storage.utc import Utc


class Partner(Base, purpose="introduce", basis="interest", kept="audit"):
    """A company that may see what people agreed to show to companies (E-13)."""

    __tablename__ = "partner"
    id: Mapped[int] = id_()
    programme_id: Mapped[str] = c(String(20), "of which programme", index=True)
    name: Mapped[str] = c(String(100), "what it is called", "public")
    created_at: Mapped[datetime] = c(Utc, "added", "staff")
    created_by: Mapped[int | None] = c(BigId, "who of the team added it", "staff")
    closed_at: Mapped[datetime | None] = c(Utc, "sees nothing any more since then", "staff")


class PartnerLink(Base, purpose="introduce", basis="interest", kept="audit"):
    """A code that opens a company's page; only its digest is kept, and one at a time is good."""

    __tablename__ = "partner_link"
    id: Mapped[int] = id_()
    partner_id: Mapped[int] = c(
        ForeignKey("partner.id", ondelete="CASCADE"), "whose page", index=True
    )
    digest: Mapped[str] = c(String(64), "SHA-256 of the code", unique=True)
    created_at: Mapped[datetime] = c(Utc, "made", "staff")
    created_by: Mapped[int | None] = c(BigId, "who of the team made it", "staff")
    expires_at: Mapped[datetime] = c(Utc, "opens nothing from then on", "staff")
    revoked_at: Mapped[datetime | None] = c(Utc, "taken back", "staff")


class PartnerView(Base, purpose="account", basis="duty", kept="audit"):
    """Somebody was shown to a company."""

    __tablename__ = "partner_view"
    id: Mapped[int] = id_()
    partner_id: Mapped[int] = c(
        ForeignKey("partner.id", ondelete="CASCADE"), "to which company", index=True
    )
    link_id: Mapped[int] = c(
        ForeignKey("partner_link.id", ondelete="CASCADE"), "by which link", index=True
    )
    person_id: Mapped[int] = person_("who was shown")
    at: Mapped[datetime] = c(Utc, "when, at most once an hour", "staff", index=True)
    fields: Mapped[str] = c(Text, "which fields: ids of the programme file", "staff")


class PartnerQuestion(Base, purpose="account", basis="interest", kept="person"):
    """Somebody was asked what companies may see; never twice about the same text."""

    __tablename__ = "partner_question"
    __table_args__ = (UniqueConstraint("person_id", "programme_id", "text_digest"),)
    id: Mapped[int] = id_()
    person_id: Mapped[int] = person_("who was asked")
    programme_id: Mapped[str] = c(String(20), "in which programme")
    text_digest: Mapped[str] = c(String(64), "of the text asked about")
    asked_at: Mapped[datetime] = c(Utc, "asked", "self")
