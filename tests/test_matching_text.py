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
    CLOSE,
    K1,
    MAX_QUERY,
    MAX_TEXT,
    MAX_WORDS,
    SYNONYM,
    B,
    Floats,
    Phrases,
    Rows,
    TextIndex,
    clauses,
    common_fields,
    fields_of,
    fold,
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


# --- to the figure --------------------------------------------------------------------------------


def test_words_to_the_letter() -> None:
    assert fold("L’Œuvre d'Æsop É") == "l'oeuvre d'aesop e"
    assert words("a b c é 1 12 ab") == ["12", "ab"]
    assert words("Ж 木 ж") == ["ж", "木", "ж"]  # one letter says something in other scripts
    assert stem("éoliennes2") == "éoliennes2"
    assert stem("a" * 40) == stem("a" * 60) == "a" * 40
    assert stem("continuellement") != "continuellement"
    assert clauses("Un, ; Deux –Trois – quatre.\tCinq…\n3.5 ans") == [
        "Un", "Deux –Trois", "quatre", "Cinq", "3.5 ans",
    ]  # fmt: skip
    assert wanted("mer " * 600) == ("mer " * 600)[:MAX_QUERY]
    assert wanted("la mer, pas la montagne. Le ski") == "la mer,  . Le ski"


def test_fields_share_a_word_of_several_meanings() -> None:
    lexicon = {"a": frozenset({"x"}), "b": frozenset({"x", "y"})}
    found = fields_of(["a", "b", "b", "c"], lexicon)
    assert found == pytest.approx({"x": 1 + 0.5**0.5, "y": 0.5**0.5})
    read = parse_fields("mer: bateau\n  un port : quai\nsport: voile")
    assert read[stem("quai")] == read[stem("port")] == {"mer"}
    assert read[stem("voile")] == {"sport"}


def test_a_word_weighs_by_how_rare_it_is_and_how_long_the_text() -> None:
    index = TextIndex([[("zorglub zorglub", 1.0), ("krok", 1.0)], [("krok", 1.0)]])
    rare, common = np.log1p(1.0), np.log1p(0.5 / 2.5)
    assert index.rarity(stem("zorglub")) == pytest.approx(rare)
    assert index.rarity(stem("krok")) == pytest.approx(common)
    assert index.rarity("nothing") == 0.0
    long, short = (K1 * (1 - B + B * length / 2) for length in (3, 1))
    both = np.arange(2)
    query = index.query("zorglub krok")
    bm25, fields = index.parts(query, both)
    assert bm25.tolist() == pytest.approx(
        [
            2 * (K1 + 1) / (2 + long) * rare + (K1 + 1) / (1 + long) * common,
            (K1 + 1) / (1 + short) * common,
        ]
    )
    assert not fields.any()
    assert index.parts(query, both[1:])[0].tolist() == pytest.approx([bm25[1]])
    heavy = TextIndex([[("zorglub", 2.0), ("krok", 1.0)], [("krok", 1.0)]])
    assert heavy.parts(heavy.query("zorglub krok"), both)[0].tolist() == pytest.approx(
        bm25.tolist()
    )


def test_many_wishes_have_the_scores_of_each() -> None:
    index = TextIndex([(text, 1.0)] for text in TEXTS)
    queries = [index.query(wish) for wish in ("bière", "tunnel et banque", "", "brassseur")]
    for rows in (np.arange(4), np.array([3, 0])):
        for query, found in zip(queries, index.scores(queries, rows), strict=True):
            for one, other in zip(index.parts(query, rows), found, strict=True):
                assert one.tolist() == pytest.approx(other.tolist())


def test_what_a_word_stands_for_counts_a_little_less() -> None:
    index = TextIndex([[("zorglub krok bazar", 1.0)]])
    place = {word: index._stems[stem(word)] for word in ("zorglub", "krok", "bazar")}
    query = index.query("zorglub krok", ["krok bazar"])
    assert query.stems == {place["zorglub"]: 1.0, place["krok"]: 1.0, place["bazar"]: SYNONYM}
    assert index.query("x" * MAX_QUERY + " zorglub").stems == {}
    filler = " ".join(f"m{n}" for n in range(MAX_WORDS - 1))
    assert index.query(f"{filler} zorglub krok").stems == {place["zorglub"]: 1.0}
    late = TextIndex([[("x " * (MAX_TEXT // 2) + "zorglub", 1.0)]])
    assert late.query("zorglub").stems == {}


def test_an_unknown_word_is_taken_for_the_one_it_is_most_like() -> None:
    index = TextIndex([[("zorglub", 1.0)], [("zorgubation", 1.0)], [("krok", 1.0)]])
    ((place, weight),) = index.query("zorglubb").stems.items()
    assert place == index._stems[stem("zorglub")]
    assert CLOSE <= weight < 1
    assert index.query("krokk").stems
    assert index.query("kro").stems == {}  # too short to be a slip of anything
    assert index.query("krak").stems == {}
    assert index.query("zorxxlub").stems == {}  # not like enough
    field = TextIndex([[("brasserie", 1.0)], [("krok", 1.0)]])
    slip = field.query("brassserie")
    assert slip.fields.keys() == field.query("brasserie").fields.keys()
    assert all(0 < share < 1 for share in slip.fields.values())


def test_words_and_fields_are_joined_each_by_its_best() -> None:
    one, other = np.array([4, 2, 0], np.float32), np.array([0, 3, 6], np.float32)
    assert fused(one, other).tolist() == pytest.approx([1, 1, 1])
    assert fused(one, other * 0).tolist() == pytest.approx([1, 0.5, 0])
    assert fused(np.array([4, 2], np.float32), np.array([8, 0], np.float32)).tolist() == (
        pytest.approx([1, 0.25])
    )
    assert fused(one[:0], other[:0]).tolist() == []
    assert fused(one * 0, other * 0).tolist() == [0, 0, 0]


def test_what_words_stand_for_is_read_once_each_and_not_without_end() -> None:
    synonyms = {"Pognon": ("crédit", "banque"), "truc": ("bois",)}
    assert meant("le POGNON, le truc, le pognon", synonyms) == ["crédit", "banque", "bois"]
    assert meant("rien", synonyms) == []
    filler = " ".join(f"m{n}" for n in range(MAX_WORDS))
    assert meant(f"{filler} truc", synonyms) == []
    assert meant(f"{filler[: filler.rindex(' ')]} truc", synonyms) == ["bois"]
    assert meant("x" * MAX_QUERY + " truc", synonyms) == []


def test_nearness_is_the_share_of_what_was_asked_by_how_rare_it_is() -> None:
    some = Phrases(["Zorglub", "zorglub krok", "", "Zorglub", "bazar"], common_fields())
    # four different texts: one word in two of them, the other in one
    often, once = np.log1p(4 / 3), np.log1p(4 / 2)
    share = often / (often + once)
    assert some.nearness("Zorglub krok").tolist() == pytest.approx([share, 1, 0, share, 0])
    assert some.nearness("krok krok").tolist() == pytest.approx([0, 1, 0, 0, 0])
    unknown = np.log1p(4 / 1)
    assert some.nearness("bazar truc2").tolist() == pytest.approx(
        [0, 0, 0, 0, once / (once + unknown)]
    )
    assert Phrases([], common_fields()).nearness("zorglub").tolist() == []
    lexicon = {stem("krok"): frozenset({"x"}), stem("bazar"): frozenset({"x", "y"})}
    field = Phrases(["krok", "bazar", "zorglub"], lexicon)
    assert field.nearness("krok").tolist() == pytest.approx([1, 0.5, 0])
    total = 1 / 2**0.5 * 2
    assert field.nearness("bazar").tolist() == pytest.approx([0.5 / 2**0.5 / total, 1, 0])
