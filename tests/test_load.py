"""What experts carry: counted by the database, and weighed in the ranking and in campaigns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import event

from bot.expert_index import loads_of, rules_of
from bot.matching import Index, Rules, Wish
from bot.matching.load import Load, costs
from bot.programmes.matching import Load as Setting
from bot.programmes.matching import Matching
from storage.directory import Entry
from storage.tables import Pair, Proposal, Request
from storage.unit_of_work import Database, UnitOfWork
from tests.campaign_world import Run
from tests.empty import tables
from tests.test_matching_score import ids, profile

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def uow(request: pytest.FixtureRequest) -> Iterator[UnitOfWork]:
    url = request.getfixturevalue("pg_tables") if request.param == "postgres" else "sqlite://"
    database = Database(url, "a secret for tests only")
    tables(database)
    with database.unit_of_work() as uow:
        yield uow
    database.close()


def people(uow: UnitOfWork, *loads: int) -> list[int]:
    """Experts with five places, so many of them taken outside."""
    found = [
        Entry({"external_id": f"D{n}", "name": f"N{n}"},
              {"consenting": True, "available": True, "capacity": 5, "outside_load": load})
        for n, load in enumerate(loads)
    ]  # fmt: skip
    return uow.directory.upsert(found, [None] * len(found), NOW).ids


def proposed(uow: UnitOfWork, mentee: int, expert: int, state: str, at: datetime) -> None:
    request = Request(
        person_id=mentee, programme_id="p", conversation_id=0, state="open",
        created_at=at, changed_at=at,
    )  # fmt: skip
    uow.session.add(request)
    uow.session.flush()
    uow.session.add(
        Proposal(request_id=request.id, expert_id=expert, rank=1, state=state, shown_at=at)
    )
    uow.session.flush()


def met(uow: UnitOfWork, mentee: int, mentor: int, ended: datetime | None) -> None:
    uow.session.add(
        Pair(programme_id="p", mentee_id=mentee, mentor_id=mentor, started_at=NOW - 900 * DAY,
             ended_at=ended)
    )  # fmt: skip
    uow.session.flush()


def test_places_questions_and_the_last_months_are_counted(uow: UnitOfWork) -> None:
    idle, busy, asked, before, mentee = people(uow, 0, 1, 0, 0, 0)
    assert uow.directory.take_place(busy, NOW)
    met(uow, mentee, busy, None)  # it goes on: its place is taken, and counts as that
    proposed(uow, mentee, asked, "asked", NOW - 30 * DAY)
    proposed(uow, mentee, asked, "shown", NOW - 2 * DAY)
    proposed(uow, mentee, asked, "declined", NOW - 6 * DAY)
    met(uow, mentee, before, NOW - 300 * DAY)
    met(uow, mentee, before, NOW - 100 * DAY)
    met(uow, mentee, before, NOW - 400 * DAY)
    assert uow.directory.loads(NOW, 12) == {busy: (2.0, 0), asked: (0.5, 2), before: (0.5, 0)}
    assert uow.directory.loads(NOW, 0) == {busy: (2.0, 0), asked: (0.5, 2)}
    assert uow.directory.loads(NOW + 8 * DAY, 12)[asked] == (0.5, 0)
    assert idle not in uow.directory.loads(NOW, 120)
    assert uow.directory.loads(NOW, 12, carried=False) == {asked: (0.0, 2)}
    assert loads_of(uow.directory, NOW, Matching()) == {asked: Load(0.0, 2)}
    costly = Matching(load=Setting(penalties=(0, 4)))
    assert loads_of(uow.directory, NOW, costly)[busy] == Load(2.0)


def test_one_query_whatever_the_number_of_experts(uow: UnitOfWork) -> None:
    *_, mentee = people(uow, *([1] * 60))
    seen: list[Any] = []
    event.listen(uow.session.get_bind(), "before_cursor_execute", lambda *a: seen.append(a[2]))
    assert len(uow.directory.loads(NOW, 12)) == 60
    assert len(seen) == 1
    assert mentee


@pytest.mark.parametrize(
    ("load", "cost"), [(0, 0), (0.5, 20), (1, 40), (1.25, 50), (2, 80), (3.5, 140)]
)
def test_what_lies_between_costs_what_lies_between(load: float, cost: float) -> None:
    assert costs((0, 40, 80), load) == cost
    assert costs((7,), [0, load]).tolist() == [7, 7]


# --- in the ranking -------------------------------------------------------------------------------

FOUR = Index(
    [profile(n, sector="énergie", city=city) for n, city in enumerate(("lyon",) * 3 + ("nice",), 1)]
)
WISH = Wish("", {"sector": ("énergie",), "city": ("lyon",)})


def test_who_carries_more_comes_later_by_so_many_points() -> None:
    free = ids(FOUR.rank(WISH, 4))
    first = free[0]
    assert free[3] == 4
    rules = Rules(penalties=(0, 4, 20))
    light = FOUR.rank(WISH, 4, rules=rules, loads={first: Load(1)})
    assert ids(light) == [*free[1:3], first, 4]
    assert [s.score for s in light[:3]] == [1.0, 1.0, 1.0]  # how well they fit is the same
    assert ids(FOUR.rank(WISH, 4, rules=rules, loads={first: Load(2)})) == [*free[1:], first]
    assert ids(FOUR.rank(WISH, 4, loads={first: Load(9)})) == free  # as long as it costs nothing
    found = FOUR.propose(WISH, n=3, rules=replace(rules, variety=0.0), loads={first: Load(2)})
    assert ids(found) == free[1:]
    assert ids(FOUR.rank(WISH, 4, rules=rules, loads={99: Load(2)})) == free


def test_who_was_shown_often_comes_after_equals_and_before_the_others() -> None:
    free = ids(FOUR.rank(WISH, 4))
    often = {free[0]: Load(0, 5)}
    assert ids(FOUR.rank(WISH, 4, loads=often)) == [*free[1:3], free[0], 4]
    assert ids(FOUR.rank(WISH, 2, loads=often)) == free[1:3]
    assert ids(FOUR.rank(WISH, 4, loads={free[0]: Load(0, 4)})) == free
    assert ids(FOUR.rank(WISH, 4, rules=Rules(exposure_max=0), loads=often)) == free


def test_the_programme_file_says_what_it_costs() -> None:
    rules = rules_of(Matching(load=Setting(penalties=(0, 2, 5), exposure_max=3)))
    assert (rules.penalties, rules.exposure_max) == ((0, 2, 5), 3)
    assert rules_of(Matching()).penalties == (0,)
    with pytest.raises(ValidationError, match="at least as much"):
        Setting(penalties=(0, 5, 2))


# --- in a campaign --------------------------------------------------------------------------------


def test_a_campaign_remembers_who_had_somebody_lately_and_not_who_is_asked_in_it() -> None:
    run = Run.begin(4, 6, capacity=2, seed=3)
    run.draft()
    run.publish()
    asked = run.pairs("proposed")
    board = run.board()
    assert {m.load for m in board.given.mentors} == {0.0}
    lately = board.given.mentors[0].id
    with run.stand.work() as uow:
        met(uow, min(asked), lately, run.stand.now - 30 * DAY)
    now = run.board()
    loads = {m.id: m.load for m in now.given.mentors}
    assert loads.pop(lately) == 0.25
    assert set(loads.values()) == {0.0}
    before, after = (b.draft({max(asked): lately}) for b in (board, now))
    assert before.objective - after.objective == 10  # a quarter of the second mentee's 40
