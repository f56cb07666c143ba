"""The one token of an install without OAuth: whether Slack still takes it, and who hears when not.

A dead token stops nothing but what would be said: it is tried ever less often (`SlackSender`), what
waits is kept, staff who can be reached elsewhere are told once, and `/health` says so. When Slack
takes it again, or a new one was put into the settings, what waits leaves at once.

Source: issue "Staff who know first", Installing for real.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

from bot.bot import Bot
from bot.turn import Scene
from handlers.slack.send import DEAD
from handlers.tokens import spread, tell_elsewhere
from scheduling.clock import Clock
from scheduling.worker import Worker
from storage.unit_of_work import Database

log = logging.getLogger(__name__)


class TokenWatch:
    """Hears from the sender how Slack takes the token.

    Args:
        account: Our sending identity, `slack:T1`.
        bot: Knows the programmes.
        database: Where what waits and who is told are.
        worker: Where its statements run.
        clock: Tells when.

    Attributes:
        code: What Slack says of the token; None while it takes it.
    """

    def __init__(
        self, account: str, bot: Bot, database: Database, worker: Worker, clock: Clock
    ) -> None:
        self.code: str | None = None
        self._account, self._bot = account, bot
        self._database, self._worker, self._clock = database, worker, clock
        self._since: datetime | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def refused(self, code: str) -> None:
        """Slack refused it; the first time, staff hear of it."""
        if self.code is None:
            self.code, self._since = code, self._clock.now()
            log.error("Slack refuses the bot token code=%s: put a new one into the settings", code)
            self._spread(code)

    def accepted(self) -> None:
        """Slack took it: if it had not, what waits leaves, and staff hear that it is over."""
        if self.code is not None:
            code, self.code = self.code, None
            log.warning("Slack takes the bot token again")
            self._spread(code)

    async def stop(self) -> None:
        """Finish what was begun."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spread(self, code: str) -> None:
        since = self._since or self._clock.now()
        task = asyncio.create_task(self._worker.run(self._tell, code, since, self.code is None))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def hurry(self) -> None:
        """Whatever waits because of the token is due now."""
        with self._database.unit_of_work() as uow:
            uow.sending.hurry(self._account, DEAD, self._clock.now())
            uow.commit()

    def _tell(self, code: str, since: datetime, well: bool) -> None:
        now = self._clock.now()
        key = f"token:{self._account}:{since:%Y%m%d%H%M%S}"
        with self._database.unit_of_work() as uow:
            scene = Scene(self._bot, uow, now)
            if well:
                spread(
                    scene,
                    "slack",
                    lambda w: w("staff-token-accepted", when=w.moment(since)),
                    key=f"{key}:well",
                )
                uow.sending.hurry(self._account, DEAD, now)
            else:
                tell_elsewhere(scene, "slack", code, since, key=f"{key}:dead")
            uow.commit()
