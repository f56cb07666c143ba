"""A database with all tables, and somebody in it: on a SQLite file and on PostgreSQL."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.messages import MESSAGE, Message
from storage.tables import Identity
from storage.unit_of_work import Database
from tests.empty import tables

SECRET = "a secret that only the tests know"
NOON = datetime(2026, 10, 6, 12, tzinfo=UTC)


def payload(text: str) -> bytes:
    """A message as the outbox takes it."""
    return MESSAGE.dump_json(Message(text), exclude_defaults=True)


def somebody(
    database: Database, account: str = "7", *, platform: str = "telegram", person: int | None = None
) -> Identity:
    """An account on Telegram or Slack, of a new person or of this one."""
    bot_account = "telegram:1" if platform == "telegram" else "slack:T1"
    with database.unit_of_work() as uow:
        if person is None:
            identity = uow.people.meet(
                platform=platform, account=account, bot_account=bot_account, lang="fr", now=NOON
            )
        else:
            identity = Identity(
                person_id=person,
                platform=platform,
                account=account,
                bot_account=bot_account,
                reachable=True,
                seen_at=NOON,
            )
            uow.session.add(identity)
        uow.commit()
    return identity


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Empty tables, on each kind of database."""
    lite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/cordee.db" if lite else request.getfixturevalue("pg_tables")
    database = Database(url, SECRET)
    tables(database)
    yield database
    database.close()


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[Database]:
    """Empty tables on a SQLite file."""
    database = Database(f"sqlite:///{tmp_path}/cordee.db", SECRET)
    tables(database)
    yield database
    database.close()
