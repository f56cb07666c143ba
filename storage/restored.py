"""What has to be changed in a database that was put back from a backup, before anybody works on it.

A backup knows nothing of the time after it. Numbers given out in that time are in keys, buttons and
the platforms' histories, and must not come to mean something else; a process that survived from
that time must not find its lease again. This module does not know what is said or due.

Source: quality, R12; delivery protocol, "Looking up a doubtful send" and L.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import func, or_, select, text, update
from sqlalchemy.orm import Session

from storage.leases import now_of
from storage.tables import Audit, Base, Identity, Inbox, Memo, Outbox, SenderLease, Timer
from storage.upsert import table_of

GAP: Final = 1_000_000
"""More than the lost time can have used of anything that grows with people."""
GAP_OF: Final = {
    # at the platforms' full speed, four days and nights
    **{table_of(entity).name: 10 * GAP for entity in (Inbox, Outbox, Timer, Audit)},
    # staff read and type these: no more digits than needed
    "request": 10_000,
    "pair": 10_000,
}
_LEASE = table_of(SenderLease)
_MEMO = table_of(Memo)
_HEARD: Final = "heard:"  # by sending identity, when the platform last reached us
_LOOKS: Final = (_HEARD, "clock:")  # written every half-minute while a process lives
_SIGNS: Final = (
    Inbox.received_at,
    Inbox.done_at,
    Outbox.created_at,
    Outbox.claimed_at,
    Outbox.sent_at,
    Identity.seen_at,
    Audit.at,
)


class Putback:
    """The statements that make a restored database fit to go on."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def senders(self) -> Sequence[str]:
        """The tokens for which some process holds the lease now, by the database's clock."""
        alive = _LEASE.c.until >= now_of(self._session)
        return self._session.execute(select(_LEASE.c.bot_account).where(alive)).scalars().all()

    def last_sign(self) -> datetime | None:
        """The last instant that the database knows of (UTC); None when nothing ever happened."""
        found = [self._session.scalar(select(func.max(column))) for column in _SIGNS]
        looks = or_(*(_MEMO.c.name.startswith(name, autoescape=True) for name in _LOOKS))
        found.append(self._session.scalar(select(func.max(_MEMO.c.at)).where(looks)))
        return max((at for at in found if at is not None), default=None)

    def heard_until(self, now: datetime) -> None:
        """Take the lost time as heard: the platforms' histories of it must not be worked again."""
        heard = _MEMO.c.name.startswith(_HEARD, autoescape=True)
        self._session.execute(update(_MEMO).where(heard, _MEMO.c.at < now).values(at=now))

    def fence(self) -> None:
        """Give every lease back, in an epoch that nobody can have had."""
        self._session.execute(
            update(_LEASE).values(owner="", until=0.0, epoch=_LEASE.c.epoch + GAP)
        )

    def skip_numbers(self) -> None:
        """Let every table go on with numbers that the lost time cannot have given out."""
        lite = self._session.get_bind().dialect.name == "sqlite"
        for table in Base.metadata.sorted_tables:
            if "id" in table.c:
                last = self._session.scalar(select(func.max(table.c.id))) or 0
                gap = GAP_OF.get(table.name, GAP)
                (self._skip_lite if lite else self._skip_postgres)(table.name, last, gap)

    def _skip_lite(self, table: str, last: int, gap: int) -> None:
        given = {"name": table, "last": last, "gap": gap}
        moved = text("UPDATE sqlite_sequence SET seq = max(seq, :last) + :gap WHERE name = :name")
        begun = text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last + :gap)")
        there = text("SELECT count(*) FROM sqlite_sequence WHERE name = :name")
        known = self._session.execute(there, {"name": table}).scalar()
        self._session.execute(moved if known else begun, given)

    def _skip_postgres(self, table: str, last: int, gap: int) -> None:
        named = text("SELECT pg_get_serial_sequence(:name, 'id')")
        sequence = self._session.execute(named, {"name": f'"{table}"'}).scalar()
        used = self._session.execute(text(f"SELECT last_value FROM {sequence}")).scalar() or 0  # noqa: S608  # nosec B608 # our own name
        self._session.execute(
            text("SELECT setval(CAST(:sequence AS regclass), :value)"),
            {"sequence": sequence, "value": max(used, last) + gap},
        )

    def held(self, reason: str) -> int:
        """How many messages are held for that reason."""
        # written out, so that the planners know that the partial index applies
        parked = text("state IN ('in_doubt', 'failed', 'unreachable')")
        mine = (parked, Outbox.state == "in_doubt", Outbox.reason == reason)
        return self._session.scalar(select(func.count()).select_from(Outbox).where(*mine)) or 0
