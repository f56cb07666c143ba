"""Exactly which part of a text is contact data, and of which kind.

How well on lines that nobody had in mind: `test_unseen_words.py`.
"""

from __future__ import annotations

import pytest

from bot.contacts import BLOT, Spot, across, blot, find

UNITS = (
    *("zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix"),
    *("onze", "douze", "treize", "quatorze", "quinze", "seize"),
)
TENS = {20: "vingt", 30: "trente", 40: "quarante", 50: "cinquante", 60: "soixante"}


def said(number: int, joint: str = "-") -> str:
    """A number of two figures as it is said in French."""
    if number < 17:
        return UNITS[number]
    if number < 20:
        return f"dix{joint}{UNITS[number - 10]}"
    if number >= 80:
        tail = f"{joint}{said(number - 80, joint)}" if number > 80 else "s"
        return f"quatre{joint}vingt{tail}"
    ten = 60 if number >= 70 else number - number % 10
    rest = number - ten
    if not rest:
        return TENS[ten]
    return f"{TENS[ten]} et {said(rest)}" if rest in (1, 11) else f"{TENS[ten]}{joint}{said(rest)}"


def parts(text: str, kind: str = "phone") -> list[str]:
    """The parts of a text that are of this kind."""
    return [text[spot.start : spot.end] for spot in find(text) if spot.kind == kind]


@pytest.mark.parametrize("joint", ["-", " "])
@pytest.mark.parametrize("number", range(10, 100))
def test_every_number_in_words_is_read_as_it_is_said(number: int, joint: str) -> None:
    """Read wrongly, the digits would be more or fewer, and the part another."""
    pair = said(number, joint)
    number_said = f"zéro six, {pair}, {pair}, {pair}, {pair}"
    assert parts(f"Note bien : {number_said}. Merci à toi") == [number_said]


@pytest.mark.parametrize(
    "text",
    [
        "0102030405", "06 12 34 56 78", "06.12.34.56.78", "0 6 1 2 3 4 5 6 7 8",
        "612345678", "6 12 34 56 78", "612 345 678", "7 12 34 56 78",
        "+33612345678", "+33 6 12 34 56 78", "0033612345678", "+447911123", "+44 7911 123 456",
        "+ trente-trois six douze trente-quatre cinquante-six soixante-dix-huit",
        "O6 l2 34 56 78", "".join(chr(0xFF10 + int(digit)) for digit in "0612345678"),
        "zéro six puis 12 puis 34 puis 56 puis 78", "06 douze 34 cinquante-six 78",
    ],
)  # fmt: skip
def test_a_number_that_can_be_dialled_is_found_whole(text: str) -> None:
    assert parts(f"({text})") == [text]


@pytest.mark.parametrize(
    "text",
    [
        "512345678", "61 23 45 67 8", "6123 456 78", "0002345678", "+12345678", "12345678",
        "le 06/12/2026 à 18:30", "en 2026, puis 2027", "vingt et un élèves sur quatre-vingt-dix",
        "vingt et", "dix", "quatre-vingt", "c++ 2020",
        "soixante et onze pages, quatre-vingts lignes", "de 14 h 30 à 16 h 45 le 12/05",
    ],
)  # fmt: skip
def test_other_figures_are_none(text: str) -> None:
    assert parts(text) == []


def test_a_part_of_a_number_is_found_where_it_is_spoken_of() -> None:
    assert parts("mon numéro commence par 06 12 34") == ["06 12 34"]
    assert parts("il reste 06 12 34 pages") == parts("il reste 06 12 34 pages")
    assert parts("mon portable finit par 51 23 45") == []


def test_what_cannot_be_seen_hides_nothing() -> None:
    text = "06\u200b12\u200d34\u00ad5678"
    assert parts(text) == [text]
    assert parts("\u200b0612345678\u200b") == ["0612345678"]


def test_letters_apart_are_read_together() -> None:
    assert parts("voilà l e a @ e x e m p l e . f r ok", "email")
    [spot] = [spot for spot in find("dis l e a @ e x e m p l e . f r") if spot.kind == "email"][:1]
    assert spot.start <= 4
    assert max(one.end for one in find("dis l e a @ e x e m p l e . f r")) == 31


@pytest.mark.parametrize(
    ("earlier", "text", "found"),
    [
        (["c’est 061234"], "suite : 5678", ["5678"]),
        (["06"], "12 34 56 78", ["12 34 56 78"]),
        (["06 12", "et 34"], "56 78 voilà", ["56 78"]),
        (["salut"], "0612345678", []),  # alone in one text already
        (["0612345678"], "à demain", []),
        (["061234"], "merci", []),
        ([], "5678", []),
    ],
)
def test_a_number_over_several_texts(earlier: list[str], text: str, found: list[str]) -> None:
    spots = across(earlier, text)
    assert [text[spot.start : spot.end].strip() for spot in spots][-1:] == found
    assert {spot.kind for spot in spots} <= {"phone"}


@pytest.mark.parametrize(
    ("text", "street"),
    [
        ("au 12 rue des Lilas demain", True),
        ("au 12 rue Pasteur", True),
        ("3 cours Mirabeau", True),
        ("3 cours de maths", False),
        ("2 passages de grade", False),
        ("le 4 passage obligé", False),
        ("12 rue agréable", False),
    ],
)
def test_a_house_in_a_street(text: str, street: bool) -> None:
    assert bool(parts(text, "address")) == street


def test_what_is_blotted_out_is_gone_and_nothing_else() -> None:
    spots = [Spot(2, 4, "phone"), Spot(0, 2, "phone"), Spot(1, 3, "link")]
    assert blot("abcdef", spots) == f"{BLOT}ef"
    assert blot("abcdef", [Spot(1, 2, "x"), Spot(3, 4, "x")]) == f"a{BLOT}c{BLOT}ef"
    assert blot("abc", []) == "abc"
