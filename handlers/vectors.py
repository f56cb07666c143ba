"""Keeps the vectors of the directory up to date beside the turns: a few experts at a time.

Each step looks for who lacks some, works outside any transaction, and writes in a short one of its
own: killed anywhere, the next start goes on. It knows no platform and ranks nobody.
"""

from __future__ import annotations

import asyncio
import logging

from sqlalchemy.exc import SQLAlchemyError

from bot.expert_vectors import FEW, made
from bot.matching.sense import Encoder
from scheduling.worker import Worker
from storage.unit_of_work import Database
from storage.vectors import Todo

log = logging.getLogger(__name__)
PAUSE_SECONDS = 0.5  # between two steps: turns come first
LOOK_SECONDS = 10.0  # when there was nothing to do


class VectorMaker:
    """One for each process; several processes may do the same row, and write the same."""

    def __init__(self, database: Database, worker: Worker, encoder: Encoder) -> None:
        self._database = database
        self._worker = worker
        self._encoder = encoder

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                done = await self.step()
            except (SQLAlchemyError, OSError) as error:
                log.warning("vectors not made error=%s", type(error).__name__)
                done = 0
            await asyncio.sleep(PAUSE_SECONDS if done else LOOK_SECONDS)

    async def step(self) -> int:
        """Make the vectors of a few; how many experts they were."""
        todo = await self._worker.run(self._todo)
        if todo:
            vectors = await asyncio.to_thread(made, todo, self._encoder)

            def write() -> None:
                with self._database.unit_of_work() as uow:
                    uow.vectors.keep(vectors)
                    uow.commit()

            await self._worker.run(write)
        return len(todo)

    def _todo(self) -> list[Todo]:
        with self._database.unit_of_work() as uow:
            todo = uow.vectors.todo(self._encoder.model_id, FEW)
            if not todo and uow.vectors.drop_withdrawn():
                uow.commit()
        return todo
