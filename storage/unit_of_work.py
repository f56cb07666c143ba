"""One event, one transaction: the unit of work, and the database it runs on.

SQLite: one connection, `BEGIN IMMEDIATE`, WAL, `synchronous=FULL`, so that turns have a total
order. PostgreSQL: a few connections, row locks. Nothing is saved unless `commit()` is called. An
error never shows the values of its statement: they may be personal. This module knows no rule of
the domain.

Source: delivery protocol, "Databases".
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from storage.announcements import Announcements
from storage.campaigns import Campaigns
from storage.care import Care
from storage.casework import Casework
from storage.classes import Classes
from storage.crash import point
from storage.directory import Directory
from storage.inbox import InboxStore
from storage.installations import Installations
from storage.kept import Kept
from storage.memos import MemoStore
from storage.outbox import OutboxStore
from storage.pairs import Pairs
from storage.partners import PartnerStore
from storage.people import People
from storage.privacy import Privacy
from storage.reports import Reports
from storage.requests import Requests
from storage.retention import Purge
from storage.safeguarding import Safeguarding
from storage.sending import SendingStore
from storage.statements import Statements
from storage.statistics import Numbers
from storage.talks import Talks
from storage.team_letters import TeamLetters
from storage.timers import TimerStore
from storage.triage import TriageStore
from storage.vault import Vault
from storage.vectors import Vectors

BUSY_MS = 10_000
INBOX_DAYS, OUTBOX_DAYS = 30, 90  # the first: as long as platforms repeat a delivery
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
    """A transaction with the repositories in it, each made when it is first asked for.

    Leaving the `with` without `commit()` undoes everything.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> Self:
        self._connection = self._database.engine.connect()
        self.statements = Statements(self._connection)
        self.vault = self._database.vault
        self.inbox = InboxStore(self.statements, self.vault)
        self.outbox = OutboxStore(self.statements, self.vault)
        self.sending = SendingStore(self.statements, self.vault)
        self.timers = TimerStore(self.statements)
        self.memos = MemoStore(self.statements)
        return self

    @cached_property
    def session(self) -> Session:
        """Objects, in the same transaction as the plain statements, with the same keys at hand."""
        session = Session(
            self._connection, expire_on_commit=False, join_transaction_mode="control_fully"
        )
        self.vault.share(self.statements, session)
        return session

    @cached_property
    def people(self) -> People:
        """People, their accounts, roles and consents."""
        return People(self.session)

    @cached_property
    def directory(self) -> Directory:
        """The imported directory of experts."""
        return Directory(self.session)

    @cached_property
    def vectors(self) -> Vectors:
        """What experts' words mean."""
        return Vectors(self.session)

    @cached_property
    def talks(self) -> Talks:
        """Dialogues."""
        return Talks(self.session, self.vault)

    @cached_property
    def requests(self) -> Requests:
        """Requests for an expert, and proposals."""
        return Requests(self.session, self.vault)

    @property
    def touched_requests(self) -> frozenset[int]:
        """Numbers of the requests that this transaction made or changed."""
        requests: Requests | None = self.__dict__.get("requests")
        return frozenset(requests.touched) if requests else frozenset()

    @cached_property
    def casework(self) -> Casework:
        """The team's notes on requests, and interviews."""
        return Casework(self.session, self.vault)

    @cached_property
    def team_letters(self) -> TeamLetters:
        """What the team and those it follows write to each other."""
        return TeamLetters(self.session, self.vault)

    @cached_property
    def safety(self) -> Safeguarding:
        """What protects people: parents' words, checks, letters kept, flags."""
        return Safeguarding(self.session, self.vault)

    @cached_property
    def pairs(self) -> Pairs:
        """Pairs, their meetings, objectives and check-ins."""
        return Pairs(self.session, self.vault)

    @cached_property
    def classes(self) -> Classes:
        """Classes of a school."""
        return Classes(self.session)

    @cached_property
    def kept(self) -> Kept:
        """Meetings that are over, and whether they took place."""
        return Kept(self.session)

    @cached_property
    def care(self) -> Care:
        """What goes on around pairs."""
        return Care(self.session, self.vault)

    @cached_property
    def campaigns(self) -> Campaigns:
        """Campaigns, who takes part, and whom they put together."""
        return Campaigns(self.session)

    @cached_property
    def reports(self) -> Reports:
        """Reports and wishes."""
        return Reports(self.session, self.vault)

    @cached_property
    def partners(self) -> PartnerStore:
        """Partner companies, and what they may see."""
        return PartnerStore(self.session, self.vault)

    @cached_property
    def announcements(self) -> Announcements:
        """Announcements to segments, and who wants none."""
        return Announcements(self.session, self.vault)

    @cached_property
    def numbers(self) -> Numbers:
        """A programme's figures."""
        return Numbers(self.session)

    @cached_property
    def installations(self) -> Installations:
        """Workspaces that have installed the Slack app by themselves."""
        return Installations(self.statements, self.vault)

    @cached_property
    def triage(self) -> TriageStore:
        """What is known of people at a glance, the team's corrections, calls for help."""
        return TriageStore(self.session, self.vault)

    @cached_property
    def privacy(self) -> Privacy:
        """Export and erasure."""
        return Privacy(self.session, self.vault, self.outbox.said)

    @cached_property
    def retention(self) -> Purge:
        """What goes by itself after its time."""
        return Purge(self.session, self.privacy)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if "session" in self.__dict__:
            self.session.close()
        self._connection.close()  # rolls back what was not committed

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """What is done in it is done as a whole or, when it raises, not at all.

        Not the session's own: that one begins with the session's next statement, and what went past
        the session before would not be undone.
        """
        with self.session.begin_nested():
            self.session.connection()
            yield

    def undo(self) -> None:
        """Take everything back that was not committed, and go on in a new transaction."""
        self.session.rollback()
        self.session.expunge_all()
        self._connection.rollback()  # what went past the session before it had begun
        self.vault.forget(self.statements)
        for remembers in ("people", "requests"):  # what they remembered may be undone
            self.__dict__.pop(remembers, None)

    def purge(self, rules: Mapping[str, Any], now: datetime) -> int:
        """Forget a little of what was kept long enough; how many rows. Call and commit until 0.

        Args:
            rules: Each programme's periods, `Programme.retention`, by its id.
            now: UTC.
        """
        gone = self.outbox.purge(now - timedelta(days=OUTBOX_DAYS))
        gone += self.timers.purge(now - timedelta(days=OUTBOX_DAYS))
        longest = max([INBOX_DAYS, *(keep.inbox for keep in rules.values())])
        gone += self.inbox.purge(now - timedelta(days=longest))
        return gone + self.retention.some(rules, now)

    def commit(self) -> None:
        """Make everything done so far durable."""
        point("before_commit")
        if "session" in self.__dict__:
            self.session.commit()
        self._connection.commit()  # nothing is left of it when the session had joined
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
    def _begin(connection: Connection) -> None:
        driver = connection.connection.driver_connection
        try:
            cast(sqlite3.Connection, driver).execute("BEGIN IMMEDIATE")  # the shortest way
        except sqlite3.Error as error:
            raise DBAPIError.instance(
                "BEGIN IMMEDIATE", None, error, sqlite3.Error, hide_parameters=True
            ) from error

    return engine


def _postgres(url: URL) -> Engine:
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    return create_engine(
        url, pool_size=POSTGRES_CONNECTIONS, pool_pre_ping=True, hide_parameters=True
    )
