"""The migrations lead from nothing to the mapped classes and back, on both databases."""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import inspect, text

from storage import migrate
from storage.tables import Base
from storage.unit_of_work import Database
from tests.stores import SECRET, somebody


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/100 % cordée.db"
    found: str = request.getfixturevalue("pg_url")
    return found


@pytest.fixture
def empty(url: str) -> Iterator[Database]:
    database = Database(url, SECRET)
    yield database
    database.close()


def test_up_check_down(empty: Database) -> None:
    assert migrate.current(empty.engine) is None
    assert migrate.check(empty.engine)
    migrate.upgrade(empty.engine)
    assert migrate.check(empty.engine) == []
    assert migrate.current(empty.engine) == migrate.newest()
    somebody(empty)
    migrate.downgrade(empty.engine)
    assert inspect(empty.engine).get_table_names() == ["alembic_version"]
    migrate.upgrade(empty.engine)
    assert migrate.check(empty.engine) == []


def test_twice_is_once_and_keeps_what_is_there(url: str) -> None:
    migrate.upgrade(url)
    database = Database(url, SECRET)
    person = somebody(database).person_id
    database.close()
    migrate.upgrade(url)
    with database.unit_of_work() as uow:
        assert uow.people.get(person) is not None
    database.close()


@pytest.mark.parametrize("made", ["with it", "without"])
def test_a_column_nothing_reads_goes_and_the_rows_stay(empty: Database, made: str) -> None:
    """For a while the table was made without it."""
    migrate.upgrade(empty.engine, "0025")
    with empty.engine.begin() as connection:
        assert "conversation_id" in {
            one["name"] for one in inspect(connection).get_columns("beyond")
        }
        if made == "without":
            connection.execute(text("ALTER TABLE beyond DROP COLUMN conversation_id"))
        for row in (
            "person (id, lang, created_at) VALUES (3, 'fr', '2026-09-01')",
            "pair (id, programme_id, mentee_id, mentor_id, kind, state, version, started_at,"
            " missed_in_a_row) VALUES (5, 'ax', 3, 3, 'long_term', 'active', 1, '2026-09-01', 0)",
            "beyond (id, pair_id, author_id, state, version, said_at, due_at)"
            " VALUES (7, 5, 3, 'open', 1, '2026-09-01', '2026-09-02')",
        ):
            connection.execute(text(f"INSERT INTO {row}"))
    migrate.upgrade(empty.engine)
    assert migrate.check(empty.engine) == []
    with empty.engine.begin() as connection:
        assert connection.execute(text("SELECT id FROM beyond")).scalars().all() == [7]


def test_check_sees_a_missing_column_and_a_missing_index(empty: Database) -> None:
    migrate.upgrade(empty.engine)
    with empty.engine.begin() as connection:
        connection.execute(text("DROP INDEX ix_outbox_queued"))
        connection.execute(text("ALTER TABLE audit DROP COLUMN verb"))
    found = "\n".join(migrate.check(empty.engine))
    assert "ix_outbox_queued" in found
    assert "verb" in found


def test_foreign_keys_are_on_again_afterwards(lite: Database) -> None:
    with lite.engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS alembic_version"))
        before = connection.execute(text("PRAGMA foreign_keys")).scalar()
    migrate.current(lite.engine)
    with lite.engine.begin() as connection:
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == before == 1


def test_numbers_are_never_used_again(lite: Database) -> None:
    migrate_url = str(lite.url)
    lite.close()
    Path(lite.url.database or "").unlink()
    migrate.upgrade(migrate_url)
    with lite.engine.begin() as connection:
        made = connection.execute(
            text("SELECT name FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%' ORDER BY name")
        ).scalars()
        numbered = {t.name for t in Base.metadata.tables.values() if "id" in t.c}
        assert set(made) == numbered
        assert {"request", "proposal", "pair", "series", "checkin", "report"} < numbered


def test_replicas_that_start_together_wait_for_each_other(pg_url: str) -> None:
    errors: list[Exception] = []

    def start() -> None:
        try:
            migrate.upgrade(pg_url)
        except Exception as error:
            errors.append(error)

    threads = [Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert migrate.check(pg_url) == []
