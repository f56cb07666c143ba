"""What people chose with buttons, against what a directory says: one number in [0, 1] per profile.

Each feature is a column over the whole directory. Who may be proposed is settled elsewhere, before;
this module refuses to know gender, origin, grades, address and photo: they are no features.

Source: matching goals D (scoring model).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from bot.matching.places import countries_in, country, is_region, key, language, region
from bot.matching.text import Floats, Mask, Phrases, wanted

Places = npt.NDArray[np.int32]
Memo = dict[tuple[str, str], Floats]
"""What was worked out already, by feature and value: good for one set of rules."""

MAX_VALUES = 20
"""Values of one choice that are read."""
LIVED, SAME_REGION, NEAR, JOB_FOR_SECTOR = 0.8, 0.4, 0.5, 0.7

_SMALL = {"de", "du", "des", "d", "l", "la", "le", "les", "ans", "cap", "of", "the"}
_SAME = {
    "chercheur": "jeunechercheur", "youngresearcher": "jeunechercheur",
    "earlycareer": "debutcarriere", "trentaine": "30", "seniors": "senior",
    "abroad": "international", "etranger": "international",
    "solo": "independant", "freelance": "independant",
    "entreprise": "groupe", "grandgroupe": "groupe", "grandeentreprise": "groupe",
    "jeunepousse": "startup", "startups": "startup", "conseil": "cabinet", "ong": "association",
}  # fmt: skip


class Profile(Protocol):
    """What matching reads of somebody who may be proposed; public fields only."""

    @property
    def person_id(self) -> int: ...  # noqa: D102
    @property
    def promo(self) -> int | None: ...  # noqa: D102
    @property
    def job(self) -> str: ...  # noqa: D102
    @property
    def employer(self) -> str: ...  # noqa: D102
    @property
    def structure(self) -> str: ...  # noqa: D102
    @property
    def sector(self) -> str: ...  # noqa: D102
    @property
    def city(self) -> str: ...  # noqa: D102
    @property
    def country(self) -> str: ...  # noqa: D102
    @property
    def countries(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def bio(self) -> str: ...  # noqa: D102
    @property
    def situations(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def languages(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def helps(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def topics(self) -> str: ...  # noqa: D102


WEIGHTS: Final[Mapping[str, float]] = {
    "text": 40, "sector": 20, "job": 10, "employer": 8, "structure": 8, "country": 10,
    "situation": 7, "help_kind": 7, "promo_gap": 0, "language": 3, "city": 2,
}  # fmt: skip
"""Weights where a programme file gives none. The gap in years counts for mentors only."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How one programme matches; all of it is read at the time of asking.

    Attributes:
        weights: Weight per feature; one that is absent has its weight of `WEIGHTS`.
        threshold: Score in [0, 1] under which nobody is proposed: the team takes over.
        variety: Share of "differs from those already taken", in [0, 1].
        synonyms: A word people use, and what profiles say instead.
        regions: A part of the world, and its countries.
        near_structures: Pairs of kinds of employer that count half.
        near_sectors: Pairs of sectors that count half.
        promo_full: Gap in years (from, to) that suits fully.
        promo_none: Gaps under the first and over the second do not suit at all.
        penalties: Points of 100 that being asked costs who carries no mentee, one, two, …
        exposure_max: Who was proposed that often in a week comes after their equals; 0: never.
        seed: Settles ties, the same way each time.
    """

    weights: Mapping[str, float] = field(default_factory=dict)
    threshold: float = 0.15
    variety: float = 0.3
    synonyms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    regions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    near_structures: tuple[tuple[str, str], ...] = (
        ("startup", "pme"), ("groupe", "cabinet"), ("independant", "cabinet"),
        ("public", "association"), ("public", "recherche"),
    )  # fmt: skip
    near_sectors: tuple[tuple[str, str], ...] = ()
    promo_full: tuple[int, int] = (8, 16)
    promo_none: tuple[int, int] = (4, 25)
    penalties: tuple[float, ...] = (0.0,)
    exposure_max: int = 5
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Wish:
    """What a mentee wants, as read from the answers.

    Attributes:
        text: Their own words; may be empty.
        features: Choices by feature (`sector`, `structure`, `country`, `language`, `situation`,
            `city`, `employer`, `job`, `help_kind`); `text` holds further own words. Unknown
            features are left aside.
        promo: Their year of entry, for the gap in years.
        language: The language to talk in; somebody who lists languages without it is left out.
    """

    text: str = ""
    features: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    promo: int | None = None
    language: str | None = None

    def values(self, name: str) -> tuple[str, ...]:
        """The values chosen for a feature, without empty ones."""
        given = self.features.get(name)
        if not given:
            return ()
        some = [value.strip()[:200] for value in given[:MAX_VALUES]]
        return tuple([value for value in some if value])

    @property
    def words(self) -> str:
        """All their own words, but for what they say they do not want."""
        return wanted("\n".join([self.text, *self.features.get("text", ())[:MAX_VALUES]]))


@lru_cache(maxsize=4_096)
def tag(value: str) -> str:
    """A situation or kind of employer as compared: `jeune_chercheur` = « Jeune chercheur »."""
    spaced = "".join(c if c.isalnum() else " " for c in value.casefold())
    found = "".join(key(word) for word in spaced.split() if word not in _SMALL)
    return _SAME.get(found, found)


def structure_nearness(wanted: str, held: str, rules: Rules) -> float:
    """1 for the same kind of employer, 0.5 for a neighbour (start-up and small firm), else 0."""
    if wanted == held:
        return 1.0
    near = {frozenset((tag(one), tag(other))) for one, other in rules.near_structures}
    return NEAR if frozenset((wanted, held)) in near else 0.0


def promo_nearness(gaps: Floats, rules: Rules) -> Floats:
    """How well gaps in years suit: full in the middle of the trapezoid, none outside or unknown."""
    low, high = rules.promo_none
    ends = (low, *rules.promo_full, high)
    gaps = np.nan_to_num(gaps, nan=low - 1.0)
    found = np.interp(gaps, ends, (0.0, 1.0, 1.0, 0.0), left=0, right=0)
    return found.astype(np.float32)


def countries_of(value: str, rules: Rules) -> frozenset[str]:
    """The countries that a country's or region's name means, the programme's regions first."""
    for name, members in rules.regions.items():
        if key(name) == key(value):
            return frozenset(country(one) for one in members)
    return countries_in(value)


def names_region(value: str, rules: Rules) -> bool:
    """Whether the value is a region, a continent, or a region of the programme."""
    return is_region(value) or any(key(name) == key(value) for name in rules.regions)


class Columns:
    """The directory by column: for each value, the rows that hold it.

    Args:
        profiles: The people, in the order of their rows.
        lexicon: Stem → fields (see `bot.matching.text`).
    """

    def __init__(self, profiles: Sequence[Profile], lexicon: Mapping[str, frozenset[str]]) -> None:
        self.size = len(profiles)
        self._lives = _rows((country(p.country),) for p in profiles)
        self._lived = _rows([country(c) for c in p.countries] for p in profiles)
        self._speaks = _rows([language(name) for name in p.languages] for p in profiles)
        self._silent = np.array([not p.languages for p in profiles], bool)
        self._knows = _rows([tag(s) for s in p.situations] for p in profiles)
        self._structure = _rows((tag(p.structure),) for p in profiles)
        self._city = _rows((key(p.city),) for p in profiles)
        self._helps = _rows(p.helps for p in profiles)
        self._unsaid_help = np.array([not p.helps for p in profiles], np.float32)
        self._promo: Floats = np.array(
            [np.nan if p.promo is None else p.promo for p in profiles], np.float32
        )
        self._sector = Phrases([f"{p.sector}\n{p.topics}" for p in profiles], lexicon)
        self._job = Phrases([p.job for p in profiles], lexicon)
        self._employer = Phrases([p.employer for p in profiles], lexicon)
        homes = Counter({name: len(rows) for name, rows in self._lives.items() if name})
        self.home = homes.most_common(1)[0][0] if homes else ""

    def features(self, wish: Wish, rules: Rules, memo: Memo) -> dict[str, Floats]:
        """One column per feature that the mentee answered; a feature not answered is absent.

        Args:
            wish: What was answered.
            rules: The programme's.
            memo: What these rules gave before; empty for new rules.
        """
        found: dict[str, Floats] = {}
        for name, one in self._of_one.items():
            if values := wish.values(name):
                some = [self._once(memo, (name, value), one, rules) for value in values]
                found[name] = some[0] if len(some) == 1 else np.max(some, axis=0)
        for name, rows, same in (
            ("situation", self._knows, tag),
            ("language", self._speaks, language),
        ):
            if keys := sorted({same(v) for v in wish.values(name)}):
                marks = [self._marks((rows, k, 1.0)) for k in keys]
                found[name] = sum(marks[1:], marks[0]) / np.float32(len(keys))
        if wish.promo is not None:
            found["promo_gap"] = self._once(
                memo, ("promo_gap", str(wish.promo)), self._of_promo, rules
            )
        return found

    @cached_property
    def _of_one(self) -> Mapping[str, Callable[[str, Rules], Floats]]:
        return {
            "sector": self._of_sector,
            "job": lambda v, _: np.maximum(
                self._job.nearness(v), np.float32(NEAR) * self._sector.nearness(v)
            ),
            "employer": lambda v, _: self._employer.nearness(v),
            "structure": self._of_structure,
            "country": self._of_country,
            "city": lambda v, _: self._marks((self._city, key(v), 1.0)),
            "help_kind": lambda v, _: np.maximum(
                self._marks((self._helps, v, 1.0)), np.float32(0.5) * self._unsaid_help
            ),
        }

    @staticmethod
    def _once(
        memo: Memo, at: tuple[str, str], one: Callable[[str, Rules], Floats], rules: Rules
    ) -> Floats:
        found = memo.get(at)
        if found is None:
            found = memo[at] = one(at[1], rules)
        return found

    def speaking(self, name: str) -> Mask:
        """Who speaks a language, or does not say which ones."""
        found: Mask = self._silent.copy()
        found[self._speaks.get(language(name), [])] = True
        return found

    def _of_sector(self, value: str, rules: Rules) -> Floats:
        near = [b for a, b in _both_ways(rules.near_sectors) if key(a) == key(value)]
        parts = [
            self._sector.nearness(value),
            np.float32(JOB_FOR_SECTOR) * self._job.nearness(value),
            *(np.float32(NEAR) * self._sector.nearness(other) for other in near),
        ]
        return np.asarray(np.max(parts, axis=0))

    def _of_promo(self, value: str, rules: Rules) -> Floats:
        return promo_nearness(np.float32(int(value)) - self._promo, rules)

    def _of_structure(self, value: str, rules: Rules) -> Floats:
        wanted = tag(value)
        held = [(self._structure, s, structure_nearness(wanted, s, rules)) for s in self._structure]
        return self._marks(*held)

    def _of_country(self, value: str, rules: Rules) -> Floats:
        """Lives there 1, lived there 0.8, same region 0.4.

        Living at home (where most people live) says nothing to who wants a whole region.
        """
        wanted = countries_of(value, rules)
        near: Iterable[str] = ()
        if names_region(value, rules):
            wanted -= {self.home}
        else:
            regions = {region(c) for c in wanted} - {None}
            near = [c for c in self._lives if region(c) in regions and c != self.home]
        return self._marks(
            *((self._lives, c, SAME_REGION) for c in near),
            *((self._lived, c, LIVED) for c in wanted),
            *((self._lives, c, 1.0) for c in wanted),
        )

    def _marks(self, *marks: tuple[Mapping[str, Places], str, float]) -> Floats:
        """A column with each mark's weight in its rows; the highest wins."""
        column = np.zeros(self.size, np.float32)
        for rows, name, weight in sorted(marks, key=lambda mark: mark[2]):
            if name and name in rows:
                column[rows[name]] = weight
        return column


def _both_ways(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [ways for one, other in pairs for ways in ((one, other), (other, one))]


def _rows(values: Iterable[Iterable[str]]) -> dict[str, Places]:
    found: dict[str, list[int]] = {}
    for row, some in enumerate(values):
        for value in dict.fromkeys(some):
            found.setdefault(value, []).append(row)
    return {value: np.array(rows, np.int32) for value, rows in found.items()}
