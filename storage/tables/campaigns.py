"""Yearly campaigns: who takes part, and who was put together."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    ForeignKey,
    Integer,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped

from storage.tables.base import Base, BigId, c, id_, person_
from storage.utc import Utc


class Campaign(Base, purpose="introduce", basis="none", kept="house"):
    """A yearly campaign of a programme (X-01): opened, matched, published, closed."""

    __tablename__ = "campaign"
    __table_args__ = (UniqueConstraint("programme_id", "name"),)
    id: Mapped[int] = id_()
    programme_id: Mapped[str] = c(String(20), "programme")
    name: Mapped[str] = c(String(40), "what staff call it: 2026")
    year: Mapped[int] = c(Integer, "year of it: 2026")
    promos: Mapped[list[int]] = c(JSON, "years of entry of those who may apply", default=list)
    state: Mapped[str] = c(String(16), "see bot.lifecycle.CAMPAIGN", default="open")
    version: Mapped[int] = c(Integer, "for compare-and-set", default=1)
    seed: Mapped[int] = c(BigInteger, "settles ties, the same way each time")
    digest: Mapped[str | None] = c(String(64), "programme file that the draft was made with")
    objective: Mapped[int | None] = c(Integer, "of the last draft, in points", "staff")
    bound: Mapped[int | None] = c(Integer, "no other draft has more points", "staff")
    floor: Mapped[int | None] = c(Integer, "no pair of the draft has less", "staff")
    volunteers: Mapped[int | None] = c(Integer, "how many had applied, at its end (X-17)", "staff")
    pairs: Mapped[int | None] = c(Integer, "how many pairs it made, at its end (X-17)", "staff")
    opened_at: Mapped[datetime] = c(Utc, "opened")
    drafted_at: Mapped[datetime | None] = c(Utc, "last draft made")
    published_at: Mapped[datetime | None] = c(Utc, "last published")
    closed_at: Mapped[datetime | None] = c(Utc, "closed")


class CampaignEntry(Base, purpose="introduce", basis="consent", kept="requests"):
    """Somebody who takes part in a campaign: a mentee who applied, a mentor with places."""

    __tablename__ = "campaign_entry"
    __table_args__ = (UniqueConstraint("campaign_id", "person_id", "role"),)
    id: Mapped[int] = id_()
    campaign_id: Mapped[int] = c(ForeignKey("campaign.id", ondelete="CASCADE"), "campaign")
    person_id: Mapped[int] = person_("who")
    role: Mapped[str] = c(String(16), "mentee or mentor")
    request_id: Mapped[int | None] = c(BigId, "mentee: the application; the wish is its features")
    places: Mapped[int] = c(Integer, "mentor: free places at the last draft", default=0)
    why: Mapped[str | None] = c(String(16), "mentee left without: nobody, places", "staff")
    gain_pairs: Mapped[int] = c(Integer, "mentor: pairs one more place would bring", "staff",
                                 default=0)  # fmt: skip
    gain_points: Mapped[int] = c(Integer, "mentor: points one more place would bring", "staff",
                                  default=0)  # fmt: skip
    entered_at: Mapped[datetime] = c(Utc, "applied, or first counted in")


class CampaignPair(Base, purpose="introduce", basis="consent", kept="requests"):
    """A mentee and a mentor whom a campaign put together: drafted, then proposed, then answered."""

    __tablename__ = "campaign_pair"
    __table_args__ = (UniqueConstraint("campaign_id", "mentee_id", "mentor_id"),)
    id: Mapped[int] = id_()
    campaign_id: Mapped[int] = c(ForeignKey("campaign.id", ondelete="CASCADE"), "campaign")
    mentee_id: Mapped[int] = person_("mentee")
    mentor_id: Mapped[int] = person_("mentor")
    score: Mapped[int] = c(Integer, "0 to 1000; never shown to either side", "staff")
    reasons: Mapped[list[str]] = c(
        JSON, "the sentences, in the mentee's language", "partner", default=list
    )
    state: Mapped[str] = c(String(16), "see bot.lifecycle.CAMPAIGN_PAIR", default="draft")
    pinned: Mapped[bool] = c(Boolean, "chosen by staff: drafts keep it", default=False)
    drafted: Mapped[bool] = c(Boolean, "in the last draft", default=True)


class Forbidden(Base, purpose="introduce", basis="interest", kept="person"):
    """Two people whom no campaign puts together again: one declined, or staff said so."""

    __tablename__ = "forbidden"
    __table_args__ = (UniqueConstraint("programme_id", "mentee_id", "mentor_id"),)
    id: Mapped[int] = id_()
    programme_id: Mapped[str] = c(String(20), "programme")
    mentee_id: Mapped[int] = person_("mentee")
    mentor_id: Mapped[int] = person_("mentor")
    why: Mapped[str] = c(String(16), "declined or staff", "staff")
    since: Mapped[datetime] = c(Utc, "from then on")
