"""« À voir en premier » among many laureates: the order beside the bare read of the same rows.

Each of them has two reports that were sent and one that waits, sealed as they are in life; one in
fifty is in a pair with check-ins. *Bare* reads the same rows by `sqlite3`, opens nothing and makes
no object. Counted is the processor time of one thread; see `docs/bench.md`.

Source: E-09.
"""

from __future__ import annotations

import sqlite3
import statistics
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

from bot.dialogue.questionnaire import Question
from bot.programmes.load import load
from bot.triage.gather import read
from storage.tables import Base, Checkin, Identity, Membership, Pair, Person, Report, Series
from storage.unit_of_work import Database, UnitOfWork
from tests.bench_updates import SECRET

PEOPLE: Final = 10_000
ROUNDS: Final = 5
NOW: Final = datetime(2026, 10, 6, 12, tzinfo=UTC)
DAY: Final = timedelta(days=1)
HERE: Final = load("emergence")
_AT_ONCE: Final = 500
_BARE: Final = (
    "SELECT p.id, coalesce(p.name, ''), m.since, max(i.seen_at), count(i.id), sum(i.reachable)"
    " FROM person p JOIN membership m ON m.person_id = p.id"
    " LEFT JOIN identity i ON i.person_id = p.id WHERE m.programme_id = 'emergence'"
    " AND m.role = 'mentee' AND m.state = 'active' GROUP BY p.id, p.name, m.since",
    "SELECT r.id, r.person_id, r.report, r.quarter, r.state, r.opened_at, r.closes_at, r.sent_at,"
    " r.answers, k.wrapped FROM report r LEFT JOIN person_key k ON k.person_id = r.person_id"
    " WHERE r.programme_id = 'emergence' ORDER BY r.quarter DESC, r.id DESC",
    "SELECT c.*, p.mentee_id FROM checkin c JOIN pair p ON p.id = c.pair_id",
)


@dataclass(frozen=True)
class Times:
    """Milliseconds of processor, the median of the rounds.

    Attributes:
        bare: Reading the same rows and nothing else.
        held: What the transaction lasts.
        beside: What is worked out outside of it.
        found: People who have a sign.
    """

    bare: float
    held: float
    beside: float
    found: int


def fill(database: Database, people: int) -> None:
    """So many laureates."""
    rng = Random(7)
    questions = [q for q in HERE.reports[0].questions if q.kind in ("scale", "choice", "text")]
    for start in range(0, people, _AT_ONCE):
        with database.unit_of_work() as uow:
            numbers = range(start + 1, min(start + _AT_ONCE, people) + 1)
            uow.session.add_all(
                Person(id=number, name=f"Lauréat {number}", lang="fr", created_at=NOW)
                for number in numbers
            )
            uow.session.flush()
            for number in numbers:
                _laureate(uow, number, questions, rng)
            uow.commit()


def _laureate(uow: UnitOfWork, number: int, questions: Sequence[Question], rng: Random) -> None:
    seen = NOW - rng.randint(0, 200) * DAY
    uow.session.add(
        Identity(person_id=number, platform="telegram", account=str(number),
                 bot_account="telegram:9", seen_at=seen)
    )  # fmt: skip
    uow.session.add(
        Membership(person_id=number, programme_id=HERE.id, role="mentee", state="active",
                   since=NOW - 400 * DAY)
    )  # fmt: skip
    for quarter, ago in (("2026T1", 190), ("2026T2", 100), ("2026T3", 10)):
        opened = NOW - ago * DAY
        row = Report(
            programme_id=HERE.id, person_id=number, report=HERE.reports[0].id, quarter=quarter,
            opened_at=opened, closes_at=opened + 21 * DAY,
        )  # fmt: skip
        if quarter != "2026T3" and rng.random() < 0.9:
            kept = [_answer(q, rng) for q in questions]
            row.answers = uow.vault.seal(uow.session, number, kept)
            row.state, row.sent_at = "sent", opened + DAY
        uow.session.add(row)
    if number % 50 == 2:
        _pair(uow, number, number - 1)


def _answer(question: Question, rng: Random) -> dict[str, Any]:
    value: object = "Tout va comme je le pensais, et je cherche encore un stage."
    if question.kind == "scale":
        value = rng.randint(*question.bounds)
    elif question.options:
        value = rng.choice(question.options).value
    text = question.text.fr
    return {"id": question.id, "question": text, "label": str(value), "value": value}


def _pair(uow: UnitOfWork, mentee: int, mentor: int) -> None:
    pair = uow.pairs.add(
        Pair(programme_id=HERE.id, mentee_id=mentee, mentor_id=mentor, started_at=NOW - 150 * DAY)
    )
    for side in (mentee, mentor):
        series = uow.pairs.add_series(
            Series(pair_id=pair.id, person_id=side, rhythm="checkin", rrule="FREQ=MONTHLY",
                   dtstart_local="2026-05-07T18:30:00", zone="Europe/Paris")
        )  # fmt: skip
        for month in range(4):
            at = NOW - (100 - 30 * month) * DAY
            uow.pairs.add_checkin(
                Checkin(series_id=series.id, pair_id=pair.id, person_id=side, met="no",
                        occurrence=at, state="answered", answered_at=at + DAY)
            )  # fmt: skip


def measure(file: Path, people: int, rounds: int = ROUNDS) -> Times:
    """The order and the bare read take turns; the first round only warms both up."""
    database = Database(f"sqlite:///{file}", SECRET)
    Base.metadata.create_all(database.engine)
    fill(database, people)
    bare, held, beside = [], [], []
    for _ in range(rounds + 1):
        begun = time.thread_time()
        with database.unit_of_work() as uow:
            known = read(uow, HERE, NOW)
        over = time.thread_time()
        found = known.weighed()
        done = time.thread_time()
        held.append(over - begun)
        beside.append(done - over)
        with closing(sqlite3.connect(file)) as plain:
            begun = time.thread_time()
            for query in _BARE:
                plain.execute(query).fetchall()
            bare.append(time.thread_time() - begun)
    database.close()
    read_, held_, beside_ = (1000 * statistics.median(one[1:]) for one in (bare, held, beside))
    return Times(read_, held_, beside_, len(found))
