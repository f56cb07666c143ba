"""The accounts that the settings name: staff and owner of every programme, once; the last owner.

Afterwards the database decides. That an account was seated in a programme is remembered by a keyed
mark of the account alone, which outlives the person's record: whoever lost the roles, or erased
everything, does not get them back by writing again or by a restart. The way back is `cordee owner`.

Source: quality rules, section 3 ("staff = rows in the database with programme scope"); GDPR 17.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from bot.events import Author
from bot.i18n import Words
from bot.messages import Message
from bot.programmes.schema import Programme
from bot.turn import STAFF_ROLES, Scene, within, workspace_of
from storage.tables import Person
from storage.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from bot.bot import Bot

SEATS: Final = ("staff", "owner")
_MEMO: Final = "seated:"


def seated(uow: UnitOfWork, platform: str, account: str) -> frozenset[str]:
    """The programmes in which an account has had its seat, whoever it belongs to now."""
    memo = uow.memos.get(_name(uow, platform, account))
    return frozenset(memo.detail["programmes"]) if memo else frozenset()


def _name(uow: UnitOfWork, platform: str, account: str) -> str:
    return _MEMO + uow.vault.mark(f"{platform}:{account}")


def seat(bot: Bot, uow: UnitOfWork, person: Person, author: Author, now: datetime) -> None:
    """Seat the person of an account that the settings name, where it never was before.

    A first time only when the settings name every account of the person: one that was linked to
    somebody's record by a code would seat whoever gave the code too. Later, in a programme that is
    new here, only who is an owner of another still.
    """
    if (author.platform, author.account) not in bot.first_staff:
        return
    people = uow.people
    before = seated(uow, author.platform, author.account)
    theirs = people.programmes_of(person.id)
    if before:
        may = any(m.role == "owner" and m.state == "active" for m in theirs)
    else:
        may = _all_named(uow, person.id, bot.first_staff)
    settled = set(before)
    for programme_id, programme in bot.programmes.items():
        if programme_id in before or not _is_for(programme, author.platform, author.account):
            continue
        missing = [r for r in SEATS if people.membership(person.id, programme_id, r) is None]
        if missing and may:
            _give(Scene(bot, uow, now), person, author, programme, missing)
        if may or not missing:
            settled.add(programme_id)
    if settled != before:
        name = _name(uow, author.platform, author.account)
        uow.memos.put(name, now, {"programmes": sorted(settled)})
    if person.name is None and any(
        m.role in STAFF_ROLES and m.state == "active" for m in people.programmes_of(person.id)
    ):
        person.name = author.name


def _all_named(uow: UnitOfWork, person_id: int, named: Collection[tuple[str, str]]) -> bool:
    return all((i.platform, i.account) in named for i in uow.people.identities(person_id))


def lacks_seat(
    uow: UnitOfWork,
    programme: Programme,
    account: tuple[str, str],
    named: Collection[tuple[str, str]],
) -> bool:
    """Whether an account of the settings lost its seat, or got none: see `seat`.

    False for one that has not been met yet: it is seated when the bot starts.

    Args:
        uow: Where roles are.
        programme: Where it would be seated.
        account: Which, as (platform, account).
        named: All that the settings name.
    """
    identity = uow.people.by_account(*account)
    if identity is not None:
        if uow.people.roles(identity.person_id, programme.id).issuperset(SEATS):
            return False
        if not _all_named(uow, identity.person_id, named) and _is_for(programme, *account):
            return True
    return programme.id in seated(uow, *account)


def _is_for(programme: Programme, platform: str, account: str) -> bool:
    wanted = programme.about.workspaces
    return platform != "slack" or not wanted or workspace_of(account) in wanted


def only_owner_of(scene: Scene, person_id: int) -> list[Programme]:
    """The programmes that have no owner but this person."""
    owners = scene.uow.people.owners
    return [one for one in scene.bot.programmes.values() if owners(one.id) == {person_id}]


def tell_ownerless(scene: Scene, person_id: int) -> None:
    """The only owner is about to be erased: the staff left hear who can name another."""
    for programme in only_owner_of(scene, person_id):

        def build(w: Words, programme: Programme = programme) -> Message:
            name = w.pick(programme.name)
            return Message(w("staff-no-owner", name=name, programme=programme.id))

        staff = [one for one in scene.team(programme) if one.id != person_id]
        scene.tell_staff(programme, build, key=f"ownerless:{programme.id}:{person_id}", to=staff)


def _give(
    scene: Scene, person: Person, author: Author, programme: Programme, roles: Sequence[str]
) -> None:
    """Give the roles; it is in the audit, and the owners that there were before hear of it."""
    people = scene.uow.people
    for role in roles:
        people.enrol(person.id, programme.id, role, now=scene.now)
        people.note(
            "role",
            "person",
            person.id,
            actor_id=None,
            now=scene.now,
            role=role,
            given=1,
            programme=programme.id,
        )
    who = person.name or author.name or f"{author.platform}:{author.account}"
    for owner in people.with_role(programme.id, "owner"):
        member = people.membership(owner.id, programme.id, "owner")
        if owner.id == person.id or member is None or member.since >= scene.now:
            continue  # seated in the same breath
        w = scene.words(owner, programme)
        said = Message(
            w("staff-seated", name=who, number=person.id, programme=w.pick(programme.name))
        )
        key = f"seated:{programme.id}:{person.id}:owner{owner.id}"
        scene.tell(owner, within(programme, said), key=key)
