"""What is to be said, and what became of it: written with its cause, sent and settled later.

The store knows rows, keys, states and the order within a chat. It cannot speak to a platform, does
not know how fast one may, and reads no message: payloads are sealed with the key of the person they
are for.

Source: delivery protocol, T1, T2, R.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    String,
    bindparam,
    delete,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    update,
)

from storage.leases import held
from storage.sealed import Unreadable
from storage.statements import Statements
from storage.tables import Identity, Outbox
from storage.upsert import AnyRow, changed, insert_new, table_of
from storage.utc import Utc
from storage.vault import Vault

Op = Literal["post", "edit", "replace", "delete", "file", "ephemeral", "home"]
Policy = Literal["resend", "hold"]
KEY_LENGTH = 160
HOME = (
    "/home"  # after a chat: its Home tab, where only the newest matters and nothing waits in line
)
TWICE = "perhaps twice"  # said again because nobody could tell whether it had arrived

_OUT = table_of(Outbox)
# Written out, not bound: only so do the planners know that the partial indexes apply.
_QUEUED = _OUT.c.state == literal_column("'queued'")
_SENDING = _OUT.c.state == literal_column("'sending'")
_PARKED = _OUT.c.state.in_(
    [literal_column(f"'{state}'") for state in ("in_doubt", "failed", "unreachable")]
)
_HELD = _OUT.c.state.in_([literal_column(f"'{state}'") for state in ("in_doubt", "failed")])
_TWICE = _OUT.c.reason == literal_column(f"'{TWICE}'")
_TAKEN = (
    _OUT.c.id,
    _OUT.c.dedup_key,
    _OUT.c.bot_account,
    _OUT.c.chat_id,
    _OUT.c.person_id,
    _OUT.c.op,
    _OUT.c.priority,
    _OUT.c.policy,
    _OUT.c.target,
    _OUT.c.attempts,
    _OUT.c.waits,
    _OUT.c.epoch,
    _OUT.c.floor_id,
    _OUT.c.claimed_at,
    _OUT.c.send_deadline,
    _OUT.c.expires_at,
    _OUT.c.reason,
    _OUT.c.payload,
)
_MINE = (_OUT.c.id == bindparam("row_id"), _SENDING, _OUT.c.epoch == bindparam("mine"))
_SENT = (
    update(_OUT)
    .where(*_MINE)
    .values(
        state="sent",
        message_id=bindparam("message"),
        sent_at=bindparam("at"),
        reason=bindparam("why"),
    )
)
# what was said need not be kept: the person has it, and the answers are kept elsewhere
_SENT_AND_FORGOTTEN = _SENT.values(payload=None)


# Made once: putting such a statement together costs more than running it.
_ACCOUNT = bindparam("account", type_=String)
_NOW = bindparam("now", type_=Utc)
# Never null, but out of reach of the index on times: SQLite, which keeps no statistics, would walk
# it for every candidate, and through all that waits for the morning each time.
_FROM = func.coalesce(_OUT.c.not_before, _NOW)
_DUE = (
    _OUT.c.bot_account == _ACCOUNT,
    _QUEUED,
    _FROM <= _NOW,
    or_(_OUT.c.expires_at.is_(None), _OUT.c.expires_at > _NOW),
)


def _free(busy_ops: Collection[str] = ()) -> list[ColumnElement[bool]]:
    """Nothing of the chat is in flight, nor waits there to be tried again or for its turn."""
    other = _OUT.alias("other")
    same = (other.c.bot_account == _ACCOUNT, other.c.chat_id == _OUT.c.chat_id)
    queued = other.c.state == literal_column("'queued'")
    again = or_(other.c.attempts > 0, other.c.waits > 0)
    sending = other.c.state == literal_column("'sending'")
    free = [
        ~exists().where(*same, queued, func.coalesce(other.c.not_before, _NOW) > _NOW, again),
        ~exists().where(*same, sending),
    ]
    if busy_ops:
        older = (other.c.id <= _OUT.c.id, func.coalesce(other.c.not_before, _NOW) <= _NOW)
        ops = other.c.op.in_(sorted(busy_ops))
        free.append(~exists().where(*same, queued, *older, ops))
    return free


def _candidates(busy_ops: Collection[str] = ()) -> Select[str, int]:
    query = select(_OUT.c.chat_id, _OUT.c.id).where(*_DUE, *_free(busy_ops))
    return query.order_by(_OUT.c.priority, _OUT.c.id).limit(bindparam("window", type_=Integer))


_ANSWERS = _OUT.c.priority == 0
_OTHER_CHATS = _OUT.c.chat_id.not_in(bindparam("late", expanding=True))
_ANY_CHAT = _candidates()
_ANY_OTHER = _ANY_CHAT.where(_OTHER_CHATS)
_HEADS = (
    select(_OUT.c.chat_id, func.min(_OUT.c.id))
    .where(*_DUE, _OUT.c.chat_id.in_(bindparam("chats", expanding=True)))
    .group_by(_OUT.c.chat_id)
)
_CLAIM = (
    update(_OUT)
    .where(
        _OUT.c.id.in_(bindparam("ids", expanding=True)),
        _QUEUED,
        held(bindparam("holder_of"), bindparam("holder"), bindparam("mine")),
    )
    .values(
        state="sending",
        epoch=bindparam("mine"),
        attempts=_OUT.c.attempts + 1,
        claimed_at=bindparam("at"),
        send_deadline=bindparam("deadline"),
        floor_id=bindparam("floor"),
    )
    .returning(*_TAKEN)
)
_FIRST_QUEUED = select(func.min(_OUT.c.not_before)).where(_OUT.c.bot_account == _ACCOUNT, _QUEUED)
_FIRST_OF_EACH = (
    select(_OUT.c.bot_account, func.min(_OUT.c.not_before))
    .where(_QUEUED)
    .group_by(_OUT.c.bot_account)
)
_NEXT_DUE = select(func.min(_OUT.c.not_before)).where(
    _OUT.c.bot_account == _ACCOUNT, _QUEUED, _OUT.c.not_before > _NOW
)


@dataclass(frozen=True, slots=True)
class Taken:
    """A row claimed for sending, its payload opened.

    Attributes:
        id: Number of the row, the same for good; platforms are asked for it afterwards.
        dedup_key: Its meaning.
        bot_account: Who says it.
        chat_id: Where; a Home tab is a chat of its own (`HOME`).
        person_id: To whom; None for a channel.
        op: What to do there.
        priority: 0 answer, 5 reminder, 9 mass prompt.
        policy: What to do when nobody can tell whether it was delivered.
        target: Message (`chat/message`) that an edit or delete aims at, or a `response_url`.
        attempts: Claims including this one.
        waits: How often the platform said "too soon".
        epoch: Lease epoch of the claim.
        floor_id: Highest message id seen when it was claimed, where ids tell an order.
        claimed_at: When (UTC).
        send_deadline: In doubt after that (UTC).
        expires_at: Worthless from then on (UTC).
        reason: What the claim before ended with; None for the first.
        payload: `bot.messages.MESSAGE` as JSON.
    """

    id: int
    dedup_key: str
    bot_account: str
    chat_id: str
    person_id: int | None
    op: Op
    priority: int
    policy: Policy
    target: str | None
    attempts: int
    waits: int
    epoch: int
    floor_id: int | None
    claimed_at: datetime
    send_deadline: datetime
    expires_at: datetime | None
    reason: str | None
    payload: bytes

    @property
    def place(self) -> str:
        """The chat as its platform knows it."""
        return self.chat_id.removesuffix(HOME)


@dataclass(frozen=True, slots=True)
class Kept:
    """Something said whose content is kept.

    Attributes:
        bot_account: Who said it.
        chat_id: Where: only there may more of it be shown.
        payload: `bot.messages.MESSAGE` as JSON.
    """

    bot_account: str
    chat_id: str
    payload: bytes


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


_LOOK = [_OUT.c[name] for name in Parked.__dataclass_fields__]


def _unsaid(values: Mapping[str, Any], until: datetime, reason: str) -> dict[str, Any]:
    """What becomes of a new row while nothing may be said."""
    if values["not_before"] > until:
        return {}
    if values["expires_at"] is not None and values["expires_at"] <= until:
        return {"state": "expired", "payload": None}
    return {"state": "in_doubt", "reason": reason}


class OutboxStore:
    """The statements of the outbox."""

    def __init__(self, statements: Statements, vault: Vault) -> None:
        self._session = statements
        self._vault = vault
        self.touched: set[str] = set()  # tokens that have something new to say once we commit
        self.newly_parked: list[Taken] = []  # given up or held in this transaction: news for staff
        self._muted: tuple[datetime, str] | None = None
        self.fresh: set[tuple[str, str]] = set()  # likewise, which token in which chat

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
        new = insert_new(self._session, _OUT, row) is not None
        if new:
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
        due = _OUT.c.not_before <= now
        old = (_QUEUED, due, _OUT.c.expires_at <= now)
        changed(self._session, update(_OUT).where(*old).values(state="expired", payload=None))
        held = {"state": "in_doubt", "reason": reason}
        return sum(
            changed(self._session, update(_OUT).where(open_, due).values(**held))
            for open_ in (_QUEUED, _SENDING)
        )

    def cancel(self, key_prefix: str) -> int:
        """Cancel what is still queued under keys that begin so; how many.

        What is being sent now cannot be called back.
        """
        prefix = func.substr(_OUT.c.dedup_key, 1, len(key_prefix))
        return changed(
            self._session,
            update(_OUT)
            .where(_QUEUED, prefix == key_prefix)
            .values(state="cancelled", payload=None),
        )

    def _only_newest(self, bot_account: str, chat_id: str, key: str) -> None:
        older = (_OUT.c.bot_account == bot_account, _OUT.c.chat_id == chat_id)
        self._session.execute(
            update(_OUT)
            .where(_QUEUED, *older, _OUT.c.dedup_key != key)
            .values(state="cancelled", payload=None)
        )

    def parked(self, limit: int = 100) -> Sequence[Parked]:
        """What needs staff: held in doubt, failed, or nobody reached; newest first."""
        rows = self._session.execute(
            select(*_LOOK).where(_PARKED).order_by(_OUT.c.id.desc()).limit(limit)
        )
        return [Parked(*row) for row in rows]

    def look(self, number: int) -> Parked | None:
        """A row in whatever state, without its content."""
        row = self._session.execute(select(*_LOOK).where(_OUT.c.id == number)).one_or_none()
        return None if row is None else Parked(*row)

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
        same = (_OUT.c.id == row.id, _HELD, _OUT.c.claimed_at.is_not_distinct_from(row.claimed_at))
        return changed(self._session, update(_OUT).where(*same).values(**values)) == 1

    def counts(self) -> dict[str, int]:
        """How many rows there are in each state."""
        rows = self._session.execute(select(_OUT.c.state, func.count()).group_by(_OUT.c.state))
        return {row[0]: row[1] for row in rows}

    # --- T1: claim --------------------------------------------------------------------------

    def claim(  # noqa: PLR0913 - keywords that each say one thing
        self,
        *,
        bot_account: str,
        owner: str,
        epoch: int,
        now: datetime,
        seconds: float,
        limit: int,
        busy: Collection[str] = (),
        busy_ops: Collection[str] = (),
        floor_id: int | None = None,
        answers_only: bool = False,
    ) -> list[Taken]:
        """Take what is next; only what is returned, and only after the commit, may be sent.

        By priority, then by age; but within a chat always the oldest first, so that what people
        read is in the order in which it happened, and at most one at a time. A row that waits to be
        tried again holds up its chat, one planned for later does not. What has expired is put
        aside.

        Args:
            bot_account: The token's identity.
            owner: Who claims: must hold the lease …
            epoch: … in this epoch, or nothing is taken.
            now: UTC.
            seconds: How long the platform has to answer.
            limit: How many at most.
            busy: Chats to leave alone (too soon).
            busy_ops: Operations to leave alone; they hold up their chats.
            floor_id: Highest message id seen, where ids tell an order.
            answers_only: Leave what is no answer to somebody alone.
        """
        ids = self._next(bot_account, now, limit, busy, busy_ops, answers_only)
        if not ids:
            return []
        rows = self._session.execute(
            _CLAIM,
            {
                "ids": ids,
                "holder_of": bot_account,
                "holder": owner,
                "mine": epoch,
                "at": now,
                "deadline": now + timedelta(seconds=seconds),
                "floor": floor_id,
            },
        ).all()
        order = {row_id: place for place, row_id in enumerate(ids)}
        return self._opened(sorted(rows, key=lambda row: order[row.id]))

    def _next(
        self,
        bot_account: str,
        now: datetime,
        limit: int,
        busy: Collection[str],
        busy_ops: Collection[str],
        answers_only: bool,
    ) -> list[int]:
        """Ids of the heads of the chats whose turn it is."""
        heads = _HEADS
        if busy_ops or answers_only:
            query = _candidates(busy_ops)
            if answers_only:
                query, heads = query.where(_ANSWERS), heads.where(_ANSWERS)
            others = query.where(_OTHER_CHATS)
        else:
            query, others = _ANY_CHAT, _ANY_OTHER
        given = {"account": bot_account, "now": now}
        window = 4 * limit
        head: dict[str, int] = {}
        cut = False
        while len(head) < limit:
            late = sorted({*busy, *head})
            look = {**given, "window": window, **({"late": late} if late else {})}
            some = self._session.execute(others if late else query, look).all()
            for chat, row_id in some:
                head[chat] = min(row_id, head.get(chat, row_id))
            if len(some) < window:
                break
            cut = True  # one chat may have filled the window: look beyond it
        chats = list(head)[:limit]
        if cut:  # an older row of these chats may lie beyond the window
            found = self._session.execute(heads, {**given, "chats": chats})
            head = {row[0]: row[1] for row in found}
        return [head[chat] for chat in chats]

    def _opened(self, rows: Iterable[AnyRow]) -> list[Taken]:
        taken = []
        for row in rows:
            try:
                payload = self._vault.open_bytes(self._session, row.person_id, row.payload)
            except Unreadable:
                self._session.execute(
                    update(_OUT)
                    .where(_OUT.c.id == row.id)
                    .values(state="cancelled", reason="erased", payload=None)
                )
            else:
                taken.append(Taken(**{**row._mapping, "payload": payload}))
        return taken

    def first_queued(self, bot_account: str) -> datetime | None:
        """From when on the first of what is queued may be said; in the past when it is held up."""
        first: datetime | None = self._session.execute(
            _FIRST_QUEUED, {"account": bot_account}
        ).scalar()
        return first

    def due_accounts(self, now: datetime) -> frozenset[str]:
        """The tokens with something queued that may be said by now, if its chat is free."""
        return frozenset(
            account for account, first in self._session.execute(_FIRST_OF_EACH) if first <= now
        )

    def next_due(self, bot_account: str, after: datetime) -> datetime | None:
        """The next instant after that one from which something may be said."""
        due: datetime | None = self._session.execute(
            _NEXT_DUE, {"account": bot_account, "now": after}
        ).scalar()
        return due

    def any_due(self, bot_account: str, now: datetime, *, answers_only: bool = False) -> bool:
        """Whether something (an answer) could be said now, were there no limits of speed."""
        given = {"account": bot_account, "now": now, "window": 1}
        query = _ANY_CHAT.where(_ANSWERS) if answers_only else _ANY_CHAT
        return self._session.execute(query, given).first() is not None

    def no_longer_in_the_future(self, now: datetime) -> int:
        """The clock was wrong when these were written: say them from now on; how many."""
        ahead = _OUT.c.created_at > now + timedelta(hours=1)
        return changed(
            self._session,
            update(_OUT).where(_QUEUED, ahead).values(not_before=now, created_at=now),
        )

    def expire(self, bot_account: str, now: datetime) -> int:
        """Put aside what is worthless by now (nothing of it is claimed anyway); how many."""
        return changed(
            self._session,
            update(_OUT)
            .where(_OUT.c.bot_account == bot_account, _QUEUED, _OUT.c.expires_at <= now)
            .values(state="expired", payload=None),
        )

    # --- T2: settle -------------------------------------------------------------------------

    def sent(
        self, results: Sequence[tuple[Taken, str | None]], now: datetime, *, keep: bool = False
    ) -> None:
        """The platform took these, under these ids. A result of another epoch is ignored.

        Args:
            results: The claims, and the platform's ids for them.
            now: When (UTC).
            keep: Keep their content (until `purge`), for the platform shows it in parts; see
                `kept`.
        """
        if results:
            self._session.execute(
                _SENT if keep else _SENT_AND_FORGOTTEN,
                [
                    {
                        "row_id": row.id,
                        "mine": row.epoch,
                        "message": message,
                        "at": now,
                        "why": TWICE if row.reason == TWICE else None,
                    }
                    for row, message in results
                ],
            )

    def twin(self, bot_account: str, chat_id: str, message_id: str) -> str | None:
        """What else to take away when this message turns out to be there twice.

        A message said again because nobody could tell whether it had arrived is recorded under the
        id of its second copy. A press on one that is not recorded at all has found the first: the
        row is given that id.

        Args:
            bot_account: The token's identity.
            chat_id: Where somebody pressed.
            message_id: The message that was pressed, `chat/message`.

        Returns:
            The other copy, `chat/message`; None when there is none.
        """
        there = (_OUT.c.bot_account == bot_account, _OUT.c.chat_id == chat_id)
        row = self._session.execute(
            select(_OUT.c.id, _OUT.c.message_id)
            .where(*there, _TWICE, _OUT.c.state == "sent")
            .order_by(_OUT.c.id.desc())
            .limit(1)
        ).one_or_none()
        if row is None or row.message_id == message_id:
            return None
        recorded = select(_OUT.c.id).where(*there, _OUT.c.message_id == message_id).limit(1)
        if self._session.execute(recorded).first() is not None:
            return None
        self._session.execute(
            update(_OUT).where(_OUT.c.id == row.id).values(message_id=message_id, reason=None)
        )
        other: str | None = row.message_id
        return other

    def last_sent(self, bot_account: str, limit: int = 100) -> Sequence[str]:
        """The platform's ids (`chat/message`) of what this token said last."""
        rows = self._session.execute(
            select(_OUT.c.message_id)
            .where(_OUT.c.bot_account == bot_account, _OUT.c.message_id.is_not(None))
            .order_by(_OUT.c.id.desc())
            .limit(limit)
        )
        return rows.scalars().all()

    def kept(self, row_id: int) -> Kept | None:
        """What was said in parts and can be shown further; None once forgotten or erased."""
        row = self._session.execute(
            select(_OUT.c.bot_account, _OUT.c.chat_id, _OUT.c.person_id, _OUT.c.payload).where(
                _OUT.c.id == row_id, _OUT.c.state == "sent", _OUT.c.payload.is_not(None)
            )
        ).one_or_none()
        if row is None:
            return None
        try:
            payload = self._vault.open_bytes(self._session, row.person_id, row.payload)
        except Unreadable:
            return None
        return Kept(row.bot_account, row.chat_id, payload)

    def requeue(
        self,
        row: Taken,
        not_before: datetime,
        reason: str | None,
        *,
        attempts: int = 0,
        waits: int = 0,
    ) -> bool:
        """Certainly not delivered: say it later.

        Args:
            row: The claim.
            not_before: When (UTC).
            reason: Why, without personal text.
            attempts: To add: -1 when this claim never reached for the platform, or must not count.
            waits: To add: 1 when the platform said "too soon".

        Returns:
            Whether the claim was still ours.
        """
        return self._settle(
            row,
            state="queued",
            not_before=not_before,
            reason=reason,
            attempts=_OUT.c.attempts + attempts,
            waits=_OUT.c.waits + waits,
        )

    def fail(self, row: Taken, reason: str) -> bool:
        """It will never arrive; staff see it. Returns whether the claim was still ours."""
        ours = self._settle(row, state="failed", reason=reason[:200])
        if ours:
            self.newly_parked.append(row)
        return ours

    def unreach(self, row: Taken, reason: str) -> bool:
        """Nobody is there any more: blocked, deactivated, archived. Whether it was still ours."""
        return self._settle(row, state="unreachable", reason=reason[:200])

    def hold(self, row: Taken, reason: str) -> bool:
        """Nobody can tell whether it arrived: staff decide. Returns whether it was still ours."""
        ours = self._settle(row, state="in_doubt", reason=reason[:200])
        if ours:
            self.newly_parked.append(row)
        return ours

    def _settle(self, row: Taken, **values: Any) -> bool:
        ours = (_OUT.c.id == row.id, _SENDING, _OUT.c.epoch == row.epoch)
        return changed(self._session, update(_OUT).where(*ours).values(**values)) == 1

    # --- R: recover -------------------------------------------------------------------------

    def adopt(
        self, *, bot_account: str, owner: str, epoch: int, overdue: datetime, known: Collection[int]
    ) -> list[Taken]:
        """Take over lost claims, so that a late result of theirs no longer counts.

        Args:
            bot_account: The token's identity.
            owner: Who takes over: must hold the lease …
            epoch: … in this epoch.
            overdue: Claims of this epoch whose deadline was before that are taken too (UTC).
            known: Rows this process is still busy with.
        """
        lost: ColumnElement[bool] = or_(_OUT.c.epoch < epoch, _OUT.c.send_deadline < overdue)
        statement = update(_OUT).where(
            _OUT.c.bot_account == bot_account,
            _SENDING,
            lost,
            held(literal(bot_account), literal(owner), literal(epoch)),
        )
        if known:
            statement = statement.where(_OUT.c.id.not_in(sorted(known)))
        rows = self._session.execute(statement.values(epoch=epoch).returning(*_TAKEN)).all()
        return self._opened(sorted(rows, key=lambda row: row.id))

    def purge(self, before: datetime, limit: int = 1000) -> int:
        """Delete up to `limit` old settled rows; call until 0. What needs staff stays."""
        over = _OUT.c.state.in_(("sent", "expired", "cancelled"))
        old = select(_OUT.c.id).where(over, _OUT.c.created_at < before).limit(limit)
        return changed(self._session, delete(_OUT).where(_OUT.c.id.in_(old)))
