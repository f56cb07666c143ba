"""Who may send with a token now: a lease with an epoch that grows at each change of hands.

The one place where the database's clock counts, because replicas compare it with each other. The
lease does not know what is sent under it; the outbox checks it in its claiming statement.

Source: delivery protocol, L.
"""

from __future__ import annotations

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Float,
    and_,
    exists,
    literal_column,
    select,
    true,
    update,
)
from sqlalchemy.orm import Session

from storage.statements import Statements
from storage.tables import SenderLease
from storage.upsert import changed, table_of, upsert

_LEASE = table_of(SenderLease)


def now_of(session: Session | Statements) -> ColumnElement[float]:
    """Seconds since 1970 by the database's clock, moving on within a transaction too."""
    if session.get_bind().dialect.name == "sqlite":
        return literal_column("((julianday('now') - 2440587.5) * 86400.0)", Float)
    return literal_column("extract(epoch from clock_timestamp())", Float)


def held(
    bot_account: BindParameter[str], owner: BindParameter[str], epoch: BindParameter[int]
) -> ColumnElement[bool]:
    """The condition "this owner holds the lease in this epoch"."""
    return exists(
        select(literal_column("1"))
        .select_from(_LEASE)
        .where(
            _LEASE.c.bot_account == bot_account, _LEASE.c.owner == owner, _LEASE.c.epoch == epoch
        )
    )


class LeaseStore:
    """The statements of the sender's lease."""

    def __init__(self, session: Session | Statements) -> None:
        self._session = session

    def acquire(
        self, bot_account: str, owner: str, seconds: float, *, force: bool = False
    ) -> int | None:
        """Take a lease that has run out or was given back.

        Args:
            bot_account: The token's identity.
            owner: This process, by a name that no other process ever has.
            seconds: How long it lasts.
            force: Take it from whoever has it: the caller knows that no other process lives.

        Returns:
            The new epoch, or None while somebody holds it.
        """
        self._session.execute(
            upsert(self._session, _LEASE)
            .values(bot_account=bot_account, owner="", epoch=0, until=0.0)
            .on_conflict_do_nothing()
        )
        now = now_of(self._session)
        epoch: int | None = self._session.execute(
            update(_LEASE)
            .where(_LEASE.c.bot_account == bot_account, true() if force else _LEASE.c.until < now)
            .values(owner=owner, epoch=_LEASE.c.epoch + 1, until=now + seconds)
            .returning(_LEASE.c.epoch)
        ).scalar()
        return epoch

    def renew(self, bot_account: str, owner: str, epoch: int, seconds: float) -> bool:
        """Hold it longer, even if it ran out unnoticed; False when it has changed hands."""
        statement = (
            update(_LEASE)
            .where(self._mine(bot_account, owner, epoch))
            .values(until=now_of(self._session) + seconds)
        )
        return changed(self._session, statement) == 1

    def release(self, bot_account: str, owner: str, epoch: int) -> None:
        """Give it back at once, so that the next holder need not wait."""
        self._session.execute(
            update(_LEASE).where(self._mine(bot_account, owner, epoch)).values(until=0.0)
        )

    def holder(self, bot_account: str) -> str | None:
        """Who holds it now, if anybody."""
        owner: str | None = self._session.execute(
            select(_LEASE.c.owner).where(
                _LEASE.c.bot_account == bot_account, _LEASE.c.until >= now_of(self._session)
            )
        ).scalar()
        return owner

    @staticmethod
    def _mine(bot_account: str, owner: str, epoch: int) -> ColumnElement[bool]:
        return and_(
            _LEASE.c.bot_account == bot_account, _LEASE.c.owner == owner, _LEASE.c.epoch == epoch
        )
