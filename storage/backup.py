"""A copy of the SQLite file, consistent, also while the bot works on it.

The copy is read in one step from a snapshot; who writes meanwhile does not wait, and is not in the
copy. A database server has its own tool for this. This module knows no table.

Source: quality, R12; delivery protocol, "Databases" (a second connection must never write: SQLite
before 3.51.3 may damage the file when two write or tidy up the log at the same instant).
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

BUSY_SECONDS = 10.0


def copy(source: Path, target: Path, *, beside: bool) -> int:
    """Copy a database into a new file, check the copy, and only then give it its name.

    Args:
        source: The database.
        target: Where to; must not exist. Its folder must.
        beside: Another process has the database open: read only, and tidy nothing up.

    Returns:
        The size of the copy in bytes.

    Raises:
        FileExistsError: `target` is there.
        FileNotFoundError: `source`, or the folder of `target`, is not there.
        sqlite3.DatabaseError: It cannot be read, or the copy is not whole.
    """
    if target.exists():
        raise FileExistsError(target)
    if not source.exists():
        raise FileNotFoundError(source)
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))  # for the owner's eyes
    try:
        address = f"{source.resolve().as_uri()}?mode={'ro' if beside else 'rw'}"
        with (
            closing(sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS)) as original,
            closing(sqlite3.connect(part)) as made,
        ):
            original.backup(made)  # all pages in one step: one snapshot, and never begun again
            made.execute("PRAGMA journal_mode=DELETE")  # whole in one file
            _whole(made)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.rename(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return target.stat().st_size


def _whole(made: sqlite3.Connection) -> None:
    found = made.execute("PRAGMA integrity_check").fetchone()
    if found != ("ok",):
        raise sqlite3.DatabaseError(f"the copy is damaged: {found[0]}")
