"""Who somebody is: accounts, codes, consents, roles, and what the directory knows."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped
from sqlalchemy.types import LargeBinary

from storage.tables.base import Base, BigId, bytewise, c, id_, person_
from storage.utc import Utc


class Person(Base, purpose="identify", basis="interest", kept="person"):
    """Somebody: one row for life, whatever accounts and roles they have (M-14)."""

    __tablename__ = "person"
    id: Mapped[int] = id_()
    external_id: Mapped[str | None] = c(
        String(64), "id in the imported directory", "staff", unique=True
    )
    email: Mapped[str | None] = c(String(320), "address, lower case", "staff", unique=True)
    name: Mapped[str | None] = c(String(200), "full name as shown; empty before consent", "partner")
    promo: Mapped[int | None] = c(Integer, "year of entry or promotion", "partner")
    school: Mapped[str | None] = c(String(200), "school", "partner")
    born_on: Mapped[date | None] = c(Date, "date of birth, recorded by staff for minors", "staff")
    lang: Mapped[str] = c(String(8), "fr or en", default="fr")
    zone: Mapped[str | None] = c(String(64), "IANA time zone; empty = the programme's")
    reply_on: Mapped[str | None] = c(String(16), "platform last used; where prompts go")
    focus_id: Mapped[int | None] = c(BigId, "conversation that asked last: free text goes there")
    relay_id: Mapped[int | None] = c(BigId, "pair whose other side gets the next free text")
    words_for: Mapped[str | None] = c(
        String(40), "what the next free text is for, when it is no letter: bot.awaited"
    )
    relay_until: Mapped[datetime | None] = c(
        Utc, "a letter or note begun is forgotten from then on"
    )
    programme_id: Mapped[str | None] = c(String(20), "programme last used; commands apply to it")
    paused_at: Mapped[datetime | None] = c(Utc, "asked not to be written to until they say so")
    created_at: Mapped[datetime] = c(Utc, "first seen or imported")


class PersonKey(Base, purpose="identify", basis="interest", kept="person"):
    """The wrapped key of a person's sealed values; deleting it erases them."""

    __tablename__ = "person_key"
    person_id: Mapped[int] = c(
        ForeignKey("person.id", ondelete="CASCADE"), "whose", primary_key=True
    )
    wrapped: Mapped[bytes] = c(LargeBinary, "AES-256 key wrapped by the instance's secret")


class Identity(Base, purpose="identify", basis="interest", kept="person"):
    """An account of a person on a platform."""

    __tablename__ = "identity"
    __table_args__ = (UniqueConstraint("platform", "account"),)
    id: Mapped[int] = id_()
    person_id: Mapped[int] = person_("whose account")
    platform: Mapped[str] = c(String(16), "slack or telegram")
    account: Mapped[str] = c(String(64), "T1/U42 on Slack, numeric id on Telegram", "staff")
    bot_account: Mapped[str] = c(
        String(64), "our sending identity that reaches it: slack:T1, telegram:123"
    )
    reachable: Mapped[bool] = c(
        Boolean, "false once the platform says blocked or deactivated", default=True
    )
    seen_at: Mapped[datetime] = c(Utc, "last event from it")


class LinkCode(Base, purpose="identify", basis="interest", kept="drafts"):
    """A one-time code that links an account to a person; only its digest is kept."""

    __tablename__ = "link_code"
    id: Mapped[int] = id_()
    digest: Mapped[str] = c(String(64), "SHA-256 of the code", unique=True)
    person_id: Mapped[int] = person_("whom the account will belong to")
    programme_id: Mapped[str | None] = c(String(20), "programme the invitation is for")
    expires_at: Mapped[datetime] = c(Utc, "not valid from then on")
    used_at: Mapped[datetime | None] = c(Utc, "when it was used; never twice")


class Consent(Base, purpose="account", basis="duty", kept="person"):
    """A person's word on a purpose and a text; a new text adds a row, and the old one stays."""

    __tablename__ = "consent"
    __table_args__ = (
        Index("ix_consent_standing", "person_id", "programme_id", "purpose", "text_version",
              "text_digest", unique=True, sqlite_where=text("withdrawn_at IS NULL"),
              postgresql_where=text("withdrawn_at IS NULL")),
    )  # fmt: skip
    id: Mapped[int] = id_()
    person_id: Mapped[int] = person_("who")
    programme_id: Mapped[str] = c(String(20), "for which programme")
    purpose: Mapped[str] = c(String(32), "storage, proposed (as expert), charter, ...", "self")
    text_version: Mapped[str] = c(String(32), "version of the text agreed to")
    text_digest: Mapped[str] = c(
        String(64), "of the text itself; empty: any text of that version", server_default=""
    )
    given_at: Mapped[datetime] = c(Utc, "when given", "self")
    withdrawn_at: Mapped[datetime | None] = c(Utc, "when taken back", "self")


class Membership(Base, purpose="identify", basis="interest", kept="person"):
    """A role of a person in a programme, read again at each call."""

    __tablename__ = "membership"
    __table_args__ = (UniqueConstraint("person_id", "programme_id", "role"),)
    id: Mapped[int] = id_()
    person_id: Mapped[int] = person_("who")
    programme_id: Mapped[str] = c(String(20), "programme", index=True)
    role: Mapped[str] = c(String(16), "mentee, mentor, staff, owner, supervisor, …")
    state: Mapped[str] = c(String(16), "pending, active, paused, ended", default="active")
    since: Mapped[datetime] = c(Utc, "when it took this state")
    next_pair_at: Mapped[datetime | None] = c(
        Utc, "a mentee without a pair: when another mentor was promised; none once there is one"
    )


class Expert(Base, purpose="introduce", basis="interest", kept="person"):
    """What the directory knows of somebody who may be proposed, and whether they may be now."""

    __tablename__ = "expert"
    __table_args__ = (
        Index("ix_expert_fingerprint", "consenting", "fingerprint"),
        Index(  # covers "who is free now": the rows, with their long texts, are not read
            "ix_expert_free",
            "consenting",
            "available",
            "paused_until",
            "capacity",
            "outside_load",
            "places_taken",
        ),
    )
    person_id: Mapped[int] = c(ForeignKey("person.id", ondelete="CASCADE"), "who", primary_key=True)
    job: Mapped[str] = c(String(300), "present job", "public", default="")
    employer: Mapped[str] = c(String(300), "employer", "public", default="")
    structure: Mapped[str] = c(
        String(32), "startup, pme, groupe, public, cabinet, ...", "public", default=""
    )
    sector: Mapped[str] = c(String(200), "sector, free text", "public", default="")
    city: Mapped[str] = c(String(200), "where they live", "public", default="")
    country: Mapped[str] = c(String(100), "where they live", "public", default="")
    countries: Mapped[list[str]] = c(JSON, "countries lived in", "public", default=list)
    bio: Mapped[str] = c(
        Text, "a few words of their own; may be quoted as a reason", "public", default=""
    )
    situations: Mapped[list[str]] = c(
        JSON, "situations they know: senior, 30 ans, ...", "public", default=list
    )
    languages: Mapped[list[str]] = c(JSON, "languages", "public", default=list)
    helps: Mapped[list[str]] = c(
        JSON, "one_off, referent, long_term (A-23, A-24)", "public", default=list
    )
    topics: Mapped[str] = c(
        Text, "what they can be asked about; scope of a referent", "public", default=""
    )
    capacity: Mapped[int] = c(Integer, "mentees accepted at most", default=1)
    outside_load: Mapped[int] = c(Integer, "mentees held outside Cordée (imported)", default=0)
    places_taken: Mapped[int] = c(
        Integer, "pairs held now; checked in the accepting statement", default=0
    )
    consenting: Mapped[bool] = c(Boolean, "agrees to be proposed", default=False)
    available: Mapped[bool] = c(Boolean, "available now; false while paused", default=True)
    paused_until: Mapped[datetime | None] = c(Utc, "pause ends by itself then")
    paused_at: Mapped[datetime | None] = c(
        Utc, "paused by their own word; an import does not end that"
    )
    fingerprint: Mapped[int] = c(BigInteger, "40 bits of a hash of what matching reads", default=0)
    folded: Mapped[str] = c(
        Text, "name, job, employer, sector, places; no accents; tells a change", "staff", default=""
    )
    method: Mapped[bool] = c(Boolean, "has followed the Co-Orientation method", default=False)
    updated_at: Mapped[datetime] = c(Utc, "last change of this row")


class DirectoryWord(Base, purpose="introduce", basis="interest", kept="person"):
    """A word an expert is found by; the rows of a word lie in the order of people's names."""

    __tablename__ = "directory_word"
    __table_args__ = (
        Index("ix_directory_word_person", "person_id", "word", "fields"),
        {"sqlite_with_rowid": False},
    )
    word: Mapped[str] = c(bytewise(32), "the word, folded; empty: everybody", "staff",
                           primary_key=True)  # fmt: skip
    name: Mapped[str] = c(bytewise(40), "beginning of the folded name", "staff",
                           primary_key=True)  # fmt: skip
    person_id: Mapped[int] = c(
        ForeignKey("person.id", ondelete="CASCADE"), "whose", primary_key=True
    )
    fields: Mapped[int] = c(SmallInteger, "bits of storage.words: where it stands")


class ExpertVector(Base, purpose="introduce", basis="interest", kept="person"):
    """What an expert's public words mean, as an encoder has it; made in the background."""

    __tablename__ = "expert_vector"
    person_id: Mapped[int] = c(
        ForeignKey("person.id", ondelete="CASCADE"), "whose words", primary_key=True
    )
    model: Mapped[str] = c(String(64), "the encoder and its version")
    fingerprint: Mapped[int] = c(BigInteger, "the expert's, when this was made")
    rows: Mapped[int] = c(Integer, "vectors: the whole, then the first clauses of the bio")
    entries: Mapped[bytes] = c(LargeBinary, "int8, row by row")
    scale: Mapped[float] = c(Float, "what an entry is to be multiplied with")
