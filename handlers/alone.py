"""One process per SQLite file, and a clear word to the second."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.errors import SettingsError
from storage.unit_of_work import Database


@contextmanager
def exclusive(database: Database) -> Iterator[None]:
    """One process per SQLite file: say so clearly instead of waiting for each other.

    Raises:
        SettingsError: Another process has the file.
    """
    file = database.file
    if file is None:
        yield
        return
    with Path(f"{file}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SettingsError(
                f"Another process runs on {file}.", "Stop it, or use PostgreSQL for several."
            ) from None
        yield
