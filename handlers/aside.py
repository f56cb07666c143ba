"""What takes long, beside the running bot: read, work in a thread, answer.

The two ends are short transactions in the worker; people are answered meanwhile. Nothing is
remembered by the process: what was asked for is a timer (`bot.aside`).
"""

from __future__ import annotations

import asyncio
import logging

from bot.aside import READERS, Answer, Work
from bot.bot import Bot
from bot.turn import Scene
from scheduling.clock import Clock
from scheduling.inbox import Wake, where
from scheduling.worker import Worker
from storage.timers import DueTimer
from storage.unit_of_work import Database

log = logging.getLogger(__name__)


class Asides:
    """Does what staff asked for, one thing at a time.

    Args:
        database: Of the running bot.
        worker: Where its statements run.
        clock: The time.
        bot: The running bot.
        wake: `Delivery.wake`.
    """

    def __init__(
        self, database: Database, worker: Worker, clock: Clock, bot: Bot, wake: Wake
    ) -> None:
        self._database = database
        self._worker = worker
        self._clock = clock
        self._bot = bot
        self._wake = wake
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._one = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Take wishes from now on; on the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._bot.aside = self._wanted

    async def stop(self) -> None:
        """Give up what is under way: it is due again after the next start."""
        self._bot.aside = None
        for task in list(self._tasks.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    @property
    def busy(self) -> bool:
        """Whether somebody waits for an answer."""
        return bool(self._tasks)

    def _wanted(self, timer: DueTimer) -> None:
        """In the worker, in the transaction that fires the timer."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._begin, timer)

    def _begin(self, timer: DueTimer) -> None:
        if timer.key not in self._tasks and self._bot.aside is not None:
            self._tasks[timer.key] = asyncio.create_task(self._do(timer))

    async def _do(self, timer: DueTimer) -> None:
        try:
            async with self._one:
                work = await self._worker.run(self._read, timer)
                if work is not None:
                    answer = await asyncio.to_thread(work)
                    self._wake(await self._worker.run(self._answer, timer, answer))
        except Exception as error:  # it is due again, and not for ever
            log.error(  # noqa: TRY400 - the text of an error may quote somebody
                "failed beside the turns kind=%s timer=%s error=%s\n%s",
                timer.kind, timer.id, type(error).__name__, where(error),
            )  # fmt: skip
        finally:
            self._tasks.pop(timer.key, None)

    def _read(self, timer: DueTimer) -> Work | None:
        with self._database.unit_of_work() as uow:
            return READERS[timer.kind](Scene(self._bot, uow, self._clock.now()), timer)

    def _answer(self, timer: DueTimer, answer: Answer) -> set[str]:
        with self._database.unit_of_work() as uow:
            uow.timers.cancel_key(timer.key)
            answer(Scene(self._bot, uow, self._clock.now()))
            uow.commit()
        return uow.outbox.touched
