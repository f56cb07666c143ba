"""What holds of every campaign: one more mentor harms nobody, a heavier feature is served better.

With more pairs counting first, then the floor, then the points, "never worse" means that order. A
weight can be promised something only where all answered the same questions, for a score is a mean
over what was answered, and only without a floor: with one, the weakest pair comes first.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.campaigns import Board, Draft
from bot.matching import Index, Rules, Wish
from bot.matching.assign import Assignment, Campaign, assign
from bot.programmes.campaign import CampaignRules
from tests.bench_campaign import board
from tests.bench_people import crowd
from tests.test_assign import campaign, campaigns


def rank(found: Assignment) -> tuple[int, int, int]:
    return len(found.pairs), found.floor, found.objective


@settings(max_examples=150, deadline=None)
@given(campaigns(), st.data())
def test_one_more_mentor_is_never_worse(problem: Campaign, data: st.DataObject) -> None:
    before = assign(problem)
    n, m = problem.scores.shape
    score = st.one_of(st.just(-1), st.integers(0, 1000))
    column = data.draw(st.lists(score, min_size=n, max_size=n))
    given_ = problem.floor
    wider = campaign(
        np.column_stack([problem.scores, np.array(column, np.int16)]),
        [*problem.places, data.draw(st.integers(0, 3))],
        taken=[*problem.taken, 0],
        floor=given_,
        seed=problem.seed,
    )
    assert wider.scores.shape == (n, m + 1)
    assert rank(assign(wider)) >= rank(before)


# --- weights --------------------------------------------------------------------------------------

PEOPLE = crowd(60)
INDEX = Index(PEOPLE)
ANSWERED = ("text", "sector", "structure", "city")
WISHES = [
    Wish(
        f"{p.job} {p.bio}",
        {"sector": (p.sector,), "structure": (q.structure,), "city": (r.city,)},
    )
    for p, q, r in zip(PEOPLE[:40], PEOPLE[7:47], PEOPLE[19:59], strict=True)
]


def drafted(weights: dict[str, float]) -> tuple[Board, Draft]:
    rules = Rules(weights={name: weights.get(name, 0.0) for name in ANSWERED})
    plain = board(INDEX, PEOPLE, WISHES).given
    own = CampaignRules(floor=0, penalties=(0,))
    one = Board(replace(plain, rules=rules, campaign=own), INDEX)
    return one, one.draft()


VALUES = {name: drafted({name: 1.0})[0] for name in ANSWERED}
"""What each feature says of each pair: the scores where it alone counts."""


def mean(name: str, found: Draft) -> float:
    return float(np.mean([VALUES[name].score(*pair) for pair in found.pairs.items()])) / 1000


@settings(max_examples=40, deadline=None)
@given(
    st.fixed_dictionaries({name: st.integers(1, 40) for name in ANSWERED}),
    st.sampled_from(ANSWERED),
    st.integers(5, 60),
)
def test_a_heavier_feature_is_served_no_worse(
    weights: dict[str, float], name: str, more: int
) -> None:
    """But for what rounding scores to a thousandth may hide, which the last line works out."""
    heavier = {**weights, name: weights[name] + more}
    (_, before), (_, after) = drafted(weights), drafted(heavier)
    assert len(before.pairs) == len(after.pairs) == len(WISHES)
    hidden = (sum(weights.values()) + sum(heavier.values())) / 1000 / more
    assert mean(name, after) >= mean(name, before) - hidden - 0.001


@pytest.mark.parametrize("name", ANSWERED)
def test_a_much_heavier_feature_is_served_better(name: str) -> None:
    even = dict.fromkeys(ANSWERED, 10.0)
    (_, before), (_, after) = drafted(even), drafted({**even, name: 200.0})
    assert mean(name, after) > mean(name, before)


# --- order ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_all_rows_changes_nothing(seed: int) -> None:
    """Of the directory, of the mentors and of the applications: not one reason is another."""
    plain = board(INDEX, PEOPLE, WISHES).given
    dice = Random(seed)
    people, mentees, mentors = [*PEOPLE], [*plain.mentees], [*plain.mentors]
    for rows in (people, mentees, mentors):
        dice.shuffle(rows)
    one = Board(plain, INDEX)
    other = Board(replace(plain, mentees=mentees, mentors=mentors), Index(people))
    first, second = one.draft(), other.draft()
    assert first == second
    assert one.reasons(first.pairs) == other.reasons(second.pairs)
