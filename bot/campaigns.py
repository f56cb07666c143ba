"""A campaign's draft: what is known of everybody in it, the best assignment, and what-if.

`gather` reads inside a transaction, `Board` computes outside any, `write` stores what came out.
Accepted pairs are not part of it: their mentee is served, their place is taken. A pair that waits
for its answer keeps a bonus, a pinned pair is given, a forbidden one cannot be. This module says
nothing to anybody.

Source: X-06; matching goals B, D (load, floor, determinism), E4.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np

from bot.expert_index import rules_of
from bot.experts import reasons
from bot.i18n import Words
from bot.matching import Index, Rules, Wish
from bot.matching.assign import FORBIDDEN, MOST, Assignment, Gain, Scores, Why, assign
from bot.matching.assign import Campaign as Instance
from bot.matching.load import costs
from bot.matching.score import Asked
from bot.programmes.campaign import CampaignRules
from bot.programmes.schema import Programme
from bot.turn import Scene
from storage.tables import Campaign

POINTS: Final = MOST // 100
"""Of the solver to one of the programme file, which counts to 100."""


@dataclass(frozen=True, slots=True)
class Mentee:
    """Somebody to find a mentor for.

    Attributes:
        id: Their number.
        key: Settles ties.
        wish: What they want.
        words: Their voice, for the reasons.
        waiting: The mentor who has been asked and not answered yet.
        pinned: The mentor whom staff chose.
    """

    id: int
    key: str
    wish: Wish
    words: Words
    waiting: int | None = None
    pinned: int | None = None


@dataclass(frozen=True, slots=True)
class Mentor:
    """Somebody with free places.

    Attributes:
        id: Their number.
        key: Settles ties.
        promo: Year of entry.
        sector: As the directory writes it.
        free: Free places.
        load: What they carry already, in mentees.
    """

    id: int
    key: str
    promo: int | None
    sector: str
    free: int
    load: float = 0.0


@dataclass(frozen=True)
class Problem:
    """Everything a draft is made from.

    Attributes:
        mentees: Who waits for a mentor.
        mentors: Who has a place.
        barred: Pairs that may not be.
        rules: How well people fit.
        campaign: The programme's rules.
        bonus: What staying with who was asked is worth, in points.
        seed: Settles ties.
        lowest: Score of the lowest pair accepted so far: to lift the floor higher helps nobody.
    """

    mentees: Sequence[Mentee]
    mentors: Sequence[Mentor]
    barred: frozenset[tuple[int, int]]
    rules: Rules
    campaign: CampaignRules
    bonus: int
    seed: int
    lowest: int = MOST


@dataclass(frozen=True, slots=True)
class Draft:
    """What came out: mentee → mentor, scores and figures in points (a pair is 0 to 1,000).

    `objective` and `bound` count scores less what second and further mentees cost, without the
    bonus for staying; no draft with as many pairs over the floor has more than `bound`, that bonus
    counted.
    """

    pairs: Mapping[int, int]
    scores: Mapping[int, int]
    unmatched: Mapping[int, Why]
    objective: int
    bound: int
    floor: int
    gains: Mapping[int, Gain] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What a chosen pair would change, everything else as good as can be.

    Attributes:
        draft: The draft with it.
        points: What it costs.
        moved: Mentees who would have another mentor: (mentee, now, then).
        left: Mentees who would be left without.
        found: Mentees who would have one.
    """

    draft: Draft
    points: int
    moved: tuple[tuple[int, int, int], ...]
    left: tuple[int, ...]
    found: tuple[int, ...]


Refusal = Literal["not-in", "barred", "language", "full"]


# --- reading --------------------------------------------------------------------------------------


def rules_for(programme: Programme) -> CampaignRules:
    """The programme's rules, or the usual ones where its file has lost them."""
    return programme.campaign or CampaignRules()


def gather(scene: Scene, programme: Programme, campaign: Campaign) -> Problem:
    """Read what a draft is made from."""
    uow = scene.uow
    asked = {p.mentee_id: p.mentor_id for p in uow.campaigns.pairs(campaign.id, "proposed")}
    pinned = {p.mentee_id: p.mentor_id for p in uow.campaigns.pairs(campaign.id) if p.pinned}
    applicants = uow.campaigns.applicants(campaign.id)
    mentees = [
        Mentee(
            one.person_id,
            one.key,
            wish(uow.requests.features(one.request) or {}, one.promo),
            scene.words(scene.person(one.person_id), programme),
            waiting=asked.get(one.person_id),
            pinned=pinned.get(one.person_id),
        )
        for one in applicants
    ]
    barred = uow.campaigns.barred(programme.id, [m.id for m in mentees])
    given = problem(scene, programme, mentees, frozenset(barred), campaign.seed)
    accepted = [p.score for p in uow.campaigns.pairs(campaign.id, "accepted")]
    return replace(given, lowest=min(accepted, default=MOST))


def problem(
    scene: Scene,
    programme: Programme,
    mentees: Sequence[Mentee],
    barred: frozenset[tuple[int, int]] = frozenset(),
    seed: int = 0,
) -> Problem:
    """These mentees and all mentors who are free now."""
    uow = scene.uow
    known = uow.campaigns.mentors(uow.directory.eligible(scene.now, programme_id=programme.id))
    places = uow.campaigns.places(known)
    loads = uow.directory.loads(scene.now, programme.matching.load.memory_months)
    here = Counter(m.waiting for m in mentees)  # their mentors are chosen anew: no load
    mentors = [
        Mentor(number, key, promo, sector, places[number],
               loads.get(number, (0.0, 0))[0] - here[number] / 2)
        for number, (key, promo, sector) in known.items()
    ]  # fmt: skip
    rules, own = rules_of(programme.matching, seed), rules_for(programme)
    return Problem(mentees, mentors, barred, rules, own, POINTS * own.keep_bonus, seed)


def wish(features: Mapping[str, Sequence[str]], promo: int | None) -> Wish:
    """A wish as matching reads it, from what an application says."""
    wanted = {name: tuple(values) for name, values in features.items() if name != "text"}
    return Wish(text=" ".join(features.get("text", ())), features=wanted, promo=promo)


def board_of(scene: Scene, campaign: Campaign) -> Board:
    """What a draft is made from now, with the index."""
    given = gather(scene, scene.programme_of(campaign.programme_id), campaign)
    return Board(given, scene.bot.experts.index.of(scene.uow.directory, scene.uow.vectors))


# --- computing ------------------------------------------------------------------------------------


class Board:
    """A problem with its scores: drafts, what-ifs and reasons, in any order and any thread."""

    def __init__(self, given: Problem, index: Index, scores: Scores | None = None) -> None:
        self.given = given
        self._index = index
        self._scores = scores
        self._row = {m.id: i for i, m in enumerate(given.mentees)}
        self._column = {m.id: j for j, m in enumerate(given.mentors)}
        self._people = [m.id for m in given.mentors]

    @cached_property
    def _numbers(self) -> Mapping[int, int]:
        """What the solver calls people."""
        found = {m.id: number_of(m.key) for m in self.given.mentors}
        return found | {m.id: number_of(m.key) for m in self.given.mentees}

    @cached_property
    def _asked(self) -> Asked:
        """The wishes, read once."""
        return self._index.ask([m.wish for m in self.given.mentees], rules=self.given.rules)

    @cached_property
    def scores(self) -> Scores:
        """Mentee × mentor, `FORBIDDEN` where they may not be."""
        if self._scores is not None:
            return self._scores
        given = self.given
        table = self._index.matrix(self._asked, self._people)
        for mentee, mentor in given.barred:
            if mentee in self._row and mentor in self._column:
                table[self._row[mentee], self._column[mentor]] = FORBIDDEN
        mine = np.array([m.wish.promo or 0 for m in given.mentees])
        theirs = np.array([m.promo or -1 for m in given.mentors])
        own = np.array([m.id for m in given.mentees])[:, None] == np.array(self._people)[None, :]
        table[own | (mine[:, None] == theirs[None, :])] = FORBIDDEN
        return table

    @property
    def unread(self) -> int:
        """How many wishes would have to be encoded first."""
        return self._index.unread([m.wish for m in self.given.mentees])

    def score(self, mentee: int, mentor: int) -> int:
        """Of one pair."""
        return int(self.scores[self._row[mentee], self._column[mentor]])

    def refusal(self, mentee: int, mentor: int) -> Refusal | None:
        """Why two people cannot be put together at all; None when they can."""
        if mentor not in self._column or mentee not in self._row:
            return "not-in"
        if self.score(mentee, mentor) > FORBIDDEN:
            kept = [m for m in self.given.mentees if m.pinned == mentor and m.id != mentee]
            free = self.given.mentors[self._column[mentor]].free
            return "full" if len(kept) >= free else None
        return "barred" if (mentee, mentor) in self.given.barred else "language"

    def draft(self, pins: Mapping[int, int] | None = None) -> Draft:
        """The best draft; pinned pairs first, those of the problem unless others are given."""
        given = self.given
        if pins is None:
            pins = {m.id: m.pinned for m in given.mentees if m.pinned is not None}
        fixed, used = self._fixed(pins), [0] * len(given.mentors)
        for mentor in fixed.values():
            used[self._column[mentor]] += 1
        free = [m for m in given.mentees if m.id not in fixed]
        numbers = self._numbers
        names = {numbers[m.id]: m.id for m in given.mentees}
        mentors = {numbers[m.id]: m.id for m in given.mentors}
        own = self.scores
        if fixed:
            own = own[[self._row[m.id] for m in free], :]
        leaning = self._leaning_scores(free, own)
        floor = None if given.campaign.floor == "auto" else POINTS * given.campaign.floor
        bare = Instance(
            [numbers[m.id] for m in free],
            [numbers[m.id] for m in given.mentors],
            own,
            [m.free - n for m, n in zip(given.mentors, used, strict=True)],
            [m.load + n for m, n in zip(given.mentors, used, strict=True)],
            tuple(POINTS * p for p in given.campaign.penalties),
            floor,
            given.seed,
        )
        if floor is None:  # of everybody's pair, and neither bonus nor pin may raise it
            settled = [given.lowest, *(self.score(a, b) for a, b in fixed.items())]
            if leaning is not None or min(settled) < MOST:
                floor = min(assign(bare).floor, *settled)
        found = assign(replace(bare, scores=own if leaning is None else leaning, floor=floor))
        pairs = {names[a]: mentors[b] for a, b in found.pairs.items()} | fixed
        return self._told(found, pairs, {names[a]: why for a, why in found.unmatched.items()})

    def _fixed(self, pins: Mapping[int, int]) -> dict[int, int]:
        """Pins that can be kept: the pair may be, and the mentor has a place for it."""
        left = {m.id: m.free for m in self.given.mentors}
        fixed: dict[int, int] = {}
        for mentee, mentor in sorted(pins.items()):
            there = mentee in self._row and left.get(mentor, 0) > 0
            if there and self.score(mentee, mentor) > FORBIDDEN:
                fixed[mentee] = mentor
                left[mentor] -= 1
        return fixed

    def _leaning_scores(self, free: Sequence[Mentee], own: Scores) -> Scores | None:
        """Scores with the bonus for staying with who was asked; None when nobody was."""
        table = own.copy()
        asked = False
        for row, mentee in enumerate(free):
            column = self._column.get(mentee.waiting or 0)
            if column is not None and own[row, column] > FORBIDDEN:
                table[row, column] = min(MOST, own[row, column] + self.given.bonus)
                asked = True
        return table if asked else None

    def _told(
        self, found: Assignment, pairs: Mapping[int, int], unmatched: Mapping[int, Why]
    ) -> Draft:
        """In people's own numbers and scores, pinned pairs counted in, the bonus left out."""
        scores = {mentee: self.score(mentee, mentor) for mentee, mentor in pairs.items()}
        load = {m.id: m.load for m in self.given.mentors}
        objective = 0
        for mentee, mentor in pairs.items():
            objective += scores[mentee] - self._penalty(load[mentor])
            load[mentor] += 1
        people = {self._numbers[m.id]: m.id for m in self.given.mentors}
        return Draft(
            dict(sorted(pairs.items())),
            scores,
            dict(sorted(unmatched.items())),
            objective,
            found.bound - found.objective + objective,
            min([found.floor, *scores.values()]) if scores else 0,
            {people[number]: gain for number, gain in found.gains.items()},
        )

    def _penalty(self, load: float) -> int:
        given = [POINTS * p for p in self.given.campaign.penalties]
        return int(np.rint(costs(given, load)))

    def what_if(self, now: Draft, mentee: int, mentor: int) -> WhatIf:
        """The draft with this pair in it, and how it differs; `refusal` has said that it may be.

        Of several drafts worth the same, one that moves few people.
        """
        pins = {m.id: m.pinned for m in self.given.mentees if m.pinned is not None}
        pins[mentee] = mentor
        then = self.draft(pins)
        near = self._leaning(now).draft(pins)
        if (len(near.pairs), near.floor, near.objective) == (
            len(then.pairs),
            then.floor,
            then.objective,
        ):
            then = near
        both = now.pairs.keys() & then.pairs.keys()
        return WhatIf(
            then,
            now.objective - then.objective,
            tuple((m, now.pairs[m], then.pairs[m]) for m in sorted(both)
                  if now.pairs[m] != then.pairs[m]),
            tuple(sorted(now.pairs.keys() - then.pairs.keys())),
            tuple(sorted(then.pairs.keys() - now.pairs.keys())),
        )  # fmt: skip

    def _leaning(self, now: Draft) -> Board:
        """The same, everybody leaning a little towards where they are in a draft."""
        mentees = [replace(m, waiting=now.pairs.get(m.id)) for m in self.given.mentees]
        given = replace(self.given, mentees=mentees, bonus=1)
        return Board(given, self._index, self.scores)

    def reasons(self, pairs: Mapping[int, int]) -> dict[int, list[str]]:
        """Why these pairs, by mentee and in their words."""
        rows = [(self._row[mentee], mentor) for mentee, mentor in pairs.items()]
        found = self._index.explain(self._asked, rows)
        return {
            mentee: reasons(why, self.given.mentees[row].words)
            for mentee, (row, _), why in zip(pairs, rows, found, strict=True)
        }


def number_of(key: str) -> int:
    """62 bits of a key: the solver settles ties by numbers that no order of rows changes."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big") >> 2


# --- writing --------------------------------------------------------------------------------------


def write(
    scene: Scene,
    campaign: Campaign,
    board: Board,
    draft: Draft,
    said: Mapping[int, list[str]],
) -> None:
    """Store a draft with its reasons (by mentee); the campaign's state is the caller's affair."""
    none = Gain(0, 0)
    scene.uow.campaigns.write_draft(
        campaign.id,
        [(m, mentor, draft.scores[m], said[m]) for m, mentor in draft.pairs.items()],
        list(draft.unmatched.items()),
        [
            (m.id, m.free, *draft.gains.get(m.id, none))
            for m in board.given.mentors
        ],
        scene.now,
    )  # fmt: skip


def figures(draft: Draft, programme: Programme) -> dict[str, Any]:
    """What the campaign's row keeps of a draft."""
    return {
        "objective": draft.objective,
        "bound": draft.bound,
        "floor": draft.floor,
        "digest": programme.digest,
    }
