"""What was heard, what is due, what is to be said; who did what; what the instance remembers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Float,
    Index,
    Integer,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped

from storage.sealed import Sealed
from storage.tables.base import Base, BigId, c, id_
from storage.utc import Utc


class Audit(Base, purpose="account", basis="duty", kept="audit"):
    """Who did what to what: ids and verbs only, never personal text."""

    __tablename__ = "audit"
    id: Mapped[int] = id_()
    at: Mapped[datetime] = c(Utc, "when", index=True)
    actor_id: Mapped[int | None] = c(BigId, "person; none = the program itself")
    verb: Mapped[str] = c(String(40), "what was done")
    thing: Mapped[str] = c(String(20), "kind of object")
    thing_id: Mapped[int | None] = c(BigId, "which")
    detail: Mapped[dict[str, Any]] = c(JSON, "states before and after, ids", default=dict)


class Inbox(Base, purpose="speak", basis="interest", kept="inbox"):
    """What was heard, committed before the platform gets its acknowledgement."""

    __tablename__ = "inbox"
    __table_args__ = (
        UniqueConstraint("platform", "bot_account", "event_key"),
        Index("ix_inbox_open", "received_at", sqlite_where=text("state='received'"),
              postgresql_where=text("state='received'")),
        Index("ix_inbox_author", "author", "id", sqlite_where=text("state='received'"),
              postgresql_where=text("state='received'")),
    )  # fmt: skip
    id: Mapped[int] = id_()
    platform: Mapped[str] = c(String(16), "slack or telegram")
    bot_account: Mapped[str] = c(String(64), "our identity that heard it")
    event_key: Mapped[str] = c(String(128), "the platform's id of the delivery")
    message_key: Mapped[str | None] = c(String(128), "Slack channel + ts of a message", unique=True)
    received_at: Mapped[datetime] = c(Utc, "committed")
    payload: Mapped[bytes | None] = c(Sealed, "as received, sealed with the instance's key", "self")
    state: Mapped[str] = c(String(16), "received, done, rejected", default="received")
    reason: Mapped[str | None] = c(String(200), "why rejected; no personal text")
    author: Mapped[str | None] = c(
        String(80), "platform:account that acted, so that its events are worked in order"
    )
    person_id: Mapped[int | None] = c(BigId, "author, once known", index=True)
    done_at: Mapped[datetime | None] = c(Utc, "worked")
    tries: Mapped[int] = c(Integer, "attempts so far", default=0)


class Timer(Base, purpose="speak", basis="interest", kept="sent"):
    """Something due: fired exactly once, in the transaction that writes what it means."""

    __tablename__ = "timer"
    __table_args__ = (
        Index("ix_timer_due", "due_at", sqlite_where=text("state='pending'"),
              postgresql_where=text("state='pending'")),
        Index("ix_timer_subject", "kind", "subject_id"),
    )  # fmt: skip
    id: Mapped[int] = id_()
    key: Mapped[str] = c(
        String(160), "its meaning: the same thing is never planned twice", unique=True
    )
    kind: Mapped[str] = c(String(32), "see bot.followup")
    subject_id: Mapped[int] = c(BigId, "what it is about")
    due_at: Mapped[datetime] = c(Utc, "when")
    version: Mapped[int] = c(Integer, "version of the subject it was planned for", default=1)
    state: Mapped[str] = c(String(16), "pending, fired, cancelled", default="pending")
    payload: Mapped[dict[str, Any]] = c(JSON, "ids and cursors", default=dict)


class Outbox(Base, purpose="speak", basis="interest", kept="sent"):
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
    id: Mapped[int] = id_()
    dedup_key: Mapped[str] = c(String(160), "its meaning: never planned twice", unique=True)
    bot_account: Mapped[str] = c(String(64), "who says it")
    chat_id: Mapped[str] = c(String(64), "where: Slack user or channel id, Telegram chat id")
    person_id: Mapped[int | None] = c(BigId, "to whom", index=True)
    op: Mapped[str] = c(String(16), "post, edit, replace, delete, file, ...", default="post")
    priority: Mapped[int] = c(Integer, "0 answer, 5 reminder, 9 mass prompt", default=0)
    not_before: Mapped[datetime] = c(Utc, "not before")
    expires_at: Mapped[datetime | None] = c(Utc, "worthless from then on")
    state: Mapped[str] = c(
        String(16),
        "queued, sending, sent, in_doubt, failed, unreachable, expired, cancelled",
        default="queued",
    )
    reason: Mapped[str | None] = c(String(200), "why failed, in doubt or delayed; no personal text")
    attempts: Mapped[int] = c(Integer, "claims that reached for the platform", default=0)
    waits: Mapped[int] = c(Integer, "how often the platform said: too soon", default=0)
    epoch: Mapped[int | None] = c(BigId, "lease epoch of the claim")
    claimed_at: Mapped[datetime | None] = c(Utc, "claimed")
    send_deadline: Mapped[datetime | None] = c(Utc, "the claim is in doubt after that")
    floor_id: Mapped[int | None] = c(BigId, "Telegram: highest message id seen at the claim")
    message_id: Mapped[str | None] = c(String(128), "the platform's id: chat/message")
    target: Mapped[str | None] = c(
        String(2000), "what an edit or delete aims at (chat/message), or a response_url"
    )
    payload: Mapped[bytes | None] = c(
        Sealed, "bot.messages as JSON; person's key, or the instance's", "self"
    )
    policy: Mapped[str] = c(String(8), "when in doubt: resend or hold", default="resend")
    created_at: Mapped[datetime] = c(Utc, "written")
    sent_at: Mapped[datetime | None] = c(Utc, "settled as sent")


class SenderLease(Base, purpose="run", basis="none", kept="house"):
    """Who may send with a token now, fenced by a growing epoch."""

    __tablename__ = "sender_lease"
    bot_account: Mapped[str] = c(String(64), "the sending identity", primary_key=True)
    owner: Mapped[str] = c(String(64), "process that holds it")
    epoch: Mapped[int] = c(BigId, "grows at each change of hands")
    until: Mapped[float] = c(Float, "end of the lease: seconds since 1970 of the DATABASE's clock")


class Memo(Base, purpose="run", basis="none", kept="house"):
    """What the instance remembers about itself, by name: when it last lived, what staff said.

    And that an account of the settings was seated, by a keyed mark of the account.
    """

    __tablename__ = "memo"
    name: Mapped[str] = c(
        String(80), "heard:<sending identity>, clock, restored, seated:<mark>", primary_key=True
    )
    at: Mapped[datetime] = c(Utc, "the instant it is about")
    detail: Mapped[dict[str, Any]] = c(JSON, "numbers and names of ours, never personal")
