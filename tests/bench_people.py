"""The invented crowds of the measurements: people, and vectors drawn by lot."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle, islice

import numpy as np

from bot.matching.sense import Floats32, Meaning
from handlers.local.people import invented
from storage.directory import Profile

PEOPLE = 18_000
WIDTH = 384


def crowd(count: int) -> list[Profile]:
    """Invented people as matching reads them."""
    rows = [
        Profile(0, int(r["promo"]), r["poste"], r["employeur"], r["structure"], r["secteur"],
                r["ville"], r["pays"], tuple(c for c in r["pays_vecus"].split(";") if c), r["bio"],
                tuple(s for s in r["situations"].split(";") if s),
                tuple(s for s in r["langues"].split(";") if s), ("long_term",), "")
        for r in invented(min(count, PEOPLE), seed=7)
    ]  # fmt: skip
    return [
        row._replace(person_id=number)
        for number, row in enumerate(islice(cycle(rows), count), start=1)
    ]


def drawn(count: int, width: int = WIDTH) -> dict[int, Meaning]:
    """Vectors by lot, three for each."""
    rng = np.random.default_rng(7)
    return {
        number: Meaning(rng.integers(-127, 128, (3, width), dtype=np.int8), 1 / 1000)
        for number in range(1, count + 1)
    }


class Lot:
    """An encoder that draws its vectors by lot: for times without the encoder's own."""

    model_id = "lot"

    def encode(self, texts: Sequence[str], *, wishes: bool) -> Floats32:
        rng = np.random.default_rng(len(texts) + wishes)
        return rng.standard_normal((len(texts), WIDTH)).astype(np.float32)
