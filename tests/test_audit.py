"""The audit of a campaign: right figures, and no small group, not even by subtraction."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.campaign_audit import LEAST, Group, groups
from bot.errors import ProgrammeError
from bot.programmes.load import parse
from tests.campaign_world import Run
from tests.stand import CLAIRE, told

FILE = Path(__file__).parent / "transcripts" / "engine" / "parrainage.toml"


def test_mean_points_of_who_has_somebody_and_the_number_of_who_has_not() -> None:
    answers = dict.fromkeys(range(6), "a") | dict.fromkeys(range(10, 15), "b")
    points: dict[int, int | None] = {0: 400, 1: 500, 2: 600, 3: None, 4: 700, 5: 801}
    points |= dict.fromkeys(range(10, 15), None)
    assert groups(answers, points) == {"a": Group(6, 600, 1), "b": Group(5, None, 5)}
    assert groups(answers, {}) == {}


@given(st.lists(st.integers(1, 12), max_size=8))
def test_no_small_group_is_told_nor_can_be_worked_out(sizes: list[int]) -> None:
    answers = {100 * n + i: f"g{n}" for n, size in enumerate(sizes) for i in range(size)}
    found = groups(answers, dict.fromkeys(answers, 500))
    assert all(one.people >= LEAST for one in found.values())
    hidden = sum(sizes) - sum(one.people for one in found.values())
    assert not found or hidden == 0 or hidden >= LEAST
    if all(size >= LEAST for size in sizes):
        assert len(found) == len(sizes)


@pytest.mark.parametrize(
    ("section", "changes"),
    [
        ("profile", {"feature": "city"}),
        ("profile", {"kind": "many"}),
        ("intake", {}),
    ],
)
def test_what_is_audited_is_a_choice_of_the_profile_and_never_a_feature(
    section: str, changes: dict[str, Any]
) -> None:
    data = tomllib.loads(FILE.read_text("utf-8"))
    question = data["profile"]["questions"][1]
    if section == "intake":
        data["intake"]["questions"].append(question)
        del data["profile"]["questions"][1]
    question.update(changes)
    with pytest.raises(ProgrammeError, match="'audit' belongs"):
        parse(data, "x.toml")


def test_a_programme_that_marks_nothing_says_so() -> None:
    run = Run.begin(1, 1)
    assert told(run.stand.command(CLAIRE, "campagne", "audit"), CLAIRE, "n’est marquée")
