"""Large drafts of campaigns, made beside the running bot: read, compute in a thread, store.

The two ends are short transactions in the worker; people are answered meanwhile. Nothing is
remembered by the process: what was asked for is a timer (`bot.commands.campaign_draft`).
"""

from __future__ import annotations

import asyncio
import logging

from bot.bot import Bot
from bot.campaigns import Board, Draft, board_of
from bot.commands.campaign_draft import answer
from bot.turn import Scene
from scheduling.clock import Clock
from scheduling.inbox import Wake, where
from scheduling.worker import Worker
from storage.timers import DueTimer
from storage.unit_of_work import Database

log = logging.getLogger(__name__)


class Drafts:
    """Makes the drafts that staff asked for, one at a time.

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
        self._bot.draft_aside = self._wanted

    async def stop(self) -> None:
        """Give up what is under way: it is due again after the next start."""
        self._bot.draft_aside = None
        for task in list(self._tasks.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    @property
    def busy(self) -> bool:
        """Whether somebody waits for a draft."""
        return bool(self._tasks)

    def _wanted(self, timer: DueTimer) -> None:
        """In the worker, in the transaction that fires the timer."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._begin, timer)

    def _begin(self, timer: DueTimer) -> None:
        if timer.key not in self._tasks and self._bot.draft_aside is not None:
            self._tasks[timer.key] = asyncio.create_task(self._make(timer))

    async def _make(self, timer: DueTimer) -> None:
        try:
            async with self._one:
                board = await self._worker.run(self._read, timer)
                if board is not None:
                    draft, said = await asyncio.to_thread(_compute, board)
                    self._wake(await self._worker.run(self._answer, timer, board, draft, said))
        except Exception as error:  # it is due again, and not for ever
            log.error(  # noqa: TRY400 - the text of an error may quote somebody
                "draft failed timer=%s error=%s\n%s", timer.id, type(error).__name__, where(error)
            )
        finally:
            self._tasks.pop(timer.key, None)

    def _read(self, timer: DueTimer) -> Board | None:
        with self._database.unit_of_work() as uow:
            campaign = uow.campaigns.get(timer.subject_id)
            if campaign is None:
                return None
            return board_of(Scene(self._bot, uow, self._clock.now()), campaign)

    def _answer(
        self, timer: DueTimer, board: Board, draft: Draft, said: dict[int, list[str]]
    ) -> set[str]:
        with self._database.unit_of_work() as uow:
            answer(Scene(self._bot, uow, self._clock.now()), timer, board, draft, said)
            uow.commit()
        return uow.outbox.touched


def _compute(board: Board) -> tuple[Draft, dict[int, list[str]]]:
    draft = board.draft()
    return draft, board.reasons(draft.pairs)
