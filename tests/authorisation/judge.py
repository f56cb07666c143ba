"""Who may see which word and change which row, from roles and relations alone.

Nothing here asks the product: not its policies, nor `bot/access.py`. A row belongs to the people
and the programme that its columns lead to; a person is related to whom they share a pair or a
request with. What a column may be shown to at most is its class of privacy in the schema, made
narrower here where the relation says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Table

from storage.tables import Base
from storage.unit_of_work import UnitOfWork
from tests.authorisation.world import BODY, GUEST, SHOWN, World

_STAFF: Final = frozenset({"staff", "owner"})
_LENT: Final = frozenset({
    "request", "proposal", "campaign", "campaign_entry", "campaign_pair", "forbidden", "person",
    "expert", "conversation", "outbox", "audit", "timer",
})  # fmt: skip
"""What the verbs lent to the other body of staff are about: `demandes`, `campagne`."""
_SOFT: Final = {
    "conversation_id": "conversation", "request_id": "request", "owner_id": "person",
    "actor_id": "person", "person_id": "person", "about_id": None, "supervisor_id": "person",
}  # fmt: skip
_TEAM_READS: Final = frozenset({("conversation", "snapshot")})  # of class self, read by the team
_OWN: Final = frozenset({"audit", "timer", "memo"})  # the program's own notes of what was done


@dataclass(frozen=True, slots=True)
class Belongs:
    """Whose a row is.

    Attributes:
        people: Whom it is about.
        places: Programmes it is of.
        kind: Of a dialogue: what it asks.
        pairs: Pairs it is about.
    """

    people: frozenset[int]
    places: frozenset[str]
    kind: str = ""
    pairs: frozenset[int] = frozenset()


class Judge:
    """What the world allows, read once.

    Args:
        world: As it was built.
        uow: Open on it.
    """

    def __init__(self, world: World, uow: UnitOfWork) -> None:
        self.world = world
        self.names = {number: name for name, number in world.people.items()}
        self.rows: dict[tuple[str, int], Belongs] = {}
        self.roles: dict[int, dict[str, set[str]]] = {}
        self.members: dict[int, set[str]] = {}
        session = uow.session.connection()
        for place, person, role, state in session.exec_driver_sql(
            "SELECT programme_id, person_id, role, state FROM membership"
        ):
            if state != "ended":
                self.members.setdefault(person, set()).add(place)
            if state == "active":
                self.roles.setdefault(person, {}).setdefault(place, set()).add(role)
        for table in Base.metadata.sorted_tables:
            if table.dialect_options["sqlite"]["with_rowid"] is False:
                continue
            for row in session.exec_driver_sql(
                f'SELECT rowid AS rowid_, * FROM "{table.name}"'
            ).mappings():
                self.rows[table.name, row["rowid_"]] = self.belongs(uow, table, dict(row))
        self.related: dict[int, set[int]] = {}
        self.supervised: dict[int, set[int]] = {}
        for (table_name, number), found in self.rows.items():
            if table_name in ("pair", "proposal", "campaign_pair", "request"):
                for one in found.people:
                    self.related.setdefault(one, set()).update(found.people)
            if table_name == "pair":
                (by,) = session.exec_driver_sql(
                    f"SELECT supervisor_id FROM pair WHERE id = {number}"
                ).one()
                if by is not None:
                    self.supervised.setdefault(by, set()).add(number)

    def belongs(self, uow: UnitOfWork, table: Table, row: dict[str, object]) -> Belongs:
        """Whose a row is, following what its columns point to."""
        people: set[int] = set()
        places: set[str] = set()
        pairs: set[int] = set()
        if table.name == "person":
            people.add(int(str(row["id"])))
        if table.name == "pair":
            pairs.add(int(str(row["id"])))
            row = {k: v for k, v in row.items() if k != "supervisor_id"}
        for column in table.columns:
            value = row.get(column.name)
            if value is None:
                continue
            if column.name == "programme_id" and isinstance(value, str) and value:
                if table.name != "person":
                    places.add(value)
                continue
            target = next((key.column.table.name for key in column.foreign_keys), None)
            target = target or _SOFT.get(column.name)
            if target == "person" and isinstance(value, int):
                people.add(value)
            elif target is not None and isinstance(value, int):
                more = self._row(uow, target, value)
                people |= more.people
                places |= more.places
                pairs |= more.pairs
        if table.name == "conversation" and isinstance(about := row["about_id"], int):
            found = uow.session.connection().exec_driver_sql(
                f"SELECT pair_id FROM checkin WHERE id = {about}"
            )
            pairs.add(int(found.scalar() or about))
        if not places:
            for one in people:
                places |= self.members.get(one, set())
        return Belongs(
            frozenset(people), frozenset(places), str(row.get("kind") or ""), frozenset(pairs)
        )

    def _row(self, uow: UnitOfWork, table: str, number: int) -> Belongs:
        known = self.rows.get((table, number))
        if known is not None:
            return known
        found = uow.session.connection().exec_driver_sql(
            f'SELECT * FROM "{table}" WHERE rowid = {number}'
        )
        row = found.mappings().first()
        nothing = Belongs(frozenset(), frozenset())
        if row is None:
            return nothing
        return self.belongs(uow, Base.metadata.tables[table], dict(row))

    # --- what is allowed ---

    def is_staff(self, viewer: int, places: frozenset[str]) -> bool:
        """Whether somebody is of the team, or an owner, of one of these programmes."""
        mine = self.roles.get(viewer, {})
        return any(mine.get(place, set()) & _STAFF for place in places)

    def lent(self, viewer: int, table: str, found: Belongs) -> bool:
        """Whether it is of what is lent to the other body of staff."""
        mine = self.roles.get(viewer, {})
        if not any(BODY in mine.get(place, set()) for place in found.places):
            return False
        if table == "conversation" and found.kind not in ("intake", ""):
            return False
        return table in _LENT or "request_id" in Base.metadata.tables[table].c

    def follows(self, viewer: int, found: Belongs) -> bool:
        """Whether it is about a pair that this supervisor follows."""
        return bool(self.supervised.get(viewer, set()) & found.pairs)

    def leads(self, supervisor: int, person: int) -> bool:
        """Whether somebody is in a pair that this supervisor follows."""
        pairs = self.supervised.get(supervisor, set())
        return any(person in self.rows["pair", number].people for number in pairs)

    def may_see(self, viewer: int | None, word: str) -> bool:
        """Whether somebody may read a word."""
        canary = self.world.canaries[word]
        found = self.rows.get((canary.table, canary.number))
        if viewer is None or found is None:
            return False
        people = found.people
        if canary.table == "expert":
            people = frozenset({canary.number})
        if viewer in people and self._own_half(viewer, canary.table, canary.number):
            return True
        team = self.is_staff(viewer, found.places) or self.lent(viewer, canary.table, found)
        if team and found.pairs & self._pairs_of(viewer):
            team = False  # nobody is of the team for what is about their own pair
        if canary.table in ("person", "expert") and canary.column in self._CARD:
            # The directory is one for all programmes: whoever is of a team looks people up there.
            team = team or bool(
                set(self.roles.get(viewer, {})) and self._team_anywhere(viewer) and
                self._in_directory(canary.number)
            )  # fmt: skip
        if canary.privacy == "self":
            followed = self.follows(viewer, found)
            return (team or followed) and (canary.table, canary.column) in _TEAM_READS
        if team:
            return True
        near = bool(people & self.related.get(viewer, set()))
        followed = self.follows(viewer, found) or (
            canary.table == "person" and self.leads(viewer, canary.number)
        )
        if canary.privacy == "staff":
            return followed
        if (canary.table, canary.column) == ("person", "name"):
            near = near or self.leads(canary.number, viewer)  # who answers for the team
        if (canary.table, canary.column) == ("partner", "name"):  # whom they may show themselves to
            mine = self.roles.get(viewer, {})
            return any("mentee" in mine.get(place, set()) for place in found.places)
        if canary.privacy == "partner":
            return near or followed or self._shown(viewer, canary.number)
        return near or followed or self._shown(viewer, canary.number)

    def _pairs_of(self, person: int) -> set[int]:
        return {
            n for (table, n), row in self.rows.items() if table == "pair" and person in row.people
        }

    _CARD: Final = frozenset(
        {"name", "job", "employer", "sector", "city", "country", "topics", "bio", "school"}
    )

    def _own_half(self, viewer: int, table: str, number: int) -> bool:
        """Whether a row about several people is wholly theirs to read: not what staff say of it."""
        return table not in ("campaign_pair", "proposal") or viewer == self._mentee(table, number)

    def _mentee(self, table: str, number: int) -> int | None:
        # Reasons are written for the mentee of a proposal; of a draft they are the team's alone.
        found = self.rows[table, number]
        sides = [p for p in found.people if "mentee" in self.names.get(p, "")]
        return sides[0] if table == "proposal" and sides else None

    def _team_anywhere(self, viewer: int) -> bool:
        return any(roles & _STAFF for roles in self.roles.get(viewer, {}).values())

    def _in_directory(self, person: int) -> bool:
        return ("expert", person) in self.rows

    def _shown(self, viewer: int, person: int) -> bool:
        """Whether an expert has agreed to be shown, in a programme where the viewer has a role."""
        if self.names.get(person) not in SHOWN:
            return False
        return bool(self.members.get(person, set()) & set(self.roles.get(viewer, {})))

    def may_change(self, actor: int | None, table: str, found: Belongs) -> bool:
        """Whether somebody may cause a row to change, or to be there."""
        known = found.people & self.names.keys()
        if table in _OWN or not known:
            return True  # of nobody that was here before
        if actor is None:
            return False
        near = self.related.get(actor, set()) | {actor}
        if actor in known and all(one in near or self.leads(one, actor) for one in known):
            return True
        if self.is_staff(actor, found.places) or self.lent(actor, table, found):
            return True
        if self.follows(actor, found):
            return True
        if table in ("outbox", "person_key"):  # a first message makes the reader's key
            return all(self.may_be_told(actor, one) for one in known)
        return known <= self.related.get(actor, set()) and actor in self.names

    def may_be_told(self, actor: int | None, person: int) -> bool:
        """Whether what somebody does may lead to a message to a person."""
        if actor is None:
            return False
        if person == actor or person in self.related.get(actor, set()):
            return True
        if self.leads(actor, person) or self.leads(person, actor):
            return True
        theirs = self.members.get(actor, set())
        if any(BODY in self.roles.get(person, {}).get(place, ()) for place in theirs):
            return True  # what they may read of it is judged word by word
        if self.is_staff(person, frozenset(theirs)) or not theirs:
            return self.is_staff(person, frozenset(theirs))
        if self.is_staff(actor, frozenset(self.members.get(person, set()))):
            return True
        return self.lent(actor, "outbox", Belongs(frozenset({person}), frozenset(theirs)))

    def is_shown_by(self, actor: int | None, reader: int | None, word: str) -> bool:
        """Whether a report may show a word: to its writer the name of the person who protects.

        And to that person whatever its writer may read.
        """
        canary = self.world.canaries[word]
        if actor is None or reader is None:
            return False
        if reader == actor:
            theirs = frozenset(self.members.get(actor, set()))
            is_name = (canary.table, canary.column) == ("person", "name")
            return is_name and self._protects(canary.number, theirs)
        found = self.rows.get((canary.table, canary.number))
        return (
            found is not None and self.may_see(actor, word) and self._protects(reader, found.places)
        )

    def may_report(self, actor: int | None, found: Belongs) -> bool:
        """Whether a row is of a report: of its writer, whom they know, and who protects them."""
        if actor is None:
            return False
        near = self.related.get(actor, set()) | {actor}
        theirs = frozenset(self.members.get(actor, set()))
        return all(one in near or self._protects(one, theirs) for one in found.people)

    def _protects(self, person: int, places: frozenset[str]) -> bool:
        """Whether somebody is the safeguarding person; an owner is, where nobody was named."""
        return any(self._role_of_guard(p) in self.roles.get(person, {}).get(p, ()) for p in places)

    def _role_of_guard(self, place: str) -> str:
        named = any("safeguarding" in mine.get(place, set()) for mine in self.roles.values())
        return "safeguarding" if named else "owner"

    def is_theirs(self, actor: int | None, table: str, number: int) -> bool:
        """Whether a row is somebody's to act on at all; else it has to look as if it were not."""
        found = self.rows.get((table, number))
        if actor is None or found is None:
            return False
        if actor in found.people or self.is_staff(actor, found.places):
            return True
        if self.lent(actor, table, found) or self.follows(actor, found):
            return True
        if table == "expert" or (table == "person" and self._in_directory(number)):
            return self._team_anywhere(actor)
        return False


def who(world: World, name: str) -> int | None:
    """The number of an actor; None for a guest and for somebody erased."""
    return None if name in (GUEST, "erased") else world.people[name]
