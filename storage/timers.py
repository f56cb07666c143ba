"""What is due, and when: the calendar of which the ticker is only the alarm.

A timer never does anything itself: firing it is one transaction that writes messages and the next
timers. The store does not know what a kind of timer means.

Source: delivery protocol, T0; requirement E-06 (prompts by themselves).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, bindparam, delete, func, literal_column, select, update

from storage.statements import Statements
from storage.tables import Timer
from storage.upsert import AnyRow, changed, table_of, upsert
from storage.utc import Utc

_TIMER = table_of(Timer)
_COLUMNS = (
    _TIMER.c.id,
    _TIMER.c.key,
    _TIMER.c.kind,
    _TIMER.c.subject_id,
    _TIMER.c.due_at,
    _TIMER.c.version,
    _TIMER.c.payload,
)
# Written out rather than bound: only so do the planners know that the partial index on pending
# timers applies.
_PENDING = _TIMER.c.state == literal_column("'pending'")
_DUE = (  # made once: asked every few seconds
    select(*_COLUMNS)
    .where(_PENDING, _TIMER.c.due_at <= bindparam("now", type_=Utc))
    .order_by(_TIMER.c.due_at, _TIMER.c.id)
    .limit(bindparam("most", type_=Integer))
    .with_for_update(skip_locked=True)
)
_SET = update(_TIMER).where(_TIMER.c.id == bindparam("row_id"))


@dataclass(frozen=True, slots=True)
class DueTimer:
    """A timer as planned.

    Attributes:
        id: Number of the row.
        key: Its meaning: `"{kind}:{subject}:{occurrence}"`.
        kind: What it is for; `bot.followup` knows.
        subject_id: What it is about (a series, a proposal, a report …).
        due_at: When (UTC).
        version: Version of the subject it was planned for; another version means the plan is stale.
        payload: Ids and cursors, never personal text.
    """

    id: int
    key: str
    kind: str
    subject_id: int
    due_at: datetime
    version: int
    payload: Mapping[str, Any]


class TimerStore:
    """The statements of the timers."""

    def __init__(self, statements: Statements) -> None:
        self._session = statements

    def put(
        self,
        *,
        key: str,
        kind: str,
        subject_id: int,
        due_at: datetime,
        version: int = 1,
        payload: Mapping[str, Any] | None = None,
    ) -> bool:
        """Plan something; never twice under a key, but a cancelled plan may be made again.

        Returns:
            Whether it is planned by this call.

        Raises:
            ValueError: The key is too long for its column.
        """
        if len(key) > 160:
            raise ValueError(f"timer key of {len(key)} characters")
        values = {
            "key": key,
            "kind": kind,
            "subject_id": subject_id,
            "due_at": due_at,
            "version": version,
            "state": "pending",
            "payload": dict(payload or {}),
        }
        fresh = {name: values[name] for name in ("due_at", "version", "state", "payload")}
        statement = upsert(self._session, _TIMER).values(values)
        statement = statement.on_conflict_do_update(
            index_elements=["key"], set_=fresh, where=_TIMER.c.state == "cancelled"
        )
        return self._session.execute(statement.returning(_TIMER.c.id)).scalar() is not None

    def cancel(self, kind: str, subject_id: int) -> int:
        """Cancel what is pending of a kind for a subject; how many."""
        return changed(
            self._session,
            update(_TIMER)
            .where(
                _TIMER.c.kind == kind,
                _TIMER.c.subject_id == subject_id,
                _PENDING,
            )
            .values(state="cancelled"),
        )

    def cancel_key(self, key: str) -> bool:
        """Cancel what is pending under a key; whether something was."""
        return bool(
            changed(
                self._session,
                update(_TIMER).where(_TIMER.c.key == key, _PENDING).values(state="cancelled"),
            )
        )

    def is_pending(self, key: str) -> bool:
        """Whether what was planned under a key is still to come."""
        found = select(_TIMER.c.id).where(_TIMER.c.key == key, _PENDING)
        return self._session.execute(found).first() is not None

    def is_over(self, key: str) -> bool:
        """Whether what was planned under a key has fired."""
        state = self._session.execute(select(_TIMER.c.state).where(_TIMER.c.key == key)).scalar()
        return state == "fired"

    def due(self, now: datetime, limit: int) -> list[DueTimer]:
        """What is due, oldest first, locked here; what another process holds is left out."""
        rows = self._session.execute(_DUE, {"now": now, "most": limit})
        return [_read(row) for row in rows]

    def next_due(self, after: datetime) -> datetime | None:
        """The next instant after that one at which something is due."""
        due: datetime | None = self._session.execute(
            select(func.min(_TIMER.c.due_at)).where(_PENDING, _TIMER.c.due_at > after)
        ).scalar()
        return due

    def fire(self, timer: DueTimer) -> None:
        """The timer's effect is in this transaction."""
        self._session.execute(_SET.values(state="fired"), {"row_id": timer.id})

    def again(
        self, timer: DueTimer, due_at: datetime, payload: Mapping[str, Any] | None = None
    ) -> None:
        """Let it come again: the next chunk of a fan-out (cursor in `payload`), a new try."""
        new = dict(timer.payload if payload is None else payload)
        self._session.execute(
            _SET.values(state="pending", due_at=due_at, payload=new), {"row_id": timer.id}
        )

    def list(
        self,
        *,
        kind: str | None = None,
        subject_id: int | None = None,
        state: str = "pending",
        limit: int = 100,
    ) -> Sequence[DueTimer]:
        """Timers in a state, soonest first."""
        query = select(*_COLUMNS).where(_TIMER.c.state == state)
        if kind is not None:
            query = query.where(_TIMER.c.kind == kind)
        if subject_id is not None:
            query = query.where(_TIMER.c.subject_id == subject_id)
        rows = self._session.execute(query.order_by(_TIMER.c.due_at, _TIMER.c.id).limit(limit))
        return [_read(row) for row in rows]

    def purge(self, before: datetime, limit: int = 1000) -> int:
        """Delete up to `limit` settled timers that were due before that; call until 0."""
        old = (
            select(_TIMER.c.id)
            .where(_TIMER.c.state != "pending", _TIMER.c.due_at < before)
            .limit(limit)
        )
        return changed(self._session, delete(_TIMER).where(_TIMER.c.id.in_(old)))


def _read(row: AnyRow) -> DueTimer:
    return DueTimer(*row)
