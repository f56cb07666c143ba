"""Makes a backup, of a file or of a server, and carries into it what was erased meanwhile."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from bot.errors import SettingsError
from handlers.alone import exclusive
from storage import archive
from storage.backup import copy
from storage.erasures import Erasures, carry_into, written_beside
from storage.unit_of_work import Database


def made(database: Database, file: Path, secret: str) -> int:
    """Copy a database into a new file; its size in bytes.

    Whoever was erased while it was made is not in it.

    Raises:
        OSError: The file is there, or cannot be written.
    """
    source = database.file
    if source is not None:
        size = _copied(database, source, file)
        erased = written_beside(source)
    else:
        size = archive.write(database, file, secret)
        with database.unit_of_work() as uow:
            erased = list(Erasures(uow.session).all())
    carry_into(file, secret, erased)
    return size


def _copied(database: Database, source: Path, file: Path) -> int:
    with ExitStack() as alone:
        try:
            alone.enter_context(exclusive(database))
            return copy(source, file, beside=False)
        except SettingsError:
            return copy(source, file, beside=True)
