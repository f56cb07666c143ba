"""How well each mentee of a campaign would go with each mentor, and why: asked of the index.

The one place where a campaign reads the ranking. Who may be paired at all is settled by the caller.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.matching import Index, Rules, Suggestion, Wish
from bot.matching.assign import Scores


def scores_of(index: Index, wishes: Sequence[Wish], people: Sequence[int], rules: Rules) -> Scores:
    """One row per wish, one column per person: 0 to `MOST`, or `FORBIDDEN`.

    Forbidden is whoever the index does not know, and who speaks other languages only.
    """
    return index.matrix(wishes, people, rules=rules)


def why_of(index: Index, wish: Wish, person: int, rules: Rules) -> Suggestion:
    """What speaks for one of the people in the index, and what is missing."""
    return index.explain(wish, person, rules=rules)
