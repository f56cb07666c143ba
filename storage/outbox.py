"""What is to be said: written with its cause, sent and settled later; what needs staff.

The store knows rows, keys and states. It reads no message: payloads are sealed with the key of the
person they are for. What happens to a row while it is sent is `storage.sending`'s.

Source: delivery protocol, outbound.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    delete,
    func,
    literal_column,
    select,
    update,
)

from storage.sending import HOME, OUT, QUEUED, SENDING, Taken
from storage.silence import UNSENT
from storage.statements import Statements
from storage.tables import Identity
from storage.upsert import changed, insert_new
from storage.vault import Vault

KEY_LENGTH = 160
_PARKED = OUT.c.state.in_(
    [literal_column(f"'{state}'") for state in ("in_doubt", "failed", "unreachable")]
)
_HELD = OUT.c.state.in_([literal_column(f"'{state}'") for state in ("in_doubt", "failed")])


@dataclass(frozen=True, slots=True)
class Parked:
    """A row that needs staff: held in doubt, failed, or to nobody. Without its content."""

    id: int
    dedup_key: str
    bot_account: str
    chat_id: str
    person_id: int | None
    op: str
    state: str
    reason: str | None
    attempts: int
    created_at: datetime
    claimed_at: datetime | None
    expires_at: datetime | None

    @property
    def version(self) -> int:
        """Of the last attempt: what a button that was shown with this row acts on."""
        return int((self.claimed_at or self.created_at).timestamp() * 1000)

    @property
    def needs_a_word(self) -> bool:
        """Whether staff can have it sent again, or leave it."""
        return self.state in {"in_doubt", "failed"}


_LOOK = [OUT.c[name] for name in Parked.__dataclass_fields__]


def _unsaid(values: Mapping[str, Any], until: datetime, reason: str) -> dict[str, Any]:
    """What becomes of a new row while nothing may be said."""
    if values["not_before"] > until:
        return {}
    if values["expires_at"] is not None and values["expires_at"] <= until:
        return {"state": "expired", "payload": None}
    return {"state": "in_doubt", "reason": reason}


HELD: Final = datetime(9000, 1, 1, tzinfo=UTC)
"""Not before that: what waits until its reader says that they may be written to again."""


class OutboxStore:
    """The statements of the outbox."""

    def __init__(self, statements: Statements, vault: Vault) -> None:
        self._session = statements
        self._vault = vault
        self.touched: set[str] = set()  # tokens that have something new to say once we commit
        self._muted: tuple[datetime, str] | None = None
        self.fresh: set[tuple[str, str]] = set()  # likewise, which token in which chat
        self.said: set[str] = set()  # keys of what is said in this transaction

    # --- saying something -----------------------------------------------------------------

    def put(  # noqa: PLR0913 - keywords that name the columns
        self,
        *,
        key: str,
        identity: Identity,
        payload: bytes,
        now: datetime,
        op: str = "post",
        priority: int = 0,
        not_before: datetime | None = None,
        expires_at: datetime | None = None,
        target: str | None = None,
        policy: str = "resend",
        chat_id: str | None = None,
    ) -> bool:
        """Say something to a person, once the transaction commits.

        Args:
            key: Its meaning (`checkin:pair42:2026-10-06`, `reply:<inbox id>:<n>`): said at most
                once for good.
            identity: The person's account to say it to.
            payload: `bot.messages.MESSAGE` as JSON; sealed here with the person's key.
            now: When (UTC).
            op: What to do.
            priority: 0 answer, 5 reminder, 9 mass prompt.
            not_before: Not before then (UTC); default at once.
            expires_at: Worthless from then on (UTC).
            target: The message an edit or delete aims at (`chat/message`), or a `response_url`.
            policy: When nobody can tell whether it arrived: `resend` or `hold`.
            chat_id: Where, if not the private chat of that account.

        Returns:
            Whether it is new.

        Raises:
            ValueError: The key is too long for its column.
        """
        chat_id = chat_id or identity.account.rpartition("/")[2]
        if op == "home":
            chat_id += HOME
        new = self._insert(
            key=key,
            bot_account=identity.bot_account,
            chat_id=chat_id,
            person_id=identity.person_id,
            op=op,
            priority=priority,
            not_before=not_before or now,
            expires_at=expires_at,
            target=target,
            policy=policy,
            payload=self._vault.seal_bytes(self._session, identity.person_id, payload),
            created_at=now,
        )
        if new and op == "home":
            self._only_newest(identity.bot_account, chat_id, key)
        return new

    def put_raw(  # noqa: PLR0913 - as above
        self,
        *,
        key: str,
        bot_account: str,
        chat_id: str,
        payload: bytes,
        now: datetime,
        op: str = "post",
        priority: int = 0,
        not_before: datetime | None = None,
        expires_at: datetime | None = None,
        target: str | None = None,
        policy: str = "resend",
    ) -> bool:
        """Say something where no one person is meant (a channel, an unknown account); see `put`.

        Sealed with the instance's key. Nothing personal belongs here.
        """
        return self._insert(
            key=key,
            bot_account=bot_account,
            chat_id=chat_id,
            person_id=None,
            op=op,
            priority=priority,
            not_before=not_before or now,
            expires_at=expires_at,
            target=target,
            policy=policy,
            payload=self._vault.seal_bytes(self._session, None, payload),
            created_at=now,
        )

    def _insert(self, *, key: str, **values: Any) -> bool:
        if len(key) > KEY_LENGTH:
            raise ValueError(f"outbox key of {len(key)} characters")
        row = {"dedup_key": key, "state": "queued", "attempts": 0, "waits": 0, **values}
        if self._muted is not None:
            row |= _unsaid(values, *self._muted)
        new = insert_new(self._session, OUT, row) is not None
        if new:
            self.said.add(key)
            self.touched.add(values["bot_account"])
            self.fresh.add((values["bot_account"], values["chat_id"]))
        return new

    def put_elsewhere(self, taken: Taken, identity: Identity, now: datetime) -> bool:
        """Say to another account of the same person what could not be said to this one; see `put`.

        What would have edited a message becomes a message of its own there.
        """
        return self.put(
            key=f"{taken.dedup_key[: KEY_LENGTH - 6]}:other",
            identity=identity,
            payload=taken.payload,
            now=now,
            op="file" if taken.op == "file" else "post",
            priority=taken.priority,
            expires_at=taken.expires_at,
            policy=taken.policy,
        )

    def mute(self, until: datetime, reason: str) -> None:
        """From here on, write down as in doubt whatever would be said by `until`; see `hold_due`.

        Args:
            until: What is only for later than that (UTC) is queued as usual.
            reason: Why, without personal text.
        """
        self._muted = until, reason

    def hold_due(self, now: datetime, reason: str) -> int:
        """Hold all that was to be said by now: nobody can tell whether it was; staff decide.

        Only while no process sends. What is worthless by now is put aside; what is for later stays.

        Returns:
            How many are held.
        """
        due = OUT.c.not_before <= now
        old = (QUEUED, due, OUT.c.expires_at <= now)
        changed(self._session, update(OUT).where(*old).values(state="expired", payload=None))
        held = {"state": "in_doubt", "reason": reason}
        return sum(
            changed(self._session, update(OUT).where(open_, due).values(**held))
            for open_ in (QUEUED, SENDING)
        )

    def sent_as(self, key: str) -> str | None:
        """The platform's id (`chat/message`) of what was said under a key, once it was sent."""
        found: str | None = self._session.execute(
            select(OUT.c.message_id).where(OUT.c.dedup_key == key, OUT.c.state == "sent")
        ).scalar()
        return found

    def cancel(self, key_prefix: str, to: int | None = None) -> int:
        """Cancel what is still queued under keys that begin so, of one person or all; how many.

        What is being sent now cannot be called back.
        """
        prefix = func.substr(OUT.c.dedup_key, 1, len(key_prefix))
        return changed(
            self._session,
            update(OUT)
            .where(QUEUED, prefix == key_prefix, *(() if to is None else (OUT.c.person_id == to,)))
            .values(state="cancelled", payload=None),
        )

    def _only_newest(self, bot_account: str, chat_id: str, key: str) -> None:
        older = (OUT.c.bot_account == bot_account, OUT.c.chat_id == chat_id)
        self._session.execute(
            update(OUT)
            .where(QUEUED, *older, OUT.c.dedup_key != key)
            .values(state="cancelled", payload=None)
        )

    def parked(self, limit: int = 100) -> Sequence[Parked]:
        """What needs staff: held in doubt, failed, or nobody reached; newest first."""
        rows = self._session.execute(
            select(*_LOOK).where(_PARKED).order_by(OUT.c.id.desc()).limit(limit)
        )
        return [Parked(*row) for row in rows]

    def look(self, number: int) -> Parked | None:
        """A row in whatever state, without its content."""
        row = self._session.execute(select(*_LOOK).where(OUT.c.id == number)).one_or_none()
        return None if row is None else Parked(*row)

    def fate(self, key: str) -> tuple[str, str | None] | None:
        """State of what was said under a key, and the platform's id for it; None if unknown."""
        found = self._session.execute(
            select(OUT.c.state, OUT.c.message_id).where(OUT.c.dedup_key == key)
        ).one_or_none()
        return None if found is None else (found.state, found.message_id)

    def resend(self, row: Parked, now: datetime) -> bool:
        """Staff want it sent again: the same row, whose number the platforms know, as if new.

        Returns:
            Whether it still was as shown; whoever comes second changes nothing.
        """
        done = self._decide(
            row, state="queued", attempts=0, waits=0, not_before=now, reason=None, epoch=None
        )
        if done:
            self.touched.add(row.bot_account)
        return done

    def leave(self, row: Parked) -> bool:
        """Staff let it be; its content is dropped. Returns whether it still was as shown."""
        return self._decide(row, state="cancelled", payload=None)

    def _decide(self, row: Parked, **values: Any) -> bool:
        same = (OUT.c.id == row.id, _HELD, OUT.c.claimed_at.is_not_distinct_from(row.claimed_at))
        return changed(self._session, update(OUT).where(*same).values(**values)) == 1

    def held(self, person_id: int) -> Sequence[str]:
        """Keys of what waits until somebody is back, or agrees; oldest first."""
        held = (OUT.c.person_id == person_id, QUEUED, OUT.c.not_before >= HELD)
        return self._session.execute(
            select(OUT.c.dedup_key).where(*held).order_by(OUT.c.id)
        ).scalars().all()  # fmt: skip

    def unsaid(self, person_id: int) -> Sequence[str]:
        """Keys of what may be said to somebody yet, by itself or by staff."""
        theirs = (OUT.c.person_id == person_id, OUT.c.state.in_(UNSENT))
        return self._session.execute(select(OUT.c.dedup_key).where(*theirs)).scalars().all()

    def drop(self, keys: Collection[str]) -> int:
        """Cancel all of these that may be said yet; how many."""
        named = (OUT.c.dedup_key.in_(keys), OUT.c.state.in_(UNSENT))
        gone = update(OUT).where(*named).values(state="cancelled", payload=None)
        return changed(self._session, gone)

    def release(self, person_id: int, now: datetime, but: Collection[str] = ()) -> int:
        """Let go what was held for somebody, but for these keys; how many."""
        held = (
            OUT.c.person_id == person_id,
            QUEUED,
            OUT.c.not_before >= HELD,
            OUT.c.dedup_key.not_in(but),
        )
        self.touched.update(
            self._session.execute(select(OUT.c.bot_account).where(*held).distinct()).scalars()
        )
        return changed(self._session, update(OUT).where(*held).values(not_before=now))

    def counts(self) -> dict[str, int]:
        """How many rows there are in each state."""
        rows = self._session.execute(select(OUT.c.state, func.count()).group_by(OUT.c.state))
        return {row[0]: row[1] for row in rows}

    def no_longer_in_the_future(self, now: datetime) -> int:
        """The clock was wrong when these were written: say them from now on; how many."""
        ahead = OUT.c.created_at > now + timedelta(hours=1)
        return changed(
            self._session,
            update(OUT).where(QUEUED, ahead).values(not_before=now, created_at=now),
        )

    def purge(self, before: datetime, limit: int = 1000) -> int:
        """Delete up to `limit` rows said, or given up, before then; call until 0.

        What staff left undecided for as long goes too; what waits to be said stays.
        """
        over = OUT.c.state.not_in(("queued", "sending"))
        settled = func.coalesce(OUT.c.sent_at, OUT.c.created_at)
        old = select(OUT.c.id).where(over, settled < before).limit(limit)
        return changed(self._session, delete(OUT).where(OUT.c.id.in_(old)))
