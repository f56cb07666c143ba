"""Long work that a timer asked for, beside the running bot: one piece at a time, in a thread.

Its two ends are short transactions in the worker, so that people are answered meanwhile. Nothing is
remembered by the process: the timer stays until the answer is queued, and is due again after a
death. Refuses to know what the work is.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from threading import Event

from typing_extensions import override

from bot.aside import READERS, Answer, Next, Work
from bot.bot import Bot
from bot.turn import Scene
from scheduling.clock import Clock
from scheduling.inbox import Wake, where
from scheduling.worker import Worker
from storage.timers import DueTimer
from storage.unit_of_work import Database

log = logging.getLogger(__name__)


class LongWork(ABC):
    """Does what timers ask for.

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
        self._stopped = Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._one = asyncio.Lock()  # it takes memory, and a core: never two
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Take wishes from now on; on the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._offer(self._wanted)

    async def stop(self) -> None:
        """Give up what is under way: it is due again after the next start."""
        self._offer(None)
        self._stopped.set()
        for task in list(self._tasks.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    @property
    def busy(self) -> bool:
        """Whether somebody waits for an answer."""
        return bool(self._tasks)

    @abstractmethod
    def _offer(self, take: Callable[[DueTimer], None] | None) -> None:
        """Tell the bot who takes its wishes; None: nobody does."""

    @abstractmethod
    async def _work(self, timer: DueTimer) -> set[str]:
        """Do it and queue the answer; the chats that now have something to send."""

    def _wanted(self, timer: DueTimer) -> None:
        """In the worker, in the transaction that fires the timer."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._begin, timer)

    def _begin(self, timer: DueTimer) -> None:
        if timer.key not in self._tasks and not self._stopped.is_set():
            self._tasks[timer.key] = asyncio.create_task(self._done(timer))

    async def _done(self, timer: DueTimer) -> None:
        try:
            async with self._one:
                self._wake(await self._work(timer))
        except Exception as error:  # it is due again, and not for ever
            failed, where_ = type(error).__name__, where(error)
            # Not log.exception: the text of an error may quote somebody.
            log.error("%s failed timer=%s error=%s\n%s", timer.kind, timer.id, failed, where_)  # noqa: TRY400
        finally:
            self._tasks.pop(timer.key, None)


class Asides(LongWork):
    """Reads in the worker, works in a thread, answers in the worker (`bot.aside`)."""

    @override
    def _offer(self, take: Callable[[DueTimer], None] | None) -> None:
        self._bot.aside = take

    @override
    async def _work(self, timer: DueTimer) -> set[str]:
        work = await self._worker.run(self._read, timer)
        while work is not None:
            found = await asyncio.to_thread(work)
            if not isinstance(found, Next):
                return await self._worker.run(self._answer, timer, found)
            work, touched = await self._worker.run(self._go_on, found)
            self._wake(touched)
        return set()

    def _read(self, timer: DueTimer) -> Work | None:
        with self._database.unit_of_work() as uow:
            return READERS[timer.kind](Scene(self._bot, uow, self._clock.now()), timer)

    def _go_on(self, more: Next) -> tuple[Work | None, set[str]]:
        with self._database.unit_of_work() as uow:
            work = more.read(Scene(self._bot, uow, self._clock.now()))
            uow.commit()
        return work, uow.outbox.touched

    def _answer(self, timer: DueTimer, answer: Answer) -> set[str]:
        with self._database.unit_of_work() as uow:
            if uow.timers.cancel_key(timer.key):  # else it was called off meanwhile
                answer(Scene(self._bot, uow, self._clock.now()))
            uow.commit()
        return uow.outbox.touched
