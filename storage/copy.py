"""A copy of the database in memory, on which things can be tried out that nobody will ever see.

What the copy is used for is not known here. The keys of people come along, still wrapped, because
what is sealed must be read and written there as well; what people wrote to the bot, what it said to
them, who did what and the words of the directory stay behind: they are large, and nothing that is
due reads them. Of what was
said the rows stay, without their content: their keys are what keeps it from being said twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final, NamedTuple, cast

from sqlalchemy import (
    Connection,
    Engine,
    Table,
    delete,
    func,
    insert,
    null,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.engine import URL, make_url

from storage.tables import Audit, Base, DirectoryWord, Inbox, Outbox, SenderLease
from storage.unit_of_work import Database, UnitOfWork
from storage.upsert import table_of

LEFT_BEHIND: Final = tuple(
    table_of(entity) for entity in (Inbox, Audit, SenderLease, DirectoryWord)
)
CHUNK: Final = 1000  # rows read from PostgreSQL at a time
_OUT: Final = table_of(Outbox)
_CONTENT: Final = ("payload", "target")


class Row(NamedTuple):
    """A message that left the outbox of a copy.

    Attributes:
        at: When (UTC).
        key: Its meaning.
        person_id: To whom; None for a channel, or for somebody who was erased.
        bot_account: Who says it: `slack:T1`, `telegram:123456`.
        op: What is done there.
    """

    at: datetime
    key: str
    person_id: int | None
    bot_account: str
    op: str


# --- making one -----------------------------------------------------------------------------------


def copied(database: Database) -> Database:
    """Copy a database of this process; in the worker, between two transactions.

    One short read: all pages of SQLite at once, one snapshot of PostgreSQL.

    Args:
        database: It is only read.

    Returns:
        A SQLite in memory with the same rows and the same keys; to be closed. `lighten` it next,
        anywhere.
    """
    copy = _empty(database)
    if database.is_sqlite:
        raw = database.engine.raw_connection()
        try:
            _backup(cast(sqlite3.Connection, raw.driver_connection), copy.engine)
        finally:
            raw.close()
    else:
        _read(database.engine, copy.engine)
    return copy


def copied_apart(
    url: str, secret: str, version: Callable[[Engine], str | None]
) -> tuple[Database, str | None]:
    """Copy the database of another process, which goes on undisturbed: see `copied`.

    A SQLite file is opened for reading only: no lock is held that a writer would wait for, nothing
    is migrated or created.

    Args:
        url: Where it is.
        secret: The instance's.
        version: `storage.migrate.current`: its tables may be others than ours.

    Returns:
        The copy, and the version of the original's tables.

    Raises:
        sqlite3.Error: There is no such file, or it cannot be read.
        SQLAlchemyError: Likewise on PostgreSQL.
    """
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        copy = Database("sqlite://", secret)
        source = sqlite3.connect(f"file:{_escaped(address)}?mode=ro", uri=True)
        try:
            _backup(source, copy.engine)
        finally:
            source.close()
        return copy, version(copy.engine)
    database = Database(url, secret)
    try:
        found = version(database.engine)
        return copied(database), found
    finally:
        database.close()


def lighten(copy: Database) -> None:
    """Drop from a copy what nothing due reads: heard, done, and the words of what was said."""
    with copy.engine.begin() as connection:
        for table in LEFT_BEHIND:
            connection.execute(delete(table))
        said = or_(*(_OUT.c[name].is_not(None) for name in _CONTENT))
        connection.execute(update(_OUT).where(said).values(dict.fromkeys(_CONTENT)))


def _empty(database: Database) -> Database:
    copy = Database("sqlite://", "the keys are those of the original")
    copy.vault = database.vault
    return copy


def _escaped(address: URL) -> str:
    name = address.database or ""
    return name.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _backup(source: sqlite3.Connection, into: Engine) -> None:
    raw = into.raw_connection()  # of a pool that has one connection only, which stays
    try:
        source.backup(cast(sqlite3.Connection, raw.driver_connection))
    finally:
        raw.close()


def _read(source: Engine, into: Engine) -> None:
    Base.metadata.create_all(into)
    with snapshot(source) as reading, into.begin() as writing:
        for table in Base.metadata.sorted_tables:
            if table not in LEFT_BEHIND:
                pour(reading, writing, table, without=_CONTENT if table is _OUT else ())
                if "id" in table.columns:
                    _go_on_counting(reading, writing, table.name)


@contextmanager
def snapshot(source: Engine) -> Iterator[Connection]:
    """A server's database as it is at one instant, for reading."""
    with (
        source.connect().execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        ) as reading,
        reading.begin(),
    ):
        yield reading


def pour(
    reading: Connection, writing: Connection, table: Table, *, without: Collection[str] = ()
) -> None:
    """Write the rows of a table into the same table elsewhere; `without` these columns' content."""
    columns = [
        (null() if column.name in without else column).label(column.name)
        for column in table.columns
    ]
    rows = reading.execution_options(yield_per=CHUNK).execute(select(*columns))
    for part in rows.mappings().partitions(CHUNK):
        writing.execute(insert(table), [dict(row) for row in part])


def _go_on_counting(reading: Connection, writing: Connection, name: str) -> None:
    """A number that was given once is not given again: keys are made of them."""
    last = reading.scalar(
        text("SELECT last_value FROM pg_sequences WHERE schemaname = current_schema()"
             " AND sequencename = :name"),
        {"name": f"{name}_id_seq"},
    )  # fmt: skip
    writing.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": name})
    writing.execute(
        text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)"),
        {"name": name, "last": last or 0},
    )


# --- what leaves its outbox -----------------------------------------------------------------------

_QUEUED = _OUT.c.state == "queued"
_TRIED = or_(_OUT.c.attempts > 0, _OUT.c.waits > 0)


def let_go(uow: UnitOfWork) -> int:
    """Take what is on the wire at this moment as sent; how many."""
    rows = uow.session.execute(
        update(_OUT).where(_OUT.c.state == "sending").values(state="sent").returning(_OUT.c.id)
    )
    return len(rows.all())


def depart(uow: UnitOfWork, now: datetime) -> list[Row]:
    """Let everything due leave, as the delivery would: each chat in its order.

    What has expired is put aside; a row that waits to be tried again holds up its chat.
    """
    uow.session.execute(
        update(_OUT).where(_QUEUED, _OUT.c.expires_at <= now).values(state="expired")
    )
    waiting = {
        (row.bot_account, row.chat_id)
        for row in uow.session.execute(
            select(_OUT.c.bot_account, _OUT.c.chat_id).where(
                _QUEUED, _TRIED, _OUT.c.not_before > now
            )
        )
    }
    due = [
        row
        for row in uow.session.execute(
            select(
                _OUT.c.id, _OUT.c.dedup_key, _OUT.c.person_id, _OUT.c.bot_account, _OUT.c.chat_id,
                _OUT.c.op,
            )
            .where(_QUEUED, _OUT.c.not_before <= now)
            .order_by(_OUT.c.id)
        )
        if (row.bot_account, row.chat_id) not in waiting
    ]  # fmt: skip
    for start in range(0, len(due), CHUNK):
        numbers = [row.id for row in due[start : start + CHUNK]]
        uow.session.execute(
            update(_OUT)
            .where(_OUT.c.id.in_(numbers))
            .values(state="sent", sent_at=now, payload=None)
        )
    return [Row(now, row.dedup_key, row.person_id, row.bot_account, row.op) for row in due]


def next_departure(uow: UnitOfWork, after: datetime) -> datetime | None:
    """When something may leave next."""
    found: datetime | None = uow.session.scalar(
        select(func.min(_OUT.c.not_before)).where(_QUEUED, _OUT.c.not_before > after)
    )
    return found
