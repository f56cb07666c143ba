"""Insert, unless the same thing is there already: the few statements that need a helper.

It knows no table. Everything that must not happen twice has a unique key that says what it means,
and is inserted through here.
"""

from __future__ import annotations

from functools import cache
from typing import Any, cast

from sqlalchemy import CursorResult, Delete, Executable, Row, Table, Update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Session

from storage.statements import Statements

AnyRow = Row[*tuple[Any, ...]]


def table_of(entity: type[DeclarativeBase]) -> Table:
    """The table of a mapped class, for statements that need no objects (a third of the cost)."""
    return cast(Table, entity.__table__)


def changed(session: Session | Statements, statement: Update | Delete) -> int:
    """Run an UPDATE or DELETE; how many rows it changed."""
    return cast(CursorResult[Any], session.execute(statement)).rowcount


def upsert(session: Session | Statements, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return _insert(table, session.get_bind().dialect.name)


@cache
def _insert(table: Table, dialect: str) -> sqlite.Insert | postgresql.Insert:
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


@cache
def _insert_new(table: Table, dialect: str) -> Executable:
    """Made once for each table: putting it together costs more than running it."""
    return _insert(table, dialect).on_conflict_do_nothing().returning(table.c.id)


def insert_new(session: Session | Statements, table: Table, values: dict[str, Any]) -> int | None:
    """Insert a row unless one of its unique keys exists.

    Returns:
        The new row's id; None when the row was there already.
    """
    statement = _insert_new(table, session.get_bind().dialect.name)
    found: int | None = session.execute(statement, values).scalar()
    return found
