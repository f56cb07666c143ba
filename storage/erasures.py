"""After an erasure: nothing is left on the wire, in the files of the database, or in backups.

A person's rows are deleted by `storage.privacy`; here is what else the word "erased" needs. What
was being sent at that instant is forgotten once it has left, the database's files are written anew,
and every backup in the folder of backups is rewritten without the person. The folder also gets a
list of the numbers that were erased, so that a backup that lay elsewhere cannot bring anybody back.
This module does not know why somebody is erased.

Source: GDPR 17; quality, P1; ADR 0014.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, cast

from sqlalchemy import ColumnElement, and_, delete, or_, select, text, update
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from storage.migrate import upgrade
from storage.tables import Base, Erasure, Outbox, Person
from storage.takeback import FAREWELL, PATIENCE
from storage.unit_of_work import Database
from storage.upsert import changed

LIST: Final = "erased.jsonl"
"""The numbers that were erased, one a line, beside the backups."""
Way = Literal["nothing", "last words", "messages"]
LOCK_SECONDS: Final = 5
"""How long a table may be waited for on PostgreSQL; then later."""
_OPEN: Final = ("queued", "sending")


@dataclass(frozen=True, slots=True, order=True)
class Gone:
    """One erasure.

    Attributes:
        number: Its own number.
        gone_id: The number that the person had.
        at: When (UTC).
    """

    number: int
    gone_id: int
    at: datetime


class Erasures:
    """The statements about erasures of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def unswept(self) -> Sequence[Gone]:
        """Those whose traces in files and backups are still to be removed."""
        return self._list(Erasure.swept_at.is_(None))

    def all(self) -> Sequence[Gone]:
        """Every erasure, in order."""
        return self._list()

    def _list(self, *which: ColumnElement[bool]) -> Sequence[Gone]:
        rows = self._session.execute(
            select(Erasure.id, Erasure.gone_id, Erasure.at).where(*which).order_by(Erasure.id)
        )
        return [Gone(*row) for row in rows]

    def forget_sent(self, gone: Collection[int], now: datetime) -> None:
        """Take their addresses out of what was sent, and drop the last words that are said."""
        theirs = Outbox.person_id.in_(gone)
        last = and_(Outbox.person_id.is_(None), Outbox.dedup_key.startswith(FAREWELL))
        self._session.execute(
            update(Outbox)
            .where(theirs, Outbox.state.not_in(_OPEN))
            .values(person_id=None, chat_id="", target=None, message_id=None, payload=None)
        )
        late = Outbox.created_at < now - PATIENCE
        self._session.execute(delete(Outbox).where(last, or_(Outbox.state.not_in(_OPEN), late)))

    def on_its_way(self, gone: Collection[int]) -> Way:
        """What is still being sent to them, or taken back from them."""
        waiting = self._session.scalars(
            select(Outbox.person_id.is_(None))
            .where(
                or_(
                    Outbox.person_id.in_(gone),
                    and_(Outbox.person_id.is_(None), Outbox.dedup_key.startswith(FAREWELL)),
                ),
                Outbox.state.in_(_OPEN),
            )
            .distinct()
        ).all()
        return "nothing" if not waiting else "last words" if all(waiting) else "messages"

    def uncleared(self) -> bool:
        """Whether files and backups still have something of somebody."""
        return bool(self._list(Erasure.swept_at.is_(None), Erasure.cleared_at.is_(None)))

    def cleared(self, numbers: Collection[int], now: datetime) -> int:
        """Write down that nothing but last words is left of these."""
        open_ = (Erasure.id.in_(numbers), Erasure.cleared_at.is_(None))
        return changed(self._session, update(Erasure).where(*open_).values(cleared_at=now))

    def forget_all(self, gone: Collection[int]) -> None:
        """In a backup nothing is on its way: what was then goes too."""
        self._session.execute(
            delete(Outbox).where(Outbox.person_id.in_(gone), Outbox.state.in_(_OPEN))
        )
        self.forget_sent(gone, datetime.max.replace(tzinfo=UTC))

    def swept(self, numbers: Collection[int], now: datetime) -> int:
        """Write down that nothing is left of these."""
        done = update(Erasure).where(Erasure.id.in_(numbers)).values(swept_at=now)
        return changed(self._session, done)

    def missing(self, listed: Iterable[Gone]) -> list[Gone]:
        """Of a list kept elsewhere, those whom this database still knows."""
        there = set(self._session.scalars(select(Person.id)))
        return [one for one in sorted(listed) if one.gone_id in there]


# --- the files of the database ------------------------------------------------------------------


def tidy(database: Database) -> bool:
    """Write the files of a database anew, so that nothing deleted is left in them.

    On PostgreSQL only what its role may do: old segments of the write-ahead log go with a
    checkpoint, and are kept or recycled as the server's settings say (`wal_recycle`).

    Returns:
        False when somebody else had the database open for reading: to be done again.
    """
    if not database.is_sqlite:
        _tidy_server(database)
        return True
    if database.file is None:
        return True
    raw = database.engine.raw_connection()
    try:
        driver = cast(sqlite3.Connection, raw.driver_connection)
        driver.execute("VACUUM")
        busy, _, _ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        raw.close()
    return not busy


def _tidy_server(database: Database) -> None:
    held = [t.name for t in Base.metadata.sorted_tables if t.info["basis"] != "none"]
    engine = database.engine.execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"SET lock_timeout = '{LOCK_SECONDS}s'"))
        try:
            for name in held:
                connection.execute(text(f'VACUUM (FULL, ANALYZE) "{name}"'))
            # samples of what stood there; without the right to it the server only says so
            connection.execute(text("VACUUM FULL pg_catalog.pg_statistic"))
        finally:
            connection.execute(text("RESET lock_timeout"))
        for statement in ("CHECKPOINT", "SELECT pg_switch_wal()", "CHECKPOINT"):
            try:
                connection.execute(text(statement))
            except ProgrammingError:  # for the server's owner; its own rhythm does it
                return


# --- the list and the backups ---------------------------------------------------------------------


def write_list(folder: Path, erasures: Iterable[Gone]) -> None:
    """Add to the list of a folder what is not in it yet."""
    known = {one.gone_id for one in read_list(folder)}
    fresh = [one for one in erasures if one.gone_id not in known]
    if not fresh:
        return
    descriptor = os.open(folder / LIST, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8") as file:
        for one in fresh:
            line = {"erasure": one.number, "person": one.gone_id, "at": one.at.isoformat()}
            file.write(json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_list(folder: Path) -> list[Gone]:
    """What the list of a folder says; nothing where there is none.

    Raises:
        ValueError: A line of it is damaged.
    """
    path = folder / LIST
    if not path.exists():
        return []
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    return [
        Gone(line["erasure"], line["person"], datetime.fromisoformat(line["at"]).astimezone(UTC))
        for line in lines
    ]


def written_beside(file: Path) -> list[Gone]:
    """The erasures in the file of a database that another process may have open; only read."""
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as found:
        rows = found.execute("SELECT id, gone_id, at FROM erasure ORDER BY id").fetchall()
    return [Gone(n, who, datetime.fromisoformat(at).replace(tzinfo=UTC)) for n, who, at in rows]


def carry(folder: Path, secret: str, erasures: Sequence[Gone]) -> list[Path]:
    """Erase people in every backup of a folder that still holds them; which were rewritten.

    Each is rewritten beside itself and then takes its place, with its old date, so that it is
    deleted when it would have been. What is no backup of ours is left alone.
    """
    write_list(folder, erasures)
    return [file for file in sorted(folder.glob("*.db")) if carry_into(file, secret, erasures)]


def carry_into(file: Path, secret: str, erasures: Sequence[Gone]) -> bool:
    """Erase people in one backup, if it still holds any of them; whether it was rewritten."""
    if not _holds(file, {one.gone_id for one in erasures}):
        return False
    _rewrite(file, secret, erasures)
    return True


def _holds(file: Path, gone: Collection[int]) -> bool:
    """Whether a backup has one of these people, or a last word to somebody."""
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as found:
            people = {row[0] for row in found.execute("SELECT id FROM person")}
            words = "SELECT 1 FROM outbox WHERE substr(dedup_key, 1, ?) = ? LIMIT 1"
            said = found.execute(words, (len(FAREWELL), FAREWELL)).fetchone()
            return said is not None or not people.isdisjoint(gone)
    except sqlite3.DatabaseError:  # none of ours, or not whole
        return False


def _rewrite(file: Path, secret: str, erasures: Sequence[Gone]) -> None:
    part, was = file.with_name(f"{file.name}.part"), file.stat()
    _remove(part)
    try:
        shutil.copy(file, part)
        part.chmod(was.st_mode & 0o777)
        database = Database(f"sqlite:///{part}", secret)
        try:
            upgrade(database.engine)  # an older version's: what is deleted is the same
            with database.unit_of_work() as uow:
                for one in Erasures(uow.session).missing(erasures):
                    uow.privacy.erase_person(one.gone_id, one.at)
                Erasures(uow.session).forget_all([one.gone_id for one in erasures])
                uow.commit()
            tidy(database)
        finally:
            database.close()
        with closing(sqlite3.connect(part)) as made:
            made.execute("PRAGMA journal_mode=DELETE")  # whole in one file
        with part.open("rb") as written:
            os.fsync(written.fileno())
        os.utime(part, ns=(was.st_atime_ns, was.st_mtime_ns))
        part.replace(file)
    finally:
        _remove(part)


def _remove(part: Path) -> None:
    for end in ("", "-wal", "-shm", "-journal"):
        part.with_name(part.name + end).unlink(missing_ok=True)
