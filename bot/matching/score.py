"""The ranking: one weighted mean per profile, a few that differ, and the reasons for each.

Pure: the hard filters (consent, availability, a free place, no second refusal) are the database's
and arrive as `only` and `exclude`. The same wish, seed and directory give the same answer, whatever
the order of the rows and whatever the database.

Source: matching goals D (scoring model), A4 (choices are features, not text).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from bot.matching.features import WEIGHTS, Columns, Profile, Rules, Wish, tag
from bot.matching.places import country, key
from bot.matching.reasons import Context, Reason, missing, reasons
from bot.matching.text import MAX_QUERY, Floats, Mask, TextIndex, fold
from bot.matching.ties import mixed

DEFAULT: Final = Rules()
SHORTLIST: Final = 50
_PARTS: Final = (("job", 1.0), ("sector", 1.0), ("employer", 1.0), ("bio", 1.0), ("topics", 1.0))
EVIDENCE: Final = 0.1
"""The best feature of somebody proposed has more: a few letters in common are no likeness."""
_NOT_ENOUGH: Final = frozenset({"help_kind", "promo_gap"})
"""What alone makes nobody fit: half the directory offers the same help."""
_UNSURE: Final = re.compile(
    r"\b(sais pas|sais plus|aucune idee|pas d'idee|perdue?s?|don'?t know|no idea|not sure|dunno"
    r"|n'importe quoi|peu importe|whatever)\b"
)
_NEGATED: Final = re.compile(
    r"\b(pas|sauf|jamais|plus envie|marre|hors de question|not|never|except|anything but)\b"
)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Somebody to propose.

    Attributes:
        person_id: Whom.
        score: In [0, 1]; for staff's statistics and tests, never shown.
        reasons: One to three, each true of the public record.
        missing: What the mentee chose and this person does not offer.
    """

    person_id: int
    score: float
    reasons: tuple[Reason, ...]
    missing: tuple[Reason, ...] = ()


def needs_human(text: str) -> Literal["unsure", "negated"] | None:
    """Whether a wish should not simply be searched: not knowing at all, or saying what not.

    No search here understands a negation, so a person or buttons must take it up.
    """
    plain = " ".join(fold(text[:MAX_QUERY]).split())
    if _UNSURE.search(plain):
        return "unsure"
    return "negated" if _NEGATED.search(plain) else None


class Index:
    """A directory ready to be asked. Kept in memory by the caller; built anew when it changes.

    One index serves all programmes: what they set (`Rules`) is read at the time of asking.

    Args:
        profiles: Consenting people; each id once. Their order does not matter.
    """

    def __init__(self, profiles: Iterable[Profile]) -> None:
        self._profiles: Sequence[Profile] = sorted(profiles, key=lambda p: p.person_id)
        self._ids = np.array([p.person_id for p in self._profiles], np.int64)
        self._text = TextIndex(
            [(getattr(p, name), weight) for name, weight in _PARTS] for p in self._profiles
        )
        self._columns = Columns(self._profiles, self._text.lexicon)

    @classmethod
    def build(cls, profiles: Iterable[Profile]) -> Index:
        """The same as the constructor, by the name of what it does."""
        return cls(profiles)

    def __len__(self) -> int:
        return len(self._profiles)

    def propose(
        self,
        wish: Wish,
        exclude: Collection[int] = (),
        n: int = 3,
        only: Collection[int] | None = None,
        *,
        rules: Rules = DEFAULT,
    ) -> list[Suggestion]:
        """The people to propose: they fit, and they differ from each other.

        Args:
            wish: What the mentee wants; with nothing in it that the directory knows, nobody comes.
            exclude: Ids not to propose.
            n: How many at most.
            only: Ids that may be proposed now (`Directory.eligible`); none = all.
            rules: The programme's.
        """
        scored = self._score(wish, self._mask(wish, exclude, only), rules)
        order = self._order(scored, max(n, SHORTLIST), rules.threshold, EVIDENCE)
        rows = self._varied(scored.total, order, n, rules.variety)
        return [self._suggest(scored, row) for row in rows]

    def rank(
        self,
        wish: Wish,
        top: int,
        exclude: Collection[int] = (),
        only: Collection[int] | None = None,
        *,
        rules: Rules = DEFAULT,
    ) -> list[Suggestion]:
        """The best by score alone, as many as asked even if little speaks for the last ones."""
        scored = self._score(wish, self._mask(wish, exclude, only), rules)
        return [self._suggest(scored, row) for row in self._order(scored, top, 0.0, 0.0)]

    # --- inside ---------------------------------------------------------------------------------

    def _mask(self, wish: Wish, exclude: Collection[int], only: Collection[int] | None) -> Mask:
        mask = np.ones(len(self._ids), bool)
        if only is not None:
            mask &= np.isin(self._ids, np.fromiter(only, np.int64, len(only)))
        if exclude:
            mask &= ~np.isin(self._ids, np.fromiter(exclude, np.int64, len(exclude)))
        if wish.language:
            mask &= self._columns.speaking(wish.language)
        return mask

    def _score(self, wish: Wish, mask: Mask, rules: Rules) -> _Scored:
        columns = self._columns.features(wish, rules)
        text = self._text.score(self._text.query(wish.words, rules.synonyms), mask)
        if text.any():
            columns["text"] = text
        weights = {name: rules.weights.get(name, WEIGHTS[name]) for name in sorted(columns)}
        total = np.zeros(len(self._ids))
        for name, weight in weights.items():
            total += weight * columns[name]
        total /= sum(weights.values()) or 1.0
        telling = [columns[name] for name in weights if name not in _NOT_ENOUGH]
        evidence = np.max(telling, axis=0) if telling else np.zeros(len(self._ids))
        total[~mask] = 0.0
        context = Context(wish, rules, self._text, self._columns.home)
        return _Scored(np.round(total, 9), evidence, columns, weights, context)

    def _order(self, scored: _Scored, top: int, threshold: float, evidence: float) -> list[int]:
        """Rows over the threshold for which something telling speaks, best first."""
        total = scored.total
        rows = np.flatnonzero((total >= threshold) & (total > 0) & (scored.evidence > evidence))
        tie = mixed(self._ids[rows], scored.context.rules.seed)
        best = np.lexsort((self._ids[rows], tie, -total[rows]))[: max(top, 0)]
        return [int(row) for row in rows[best]]

    def _varied(self, total: Floats, order: list[int], n: int, variety: float) -> list[int]:
        """Maximal marginal relevance: the best first, then what fits and is not the same again."""
        left, taken = list(order), list[int]()
        while left and len(taken) < n:
            gains = [
                (1 - variety) * total[row]
                - variety * max((self._likeness(row, other) for other in taken), default=0.0)
                for row in left
            ]
            taken.append(left.pop(int(np.argmax(gains))))  # the first of equals: the better ranked
        return taken

    def _likeness(self, one: int, other: int) -> float:
        a, b = self._profiles[one], self._profiles[other]
        same_place = country(a.country) == country(b.country) != self._columns.home
        return (
            0.5 * (key(a.sector) == key(b.sector) != "")
            + 0.25 * (tag(a.structure) == tag(b.structure) != "")
            + 0.25 * same_place
        )

    def _suggest(self, scored: _Scored, row: int) -> Suggestion:
        profile = self._profiles[row]
        values = {name: float(column[row]) for name, column in scored.columns.items()}
        parts = {name: weight * values[name] for name, weight in scored.weights.items()}
        return Suggestion(
            profile.person_id,
            float(scored.total[row]),
            tuple(reasons(profile, scored.context, parts)),
            tuple(missing(scored.context.wish, values)),
        )


@dataclass(frozen=True, slots=True)
class _Scored:
    total: Floats
    evidence: Floats
    columns: Mapping[str, Floats]
    weights: Mapping[str, float]
    context: Context
