"""What is sent now: claimed under a lease, settled with what became of it, recovered when lost.

The store knows rows, states and the order within a chat. It cannot speak to a platform, does not
know how fast one may, and decides nothing: whoever sends tells it what became of each.

Source: delivery protocol, T1, T2, R.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    String,
    bindparam,
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
from storage.tables import News, Outbox
from storage.takeback import FAREWELL
from storage.upsert import AnyRow, changed, table_of
from storage.utc import Utc
from storage.vault import Vault

Op = Literal["post", "edit", "replace", "delete", "file", "ephemeral", "home"]
Policy = Literal["resend", "hold"]
HOME = "/home"  # after a chat: its Home tab, a place in a line of its own
ANNOUNCED = "announce:"  # how keys of announcements begin; then comes the programme
MUTED = "no announcements"  # their addressee has said so since it was queued
TWICE = "perhaps twice"  # said again because nobody could tell whether it had arrived

OUT = table_of(Outbox)
# Written out, not bound: only so do the planners know that the partial indexes apply.
QUEUED = OUT.c.state == literal_column("'queued'")
SENDING = OUT.c.state == literal_column("'sending'")
_TWICE = OUT.c.reason == literal_column(f"'{TWICE}'")
_TAKEN = (
    OUT.c.id,
    OUT.c.dedup_key,
    OUT.c.bot_account,
    OUT.c.chat_id,
    OUT.c.person_id,
    OUT.c.op,
    OUT.c.priority,
    OUT.c.policy,
    OUT.c.target,
    OUT.c.attempts,
    OUT.c.waits,
    OUT.c.epoch,
    OUT.c.floor_id,
    OUT.c.claimed_at,
    OUT.c.send_deadline,
    OUT.c.expires_at,
    OUT.c.reason,
    OUT.c.payload,
)
_MINE = (OUT.c.id == bindparam("row_id"), SENDING, OUT.c.epoch == bindparam("mine"))
_SENT = (
    update(OUT)
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
_FROM = func.coalesce(OUT.c.not_before, _NOW)
_DUE = (
    OUT.c.bot_account == _ACCOUNT,
    QUEUED,
    _FROM <= _NOW,
    or_(OUT.c.expires_at.is_(None), OUT.c.expires_at > _NOW),
)


def _free(busy_ops: Collection[str] = ()) -> list[ColumnElement[bool]]:
    """Nothing of the chat is in flight, nor waits there to be tried again or for its turn."""
    other = OUT.alias("other")
    same = (other.c.bot_account == _ACCOUNT, other.c.chat_id == OUT.c.chat_id)
    queued = other.c.state == literal_column("'queued'")
    again = or_(other.c.attempts > 0, other.c.waits > 0)
    sending = other.c.state == literal_column("'sending'")
    free = [
        ~exists().where(*same, queued, func.coalesce(other.c.not_before, _NOW) > _NOW, again),
        ~exists().where(*same, sending),
    ]
    if busy_ops:
        older = (other.c.id <= OUT.c.id, func.coalesce(other.c.not_before, _NOW) <= _NOW)
        ops = other.c.op.in_(sorted(busy_ops))
        free.append(~exists().where(*same, queued, *older, ops))
    return free


def _candidates(busy_ops: Collection[str] = ()) -> Select[str, int]:
    query = select(OUT.c.chat_id, OUT.c.id).where(*_DUE, *_free(busy_ops))
    return query.order_by(OUT.c.priority, OUT.c.id).limit(bindparam("window", type_=Integer))


_ANSWERS = OUT.c.priority == 0
_OTHER_CHATS = OUT.c.chat_id.not_in(bindparam("late", expanding=True))
_ANY_CHAT = _candidates()
_ANY_OTHER = _ANY_CHAT.where(_OTHER_CHATS)
_HEADS = (
    select(OUT.c.chat_id, func.min(OUT.c.id))
    .where(*_DUE, OUT.c.chat_id.in_(bindparam("chats", expanding=True)))
    .group_by(OUT.c.chat_id)
)
_CLAIM = (
    update(OUT)
    .where(
        OUT.c.id.in_(bindparam("ids", expanding=True)),
        QUEUED,
        held(bindparam("holder_of"), bindparam("holder"), bindparam("mine")),
    )
    .values(
        state="sending",
        epoch=bindparam("mine"),
        attempts=OUT.c.attempts + 1,
        claimed_at=bindparam("at"),
        send_deadline=bindparam("deadline"),
        floor_id=bindparam("floor"),
    )
    .returning(*_TAKEN)
)
_FIRST_QUEUED = select(func.min(OUT.c.not_before)).where(OUT.c.bot_account == _ACCOUNT, QUEUED)
_FIRST_OF_EACH = (
    select(OUT.c.bot_account, func.min(OUT.c.not_before)).where(QUEUED).group_by(OUT.c.bot_account)
)
_NEXT_DUE = select(func.min(OUT.c.not_before)).where(
    OUT.c.bot_account == _ACCOUNT, QUEUED, OUT.c.not_before > _NOW
)


@dataclass(frozen=True, slots=True)
class Taken:
    """A row claimed for sending, its payload opened.

    Attributes:
        id: Number of the row, the same for good; platforms are asked for it afterwards.
        dedup_key: Its meaning.
        bot_account: Who says it.
        chat_id: Where; a Home tab is a chat of its own (`HOME`), and so is `takeback.ASIDE`.
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
        return self.chat_id.partition("/")[0]


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


class SendingStore:
    """The statements of whoever sends."""

    def __init__(self, statements: Statements, vault: Vault) -> None:
        self._session = statements
        self._vault = vault
        self.newly_parked: list[Taken] = []  # given up or held in this transaction: news for staff

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

    def _opened(self, rows: Sequence[AnyRow]) -> list[Taken]:
        taken = []
        unwanted = self._unwanted(rows)
        for row in rows:
            if row.id in unwanted:
                self._session.execute(
                    update(OUT)
                    .where(OUT.c.id == row.id)
                    .values(state="cancelled", reason=MUTED, payload=None)
                )
                continue
            try:
                payload = self._vault.open_bytes(self._session, row.person_id, row.payload)
            except Unreadable:
                self._session.execute(
                    update(OUT)
                    .where(OUT.c.id == row.id)
                    .values(state="cancelled", reason="erased", payload=None)
                )
            else:
                taken.append(Taken(**{**row._mapping, "payload": payload}))
        return taken

    def _unwanted(self, rows: Sequence[AnyRow]) -> frozenset[int]:
        """Announcements to people who have said since that they want none."""
        programmes = {
            row.id: row.dedup_key.split(":")[1]
            for row in rows
            if row.dedup_key.startswith(ANNOUNCED)
        }
        if not programmes:
            return frozenset()
        people = [row.person_id for row in rows if row.id in programmes]
        said = select(News.person_id, News.programme_id).where(
            News.person_id.in_(people), News.muted_at.is_not(None)
        )
        muted = {(person, programme) for person, programme in self._session.execute(said)}
        return frozenset(
            row.id
            for row in rows
            if row.id in programmes and (row.person_id, programmes[row.id]) in muted
        )

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

    def expire(self, bot_account: str, now: datetime) -> int:
        """Put aside what is worthless by now (nothing of it is claimed anyway); how many."""
        return changed(
            self._session,
            update(OUT)
            .where(OUT.c.bot_account == bot_account, QUEUED, OUT.c.expires_at <= now)
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
        there = (OUT.c.bot_account == bot_account, OUT.c.chat_id == chat_id)
        row = self._session.execute(
            select(OUT.c.id, OUT.c.message_id)
            .where(*there, _TWICE, OUT.c.state == "sent")
            .order_by(OUT.c.id.desc())
            .limit(1)
        ).one_or_none()
        if row is None or row.message_id == message_id:
            return None
        recorded = select(OUT.c.id).where(*there, OUT.c.message_id == message_id).limit(1)
        if self._session.execute(recorded).first() is not None:
            return None
        self._session.execute(
            update(OUT).where(OUT.c.id == row.id).values(message_id=message_id, reason=None)
        )
        other: str | None = row.message_id
        return other

    def last_sent(self, bot_account: str, limit: int = 100) -> Sequence[str]:
        """The platform's ids (`chat/message`) of what this token said last."""
        rows = self._session.execute(
            select(OUT.c.message_id)
            .where(OUT.c.bot_account == bot_account, OUT.c.message_id.is_not(None))
            .order_by(OUT.c.id.desc())
            .limit(limit)
        )
        return rows.scalars().all()

    def kept(self, row_id: int) -> Kept | None:
        """What was said in parts and can be shown further; None once forgotten or erased."""
        row = self._session.execute(
            select(OUT.c.bot_account, OUT.c.chat_id, OUT.c.person_id, OUT.c.payload).where(
                OUT.c.id == row_id, OUT.c.state == "sent", OUT.c.payload.is_not(None)
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
            attempts=OUT.c.attempts + attempts,
            waits=OUT.c.waits + waits,
        )

    def hurry(self, bot_account: str, reasons: Collection[str], now: datetime) -> int:
        """What waits for one of these reasons is due now; how many."""
        return changed(
            self._session,
            update(OUT)
            .where(
                OUT.c.bot_account == bot_account,
                OUT.c.state == "queued",
                OUT.c.reason.in_(reasons),
                OUT.c.not_before > now,
            )
            .values(not_before=now, waits=0),
        )

    def fail(self, row: Taken, reason: str) -> bool:
        """It will never arrive; staff see it. Returns whether the claim was still ours."""
        ours = self._settle(row, state="failed", reason=reason[:200])
        if ours and not row.dedup_key.startswith(FAREWELL):
            self.newly_parked.append(row)
        return ours

    def unreach(self, row: Taken, reason: str) -> bool:
        """Nobody is there any more: blocked, deactivated, archived. Whether it was still ours."""
        return self._settle(row, state="unreachable", reason=reason[:200])

    def strand(
        self, bot_account: str, overdue: datetime, reason: str, limit: int = 200
    ) -> list[Taken]:
        """Nobody sends with this token any more: some of what waits for it, now `unreachable`.

        Args:
            bot_account: The token's identity.
            overdue: What should have been settled by then (UTC) is in doubt.
            reason: Without personal text.
            limit: How many at most; call again until there are none.
        """
        mine = OUT.c.bot_account == bot_account
        lost = (mine, SENDING, OUT.c.send_deadline < overdue)
        changed(self._session, update(OUT).where(*lost).values(state="in_doubt", reason=reason))
        some = select(OUT.c.id).where(mine, QUEUED).order_by(OUT.c.id).limit(limit)
        statement = update(OUT).where(OUT.c.id.in_(some), QUEUED)
        values = statement.values(state="unreachable", reason=reason[:200])
        return self._opened(self._session.execute(values.returning(*_TAKEN)).all())

    def hold(self, row: Taken, reason: str) -> bool:
        """Nobody can tell whether it arrived: staff decide. Returns whether it was still ours."""
        ours = self._settle(row, state="in_doubt", reason=reason[:200])
        if ours and not row.dedup_key.startswith(FAREWELL):
            self.newly_parked.append(row)
        return ours

    def _settle(self, row: Taken, **values: Any) -> bool:
        ours = (OUT.c.id == row.id, SENDING, OUT.c.epoch == row.epoch)
        return changed(self._session, update(OUT).where(*ours).values(**values)) == 1

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
        lost: ColumnElement[bool] = or_(OUT.c.epoch < epoch, OUT.c.send_deadline < overdue)
        statement = update(OUT).where(
            OUT.c.bot_account == bot_account,
            SENDING,
            lost,
            held(literal(bot_account), literal(owner), literal(epoch)),
        )
        if known:
            statement = statement.where(OUT.c.id.not_in(sorted(known)))
        rows = self._session.execute(statement.values(epoch=epoch).returning(*_TAKEN)).all()
        return self._opened(sorted(rows, key=lambda row: row.id))
