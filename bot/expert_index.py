"""The directory in memory: one index for all wishes, built anew only when the directory changed.

It knows when to build, not how to rank (`bot/matching/`) nor who is free (`Directory.eligible`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any, Final

from bot.matching import Index, Rules, Wish
from bot.programmes.schema import Matching
from storage.directory import Directory, Profile

_CHOICES = {
    "secteurs": "sector",
    "structures": "structure",
    "zones": "country",
    "situation": "situation",
    "langues": "language",
    "villes": "city",
    "metiers": "job",
    "employeurs": "employer",
    "aide": "help_kind",
}


Version = tuple[int, int]
QUICK: Final = 1_000
"""Up to that many experts an index is built within a turn (tens of milliseconds)."""


class ExpertIndex:
    """The index over the consenting experts, kept for as long as the directory's version stays.

    A large one is built beside the turns (`behind`, `keep`): until it is ready the one before it
    serves, which is safe because who may be proposed is asked of the database each time.
    """

    def __init__(self) -> None:
        self._kept: tuple[Version, Index] | None = None
        self._lock = Lock()

    def of(self, directory: Directory) -> Index:
        """The index of the directory as it is in this transaction; a large one may lag a little."""
        with self._lock:  # two threads would build the same thing twice
            version = directory.version()
            if self._kept is None or (self._kept[0] != version and version[0] <= QUICK):
                self._kept = (version, Index(directory.profiles()))
            return self._kept[1]

    def behind(self, directory: Directory) -> tuple[Version, list[Profile]] | None:
        """What a new index is to be built from; None when the one kept is up to date."""
        version = directory.version()
        if self._kept is not None and self._kept[0] == version:
            return None
        return version, list(directory.profiles())

    def keep(self, version: Version, profiles: Sequence[Profile]) -> None:
        """Build an index, outside any transaction, and serve it from now on."""
        index = Index(profiles)
        with self._lock:
            self._kept = (version, index)


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
        seed=seed,
    )


def wish_of(text: str, choices: Mapping[str, Any]) -> Wish:
    """A wish from a line of a batch file: words, and choices under their French names.

    Args:
        text: The student's own words.
        choices: French key → one value or a list of them; unknown keys are left aside.
    """
    features = {
        _CHOICES[name]: _values(value) for name, value in choices.items() if name in _CHOICES
    }
    return Wish(text=text, features=features)


def _values(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(str(one) for one in value) if isinstance(value, Sequence) else ()
