"""Nothing of an erased person is left in files and backups, and no backup brings them back."""

from __future__ import annotations

import asyncio
import os
import shutil
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from bot.errors import SettingsError
from bot.settings import Settings
from handlers.backups import made
from handlers.erasures import Sweeper
from handlers.restore import put_back
from scheduling.clock import FixedClock
from scheduling.worker import Worker
from storage import archive
from storage.erasures import LIST, Erasures, Gone, carry, read_list, write_list
from storage.migrate import upgrade
from storage.tables import Base, Outbox, Person
from storage.unit_of_work import Database
from tests.erasure import prove
from tests.stores import NOON, SECRET, payload, somebody
from tests.test_privacy import world


def settings(url: str, folder: Path | None = None) -> Settings:
    return Settings(
        cordee_database_url=url,
        cordee_programmes=("ax-accompagnement",),
        cordee_secret_key=SecretStr(SECRET),
        cordee_backups=folder,
        _env_file=None,
    )


def sweep(database: Database, folder: Path | None, now: FixedClock | None = None) -> int:
    worker = Worker(database)
    try:
        clock = now or FixedClock(NOON)
        return asyncio.run(Sweeper(database, worker, clock, folder, SECRET).sweep())
    finally:
        worker.close()


def erase(database: Database, person: int) -> None:
    with database.unit_of_work() as uow:
        uow.privacy.erase_person(person, NOON)
        uow.commit()


def people(database: Database) -> set[int]:
    with database.unit_of_work() as uow:
        return set(uow.session.scalars(select(Person.id)))


@pytest.mark.timeout(120)
def test_no_byte_of_a_person_is_left_on_sqlite(tmp_path: Path) -> None:
    with closing(Database(f"sqlite:///{tmp_path}/cordee.db", SECRET)) as database:
        found = prove(database, tmp_path, people=20, weeks=2)
    assert not found.missed, str(found)


@pytest.mark.postgres
@pytest.mark.timeout(120)
def test_no_byte_of_a_person_is_left_on_postgresql(tmp_path: Path, pg_url: str) -> None:
    with closing(Database(pg_url, SECRET)) as database:
        found = prove(database, tmp_path, people=20, weeks=2)
    assert not found.missed, str(found)


def test_a_backup_kept_elsewhere_does_not_bring_anybody_back(tmp_path: Path) -> None:
    url, folder = f"sqlite:///{tmp_path}/cordee.db", tmp_path / "backups"
    folder.mkdir()
    database = Database(url, SECRET)
    upgrade(database.engine)
    them = world(database)
    made(database, folder / "a.db", SECRET)
    elsewhere = shutil.copy(folder / "a.db", tmp_path / "elsewhere.db")
    erase(database, them.mentee)
    assert sweep(database, folder) == 1
    database.close()
    assert [one.gone_id for one in read_list(folder)] == [them.mentee]

    shutil.copy(elsewhere, tmp_path / "cordee.db")
    done = asyncio.run(put_back(settings(url, folder), FixedClock(NOON)))
    assert done.erased == 1
    again = Database(url, SECRET)
    assert people(again) == {them.mentor, them.expert}
    again.close()


def test_a_backup_keeps_its_date_and_what_is_none_is_left_alone(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/cordee.db", SECRET)
    upgrade(database.engine)
    folder = tmp_path / "backups"
    folder.mkdir()
    person = somebody(database).person_id
    file, other = folder / "a.db", folder / "other.db"
    made(database, file, SECRET)
    other.write_bytes(b"not a database")
    os.utime(file, (1_700_000_000, 1_700_000_000))
    gone = [Gone(1, person, NOON)]
    assert carry(folder, SECRET, gone) == [file]
    assert file.stat().st_mtime == 1_700_000_000  # deleted when it would have been
    assert file.stat().st_mode & 0o777 == 0o600
    assert carry(folder, SECRET, gone) == []
    assert other.read_bytes() == b"not a database"
    assert sorted(path.name for path in folder.iterdir()) == ["a.db", LIST, "other.db"]
    database.close()


def test_whoever_goes_while_a_backup_is_made_is_not_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(f"sqlite:///{tmp_path}/cordee.db", SECRET)
    upgrade(database.engine)
    person = somebody(database).person_id
    before = archive_of(database, tmp_path / "before.db")
    erase(database, person)
    monkeypatch.setattr("handlers.backups._copied", lambda *_: shutil.copy(before, tmp_path / "b"))
    made(database, tmp_path / "b", SECRET)
    copy = Database(f"sqlite:///{tmp_path}/b", SECRET)
    assert people(copy) == set()
    copy.close()
    database.close()


def archive_of(database: Database, file: Path) -> Path:
    made(database, file, SECRET)
    return file


def test_the_list_is_written_once_and_may_be_missing(tmp_path: Path) -> None:
    assert read_list(tmp_path) == []
    gone = [Gone(1, 7, NOON), Gone(2, 9, NOON)]
    write_list(tmp_path, gone[:1])
    write_list(tmp_path, gone)
    assert read_list(tmp_path) == gone
    assert (tmp_path / LIST).stat().st_mode & 0o777 == 0o600


def test_an_erasure_is_not_finished_while_its_last_word_is_on_the_way(lite: Database) -> None:
    person = somebody(lite).person_id
    with lite.unit_of_work() as uow:
        uow.privacy.erase_person(person, NOON)
        uow.outbox.put_raw(
            key="farewell:1:1", bot_account="telegram:1", chat_id="7", payload=payload("adieu"),
            now=NOON,
        )  # fmt: skip
        uow.commit()
    clock = FixedClock(NOON)
    assert sweep(lite, None, clock) == 0
    with lite.unit_of_work() as uow:
        assert uow.session.scalar(select(func.count()).select_from(Outbox)) == 1
    clock.advance(timedelta(hours=2))  # it cannot be delivered
    assert sweep(lite, None, clock) == 1
    assert sweep(lite, None, clock) == 0
    with lite.unit_of_work() as uow:
        assert uow.session.scalar(select(func.count()).select_from(Outbox)) == 0


@pytest.mark.postgres
def test_a_server_is_copied_into_a_file_and_filled_from_it(tmp_path: Path, pg_url: str) -> None:
    database = Database(pg_url, SECRET)
    upgrade(database.engine)
    them = world(database)
    made(database, tmp_path / "a.db", SECRET)

    def rows() -> dict[str, list[tuple[object, ...]]]:
        with database.engine.connect() as connection:
            return {
                table.name: sorted(tuple(row) for row in connection.execute(select(table)))
                for table in Base.metadata.sorted_tables
                if table.name not in {"sender_lease", "memo"}
            }

    before = rows()
    assert before["person"]
    with pytest.raises(SettingsError, match="not empty"):
        asyncio.run(put_back(settings(pg_url), FixedClock(NOON), source=tmp_path / "a.db"))
    with database.engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())
    archive.fill(database, tmp_path / "a.db", SECRET)
    assert rows() == before
    asyncio.run(put_back(settings(pg_url), FixedClock(NOON)))
    with database.unit_of_work() as uow:
        assert Erasures(uow.session).all() == []
        assert uow.people.get(them.mentee) is not None
    known = people(database)
    assert somebody(database, "99").person_id > max(known)
    database.close()


def test_a_file_is_not_filled_from_a_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/cordee.db"
    upgrade(url)
    with pytest.raises(SettingsError, match="for PostgreSQL"):
        asyncio.run(put_back(settings(url), FixedClock(NOON), source=tmp_path / "a.db"))
