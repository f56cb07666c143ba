"""Part of a programme's people: those of a school or association, or of a company.

Somebody is of a company when their card in the directory says so. What such a part is called when
people type it, and how small a one may be told of, this module does not know.

Source: M-17.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from storage.tables import Expert, Membership, Person

People = InstrumentedAttribute[int]
"""A column that says whom a row is about."""


@dataclass(frozen=True, slots=True)
class Group:
    """People, by what is known of them; both have to be so.

    Attributes:
        schools: Any of these, as they are stored; empty: all.
        employers: Any of these, as they are stored; empty: all.
    """

    schools: tuple[str, ...] = ()
    employers: tuple[str, ...] = ()

    def among(self, *columns: People) -> ColumnElement[bool]:
        """Rows in which one of these is of the group."""
        people = select(Person.id).where(*self._known())
        return or_(*(column.in_(people) for column in columns))

    def members(self, session: Session, programme_id: str) -> int:
        """How many of a programme's people are of the group."""
        query = select(func.count()).select_from(Person)
        return session.scalar(query.where(_of(programme_id), *self._known())) or 0

    def _known(self) -> list[ColumnElement[bool]]:
        known: list[ColumnElement[bool]] = []
        if self.schools:
            known.append(Person.school.in_(self.schools))
        if self.employers:
            employed = Expert.employer.in_(self.employers)
            known.append(Person.id.in_(select(Expert.person_id).where(employed)))
        return known


def values(session: Session, programme_id: str) -> tuple[list[str], list[str]]:
    """The schools and the employers that a programme's people have."""
    schools = select(Person.school).where(_of(programme_id), Person.school.is_not(None))
    employers = (
        select(Expert.employer)
        .join(Person, Person.id == Expert.person_id)
        .where(_of(programme_id), Expert.employer != "")
    )
    return (
        sorted(name for name in session.scalars(schools.distinct()) if name),
        sorted(session.scalars(employers.distinct())),
    )


def _of(programme_id: str) -> ColumnElement[bool]:
    return exists().where(
        Membership.person_id == Person.id, Membership.programme_id == programme_id
    )
