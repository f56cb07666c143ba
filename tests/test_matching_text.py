"""Reading and comparing texts: what a person types, and what profiles say."""

import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.matching.places import countries_in, country, is_region, key, language, region
from bot.matching.text import (
    Floats,
    Phrases,
    Rows,
    TextIndex,
    common_fields,
    fused,
    meant,
    parse_fields,
    stem,
    stems,
    wanted,
    words,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("L’éolien en mer", ["eolien", "mer"]),
        ("j'aimerais travailler dans l'œnologie", ["oenologie"]),
        ("C++ et C#", ["c++", "c#"]),
        ("faire une thèse, these ou THÈSE", ["these"] * 3),
        ("Consultante IT, it is", ["consultante", "informatique"]),
        ("jusqu'aux volcans, lorsqu'on peut", ["volcans"]),
        ("je veux que tu me le dises", ["dises"]),
        ("I would like to work in wind energy", ["wind", "energy"]),
        ("", []),
        ("🙂", []),
    ],
)
def test_words_lose_accents_elisions_and_fillers(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("L’éolien, mais surtout pas la finance", "L’éolien, mais  "),
        ("Pas l'armée ni la police, plutôt la voile", " , plutôt la voile"),
        ("tout sauf une banque mais la mer", "tout  mais la mer"),
        ("je n'ose pas parler en public", "je n'ose pas parler en public"),
        ("pourquoi pas la banque", "pourquoi pas la banque"),
    ],
)
def test_what_a_wish_excludes_attracts_nobody(text: str, expected: str) -> None:
    assert wanted(text) == expected


def test_forms_of_a_word_share_a_stem_with_or_without_accents() -> None:
    assert stems("énergies") == stems("energie") == stems("ÉNERGIE")
    assert stems("ingénieure") == stems("ingenieurs") == stems("Ingénieur")


def test_fields_may_go_over_several_lines_and_a_word_may_be_in_several() -> None:
    found = parse_fields("mer: bateau\n    marin voile\nsport: voile\n")
    assert found[stems("bateaux")[0]] == {"mer"}
    assert found[stems("marins")[0]] == {"mer"}
    assert found[stems("voile")[0]] == {"mer", "sport"}


def test_the_common_fields_are_words_not_names_of_columns() -> None:
    assert len({name for names in common_fields().values() for name in names}) > 80
    assert stems("brasserie")[0] in common_fields()


def relevance(index: TextIndex, wish: str, rows: Rows, **more: tuple[str, ...]) -> Floats:
    """How relevant some rows are to a wish."""
    return fused(*index.parts(index.query(wish, meant(wish, more)), rows))


def best(texts: list[str], wish: str, **more: tuple[str, ...]) -> int | None:
    """The row that a wish finds first, if any."""
    index = TextIndex([(text, 1.0)] for text in texts)
    scores = relevance(index, wish, np.arange(len(texts)), **more)
    return int(scores.argmax()) if scores.any() else None


TEXTS = [
    "Ingénieure tunnel, géotechnique",
    "Brasseur, recettes et houblon",
    "Orthophoniste, dyslexie",
    "Analyste crédit, banque",
]


@pytest.mark.parametrize(
    ("wish", "row"),
    [
        ("creuser des tunnels", 0),
        ("faire de la bière", 1),  # no word in common: the field says it
        ("brassseur", 1),  # a typing error
        ("ORTHOPHONISTE", 2),
        ("work in a bank", 3),
    ],
)
def test_a_wish_finds_its_profile(wish: str, row: int) -> None:
    assert best(TEXTS, wish) == row


@pytest.mark.parametrize("wish", ["", "je ne sais pas", "🙂", "zzzz qqqq", "de la du", "()*\"'"])
def test_nothing_to_compare_finds_nobody(wish: str) -> None:
    assert best(TEXTS, wish) is None


def test_the_programmes_synonyms_are_read_even_for_words_without_weight() -> None:
    assert best(TEXTS, "le pognon") is None
    assert best(TEXTS, "le pognon", pognon=("crédit",)) == 3
    assert best(TEXTS, "boulot", boulot=("houblon",)) == 1


def test_scores_are_scaled_by_the_best_that_may_be_proposed() -> None:
    index = TextIndex([(text, 1.0)] for text in ["tunnel tunnel", "tunnel et ponts", "banque"])
    everybody = relevance(index, "tunnel", np.arange(3))
    others = relevance(index, "tunnel", np.array([1, 2]))
    assert everybody.max() == pytest.approx(1.0)
    assert everybody[1] < 1.0
    assert others.tolist() == pytest.approx([1.0, 0.0])


@given(st.text(max_size=300), st.lists(st.text(max_size=80), max_size=6))
def test_any_text_is_scored_between_0_and_1(wish: str, texts: list[str]) -> None:
    index = TextIndex([(text, 1.0)] for text in texts)
    scores = relevance(index, wish, np.arange(len(texts)))
    assert scores.shape == (len(texts),)
    assert np.isfinite(scores).all()
    assert ((scores >= 0) & (scores <= 1 + 1e-9)).all()


def test_phrases_tell_same_words_from_the_same_field_from_nothing() -> None:
    sectors = Phrases(["Énergie éolienne", "Photovoltaïque", "Banque", ""], common_fields())
    exact, field, other, none = sectors.nearness("énergie éolienne")
    assert exact == pytest.approx(1.0)
    assert 0 < field <= 0.5
    assert other == none == 0.0
    assert not sectors.nearness("").any()
    assert not sectors.nearness("zzzz").any()


def test_places_have_several_names() -> None:
    assert country("Germany") == country("allemagne") == key("Allemagne")
    assert country("Côte d’Ivoire") == country("Ivory Coast")
    assert country("Zembla") == "zembla"
    assert region(country("Japon")) == region(country("Chine"))
    assert region("zembla") is None
    assert {country("Maroc"), country("Kenya")} <= countries_in("afrique")
    assert countries_in("Africa") == countries_in("Afrique")
    assert countries_in("Japan") == {country("Japon")}
    assert is_region("Amérique latine")
    assert not is_region("Brésil")
    assert language("english") == language("EN") == language("anglais")


def test_several_threads_may_stem_at_once() -> None:
    """The index is built in one thread while a wish is read in another."""
    roots, ends = ("accompagn", "energ", "recherch"), ("ement", "iques", "eurs", "erions", "ables")
    some = ["".join(parts) for parts in product(roots, ends)] * 40
    fresh = stem.__wrapped__  # what it would remember must not hide what it computes
    wanted = [fresh(one) for one in some]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(3) as threads:
            found = list(threads.map(lambda _: [fresh(one) for one in some], range(3)))
    finally:
        sys.setswitchinterval(before)
    assert found == [wanted] * 3
