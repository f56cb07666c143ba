"""What was heard: kept before the platform is told so, worked once, forgotten in time.

The store knows rows, keys and states; it cannot read a payload (that is a platform adapter's) and
does not know what an event means (that is the bot's).

Source: delivery protocol, "Inbound".
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, func, literal_column, select, update

from storage.statements import Statements
from storage.tables import Inbox
from storage.upsert import changed, insert_new, table_of
from storage.vault import Vault

_INBOX = table_of(Inbox)
# Written out rather than bound: only so do the planners know that the partial index on open rows
# applies.
_RECEIVED = _INBOX.c.state == literal_column("'received'")
# An earlier event of the same account that nobody has tried to answer yet.
_BEFORE = _INBOX.alias("before")
_EARLIER = (
    select(func.min(_BEFORE.c.id))
    .where(
        _BEFORE.c.author == _INBOX.c.author,
        _BEFORE.c.state == literal_column("'received'"),
        _BEFORE.c.tries == 0,
        _BEFORE.c.id < _INBOX.c.id,
    )
    .scalar_subquery()
)
_OPEN = (
    select(
        _INBOX.c.platform,
        _INBOX.c.bot_account,
        _INBOX.c.event_key,
        _INBOX.c.received_at,
        _INBOX.c.payload,
        _INBOX.c.tries,
        _EARLIER.label("earlier"),
    )
    .where(_INBOX.c.id == bindparam("row_id"), _RECEIVED)
    .with_for_update()
)
_DONE = (
    update(_INBOX)
    .where(_INBOX.c.id == bindparam("row_id"), _RECEIVED)
    .values(
        state="done",
        done_at=bindparam("at"),
        person_id=bindparam("person"),
        payload=bindparam("body"),
        author=None,  # it was for the order of what waits
    )
)


@dataclass(frozen=True, slots=True)
class Received:
    """A row that still has to be worked.

    Attributes:
        id: Number of the row; keys of the answers are made from it (`reply:<id>:<n>`).
        platform: `slack` or `telegram`.
        bot_account: Our identity that heard it.
        event_key: The platform's id of the delivery.
        received_at: When it was committed (UTC).
        payload: As the platform sent it.
        tries: How often working it has failed, or was cut short.
        earlier: An earlier row of the same author that is still to be worked, if there is one.
    """

    id: int
    platform: str
    bot_account: str
    event_key: str
    received_at: datetime
    payload: bytes
    tries: int
    earlier: int | None = None


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A row that could not be worked however often. Without its content."""

    id: int
    received_at: datetime
    author: str | None
    person_id: int | None


class InboxStore:
    """The statements of the inbox."""

    def __init__(self, statements: Statements, vault: Vault) -> None:
        self._session = statements
        self._vault = vault

    def receive(
        self,
        *,
        platform: str,
        bot_account: str,
        event_key: str,
        message_key: str | None,
        payload: bytes,
        now: datetime,
        author: str | None = None,
    ) -> int | None:
        """Keep what was heard.

        Args:
            platform: `slack` or `telegram`.
            bot_account: Our identity that heard it.
            event_key: The platform's id of the delivery; the same key again is the same delivery.
            message_key: The platform's id of the message itself where it can come in two
                deliveries.
            payload: As received. Sealed with the instance's key, because the author is not known
                yet.
            now: When (UTC).
            author: `platform:account` that acted; its events are worked in order.

        Returns:
            The row's id, or None when we have it already.
        """
        return insert_new(
            self._session,
            _INBOX,
            {
                "platform": platform,
                "bot_account": bot_account,
                "event_key": event_key,
                "message_key": message_key,
                "author": author,
                "payload": self._vault.seal_bytes(self._session, None, payload),
                "received_at": now,
                "state": "received",
                "tries": 0,
            },
        )

    def open(self, row_id: int) -> Received | None:
        """Lock a row for this transaction; None when it was worked or rejected already."""
        row = self._session.execute(_OPEN, {"row_id": row_id}).one_or_none()
        if row is None:
            return None
        return Received(
            row_id,
            row.platform,
            row.bot_account,
            row.event_key,
            row.received_at,
            self._vault.open_bytes(self._session, None, row.payload),
            row.tries,
            row.earlier,
        )

    def done(
        self, row: Received, now: datetime, person_id: int | None, *, keep_body: bool = False
    ) -> None:
        """The row's effect is in this transaction.

        Args:
            row: What was worked.
            now: When (UTC).
            person_id: Its author, if known.
            keep_body: Keep the payload until `purge`, sealed anew with its author's key, so that
                erasing the key erases it too. An author who is not known leaves nothing behind.
        """
        body = None
        if keep_body and person_id is not None:
            body = self._vault.seal_bytes(self._session, person_id, row.payload)
        self._session.execute(
            _DONE, {"row_id": row.id, "at": now, "person": person_id, "body": body}
        )

    def reject(self, row: Received, reason: str, now: datetime) -> None:
        """Give the row up. `reason` is a code or a short phrase without personal text."""
        self._session.execute(
            update(_INBOX)
            .where(_INBOX.c.id == row.id, _RECEIVED)
            .values(state="rejected", reason=reason[:200], done_at=now)
        )

    def tried(self, row_id: int) -> int:
        """Count a failed attempt; how many there are now (0: the row is settled)."""
        tries: int | None = self._session.execute(
            update(_INBOX)
            .where(_INBOX.c.id == row_id, _RECEIVED)
            .values(tries=_INBOX.c.tries + 1)
            .returning(_INBOX.c.tries)
        ).scalar()
        return tries or 0

    def tries(self, row_id: int) -> int:
        """How many attempts there were (0: the row is settled)."""
        tries: int | None = self._session.execute(
            select(_INBOX.c.tries).where(_INBOX.c.id == row_id, _RECEIVED)
        ).scalar()
        return tries or 0

    def stale(self, before: datetime, but: Collection[int] = (), limit: int = 500) -> Sequence[int]:
        """Rows received before that instant and not worked yet, oldest first; `but` left out."""
        query = select(_INBOX.c.id).where(_RECEIVED, _INBOX.c.received_at <= before)
        if but:
            query = query.where(_INBOX.c.id.not_in(sorted(but)))
        query = query.order_by(_INBOX.c.received_at, _INBOX.c.id).limit(limit)
        return self._session.execute(query).scalars().all()

    def given_up(self, limit: int = 100) -> Sequence[GivenUp]:
        """What was heard and could not be worked, newest first; until it is purged."""
        rows = self._session.execute(
            select(_INBOX.c.id, _INBOX.c.received_at, _INBOX.c.author, _INBOX.c.person_id)
            .where(_INBOX.c.state == "rejected", _INBOX.c.reason == "poison")
            .order_by(_INBOX.c.id.desc())
            .limit(limit)
        )
        return [GivenUp(*row) for row in rows]

    def waiting(self) -> int:
        """How many rows are still to be worked."""
        return (
            self._session.execute(
                select(func.count()).select_from(_INBOX).where(_RECEIVED)
            ).scalar()
            or 0
        )

    def purge(self, before: datetime, limit: int = 1000) -> int:
        """Delete up to `limit` settled rows older than that; call until 0.

        A key must outlive the platform's longest repeat (30 days and more: Telegram's ids are
        random after a quiet week), so `before` is at least that far back.
        """
        old = (
            select(_INBOX.c.id)
            .where(_INBOX.c.state != "received", _INBOX.c.received_at < before)
            .limit(limit)
        )
        return changed(self._session, delete(_INBOX).where(_INBOX.c.id.in_(old)))
