"""Finding experts by meaning: vectors made, kept, refreshed and forgotten; who is ranked how."""

import asyncio
import json
import random
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.encoder import WITHOUT, encoder
from bot.errors import CordeeError
from bot.expert_index import ExpertIndex, wish_of
from bot.expert_vectors import made
from bot.matching import WEIGHTS, Index, Rules, Wish
from bot.matching.features import MAX_VALUES
from bot.matching.score import FORBIDDEN
from bot.matching.sense import MAX_CHARACTERS, Floats32, Sense, cut, meanings
from bot.matching.text import clauses, words
from handlers.experts import Answer, Asked, answers, lines_of, one_wish
from handlers.local.people import invented
from handlers.vectors import VectorMaker
from scheduling.worker import Worker
from storage.directory import Entry
from storage.migrate import upgrade
from storage.tables import ExpertVector
from storage.unit_of_work import Database
from tests.bench_matching import (
    UNSEEN,
    judged,
    measure_matrix,
    measure_million,
    measure_quality,
    measure_speed,
)
from tests.empty import tables
from tests.test_backup import settings_of
from tests.test_matching_score import holds, ids, profile, profiles

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Bag:
    """An encoder that knows which words a text has, and a few that mean the same."""

    def __init__(self, model_id: str = "bag-1", /, **same: str) -> None:
        self.model_id = model_id
        self.same = same
        self.seen: list[str] = []

    def encode(self, texts: Sequence[str], *, wishes: bool) -> Floats32:
        self.seen += texts
        found = np.full((len(texts), 64), 0.01, np.float32)
        for row, text in enumerate(texts):
            for word in words(text):
                seed = zlib.crc32(self.same.get(word, word).encode())
                found[row] += np.random.default_rng(seed).standard_normal(64).astype(np.float32)
        length = np.linalg.norm(found, axis=1, keepdims=True)
        return np.asarray(found / length, np.float32)


PEOPLE = profiles(invented(300, seed=5))
BAG = Bag()
KEPT = dict(zip((p.person_id for p in PEOPLE), meanings(PEOPLE, BAG), strict=True))
INDEX = Index(PEOPLE, Sense(BAG), KEPT)
BY_ID = {p.person_id: p for p in PEOPLE}
WISHES = [
    Wish("quitter le labo pour une entreprise"),
    Wish("la mer et les vagues", {"country": ("Afrique",), "structure": ("public",)}),
    Wish("", {"sector": ("Santé",), "situation": ("senior",)}),
    Wish("vin", {"help_kind": ("long_term",)}, language="fr"),
]


# --- ranking --------------------------------------------------------------------------------------


def test_a_meaning_is_found_where_no_word_and_no_field_is_shared() -> None:
    people = [profile(n, job=f"Poste {n}", bio="actes et baux") for n in range(2, 12)]
    people.append(profile(1, job="Zzyx", bio="vagues zzyx"))
    bag = Bag(zzyx="qqfoo")
    kept = dict(zip((p.person_id for p in people), meanings(people, bag), strict=True))
    assert Index(people).propose(Wish("qqfoo")) == []
    found = Index(people, Sense(bag), kept).propose(Wish("qqfoo"), n=1)
    assert ids(found) == [1]
    assert found[0].reasons[0].args == {"quote": "vagues zzyx"}


@pytest.mark.parametrize("text", ["", "🙂", "?!", "de la du", "\x00", "je ne sais pas"])
def test_what_has_no_word_with_a_meaning_is_near_to_nobody(text: str) -> None:
    assert INDEX.propose(Wish(text)) == []


@pytest.mark.parametrize(
    "text", ["a" * 200_000, "mer " * 50_000, '"NEAR(* -^ OR mer*', "'; DROP TABLE x", "\ud800 mer"]
)
def test_hostile_wishes_reach_the_encoder_short_and_clean(text: str) -> None:
    BAG.seen.clear()
    found = INDEX.propose(Wish(text, {"sector": (text,)}))
    assert all(one.reasons for one in found)
    assert all(len(said) <= MAX_CHARACTERS and "\0" not in said for said in BAG.seen)
    assert all(said.encode() for said in BAG.seen)


def test_without_a_vector_an_expert_is_ranked_by_words() -> None:
    some = {number: one for number, one in KEPT.items() if number % 3}
    index = Index(PEOPLE, Sense(BAG), some)
    lacking = [p for p in PEOPLE if p.person_id not in some and p.sector]
    for who in lacking[:20]:
        wish = Wish(f"{who.job} {who.sector} {who.bio}")
        best = [BY_ID[i] for i in ids(index.rank(wish, 10))]
        assert any((b.job, b.sector) == (who.job, who.sector) for b in best)
    assert Index(PEOPLE, Sense(BAG), {}).rank(WISHES[0], 20) == Index(PEOPLE).rank(WISHES[0], 20)


def test_the_order_of_the_rows_changes_nothing() -> None:
    mixed = list(PEOPLE)
    random.Random(1).shuffle(mixed)
    other = Index(mixed, Sense(BAG), dict(reversed(KEPT.items())))
    for wish in WISHES:
        assert other.propose(wish, n=10) == INDEX.propose(wish, n=10)
        assert other.rank(wish, 50) == INDEX.rank(wish, 50)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 12), st.text(max_size=30))
def test_filters_hold_and_reasons_are_true_in_any_directory(seed: int, n: int, text: str) -> None:
    rng = random.Random(seed)
    people = rng.sample(PEOPLE, 60)
    index = Index(people, Sense(BAG), KEPT)
    some = rng.sample(people, 5)
    wish = Wish(
        f"{text} {some[0].bio} {some[1].sector}",
        {"sector": (some[2].sector,), "country": (some[3].country or "Chine",)},
        language=rng.choice([None, "fr", "anglais"]),
    )
    allowed = {p.person_id for p in rng.sample(people, 40)}
    barred = set(rng.sample(sorted(allowed), 10))
    for one in index.propose(wish, exclude=barred, n=n, only=allowed):
        assert one.person_id in allowed - barred
        assert 1 <= len(one.reasons) <= 3
        who = BY_ID[one.person_id]
        assert all(holds(reason, who, wish) for reason in one.reasons)
        if wish.language and who.languages:
            assert {"fr": "français"}.get(wish.language, wish.language) in who.languages


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(WEIGHTS)), st.floats(1, 60), st.floats(1, 60), st.integers(1, 8))
def test_a_higher_weight_never_lowers_its_feature(
    name: str, less: float, more: float, n: int
) -> None:
    features = {
        "sector": ("Énergie",), "job": ("ingénieure",), "employer": ("EDF",), "city": ("Lyon",),
        "structure": ("startup",), "country": ("Afrique",), "situation": ("senior",),
        "help_kind": ("long_term",), "language": ("anglais",),
    }  # fmt: skip
    wish = Wish("le vent en mer", features, promo=2024)
    alone = Rules(weights={**dict.fromkeys(WEIGHTS, 0.0), name: 1.0})
    values = dict(
        zip(
            BY_ID,
            INDEX.matrix(INDEX.ask([wish], rules=alone), list(BY_ID))[0].tolist(),
            strict=True,
        )
    )
    means = []
    for weight in sorted((less, more)):
        rules = Rules(weights={name: weight}, variety=0.0, threshold=0.0)
        found = ids(INDEX.propose(wish, n=n, rules=rules))
        means.append(np.mean([values[i] for i in found]))
    assert means[0] <= means[1] + 1  # values are rounded to a thousandth


def test_a_matrix_has_the_scores_of_the_ranking() -> None:
    only = sorted(BY_ID)[::-1][:200]
    barred = {1: only[:20]}
    found = INDEX.matrix(INDEX.ask(WISHES), [*only, 10**9], barred=barred)
    assert found.shape == (len(WISHES), 201)
    assert (found[:, 200] == FORBIDDEN).all()
    assert (found[1, :20] == FORBIDDEN).all()
    for row, wish in enumerate(WISHES):
        ranked = INDEX.rank(wish, 200, exclude=barred.get(row, ()), only=only)
        assert ranked
        for one in ranked:
            assert abs(found[row, only.index(one.person_id)] - 1000 * one.score) <= 1
    assert INDEX.matrix(INDEX.ask([]), only).shape == (0, 200)
    assert Index([]).matrix(Index([]).ask(WISHES), only).max() == FORBIDDEN


def test_who_shares_only_the_kind_of_help_has_no_points() -> None:
    """A campaign may still pair them, and nobody takes it for something that fits."""
    fits = profile(1, sector="énergie", helps=("long_term",), promo=2015)
    helps = profile(2, sector="opéra", helps=("long_term",), promo=2015)
    index = Index([fits, helps])
    wish = Wish("", {"sector": ("énergie",), "help_kind": ("long_term",)}, promo=2025)
    score, none = index.matrix(index.ask([wish]), [1, 2])[0]
    assert score > none == 0
    gap = Rules(weights={"promo_gap": 15})  # a gap that suits is a reason of its own
    better, some = index.matrix(index.ask([wish], rules=gap), [1, 2])[0]
    assert better > some > 0
    assert [r.id for r in index.explain(index.ask([wish], rules=gap), [(0, 2)])[0].reasons] == [
        "reason-promo",
        "reason-help",
    ]


def test_reasons_of_many_pairs_are_those_of_each_alone() -> None:
    """A batch shares what was read; it says of each pair what would be said of it alone."""
    asked, people = INDEX.ask(WISHES), sorted(BY_ID)
    pairs = [(row, people[37 * row + step]) for step in range(20) for row in range(len(WISHES))]
    many = INDEX.explain(asked, pairs)
    for (row, person), found in zip(pairs, many, strict=True):
        wish = WISHES[row]
        assert INDEX.explain(INDEX.ask([wish]), [(0, person)]) == [found]
        assert found.person_id == person
        if ranked := [s for s in INDEX.rank(wish, 300) if s.person_id == person]:
            assert ranked == [found]
    with pytest.raises(KeyError):
        INDEX.explain(asked, [(0, 10**9)])


def test_a_wish_is_encoded_once_and_the_oldest_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bag = Bag()
    sense = Sense(bag)
    plain = sense.wishes(["vigne", "mer", "gare"])
    bag.seen.clear()
    assert np.array_equal(sense.remembered(["vigne", "mer", "vigne", "gare"])[[0, 1, 3]], plain)
    assert bag.seen == ["vigne", "mer", "gare"]
    monkeypatch.setattr("bot.matching.sense.REMEMBERED", 3)
    assert sense.remembered(["vigne", "lait"]).shape == (2, 64)
    assert [sense.remembers(t) for t in ("mer", "gare", "vigne", "lait")] == [False, *[True] * 3]
    assert bag.seen[3:] == ["lait"]
    assert sense.remembered([]).shape == (0, 64)


def test_a_clause_is_quoted_only_as_it_stands() -> None:
    bio = "Deux enfants <b>x</b> ; *brasseur* à Lyon. 🙂"
    people = [profile(n, bio="actes") for n in range(2, 12)] + [profile(1, bio=bio)]
    kept = dict(zip((p.person_id for p in people), meanings(people, Bag()), strict=True))
    (one,) = Index(people, Sense(Bag()), kept).propose(Wish("brasseur"), n=1)
    assert one.reasons[0].args["quote"] in clauses(bio)


# --- kept -----------------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    file = f"sqlite:///{tmp_path / 'cordee.db'}"
    url = request.getfixturevalue("pg_tables") if request.param == "postgres" else file
    database = Database(url, "a secret for tests only")
    tables(database)
    yield database
    database.close()


def add(database: Database, count: int) -> list[int]:
    """Consenting experts."""
    free = {"consenting": True, "available": True, "capacity": 1, "outside_load": 0}
    some = [
        Entry(
            {"external_id": f"D{n}", "email": f"d{n}@x.invalid", "name": "Zoé"},
            {"job": f"Métier {n}", "bio": f"clause{n} une. clause{n} deux.", **free},
        )
        for n in range(count)
    ]
    with database.unit_of_work() as uow:
        found = uow.directory.upsert(some, [None] * count, NOW).ids
        uow.commit()
    return found


def steps(database: Database, bag: Bag) -> list[int]:
    """What each step of the background work does, until nothing is left."""

    async def all_of_them() -> list[int]:
        worker = Worker(database)
        try:
            maker, done = VectorMaker(database, worker, bag), []
            while count := await maker.step():
                done.append(count)
            return done
        finally:
            worker.close()

    return asyncio.run(all_of_them())


def test_vectors_are_made_a_few_at_a_time_and_again_only_after_a_change(
    database: Database,
) -> None:
    people = add(database, 19)
    bag = Bag()
    assert steps(database, bag) == [8, 8, 3]
    assert len(bag.seen) == 19 * 3
    assert steps(database, bag) == []
    with database.unit_of_work() as uow:
        uow.directory.save(people[4], NOW, {"bio": "Autre chose."})
        uow.directory.take_place(people[5], NOW)
        assert [one.person_id for one in uow.vectors.fresh("bag-1")].count(people[4]) == 0
        uow.commit()
    assert steps(database, bag) == [1]
    assert steps(database, Bag("bag-2")) == [8, 8, 3]


def test_killed_between_two_steps_the_next_goes_on(database: Database) -> None:
    add(database, 10)
    bag = Bag()
    with database.unit_of_work() as uow:
        lost = made(uow.vectors.todo(bag.model_id, 8), bag)
        uow.vectors.keep(lost)  # never committed
    with database.unit_of_work() as uow:
        uow.vectors.keep(made(uow.vectors.todo(bag.model_id, 4), bag))
        uow.commit()
    assert steps(database, bag) == [6]


def test_vectors_go_with_the_person_and_with_the_consent(database: Database) -> None:
    first, second, third = add(database, 3)
    steps(database, Bag())
    with database.unit_of_work() as uow:
        uow.privacy.erase_person(first, NOW)
        uow.directory.save(second, NOW, {"consenting": False})
        exported = uow.privacy.export_person(third)["expert_vector"]
        uow.commit()
    assert [row.keys() for row in exported] == [{"person_id", "model", "rows", "scale"}]
    assert json.dumps(exported)
    assert steps(database, Bag()) == []
    with database.unit_of_work() as uow:
        assert [row.person_id for row in uow.session.query(ExpertVector)] == [third]


def test_somebody_erased_while_their_vector_was_made_gets_none(database: Database) -> None:
    first, second = add(database, 2)
    with database.unit_of_work() as uow:
        vectors = made(uow.vectors.todo("bag-1", 8), Bag())
        uow.privacy.erase_person(first, NOW)
        uow.vectors.keep(vectors)
        assert [one.person_id for one in uow.vectors.fresh("bag-1")] == [second]


def test_the_index_takes_up_vectors_once_they_are_there(database: Database) -> None:
    add(database, 12)
    kept, bag = ExpertIndex(), Bag()
    kept.sense = Sense(bag)
    with database.unit_of_work() as uow:
        assert kept.of(uow.directory, uow.vectors).meaning([Wish("clause3")]) is None
    steps(database, bag)
    with database.unit_of_work() as uow:
        found = kept.behind(uow.directory, uow.vectors)
        assert found is not None
        kept.keep(*found)
        assert kept.behind(uow.directory, uow.vectors) is None
        index = kept.of(uow.directory, uow.vectors)
        assert index.meaning([Wish("clause3")]) is not None
        assert index.rank(Wish("clause3"), 1)


# --- the encoder of the extra, where it is installed ----------------------------------------------

needs_encoder = pytest.mark.skipif(encoder() is None, reason="missing: the extra sens")


@needs_encoder
@pytest.mark.parametrize(
    "text", ["", "🙂", "\x00", "a" * 200_000, "\ud800", "\u202e\u0301", "ﷺ" * 600, " \n\t"]
)
def test_no_text_breaks_the_encoder(text: str) -> None:
    engine = encoder()
    assert engine is not None
    for wishes in (True, False):
        (row,) = engine.encode([text], wishes=wishes)
        assert np.isfinite(row).all()
        assert np.linalg.norm(row) == pytest.approx(1.0, abs=1e-3)


@needs_encoder
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_quality_on_what_nobody_tuned_on() -> None:
    data = judged(UNSEEN / "unseen_directory.csv", UNSEEN / "unseen_queries.jsonl")
    figures = measure_quality(encoder(), "unseen", data)
    assert [one.name for one in figures if not one.kept] == []


def test_the_measures_of_speed_run_and_agree_with_the_ranking() -> None:
    """So small a run says nothing of the bars."""
    assert len(measure_speed(None, 300)) == 4
    assert measure_matrix(20, 50)[-1].kept
    assert len(measure_million(2_000, 100)) == 3


def test_cut_leaves_what_an_encoder_can_take() -> None:
    assert cut("é" * 1000) == "é" * MAX_CHARACTERS
    assert cut("a\x00b\ud800c") == "a bc"
    assert len(Wish(features={"text": ("mer",) * 99}).words.split()) <= MAX_VALUES


# --- the command line -----------------------------------------------------------------------------


def test_a_choice_and_a_batch_are_read(tmp_path: Path) -> None:
    one = one_wish("mer", ["sector=énergie", "sector=eau", "structures=startup"])
    assert one.wish.features == {"sector": ("énergie", "eau"), "structure": ("startup",)}
    file = tmp_path / "wishes.jsonl"
    file.write_text('{"id": 7, "text": "mer", "choices": {"zones": ["Afrique"]}, "x": 1}\n\n')
    (line,) = lines_of(file)
    assert (line.name, line.wish) == ("7", wish_of("mer", {"zones": ["Afrique"]}))


@pytest.mark.parametrize(
    "text", ["{", "[]", "7", '{"id": 1, "text": 2}', '{"text": "x"}', "[" * 20_000, "\xff"]
)
def test_a_line_that_is_no_wish_is_refused_in_words(tmp_path: Path, text: str) -> None:
    file = tmp_path / "wishes.jsonl"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(CordeeError, match=r"Line 1|UTF-8"):
        lines_of(file)


@pytest.mark.parametrize("choice", ["sector", "colour=red", "=x"])
def test_a_choice_that_there_is_not_is_refused_in_words(choice: str) -> None:
    with pytest.raises(CordeeError, match="There is no choice"):
        one_wish("", [choice])


def test_the_command_line_ranks_who_may_be_proposed_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.experts.encoder", Bag)
    here = settings_of(f"sqlite:///{tmp_path / 'c.db'}", "ax-accompagnement")
    database = Database(here.cordee_database_url, here.cordee_secret_key.get_secret_value())
    upgrade(database.engine)
    _, second, third = add(database, 3)
    with database.unit_of_work() as uow:
        uow.directory.pause(second, NOW)
        uow.directory.save(third, NOW, {"consenting": False})
        uow.commit()
    database.close()
    told: list[object] = []

    def ask(asked: Asked) -> list[Answer]:
        lines = [one_wish("clause1 une clause0", [])]
        return list(
            answers(here, lines, asked, NOW, progress=lambda *n: told.append(n), say=told.append)
        )

    (found,) = ask(Asked(top=5))
    assert found.ranked == ["D0"]
    (reason,) = found.row()["reasons"]["D0"]
    assert "clause0 une" in reason
    assert told == [(2, 2)]  # who agreed gets a vector, once
    (found,) = ask(Asked(everybody=True, lang="en"))
    assert sorted(found.ranked) == ["D0", "D1"]
    assert told == [(2, 2)]
    with pytest.raises(CordeeError, match="no programme"):
        ask(Asked(programme="nowhere"))
    with pytest.raises(CordeeError, match="no language"):
        ask(Asked(lang="de"))


def test_without_the_extra_the_command_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.experts.encoder", lambda: None)
    here = settings_of(f"sqlite:///{tmp_path / 'c.db'}", "ax-accompagnement")
    told: list[object] = []

    def ask() -> list[Answer]:
        lines = [one_wish("clause1", [])]
        return list(answers(here, lines, Asked(), NOW, progress=lambda *_: None, say=told.append))

    with pytest.raises(CordeeError, match="another version"):
        ask()
    database = Database(here.cordee_database_url, here.cordee_secret_key.get_secret_value())
    upgrade(database.engine)
    add(database, 3)
    database.close()
    assert ask()[0].ranked[0] == "D1"
    assert told == [WITHOUT, WITHOUT]
