"""All tables and no row, quickly: thousands of tests begin so.

On PostgreSQL the making of the tables takes thirty times as long as emptying them, so a database
goes from test to test. What SQLAlchemy has worked out once is kept for the next database of its
kind: it would otherwise compile each statement again for each test.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache
from typing import Any, Final, cast

import psycopg
from sqlalchemy import Dialect, create_mock_engine, inspect
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import URL
from sqlalchemy.util import LRUCache

from storage.tables import Base
from storage.unit_of_work import Database
from tests.postgres import PgServer, libpq

_DIALECTS: Final[dict[str, Dialect]] = {}
_COMPILED: Final[LRUCache[Any, Any]] = LRUCache(4_000)
_BLOATED: Final = 1 << 20  # bytes of one table: its empty pages would slow down the tests to come

# Rows go by DELETE: to truncate makes a new file for each table and index. Triggers and foreign
# keys are asleep meanwhile; numbers begin at one again.
_EMPTY: Final = """
DO $$
DECLARE
    name text;
    filled boolean;
BEGIN
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT format('%I', tablename) FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE 'SELECT EXISTS (SELECT FROM ' || name || ')' INTO filled;
        IF filled THEN
            EXECUTE 'DELETE FROM ' || name;
        END IF;
    END LOOP;
    PERFORM setval(format('%I', sequencename)::regclass, start_value, false) FROM pg_sequences
        WHERE schemaname = 'public' AND last_value IS NOT NULL;
END $$
"""
_SIZES: Final = """
SELECT tablename, pg_relation_size(format('%I', tablename)::regclass) FROM pg_tables
    WHERE schemaname = 'public'
"""


def tables(database: Database) -> Database:
    """The same database, with every table in it; nothing is done where they are already."""
    engine = database.engine
    engine.dialect = _DIALECTS.setdefault(engine.dialect.name, engine.dialect)
    engine.update_execution_options(compiled_cache=_COMPILED)
    if database.is_sqlite:
        raw = engine.raw_connection()
        _template().backup(cast(sqlite3.Connection, raw.driver_connection))
        raw.close()
    elif not inspect(engine).get_table_names():
        with engine.begin() as connection:
            connection.exec_driver_sql(_script())
    return database


class Shelf:
    """Databases of a PostgreSQL server that have every table and no row."""

    def __init__(self, server: PgServer) -> None:
        self._server = server
        self._free: list[URL] = []

    def take(self) -> URL:
        """One of them, made when there is none; no other test has it meanwhile."""
        if self._free:
            return self._free.pop()
        url = self._server.create()
        with closing(Database(url.render_as_string(hide_password=False), "no row yet")) as made:
            tables(made)
        return url

    def give_back(self, url: URL) -> None:
        """Empty it for the next, or drop it if it has grown large or is not as it was."""
        if _emptied(url):
            self._free.append(url)
        else:
            self._server.drop(url)


def _emptied(url: URL) -> bool:
    with psycopg.connect(libpq(url), autocommit=True) as connection:
        try:
            connection.execute(_EMPTY)
        except psycopg.errors.InsufficientPrivilege:  # of a server that is not ours
            return False
        sizes: dict[str, int] = dict(connection.execute(_SIZES).fetchall())
    return set(sizes) == set(Base.metadata.tables) and max(sizes.values()) < _BLOATED


@cache
def _template() -> sqlite3.Connection:
    database = Database("sqlite://", "nothing is in it")
    Base.metadata.create_all(database.engine)
    return cast(sqlite3.Connection, database.engine.raw_connection().driver_connection)


@cache
def _script() -> str:
    said: list[str] = []
    kind = postgresql.dialect()  # type: ignore[no-untyped-call]
    engine = create_mock_engine(
        "postgresql+psycopg://", lambda one, *_, **__: said.append(str(one.compile(dialect=kind)))
    )
    Base.metadata.create_all(engine, checkfirst=False)
    return ";\n".join(said)
