"""What protects people: parents’ words, checks, letters kept, and what was reported."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped

from storage.sealed import Sealed
from storage.tables.base import Base, BigId, c, id_, person_
from storage.utc import Utc


class Guardian(Base, purpose="protect", basis="duty", kept="person"):
    """The word of a minor's holders of parental authority, recorded by staff; older ones stay."""

    __tablename__ = "guardian"
    id: Mapped[int] = id_()
    person_id: Mapped[int] = person_("the minor")
    programme_id: Mapped[str] = c(String(20), "for which programme", index=True)
    joint: Mapped[int] = c(
        Integer, "1: also their consent beside the child's (under 15)", "staff", default=0
    )
    proof: Mapped[str] = c(String(16), "paper, email, meeting or other", "staff")
    reference: Mapped[bytes] = c(Sealed, "where the proof is kept, in words", "staff")
    recorded_by_id: Mapped[int | None] = c(BigId, "staff member who saw it", "staff")
    recorded_at: Mapped[datetime] = c(Utc, "recorded", "staff")
    revoked_by_id: Mapped[int | None] = c(BigId, "staff member who was told of the end", "staff")
    revoked_at: Mapped[datetime | None] = c(Utc, "taken back by the parents", "staff")


class MentorCheck(Base, purpose="protect", basis="duty", kept="person"):
    """That somebody may be with minors: looked into by staff, until a date."""

    __tablename__ = "mentor_check"
    __table_args__ = (Index("ix_mentor_check_until", "programme_id", "until"),)
    id: Mapped[int] = id_()
    person_id: Mapped[int] = person_("who was checked")
    programme_id: Mapped[str] = c(String(20), "for which programme")
    kind: Mapped[str] = c(String(80), "what was looked at", "staff")
    until: Mapped[datetime] = c(Utc, "not valid from then on", "staff")
    checked_by_id: Mapped[int | None] = c(BigId, "staff member who looked", "staff")
    recorded_at: Mapped[datetime] = c(Utc, "recorded", "staff")


class Letter(Base, purpose="protect", basis="interest", kept="letters"):
    """Words of one person for another, kept so that they can be reported, or held back."""

    __tablename__ = "letter"
    __table_args__ = (Index("ix_letter_keep", "programme_id", "keep_until"),)
    id: Mapped[int] = id_()
    programme_id: Mapped[str] = c(String(20), "programme")
    author_id: Mapped[int] = person_("who wrote it; the seal is theirs")
    pair_id: Mapped[int | None] = c(
        ForeignKey("pair.id", ondelete="SET NULL"), "between whom", index=True
    )
    request_id: Mapped[int | None] = c(
        ForeignKey("request.id", ondelete="CASCADE"), "whose text it is, for kind request",
        index=True,
    )  # fmt: skip
    kind: Mapped[str] = c(String(16), "letter, objective, request")
    state: Mapped[str] = c(
        String(16), "sent, held, passed, blotted, refused", "safeguarding", default="sent"
    )
    why: Mapped[str | None] = c(
        String(16),
        "why it is held: contacts, parts (of them), unchecked or distress",
        "safeguarding",
    )
    text: Mapped[bytes] = c(Sealed, "the words", "safeguarding")
    version: Mapped[int] = c(Integer, "for compare-and-set", default=1)
    written_at: Mapped[datetime] = c(Utc, "written", "staff")
    settled_by_id: Mapped[int | None] = c(BigId, "who decided on a held one", "safeguarding")
    settled_at: Mapped[datetime | None] = c(Utc, "decided", "safeguarding")
    keep_until: Mapped[datetime] = c(Utc, "deleted from then on")


class Flag(Base, purpose="protect", basis="interest", kept="safeguarding"):
    """Something a person reported, or words of distress: for the safeguarding person alone."""

    __tablename__ = "flag"
    id: Mapped[int] = id_()
    programme_id: Mapped[str] = c(String(20), "programme", index=True)
    person_id: Mapped[int] = person_("who reported it or wrote it; the seals are theirs")
    kind: Mapped[str] = c(String(16), "flag, distress", "safeguarding")
    theme: Mapped[str | None] = c(String(16), "suicide, self-harm, ...", "safeguarding")
    about_id: Mapped[int | None] = c(BigId, "the person whose words were reported", "safeguarding")
    about_name: Mapped[bytes | None] = c(
        Sealed, "their name, once they erased themselves while it was open", "safeguarding"
    )
    quoted: Mapped[bytes] = c(Sealed, "the words reported or written", "safeguarding")
    words: Mapped[bytes | None] = c(Sealed, "what the reporter added", "safeguarding")
    state: Mapped[str] = c(String(16), "new, taken, closed", "safeguarding", default="new")
    version: Mapped[int] = c(Integer, "for compare-and-set", default=1)
    made_at: Mapped[datetime] = c(Utc, "reported or written", "safeguarding")
    handled_by_id: Mapped[int | None] = c(BigId, "who took it", "safeguarding")
    changed_at: Mapped[datetime] = c(Utc, "last change of state", "safeguarding")
