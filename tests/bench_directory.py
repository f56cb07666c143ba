"""What a search of the directory takes, beside a LIKE over the folded column; run by hand.

    python -m tests.bench_directory [--people 18000 1000000] [--rounds 10]
                                    [--postgres | --file FILE]

Both answer the same questions on the same rows, in turn, and give the first ten by name; ours also
counts, up to a thousand. The people are invented: few different words, so that each is borne by
many, which is the hard case. `--file` keeps the SQLite file of one number of people, and takes it
up again. The figures last measured are in `docs/bench.md`.

Source: "the annuaire answers over 18,000 and 1,000,000 rows", 150 ms.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, insert, select, text

from handlers.local.people import invented
from storage import migrate
from storage.directory import Directory
from storage.tables import Base, DirectoryWord, Expert, Person
from storage.unit_of_work import Database
from storage.upsert import table_of
from storage.words import COLUMNS, fold, parse, sort_key, words_of
from tests.postgres import running_server

SECRET: Final = "a secret for measurements only"
NOW: Final = datetime(2026, 11, 22, tzinfo=UTC)
BAR_MS: Final = 150.0
LINES: Final = 10
CHUNK: Final = 20_000
DIFFERENT: Final = 50_000
QUESTIONS: Final = (
    "fontac", "zoé bellard", "dup", "du", "X08", "ingénieure", "paris", "ingénieur paris",
    "secteur:énergie pays:Japon", "cheffe lyon 2008", "nucléaire hélice", "ville:brest zoé",
    "entreprise:grand ingénieure", "zzz", "responsable stockage batteries nantes", "léa m",
)  # fmt: skip
_GIVEN: Final = {
    "job": "poste", "employer": "employeur", "structure": "structure", "sector": "secteur",
    "city": "ville", "country": "pays", "bio": "bio",
}  # fmt: skip
_LOOSE: Final = "loose_word"


def main() -> int:
    """Measure and print; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, nargs="+", default=[18_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--file", type=Path)
    given = parser.parse_args()
    kept = True
    for people in given.people:
        with database(postgres=given.postgres, file=given.file) as kind:
            kept &= measure(kind, people, given.rounds)
    return 0 if kept else 1


@contextmanager
def database(*, postgres: bool, file: Path | None) -> Iterator[Database]:
    """A database with all tables."""
    if postgres:
        with running_server() as server:
            yield from _opened(server.create().render_as_string(hide_password=False))
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield from _opened(f"sqlite:///{file or Path(folder) / 'cordee.db'}")


def _opened(url: str) -> Iterator[Database]:
    migrate.upgrade(url)
    found = Database(url, SECRET)
    yield found
    found.close()


# --- people ---------------------------------------------------------------------------------------


def fill(found: Database, people: int) -> int:
    """Write invented experts and their words, in bulk; how many rows of words.

    Beyond `DIFFERENT` people the same ones come again, under other numbers.
    """
    if found.is_sqlite:
        raw = found.engine.raw_connection()
        for pragma in ("cache_size=-300000", "synchronous=OFF", "foreign_keys=OFF"):
            raw.cursor().execute(f"PRAGMA {pragma}")
        raw.close()
    index = next(iter(table_of(DirectoryWord).indexes))
    first = min(people, DIFFERENT)
    with found.engine.begin() as connection:
        if count := connection.scalar(text("SELECT count(*) FROM directory_word")):
            return int(count)
        if not found.is_sqlite:  # no check of foreign keys, row by row
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        index.drop(connection)
        connection.execute(
            text(
                f"CREATE TEMPORARY TABLE {_LOOSE}"
                " (word TEXT, name TEXT, person_id BIGINT, fields SMALLINT)"
            )
        )
        rows = enumerate(invented(first), start=1)
        while some := list(islice(rows, CHUNK)):
            _write(connection, some)
        again = people // first - 1
        for table, key in (("person", "id"), ("expert", "person_id")):
            names = [c.name for c in Base.metadata.tables[table].columns if c.name != key]
            listed = ", ".join(names)
            connection.execute(
                text(
                    f"{_numbers(1, again)} INSERT INTO {table} ({listed}, {key})"
                    f" SELECT {listed}, {key} + k * {first} FROM {table}, n"
                )
            )
        connection.execute(
            text(
                f"{_numbers(0, again)} INSERT INTO directory_word (word, name, person_id, fields)"
                f" SELECT word, name, person_id + k * {first}, fields FROM {_LOOSE}, n"
                " ORDER BY 1, 2, 3"
            )
        )
        connection.execute(text(f"DROP TABLE {_LOOSE}"))
        index.create(connection)
        count = connection.scalar(text("SELECT count(*) FROM directory_word"))
    found.engine.dispose()  # the next connection is set up as always
    if not found.is_sqlite:
        with found.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    return int(count or 0)


def _numbers(first: int, last: int) -> str:
    return (
        f"WITH RECURSIVE n(k) AS (SELECT {first} WHERE {first} <= {last}"
        f" UNION ALL SELECT k + 1 FROM n WHERE k < {last})"
    )


def _write(connection: Connection, rows: Sequence[tuple[int, dict[str, str]]]) -> None:
    people, experts, words = [], [], []
    for number, row in rows:
        name, promo = f"{row['prenom']} {row['nom']}", int(row["promo"])
        content: dict[str, Any] = {column: row[key] for column, key in _GIVEN.items()}
        people.append({"id": number, "name": name, "promo": promo, "lang": "fr", "created_at": NOW})
        experts.append(
            {
                **content,
                "person_id": number,
                "folded": fold(" ".join([name, *(content.get(c, "") for c in COLUMNS)])),
                "consenting": row["consentement"] == "oui",
                "updated_at": NOW,
            }
        )
        words += [
            {"w": word, "n": sort_key(name), "p": number, "f": bits}
            for word, bits in words_of(name, promo, content).items()
        ]
    connection.execute(insert(table_of(Person)), people)
    connection.execute(insert(table_of(Expert)), experts)
    connection.execute(text(f"INSERT INTO {_LOOSE} VALUES (:w, :n, :p, :f)"), words)


# --- questions ------------------------------------------------------------------------------------


def like(directory: Directory, connection: Connection, question: str) -> Any:
    """The first ten whose folded column holds every word, as it was done before."""
    expert, person = table_of(Expert), table_of(Person)
    query = (
        select(expert.c.person_id, person.c.name, person.c.promo, expert.c.job)
        .join(person, person.c.id == expert.c.person_id)
        .order_by(person.c.name, expert.c.person_id)
        .limit(LINES)
    )
    for term in parse(question).terms:
        query = query.where(expert.c.folded.contains(term.word, autoescape=True))
    return connection.execute(query).all()


def ours(directory: Directory, connection: Connection, question: str) -> Any:
    """The first ten, and how many in all."""
    return directory.search(question, LINES)


def tenth(directory: Directory, connection: Connection, question: str) -> Any:
    """The tenth page."""
    return directory.search(question, LINES, 9 * LINES)


def member(directory: Directory, connection: Connection, question: str) -> Any:
    """What a member may see."""
    return directory.search(question, LINES, shown_in="a")


def measure(found: Database, people: int, rounds: int) -> bool:
    """Fill, ask, print; whether the bar is kept."""
    began = time.perf_counter()
    words = fill(found, people)
    print(
        f"{people} people, {words} rows of words, {found.url.get_backend_name()};"
        f" filled in {time.perf_counter() - began:.0f} s"
    )
    if found.file is not None:
        with found.engine.connect() as connection:
            for name in (DirectoryWord.__tablename__, "ix_directory_word_person", "expert"):
                size = connection.scalar(
                    text("SELECT sum(pgsize) FROM dbstat WHERE name = :n"), {"n": name}
                )
                print(f"  {name}: {size / 1e6:.0f} MB")
    ways: dict[str, Callable[[Directory, Connection, str], Any]] = {
        "search": ours, "LIKE": like, "tenth page": tenth, "a member's": member,
    }  # fmt: skip
    times: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds):
        for question in QUESTIONS:
            for name, way in ways.items():
                with found.unit_of_work() as uow:
                    connection = uow.session.connection()
                    at = time.perf_counter()
                    way(uow.directory, connection, question)
                    times.setdefault((name, question), []).append(time.perf_counter() - at)
    for question in QUESTIONS:
        each = [statistics.median(times[name, question]) * 1000 for name in ways]
        print(f"  {question:40}" + "".join(f"{ms:10.2f}" for ms in each))
    every = {
        name: sorted(t * 1000 for (n, _), ts in times.items() if n == name for t in ts)
        for name in ways
    }
    for name, ms in every.items():
        p50, p95 = (ms[int(len(ms) * share)] for share in (0.5, 0.95))
        print(f"  {name:12} p50 {p50:8.2f} ms   p95 {p95:8.2f} ms   worst {ms[-1]:8.2f} ms")
    print(f"  LIKE / search, all questions: {sum(every['LIKE']) / sum(every['search']):.1f}")
    return every["search"][int(len(every["search"]) * 0.95)] <= BAR_MS


if __name__ == "__main__":
    sys.exit(main())
