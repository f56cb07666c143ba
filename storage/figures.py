"""How much waits and for how long: what an operator's monitor asks for, now and then.

Counts and instants only, each by a partial index, so that asking costs nothing that grows with what
is kept. Nothing here is personal, and nothing here judges a figure.

Source: quality, S4; requirement: an operator sees that people are being answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import String, bindparam, case, func, literal_column, select
from sqlalchemy.orm import Session

from storage.tables import Inbox, Outbox, Timer
from storage.upsert import table_of
from storage.utc import Utc

PARKED: Final = ("in_doubt", "failed", "unreachable")

_IN, _OUT, _TIMER = table_of(Inbox), table_of(Outbox), table_of(Timer)
_NOW = bindparam("now", type_=Utc)
# States are written out, not bound: only so do the planners know that the partial indexes apply.
_HEARD = select(func.count(), func.min(_IN.c.received_at)).where(
    _IN.c.state == literal_column("'received'")
)
_QUEUED = (
    select(
        _OUT.c.bot_account,
        func.count(),
        func.sum(case((_OUT.c.not_before <= _NOW, 1), else_=0)),
        func.min(_OUT.c.not_before),
    )
    .where(_OUT.c.state == literal_column("'queued'"))
    .group_by(_OUT.c.bot_account)
)
_SENDING = (
    select(_OUT.c.bot_account, func.count())
    .where(_OUT.c.state == literal_column("'sending'"))
    .group_by(_OUT.c.bot_account)
)
_PARKED = (
    select(_OUT.c.state, func.count())
    .where(_OUT.c.state.in_(tuple(literal_column(f"'{s}'", String) for s in PARKED)))
    .group_by(_OUT.c.state)
)
_DUE = select(func.count(), func.min(_TIMER.c.due_at)).where(
    _TIMER.c.state == literal_column("'pending'"), _TIMER.c.due_at <= _NOW
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A queue.

    Attributes:
        rows: How many wait, all told.
        due: How many of them could be done now.
        since: How long the oldest that is due has waited; zero when none is.
    """

    rows: int = 0
    due: int = 0
    since: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Figures:
    """What waits at one instant.

    Attributes:
        heard: Received and not worked yet.
        queued: To be said, by sending identity.
        sending: In flight, by sending identity.
        parked: Waiting for staff, by state (`PARKED`).
        timers: Due and not fired yet.
    """

    heard: Waiting
    queued: Mapping[str, Waiting]
    sending: Mapping[str, int]
    parked: Mapping[str, int]
    timers: Waiting

    @property
    def outbox(self) -> Waiting:
        """To be said, with whatever token."""
        queues = self.queued.values()
        return Waiting(
            sum(queue.rows for queue in queues),
            sum(queue.due for queue in queues),
            max((queue.since for queue in queues), default=timedelta(0)),
        )


def figures(session: Session, now: datetime) -> Figures:
    """Ask what waits.

    Args:
        session: Of an open unit of work.
        now: UTC.
    """
    heard, oldest = session.execute(_HEARD).one()
    due, earliest = session.execute(_DUE, {"now": now}).one()
    queued = session.execute(_QUEUED, {"now": now}).all()
    sending = {row[0]: row[1] for row in session.execute(_SENDING)}
    parked = {row[0]: row[1] for row in session.execute(_PARKED)}
    return Figures(
        heard=Waiting(heard, heard, _since(oldest, now)),
        queued={
            account: Waiting(rows, int(ready), _since(first, now))
            for account, rows, ready, first in queued
        },
        sending=sending,
        parked={state: parked.get(state, 0) for state in PARKED},
        timers=Waiting(due, due, _since(earliest, now)),
    )


def _since(instant: datetime | None, now: datetime) -> timedelta:
    return max(now - instant, timedelta(0)) if instant is not None else timedelta(0)
