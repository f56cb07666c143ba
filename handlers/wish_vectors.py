"""Encodes the wishes of open campaigns beside the turns, so that no turn of the team waits for it.

The vectors stay in the memory of this process and nowhere else; after a start they are made again,
a few at a time. It knows no platform and pairs nobody.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from bot.campaigns import wish
from bot.matching.sense import Sense
from scheduling.worker import Worker
from storage.unit_of_work import Database

log = logging.getLogger(__name__)
FEW: Final = 8
"""Wishes at a time: a quarter of a second of work."""
PAUSE_SECONDS = 0.2  # between two steps: turns come first
LOOK_SECONDS = 10.0  # when there was nothing to do


class WishReader:
    """One for each process.

    Args:
        database: Of the running bot.
        worker: Where its statements run.
        sense: What the index compares wishes with.
    """

    def __init__(self, database: Database, worker: Worker, sense: Sense) -> None:
        self._database = database
        self._worker = worker
        self._sense = sense
        self._seen: set[tuple[int, int]] = set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                done = await self.step()
            except (SQLAlchemyError, OSError) as error:
                log.warning("wishes not read error=%s", type(error).__name__)
                done = 0
            await asyncio.sleep(PAUSE_SECONDS if done else LOOK_SECONDS)

    async def step(self) -> int:
        """Encode a few wishes that were not yet; how many applications were looked at."""
        texts = await self._worker.run(self._todo)
        if texts:
            await asyncio.to_thread(self._sense.remembered, texts)
        return len(texts)

    def _todo(self) -> list[str]:
        with self._database.unit_of_work() as uow:
            waiting = uow.campaigns.waiting()
            self._seen &= waiting  # who applied anew, or not any more
            some = sorted(waiting - self._seen)[:FEW]
            self._seen |= {*some}
            found = (uow.requests.get(number) for number, _ in some)
            read = [uow.requests.features(one) or {} for one in found if one is not None]
        return [wish(features, None).words for features in read]
