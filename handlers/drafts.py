"""Large drafts of campaigns: read in the worker, computed in a thread, stored in the worker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from typing_extensions import override

from bot.campaigns import Board, Draft, board_of
from bot.commands.campaign_draft import answer, reasons_of
from bot.turn import Scene
from handlers.aside import Aside
from storage.timers import DueTimer


class Drafts(Aside):
    """Makes the drafts that staff asked for (`bot.commands.campaign_draft`)."""

    name = "draft"

    @override
    def _offer(self, take: Callable[[DueTimer], None] | None) -> None:
        self._bot.draft_aside = take

    @override
    async def _work(self, timer: DueTimer) -> set[str]:
        board = await self._worker.run(self._read, timer)
        if board is None:
            return set()
        draft, said = await asyncio.to_thread(_compute, board)
        return await self._worker.run(self._answer, timer, board, draft, said)

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
    return draft, reasons_of(board, draft)
