"""All tables in a database that has none, quickly: thousands of tests begin so.

What SQLAlchemy has worked out once is kept for the next database of its kind: it would otherwise
compile each statement again for each test.
"""

from __future__ import annotations

import sqlite3
from functools import cache
from typing import Any, Final, cast

from sqlalchemy import Dialect, create_mock_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.util import LRUCache

from storage.tables import Base
from storage.unit_of_work import Database

_DIALECTS: Final[dict[str, Dialect]] = {}
_COMPILED: Final[LRUCache[Any, Any]] = LRUCache(4_000)


def tables(database: Database) -> Database:
    """The same database, with every table in it."""
    engine = database.engine
    engine.dialect = _DIALECTS.setdefault(engine.dialect.name, engine.dialect)
    engine.update_execution_options(compiled_cache=_COMPILED)
    if database.is_sqlite:
        raw = engine.raw_connection()
        _template().backup(cast(sqlite3.Connection, raw.driver_connection))
        raw.close()
    else:
        with engine.begin() as connection:
            connection.exec_driver_sql(_script())
    return database


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
