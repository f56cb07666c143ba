"""Classes, their pupils and who teaches them. Who may read it is for the callers."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import case, delete, func, select
from sqlalchemy.orm import Session

from storage.tables import ClassPlace, Membership, Pair, Person, Request
from storage.upsert import changed, insert_new, table_of


class Classes:
    """Queries on the classes of a programme."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def places(self, programme_id: str, key: str) -> Sequence[ClassPlace]:
        """Everybody's place in a class; nothing when there is no such class."""
        return self._session.scalars(
            select(ClassPlace)
            .where(ClassPlace.programme_id == programme_id, ClassPlace.key == key)
            .order_by(ClassPlace.id)
        ).all()

    def of_programme(
        self, programme_id: str, teacher_id: int | None = None
    ) -> Sequence[tuple[str, str, int]]:
        """The classes of a programme, or those somebody teaches: key, name, number of pupils."""
        pupils = func.sum(case((ClassPlace.role == "pupil", 1), else_=0))
        query = (
            select(ClassPlace.key, func.min(ClassPlace.name), pupils)
            .where(ClassPlace.programme_id == programme_id)
            .group_by(ClassPlace.key)
            .order_by(ClassPlace.key)
        )
        if teacher_id is not None:
            theirs = select(ClassPlace.key).where(
                ClassPlace.programme_id == programme_id,
                ClassPlace.person_id == teacher_id,
                ClassPlace.role == "teacher",
            )
            query = query.where(ClassPlace.key.in_(theirs))
        rows = self._session.execute(query)
        return [(str(key), str(name), int(number)) for key, name, number in rows]

    def put(self, programme_id: str, key: str, name: str, person_id: int, role: str) -> bool:
        """Give somebody a place; False when they have one in this class already."""
        place = {
            "programme_id": programme_id,
            "key": key,
            "name": name,
            "person_id": person_id,
            "role": role,
        }
        return insert_new(self._session, table_of(ClassPlace), place) is not None

    def take(self, programme_id: str, key: str, person_id: int) -> bool:
        """Take somebody's place; False when they have none there."""
        gone = delete(ClassPlace).where(
            ClassPlace.programme_id == programme_id,
            ClassPlace.key == key,
            ClassPlace.person_id == person_id,
        )
        return bool(changed(self._session, gone))

    def people(self, programme_id: str, person_ids: Collection[int]) -> Sequence[Person]:
        """Those of these people who have not left the programme, by name."""
        here = select(Membership.person_id).where(
            Membership.programme_id == programme_id, Membership.state != "ended"
        )
        return self._session.scalars(
            select(Person)
            .where(Person.id.in_(person_ids), Person.id.in_(here))
            .order_by(Person.name, Person.id)
        ).all()

    def requests(self, programme_id: str, person_ids: Collection[int]) -> dict[int, Request]:
        """The latest request of each of these people, by person."""
        rows = self._session.scalars(
            select(Request)
            .where(Request.programme_id == programme_id, Request.person_id.in_(person_ids))
            .order_by(Request.id)
        )
        return {row.person_id: row for row in rows}

    def pairs(self, programme_id: str, person_ids: Collection[int]) -> dict[int, list[Pair]]:
        """The pairs of these people as mentees, by person; none that waits for the mentor's yes."""
        found: dict[int, list[Pair]] = {}
        for row in self._session.scalars(
            select(Pair)
            .where(
                Pair.programme_id == programme_id,
                Pair.mentee_id.in_(person_ids),
                Pair.state != "proposed",
            )
            .order_by(Pair.id)
        ):
            found.setdefault(row.mentee_id, []).append(row)
        return found
