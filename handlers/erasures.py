"""Sees to it that an erasure reaches the files and the backups, soon after and after a crash too.

The rows are gone with the turn that erased; this follows from what that turn wrote down, so that
nothing depends on a process living on. It does not know whose erasure it is.

Source: quality, P1 (within a minute); ADR 0014.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from scheduling.clock import Clock
from scheduling.worker import Worker
from storage.erasures import Erasures, Gone, Way, carry, tidy
from storage.unit_of_work import Database

log = logging.getLogger(__name__)
SECONDS = 10
"""How often is looked."""


class Sweeper:
    """What is left of erased people, in files and backups.

    Args:
        database: The bot's.
        worker: Where its work is done.
        clock: The time.
        folder: Of the backups; None when the operator named none.
        secret: The instance's, for the backups.
    """

    def __init__(
        self, database: Database, worker: Worker, clock: Clock, folder: Path | None, secret: str
    ) -> None:
        self._database = database
        self._worker = worker
        self._clock = clock
        self._folder = folder
        self._secret = secret

    async def sweep(self) -> int:
        """Clear the files of what erasures are still open; how many are wholly finished now.

        Where messages are still being taken back the files are cleared at once all the same, and
        once more when the last of those is gone.
        """
        todo, way, fresh = await self._worker.run(self._forget)
        if not todo or way == "messages":
            return 0  # what was being sent to them then comes first
        if way == "last words" and not fresh:
            return 0  # cleared, but for what is still being taken back
        try:
            if not await self._worker.run(tidy, self._database):
                return 0  # somebody reads the file: at the next look
            await self.backups()
        except (OSError, SQLAlchemyError) as error:
            log.warning("erasures not finished error=%s", type(error).__name__)
            return 0
        return await self._worker.run(self._done, todo, way == "nothing")

    async def backups(self) -> None:
        """Carry every erasure into the backups of the folder; one made meanwhile is found later."""
        if self._folder is None or not self._folder.is_dir():
            return
        known = await self._worker.run(self._all)
        if known:
            await asyncio.to_thread(carry, self._folder, self._secret, known)

    def _forget(self) -> tuple[list[Gone], Way, bool]:
        with self._database.unit_of_work() as uow:
            store = Erasures(uow.session)
            todo = list(store.unswept())
            gone = [one.gone_id for one in todo]
            if gone:
                store.forget_sent(gone, self._clock.now())
            way, fresh = store.on_its_way(gone), store.uncleared()
            uow.commit()
        return todo, way, fresh

    def _all(self) -> list[Gone]:
        with self._database.unit_of_work() as uow:
            return list(Erasures(uow.session).all())

    def _done(self, todo: list[Gone], wholly: bool) -> int:
        now, numbers = self._clock.now(), [one.number for one in todo]
        with self._database.unit_of_work() as uow:
            store = Erasures(uow.session)
            store.cleared(numbers, now)
            done = store.swept(numbers, now) if wholly else 0
            uow.commit()
        return done
