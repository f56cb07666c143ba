"""Searching the directory: how questions are read, who is found and when, what erasing leaves."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, func, select, text

from bot.commands.directory import ROOM
from bot.dialogue.tokens import MAX_BYTES, RunToken, encode
from bot.importer import import_people
from handlers.local.people import invented_csv
from storage import migrate, search
from storage.directory import Entry
from storage.search import COUNTED
from storage.tables import DirectoryWord, Person
from storage.unit_of_work import Database, UnitOfWork
from storage.words import (
    CITY,
    COLUMNS,
    COUNTRY,
    EMPLOYER,
    NAME,
    PROMO,
    SECTOR,
    Query,
    Term,
    decode,
    fold,
    parse,
    sort_key,
    words_of,
)
from tests.asking import GONE, LEA, MARC, TOM, stand, stranger
from tests.empty import tables
from tests.stand import CLAIRE, button, programme, told
from tests.stores import SECRET

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOSTILE = (
    '"', "*", "NEAR(a b)", "NEAR", "-", ":", "a:b:c", "promo:", "secteur::", "OR AND NOT",
    "'; DROP TABLE expert; --", "%", "_", "\\", "\x00", "\ud800", "😀", "a" * 200_000,
    "é" * 200_000, "secteur:" * 40, '"' * 300, "~1~", "~2~x-", "#1", "x:1", "«", "^dup", "dup*",
)  # fmt: skip


@pytest.fixture
def uow(database: Database) -> Iterator[UnitOfWork]:
    with database.unit_of_work() as uow:
        yield uow


def add(
    uow: UnitOfWork,
    name: str,
    promo: int | None = None,
    *,
    roles: tuple[tuple[str, str], ...] = (),
    **expert: Any,
) -> int:
    entry = Entry(
        {"name": name, "promo": promo},
        {"consenting": True, "available": True, **expert},
        tuple(roles),
    )
    return uow.directory.upsert([entry], [None], NOW).ids[0]


def ids(uow: UnitOfWork, question: str | Query, **more: Any) -> list[int]:
    return [one.person_id for one in uow.directory.search(question, **more).lines]


# --- words and questions --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("", []),
        ("DUP", [Term("dup")]),
        ("Léa MARTIN", [Term("lea"), Term("martin")]),
        ("Léa Léa", [Term("lea")]),
        ("zo", [Term("zo", NAME)]),
        ("X08", [Term("2008", PROMO)]),
        ("x99", [Term("1999", PROMO)]),
        ("X2008", [Term("2008", PROMO)]),
        ("2008", [Term("2008")]),
        ("promo:2008", [Term("2008", PROMO)]),
        ("promo : X08", [Term("2008", PROMO)]),
        ("class:08", [Term("2008", PROMO)]),
        ("promo:200", [Term("200", PROMO)]),
        ("Secteur:Énergie pays : Japon", [Term("energie", SECTOR), Term("japon", COUNTRY)]),
        ("sector:energy town:Lyon", [Term("energy", SECTOR), Term("lyon", CITY)]),
        ("société:«Crédit Agricole»", [Term("credit", EMPLOYER), Term("agricole", EMPLOYER)]),
        ('employer:"Grand Réseau" zoé', [
            Term("grand", EMPLOYER), Term("reseau", EMPLOYER), Term("zoe"),
        ]),
        ("zoé secteur:eau", [Term("eau", SECTOR), Term("zoe")]),
        ("ville:", []),
        ("https://exemple.fr", [Term("https"), Term("exemple"), Term("fr", NAME)]),
        ("directeur de la recherche", [Term("directeur"), Term("recherche")]),
        ("de", [Term("de", NAME)]),
        ("L’Œuvre", [Term("oeuvre")]),
    ],
)  # fmt: skip
def test_how_a_question_is_read(typed: str, read: list[Term]) -> None:
    assert list(parse(typed).terms) == read


@given(st.text(max_size=300) | st.sampled_from(HOSTILE))
def test_a_question_fits_a_button_and_comes_back_the_same(typed: str) -> None:
    query = parse(typed).within(ROOM)
    assert decode(query.code) == query
    if query.terms:
        token = encode(RunToken("annuaire", f"~125~{query.code}"))
        assert len(token) <= MAX_BYTES


@given(st.text(alphabet=[chr(n) for n in range(33, 127)], max_size=40))
def test_a_forged_button_is_only_another_question(code: str) -> None:
    assert len(decode(code).terms) <= 8


def test_words_of_somebody() -> None:
    found = words_of("Zoé d’Arc", 2008, {"job": "Chef de projet", "city": "Arcachon", "topics": ""})
    assert found.pop("") == 255
    assert found == {"zoe": NAME, "d": NAME, "arc": NAME, "2008": PROMO, "chef": 4, "projet": 4,
                     "arcachon": CITY}  # fmt: skip


# --- who is found ---------------------------------------------------------------------------------


def test_partial_names_every_field_and_every_word(uow: UnitOfWork) -> None:
    lea = add(uow, "Léa Dupont", 2008, job="Ingénieure réseaux", employer="Grand Réseau",
              sector="Énergie", city="Tokyo", country="Japon", topics="batteries")  # fmt: skip
    tom = add(uow, "Tom Dupuis", 1998, job="Juriste", sector="Énergie", country="France")
    for question in (
        "léa", "DUPONT", "dupon lea", "2008", "X08", "promo:2008", "promo:08", "ingénieur",
        "réseau", "grand", "poste:reseaux", "employeur:reseau", "company:grand", "énergie japon",
        "secteur:energ pays:jap", "city:tokyo", "batteries", "lé", "sector:énergie 2008",
    ):  # fmt: skip
        assert ids(uow, question) == [lea], question
    assert ids(uow, "dup") == ids(uow, "du") == ids(uow, "énergie") == [lea, tom]
    for question in ("pont", "pays:tokyo", "nom:énergie", "to ja", "ja", "dupont juriste",
                     "promo:98 lea"):  # fmt: skip
        assert ids(uow, question) == [], question
    assert ids(uow, "to") == [tom]  # Tokyo begins so too: two letters are of a name


def test_the_very_name_comes_first_then_names_then_numbers(uow: UnitOfWork) -> None:
    longer, other, namesake, exact = (
        add(uow, name) for name in ("Anne Marc", "Marc-Anne Roy", "Marc Anne", "Marc Anne")
    )
    early = add(uow, "Ada Zed", job="marc, anne")
    assert ids(uow, "marc anne") == [longer, namesake, exact, early, other]
    assert ids(uow, "marc") == [early, longer, namesake, exact, other]
    assert ids(uow, "Roy Marc-Anne") == [other]
    assert ids(uow, "anne", limit=2, offset=1) == [longer, namesake]


def test_pages_and_a_count_with_an_end(uow: UnitOfWork) -> None:
    names = [f"Zoé N{n:04}" for n in range(COUNTED + 500)]
    people = [
        Entry({"name": name}, {"job": "Ingénieure" if n % 2 else "Ingénieur", "consenting": n > 5})
        for n, name in enumerate(names)
    ]
    numbers = uow.directory.upsert(people, [None] * len(people), NOW).ids
    for question in ("zoe", "ingen", "zoe ingénieur", ""):
        found = uow.directory.search(question, 8, 16)
        assert found.total == COUNTED + 1, question
        assert [one.person_id for one in found.lines] == numbers[16:24], question
        assert ids(uow, question, limit=8, offset=COUNTED - 4) == numbers[COUNTED - 4 : COUNTED]
        assert ids(uow, question, limit=8, offset=COUNTED) == []
    assert uow.directory.search("ingénieure", 1).total == len(numbers) // 2
    assert ids(uow, "n0500 zoé", limit=2) == [numbers[500]]
    exact = ids(uow, "zoé n0900", limit=1)
    assert exact == [numbers[900]]
    assert ids(uow, "ingen", limit=3, shown_in="a") == numbers[6:9]
    late = add(uow, "Zoé", job="Ingénieure")  # before all others by name, and exactly that
    assert ids(uow, "zoe", limit=2) == [late, numbers[0]]


def test_a_beginning_of_very_many_words(uow: UnitOfWork, monkeypatch: pytest.MonkeyPatch) -> None:
    people = [Entry({"name": f"N{n:04}"}, {"job": f"mot{n % 40:02}"}) for n in range(120)]
    numbers = uow.directory.upsert(people, [None] * len(people), NOW).ids
    monkeypatch.setattr(search, "COUNTED", 50)  # too many to count
    monkeypatch.setattr(search, "_READ", 60)
    walked = ids(uow, "mot", limit=9, offset=3)
    monkeypatch.setattr(search, "_WORDS", 10)  # and too many to walk
    assert ids(uow, "mot", limit=9, offset=3) == walked == numbers[3:12]


def test_members_find_who_agreed_among_the_experts_of_the_programme(uow: UnitOfWork) -> None:
    here = add(uow, "Zoé A", roles=(("a", "mentor"),))
    everywhere = add(uow, "Zoé B", roles=(("b", "mentee"),))
    there = add(uow, "Zoé C", roles=(("b", "mentor"),))
    hidden = add(uow, "Zoé K", consenting=False)
    assert ids(uow, "zoé") == [here, everywhere, there, hidden]
    assert ids(uow, "zoé", shown_in="a") == [here, everywhere]
    assert ids(uow, "zoé c", shown_in="a") == []
    assert ids(uow, "zoé k", shown_in="a") == []


@pytest.mark.parametrize("typed", HOSTILE)
def test_nothing_typed_means_anything_to_the_database(uow: UnitOfWork, typed: str) -> None:
    one = add(uow, "Zoé Dupont", 2008, job="100 %", bio="😀")
    found = uow.directory.search(typed, 5)
    assert [line.person_id for line in found.lines] in ([], [one])
    assert ids(uow, "zoé dupont") == [one]


def test_hostile_words_in_the_directory_are_only_words(uow: UnitOfWork) -> None:
    one = add(uow, '"NEAR" OR *', job="'; DROP TABLE expert; --", city="é" * 200, topics="x " * 900)
    assert ids(uow, "near") == ids(uow, "drop table") == ids(uow, "e" * 40) == [one]


def test_the_words_follow_every_change(uow: UnitOfWork) -> None:
    one = add(uow, "Zoé Roy", 2001, job="Luthière")
    uow.directory.save(one, NOW, {"job": "Avocate"})
    assert (ids(uow, "luthière"), ids(uow, "avocate")) == ([], [one])
    changed = Entry({"name": "Zoé Blanc", "promo": 2002}, {"city": "Pau"})
    uow.directory.upsert([changed], [one], NOW)
    assert (ids(uow, "roy"), ids(uow, "blanc pau avocate X02")) == ([], [one])
    renamed = Entry({"name": "Zoé Noir", "promo": None})  # an import without the expert's columns
    uow.directory.upsert([renamed], [one], NOW)
    assert (ids(uow, "blanc"), ids(uow, "noir pau X02")) == ([], [one])


def brute(uow: UnitOfWork, question: str) -> list[int]:
    """The same, the slow and simple way."""
    found = []
    for person in uow.session.scalars(select(Person)):
        expert = uow.directory.get(person.id)
        assert expert is not None
        content = {c: getattr(expert, c) for c in COLUMNS}
        words = words_of(person.name, person.promo, content)
        if all(
            any(word.startswith(t.word) and bits & t.fields for word, bits in words.items() if word)
            for t in parse(question).terms
        ):
            exact = fold(person.name or "") in parse(question).names
            found.append((not exact, sort_key(person.name), person.id))
    return [number for _, _, number in sorted(found)]


def test_the_same_on_both_databases_and_the_same_as_reading_everybody(
    pg_tables: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = Random(5)
    questions = [
        "",
        "ingénieur paris",
        "zoé",
        "pays:France ingénieure",
        "X08",
        "du",
        "bell energie",
    ]
    answers: list[dict[str, list[int]]] = []
    for url in ("sqlite://", pg_tables):
        database = Database(url, SECRET)
        tables(database)
        with database.unit_of_work() as uow:
            assert not import_people(uow.directory, invented_csv(300), NOW).problems
            people = list(uow.session.scalars(select(Person).order_by(Person.id)))
            if not answers:
                questions += [p.name or "" for p in rng.sample(people, 5)]
            whole = {q: ids(uow, q, limit=500) for q in questions}
            assert whole == {q: brute(uow, q) for q in questions}
            with monkeypatch.context() as patched:  # the way of the common words
                patched.setattr(search, "_READ", 3)
                patched.setattr(search, "COUNTED", 2)
                paged = {q: ids(uow, q, limit=2) for q in questions}
                patched.setattr(search, "_PROBED", 0)
                probed = {q: ids(uow, q, limit=2) for q in questions}
            assert paged == probed == {q: found[:2] for q, found in whole.items()}
            answers.append(whole)
        database.close()
    assert answers[0] == answers[1]
    assert sum(map(bool, answers[0].values())) >= 10


# --- what erasing leaves --------------------------------------------------------------------------


def test_an_erased_persons_words_are_gone(uow: UnitOfWork) -> None:
    gone, stays = add(uow, "Quentinella Xyloph"), add(uow, "Zoé Roy")
    uow.privacy.erase_person(gone, NOW)
    assert ids(uow, "quentinella") == []
    assert ids(uow, "") == [stays]
    left = select(func.count()).select_from(DirectoryWord).where(DirectoryWord.person_id == gone)
    assert uow.session.scalar(left) == 0


def test_no_byte_of_an_erased_persons_words_is_left_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "cordee.db"
    database = Database(f"sqlite:///{file}", SECRET)
    migrate.upgrade(database.engine)
    with database.unit_of_work() as uow:
        gone = add(uow, "Quentinella Xyloph", job="Zwiebelfisch")
        for n in range(300):
            add(uow, f"Zoé N{n}")
        uow.commit()
    read_back(database.engine)
    assert b"quentinella" in file.read_bytes()
    with database.unit_of_work() as uow:
        uow.privacy.erase_person(gone, NOW)
        uow.commit()
    read_back(database.engine)
    left = file.read_bytes().lower()
    for word in (b"quentinella", b"xyloph", b"zwiebelfisch"):
        assert word not in left
    database.close()


def read_back(engine: Engine) -> None:
    """Everything from the journal into the file."""
    raw = engine.raw_connection()
    raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()


def test_a_persons_copy_has_no_table_of_words(uow: UnitOfWork) -> None:
    one = add(uow, "Zoé Roy")
    assert "directory_word" not in uow.privacy.export_person(one)


# --- migration ------------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def migrated(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    lite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/cordee.db" if lite else request.getfixturevalue("pg_url")
    database = Database(url, SECRET)
    migrate.upgrade(database.engine)
    yield database
    database.close()


def test_the_migration_writes_the_words_of_those_who_are_there(migrated: Database) -> None:
    def words(uow: UnitOfWork) -> list[tuple[Any, ...]]:
        rows = select(
            DirectoryWord.word, DirectoryWord.name, DirectoryWord.person_id, DirectoryWord.fields
        )
        return sorted(tuple(row) for row in uow.session.execute(rows))

    with migrated.unit_of_work() as uow:
        add(uow, "Zoé d’Œuvre", 2008, job="Chef de projet à l’étranger", topics="chef, 2008")
        assert not import_people(uow.directory, invented_csv(700), NOW).problems
        before = words(uow)
        uow.commit()
    migration = import_module("storage.migrations.versions.0005_words_of_the_directory")
    assert migration.down_revision is not None
    migrate.downgrade(migrated.engine, migration.down_revision)
    migrate.upgrade(migrated.engine)
    with migrated.unit_of_work() as uow:
        assert words(uow) == before
        assert len({row[2] for row in before}) == 701


def test_an_ordinary_owner_may_migrate(pg_url: str) -> None:
    """Nothing is asked of PostgreSQL that needs more than owning the database."""
    migrate.upgrade(pg_url)
    database = Database(pg_url, SECRET)
    with database.engine.begin() as connection:
        extensions = connection.scalars(text("SELECT extname FROM pg_extension")).all()
    database.close()
    assert extensions == ["plpgsql"]


# --- who may --------------------------------------------------------------------------------------


def test_the_directory_is_for_the_team_and_its_open_card_too() -> None:
    one = stand(MARC)
    number = stranger(one)
    for args in ("", "marc", f"#{number}", "~1~marc-"):
        assert told(one.command(LEA, "annuaire", args), LEA, GONE)
        assert not told(one.command(CLAIRE, "directory", args), CLAIRE, GONE)
        assert told(one.press(LEA, encode(RunToken("annuaire", args))), LEA, GONE)
    assert told(one.command(CLAIRE, "annuaire", f"#{number}"), CLAIRE, "Yves Montoux")
    for wrong in (one.ids[LEA], 999_999, 10**18 - 1):
        assert told(one.command(CLAIRE, "annuaire", f"#{wrong}"), CLAIRE, GONE)


def test_no_address_is_ever_shown() -> None:
    one = stand(MARC)
    number = stranger(one)
    for heard in (
        one.command(CLAIRE, "annuaire", "montoux"),
        one.command(CLAIRE, "annuaire", f"#{number}"),
        one.command(LEA, "experts", "montoux"),
    ):
        (said,) = heard
        assert "Yves Montoux" in str(said.message)
        assert "@" not in str(said.message)
    assert told(one.command(CLAIRE, "annuaire", "yves@exemple.invalid"), CLAIRE, "Personne")


def test_who_has_no_role_here_looks_nobody_up() -> None:
    one = stand(MARC)
    with one.work() as uow:
        membership = uow.people.membership(one.ids[TOM], one.programmes[0].id, "mentee")
        assert membership is not None
        membership.state = "ended"
    assert told(one.command(TOM, "experts", "marc"), TOM, GONE)
    assert told(one.command(LEA, "experts", "marc"), LEA, "Marc Aubier")
    one.run(programme(expert=None))
    assert told(one.command(LEA, "experts", "marc"), LEA, "il n’y a pas de fiche d’expert")


def test_a_pause_and_a_hidden_card_are_the_teams_to_see() -> None:
    one = stand(MARC)
    with one.work() as uow:
        uow.directory.pause(one.ids[MARC], one.now, one.now + timedelta(days=30))
    assert told(one.command(CLAIRE, "annuaire", "marc"), CLAIRE, "En pause jusqu’au 1er oct. 2026")
    (said,) = told(one.command(LEA, "experts", "marc"), LEA, "Marc Aubier")
    assert "pause" not in said.text
    assert "Places" not in said.text
    one.days(31)
    assert not told(one.command(CLAIRE, "annuaire", "marc"), CLAIRE, "En pause")
    with one.work() as uow:
        uow.directory.save(one.ids[MARC], one.now, {"consenting": False})
    assert told(one.command(CLAIRE, "annuaire", "marc"), CLAIRE, "montré à personne")
    assert told(one.command(LEA, "experts", "marc"), LEA, "Personne n’a été trouvé")


def test_an_old_button_when_fewer_are_left() -> None:
    one = stand(MARC)
    gone = [stranger(one, f"Marc N{n:02}", f"n{n}@exemple.invalid") for n in range(20)]
    heard = one.command(CLAIRE, "annuaire", "marc")
    following = button(heard, CLAIRE, "Suite")
    third = button(one.press(CLAIRE, following), CLAIRE, "Suite")
    with one.work() as uow:
        uow.session.execute(delete(Person).where(Person.id.in_(gone[3:])))
    (said,) = one.press(CLAIRE, third)
    assert len(said.message.lines) == 4
    assert "Précédent" not in str(said.message)


def test_very_many_are_not_counted() -> None:
    one = stand()
    with one.work() as uow:
        people = [Entry({"name": f"Zoé N{n}"}, {"consenting": True}) for n in range(1100)]
        uow.directory.upsert(people, [None] * len(people), one.now)
    (said,) = one.command(CLAIRE, "annuaire", "zoé")
    assert "Plus de 1000 personnes" in said.text
    assert "Page 1 sur 125" in str(said.message)
    (last,) = one.press(CLAIRE, encode(RunToken("annuaire", "~125~zoe-")))
    assert "Suite" not in str(last.message)
    assert len(last.message.lines) == 8


def test_a_name_changed_in_the_profile_is_found_at_once() -> None:
    one = stand(MARC)
    with one.work() as uow:
        uow.people.get(one.ids[MARC]).name = None  # type: ignore[union-attr]
        uow.directory.save(one.ids[MARC], one.now, {})
    one.command(MARC, "profil")
    one.say(MARC, "Marc Zwiebel")
    assert told(one.say(MARC, "2003"), MARC, "ton profil est enregistré")
    assert told(one.command(CLAIRE, "annuaire", "zwiebel X03"), CLAIRE, "Marc Zwiebel")
