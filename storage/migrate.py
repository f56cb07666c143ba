"""Brings a database to the tables of this version, and back.

Alembic from the first table on, configured here and not in a file, so that it works wherever the
package is installed. Replicas that start together wait for each other. This module knows no table.

`python -m storage.migrate NUMBER "what changes"` writes the migration for what the mapped classes
have and the migrations so far have not.

Source: delivery protocol, "Databases" (Alembic).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from storage.tables import Base
from storage.unit_of_work import Database

MIGRATIONS = Path(__file__).with_name("migrations")
_LOCK = 0x434F5244  # "CORD": any number, as long as every replica uses the same


def upgrade(database: str | Engine, revision: str = "head") -> None:
    """Bring a database up to a revision; a second process that starts meanwhile waits.

    Args:
        database: An engine, or an address as `CORDEE_DATABASE_URL` has it.
        revision: Alembic's revision; by default the newest.
    """
    with _connected(database) as connection:
        command.upgrade(_config(connection), revision)


def downgrade(database: str | Engine, revision: str = "base") -> None:
    """Take a database back to a revision; by default to nothing."""
    with _connected(database) as connection:
        command.downgrade(_config(connection), revision)


def current(database: str | Engine) -> str | None:
    """The revision a database is at; None when it is empty."""
    with _connected(database) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str | None:
    """The revision this version needs."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()


def check(database: str | Engine) -> list[str]:
    """How a database differs from what the program expects; empty when it does not.

    Args:
        database: An engine, or an address.

    Returns:
        One line for each difference: a revision that is not the newest, a table, a column, a type,
        an index.
    """
    with _connected(database) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found, wanted = context.get_current_revision(), newest()
        differences = [] if found == wanted else [f"revision {found}, expected {wanted}"]
        differences += [str(each) for each in compare_metadata(context, Base.metadata)]
    return differences


def revise(number: str, message: str) -> None:
    """Write the migration that leads from those so far to the mapped classes."""
    database = Database("sqlite://", "no secret is needed here")
    upgrade(database.engine)
    with _connected(database.engine) as connection:
        command.revision(_config(connection), message, autogenerate=True, rev_id=number)
    database.close()


@contextmanager
def _connected(database: str | Engine) -> Iterator[Connection]:
    """A connection in one transaction, committed at the end."""
    own = Database(database, "no secret is needed here") if isinstance(database, str) else None
    engine = own.engine if own else database
    assert isinstance(engine, Engine)  # noqa: S101 - one of the two it is
    with engine.connect() as connection:
        lite = connection.dialect.name == "sqlite"
        if lite:
            # Copying a table drops it: with foreign keys on, what refers to it would go too. The
            # pragma has no effect inside a transaction, hence straight to the driver.
            _driver(connection, "PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():
                if not lite:
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
                yield connection
        finally:
            if lite:
                _driver(connection, "PRAGMA foreign_keys=ON")
    if own is not None:
        own.close()


def _driver(connection: Connection, statement: str) -> None:
    raw = connection.connection.driver_connection
    assert raw is not None  # noqa: S101 - the connection is open
    raw.execute(statement)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


if __name__ == "__main__":
    revise(sys.argv[1], sys.argv[2])
