"""One event, one transaction: the unit of work, and the database it runs on.

SQLite: one connection, `BEGIN IMMEDIATE`, WAL, `synchronous=FULL`, so that turns have a total
order. PostgreSQL: a few connections, row locks. Nothing is saved unless `commit()` is called. An
error never shows the values of its statement: they may be personal. This module knows no rule of
the domain.

Source: delivery protocol, "Databases".
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from storage.crash import point
from storage.directory import Directory
from storage.inbox import InboxStore
from storage.memos import MemoStore
from storage.outbox import OutboxStore
from storage.pairs import Pairs
from storage.people import People
from storage.privacy import Privacy
from storage.reports import Reports
from storage.requests import Requests
from storage.talks import Talks
from storage.timers import TimerStore
from storage.vault import Vault

BUSY_MS = 10_000
POSTGRES_CONNECTIONS = 8


class Database:
    """An engine set up as the delivery protocol needs it, and the keys to what is sealed in it.

    Args:
        url: SQLAlchemy address; `sqlite:///file.db`, `sqlite://` (memory, for tests) or
            `postgresql://…`.
        secret: The instance's secret (`CORDEE_SECRET_KEY`).
    """

    def __init__(self, url: str, secret: str) -> None:
        self.url: URL = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _sqlite(self.url) if self.is_sqlite else _postgres(self.url)
        self.vault = Vault(secret)

    @property
    def file(self) -> Path | None:
        """The SQLite file, if there is one."""
        name = self.url.database
        return Path(name) if self.is_sqlite and name and name != ":memory:" else None

    def unit_of_work(self) -> UnitOfWork:
        """A fresh unit of work; use it in a `with`."""
        return UnitOfWork(self)

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


class UnitOfWork:
    """A transaction with the repositories in it.

    Leaving the `with` without `commit()` undoes everything.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> Self:
        self.session = Session(self._database.engine, expire_on_commit=False)
        self.vault = self._database.vault
        self.people = People(self.session)
        self.directory = Directory(self.session)
        self.talks = Talks(self.session, self.vault)
        self.requests = Requests(self.session, self.vault)
        self.pairs = Pairs(self.session, self.vault)
        self.reports = Reports(self.session, self.vault)
        self.privacy = Privacy(self.session, self.vault)
        self.inbox = InboxStore(self.session, self.vault)
        self.outbox = OutboxStore(self.session, self.vault)
        self.timers = TimerStore(self.session)
        self.memos = MemoStore(self.session)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.session.close()  # rolls back what was not committed

    def undo(self) -> None:
        """Take everything back that was not committed, and go on in a new transaction."""
        self.session.rollback()
        self.session.expunge_all()
        self.people = People(self.session)  # what it remembered may be undone

    def commit(self) -> None:
        """Make everything done so far durable."""
        point("before_commit")
        self.session.commit()
        point("after_commit")


def _sqlite(url: URL) -> Engine:
    memory = not url.database or url.database == ":memory:"
    pool: dict[str, Any] = (
        {"poolclass": StaticPool}
        if memory
        else {
            "pool_size": 1,
            "max_overflow": 0,
            "pool_timeout": 5,
        }  # a second session inside one fails fast
    )
    engine = create_engine(
        url, connect_args={"check_same_thread": False}, hide_parameters=True, **pool
    )

    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",  # a commit survives a power cut
            f"busy_timeout={BUSY_MS}",
            "foreign_keys=ON",
            "secure_delete=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _postgres(url: URL) -> Engine:
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    return create_engine(
        url, pool_size=POSTGRES_CONNECTIONS, pool_pre_ping=True, hide_parameters=True
    )
