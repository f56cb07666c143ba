"""Contact data and words of distress, in messages that the patterns were not written from."""

from pathlib import Path

import pytest

from bot import contacts, distress

DATA = Path(__file__).parent / "data"


def lines(name: str) -> list[str]:
    return (DATA / f"{name}.txt").read_text("utf-8").splitlines()


def test_the_unseen_sets_are_as_large_as_the_goals_ask() -> None:
    sizes = [len(lines(f"{name}_unseen")) for name in ("contacts", "ordinary")]
    sizes += [len(lines(f"{name}_unseen")) for name in ("distress", "everyday")]
    assert [size >= wanted for size, wanted in zip(sizes, (200, 500, 100, 200), strict=True)] == [
        True
    ] * 4
    for name in ("contacts", "ordinary", "distress", "everyday"):
        assert not set(lines(f"{name}_unseen")) & set(lines(f"{name}_dev"))


@pytest.mark.parametrize("half", ["dev", "unseen"])
def test_contact_data_is_found_and_ordinary_letters_are_not_held(half: str) -> None:
    """P4: recall at least 95 %, false holds at most 5 %."""
    told, ordinary = lines(f"contacts_{half}"), lines(f"ordinary_{half}")
    missed = [line for line in told if not contacts.find(line)]
    held = [line for line in ordinary if contacts.find(line)]
    assert len(missed) <= 0.05 * len(told), missed
    assert len(held) <= 0.05 * len(ordinary), held


@pytest.mark.parametrize("half", ["dev", "unseen"])
def test_explicit_words_of_distress_are_heard_and_everyday_ones_are_not(half: str) -> None:
    """P5: all of them; of the everyday lines at most 5 %, which a person then puts right."""
    told = lines(f"distress_{half}")
    everyday = lines(f"everyday_{half}") + lines(f"ordinary_{half}")
    missed = [line for line in told if distress.heard(line) is None]
    alarms = [line for line in everyday if distress.heard(line) is not None]
    assert not missed
    assert len(alarms) <= 0.05 * len(everyday), alarms


@pytest.mark.parametrize("name", ["contacts_dev", "contacts_unseen"])
def test_what_is_blotted_out_is_not_found_again(name: str) -> None:
    for line in lines(name):
        rest = contacts.blot(line, contacts.find(line))
        found = [spot for spot in contacts.find(rest) if spot.kind in {"phone", "email", "link"}]
        assert not found, (line, rest)


def test_the_blot_leaves_the_rest_as_it_was_written() -> None:
    said = "Écris-moi : Léa (at) exemple.fr, ou demain à 18 h."
    assert contacts.blot(said, contacts.find(said)).endswith("▒▒▒ ou demain à 18 h.")
    assert contacts.blot("Bonjour", ()) == "Bonjour"


@pytest.mark.parametrize(
    "text", ["", " ", "\u200b", "🙂" * 500, "0" * 5000, "a @ " * 900, "un " * 1500]
)
def test_strange_texts_cost_little_and_break_nothing(text: str) -> None:
    for spot in contacts.find(text):
        assert 0 <= spot.start < spot.end <= len(text)
    distress.heard(text)
