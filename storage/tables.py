"""The schema.

One mapped class per table, each column with its meaning, its unit and its class of privacy.

Times are UTC. The class of privacy (`info["privacy"]`) says who may see the column's content at
most: `internal` (the program), `public` (everybody in the programme), `partner` (the other side of
a pair or of a request), `staff`, `self` (the person alone). Columns of type `Sealed` are unreadable
without the person's key. This module holds no query.

Source: delivery protocol (inbox, outbox, timer, sender lease); requirements A-14, A-18, A-23, E-06,
E-12.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import LargeBinary

from storage.sealed import Sealed
from storage.utc import Utc

BigId = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """The metadata, with every constraint named (Alembic needs the names on SQLite)."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def _c(kind: Any, meaning: str, privacy: str = "internal", **more: Any) -> Mapped[Any]:
    """A column with its meaning and its class of privacy."""
    column: Mapped[Any] = mapped_column(kind, doc=meaning, info={"privacy": privacy}, **more)
    return column


def _id() -> Mapped[Any]:
    return _c(BigId, "our number for it", primary_key=True, autoincrement=True)


def _person(meaning: str, **more: Any) -> Mapped[Any]:
    return _c(ForeignKey("person.id", ondelete="CASCADE"), meaning, index=True, **more)


def _bytewise(length: int) -> String:
    """Text whose order is that of its bytes, whatever the database's own language."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


# --- people ---------------------------------------------------------------------------------------


class Person(Base):
    """Somebody: one row for life, whatever accounts and roles they have (M-14)."""

    __tablename__ = "person"
    id: Mapped[int] = _id()
    external_id: Mapped[str | None] = _c(
        String(64), "id in the imported directory", "staff", unique=True
    )
    email: Mapped[str | None] = _c(String(320), "address, lower case", "staff", unique=True)
    name: Mapped[str | None] = _c(
        String(200), "full name as shown; empty before consent", "partner"
    )
    promo: Mapped[int | None] = _c(Integer, "year of entry or promotion", "partner")
    school: Mapped[str | None] = _c(String(200), "school", "partner")
    lang: Mapped[str] = _c(String(8), "fr or en", default="fr")
    zone: Mapped[str | None] = _c(String(64), "IANA time zone; empty = the programme's")
    reply_on: Mapped[str | None] = _c(String(16), "platform last used; where prompts go")
    focus_id: Mapped[int | None] = _c(BigId, "conversation that asked last: free text goes there")
    relay_id: Mapped[int | None] = _c(BigId, "pair whose other side gets the next free text")
    relay_until: Mapped[datetime | None] = _c(Utc, "a letter begun is forgotten from then on")
    programme_id: Mapped[str | None] = _c(String(20), "programme last used; commands apply to it")
    created_at: Mapped[datetime] = _c(Utc, "first seen or imported")


class PersonKey(Base):
    """The wrapped key of a person's sealed values; deleting it erases them, backups included."""

    __tablename__ = "person_key"
    person_id: Mapped[int] = _c(
        ForeignKey("person.id", ondelete="CASCADE"), "whose", primary_key=True
    )
    wrapped: Mapped[bytes] = _c(LargeBinary, "AES-256 key wrapped by the instance's secret")


class Identity(Base):
    """An account of a person on a platform."""

    __tablename__ = "identity"
    __table_args__ = (UniqueConstraint("platform", "account"),)
    id: Mapped[int] = _id()
    person_id: Mapped[int] = _person("whose account")
    platform: Mapped[str] = _c(String(16), "slack or telegram")
    account: Mapped[str] = _c(String(64), "T1/U42 on Slack, numeric id on Telegram", "staff")
    bot_account: Mapped[str] = _c(
        String(64), "our sending identity that reaches it: slack:T1, telegram:123"
    )
    reachable: Mapped[bool] = _c(
        Boolean, "false once the platform says blocked or deactivated", default=True
    )
    seen_at: Mapped[datetime] = _c(Utc, "last event from it")


class LinkCode(Base):
    """A one-time code that links an account to a person; only its digest is kept."""

    __tablename__ = "link_code"
    id: Mapped[int] = _id()
    digest: Mapped[str] = _c(String(64), "SHA-256 of the code", unique=True)
    person_id: Mapped[int] = _person("whom the account will belong to")
    programme_id: Mapped[str | None] = _c(String(20), "programme the invitation is for")
    expires_at: Mapped[datetime] = _c(Utc, "not valid from then on")
    used_at: Mapped[datetime | None] = _c(Utc, "when it was used; never twice")


class Consent(Base):
    """A person's word on a purpose, with the version of the text they read."""

    __tablename__ = "consent"
    __table_args__ = (UniqueConstraint("person_id", "programme_id", "purpose"),)
    id: Mapped[int] = _id()
    person_id: Mapped[int] = _person("who")
    programme_id: Mapped[str] = _c(String(20), "for which programme")
    purpose: Mapped[str] = _c(String(32), "storage, proposed (as expert), charter, ...", "self")
    text_version: Mapped[str] = _c(String(32), "version of the text agreed to")
    given_at: Mapped[datetime] = _c(Utc, "when given", "self")
    withdrawn_at: Mapped[datetime | None] = _c(Utc, "when taken back", "self")


class Membership(Base):
    """A role of a person in a programme: mentee, mentor, staff, owner. Read again at each call."""

    __tablename__ = "membership"
    __table_args__ = (UniqueConstraint("person_id", "programme_id", "role"),)
    id: Mapped[int] = _id()
    person_id: Mapped[int] = _person("who")
    programme_id: Mapped[str] = _c(String(20), "programme", index=True)
    role: Mapped[str] = _c(String(16), "mentee, mentor, staff, owner")
    state: Mapped[str] = _c(String(16), "pending, active, paused, ended", default="active")
    since: Mapped[datetime] = _c(Utc, "when it took this state")


class Expert(Base):
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
    person_id: Mapped[int] = _c(
        ForeignKey("person.id", ondelete="CASCADE"), "who", primary_key=True
    )
    job: Mapped[str] = _c(String(300), "present job", "public", default="")
    employer: Mapped[str] = _c(String(300), "employer", "public", default="")
    structure: Mapped[str] = _c(
        String(32), "startup, pme, groupe, public, cabinet, ...", "public", default=""
    )
    sector: Mapped[str] = _c(String(200), "sector, free text", "public", default="")
    city: Mapped[str] = _c(String(200), "where they live", "public", default="")
    country: Mapped[str] = _c(String(100), "where they live", "public", default="")
    countries: Mapped[list[str]] = _c(JSON, "countries lived in", "public", default=list)
    bio: Mapped[str] = _c(
        Text, "a few words of their own; may be quoted as a reason", "public", default=""
    )
    situations: Mapped[list[str]] = _c(
        JSON, "situations they know: senior, 30 ans, ...", "public", default=list
    )
    languages: Mapped[list[str]] = _c(JSON, "languages", "public", default=list)
    helps: Mapped[list[str]] = _c(
        JSON, "one_off, referent, long_term (A-23, A-24)", "public", default=list
    )
    topics: Mapped[str] = _c(
        Text, "what they can be asked about; scope of a referent", "public", default=""
    )
    capacity: Mapped[int] = _c(Integer, "mentees accepted at most", default=1)
    outside_load: Mapped[int] = _c(Integer, "mentees held outside Cordée (imported)", default=0)
    places_taken: Mapped[int] = _c(
        Integer, "pairs held now; checked in the accepting statement", default=0
    )
    consenting: Mapped[bool] = _c(Boolean, "agrees to be proposed", default=False)
    available: Mapped[bool] = _c(Boolean, "available now; false while paused", default=True)
    paused_until: Mapped[datetime | None] = _c(Utc, "pause ends by itself then")
    paused_at: Mapped[datetime | None] = _c(
        Utc, "paused by their own word; an import does not end that"
    )
    fingerprint: Mapped[int] = _c(BigInteger, "40 bits of a hash of what matching reads", default=0)
    folded: Mapped[str] = _c(
        Text, "name, job, employer, sector, places; no accents; tells a change", "staff", default=""
    )
    method: Mapped[bool] = _c(Boolean, "has followed the Co-Orientation method", default=False)
    updated_at: Mapped[datetime] = _c(Utc, "last change of this row")


class DirectoryWord(Base):
    """A word an expert is found by; the rows of a word lie in the order of people's names."""

    __tablename__ = "directory_word"
    __table_args__ = (
        Index("ix_directory_word_person", "person_id", "word", "fields"),
        {"sqlite_with_rowid": False},
    )
    word: Mapped[str] = _c(_bytewise(32), "the word, folded; empty: everybody", "staff",
                           primary_key=True)  # fmt: skip
    name: Mapped[str] = _c(_bytewise(40), "beginning of the folded name", "staff",
                           primary_key=True)  # fmt: skip
    person_id: Mapped[int] = _c(
        ForeignKey("person.id", ondelete="CASCADE"), "whose", primary_key=True
    )
    fields: Mapped[int] = _c(SmallInteger, "bits of storage.words: where it stands")


class ExpertVector(Base):
    """What an expert's public words mean, as an encoder has it; made in the background."""

    __tablename__ = "expert_vector"
    person_id: Mapped[int] = _c(
        ForeignKey("person.id", ondelete="CASCADE"), "whose words", primary_key=True
    )
    model: Mapped[str] = _c(String(64), "the encoder and its version")
    fingerprint: Mapped[int] = _c(BigInteger, "the expert's, when this was made")
    rows: Mapped[int] = _c(Integer, "vectors: the whole, then the first clauses of the bio")
    entries: Mapped[bytes] = _c(LargeBinary, "int8, row by row")
    scale: Mapped[float] = _c(Float, "what an entry is to be multiplied with")


# --- dialogues ------------------------------------------------------------------------------------


class Conversation(Base):
    """A dialogue with one person: its questionnaire and the answers.

    Where it stands is derived from these.
    """

    __tablename__ = "conversation"
    id: Mapped[int] = _id()
    person_id: Mapped[int] = _person("with whom")
    programme_id: Mapped[str] = _c(String(20), "programme")
    kind: Mapped[str] = _c(
        String(32), "profile, intake, expert, checkin:<rhythm>, closing, report:<id>, objective"
    )
    about_id: Mapped[int | None] = _c(BigId, "the pair, report or check-in it is about", index=True)
    state: Mapped[bytes] = _c(Sealed, "the engine's State as JSON", "self")
    status: Mapped[str] = _c(String(16), "open, done, cancelled", default="open")
    digest: Mapped[str] = _c(String(64), "digest of the programme file it was last shown with")
    snapshot: Mapped[bytes | None] = _c(
        Sealed, "question text, label and value of each answer at completion", "self"
    )
    opened_at: Mapped[datetime] = _c(Utc, "opened")
    updated_at: Mapped[datetime] = _c(Utc, "last turn")
    closes_at: Mapped[datetime | None] = _c(Utc, "answers are taken until then")


class Stray(Base):
    """Words that fitted no question, kept so that the person can hand them to the team."""

    __tablename__ = "stray"
    id: Mapped[int] = _id()
    person_id: Mapped[int] = _person("who wrote them")
    programme_id: Mapped[str | None] = _c(String(20), "programme they were in")
    text: Mapped[bytes] = _c(Sealed, "the words", "staff")
    said_at: Mapped[datetime] = _c(Utc, "written")
    passed_at: Mapped[datetime | None] = _c(Utc, "handed to the team")


# --- requests, proposals, pairs -------------------------------------------------------------------


class Request(Base):
    """A mentee's request for help: always in a state, with an age and a deadline (A-15)."""

    __tablename__ = "request"
    id: Mapped[int] = _id()
    programme_id: Mapped[str] = _c(String(20), "programme", index=True)
    person_id: Mapped[int] = _person("who asks")
    conversation_id: Mapped[int] = _c(BigId, "the intake it came from")
    kind: Mapped[str] = _c(String(16), "one_off or long_term (A-24)", default="long_term")
    state: Mapped[str] = _c(String(16), "see bot.lifecycle.REQUEST", default="open")
    version: Mapped[int] = _c(Integer, "for compare-and-set", default=1)
    owner_id: Mapped[int | None] = _c(BigId, "staff member in charge", "staff")
    shared: Mapped[bytes | None] = _c(
        Sealed, "what the mentee chose to show to the expert", "partner"
    )
    features: Mapped[bytes | None] = _c(Sealed, "what matching reads of the answers", "self")
    created_at: Mapped[datetime] = _c(Utc, "made")
    changed_at: Mapped[datetime] = _c(Utc, "last change of state")
    due_at: Mapped[datetime | None] = _c(Utc, "when somebody has to have done something", "staff")


class Proposal(Base):
    """An expert proposed for a request, in rank order, with the reasons shown."""

    __tablename__ = "proposal"
    __table_args__ = (UniqueConstraint("request_id", "expert_id"),)
    id: Mapped[int] = _id()
    request_id: Mapped[int] = _c(
        ForeignKey("request.id", ondelete="CASCADE"), "for which request", index=True
    )
    expert_id: Mapped[int] = _person("the expert's person")
    rank: Mapped[int] = _c(Integer, "1 = shown first")
    reasons: Mapped[list[str]] = _c(
        JSON, "the sentences shown, in the mentee's language", "partner", default=list
    )
    state: Mapped[str] = _c(String(16), "see bot.lifecycle.PROPOSAL", default="shown")
    version: Mapped[int] = _c(Integer, "for compare-and-set", default=1)
    by_staff: Mapped[bool] = _c(Boolean, "proposed by hand", default=False)
    shown_at: Mapped[datetime] = _c(Utc, "shown to the mentee")
    asked_at: Mapped[datetime | None] = _c(Utc, "sent to the expert")
    due_at: Mapped[datetime | None] = _c(Utc, "the expert's deadline")


class Pair(Base):
    """A mentor and a mentee who meet."""

    __tablename__ = "pair"
    id: Mapped[int] = _id()
    programme_id: Mapped[str] = _c(String(20), "programme", index=True)
    request_id: Mapped[int | None] = _c(BigId, "the request it answers", index=True)
    mentee_id: Mapped[int] = _person("mentee")
    mentor_id: Mapped[int] = _person("mentor")
    kind: Mapped[str] = _c(String(16), "one_off or long_term", default="long_term")
    state: Mapped[str] = _c(String(16), "see bot.lifecycle.PAIR", default="active")
    version: Mapped[int] = _c(Integer, "for compare-and-set", default=1)
    supervisor_id: Mapped[int | None] = _c(BigId, "staff member who follows it (A-14)", "staff")
    mentee_shows: Mapped[str | None] = _c(
        String(320), "contact details the mentee agreed to show", "partner"
    )
    mentor_shows: Mapped[str | None] = _c(
        String(320), "contact details the mentor agreed to show", "partner"
    )
    started_at: Mapped[datetime] = _c(Utc, "accepted")
    ends_at: Mapped[datetime | None] = _c(Utc, "planned end; none for a one-off talk")
    ended_at: Mapped[datetime | None] = _c(Utc, "real end")
    missed_in_a_row: Mapped[int] = _c(
        Integer, "check-in rounds without a meeting, one after the other", default=0
    )


class Objective(Base):
    """The pair's objective, proposed by one and approved by the other.

    Older ones stay as history (A-18).
    """

    __tablename__ = "objective"
    id: Mapped[int] = _id()
    pair_id: Mapped[int] = _c(ForeignKey("pair.id", ondelete="CASCADE"), "pair", index=True)
    author_id: Mapped[int] = _person("who proposed it; the seal is theirs")
    text: Mapped[bytes] = _c(Sealed, "the objective in their words", "partner")
    state: Mapped[str] = _c(
        String(16), "proposed, approved, declined, replaced", default="proposed"
    )
    version: Mapped[int] = _c(Integer, "for compare-and-set", default=1)
    proposed_at: Mapped[datetime] = _c(Utc, "proposed")
    settled_at: Mapped[datetime | None] = _c(Utc, "approved, declined or replaced")


class Series(Base):
    """The check-in rhythm of a pair for one side: only the next occurrence is a timer."""

    __tablename__ = "series"
    __table_args__ = (UniqueConstraint("pair_id", "person_id", "rhythm"),)
    id: Mapped[int] = _id()
    pair_id: Mapped[int] = _c(ForeignKey("pair.id", ondelete="CASCADE"), "pair", index=True)
    person_id: Mapped[int] = _person("side that is asked")
    rhythm: Mapped[str] = _c(String(20), "id of the rhythm in the programme file")
    rrule: Mapped[str] = _c(String(200), "RFC 5545 rule on local time")
    dtstart_local: Mapped[str] = _c(String(19), "first occurrence, local wall time, ISO")
    zone: Mapped[str] = _c(String(64), "IANA zone of that wall time")
    version: Mapped[int] = _c(
        Integer, "grows at each change; a timer of another version is stale", default=1
    )
    paused_until: Mapped[datetime | None] = _c(Utc, "no prompt before then")


class SeriesException(Base):
    """One occurrence that is left out or moved."""

    __tablename__ = "series_exception"
    __table_args__ = (UniqueConstraint("series_id", "occurrence"),)
    id: Mapped[int] = _id()
    series_id: Mapped[int] = _c(ForeignKey("series.id", ondelete="CASCADE"), "series", index=True)
    occurrence: Mapped[datetime] = _c(Utc, "the occurrence as the rule gives it")
    moved_to: Mapped[datetime | None] = _c(Utc, "the new time; none = left out")


class Checkin(Base):
    """One side's answer at one occurrence of the rhythm."""

    __tablename__ = "checkin"
    __table_args__ = (UniqueConstraint("series_id", "occurrence"),)
    id: Mapped[int] = _id()
    series_id: Mapped[int] = _c(ForeignKey("series.id", ondelete="CASCADE"), "rhythm it belongs to")
    pair_id: Mapped[int] = _c(ForeignKey("pair.id", ondelete="CASCADE"), "pair", index=True)
    person_id: Mapped[int] = _person("who was asked")
    occurrence: Mapped[datetime] = _c(Utc, "the occurrence asked about")
    conversation_id: Mapped[int | None] = _c(BigId, "the dialogue with the answers")
    state: Mapped[str] = _c(String(16), "asked, answered, skipped", default="asked")
    met: Mapped[str | None] = _c(String(16), "yes, no, not_yet", "staff")
    answered_at: Mapped[datetime | None] = _c(Utc, "answered")


class Meeting(Base):
    """A date a pair agreed on; what the invitation (.ics) is made from."""

    __tablename__ = "meeting"
    id: Mapped[int] = _id()
    pair_id: Mapped[int] = _c(ForeignKey("pair.id", ondelete="CASCADE"), "pair", index=True)
    set_by_id: Mapped[int] = _person("who gave the date")
    starts_at: Mapped[datetime] = _c(
        Utc, "start; of a whole day: midnight UTC of its date, in no zone", "partner"
    )
    minutes: Mapped[int] = _c(Integer, "length in minutes; 0 = a whole day", default=60)
    state: Mapped[str] = _c(String(16), "planned, moved, cancelled, held", default="planned")
    sequence: Mapped[int] = _c(Integer, "SEQUENCE of the invitation", default=0)


# --- campaigns ------------------------------------------------------------------------------------


class Campaign(Base):
    """A yearly campaign of a programme (X-01): opened, matched, published, closed."""

    __tablename__ = "campaign"
    __table_args__ = (UniqueConstraint("programme_id", "name"),)
    id: Mapped[int] = _id()
    programme_id: Mapped[str] = _c(String(20), "programme")
    name: Mapped[str] = _c(String(40), "what staff call it: 2026")
    year: Mapped[int] = _c(Integer, "year of it: 2026")
    promos: Mapped[list[int]] = _c(JSON, "years of entry of those who may apply", default=list)
    state: Mapped[str] = _c(String(16), "see bot.lifecycle.CAMPAIGN", default="open")
    version: Mapped[int] = _c(Integer, "for compare-and-set", default=1)
    seed: Mapped[int] = _c(BigInteger, "settles ties, the same way each time")
    digest: Mapped[str | None] = _c(String(64), "programme file that the draft was made with")
    objective: Mapped[int | None] = _c(Integer, "of the last draft, in points", "staff")
    bound: Mapped[int | None] = _c(Integer, "no other draft has more points", "staff")
    floor: Mapped[int | None] = _c(Integer, "no pair of the draft has less", "staff")
    volunteers: Mapped[int | None] = _c(Integer, "how many had applied, at its end (X-17)", "staff")
    pairs: Mapped[int | None] = _c(Integer, "how many pairs it made, at its end (X-17)", "staff")
    opened_at: Mapped[datetime] = _c(Utc, "opened")
    drafted_at: Mapped[datetime | None] = _c(Utc, "last draft made")
    published_at: Mapped[datetime | None] = _c(Utc, "last published")
    closed_at: Mapped[datetime | None] = _c(Utc, "closed")


class CampaignEntry(Base):
    """Somebody who takes part in a campaign: a mentee who applied, a mentor with places."""

    __tablename__ = "campaign_entry"
    __table_args__ = (UniqueConstraint("campaign_id", "person_id", "role"),)
    id: Mapped[int] = _id()
    campaign_id: Mapped[int] = _c(ForeignKey("campaign.id", ondelete="CASCADE"), "campaign")
    person_id: Mapped[int] = _person("who")
    role: Mapped[str] = _c(String(16), "mentee or mentor")
    request_id: Mapped[int | None] = _c(BigId, "mentee: the application; the wish is its features")
    places: Mapped[int] = _c(Integer, "mentor: free places at the last draft", default=0)
    why: Mapped[str | None] = _c(String(16), "mentee left without: nobody, places", "staff")
    gain_pairs: Mapped[int] = _c(Integer, "mentor: pairs one more place would bring", "staff",
                                 default=0)  # fmt: skip
    gain_points: Mapped[int] = _c(Integer, "mentor: points one more place would bring", "staff",
                                  default=0)  # fmt: skip
    entered_at: Mapped[datetime] = _c(Utc, "applied, or first counted in")


class CampaignPair(Base):
    """A mentee and a mentor whom a campaign put together: drafted, then proposed, then answered."""

    __tablename__ = "campaign_pair"
    __table_args__ = (UniqueConstraint("campaign_id", "mentee_id", "mentor_id"),)
    id: Mapped[int] = _id()
    campaign_id: Mapped[int] = _c(ForeignKey("campaign.id", ondelete="CASCADE"), "campaign")
    mentee_id: Mapped[int] = _person("mentee")
    mentor_id: Mapped[int] = _person("mentor")
    score: Mapped[int] = _c(Integer, "0 to 1000; never shown to either side", "staff")
    reasons: Mapped[list[str]] = _c(
        JSON, "the sentences, in the mentee's language", "partner", default=list
    )
    state: Mapped[str] = _c(String(16), "see bot.lifecycle.CAMPAIGN_PAIR", default="draft")
    pinned: Mapped[bool] = _c(Boolean, "chosen by staff: drafts keep it", default=False)
    drafted: Mapped[bool] = _c(Boolean, "in the last draft", default=True)


class Forbidden(Base):
    """Two people whom no campaign puts together again: one declined, or staff said so."""

    __tablename__ = "forbidden"
    __table_args__ = (UniqueConstraint("programme_id", "mentee_id", "mentor_id"),)
    id: Mapped[int] = _id()
    programme_id: Mapped[str] = _c(String(20), "programme")
    mentee_id: Mapped[int] = _person("mentee")
    mentor_id: Mapped[int] = _person("mentor")
    why: Mapped[str] = _c(String(16), "declined or staff", "staff")
    since: Mapped[datetime] = _c(Utc, "from then on")


# --- reports --------------------------------------------------------------------------------------


class Report(Base):
    """One quarter's report of one person (E-06)."""

    __tablename__ = "report"
    __table_args__ = (UniqueConstraint("person_id", "programme_id", "report", "quarter"),)
    id: Mapped[int] = _id()
    programme_id: Mapped[str] = _c(String(20), "programme", index=True)
    person_id: Mapped[int] = _person("whose")
    report: Mapped[str] = _c(String(20), "id of the report in the programme file")
    quarter: Mapped[str] = _c(String(8), "2026T4")
    conversation_id: Mapped[int | None] = _c(BigId, "the dialogue")
    state: Mapped[str] = _c(String(16), "open, sent, missed", "staff", default="open")
    opened_at: Mapped[datetime] = _c(Utc, "prompt planned")
    closes_at: Mapped[datetime] = _c(Utc, "answers may be changed until then")
    sent_at: Mapped[datetime | None] = _c(Utc, "first sent", "staff")
    answers: Mapped[bytes | None] = _c(
        Sealed, "snapshot: question, label, value of each answer", "staff"
    )


class Wish(Base):
    """The internship, work-study or job a person looks for, as fields (E-12)."""

    __tablename__ = "wish"
    __table_args__ = (UniqueConstraint("person_id", "programme_id"),)
    id: Mapped[int] = _id()
    person_id: Mapped[int] = _person("whose")
    programme_id: Mapped[str] = _c(String(20), "programme", index=True)
    kind: Mapped[str] = _c(String(20), "internship, work_study, job", "staff")
    field: Mapped[str] = _c(String(200), "kind of work", "staff", default="")
    place: Mapped[str] = _c(String(200), "where", "staff", default="")
    start_on: Mapped[date | None] = _c(Date, "from", "staff")
    months: Mapped[int | None] = _c(Integer, "length in months", "staff")
    updated_at: Mapped[datetime] = _c(Utc, "last change")


# --- what was done --------------------------------------------------------------------------------


class Audit(Base):
    """Who did what to what: ids and verbs only, never personal text."""

    __tablename__ = "audit"
    id: Mapped[int] = _id()
    at: Mapped[datetime] = _c(Utc, "when", index=True)
    actor_id: Mapped[int | None] = _c(BigId, "person; none = the program itself")
    verb: Mapped[str] = _c(String(40), "what was done")
    thing: Mapped[str] = _c(String(20), "kind of object")
    thing_id: Mapped[int | None] = _c(BigId, "which")
    detail: Mapped[dict[str, Any]] = _c(JSON, "states before and after, ids", default=dict)


# --- delivery -------------------------------------------------------------------------------------


class Inbox(Base):
    """What was heard, committed before the platform gets its acknowledgement."""

    __tablename__ = "inbox"
    __table_args__ = (
        UniqueConstraint("platform", "bot_account", "event_key"),
        Index("ix_inbox_open", "received_at", sqlite_where=text("state='received'"),
              postgresql_where=text("state='received'")),
        Index("ix_inbox_author", "author", "id", sqlite_where=text("state='received'"),
              postgresql_where=text("state='received'")),
    )  # fmt: skip
    id: Mapped[int] = _id()
    platform: Mapped[str] = _c(String(16), "slack or telegram")
    bot_account: Mapped[str] = _c(String(64), "our identity that heard it")
    event_key: Mapped[str] = _c(String(128), "the platform's id of the delivery")
    message_key: Mapped[str | None] = _c(
        String(128), "Slack channel + ts of a message", unique=True
    )
    received_at: Mapped[datetime] = _c(Utc, "committed")
    payload: Mapped[bytes | None] = _c(
        Sealed, "as received, sealed with the instance's key", "self"
    )
    state: Mapped[str] = _c(String(16), "received, done, rejected", default="received")
    reason: Mapped[str | None] = _c(String(200), "why rejected; no personal text")
    author: Mapped[str | None] = _c(
        String(80), "platform:account that acted, so that its events are worked in order"
    )
    person_id: Mapped[int | None] = _c(BigId, "author, once known", index=True)
    done_at: Mapped[datetime | None] = _c(Utc, "worked")
    tries: Mapped[int] = _c(Integer, "attempts so far", default=0)


class Timer(Base):
    """Something due: fired exactly once, in the transaction that writes what it means."""

    __tablename__ = "timer"
    __table_args__ = (
        Index("ix_timer_due", "due_at", sqlite_where=text("state='pending'"),
              postgresql_where=text("state='pending'")),
        Index("ix_timer_subject", "kind", "subject_id"),
    )  # fmt: skip
    id: Mapped[int] = _id()
    key: Mapped[str] = _c(
        String(160), "its meaning: the same thing is never planned twice", unique=True
    )
    kind: Mapped[str] = _c(String(32), "see bot.followup")
    subject_id: Mapped[int] = _c(BigId, "what it is about")
    due_at: Mapped[datetime] = _c(Utc, "when")
    version: Mapped[int] = _c(Integer, "version of the subject it was planned for", default=1)
    state: Mapped[str] = _c(String(16), "pending, fired, cancelled", default="pending")
    payload: Mapped[dict[str, Any]] = _c(JSON, "ids and cursors", default=dict)


class Outbox(Base):
    """What is to be said, written in the transaction of its cause, and what became of it."""

    __tablename__ = "outbox"
    __table_args__ = (
        # what is next for a token, by priority; when to look again; what else waits in a chat
        Index("ix_outbox_queued", "bot_account", "priority", "id", "not_before",
              sqlite_where=text("state='queued'"), postgresql_where=text("state='queued'")),
        Index("ix_outbox_due", "bot_account", "not_before",
              sqlite_where=text("state='queued'"), postgresql_where=text("state='queued'")),
        Index("ix_outbox_chat", "bot_account", "chat_id", "id",
              sqlite_where=text("state='queued'"), postgresql_where=text("state='queued'")),
        Index("ix_outbox_sending", "bot_account", "chat_id",
              sqlite_where=text("state='sending'"), postgresql_where=text("state='sending'")),
        Index("ix_outbox_twice", "bot_account", "chat_id",
              sqlite_where=text("reason='perhaps twice'"),
              postgresql_where=text("reason='perhaps twice'")),
        Index("ix_outbox_parked", "id",
              sqlite_where=text("state IN ('in_doubt', 'failed', 'unreachable')"),
              postgresql_where=text("state IN ('in_doubt', 'failed', 'unreachable')")),
        {"postgresql_with": {"fillfactor": 80}},  # each row changes twice: leave room beside it
    )  # fmt: skip
    id: Mapped[int] = _id()
    dedup_key: Mapped[str] = _c(String(160), "its meaning: never planned twice", unique=True)
    bot_account: Mapped[str] = _c(String(64), "who says it")
    chat_id: Mapped[str] = _c(String(64), "where: Slack user or channel id, Telegram chat id")
    person_id: Mapped[int | None] = _c(BigId, "to whom", index=True)
    op: Mapped[str] = _c(String(16), "post, edit, replace, delete, file, ...", default="post")
    priority: Mapped[int] = _c(Integer, "0 answer, 5 reminder, 9 mass prompt", default=0)
    not_before: Mapped[datetime] = _c(Utc, "not before")
    expires_at: Mapped[datetime | None] = _c(Utc, "worthless from then on")
    state: Mapped[str] = _c(
        String(16),
        "queued, sending, sent, in_doubt, failed, unreachable, expired, cancelled",
        default="queued",
    )
    reason: Mapped[str | None] = _c(
        String(200), "why failed, in doubt or delayed; no personal text"
    )
    attempts: Mapped[int] = _c(Integer, "claims that reached for the platform", default=0)
    waits: Mapped[int] = _c(Integer, "how often the platform said: too soon", default=0)
    epoch: Mapped[int | None] = _c(BigId, "lease epoch of the claim")
    claimed_at: Mapped[datetime | None] = _c(Utc, "claimed")
    send_deadline: Mapped[datetime | None] = _c(Utc, "the claim is in doubt after that")
    floor_id: Mapped[int | None] = _c(BigId, "Telegram: highest message id seen at the claim")
    message_id: Mapped[str | None] = _c(String(128), "the platform's id: chat/message")
    target: Mapped[str | None] = _c(
        String(2000), "what an edit or delete aims at (chat/message), or a response_url"
    )
    payload: Mapped[bytes | None] = _c(
        Sealed, "bot.messages as JSON; person's key, or the instance's", "self"
    )
    policy: Mapped[str] = _c(String(8), "when in doubt: resend or hold", default="resend")
    created_at: Mapped[datetime] = _c(Utc, "written")
    sent_at: Mapped[datetime | None] = _c(Utc, "settled as sent")


class SenderLease(Base):
    """Who may send with a token now, fenced by a growing epoch."""

    __tablename__ = "sender_lease"
    bot_account: Mapped[str] = _c(String(64), "the sending identity", primary_key=True)
    owner: Mapped[str] = _c(String(64), "process that holds it")
    epoch: Mapped[int] = _c(BigId, "grows at each change of hands")
    until: Mapped[float] = _c(Float, "end of the lease: seconds since 1970 of the DATABASE's clock")


class Memo(Base):
    """What the instance remembers about itself, by name: when it last lived, what staff said."""

    __tablename__ = "memo"
    name: Mapped[str] = _c(
        String(80), "alive:<sending identity>, clock, restored", primary_key=True
    )
    at: Mapped[datetime] = _c(Utc, "the instant it is about")
    detail: Mapped[dict[str, Any]] = _c(JSON, "numbers and names of ours, never personal")


# Keys of timers and messages, tokens of buttons and seals are made of our numbers. SQLite would
# give the number of a deleted last row to the next one, which would then find its keys taken.
for _table in Base.metadata.tables.values():
    if "id" in _table.c:
        _table.dialect_options["sqlite"]["autoincrement"] = True
