"""The directory in memory: one index for all wishes, built anew only when the directory changed.

It knows when to build, not how to rank (`bot/matching/`) nor who is free (`Directory.eligible`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from threading import Lock
from typing import Any, Final, NamedTuple

from bot.expert_vectors import fresh
from bot.matching import Index, Rules, Wish
from bot.matching.load import Load
from bot.matching.sense import Meaning, Sense
from bot.programmes.matching import Matching
from storage.directory import Directory, Profile
from storage.vectors import Vectors

CHOICES = {
    "secteurs": "sector",
    "structures": "structure",
    "zones": "country",
    "situation": "situation",
    "langues": "language",
    "villes": "city",
    "metiers": "job",
    "employeurs": "employer",
    "aide": "help_kind",
    **{
        name: name
        for name in (
            "sector",
            "structure",
            "country",
            "situation",
            "language",
            "city",
            "job",
            "employer",
            "help_kind",
        )
    },
}
"""Names of choices in batch files and on the command line: the feature they are about."""


class Version(NamedTuple):
    """What an index was built from: experts, their content, and tenths of them without vectors."""

    experts: int
    content: int
    lacking: int = 0


QUICK: Final = 1_000
"""Up to that many experts an index is built within a turn (tens of milliseconds)."""


class ExpertIndex:
    """The index over the consenting experts, kept for as long as the directory's version stays.

    A large one is built beside the turns (`behind`, `keep`): until it is ready the one before it
    serves, which is safe because who may be proposed is asked of the database each time.

    Attributes:
        sense: Compares meanings; None: experts are ranked by words alone.
    """

    def __init__(self) -> None:
        self.sense: Sense | None = None
        self._kept: tuple[Version, Index] | None = None
        self._lock = Lock()

    def of(self, directory: Directory, vectors: Vectors) -> Index:
        """The index of the directory as it is in this transaction; a large one may lag a little."""
        with self._lock:  # two threads would build the same thing twice
            count, content = directory.version()
            kept = self._kept
            if kept is None or (kept[0][:2] != (count, content) and count <= QUICK):
                version = Version(count, content, self._lacking(count, vectors))
                index = Index(directory.profiles(), self.sense, self._fresh(vectors))
                kept = self._kept = (version, index)
            return kept[1]

    def behind(
        self, directory: Directory, vectors: Vectors
    ) -> tuple[Version, list[Profile], dict[int, Meaning]] | None:
        """What a new index is to be built from; None when the one kept is up to date."""
        count, content = directory.version()
        version = Version(count, content, self._lacking(count, vectors))
        if self._kept is not None and self._kept[0] == version:
            return None
        return version, list(directory.profiles()), self._fresh(vectors)

    def keep(
        self, version: Version, profiles: Sequence[Profile], meanings: Mapping[int, Meaning]
    ) -> None:
        """Build an index, outside any transaction, and serve it from now on."""
        index = Index(profiles, self.sense, meanings)
        with self._lock:
            self._kept = (version, index)

    def _fresh(self, vectors: Vectors) -> dict[int, Meaning]:
        return fresh(vectors, self.sense.encoder) if self.sense else {}

    def _lacking(self, count: int, vectors: Vectors) -> int:
        """In tenths, for an index built anew after every few vectors would be built all day."""
        if self.sense is None or not count:
            return 0
        return -(-10 * vectors.lacking(self.sense.encoder.model_id) // count)


def rules_of(matching: Matching, seed: int = 0) -> Rules:
    """The rules of a programme file's `[matching]` table."""
    gap = matching.promo_gap
    return Rules(
        weights=matching.weights.model_dump(),
        threshold=matching.threshold / 100,
        synonyms=matching.synonyms,
        regions=matching.regions,
        near_structures=matching.near_structures,
        near_sectors=matching.near_sectors,
        promo_full=gap.full,
        promo_none=(gap.none_below, gap.none_above),
        penalties=matching.load.penalties,
        exposure_max=matching.load.exposure_max,
        seed=seed,
    )


def loads_of(directory: Directory, now: datetime, matching: Matching) -> dict[int, Load]:
    """What experts carry, as a programme counts it; nothing is counted that costs nothing."""
    load = matching.load
    found = directory.loads(now, load.memory_months, carried=any(load.penalties))
    return {person: Load(*load) for person, load in found.items()}


def wish_of(text: str, choices: Mapping[str, Any]) -> Wish:
    """A wish from a line of a batch file: words, and choices under their French names.

    Args:
        text: The student's own words.
        choices: French key → one value or a list of them; unknown keys are left aside.
    """
    features = {CHOICES[name]: _values(value) for name, value in choices.items() if name in CHOICES}
    return Wish(text=text, features=features)


def _values(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(str(one) for one in value) if isinstance(value, Sequence) else ()
