"""A whole campaign in one go: the best assignment of mentees to mentors' places, proved.

First as many pairs as can be; then a floor, as high as it goes, under which no pair lies; then the
largest sum of scores, less what a mentor's second and third mentee cost. The proof are prices: with
them nobody would rather be elsewhere, so no other assignment has more. They also say where one more
mentor would help most. Pure: who may be paired at all and how well they fit is decided before.

Small campaigns are solved on all pairs, large ones on the likely pairs of each, to which the prices
add those that were missing, until none is.

Source: matching goals B (campaign assignment), X-06.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.optimize import linear_sum_assignment
from scipy.sparse.csgraph import maximum_bipartite_matching, min_weight_full_bipartite_matching

from bot.matching.load import costs
from bot.matching.ties import mixed

Scores = npt.NDArray[np.int16]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

MOST: Final = 1_000
"""The best score: what `score` says, times 1,000."""
FORBIDDEN: Final = -1
"""Of a pair that may not be."""
DENSE: Final = 12_000_000
"""Mentees times places up to which all pairs are solved at once."""
BLOCK: Final = 2_000_000
"""Pairs that are looked at in one go, so that what is worked out of them stays small."""
LIKELY, LIKELY_MENTORS = 40, 8
"""Pairs of each mentee, and of each mentor, that a large campaign begins with."""
GAP: Final = 1e-4
"""How near to the bound a large campaign stops; a small one goes to it."""
ROUNDS: Final = 12
_UNSET: Final = np.iinfo(np.int64).max // 4


@dataclass(frozen=True, slots=True)
class Campaign:
    """What is to be assigned.

    Attributes:
        mentees: Ids, each once, in any order.
        mentors: Ids, each once, in any order.
        scores: One row per mentee, one column per mentor: 0 to `MOST`, or `FORBIDDEN`.
        places: Free places of each mentor.
        taken: What each mentor carries already, in mentees; none = nobody carries any.
        penalties: What a mentor's first, second, … mentee costs, in points; never less than the one
            before, the last difference goes on.
        floor: The score under which no pair may lie; None: as high as it goes without a pair less.
        seed: Settles ties, the same way each time.
    """

    mentees: Sequence[int]
    mentors: Sequence[int]
    scores: Scores
    places: Sequence[int]
    taken: Sequence[float] = ()
    penalties: tuple[int, ...] = (0, 40, 80)
    floor: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be meant.

        Raises:
            ValueError: Sizes do not agree, an id comes twice, or a later mentee costs less.
        """
        shape = (len(self.mentees), len(self.mentors))
        if self.scores.shape != shape or len(self.places) != shape[1]:
            raise ValueError(f"scores of {self.scores.shape} for {shape}")
        if self.taken and len(self.taken) != shape[1]:
            raise ValueError("taken places do not agree with the mentors")
        if len({*self.mentees}) < shape[0] or len({*self.mentors}) < shape[1]:
            raise ValueError("somebody comes twice")
        if not self.penalties or (np.diff(self.penalties) < 0).any():
            raise ValueError("a later mentee must not cost less than the one before")


Why = Literal["nobody", "places"]


class Gain(NamedTuple):
    """What one more place would bring: pairs more, and points more."""

    pairs: int
    points: int


@dataclass(frozen=True, slots=True)
class Assignment:
    """What came out.

    Attributes:
        pairs: Mentee → mentor.
        scores: Mentee → score of the pair.
        unmatched: Mentee → why: `nobody` may be paired with them, or the `places` of all who may
            are taken.
        objective: Scores less penalties.
        bound: No assignment of as many pairs over the floor has more.
        floor: No pair has less.
        gains: Mentor → what one more place there would bring, over the same floor.
    """

    pairs: Mapping[int, int]
    scores: Mapping[int, int]
    unmatched: Mapping[int, Why]
    objective: int
    bound: int
    floor: int
    gains: Mapping[int, Gain] = field(default_factory=dict)

    @property
    def gap(self) -> float:
        """How far the objective may be from the best, as a share; 0 is proved to be the best."""
        return (self.bound - self.objective) / max(self.bound, 1)


def assign(campaign: Campaign) -> Assignment:
    """The best assignment; the same for any order of the people."""
    rows = _order(campaign.mentees, campaign.seed)
    columns = _order(campaign.mentors, campaign.seed)
    return _Solver(campaign, rows, columns).solve()


def _order(ids: Sequence[int], seed: int) -> Ints:
    some = np.array(ids, np.int64)
    return np.lexsort((some, mixed(some, seed)))


class _Solver:
    """One campaign in an order of its own, which the order it came in does not change."""

    def __init__(self, campaign: Campaign, rows: Ints, columns: Ints) -> None:
        self._c = campaign
        self._mentees = np.array(campaign.mentees, np.int64)[rows]
        self._mentors = np.array(campaign.mentors, np.int64)[columns]
        self._scores = campaign.scores[np.ix_(rows, columns)]
        n = len(rows)
        self._places = np.clip(np.array(campaign.places, np.int64)[columns], 0, n)
        self._taken = (
            np.array(campaign.taken, np.float64)[columns]
            if campaign.taken
            else np.zeros(len(columns))
        )
        # a place each: whose, and what it costs; a mentor's in the order in which they are filled
        self._of = np.repeat(np.arange(len(columns)), self._places)
        first = np.concatenate(([0], np.cumsum(self._places)))
        self._first = first[:-1]
        nth = np.arange(len(self._of)) - first[self._of]
        self._cost = self._penalty(self._taken[self._of] + nth)
        # More than all scores together: one pair more outweighs them.
        worst = int(self._cost.max(initial=0))
        self._pair = (n + 1) * (MOST + worst + 1)

    def _penalty(self, carried: npt.NDArray[np.float64]) -> Ints:
        return np.rint(costs(self._c.penalties, carried)).astype(np.int64)

    # --- the whole --------------------------------------------------------------------------

    def solve(self) -> Assignment:
        n, seats = len(self._mentees), len(self._of)
        if n == 0 or seats == 0 or not (self._scores > FORBIDDEN).any():
            return self._told(np.full(n, -1), 0, 0, np.zeros(len(self._mentors), np.int64))
        floor = self._floor()
        if n * seats <= DENSE:
            rows, mentors = np.nonzero(self._scores >= max(floor, 0))
            edges = rows * self._scores.shape[1] + mentors
            chosen = self._all_pairs(floor)
            _, bound = self._missing(chosen, self._prices(chosen, edges), floor)
        else:
            chosen, bound, edges = self._likely_pairs(floor)
        return self._told(chosen, floor, bound, self._worth_of_a_place(chosen, edges))

    def _told(self, chosen: Ints, floor: int, bound: int, gains: Ints) -> Assignment:
        """Everything under the people's own ids."""
        ids, rows = self._mentees.tolist(), np.flatnonzero(chosen >= 0)
        some = self._over(0) > 0
        objective = self._worth(chosen) - self._pair * len(rows)
        if bound:
            bound -= self._pair * len(rows)
        return Assignment(
            {ids[i]: int(self._mentors[chosen[i]]) for i in rows},
            {ids[i]: int(self._scores[i, chosen[i]]) for i in rows},
            {ids[i]: "places" if some[i] else "nobody" for i in np.flatnonzero(chosen < 0)},
            objective,
            bound,
            floor,
            dict(zip(self._mentors.tolist(), map(self._gain, gains.tolist()), strict=True)),
        )

    def _gain(self, worth: int) -> Gain:
        pairs = round(worth / self._pair)
        return Gain(pairs, worth - pairs * self._pair)

    def _worth(self, chosen: Ints) -> int:
        """What an assignment is worth: pairs, scores, less what the places filled cost."""
        rows = np.flatnonzero(chosen >= 0)
        load = np.bincount(chosen[rows], minlength=len(self._mentors))
        nth = np.arange(len(self._of)) - self._first[self._of]
        filled = nth < load[self._of]
        scores = self._scores[rows, chosen[rows]].astype(np.int64)
        return int(scores.sum() + self._pair * len(rows) - self._cost[filled].sum())

    # --- the floor --------------------------------------------------------------------------

    def _floor(self) -> int:
        """The highest score for which there are as many pairs as without any floor."""
        if self._c.floor is not None:
            return self._c.floor
        most = self._how_many(0)
        if not most:
            return 0
        best = np.sort(self._scores.max(axis=1))[::-1]
        low, high = 0, int(best[most - 1])  # no `most` mentees have somebody better than that
        while low < high:
            middle = (low + high + 1) // 2
            if self._how_many(middle) == most:
                low = middle
            else:
                high = middle - 1
        return low

    def _how_many(self, floor: int) -> int:
        """How many pairs there can be over a floor."""
        all_pairs = self._over(floor)
        limits = np.minimum(all_pairs, LIKELY)
        while True:
            graph = self._graph(floor, limits)
            found = np.array(maximum_bipartite_matching(graph, perm_type="column"), np.int64)
            alone = np.flatnonzero(found < 0)
            if not alone.size:
                return len(found)
            # Who could make room for those alone, in turn: only their further pairs can help.
            cut = self._reach(graph, found, alone) & (limits < all_pairs)
            if not cut.any():
                return int((found >= 0).sum())
            limits[cut] = np.minimum(all_pairs[cut], limits[cut] * 4)

    def _graph(self, floor: int, limits: Ints) -> sparse.csr_array:
        """Mentee × place: the best pairs of each, as many as `limits` says."""
        rows, mentors = self._best(floor, limits)
        places = self._places[mentors]
        per_row = np.bincount(rows, places, len(self._mentees)).astype(np.int32)
        start = np.concatenate(([0], np.cumsum(per_row)), dtype=np.int32)
        ends = np.cumsum(places)
        nth = np.arange(int(places.sum())) - np.repeat(ends - places, places)
        where = (np.repeat(self._first[mentors], places) + nth).astype(np.int32)
        shape = (len(self._mentees), len(self._of))
        return sparse.csr_array((np.ones(len(where), np.int8), where, start), shape=shape)

    @cached_property
    def _likely(self) -> Ints:
        """The columns of the best of each mentee: looked for once, whatever the floor."""
        return self._columns_of(np.arange(len(self._mentees)), LIKELY)

    def _columns_of(self, rows: Ints, limit: int) -> Ints:
        m = self._scores.shape[1]
        blocks = np.array_split(rows, max(1, rows.size * m // BLOCK))
        return np.concatenate([_top(self._scores[block], limit) for block in blocks])

    def _over(self, floor: int) -> Ints:
        """How many pairs of each mentee lie over a floor."""
        blocks = np.array_split(self._scores, max(1, self._scores.size // BLOCK))
        return np.concatenate([np.count_nonzero(block >= floor, axis=1) for block in blocks])

    def _best(self, floor: int, limits: Ints) -> tuple[Ints, Ints]:
        """(mentee, mentor) of the best pairs of each mentee over a floor, in the mentees' order."""
        few = np.flatnonzero((limits > 0) & (limits <= LIKELY))
        rows = [np.repeat(few, self._likely.shape[1])]
        mentors = [self._likely[few].ravel()]
        for limit in np.unique(limits[limits > LIKELY]):
            some = np.flatnonzero(limits == limit)
            best = self._columns_of(some, int(limit))
            rows.append(np.repeat(some, best.shape[1]))
            mentors.append(best.ravel())
        row, mentor = np.concatenate(rows), np.concatenate(mentors)
        good = self._scores[row, mentor] >= max(floor, 0)
        row, mentor = row[good], mentor[good]
        order = np.argsort(row, kind="stable")
        return row[order], mentor[order]

    def _reach(self, graph: sparse.csr_array, found: Ints, alone: Ints) -> Mask:
        """Mentees that an alternating path from somebody alone reaches, themselves included."""
        holder = np.full(graph.shape[1], -1)
        holder[found[found >= 0]] = np.flatnonzero(found >= 0)
        seen = np.zeros(graph.shape[0], bool)
        front = alone
        while front.size:
            seen[front] = True
            places = np.unique(
                np.concatenate(
                    [graph.indices[graph.indptr[i] : graph.indptr[i + 1]] for i in front]
                )
            )
            front = np.unique(holder[places])
            front = front[(front >= 0) & ~seen[np.maximum(front, 0)]]
        return seen

    # --- solving ----------------------------------------------------------------------------

    def _all_pairs(self, floor: int) -> Ints:
        """The best of all assignments, at once."""
        allowed = self._scores >= max(floor, 0)
        value = np.where(allowed, self._pair + self._scores.astype(np.float64), 0.0)
        seats = value[:, self._of]
        seats -= np.where(seats > 0, self._cost.astype(np.float64), 0.0)
        rows, places = linear_sum_assignment(seats, maximize=True)
        chosen = np.full(len(self._mentees), -1)
        chosen[rows] = self._of[places]
        chosen[~allowed[np.arange(len(chosen)), chosen]] = -1
        return chosen

    def _likely_pairs(self, floor: int) -> tuple[Ints, int, Ints]:
        """The best of the likely pairs, and again with those that were missing."""
        edges = self._candidates(floor, LIKELY)
        chosen, bound = np.full(len(self._mentees), -1), _UNSET
        for _ in range(ROUNDS):
            chosen = self._of_edges(edges)
            prices = self._prices(chosen, edges)
            missing, here = self._missing(chosen, prices, floor)
            bound = min(bound, here)
            worth = self._worth(chosen)
            points = worth - self._pair * int((chosen >= 0).sum())
            if not len(missing) or bound - worth <= GAP * points:
                break
            edges = np.unique(np.concatenate((edges, missing)))
        return chosen, bound, edges

    def _candidates(self, floor: int, likely: int) -> Ints:
        """Likely pairs, each as one number: mentee × mentors + mentor."""
        n, m = self._scores.shape
        rows, mentors = self._best(floor, np.full(n, min(likely, m)))
        some = [rows * m + mentors]
        size = max(1, BLOCK // n)
        for start in range(0, m, size):
            block = np.ascontiguousarray(self._scores[:, start : start + size].T)
            best = _top(block, min(LIKELY_MENTORS, n))
            columns = np.repeat(np.arange(start, start + len(block)), best.shape[1])
            good = self._scores[best.ravel(), columns] >= max(floor, 0)
            some.append(best.ravel()[good] * m + columns[good])
        return np.unique(np.concatenate(some))

    def _of_edges(self, edges: Ints) -> Ints:
        n, m = self._scores.shape
        rows, mentors = edges // m, edges % m
        places = self._places[mentors]
        row = np.repeat(rows, places)
        nth = np.arange(len(row)) - np.repeat(np.cumsum(places) - places, places)
        place = np.repeat(self._first[mentors], places) + nth
        cost = MOST + 1 - np.repeat(self._scores[rows, mentors], places) + self._cost[place]
        alone = np.arange(n)  # a place of their own for each, worse than all others together
        shape = (n, len(self._of) + n)
        costs = np.concatenate((cost, np.full(n, self._pair))).astype(np.float64)
        where = (np.concatenate((row, alone)), np.concatenate((place, len(self._of) + alone)))
        graph = sparse.csr_array(sparse.coo_array((costs, where), shape=shape))
        found, taken = min_weight_full_bipartite_matching(graph)
        chosen = np.full(n, -1)
        real = taken < len(self._of)
        chosen[found[real]] = self._of[taken[real]]
        return chosen

    # --- prices -----------------------------------------------------------------------------

    def _limits(self, chosen: Ints) -> tuple[Ints, Ints]:
        """Between what each mentor's last place filled costs, and the first that is free."""
        load = np.bincount(chosen[chosen >= 0], minlength=len(self._mentors))
        last = self._penalty(self._taken + np.maximum(load - 1, 0))
        free = np.where(load < self._places, self._penalty(self._taken + load), _UNSET)
        return last, free

    def _worth_of_a_place(self, chosen: Ints, edges: Ints) -> Ints:
        """What one more place at each mentor would bring: nothing where one is free."""
        load = np.bincount(chosen[chosen >= 0], minlength=len(self._mentors))
        next_ = self._penalty(self._taken + self._places)
        gain = self._prices(chosen, edges, lowest=True) - next_
        return np.where(load < self._places, 0, np.maximum(gain, 0))

    def _prices(self, chosen: Ints, edges: Ints, *, lowest: bool = False) -> Ints:
        """A price per mentor with which everybody is where they would rather be, on these pairs.

        The highest such prices say what a mentor is worth; the lowest, what one more place there
        would bring.
        """
        m = len(self._mentors)
        rows, mentors = edges // m, edges % m
        worth = self._scores[rows, mentors].astype(np.int64) + self._pair
        own = np.where(chosen >= 0, chosen, 0)
        mine = np.where(
            chosen >= 0, self._scores[np.arange(len(chosen)), own].astype(np.int64) + self._pair, 0
        )
        last, free = self._limits(chosen)
        matched = chosen[rows] >= 0
        here, there = chosen[rows[matched]], mentors[matched]
        step = mine[rows[matched]] - worth[matched]  # price here <= price there + step
        if lowest:
            prices = last.copy()
            np.maximum.at(prices, mentors[~matched], worth[~matched])
            return _relax(prices, there, here, -step, up=True)
        prices = np.minimum(free, _UNSET)
        seen = chosen[chosen >= 0]
        np.minimum.at(prices, seen, mine[chosen >= 0])  # being alone is worth nothing
        return np.maximum(_relax(prices, here, there, step, up=False), last)

    def _missing(self, chosen: Ints, prices: Ints, floor: int) -> tuple[Ints, int]:
        """The pairs that somebody would rather be in at these prices, and the bound they prove."""
        n, m = self._scores.shape
        paid = np.minimum(prices, self._pair * 2)
        bound = int(np.maximum(paid[self._of] - self._cost, 0).sum())
        found = []
        size = max(1, BLOCK // m)
        for start in range(0, n, size):
            scores = self._scores[start : start + size]
            gain = scores.astype(np.int64) + (self._pair - paid)
            gain[scores < max(floor, 0)] = 0
            best = np.maximum(gain.max(axis=1), 0)
            bound += int(best.sum())
            mine = self._now(chosen, paid, start, start + len(scores))
            better = np.flatnonzero(best > mine)
            for row in better:  # a few of each: most of them are enough already
                wanted = np.flatnonzero(gain[row] > mine[row])
                top = wanted[np.argsort(-gain[row, wanted], kind="stable")[:LIKELY]]
                found.append((start + row) * m + top)
        return (np.concatenate(found) if found else np.zeros(0, np.int64)), bound

    def _now(self, chosen: Ints, paid: Ints, start: int, stop: int) -> Ints:
        """What each of some mentees has at these prices."""
        own = chosen[start:stop]
        held = self._scores[np.arange(start, stop), np.maximum(own, 0)].astype(np.int64)
        return np.where(own >= 0, self._pair + held - paid[np.maximum(own, 0)], 0)


def _top(scores: Scores, limit: int) -> Ints:
    """The columns of the best of each row, in no order that depends on anything but the scores."""
    if limit >= scores.shape[1]:
        return np.broadcast_to(np.arange(scores.shape[1]), scores.shape).copy()
    # a copy: a view would hold on to the places of all of them
    return np.argpartition(scores, scores.shape[1] - limit, axis=1)[:, -limit:].copy()


def _relax(prices: Ints, to: Ints, of: Ints, step: Ints, *, up: bool) -> Ints:
    """Shortest (or longest) ways: `prices[to]` against `prices[of] + step`, until nothing moves."""
    order = np.argsort(to, kind="stable")
    to, of, step = to[order], of[order], step[order]
    if not len(to):
        return prices
    starts = np.flatnonzero(np.concatenate(([True], to[1:] != to[:-1])))
    heads = to[starts]
    best = np.maximum if up else np.minimum
    for _ in range(len(prices) + 1):
        found = best.reduceat(prices[of] + step, starts)
        new = best(prices[heads], found)
        if (new == prices[heads]).all():
            return prices
        prices[heads] = new
    raise AssertionError("prices do not settle: the assignment was not the best on these pairs")
