"""Who read what of somebody's, for the person in charge: after a breach, or when it is asked.

Source: GDPR 15, 33.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import make_url

from bot.errors import CordeeError
from bot.settings import Settings
from storage.copy import copied_apart
from storage.migrate import current
from storage.rectifications import reads
from storage.tables import Person
from storage.unit_of_work import Database, UnitOfWork

MOST = 10_000


@dataclass(frozen=True, slots=True)
class Reading:
    """Somebody was shown something.

    Attributes:
        at: When (UTC).
        name: Of who read it, with their number.
        detail: What it was, and of which programme.
    """

    at: datetime
    name: str
    detail: Mapping[str, Any]


def readings(settings: Settings, person: str) -> list[Reading]:
    """Newest first; the database may be in use, and is only read.

    Raises:
        CordeeError: There is nobody of this number or address.
    """
    secret = settings.cordee_secret_key.get_secret_value()
    url = settings.cordee_database_url
    lite = make_url(url).get_backend_name() == "sqlite"
    database = copied_apart(url, secret, current)[0] if lite else Database(url, secret)
    try:
        with database.unit_of_work() as uow:
            return _found(uow, person)
    finally:
        database.close()


def _found(uow: UnitOfWork, person: str) -> list[Reading]:
    by_number = person.isdecimal()
    which = Person.id == int(person) if by_number else Person.email == person.strip().lower()
    number = uow.session.scalar(select(Person.id).where(which))
    if number is None:
        raise CordeeError(f"Nobody is known by {person!r}.", "Write a number or an address.")
    rows = reads(uow.session, number, MOST)
    names = uow.people.names(row.actor_id for row in rows if row.actor_id is not None)
    return [
        Reading(row.at, f"{names.get(row.actor_id or 0) or '—'} (#{row.actor_id})", row.detail)
        for row in rows
    ]
