"""Makes the vectors of experts, a few at a time, between the turns and never within one.

What is to be made the database says each time anew: killed in the middle, it goes on where it was.
It knows neither who is free nor how anybody fits.

Source: matching goals D (storage), E7.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from bot.matching.sense import Encoder, Meaning, meanings
from storage.vectors import Todo, Vector, Vectors

FEW: Final = 8
"""Experts at a time: about half a second of work."""


def made(some: Sequence[Todo], encoder: Encoder) -> list[Vector]:
    """The vectors of a few experts; outside any transaction."""
    found = meanings([one.profile for one in some], encoder)
    return [
        Vector(
            one.profile.person_id,
            encoder.model_id,
            one.fingerprint,
            len(meaning.entries),
            meaning.entries.tobytes(),
            meaning.scale,
        )
        for one, meaning in zip(some, found, strict=True)
    ]


def opened(vector: Vector) -> Meaning:
    """A vector as matching compares it."""
    entries = np.frombuffer(vector.entries, np.int8).reshape(vector.rows, -1)
    return Meaning(entries, vector.scale)


def fresh(vectors: Vectors, encoder: Encoder | None) -> dict[int, Meaning]:
    """The vectors that may be compared now, by person."""
    if encoder is None:
        return {}
    return {one.person_id: opened(one) for one in vectors.fresh(encoder.model_id)}
