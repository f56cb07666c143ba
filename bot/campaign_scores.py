"""How well each mentee of a campaign would go with each mentor, and why: asked of the index.

The one place where a campaign reads the ranking. Who may be paired at all is settled by the caller.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bot.matching import Index, Rules, Suggestion, Wish
from bot.matching.assign import FORBIDDEN, MOST, Scores


def scores_of(index: Index, wishes: Sequence[Wish], people: Sequence[int], rules: Rules) -> Scores:
    """One row per wish, one column per person: 0 to `MOST`, or `FORBIDDEN`.

    Forbidden is whoever the index does not know, and who speaks other languages only. A pair's
    score is measured among everybody in the index, so that it stays while places are taken.
    """
    table = np.full((len(wishes), len(people)), FORBIDDEN, np.int16)
    rows = {int(person): row for row, person in enumerate(index._ids)}
    known = [(column, rows[p]) for column, p in enumerate(people) if p in rows]
    if not known:
        return table
    columns, places = (np.array(side) for side in zip(*known, strict=True))
    for number, wish in enumerate(wishes):
        mask = index._mask(wish, (), None)
        total = index._score(wish, mask, rules).total[places]
        table[number, columns] = np.where(mask[places], np.rint(total * MOST), FORBIDDEN)
    return table


def why_of(index: Index, wish: Wish, person: int, rules: Rules) -> Suggestion:
    """The reasons for one of the people in the index."""
    scored = index._score(wish, index._mask(wish, (), None), rules)
    return index._suggest(scored, int(np.flatnonzero(index._ids == person)[0]))
