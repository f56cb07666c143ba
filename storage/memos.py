"""What the instance remembers about itself: when it last lived, what staff said of its clock.

A handful of rows by name, none of them personal: an account is in a name as a keyed mark at most.
What a name means is known by whoever writes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select

from storage.statements import Statements
from storage.tables import Memo
from storage.upsert import table_of, upsert

_MEMO = table_of(Memo)


@dataclass(frozen=True, slots=True)
class Remembered:
    """A memo.

    Attributes:
        at: The instant it is about (UTC).
        detail: Numbers and names of ours, never personal.
    """

    at: datetime
    detail: Mapping[str, Any]


class MemoStore:
    """The statements of the memos."""

    def __init__(self, statements: Statements) -> None:
        self._session = statements

    def get(self, name: str) -> Remembered | None:
        """What is remembered under a name."""
        row = self._session.execute(
            select(_MEMO.c.at, _MEMO.c.detail).where(_MEMO.c.name == name)
        ).one_or_none()
        return None if row is None else Remembered(*row)

    def put(self, name: str, at: datetime, detail: Mapping[str, Any] | None = None) -> None:
        """Remember this under a name, instead of what was."""
        fresh = {"at": at, "detail": dict(detail or {})}
        statement = upsert(self._session, _MEMO).values(name=name, **fresh)
        self._session.execute(statement.on_conflict_do_update(index_elements=["name"], set_=fresh))

    def forget_old(self, prefix: str, before: datetime) -> None:
        """Remember nothing from before that instant under names that begin so."""
        named = func.substr(_MEMO.c.name, 1, len(prefix)) == prefix
        self._session.execute(delete(_MEMO).where(named, _MEMO.c.at < before))
