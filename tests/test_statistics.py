"""The programme's figures: each against an independent count, all in a fixed number of looks."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from bot import pictures
from bot.commands.statistics import Span, grouped, span
from bot.i18n import words
from bot.messages import Table
from storage.statistics import SECTORS, WAITING, Period, Places, Rows, Statistics
from storage.tables import Checkin, Expert, Pair, Person, Report, Request, Series
from storage.unit_of_work import Database, UnitOfWork
from tests.empty import tables
from tests.stand import CLAIRE, Heard, Stand, button, programme, told
from tests.stores import NOON, SECRET

AX: Final = "ax-accompagnement"
ELSEWHERE: Final = "emergence"
DAY: Final = timedelta(days=1)
ZONES: Final = ("Europe/Paris", "America/New_York", "Asia/Tokyo")


def year() -> Span:
    found = span("2026", "Europe/Paris", NOON)
    assert found is not None
    return found


# --- the query module against an independent count ------------------------------------------------


class World:
    """Made-up rows, and what they must count to, counted as they are made."""

    def __init__(self, uow: UnitOfWork, seed: int, size: int) -> None:
        self.uow, self.rng = uow, Random(seed)
        self.people = [self._person() for _ in range(size + 2)]
        self.requests = [self._request() for _ in range(size)]
        self.pairs = [self._pair() for _ in range(size)]
        self.rounds = self._checkins()
        self.reports = [self._report(n) for n in range(size)]
        self.experts = [self._expert(person) for person in self.people]
        uow.session.flush()

    def _person(self) -> int:
        person = Person(lang="fr", created_at=NOON)
        self.uow.session.add(person)
        self.uow.session.flush()
        return person.id

    def _when(self) -> datetime:
        return NOON - self.rng.randint(0, 500 * 24) * timedelta(hours=1)

    def _where(self) -> str:
        return self.rng.choice((AX, AX, AX, ELSEWHERE))

    def _request(self) -> tuple[Request, datetime | None]:
        made = self._when()
        row = Request(
            programme_id=self._where(), person_id=self.rng.choice(self.people), conversation_id=0,
            state=self.rng.choice((*WAITING, "matched", "closed")), created_at=made,
            changed_at=made, due_at=self.rng.choice((None, made + 3 * DAY, NOON + DAY)),
        )  # fmt: skip
        self.uow.session.add(row)
        self.uow.session.flush()
        asked = made + DAY if self.rng.random() < 0.4 else None
        if asked is not None:
            expert = self.rng.choice(self.people)
            sent = self.uow.requests.propose(row.id, expert, rank=1, reasons=[], now=made)
            self.uow.requests.move_proposal(sent, sent.version, "asked", asked_at=asked)
        return row, asked

    def _pair(self) -> Pair:
        mentee, mentor = self.rng.sample(self.people, 2)
        row = Pair(
            programme_id=self._where(), mentee_id=mentee, mentor_id=mentor,
            state=self.rng.choice(("proposed", "active", "paused", "closing", "closed")),
            started_at=self._when(),
        )  # fmt: skip
        self.uow.session.add(row)
        self.uow.session.flush()
        return row

    def _checkins(self) -> dict[tuple[int, date], list[str | None]]:
        """Answers by pair of the programme and local date of the round."""
        rounds: dict[tuple[int, date], list[str | None]] = defaultdict(list)
        for pair in self.pairs:
            days = {self._when().date() for _ in range(self.rng.randint(0, 3))}
            for side in (pair.mentee_id, pair.mentor_id):
                zone = self.rng.choice(ZONES)
                series = Series(
                    pair_id=pair.id, person_id=side, rhythm="monthly", rrule="FREQ=MONTHLY",
                    dtstart_local="2025-01-01T18:30:00", zone=zone,
                )  # fmt: skip
                self.uow.session.add(series)
                self.uow.session.flush()
                for day in days:
                    at = datetime(day.year, day.month, day.day, 18, 30, tzinfo=ZoneInfo(zone))
                    state = self.rng.choice(("answered", "answered", "asked", "skipped"))
                    met = self.rng.choice(("yes", "no", "not_yet", None))
                    met = met if state == "answered" else None
                    row = Checkin(
                        series_id=series.id, pair_id=pair.id, person_id=side, met=met, state=state,
                        occurrence=at.astimezone(UTC),
                    )  # fmt: skip
                    self.uow.session.add(row)
                    if pair.programme_id == AX and met is not None and day.year == 2026:
                        rounds[pair.id, day].append(met)
        return rounds

    def _report(self, number: int) -> Report:
        closes = NOON + self.rng.randint(-200, 10) * DAY
        row = Report(
            programme_id=self._where(), person_id=self.people[number], report="quarterly",
            quarter=self.rng.choice(("2025T4", "2026T1", "2026T2", "2026T3")),
            opened_at=closes - 21 * DAY, closes_at=closes,
            sent_at=self.rng.choice((None, closes - 2 * DAY)),
        )  # fmt: skip
        self.uow.session.add(row)
        return row

    def _expert(self, person: int) -> Expert:
        rng = self.rng
        row = Expert(
            person_id=person, sector=rng.choice(("", "Énergie", "Conseil", "Santé")),
            consenting=rng.random() < 0.8, available=rng.random() < 0.8,
            paused_until=rng.choice((None, NOON - DAY, NOON + DAY)), capacity=rng.randint(0, 3),
            outside_load=rng.randint(0, 1), places_taken=rng.randint(0, 2), updated_at=NOON,
        )  # fmt: skip
        self.uow.session.add(row)
        return row

    # --- counted apart from any statement ---

    def expected(self, period: Period) -> Statistics:
        mine = [(r, asked) for r, asked in self.requests if r.programme_id == AX]
        waiting = [r for r, _ in mine if r.state in WAITING]
        ages = Counter(
            0 if NOON - r.created_at < 7 * DAY else 1 if NOON - r.created_at < 30 * DAY else 2
            for r in waiting
        )
        asked = [at for _, at in mine if at is not None]
        pairs = [p for p in self.pairs if p.programme_id == AX]
        meetings: dict[tuple[int, int], list[int]] = {}
        for (_, day), met in self.rounds.items():
            found = meetings.setdefault((day.year, (day.month - 1) // 3 + 1), [0, 0])
            found[0 if "yes" in met else 1] += 1
        reports: dict[str, list[int]] = {}
        for r in self.reports:
            if r.programme_id == AX and r.quarter.startswith("2026"):
                kind = 0 if r.sent_at else 1 if r.closes_at <= NOON else 2
                reports.setdefault(r.quarter, [0, 0, 0])[kind] += 1
        return Statistics(
            months={}, answers={},
            states=Counter(r.state for r, _ in mine if period.begin <= r.created_at < period.end),
            waiting=(ages[0], ages[1], ages[2]),
            oldest=min((r.created_at for r in waiting), default=None),
            overdue=sum(r.due_at is not None and r.due_at <= NOON for r in waiting),
            asked=Rows(len(asked), min(asked, default=None)),
            pairs=Counter(p.state for p in pairs if period.begin <= p.started_at < period.end),
            going=sum(p.state in ("active", "paused") for p in pairs),
            meetings={k: (v[0], v[1]) for k, v in meetings.items()},
            reports={k: (v[0], v[1], v[2]) for k, v in reports.items()},
            supply=self._places("", self.experts),
            sectors=tuple(sorted(
                (
                    self._places(name, [e for e in self.experts if e.sector == name])
                    for name in {e.sector for e in self.experts if e.consenting} - {""}
                ),
                key=lambda p: (-p.free - p.full - p.paused, p.sector),
            ))[:SECTORS],
        )  # fmt: skip

    @staticmethod
    def _places(name: str, some: list[Expert]) -> Places:
        kinds: Counter[str] = Counter()
        for e in some:
            if not e.consenting:
                continue
            asleep = not e.available and (e.paused_until is None or e.paused_until > NOON)
            full = e.places_taken + e.outside_load >= e.capacity
            kinds["paused" if asleep else "full" if full else "free"] += 1
        return Places(name, kinds["free"], kinds["full"], kinds["paused"])


@cache
def memory() -> Database:
    """For many examples: nothing is committed, so each of them finds it empty."""
    database = Database("sqlite://", SECRET)
    tables(database)
    return database


def compare(database: Database, seed: int, size: int) -> None:
    with database.unit_of_work() as uow:
        world = World(uow, seed, size)
        wanted = year()
        found = uow.numbers.of(AX, wanted.period, wanted.quarters, NOON)
        assert found == world.expected(wanted.period)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 25))
def test_every_figure_is_what_an_independent_count_finds(seed: int, size: int) -> None:
    compare(memory(), seed, size)


def test_on_both_databases(database: Database) -> None:
    compare(database, 7, 40)


def test_the_number_of_statements_does_not_grow(lite: Database) -> None:
    """As many for a hundred people as for nobody."""
    seen: list[int] = []
    for size in (0, 100):
        with lite.unit_of_work() as uow:
            World(uow, 3, size)
            wanted = year()
            said: list[str] = []

            def note(*what: Any, said: list[str] = said) -> None:
                said.append(what[2])

            event.listen(lite.engine, "before_cursor_execute", note)
            uow.numbers.of(AX, wanted.period, wanted.quarters, NOON)
            event.remove(lite.engine, "before_cursor_execute", note)
            seen.append(len(said))
    assert seen == [10, 10]


# --- counting as people ask -----------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.dates(date(2025, 11, 1), date(2026, 10, 5)),
            st.lists(st.sampled_from(("", "boost", "rebound")), min_size=1, max_size=4),
        ),
        max_size=12,
    )
)
def test_a_correction_moves_what_was_counted(made: list[tuple[date, list[str]]]) -> None:
    """Each request is counted in its own month under its last answer, however often corrected."""
    wanted = year()
    with memory().unit_of_work() as uow:
        for day, versions in made:
            month = day.replace(day=1)
            uow.numbers.count(AX, month, {("", ""): 1, ("motive", versions[0]): 1})
            for before, after in pairwise(versions):
                changes = Counter({("motive", after): 1})
                changes.subtract({("motive", before): 1})
                uow.numbers.count(AX, month, changes)
        found = uow.numbers.of(AX, wanted.period, wanted.quarters, NOON)
    here = [(day, versions[-1]) for day, versions in made if day.year == 2026]
    assert found.months == Counter(day.replace(day=1) for day, _ in here)
    assert found.answers.get("motive", {}) == Counter(answer for _, answer in here)


def rows(heard: list[Heard], words_: str) -> dict[str, str]:
    tables = [one.message.table for one in told(heard, CLAIRE, words_)]
    assert len(tables) == 1
    assert isinstance(tables[0], Table)
    return {row[0]: row[1] for row in tables[0].rows}


def ask(stand: Stand, account: str, *answers: str) -> None:
    """Answer what is asked, in words, and send it."""
    for answer in answers:
        heard = stand.say(account, answer)
    stand.press(account, button(heard, account, "Envoyer"))


def test_requests_are_counted_by_situation_from_the_first_day() -> None:
    stand = Stand((programme(),))
    help_, motive = "De quoi as-tu besoin", "Qu’est-ce qui t’amène"
    for account in ("100", "101", "102"):
        stand.join(account, "Léa")
        stand.command(account, "demande")
        ask(stand, account, "En poste", "Poser une question, une fois", "Autre chose",
            "Comment négocier un départ ?", "Mon nom et mes réponses")  # fmt: skip
    heard = stand.command(CLAIRE, "statistiques")
    assert rows(heard, help_) == {"Poser une question, une fois": "3"}
    assert rows(heard, motive) == {"Sans réponse": "3"}
    assert rows(heard, "par mois") == {"sept. 2026": "3"}

    stand.now += 40 * DAY  # a correction counts in the month in which the request was made
    heard = stand.press("100", button(stand.command("100", "demande"), "100", "Modifier"))
    heard = stand.press("100", next(t for t in _tokens(heard) if t.endswith(":help")))
    ask(stand, "100", "Six mois avec un aîné", "Rebondir", "Un imprévu", "Aucune de celles-ci",
        "passer", "Je voudrais rejoindre l’énergie")  # fmt: skip
    heard = stand.command(CLAIRE, "statistiques")
    few = "Moins de 3 fois chacune"
    assert rows(heard, help_) == {few: "3"}
    assert rows(heard, motive) == {few: "1", "Sans réponse": "2"}
    assert rows(heard, "par mois") == {"sept. 2026": "3"}

    stand.command("100", "effacer-oui")  # counts are of nobody, and stay
    heard = stand.command(CLAIRE, "statistiques")
    assert rows(heard, motive) == {few: "1", "Sans réponse": "2"}


def _tokens(heard: list[Heard]) -> list[str]:
    return [
        line.choice.token for one in heard for line in one.message.lines if line.choice is not None
    ]


def test_answers_of_few_are_shown_together() -> None:
    shown = grouped(
        {"a": 5, "b": 2, "c": 1, "": 4}, {"a": "Un", "b": "Deux", "c": "Trois"}, words("fr")
    )
    assert shown == [("Un", "5"), ("Moins de 3 fois chacune", "3"), ("Sans réponse", "4")]


# --- periods --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "first", "last", "quarters"),
    [
        ("2026", date(2026, 1, 1), date(2026, 12, 31), 4),
        ("2026T3", date(2026, 7, 1), date(2026, 9, 30), 1),
        ("t3 2026", date(2026, 7, 1), date(2026, 9, 30), 1),
        ("", date(2025, 11, 1), date(2026, 10, 6), 5),
        ("tout", date(2000, 1, 1), date(2026, 10, 6), 108),
    ],
)
def test_a_period_as_people_name_it(said: str, first: date, last: date, quarters: int) -> None:
    found = span(said, "Europe/Paris", NOON)
    assert found is not None
    assert (found.period.first, found.period.last, len(found.quarters)) == (first, last, quarters)
    begin, end = (
        at.astimezone(ZoneInfo("Europe/Paris")) for at in (found.period.begin, found.period.end)
    )
    assert (begin.date(), begin.hour) == (first, 0)
    assert (end.date(), end.hour) == (last + DAY, 0)


@pytest.mark.parametrize("said", ["hier", "20266", "2026T5", "<b>"])
def test_what_is_no_period_gets_a_sentence(said: str) -> None:
    assert span(said, "Europe/Paris", NOON) is None
    stand = Stand((programme(),))
    assert told(stand.command(CLAIRE, "statistiques", said), CLAIRE, "Pour une période")


def test_figures_are_for_staff() -> None:
    stand = Stand((programme(),))
    stand.join("100", "Léa")
    assert told(stand.command("100", "statistiques"), "100", "Je ne trouve pas")


# --- the picture ----------------------------------------------------------------------------------


@pytest.mark.skipif(not pictures.available(), reason="missing: the extra graphiques")
def test_the_picture_says_in_words_what_it_shows() -> None:
    stand = Stand((programme(),))
    for account in ("100", "101", "102"):
        stand.join(account, "Léa")
        stand.command(account, "demande")
        ask(stand, account, "En poste", "Poser une question, une fois", "Autre chose",
            "Comment négocier un départ ?", "Mon nom et mes réponses")  # fmt: skip
    stand.command(CLAIRE, "statistiques")
    timer = stand.wanted("statistics-picture")
    heard = stand.beside(timer)
    assert heard is not None
    [one] = heard
    file = one.message.file
    assert one.to == CLAIRE
    assert file is not None
    assert file.is_picture
    assert file.content.startswith(b"\x89PNG")
    assert "sept. 2026 (3)" in file.alt
    assert "Poser une question, une fois (3)" in file.alt
    with stand.work() as uow:  # and to nobody who is no longer of the team
        for role in ("staff", "owner"):
            uow.people.enrol(timer.payload["person"], AX, role, now=stand.now, state="ended")
    assert stand.beside(timer) is None
