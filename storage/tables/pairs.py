"""Requests, proposals, and pairs with what they agree on and are asked."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    JSON,
    Boolean,
    ForeignKey,
    Integer,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped

from storage.sealed import Sealed
from storage.tables.base import Base, BigId, c, id_, person_
from storage.utc import Utc


class Request(Base, purpose="introduce", basis="consent", kept="requests"):
    """A mentee's request for help: always in a state, with an age and a deadline (A-15)."""

    __tablename__ = "request"
    id: Mapped[int] = id_()
    programme_id: Mapped[str] = c(String(20), "programme", index=True)
    person_id: Mapped[int] = person_("who asks")
    conversation_id: Mapped[int] = c(BigId, "the intake it came from")
    kind: Mapped[str] = c(String(16), "one_off or long_term (A-24)", default="long_term")
    state: Mapped[str] = c(String(16), "see bot.lifecycle.REQUEST", default="open")
    version: Mapped[int] = c(Integer, "for compare-and-set", default=1)
    owner_id: Mapped[int | None] = c(BigId, "staff member in charge", "staff")
    owned_at: Mapped[datetime | None] = c(
        Utc, "since when they are, or nobody is any more; none = nobody from the start", "staff"
    )
    shared: Mapped[bytes | None] = c(
        Sealed, "what the mentee chose to show to the expert", "partner"
    )
    features: Mapped[bytes | None] = c(Sealed, "what matching reads of the answers", "self")
    created_at: Mapped[datetime] = c(Utc, "made")
    changed_at: Mapped[datetime] = c(Utc, "last change of state")
    due_at: Mapped[datetime | None] = c(Utc, "when somebody has to have done something", "staff")


class Proposal(Base, purpose="introduce", basis="consent", kept="requests"):
    """An expert proposed for a request, in rank order, with the reasons shown."""

    __tablename__ = "proposal"
    __table_args__ = (UniqueConstraint("request_id", "expert_id"),)
    id: Mapped[int] = id_()
    request_id: Mapped[int] = c(
        ForeignKey("request.id", ondelete="CASCADE"), "for which request", index=True
    )
    expert_id: Mapped[int] = person_("the expert's person")
    rank: Mapped[int] = c(Integer, "1 = shown first")
    reasons: Mapped[list[str]] = c(
        JSON, "the sentences shown, in the mentee's language", "partner", default=list
    )
    state: Mapped[str] = c(String(16), "see bot.lifecycle.PROPOSAL", default="shown")
    version: Mapped[int] = c(Integer, "for compare-and-set", default=1)
    by_staff: Mapped[bool] = c(Boolean, "proposed by hand", default=False)
    shown_at: Mapped[datetime] = c(Utc, "shown to the mentee")
    asked_at: Mapped[datetime | None] = c(Utc, "sent to the expert")
    due_at: Mapped[datetime | None] = c(Utc, "the expert's deadline")


class Pair(Base, purpose="follow", basis="consent", kept="requests"):
    """A mentor and a mentee who meet."""

    __tablename__ = "pair"
    id: Mapped[int] = id_()
    programme_id: Mapped[str] = c(String(20), "programme", index=True)
    request_id: Mapped[int | None] = c(BigId, "the request it answers", index=True)
    mentee_id: Mapped[int] = person_("mentee")
    mentor_id: Mapped[int] = person_("mentor")
    kind: Mapped[str] = c(String(16), "one_off or long_term", default="long_term")
    state: Mapped[str] = c(String(16), "see bot.lifecycle.PAIR", default="active")
    version: Mapped[int] = c(Integer, "for compare-and-set", default=1)
    supervisor_id: Mapped[int | None] = c(BigId, "staff member who follows it (A-14)", "staff")
    mentee_shows: Mapped[str | None] = c(
        String(320), "contact details the mentee agreed to show", "partner"
    )
    mentor_shows: Mapped[str | None] = c(
        String(320), "contact details the mentor agreed to show", "partner"
    )
    started_at: Mapped[datetime] = c(Utc, "accepted")
    ends_at: Mapped[datetime | None] = c(Utc, "planned end; none for a one-off talk")
    ended_at: Mapped[datetime | None] = c(Utc, "real end")
    outcome: Mapped[str | None] = c(String(16), "how it ended, see bot.lifecycle.OUTCOMES", "staff")
    missed_in_a_row: Mapped[int] = c(
        Integer, "check-in rounds without a meeting, one after the other", default=0
    )


class Objective(Base, purpose="follow", basis="consent", kept="requests"):
    """The pair's objective, proposed by one and approved by the other.

    Older ones stay as history (A-18).
    """

    __tablename__ = "objective"
    id: Mapped[int] = id_()
    pair_id: Mapped[int] = c(ForeignKey("pair.id", ondelete="CASCADE"), "pair", index=True)
    author_id: Mapped[int] = person_("who proposed it; the seal is theirs")
    text: Mapped[bytes] = c(Sealed, "the objective in their words", "partner")
    state: Mapped[str] = c(String(16), "proposed, approved, declined, replaced", default="proposed")
    version: Mapped[int] = c(Integer, "for compare-and-set", default=1)
    proposed_at: Mapped[datetime] = c(Utc, "proposed")
    settled_at: Mapped[datetime | None] = c(Utc, "approved, declined or replaced")


class Series(Base, purpose="follow", basis="consent", kept="requests"):
    """The check-in rhythm of a pair for one side: only the next occurrence is a timer."""

    __tablename__ = "series"
    __table_args__ = (UniqueConstraint("pair_id", "person_id", "rhythm"),)
    id: Mapped[int] = id_()
    pair_id: Mapped[int] = c(ForeignKey("pair.id", ondelete="CASCADE"), "pair", index=True)
    person_id: Mapped[int] = person_("side that is asked")
    rhythm: Mapped[str] = c(String(20), "id of the rhythm in the programme file")
    rrule: Mapped[str] = c(String(200), "RFC 5545 rule on local time")
    dtstart_local: Mapped[str] = c(String(19), "first occurrence, local wall time, ISO")
    zone: Mapped[str] = c(String(64), "IANA zone of that wall time")
    version: Mapped[int] = c(
        Integer, "grows at each change; a timer of another version is stale", default=1
    )
    paused_until: Mapped[datetime | None] = c(Utc, "no prompt before then")


class SeriesException(Base, purpose="follow", basis="consent", kept="requests"):
    """One occurrence that is left out or moved."""

    __tablename__ = "series_exception"
    __table_args__ = (UniqueConstraint("series_id", "occurrence"),)
    id: Mapped[int] = id_()
    series_id: Mapped[int] = c(ForeignKey("series.id", ondelete="CASCADE"), "series", index=True)
    occurrence: Mapped[datetime] = c(Utc, "the occurrence as the rule gives it")
    moved_to: Mapped[datetime | None] = c(Utc, "the new time; none = left out")


class Checkin(Base, purpose="follow", basis="consent", kept="requests"):
    """One side's answer at one occurrence of the rhythm."""

    __tablename__ = "checkin"
    __table_args__ = (UniqueConstraint("series_id", "occurrence"),)
    id: Mapped[int] = id_()
    series_id: Mapped[int] = c(ForeignKey("series.id", ondelete="CASCADE"), "rhythm it belongs to")
    pair_id: Mapped[int] = c(ForeignKey("pair.id", ondelete="CASCADE"), "pair", index=True)
    person_id: Mapped[int] = person_("who was asked")
    occurrence: Mapped[datetime] = c(Utc, "the occurrence asked about")
    conversation_id: Mapped[int | None] = c(BigId, "the dialogue with the answers")
    state: Mapped[str] = c(String(16), "asked, answered, skipped", default="asked")
    met: Mapped[str | None] = c(String(16), "yes, no, not_yet", "staff")
    answered_at: Mapped[datetime | None] = c(Utc, "answered")


class Meeting(Base, purpose="follow", basis="consent", kept="requests"):
    """A date a pair agreed on; what the invitation (.ics) is made from."""

    __tablename__ = "meeting"
    id: Mapped[int] = id_()
    pair_id: Mapped[int] = c(ForeignKey("pair.id", ondelete="CASCADE"), "pair", index=True)
    set_by_id: Mapped[int] = person_("who gave the date")
    starts_at: Mapped[datetime] = c(
        Utc, "start; of a whole day: midnight UTC of its date, in no zone", "partner"
    )
    minutes: Mapped[int] = c(Integer, "length in minutes; 0 = a whole day", default=60)
    state: Mapped[str] = c(
        String(16),
        "planned, held, cancelled, missed; but for the first, as both sides say",
        default="planned",
    )
    sequence: Mapped[int] = c(Integer, "SEQUENCE of the invitation", default=0)
    differ_told_at: Mapped[datetime | None] = c(
        Utc, "whoever follows the pair was told that the two sides do not say the same"
    )
