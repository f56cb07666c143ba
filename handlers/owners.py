"""`cordee owner`: names an owner of a programme, on the machine itself.

For a programme that has none: its people were imported as staff before anybody of `CORDEE_STAFF`
wrote, or its only owner left. From then on owners give and take roles in the chat (`roles`). It
refuses to know who asks: whoever may run this reads the database anyway.

Source: quality rules, section 3 ("staff = rows in the database with programme scope").
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from bot.errors import CordeeError
from bot.programmes.load import load_all
from bot.settings import Settings
from handlers.alone import exclusive
from storage.unit_of_work import Database, UnitOfWork

CODE_DAYS: Final = 7


class Named(NamedTuple):
    """Who is an owner now.

    Attributes:
        called: Their name, address or number.
        programme: Its id.
        code: What links their first account, once, for `CODE_DAYS`; None when they have one. In
            the chat an owner is invited by owners only, and there may be none.
    """

    called: str
    programme: str
    code: str | None


def ownerless(uow: UnitOfWork, programmes: Iterable[str]) -> list[str]:
    """The programmes that have staff and no owner: nobody can give or take a role there."""
    people = uow.people
    return [
        one
        for one in programmes
        if people.with_role(one, "staff", limit=1) and not people.with_role(one, "owner", limit=1)
    ]


def name_owner(settings: Settings, who: str, programme: str | None) -> Named:
    """Make somebody who is known an owner, and staff, of a programme.

    Args:
        settings: As read.
        who: An address, `#12`, an account (`slack:T1/U1`) or a name.
        programme: Its id; may be left out where there is one only.

    Raises:
        CordeeError: There is no such programme, or nobody, or several, of that description.
    """
    known = load_all(settings.cordee_programmes)
    chosen = programme or (next(iter(known)) if len(known) == 1 else "")
    if chosen not in known:
        names = ", ".join(known)
        raise CordeeError(f"There is no programme {chosen!r} here.", f"--programme {names}")
    database = Database(settings.cordee_database_url, settings.cordee_secret_key.get_secret_value())
    with exclusive(database), database.unit_of_work() as uow:
        person = uow.people.find(who, chosen, anywhere=True)
        if person is None:
            raise CordeeError(
                f"Nobody here, or more than one, is {who!r}.",
                "Give an address, a number (#12) or an account (slack:T1/U1): who has written to "
                "the bot, or was imported.",
            )
        now = datetime.now(UTC)
        for role in ("owner", "staff"):
            uow.people.enrol(person.id, chosen, role, now=now)
            detail = {"role": role, "given": 1, "programme": chosen}
            uow.people.note("role", "person", person.id, actor_id=None, now=now, **detail)
        code = None
        if not uow.people.identities(person.id):
            valid = timedelta(days=CODE_DAYS)
            code = uow.people.make_code(person.id, now=now, valid=valid, programme_id=chosen)
        found = Named(person.name or person.email or f"#{person.id}", chosen, code)
        uow.commit()
    database.close()
    return found
