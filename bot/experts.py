"""The directory in memory: one index for all wishes, built anew only when the directory changed.

It knows when to build, not how to rank (`bot/matching/`) nor who is free (`Directory.eligible`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

from bot.matching import Index, Wish
from storage.directory import Directory

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


class ExpertIndex:
    """The index over the consenting experts, kept for as long as the directory's version stays.

    Args:
        weights: Weight per feature, from the programme file.
        fields: Words of the programme file that belong together.
        seed: Settles ties.
    """

    def __init__(
        self, weights: Mapping[str, float] | None = None, *, fields: str = "", seed: int = 0
    ) -> None:
        self._weights, self._fields, self._seed = weights, fields, seed
        self._kept: tuple[tuple[int, int], Index] | None = None
        self._lock = Lock()

    def of(self, directory: Directory) -> Index:
        """The index of the directory as it is in this transaction."""
        with self._lock:  # two threads would build the same thing twice
            version = directory.version()
            if self._kept is None or self._kept[0] != version:
                built = Index(
                    directory.profiles(), self._weights, fields=self._fields, seed=self._seed
                )
                self._kept = (version, built)
            return self._kept[1]


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
