"""Who is a minor here, what is still missing before they may begin, and who may be with them.

Worked out afresh at each turn from the date of birth, the parents' word and the mentor's check as
staff recorded them: a birthday, a revocation or the end of a check counts from that moment on. Who
records them, and what is said, is for the callers.

Source: P4; GDPR 8, loi Informatique et Libertés art. 45, CASF D221-34 s.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Literal, Protocol
from zoneinfo import ZoneInfo

from bot import contacts
from bot.programmes.protection import OF_AGE
from bot.programmes.schema import Programme
from storage.tables import Pair, Person

if TYPE_CHECKING:
    from bot.turn import Scene

Missing = Literal["role", "yes", "agreement", "joint"]
SIDES = frozenset({"mentee", "mentor"})


class Named(Protocol):
    """Whoever has a name."""

    @property
    def name(self) -> str | None:
        """As it is kept."""


def age(scene: Scene, person: Person, programme: Programme) -> int | None:
    """Whole years on this day where the person lives; None when nobody recorded a birth date."""
    if person.born_on is None:
        return None
    return _years(person.born_on, scene.today(person, programme))


def _years(born: date, today: date) -> int:
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def of_age(born_on: date | None, zone: str | None, *, programme: Programme, now: datetime) -> bool:
    """Whether somebody may be shown to companies: of full age on this day where they live.

    Without a date of birth they are, unless the programme takes minors.

    Args:
        born_on: Their date of birth, if it was recorded.
        zone: IANA time zone of their own, if they gave one.
        programme: Where.
        now: UTC.
    """
    if born_on is None:
        return programme.minors is None
    return _years(born_on, now.astimezone(ZoneInfo(zone or programme.zone)).date()) >= OF_AGE


def is_minor(scene: Scene, person: Person, programme: Programme) -> bool:
    """Whether to treat somebody as a minor in this programme.

    Without a date of birth everybody is who is not there as a mentor or to work: a pupil can't make
    themselves older by saying nothing, nor by taking a second role, nor by asking for the mentor's.
    """
    if programme.minors is None:
        return False
    years = age(scene, person, programme)
    if years is not None:
        return years < OF_AGE
    roles = _roles(scene, person, programme)
    return "mentee" in roles or all(state == "pending" for state in roles.values())


def missing(scene: Scene, person: Person, programme: Programme) -> Missing | None:
    """What must still be there before anything of a minor is kept or sent; None when they may go.

    A role comes first; of who asks to be a mentor, the team's yes; of a pupil, the written
    agreement of the parents, which under fifteen is also their consent beside the child's.
    """
    rules = programme.minors
    if rules is None or not is_minor(scene, person, programme):
        return None
    roles = _roles(scene, person, programme)
    if not roles:
        return "role"
    if person.born_on is None and "mentee" not in roles:
        return "yes"
    word = scene.uow.safety.guardian(person.id, programme.id)
    if word is None:
        return "agreement"
    years = age(scene, person, programme)
    return "joint" if not word.joint and (years is None or years < rules.joint_under) else None


def waiting(scene: Scene, programme: Programme) -> frozenset[int]:
    """Everybody of a programme who may not be sent anything yet, or not any more."""
    if programme.minors is None:
        return frozenset()
    people = {
        person.id: person
        for role in sorted(SIDES)
        for person in scene.uow.people.with_role(programme.id, role)
    }
    return frozenset(
        number for number, one in people.items() if missing(scene, one, programme) is not None
    )


def _roles(scene: Scene, person: Person, programme: Programme) -> dict[str, str]:
    """Role → state, of those not ended."""
    return {
        m.role: m.state
        for m in scene.uow.people.programmes_of(person.id)
        if m.programme_id == programme.id
    }


def is_checked(scene: Scene, person_id: int, programme: Programme) -> bool:
    """Whether somebody may be with minors now."""
    check = scene.uow.safety.mentor_check(person_id, programme.id)
    return check is not None and check.until > scene.now


def may_meet(scene: Scene, one: Person, other_id: int, programme: Programme) -> bool:
    """Whether these two may be put in touch, or stay so, whichever is the minor."""
    if programme.minors is None:
        return True
    both = (one, scene.person(other_id))
    young = [person for person in both if is_minor(scene, person, programme)]
    if not young:
        return True
    return all(missing(scene, person, programme) is None for person in young) and all(
        is_checked(scene, person.id, programme) for person in both if person not in young
    )


def shown(text: str | None, programme: Programme) -> str:
    """What somebody wrote on their card as the other side of a programme may read it.

    Where minors are, nothing of a text that would put two people in touch outside: it may have been
    imported, or written in a programme where that is nobody's concern.
    """
    hidden = programme.minors is not None and text and contacts.find(text)
    return "" if hidden or not text else text


def called(person: Named, programme: Programme) -> str:
    """Somebody's name as the other side of a programme may read it; "—" when there is none.

    Where minors are, up to what would put two people in touch outside.
    """
    name = person.name or ""
    spots = contacts.find(name) if programme.minors is not None else ()
    return (name[: spots[0].start].rstrip(" ,;:·-/(") if spots else name) or "—"


def protects(scene: Scene, pair: Pair) -> bool:
    """Whether one side of a pair is a minor: all that passes between them is looked at."""
    programme = scene.programme_of(pair.programme_id)
    return any(
        is_minor(scene, scene.person(side), programme) for side in (pair.mentee_id, pair.mentor_id)
    )
