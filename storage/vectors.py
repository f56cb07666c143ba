"""What experts' words mean, as kept: which are fresh, which are to be made, which have to go.

A vector is fresh while the expert's row is the one it was made from and the model is the one in
use. How vectors are made and compared is `bot/matching/sense.py`'s affair.

Source: matching goals D (storage) and E7 (killed while encoding: no row lost or done twice).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, delete, func, select
from sqlalchemy.orm import Session

from storage.directory import CONTENT, Profile
from storage.tables import Expert, ExpertVector, Person
from storage.upsert import changed, table_of, upsert

_EXPERT = table_of(Expert)
_VECTOR = table_of(ExpertVector)
_PERSON = table_of(Person)


class Vector(NamedTuple):
    """One expert's vectors as bytes, with what they were made from."""

    person_id: int
    model: str
    fingerprint: int
    rows: int
    entries: bytes
    scale: float


class Todo(NamedTuple):
    """An expert without fresh vectors, and the fingerprint that those to be made belong to."""

    profile: Profile
    fingerprint: int


def _fresh(model: str) -> ColumnElement[bool]:
    return and_(
        _VECTOR.c.person_id == _EXPERT.c.person_id,
        _VECTOR.c.fingerprint == _EXPERT.c.fingerprint,
        _VECTOR.c.model == model,
    )


class Vectors:
    """Queries and statements on vectors, inside the caller's transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def fresh(self, model: str) -> Iterator[Vector]:
        """The fresh vectors of consenting experts, in the order of their ids."""
        found = self._session.execute(
            select(*_VECTOR.c)
            .join(_EXPERT, _fresh(model))
            .where(_EXPERT.c.consenting.is_(True))
            .order_by(_VECTOR.c.person_id)
        )
        return (Vector(*row) for row in found)

    def lacking(self, model: str) -> int:
        """How many consenting experts have no fresh vectors."""
        query = (
            select(func.count())
            .select_from(_EXPERT.outerjoin(_VECTOR, _fresh(model)))
            .where(_EXPERT.c.consenting.is_(True), _VECTOR.c.person_id.is_(None))
        )
        return int(self._session.scalar(query) or 0)

    def todo(self, model: str, limit: int, after: int = 0) -> list[Todo]:
        """A few consenting experts without fresh vectors, in the order of their ids.

        Args:
            model: The encoder in use.
            limit: How many at most.
            after: Only people of a higher id.
        """
        found = self._session.execute(
            select(
                _EXPERT.c.fingerprint,
                _EXPERT.c.person_id,
                _PERSON.c.promo,
                *(_EXPERT.c[name] for name in CONTENT),
            )
            .select_from(_EXPERT.outerjoin(_VECTOR, _fresh(model)))
            .join(_PERSON, _PERSON.c.id == _EXPERT.c.person_id)
            .where(
                _EXPERT.c.consenting.is_(True),
                _VECTOR.c.person_id.is_(None),
                _EXPERT.c.person_id > after,
            )
            .order_by(_EXPERT.c.person_id)
            .limit(limit)
        )
        todo = []
        for fingerprint, *row in found:
            values: list[Any] = [tuple(v) if isinstance(v, list) else v for v in row]
            todo.append(Todo(Profile(*values), fingerprint))
        return todo

    def keep(self, vectors: Iterable[Vector]) -> None:
        """Write vectors, in place of those there; nothing of people who are gone meanwhile."""
        rows = {one.person_id: one._asdict() for one in vectors}
        here = set(
            self._session.scalars(select(_EXPERT.c.person_id).where(_EXPERT.c.person_id.in_(rows)))
        )
        values = [row for number, row in rows.items() if number in here]
        if not values:
            return
        statement = upsert(self._session, _VECTOR).values(values)
        new = {name: statement.excluded[name] for name in Vector._fields if name != "person_id"}
        self._session.execute(
            statement.on_conflict_do_update(index_elements=["person_id"], set_=new)
        )

    def drop_withdrawn(self) -> int:
        """Delete the vectors of who does not agree to be proposed any more; how many."""
        willing = select(_EXPERT.c.person_id).where(_EXPERT.c.consenting.is_(True))
        return changed(
            self._session, delete(ExpertVector).where(_VECTOR.c.person_id.not_in(willing))
        )
