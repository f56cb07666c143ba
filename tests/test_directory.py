"""The directory of experts in the database: who may be proposed, places, search, import rules."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.expert_index import ExpertIndex
from bot.importer import import_people
from bot.matching import Wish
from handlers.local.people import invented_csv
from storage.directory import Directory, Entry, Profile
from storage.tables import Pair, Proposal, Request
from storage.unit_of_work import Database, UnitOfWork
from storage.words import fold
from tests.empty import tables

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
SECRET = "a secret for tests only"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    url = request.getfixturevalue("pg_tables") if request.param == "postgres" else "sqlite://"
    database = Database(url, SECRET)
    tables(database)
    yield database
    database.close()


@pytest.fixture
def uow(database: Database) -> Iterator[UnitOfWork]:
    with database.unit_of_work() as uow:
        yield uow


def entry(number: int, *, roles: tuple[tuple[str, str], ...] = (), **expert: Any) -> Entry:
    """An expert who may be proposed, unless said otherwise."""
    person = {
        "external_id": f"D{number}",
        "email": f"d{number}@x.invalid",
        "name": f"Zoé N{number}",
    }
    free = {"consenting": True, "available": True, "capacity": 1, "outside_load": 0}
    return Entry(person, {"job": "Ingénieure", "sector": "Énergie", **free, **expert}, roles)


def add(directory: Directory, *entries: Entry) -> list[int]:
    return directory.upsert(entries, [None] * len(entries), NOW).ids


def mentee(uow: UnitOfWork) -> int:
    person = Entry({"external_id": "M", "email": "m@x.invalid", "name": "Léa"})
    return uow.directory.upsert([person], [None], NOW).ids[0]


# --- who may be proposed --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, True),
        ({"consenting": False}, False),
        ({"available": False}, False),
        ({"capacity": 0}, False),
        ({"outside_load": 1}, False),
        ({"capacity": 2, "outside_load": 1}, True),
    ],
)
def test_only_the_consenting_available_and_free(
    uow: UnitOfWork, given: dict[str, Any], expected: bool
) -> None:
    (person_id,) = add(uow.directory, entry(1, **given))
    assert (person_id in uow.directory.eligible(NOW)) is expected
    assert uow.directory.take_place(person_id, NOW) is expected


def test_a_pause_with_an_end_ends_by_itself(uow: UnitOfWork) -> None:
    (person_id,) = add(uow.directory, entry(1))
    uow.directory.pause(person_id, NOW, NOW + 7 * DAY)
    assert uow.directory.eligible(NOW) == []
    assert uow.directory.eligible(NOW + 7 * DAY) == [person_id]
    uow.directory.pause(person_id, NOW)
    assert uow.directory.eligible(NOW + 900 * DAY) == []
    uow.directory.resume(person_id, NOW)
    assert uow.directory.eligible(NOW) == [person_id]


def test_experts_of_a_programme_and_experts_of_all(uow: UnitOfWork) -> None:
    here, there, everywhere = add(
        uow.directory,
        entry(1, roles=(("a", "mentor"),)),
        entry(2, roles=(("b", "mentor"),)),
        entry(3, roles=(("a", "mentee"),)),
    )
    assert uow.directory.eligible(NOW, programme_id="a") == [here, everywhere]
    assert uow.directory.eligible(NOW, programme_id="b") == [there, everywhere]
    uow.people.enrol(here, "a", "mentor", now=NOW, state="paused")
    assert uow.directory.eligible(NOW, programme_id="a") == [everywhere]


@pytest.mark.parametrize(
    ("state", "expected"), [("declined", False), ("lapsed", False), ("withdrawn", True)]
)
def test_who_refused_is_not_proposed_to_the_same_mentee_again(
    uow: UnitOfWork, state: str, expected: bool
) -> None:
    (expert_id,) = add(uow.directory, entry(1))
    mentee_id = mentee(uow)
    request = Request(
        programme_id="a", person_id=mentee_id, conversation_id=1, created_at=NOW, changed_at=NOW
    )
    uow.session.add(request)
    uow.session.flush()
    uow.session.add(
        Proposal(request_id=request.id, expert_id=expert_id, rank=1, state=state, shown_at=NOW)
    )
    uow.session.flush()
    assert (expert_id in uow.directory.eligible(NOW, mentee_id=mentee_id)) is expected
    assert uow.directory.eligible(NOW) == [expert_id]


def test_neither_oneself_nor_a_former_pair_nor_the_excluded(uow: UnitOfWork) -> None:
    me, met, shown, left = add(uow.directory, *(entry(n) for n in range(1, 5)))
    uow.session.add(
        Pair(programme_id="a", mentee_id=me, mentor_id=met, state="closed", started_at=NOW)
    )
    uow.session.flush()
    assert uow.directory.eligible(NOW, mentee_id=me, exclude=[shown]) == [left]


# --- places ---------------------------------------------------------------------------------------


def test_places_are_taken_until_none_is_left_and_given_back(uow: UnitOfWork) -> None:
    (person_id,) = add(uow.directory, entry(1, capacity=3, outside_load=1))
    taken = [uow.directory.take_place(person_id, NOW) for _ in range(4)]
    assert taken == [True, True, False, False]
    expert = uow.directory.get(person_id)
    assert expert is not None
    assert expert.places_taken == 2
    assert uow.directory.eligible(NOW) == []
    assert uow.directory.give_place(person_id, NOW)
    assert uow.directory.eligible(NOW) == [person_id]
    assert uow.directory.give_place(person_id, NOW)
    assert not uow.directory.give_place(person_id, NOW)
    assert not uow.directory.take_place(10**6, NOW)


def test_an_expert_on_pause_takes_no_place(uow: UnitOfWork) -> None:
    (person_id,) = add(uow.directory, entry(1))
    uow.directory.pause(person_id, NOW)
    assert not uow.directory.take_place(person_id, NOW)


def test_two_at_once_never_share_the_last_place(pg_tables: str) -> None:
    database = Database(pg_tables, SECRET)
    tables(database)
    with database.unit_of_work() as uow:
        (person_id,) = add(uow.directory, entry(1, capacity=3))
        uow.commit()

    def accept(_: int) -> bool:
        with database.unit_of_work() as uow:
            taken = uow.directory.take_place(person_id, NOW)
            uow.commit()
            return taken

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(accept, range(24))) == 3
    database.close()


# --- content and version --------------------------------------------------------------------------


def test_the_version_changes_with_content_and_with_nothing_else(uow: UnitOfWork) -> None:
    directory = uow.directory
    seen = [directory.version()]

    def changed() -> bool:
        seen.append(directory.version())
        return seen[-1] != seen[-2]

    first, second = add(directory, entry(1, capacity=2), entry(2))
    assert changed()
    directory.save(first, NOW, {"bio": "Éoliennes en mer."})
    assert changed()
    directory.save(first, NOW, {"capacity": 4})
    directory.take_place(first, NOW)
    directory.pause(second, NOW)
    assert not changed()
    directory.save(second, NOW, {"consenting": False})
    assert changed()
    directory.save(second, NOW, {"consenting": True})
    assert changed()
    assert seen[-1] == seen[-3]  # the same content is the same version


def test_the_index_is_built_only_when_the_directory_changed(uow: UnitOfWork) -> None:
    kept = ExpertIndex()
    (person_id,) = add(uow.directory, entry(1))
    index = kept.of(uow.directory, uow.vectors)
    assert kept.of(uow.directory, uow.vectors) is index
    assert index.propose(Wish("brasserie")) == []
    uow.directory.save(person_id, NOW, {"bio": "Brasser de la bière."})
    assert kept.of(uow.directory, uow.vectors) is not index
    assert [
        s.person_id for s in kept.of(uow.directory, uow.vectors).propose(Wish("brasserie"))
    ] == [person_id]


def test_profiles_are_of_the_consenting_and_hold_lists_as_tuples(uow: UnitOfWork) -> None:
    content: dict[str, Any] = {
        "countries": ["Chili"],
        "situations": ["senior"],
        "helps": ["one_off"],
    }
    first, _ = add(uow.directory, entry(1, **content), entry(2, consenting=False))
    (found,) = list(uow.directory.profiles())
    assert isinstance(found, Profile)
    assert found.person_id == first
    assert (found.countries, found.situations, found.helps) == (
        ("Chili",),
        ("senior",),
        ("one_off",),
    )
    assert found.languages == ()


def test_somebody_becomes_an_expert_in_chat(uow: UnitOfWork) -> None:
    person_id = mentee(uow)
    assert uow.directory.get(person_id) is None
    expert = uow.directory.save(
        person_id, NOW, {"job": "Luthière", "consenting": True, "capacity": 2}
    )
    assert (expert.job, expert.bio, expert.countries) == ("Luthière", "", [])
    assert uow.directory.eligible(NOW) == [person_id]
    assert [f.person_id for f in uow.directory.search("luthiere lea").lines] == [person_id]
    with pytest.raises(KeyError):
        uow.directory.save(person_id, NOW, {"salary": 1})


# --- search ---------------------------------------------------------------------------------------


def test_search_minds_neither_accents_nor_case_nor_the_order_of_words(uow: UnitOfWork) -> None:
    one, two = add(
        uow.directory,
        entry(1, job="Brasseuse", employer="L’Œuvre d’Hélène", city="Besançon"),
        entry(2, job="100% public_service", city="Nîmes"),
    )
    search = uow.directory.search
    assert [f.person_id for f in search("BESANCON zoe").lines] == [one]
    assert [f.person_id for f in search("oeuvre helene").lines] == [one]
    assert [f.person_id for f in search("nim").lines] == [two]
    assert [f.person_id for f in search("").lines] == [one, two]
    assert [f.person_id for f in search("", limit=1, offset=1).lines] == [two]
    assert search("zoe lyon") == ([], 0)
    assert search("%") == search("")  # signs are no words, and never LIKE's own
    assert [f.person_id for f in search("public_service").lines] == [two]
    assert search("'; DROP TABLE expert; --" * 50) == ([], 0)
    found = search("brasseuse").lines[0]
    assert (found.name, found.capacity, found.taken) == ("Zoé N1", 1, 0)


def test_fold() -> None:
    assert fold("  L’ŒUVRE d'Hélène-Ève ") == "l oeuvre d helene eve"
    assert fold("Ñandú Straße") == "nandu strasse"


# --- import rules ---------------------------------------------------------------------------------


def test_an_import_updates_what_it_gives_and_nothing_else(uow: UnitOfWork) -> None:
    (person_id,) = add(uow.directory, entry(1, bio="Mes mots.", capacity=3))
    uow.directory.take_place(person_id, NOW)
    update = Entry({"external_id": "D1", "email": None}, {"job": "Directrice"})
    done = uow.directory.upsert([update], [person_id], NOW + DAY)
    assert (done.created, done.updated, done.ids) == (0, 1, [person_id])
    expert, person = uow.directory.get(person_id), uow.people.get(person_id)
    assert expert is not None
    assert person is not None
    assert (expert.job, expert.bio, expert.capacity) == ("Directrice", "Mes mots.", 3)
    assert (expert.places_taken, expert.updated_at) == (1, NOW + DAY)
    assert (person.email, person.name) == ("d1@x.invalid", "Zoé N1")
    assert [f.person_id for f in uow.directory.search("directrice").lines] == [person_id]


def test_a_mentor_imported_while_in_pairs_has_those_places_taken(uow: UnitOfWork) -> None:
    people = (Entry({"external_id": f"D{number}", "name": "Zoé"}) for number in (7, 8))
    mentor, other = add(uow.directory, *people)
    for state in ("active", "proposed", "paused", "closing", "closed"):
        uow.pairs.add(
            Pair(programme_id="a", mentee_id=other, mentor_id=mentor, state=state, started_at=NOW)
        )
    cards = [Entry({"external_id": f"D{number}"}, {"capacity": 4}) for number in (7, 8)]
    uow.directory.upsert(cards, [mentor, other], NOW)
    for person_id, taken in ((mentor, 3), (other, 0)):
        expert = uow.directory.get(person_id)
        assert expert is not None
        assert expert.places_taken == taken


def test_a_persons_own_word_wins_over_the_file(uow: UnitOfWork) -> None:
    paused, withdrawn, plain = add(uow.directory, *(entry(n) for n in (1, 2, 3)))
    uow.directory.pause(paused, NOW)
    uow.people.consent(withdrawn, "a", "proposed", text=("2026-11", ""), now=NOW)
    uow.people.withdraw(withdrawn, "a", "proposed", now=NOW)
    uow.directory.save(withdrawn, NOW, {"consenting": False})
    uow.directory.save(plain, NOW, {"available": False, "consenting": False})
    ids = [paused, withdrawn, plain]
    uow.directory.upsert([entry(n) for n in (1, 2, 3)], ids, NOW + DAY)
    assert uow.directory.eligible(NOW + DAY) == [plain]


def test_roles_and_accounts_are_linked_once(uow: UnitOfWork) -> None:
    person = Entry(
        {"external_id": "D1", "email": "d1@x.invalid", "name": "Zoé"},
        {"consenting": True},
        (("a", "mentor"), ("a", "staff")),
        (("slack", "T1/U1", "slack:T1"), ("telegram", "77", "telegram:5")),
    )
    (person_id,) = add(uow.directory, person)
    uow.directory.upsert([person], [person_id], NOW)
    assert uow.people.roles(person_id, "a") == {"mentor", "staff"}
    assert len(uow.people.identities(person_id)) == 2
    assert uow.directory.holders("telegram", ["77", "78"]) == {"77": person_id}
    assert uow.directory.known("email", ["d1@x.invalid", "?"]) == {"d1@x.invalid": person_id}


# --- the same on both databases -------------------------------------------------------------------


def test_the_ranking_does_not_depend_on_the_database(pg_tables: str) -> None:
    wishes = [
        Wish("l'éolien en mer, quitter un grand groupe"),
        Wish("", {"structure": ("startup",), "country": ("Afrique",)}),
    ]
    answers = []
    for url in ("sqlite://", pg_tables):
        database = Database(url, SECRET)
        tables(database)
        with database.unit_of_work() as uow:
            assert not import_people(uow.directory, invented_csv(300), NOW).problems
            index, only = ExpertIndex().of(uow.directory, uow.vectors), uow.directory.eligible(NOW)
            answers.append([index.propose(wish, n=20, only=only) for wish in wishes])
        database.close()
    assert answers[0] == answers[1]
    assert all(answers[0])
