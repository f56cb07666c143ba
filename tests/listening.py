"""Hears what is logged, at every level: errors, and words that no log may hold (S4)."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

from typing_extensions import override

from handlers.logs import KeyValue


class Listening(logging.Handler):
    """Notes where something was logged that should not be.

    Args:
        secret: Words of people, and secrets, that no line may hold.

    Attributes:
        errors: Lines at ERROR or above, or with a traceback.
        spilt: Places whose line would hold such a word, libraries included.
    """

    def __init__(self, secret: re.Pattern[str]) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(KeyValue())  # a line as it would be written
        self._secret = secret
        self.errors: list[str] = []
        self.spilt: list[str] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        if self._secret.search(self.format(record)):
            self.spilt.append(f"{record.name}:{record.lineno}")
        if record.levelno >= logging.ERROR or record.exc_info:
            self.errors.append(f"{record.name}:{record.lineno} {record.msg}")


@contextmanager
def listening(secret: re.Pattern[str]) -> Iterator[Listening]:
    """Everything that is logged meanwhile is heard, down to DEBUG."""
    log, root = Listening(secret), logging.getLogger()
    before = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(log)
    try:
        yield log
    finally:
        root.removeHandler(log)
        root.setLevel(before)
