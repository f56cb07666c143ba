"""A person's own data: give it all to them, or make it all go.

Both walk the schema, so that a new table with a person in it can't be forgotten. This module does
not know who asks: the caller has made sure that it is the person.

Source: GDPR 15, 17, 20.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Table, delete, or_, select, update
from sqlalchemy.orm import Session

from storage.sealed import Sealed, Unreadable
from storage.tables import Base, Expert, Identity, Inbox, Outbox, Person
from storage.vault import Vault

_SKIPPED = frozenset({"person_key", "audit", "inbox", "outbox", "sender_lease", "timer"})
_OWNERS = ("person_id", "author_id", "mentee_id", "mentor_id", "expert_id", "set_by_id")
_SECRET = frozenset({"digest", "folded", "fingerprint"})


class Privacy:
    """Export and erasure of one person."""

    def __init__(self, session: Session, vault: Vault) -> None:
        self._session = session
        self._vault = vault

    def export_person(self, person_id: int) -> dict[str, list[dict[str, Any]]]:
        """Every row about the person, by table; sealed columns opened when the seal is theirs."""
        found: dict[str, list[dict[str, Any]]] = {}
        for table in Base.metadata.sorted_tables:
            if table.name in _SKIPPED:
                continue
            owners = [table.c[name] for name in _OWNERS if name in table.c]
            if table.name == "person":
                owners = [table.c.id]
            if not owners:
                continue
            rows = self._session.execute(
                select(table).where(or_(*(column == person_id for column in owners)))
            ).mappings()
            found[table.name] = [self._readable(table, dict(row), person_id) for row in rows]
        return found

    def _readable(self, table: Table, row: dict[str, Any], person_id: int) -> dict[str, Any]:
        for column in table.columns:
            if column.name in _SECRET:
                row.pop(column.name)
            elif isinstance(column.type, Sealed) and row[column.name] is not None:
                try:
                    row[column.name] = self._vault.open(self._session, person_id, row[column.name])
                except Unreadable:
                    row[column.name] = None  # sealed for the other side: theirs to export
        return row

    def erase_person(self, person_id: int, now: datetime) -> None:
        """Destroy the key and the rows, and what still waits to be sent or worked.

        Rows of others that only point at the person go with the pair or request they belong to.
        """
        self._session.execute(
            delete(Outbox).where(Outbox.person_id == person_id, Outbox.state == "queued")
        )
        self._session.execute(
            update(Outbox).where(Outbox.person_id == person_id).values(payload=None)
        )
        self._session.execute(
            update(Inbox).where(Inbox.person_id == person_id).values(payload=None, person_id=None)
        )
        self._session.flush()
        self._session.execute(delete(Expert).where(Expert.person_id == person_id))
        self._session.execute(delete(Identity).where(Identity.person_id == person_id))
        self._session.execute(delete(Person).where(Person.id == person_id))
        self._session.expire_all()
        self._vault.forget(self._session)
