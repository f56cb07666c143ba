"""Contact data said in parts: a number in three letters, an address in two."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from bot import contacts
from bot.flows.holds import JOINED, JUST_BEFORE
from tests.stand import Stand, button, told
from tests.test_minors import GUARD, MENTOR, PUPIL, paired, stand
from tests.test_unseen_words import lines

__all__ = ["stand"]  # a fixture

SPLIT = (
    ("06 39", "98 14", "15"),
    ("je commence : 06 39", "après, 98 14", "et 15 pour finir"),
    ("zéro six", "trente-neuf quatre-vingt-dix-huit", "quatorze quinze"),
    ("0639", "ensuite 981", "puis 415"),
    ("07", "63", "99", "81", "45"),
    ("+33 6 39", "98 14 15"),
    ("le début c’est 06 39 98", "tu vas rire", "la fin : 14 15"),
    ("zéro sept 39", "quatre-vingt-dix-huit", "22 10"),
    ("lea.martin@", "lycee-demo . fr"),
    ("12 rue", "des Lilas, à Lyon"),
    ("J’habite", "rue Victor Hugo"),
    ("au 4 bis, avenue", "de la Gare"),
)
WHOLE = (
    ("Le chapitre 6 est long.", "J’ai lu 39 pages.", "Il en reste 98."),
    ("On se voit le 06/11 ?", "À 14 h 30, salle 12.", "Plutôt 15 h."),
    ("J’ai eu 14 en maths.", "12 en anglais.", "Et 8 en sport."),
    ("Mon bac, c’est dans 2 ans.", "En 2028.", "Le 15 juin."),
    ("La rue est calme ici.", "Le passage du cours est dur.", "Victor Hugo est au programme."),
)


def noticed(letters: Sequence[str]) -> bool:
    """Whether one of them is held, each read with those before it."""
    return any(
        contacts.find(letter) or contacts.across(letters[:n], letter)
        for n, letter in enumerate(letters)
    )


@pytest.mark.parametrize("letters", SPLIT)
def test_parts_that_make_a_whole_are_noticed(letters: Sequence[str]) -> None:
    assert noticed(letters)


@pytest.mark.parametrize("letters", WHOLE)
def test_ordinary_letters_one_after_the_other_are_not(letters: Sequence[str]) -> None:
    assert not noticed(letters)


@pytest.mark.parametrize("half", ["dev", "unseen"])
def test_ordinary_lines_one_after_the_other_are_seldom_held(half: str) -> None:
    """At most 2 % more than each alone, though in these sets many lines in a row hold figures."""
    every = lines(f"ordinary_{half}") + lines(f"everyday_{half}")
    alone = [n for n, line in enumerate(every) if not contacts.find(line)]
    held = [n for n in alone if contacts.across(every[max(0, n - JOINED) : n], every[n])]
    assert len(held) <= 0.02 * len(alone), [every[n] for n in held]


def test_what_was_held_by_itself_does_not_hold_what_follows() -> None:
    for known in ("Mon numéro : 06 39 98 14 15", "lea@exemple.fr", "12 rue des Lilas"):
        assert not contacts.across([known], "Merci, à mardi !")


def test_only_the_last_part_is_blotted() -> None:
    text = "et 15 pour finir"
    spots = contacts.across(["je commence : 06 39", "après, 98 14"], text)
    assert contacts.blot(text, spots) == f"et {contacts.BLOT} pour finir"


# --- in a pair ------------------------------------------------------------------------------------


def writes(one: Stand, author: str, *texts: str) -> list[str]:
    """What the other side got of it."""
    other = MENTOR if author == PUPIL else PUPIL
    got = []
    for text in texts:
        heard = one.command(author, "ecrire", text)
        got += [text for _ in told(heard, other, text)]
    return got


def test_the_last_part_waits_for_the_safeguarding_person(stand: Stand) -> None:
    paired(stand)
    parts = ("le début, zéro six trente-neuf", "tu vas rire", "et la fin : 98 14 15, voilà")
    assert writes(stand, PUPIL, *parts[:2]) == list(parts[:2])
    heard = stand.command(PUPIL, "ecrire", parts[2])
    assert not told(heard, MENTOR)
    assert told(heard, PUPIL, "avec ceux d’avant")
    assert told(heard, GUARD, "Avec les messages d’avant")
    heard = stand.press(GUARD, button(heard, GUARD, "partie masquée"))
    assert told(heard, MENTOR, f"et la fin : {contacts.BLOT}, voilà")


def test_each_side_is_read_by_itself_and_only_what_is_near(stand: Stand) -> None:
    paired(stand)
    assert writes(stand, PUPIL, "06 39") == ["06 39"]
    assert writes(stand, MENTOR, "98 14 15") == ["98 14 15"]
    stand.now += JUST_BEFORE + timedelta(minutes=1)
    assert writes(stand, PUPIL, "98 14 15") == ["98 14 15"]


def test_adults_write_to_each_other_what_they_want(stand: Stand) -> None:
    parts = ("06 39", "98 14", "15")
    paired(stand)
    with stand.work() as uow:
        pupil = uow.people.get(stand.ids[PUPIL])
        assert pupil is not None
        pupil.born_on = stand.now.date().replace(year=1990)
    assert writes(stand, PUPIL, *parts) == list(parts)
