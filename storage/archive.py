"""A database server's rows in one file, and back: the same file as a backup of SQLite.

So erasures reach it as they reach any backup, which they cannot in the server's own dumps. This
module knows no table.

Source: quality, P1, R12; ADR 0014.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from sqlalchemy import func, select, text

from storage.copy import pour, snapshot
from storage.migrate import upgrade
from storage.tables import Base, Person
from storage.unit_of_work import Database


class NotEmptyError(Exception):
    """There are people in the database that was to be filled."""


def write(database: Database, target: Path, secret: str) -> int:
    """Write all rows of a server's database, as of one instant, into a new SQLite file.

    Returns:
        The size of the file in bytes.

    Raises:
        FileExistsError: `target` is there.
        FileNotFoundError: The folder of `target` is not there.
    """
    if target.exists():
        raise FileExistsError(target)
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))  # for the owner's eyes
    try:
        made = Database(f"sqlite:///{part}", secret)
        try:
            upgrade(made.engine)
            _pour_all(database, made)
        finally:
            made.close()
        with closing(sqlite3.connect(part)) as file:
            file.execute("PRAGMA journal_mode=DELETE")  # whole in one file
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.rename(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return target.stat().st_size


def fill(database: Database, source: Path, secret: str) -> None:
    """Fill an empty database of a server from such a file.

    Raises:
        NotEmptyError: It is not empty.
        FileNotFoundError: There is no such file.
    """
    if not source.exists():
        raise FileNotFoundError(source)
    upgrade(database.engine)
    with database.engine.connect() as connection:
        if connection.scalar(select(func.count()).select_from(Person)):
            raise NotEmptyError
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "backup.db"
        shutil.copy(source, copy)
        file = Database(f"sqlite:///{copy}", secret)
        try:
            upgrade(file.engine)  # it may be of an older version
            _pour_all(file, database)
        finally:
            file.close()


def _pour_all(source: Database, into: Database) -> None:
    if source.is_sqlite:
        with source.engine.begin() as reading, into.engine.begin() as writing:
            for table in Base.metadata.sorted_tables:
                pour(reading, writing, table)
                if "id" in table.c:
                    last = writing.scalar(select(func.max(table.c.id))) or 0
                    named = {"name": f'"{table.name}"', "last": max(last, 1)}
                    writing.execute(
                        text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last)"), named
                    )
        return
    with snapshot(source.engine) as reading, into.engine.begin() as writing:
        for table in Base.metadata.sorted_tables:
            pour(reading, writing, table)
