"""Counted words: people and not occurrences, none of fewer than three, nobody's name."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.matching.text import fold
from bot.word_count import FEWEST, Word, Words

NAMES = ("martin", "roux", "ines")
TEXTS = st.lists(
    st.lists(
        st.sampled_from(
            ["l’énergie", "énergies", "Énergie.", "la start-up", "start-ups", "thèse", "Martin",
             "Jean-Martin", "qu’Inès", "roux", "IA", "2026", "X20", "données", "d’abord", "Paris"]
        ),
        max_size=8,
    ).map(" ".join),
    max_size=12,
)  # fmt: skip


def said(*texts: str, names: tuple[str, ...] = ()) -> list[Word]:
    return Words(texts).most_said(names)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("L’énergie, d’aujourd’hui", ["énergie"]),
        ("Qu’est-ce que l'éolien ?", ["éolien"]),
        ("jusqu’à la thèse, lorsqu’elle s’achève", ["achève", "thèse"]),
        ("C’est-à-dire, peut-être, là-bas, vis-à-vis", []),
        ("Puis-je choisir moi-même ?", ["choisir"]),
        ("Une start-up, le bien-être", ["bien-être", "start-up"]),
        ("5G, X20, 2026, 3D, C3PO et 12 000", []),
        ("https://exemple.invalid/energie lea.martin@exemple.invalid", []),
        ("Bonjour, je voudrais un stage. Merci !", ["stage"]),
        ("Avec A. ou l’IA", ["IA"]),
        ("œuvre", ["œuvre"]),
        ("those are some theses", ["theses"]),
        ("TOUT EN MAJUSCULES, ÉNERGIE", ["majuscules", "énergie"]),
        ("Énergie. Thèse à Grenoble", ["énergie", "Grenoble", "thèse"]),
        (unicodedata.normalize("NFD", "Énergie"), ["énergie"]),
        ("x" * 41, []),
        ("", []),
    ],
)
def test_a_word_is_what_is_left_of_a_text(text: str, shown: list[str]) -> None:
    assert sorted(fold(w.text) for w in said(*[text] * 3)) == sorted(map(fold, shown))
    assert {w.text for w in said(*[text] * 3)} == set(shown)


def test_people_are_counted_and_not_how_often_they_say_it() -> None:
    assert said("stage stage stage", "un stage", "rien") == []
    assert said("stage stage", "Stage", "les stages") == [Word("stage", 3)]


def test_inflections_are_one_word_shown_as_most_people_wrote_it() -> None:
    assert said("une donnée", "les données", "mes données") == [Word("données", 3)]
    tie = said("un ingénieur", "un ingénieur", "ingénieurs", "des ingénieurs")
    assert tie == [Word("ingénieur", 4)]
    assert said("energie", "énergie", "Mon énergie !", "energie") == [Word("énergie", 4)]


def test_a_name_is_never_shown_whoever_wrote_it() -> None:
    texts = ("Marine m’a parlé de la marine", "la marine", "les marines")
    counted = Words(texts)
    assert counted.to_check == {"marine", "marines"}
    assert counted.most_said() == [Word("marine", 3)]
    assert counted.most_said({"marine"}) == []


def test_the_programme_s_own_words_say_nothing() -> None:
    texts = ["un mentor, des mentors, le mentorat et un stage"] * 3
    assert [w.text for w in Words(texts, ["Campagne de mentorat", "mentor"]).most_said()] == [
        "stage"
    ]


@given(TEXTS)
def test_whatever_is_shown_was_written_by_three_people_and_is_nobody_s_name(
    texts: list[str],
) -> None:
    found = Words(texts).most_said(NAMES)
    assert [w.people for w in found] == sorted((w.people for w in found), reverse=True)
    for word, people in found:
        assert FEWEST <= people <= len(texts)
        assert not set(fold(word).split("-")) & set(NAMES)
        assert not any(c.isdigit() for c in word)
        assert sum(fold(word).removesuffix("s") in fold(text) for text in texts) >= people


@given(TEXTS, st.randoms())
def test_neither_the_order_of_people_nor_saying_it_twice_changes_anything(
    texts: list[str], chance: object
) -> None:
    turned = [f"{text}. {text}" for text in reversed(texts)]
    assert Words(turned).most_said(NAMES) == Words(texts).most_said(NAMES)
