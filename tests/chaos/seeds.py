"""A programme with people in it before the first process starts: accounts, roles, pairs.

Made by the bot's own code in one transaction; nothing is said, as if all of it were long ago.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import delete

from bot.bot import Bot
from bot.flows import pairs
from bot.programmes.load import load_all
from bot.turn import Scene
from storage.migrate import upgrade
from storage.tables import Outbox, Person
from storage.unit_of_work import Database, UnitOfWork
from tests.chaos.programme import ID
from tests.run_world import KEY

Account = tuple[str, str, str]  # platform, account, name


def telegram(user: int, name: str) -> Account:
    """Somebody on the local Telegram."""
    return "telegram", str(user), name


def slack(user: str, name: str) -> Account:
    """Somebody in the local workspace."""
    return "slack", f"T0LOCAL/{user}", name


def plant(
    url: str,
    programme: Path,
    now: datetime,
    *,
    couples: Sequence[tuple[Account, Account]] = (),
    others: Sequence[Account] = (),
    guests: Sequence[Account] = (),
) -> None:
    """Create the tables, and in them people who have agreed to be here.

    Args:
        url: An empty database.
        programme: The file.
        now: The instant of all of it.
        couples: Pairs: who is accompanied, and by whom.
        others: Further people in the role of the accompanied.
        guests: People who have agreed to be here and have no role.
    """
    database = Database(url, KEY)
    upgrade(database.engine)
    bot = Bot(load_all([str(programme)]))
    with database.unit_of_work() as uow:
        for one, other in couples:
            first = _person(uow, one, "mentee", now)
            second = _person(uow, other, "mentor", now)
            pairs.form(Scene(bot, uow, now), None, first, second, programme=bot.programmes[ID])
        for one in others:
            _person(uow, one, "mentee", now)
        for one in guests:
            _person(uow, one, None, now)
        uow.session.execute(delete(Outbox))
        uow.commit()
    database.close()


def _person(uow: UnitOfWork, account: Account, role: str | None, now: datetime) -> Person:
    platform, number, name = account
    bot_account = "slack:T0LOCAL" if platform == "slack" else "telegram:4242"
    known = uow.people.by_account(platform, number)
    if known is None:
        known = uow.people.meet(
            platform=platform, account=number, bot_account=bot_account, lang="fr", now=now
        )
    person = uow.people.get(known.person_id)
    assert person is not None
    person.name, person.programme_id = name, ID
    uow.people.consent(person.id, ID, "storage", text=("1", ""), now=now)
    if role is not None:
        uow.people.enrol(person.id, ID, role, now=now)
    return person
