"""The assignment of a campaign: as many as can be, no one far behind, then the best; proved."""

import re
from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.matching.assign import FORBIDDEN, Assignment, Campaign, Gain, assign
from tests.min_cost_flow import flow

pytest.importorskip("ortools.graph.python.min_cost_flow")


def campaign(scores: list[list[int]] | np.ndarray, places: list[int], **more: object) -> Campaign:
    array = np.array(scores, np.int16)
    n, m = array.shape
    return Campaign(range(100, 100 + n), range(500, 500 + m), array, places, **more)  # type: ignore[arg-type]


def check(problem: Campaign, found: Assignment) -> None:
    """What holds of every assignment."""
    rows = {i: r for r, i in enumerate(problem.mentees)}
    columns = {j: c for c, j in enumerate(problem.mentors)}
    for mentee, mentor in found.pairs.items():
        score = int(problem.scores[rows[mentee], columns[mentor]])
        assert score == found.scores[mentee]
        assert score >= max(found.floor, 0)
    load = np.bincount([columns[j] for j in found.pairs.values()], minlength=len(columns))
    assert (load <= np.array(problem.places)).all()
    assert {*found.pairs, *found.unmatched} == {*problem.mentees}
    for mentee, why in found.unmatched.items():
        some = (problem.scores[rows[mentee]] > FORBIDDEN).any()
        assert why == ("places" if some else "nobody")


@st.composite
def campaigns(draw: st.DrawFn) -> Campaign:
    n, m = draw(st.integers(1, 9)), draw(st.integers(1, 7))
    score = st.one_of(st.just(FORBIDDEN), st.integers(0, 1000), st.integers(0, 3))
    scores = draw(st.lists(st.lists(score, min_size=m, max_size=m), min_size=n, max_size=n))
    places = draw(st.lists(st.integers(0, 4), min_size=m, max_size=m))
    carried = st.integers(0, 12).map(lambda quarters: quarters / 4)
    taken = draw(st.lists(carried, min_size=m, max_size=m))
    floor = draw(st.one_of(st.none(), st.integers(0, 500)))
    return campaign(scores, places, taken=taken, floor=floor, seed=draw(st.integers(0, 9)))


@settings(max_examples=300, deadline=None)
@given(campaigns())
def test_it_is_the_best_there_is(problem: Campaign) -> None:
    found = assign(problem)
    check(problem, found)
    pairs, points = flow(problem, found.floor)
    assert (len(found.pairs), found.objective) == (pairs, points)
    assert found.bound == points  # and it proves it itself
    if problem.floor is None:
        assert pairs == flow(problem, 0)[0]
        if found.pairs:
            assert flow(problem, found.floor + 1)[0] < pairs


@settings(max_examples=100, deadline=None)
@given(campaigns(), st.randoms(use_true_random=False))
def test_the_order_of_the_people_changes_nothing(problem: Campaign, dice: object) -> None:
    n, m = problem.scores.shape
    rows, columns = list(range(n)), list(range(m))
    dice.shuffle(rows)  # type: ignore[attr-defined]
    dice.shuffle(columns)  # type: ignore[attr-defined]
    other = Campaign(
        [problem.mentees[r] for r in rows],
        [problem.mentors[c] for c in columns],
        problem.scores[np.ix_(rows, columns)],
        [problem.places[c] for c in columns],
        [problem.taken[c] for c in columns],
        floor=problem.floor,
        seed=problem.seed,
    )
    assert assign(other) == assign(problem)


@settings(max_examples=100, deadline=None)
@given(campaigns())
def test_a_price_is_what_one_more_place_brings(problem: Campaign) -> None:
    found = assign(problem)
    for column, mentor in enumerate(problem.mentors):
        more = [p + (c == column) for c, p in enumerate(problem.places)]
        wider = Campaign(
            problem.mentees, problem.mentors, problem.scores, more, problem.taken,
            floor=found.floor, seed=problem.seed,
        )  # fmt: skip
        then = assign(wider)
        gain = len(then.pairs) - len(found.pairs), then.objective - found.objective
        assert found.gains[mentor] == gain or not found.pairs


def test_a_large_campaign_is_solved_on_likely_pairs_and_still_proved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dice = np.random.default_rng(5)
    scores = dice.integers(0, 1001, (240, 150)).astype(np.int16)
    scores[dice.random(scores.shape) < 0.6] = FORBIDDEN
    scores[:4] = FORBIDDEN
    problem = campaign(scores, list(dice.integers(0, 3, 150)))
    whole = assign(problem)
    monkeypatch.setattr("bot.matching.assign.DENSE", 2_000)
    monkeypatch.setattr("bot.matching.assign.LIKELY", 6)
    monkeypatch.setattr("bot.matching.assign.LIKELY_MENTORS", 2)
    monkeypatch.setattr("bot.matching.assign.GAP", 0.0)
    parts = assign(problem)
    check(problem, parts)
    assert (parts.objective, parts.bound, parts.floor) == (
        whole.objective, whole.bound, whole.floor,
    )  # fmt: skip
    assert whole.gap == parts.gap == 0
    assert len(parts.pairs) == len(whole.pairs)


def test_no_one_is_left_far_behind_for_a_few_points() -> None:
    found = assign(campaign([[900, 800], [850, 100]], [1, 1]))
    assert found.pairs == {100: 501, 101: 500}
    assert (found.floor, found.objective) == (800, 1650)


def test_a_second_mentee_costs_and_those_taken_count() -> None:
    scores = [[500, 470], [500, 470]]
    assert {*assign(campaign(scores, [2, 2], floor=0)).pairs.values()} == {500, 501}
    assert {*assign(campaign(scores, [2, 2], taken=[0, 3], floor=0)).pairs.values()} == {500}


def test_small_ones_by_hand() -> None:
    dice = np.random.default_rng(1)
    for _ in range(20):
        scores = dice.integers(0, 1001, (4, 4)).astype(np.int16)
        found = assign(campaign(scores, [1] * 4, floor=0))
        best = max(sum(int(scores[i, p[i]]) for i in range(4)) for p in permutations(range(4)))
        assert found.objective == found.bound == best


@pytest.mark.parametrize("scores", [np.zeros((0, 3)), np.zeros((3, 0)), np.full((2, 2), -1)])
def test_with_nobody_to_pair(scores: np.ndarray) -> None:
    found = assign(campaign(scores, [1] * scores.shape[1]))
    assert (found.pairs, found.objective, found.bound) == ({}, 0, 0)
    assert {*found.unmatched.values()} <= {"nobody"}


def test_what_cannot_be_meant_is_refused() -> None:
    for faulty in (
        {"places": [1]},
        {"places": [1, 1], "taken": [1]},
        {"places": [1, 1], "penalties": (10, 0)},
    ):
        with pytest.raises(ValueError, match=r"scores|agree|cost"):
            campaign([[1, 2]], **faulty)
    with pytest.raises(ValueError, match="twice"):
        Campaign([1, 1], [2], np.zeros((2, 1), np.int16), [1])


def test_without_any_mentor_nobody_is_matched_and_nothing_breaks() -> None:
    found = assign(Campaign([1, 2], [], np.zeros((2, 0), np.int16), []))
    assert (found.pairs, found.unmatched) == ({}, {1: "nobody", 2: "nobody"})
    assert (found.objective, found.bound, found.floor) == (0, 0, 0)


# --- to the point ---------------------------------------------------------------------------------


COSTS_LESS = "a later mentee must not cost less than the one before"


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        ({"mentors": [2]}, "scores of (1, 2) for (1, 1)"),
        ({"places": [1]}, "scores of (1, 2) for (1, 2)"),
        ({"taken": [0.0]}, "taken places do not agree with the mentors"),
        ({"mentors": [2, 2]}, "somebody comes twice"),
        ({"mentees": [1, 1], "scores": np.zeros((2, 2), np.int16)}, "somebody comes twice"),
        ({"penalties": ()}, COSTS_LESS),
        ({"penalties": (0, 40, 39)}, COSTS_LESS),
    ],
)
def test_a_refusal_says_what_does_not_agree(faulty: dict[str, Any], message: str) -> None:
    good = Campaign([1], [2, 3], np.array([[1, 2]], np.int16), [1, 1], [0.0, 1.0], (5, 5))
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        replace(good, **faulty)


def test_how_far_from_the_best_is_a_share_of_it() -> None:
    assert Assignment({}, {}, {}, 90, 100, 0).gap == pytest.approx(0.1)
    assert Assignment({}, {}, {}, 0, 0, 0).gap == 0
    assert Assignment({}, {}, {}, -2, 0, 0).gap == 2


def test_everything_that_came_out_of_a_small_one() -> None:
    scores = [[900, 100, -1], [800, 0, -1], [700, -1, -1], [-1, -1, -1]]
    found = assign(campaign(scores, [1, 1, 1], floor=50))
    assert found == Assignment(
        pairs={100: 501, 101: 500},
        scores={100: 100, 101: 800},
        unmatched={102: "places", 103: "nobody"},
        objective=900,
        bound=900,
        floor=50,
        # one more place at 500: a pair more, less what a second mentee costs there
        gains={500: Gain(1, 660), 501: Gain(0, 0), 502: Gain(0, 0)},
    )
    alone = assign(campaign([[900, -1]], [0, 1]))
    assert alone == Assignment(
        {}, {}, {100: "places"}, 0, 0, 0, {500: Gain(1, 900), 501: Gain(0, 0)}
    )


def test_a_floor_goes_as_high_as_it_can_without_a_pair_less() -> None:
    assert assign(campaign([[0]], [1])).floor == 0
    assert assign(campaign([[1]], [1])).floor == 1
    assert assign(campaign([[1000]], [1])).floor == 1000
    assert assign(campaign([[5, 300], [400, 7]], [1, 1])).floor == 300
    assert assign(campaign([[5, 300], [400, 7]], [1, 1], floor=6)).floor == 6
    given = assign(campaign([[5, 300], [400, 7]], [1, 1], floor=301))
    assert (given.pairs, given.unmatched) == ({101: 500}, {100: "places"})


def test_penalties_go_on_as_their_last_step_and_parts_count_as_parts() -> None:
    def worth(places: int, taken: float) -> int:
        full = [[1000]] * places
        return assign(campaign(full, [places], taken=[taken], floor=0)).objective

    assert [worth(n, 0) for n in (1, 2, 3, 4)] == [1000, 1960, 2880, 3760]
    assert [worth(1, taken) for taken in (0.25, 1, 2.5)] == [990, 960, 900]
