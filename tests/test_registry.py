"""Verbs are found as people type them, and nothing else is."""

import pytest

import bot.bot  # noqa: F401 - fills the registry
from bot.commands.registry import COMMANDS, find


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("binomes", "binomes"),
        ("Binômes", "binomes"),
        ("/binomes", "binomes"),
        ("écrire", "ecrire"),
        ("Rôles", "roles"),
        ("mes_donnees", "mes-donnees"),
        ("mes-données", "mes-donnees"),
        ("my_data", "mes-donnees"),
        ("Aide !", "aide"),
        ("PAIRS", "binomes"),
    ],
)
def test_a_verb_is_found_as_people_type_it(typed: str, name: str) -> None:
    found = find(typed)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("typed", ["", " ", "/", "🙂", "binomess", "aide moi", "mes"])
def test_what_is_no_verb_is_none(typed: str) -> None:
    assert find(typed) is None


def test_every_verb_and_alias_is_found_under_its_own_name() -> None:
    for entry in COMMANDS.values():
        assert find(entry.name) is entry
        assert find(entry.alias) is entry
