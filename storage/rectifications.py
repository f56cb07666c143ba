"""What people asked the team to put right, and who read what of theirs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from storage.tables import Audit, Rectification
from storage.upsert import changed
from storage.vault import Vault

READ = "read"
"""The verb of the audit for: somebody read something of this person's."""


class Rectifications:
    """The wishes for corrections of one transaction."""

    def __init__(self, session: Session, vault: Vault) -> None:
        self._session = session
        self._vault = vault

    def ask(self, person_id: int, programme_id: str, text: str, now: datetime) -> Rectification:
        """A new wish."""
        row = Rectification(
            person_id=person_id,
            programme_id=programme_id,
            text=self._vault.seal(self._session, person_id, text),
            asked_at=now,
        )
        self._session.add(row)
        self._session.flush()
        return row

    def text(self, row: Rectification) -> str:
        """What is wrong, in their words."""
        found: str = self._vault.open(self._session, row.person_id, row.text)
        return found

    def settle(self, row: Rectification, version: int, now: datetime) -> bool:
        """It is done; False when somebody else had said so already."""
        same = (Rectification.id == row.id, Rectification.version == version)
        done = update(Rectification).where(*same, Rectification.settled_at.is_(None))
        return changed(self._session, done.values(settled_at=now, version=version + 1)) == 1


def note_reads(
    session: Session,
    found: Iterable[tuple[int | None, int]],
    *,
    what: str,
    programme_id: str | None,
    now: datetime,
) -> None:
    """Write down, in one statement, who is shown something of whose.

    Args:
        session: Of the transaction in which it is shown.
        found: Who reads, and whose it is; what is one's own is left out.
        what: `read-<what>` in the catalogues says it to the person.
        programme_id: Where.
        now: UTC.
    """
    rows = [
        {
            "at": now,
            "actor_id": reader,
            "verb": READ,
            "thing": "person",
            "thing_id": person,
            "detail": {"what": what, "programme": programme_id},
        }
        for reader, person in dict.fromkeys(found)
        if reader != person
    ]
    if rows:
        session.execute(insert(Audit), rows)


def reads(session: Session, person_id: int, limit: int = 500) -> Sequence[Audit]:
    """Who read what of a person's, newest first."""
    return session.scalars(
        select(Audit)
        .where(Audit.verb == READ, Audit.thing == "person", Audit.thing_id == person_id)
        .order_by(Audit.id.desc())
        .limit(limit)
    ).all()
