"""Erase somebody, and look for them: in the database's files, backups, exports and logs.

Somebody acts for weeks: every text of theirs that the register knows gets a word that is nowhere
else, other words each week, while other people's rows grow around them and a backup is made. Then
they are erased, the sweeper does its work, and every byte of every file is searched for every word
and for the keys that opened what was sealed. `make erasure` prints the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

import psycopg
from sqlalchemy import JSON, String, Table, select, text, update

from handlers.backups import made
from handlers.erasures import Sweeper
from scheduling.clock import FixedClock
from scheduling.worker import Worker
from storage.migrate import upgrade
from storage.privacy import rows_about
from storage.sealed import Sealed
from storage.tables import Base, DirectoryWord, ExpertVector, Inbox, Outbox, PersonKey
from storage.takeback import ASIDE, FAREWELL, told_to
from storage.unit_of_work import Database, UnitOfWork
from tests.postgres import libpq, running_server
from tests.simulation.soak import Report
from tests.stores import NOON, SECRET, payload, somebody
from tests.test_privacy import AX, World, campaign, world

SECONDS: Final = 60.0
_WEEK: Final = timedelta(days=7)
_ADDRESSES: Final = ("identity.account", "outbox.message_id")
_CODES: Final = 20  # a shorter text is a code of ours: a state, a platform, a kind


@dataclass
class Planted:
    """What nobody may find any more: word or bytes -> where it stood."""

    words: dict[bytes, str] = field(default_factory=dict)

    def word(self, place: str) -> str:
        """A word that is nowhere else, to be put there."""
        word = f"zq{len(self.words):05d}qz"
        self.words[word.encode()] = place
        return word


def plant(uow: UnitOfWork, person: int, planted: Planted) -> None:
    """Give every text of a person a new word, as the register of fields has them."""
    for table in Base.metadata.sorted_tables:
        theirs = rows_about(table, person)
        if theirs is None:
            continue
        keys = list(table.primary_key.columns)
        for row in uow.session.execute(select(table).where(theirs)).mappings().all():
            values = _values(uow, table, row.get("author_id", person), planted)
            mine = [key == row[key.name] for key in keys]
            if values and row.get("author_id", person) == person:
                uow.session.execute(update(table).where(*mine).values(**values))
    _around(uow, person, planted)
    uow.session.expire_all()


def _values(uow: UnitOfWork, table: Table, owner: int, planted: Planted) -> dict[str, object]:
    found: dict[str, object] = {}
    for column in table.columns:
        if column.info["privacy"] == "internal":
            continue
        if column.name == "account" and "identity.account" in planted.words.values():
            continue  # an account is one for life
        place = f"{table.name}.{column.name}"
        if place == "person.name":
            found[column.name] = f"{planted.word(place)} {planted.word(place)}"
        elif isinstance(column.type, Sealed):
            said = {"answers": {"q": f"des mots {planted.word(place)}"}}
            found[column.name] = uow.vault.seal(uow.session, owner, said)
        elif isinstance(column.type, JSON):
            found[column.name] = [planted.word(place)]
        elif isinstance(column.type, String) and (column.type.length or 999) > _CODES:
            found[column.name] = planted.word(place)
    return found


def _around(uow: UnitOfWork, person: int, planted: Planted) -> None:
    """What is heard from them and said to them and about them; the words they are found by."""
    [identity, *_] = uow.people.identities(person)
    name = uow.people.get(person).name or ""  # type: ignore[union-attr]
    account = identity.account
    number = len(planted.words)
    for state in ("done", "rejected"):
        uow.session.add(
            Inbox(
                platform="telegram", bot_account="telegram:1", event_key=f"{state}{number}",
                received_at=NOON, state=state, tries=1, reason="poison",
                author=None if state == "done" else f"{identity.platform}:{account}",
                person_id=person if state == "done" else None,
                payload=uow.vault.seal(uow.session, None, planted.word("inbox.payload")),
            )
        )  # fmt: skip
    for state in ("sent", "failed", "queued"):
        uow.session.add(
            Outbox(
                dedup_key=f"reply:{state}{number}:1", bot_account="telegram:1", chat_id=account,
                person_id=person, state=state, not_before=NOON, created_at=NOON,
                message_id=f"{account}/{planted.word('outbox.message_id')}",
                target=f"{account}/{planted.word('outbox.target')}", sent_at=NOON,
                payload=uow.vault.seal(uow.session, person, planted.word("outbox.payload")),
            )
        )  # fmt: skip
    for other, what in (("staff", payload(f"Une demande de {name}")), ("list", payload(name))):
        uow.outbox.put_raw(key=f"{other}:{number}", bot_account="slack:T1", chat_id="USTAFF",
                           payload=what, now=NOON)  # fmt: skip
    for pair in uow.pairs.of_person(person, ended=True):  # who is called by the first name
        partner = pair.mentor_id if pair.mentee_id == person else pair.mentee_id
        words = {"text": f"C’est transmis à {name.split()[0]}."}
        said = uow.vault.seal(uow.session, partner, words)
        uow.session.add(
            Outbox(
                dedup_key=f"reply:to{number}:{pair.id}", bot_account="telegram:1", chat_id="other",
                person_id=partner, state="queued", not_before=NOON, created_at=NOON, payload=said,
            )
        )  # fmt: skip
    uow.session.add(
        DirectoryWord(word=planted.word("directory_word.word"), name="x", person_id=person,
                      fields=1)
    )  # fmt: skip
    uow.session.query(ExpertVector).filter_by(person_id=person).delete()
    entries = os.urandom(24)
    planted.words[entries] = "expert_vector.entries"
    uow.session.add(
        ExpertVector(person_id=person, model="m", fingerprint=1, rows=1, entries=entries, scale=1.0)
    )


def keys_of(uow: UnitOfWork, person: int, planted: Planted) -> None:
    """The wrapped key: whoever has it and the instance's secret reads what was sealed."""
    wrapped = uow.session.scalar(select(PersonKey.wrapped).where(PersonKey.person_id == person))
    assert wrapped
    planted.words[wrapped] = "person_key.wrapped"


# --- looking --------------------------------------------------------------------------------------


def search(files: Iterable[Path], planted: Planted) -> list[str]:
    """Every planted word in every file, in whatever case: where it stood and where it is."""
    found = []
    for file in files:
        data = _read(file)
        small = data.lower()
        found += [f"{place} in {file.name}" for word, place in planted.words.items()
                  if word in data or word.lower() in small]  # fmt: skip
    return found


def _read(file: Path) -> bytes:
    """What a file holds; nothing when it went between the listing and now, as a server's may."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""


def server_files(url: str) -> Path | None:
    """The folder of a PostgreSQL on this machine; None when it is not ours to read."""
    with psycopg.connect(url) as connection:
        [[folder]] = connection.execute("SHOW data_directory").fetchall()
    path = Path(folder)
    return path if path.is_dir() and os.access(path, os.R_OK) else None


@contextmanager
def everything_logged(file: Path) -> Iterator[None]:
    """All that is logged, at the lowest level, into a file."""
    root, handler = logging.getLogger(), logging.FileHandler(file)
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.setLevel(before)
        root.removeHandler(handler)
        handler.close()


def crowd(database: Database, people: int) -> None:
    """Other people, so that rows and pages move around."""
    for start in range(0, people, 500):
        with database.unit_of_work() as uow:
            for number in range(start, min(start + 500, people)):
                met = uow.people.meet(platform="slack", account=f"T1/U{number}",
                                      bot_account="slack:T1", lang="fr", now=NOON)  # fmt: skip
                uow.people.get(met.person_id).name = f"Autre {number}"  # type: ignore[union-attr]
                uow.directory.save(
                    met.person_id, NOON, {"job": f"métier {number}", "bio": "b" * 99}
                )
            uow.commit()


# --- the proof ------------------------------------------------------------------------------------


def prove(database: Database, folder: Path, *, people: int, weeks: int) -> Report:
    """Live, erase, search."""
    report = Report()
    backups, planted = folder / "backups", Planted()
    backups.mkdir()
    with everything_logged(folder / "everything.log"):
        upgrade(database.engine)
        them = _lived(database, backups, planted, people=people, weeks=weeks)
        before = search(_files(database, folder), planted)
        report.note("people", people + 3)
        report.note("words and keys planted", len(planted.words))
        report.note("fields with words", len(set(planted.words.values())))
        report.note("found before", len(before), "> 0", well=bool(before))
        begun = time.perf_counter()
        back = _erased(database, them.mentee)
        asyncio.run(_sweep(database, backups))
        took = time.perf_counter() - begun
        waiting = search(_files(database, folder), planted)
        addresses = [
            place
            for place in waiting
            if not place.startswith(_ADDRESSES)
            or place.endswith((".log", *(f"cordee-{n}.db" for n in range(weeks))))
        ]
        _said(database)
        swept = asyncio.run(_sweep(database, backups))
    report.note("seconds", f"{took:.1f}", f"<= {SECONDS:.0f}", well=took <= SECONDS)
    report.note("messages to take back", back, "> 0", well=back > 0)
    report.note("found meanwhile", len(waiting))
    report.note("  other than addresses", len(addresses), "0", well=not addresses)
    report.note("erasures finished", swept, "1", well=swept == 1)
    files = list(_files(database, folder))
    after = search(files, planted)
    kinds = {"backups": [f for f in files if f.parent == backups and f.suffix == ".db"],
             "log": [f for f in files if f.suffix == ".log"]}  # fmt: skip
    report.note("files searched", len(files))
    report.note("of these backups", len(kinds["backups"]), f"> {weeks - 1}",
                well=len(kinds["backups"]) >= weeks)  # fmt: skip
    report.note("MiB searched", sum(len(_read(file)) for file in files) >> 20)
    for place in after[:10]:
        report.note("  left", place)
    report.note("found after", len(after), "0", well=not after)
    return report


def _erased(database: Database, person: int) -> int:
    """Erase somebody, and leave to be said what an erasure leaves; how many messages go."""
    with database.unit_of_work() as uow:
        back = told_to(uow.session, person, NOON)
        uow.privacy.erase_person(person, NOON)
        for number, one in enumerate(back):
            uow.outbox.put_raw(
                key=f"{FAREWELL}{number}", bot_account=one.bot_account, payload=payload(""),
                chat_id=one.chat_id + ASIDE, now=NOON, op="delete", target=one.message_id,
            )  # fmt: skip
        uow.commit()
    return len(back)


def _said(database: Database) -> None:
    """All of it has gone."""
    with database.unit_of_work() as uow:
        last = Outbox.dedup_key.startswith(FAREWELL)
        uow.session.execute(update(Outbox).where(last).values(state="sent", sent_at=NOON))
        uow.commit()


def _lived(
    database: Database, backups: Path, planted: Planted, *, people: int, weeks: int
) -> World:
    somebody(database, "424242")  # number 1 is nobody in particular
    them = world(database)
    crowd(database, people)
    for week in range(weeks):
        with database.unit_of_work() as uow:
            if week == 0:
                campaign(uow, them)
                uow.directory.save(them.mentee, NOON, {"job": "x"})
                uow.talks.keep_stray(them.mentee, AX, "mots", NOON)
                uow.reports.open(them.mentee, AX, "q", "2026T4", opened_at=NOON,
                                 closes_at=NOON + _WEEK)  # fmt: skip
                uow.reports.set_wish(them.mentee, AX, kind="job", field="f", place="p",
                                     start_on=None, months=None, now=NOON)  # fmt: skip
                keys_of(uow, them.mentee, planted)
            plant(uow, them.mentee, planted)
            uow.commit()
        made(database, backups / f"cordee-{week}.db", SECRET)
    return them


def _files(database: Database, folder: Path) -> Iterator[Path]:
    yield from _within(folder)
    if not database.is_sqlite:
        server = server_files(libpq(database.url))
        if server is not None:
            with database.engine.connect() as connection:
                oid = connection.scalar(
                    text("SELECT oid FROM pg_database WHERE datname = current_database()")
                )
            yield from _within(server / "base" / str(oid))
            yield from _within(server / "pg_wal")


def _within(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):  # passes over a folder that went meanwhile
        yield from (Path(place, name) for name in names)


async def _sweep(database: Database, backups: Path) -> int:
    worker = Worker(database)
    try:
        sweeper = Sweeper(database, worker, FixedClock(NOON), backups, SECRET)
        return await sweeper.sweep()
    finally:
        worker.close()


def main() -> int:
    """On both databases; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--weeks", type=int, default=14)
    given = parser.parse_args()
    missed = False
    with tempfile.TemporaryDirectory() as tmp, running_server() as server:
        for name, url in (("SQLite", f"sqlite:///{tmp}/lite/cordee.db"), ("PostgreSQL", "")):
            folder = Path(tmp) / ("lite" if url else "server")
            folder.mkdir()
            address = url or server.create().render_as_string(hide_password=False)
            database = Database(address, SECRET)
            found = prove(database, folder, people=given.people, weeks=given.weeks)
            database.close()
            print(f"{name}\n{found}\n")  # noqa: T201 - the figures
            missed |= bool(found.missed)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
