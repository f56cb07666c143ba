"""Figures and files of a school or a company: the right people, and never of too few."""

from __future__ import annotations

import copy
import csv
import io
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from bot import exports, groups
from bot.turn import Scene
from storage.groups import Group
from storage.statistics import Period, Statistics
from storage.tables import Expert, Person, Request
from storage.unit_of_work import Database
from tests.stand import CLAIRE, Stand, programme, told
from tests.stores import NOON
from tests.test_statistics import AX, World, year

NANCY, PARIS, SUN = "Mines Nancy", "Mines Paris", "Soleil du Sud"


def settle(world: World) -> tuple[set[int], set[int]]:
    """Give people schools and employers; those of Nancy, and those of the company."""
    nancy, sun = set(), set()
    cards = {card.person_id: card for card in world.experts}
    for number in world.people:
        person = world.uow.session.get_one(Person, number)
        person.school = world.rng.choice((None, NANCY, NANCY, PARIS))
        cards[number].employer = world.rng.choice(("", SUN, "Banque du Midi"))
        if person.school == NANCY:
            nancy.add(number)
        if cards[number].employer == SUN:
            sun.add(number)
    world.uow.session.flush()
    return nancy, sun


def expected(world: World, people: set[int], period: Period) -> Statistics:
    """The figures of a world in which these are everybody, counted apart from any statement."""
    part = copy.copy(world)
    part.requests = [one for one in world.requests if one[0].person_id in people]
    part.pairs = [p for p in world.pairs if people & {p.mentee_id, p.mentor_id}]
    numbers = {pair.id for pair in part.pairs}
    part.rounds = {key: met for key, met in world.rounds.items() if key[0] in numbers}
    part.reports = [one for one in world.reports if one.person_id in people]
    part.experts = [one for one in world.experts if one.person_id in people]
    made = [r for r, _ in part.requests if r.programme_id == AX]
    made = [r for r in made if period.begin <= r.created_at < period.end]
    days = [r.created_at.astimezone(ZoneInfo("Europe/Paris")).date() for r in made]
    begun = [p for p in part.pairs if p.programme_id == AX]
    begun = [p for p in begun if period.begin <= p.started_at < period.end]
    school = {n: world.uow.session.get_one(Person, n).school for n in world.people}
    asked = Counter(school[r.person_id] for r in made)
    paired = Counter(school[p.mentee_id] for p in begun)
    return replace(
        part.expected(period),
        months=Counter(day.replace(day=1) for day in days),
        schools={s: (asked[s], paired[s]) for s in {*asked, *paired} if s},
    )


def test_every_figure_of_a_group_is_what_an_independent_count_finds(database: Database) -> None:
    wanted = year()
    for seed in (1, 2):
        with database.unit_of_work() as uow:
            world = World(uow, seed, 30)
            nancy, sun = settle(world)
            for group, people in (
                (Group((NANCY,)), nancy),
                (Group((), (SUN,)), sun),
                (Group((NANCY,), (SUN,)), nancy & sun),
            ):
                found = uow.numbers.among(group).of(AX, wanted.period, wanted.quarters, NOON)
                assert found == expected(world, people, wanted.period)
                assert uow.numbers.among(group).rows(Request, AX) == sum(
                    r.programme_id == AX and r.person_id in people for r, _ in world.requests
                )


# --- as staff type it -----------------------------------------------------------------------------


def stand(people: int = 6) -> Stand:
    """People of two schools, one of whom has a card and an employer."""
    one = Stand((programme(),))
    with one.work() as uow:
        for number in range(people):
            person = Person(name=f"Élève {number}", lang="fr", created_at=one.now,
                            school=NANCY if number < people - 1 else PARIS)  # fmt: skip
            uow.session.add(person)
            uow.session.flush()
            uow.people.enrol(person.id, AX, "mentee", now=one.now)
            uow.requests.add(person.id, AX, 0, kind="long_term", shared={}, features={},
                             now=one.now - timedelta(days=number), due_at=None)  # fmt: skip
            uow.session.add(Expert(person_id=person.id, employer=SUN, updated_at=one.now))
    return one


@pytest.mark.parametrize(
    ("said", "rest", "schools", "employers"),
    [
        ("2026", "2026", None, ()),
        ("école:nancy", "", (NANCY,), ()),
        ("ASSOCIATION : NANCY 2026T3", "2026T3", (NANCY,), ()),
        ('xlsx school:"mines"', "xlsx", (NANCY, PARIS), ()),
        ("2026 ecole:paris ecole:nancy", "2026", (NANCY, PARIS), ()),
        ('company:"Soleil du Sud" school:nancy', "", (NANCY,), (SUN,)),
        ("entreprise:« Soleil du Sud » 2026", "2026", (), (SUN,)),
        ("entreprise:“soleil”", "", (), (SUN,)),
    ],
)
def test_a_group_as_people_name_it(
    said: str, rest: str, schools: tuple[str, ...] | None, employers: tuple[str, ...]
) -> None:
    one = stand()
    with one.work() as uow:
        found = groups.read(Scene(one.bot, uow, one.now), one.programmes[0], said)
    assert found.unknown is None
    assert found.rest == rest
    assert found.group == (None if schools is None else Group(schools, employers))


@pytest.mark.parametrize("said", ["école:lyon", "entreprise:nancy", "couleur:bleu", 'école:""'])
def test_what_is_no_group_gets_a_sentence_and_no_figures(said: str) -> None:
    one = stand()
    for verb, more in (("statistiques", ""), ("exporter", "demandes ")):
        heard = one.command(CLAIRE, verb, f"{more}{said}")
        assert told(heard, CLAIRE, "Je ne trouve pas «")
        assert len(heard) == 1


def test_of_fewer_than_five_people_nothing_is_told() -> None:
    one = stand(6)
    heard = one.command(CLAIRE, "statistiques", "école:nancy")
    [table] = [h.message.table for h in told(heard, CLAIRE, "Ce qui est arrivé")]
    assert table is not None
    assert table.rows[0] == ("Demandes reçues", "5")
    heard = one.command(CLAIRE, "statistiques", "école:paris")
    assert told(heard, CLAIRE, "moins de 5 personnes")
    assert len(heard) == 1


def numbers(data: bytes) -> list[int]:
    rows = csv.reader(io.StringIO(data.decode("utf-8-sig")), delimiter=";")
    return [int(row[0]) for row in list(rows)[1:]]


def test_a_file_holds_the_rows_of_the_group_and_no_others() -> None:
    one = stand(6)
    [heard] = one.command(CLAIRE, "exporter", "demandes école:nancy")
    assert heard.message.file is not None
    assert numbers(heard.message.file.content) == [1, 2, 3, 4, 5]
    [heard] = one.command(CLAIRE, "exporter", 'demandes école:paris entreprise:"Soleil du Sud"')
    assert heard.message.file is not None
    assert numbers(heard.message.file.content) == [6]


def test_a_long_file_keeps_to_the_group_page_after_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "AT_ONCE", 2)
    monkeypatch.setattr(exports, "PAGE", 2)
    one = stand(6)
    one.command(CLAIRE, "exporter", "demandes école:nancy")
    heard = one.beside(one.wanted("export")) or ()
    [file] = [one.message.file for one in heard if one.message.file]
    assert numbers(file.content) == [1, 2, 3, 4, 5]
