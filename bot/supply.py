"""The supply of mentors against the wishes: by sector and years of entry, how many are missing.

Places and wishes are counted, nobody is named. Where one more place would help most is what the
last draft says. This module words nothing.

Source: X-14, X-04; pain 16 (mentors are the scarce side).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.campaigns import Problem
from bot.dialogue.questionnaire import Label, Option
from bot.matching import Index, Wish
from bot.matching.assign import MOST
from bot.programmes.schema import Programme

NEAR: Final = MOST // 2
"""A mentor counts for a sector that is at least half as near as their own."""


@dataclass(frozen=True, slots=True)
class Sector:
    """One sector of the application.

    Attributes:
        label: As people choose it.
        wished: Volunteers who wish for it; one who wishes for three counts a third in each.
        places: Free places of mentors who are near to it.
        missing: Places too few, rounded up.
        pairs: Pairs that one more place at each of its mentors would bring, by the last draft.
        points: The same in points.
    """

    label: Label
    wished: float
    places: int
    missing: int
    pairs: int = 0
    points: int = 0


@dataclass(frozen=True, slots=True)
class Supply:
    """The whole.

    Attributes:
        waiting: Volunteers without a mentor.
        places: Free places.
        promos: Years of entry that suit fully, if volunteers gave theirs.
        in_range: Free places of mentors of these years.
        sectors: Those wished for, the scarcest first.
    """

    waiting: int
    places: int
    promos: tuple[int, int] | None
    in_range: int
    sectors: tuple[Sector, ...]

    @property
    def missing(self) -> int:
        """Places too few over all."""
        return max(0, self.waiting - self.places)

    def helps_most(self) -> list[Sector]:
        """Sectors in which one more place would bring something, most first."""
        some = [s for s in self.sectors if s.pairs or s.points]
        return sorted(some, key=lambda s: (-s.pairs, -s.points, s.label.fr))


def options_of(programme: Programme) -> Sequence[Option]:
    """The sectors that an application may name."""
    asked = programme.intake.questions if programme.intake else ()
    return [o for q in asked if q.feature == "sector" for o in q.options if o.stands_for]


def measure(
    given: Problem,
    programme: Programme,
    index: Index,
    gains: dict[int, tuple[int, int]],
) -> Supply:
    """Count.

    Args:
        given: Volunteers without a mentor, and free mentors.
        programme: Whose sectors.
        index: Of the directory.
        gains: Mentor → pairs and points that one more place would bring, by the last draft.
    """
    options = options_of(programme)
    people = [m.id for m in given.mentors]
    asked = [Wish(features={"sector": o.stands_for}) for o in options]
    near = index.matrix(index.ask(asked, rules=given.rules), people)
    wished = [0.0] * len(options)
    for mentee in given.mentees:
        chosen = set(mentee.wish.values("sector"))
        theirs = [i for i, o in enumerate(options) if chosen & set(o.stands_for)]
        for i in theirs:
            wished[i] += 1 / len(theirs)
    sectors = []
    for i, option in enumerate(options):
        if not wished[i]:
            continue
        mine = [m for m, score in zip(given.mentors, near[i], strict=True) if score >= NEAR]
        places = sum(m.free for m in mine)
        more = [gains.get(m.id, (0, 0)) for m in mine]
        sectors.append(
            Sector(
                option.label,
                round(wished[i], 6),
                places,
                max(0, math.ceil(round(wished[i] - places, 6))),
                sum(pairs for pairs, _ in more),
                sum(points for _, points in more),
            )
        )
    sectors.sort(key=lambda s: (-s.missing, -s.wished, s.label.fr))
    low, high = given.rules.promo_full
    theirs_ = [m.wish.promo for m in given.mentees if m.wish.promo]
    promos = (min(theirs_) - high, max(theirs_) - low) if theirs_ else None
    return Supply(
        len(given.mentees),
        sum(m.free for m in given.mentors),
        promos,
        sum(
            m.free
            for m in given.mentors
            if promos and m.promo and promos[0] <= m.promo <= promos[1]
        ),
        tuple(sectors),
    )
