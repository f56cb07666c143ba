"""Time in which nobody listened: noticed, made good where the platform allows, else told to staff.

Every half-minute in which a platform reaches us is written down. After a longer silence, of the
process or of the network, Slack's histories are read for those who were in the middle of a
dialogue; Telegram keeps everything for a day, after which staff are told that something may be
missing.

Source: delivery protocol, "Inbound" 4.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack import inbound
from handlers.slack.adapter import SlackAdapter
from handlers.slack.history import PACE, written
from scheduling.inbox import Inbox
from scheduling.worker import Worker
from storage.unit_of_work import Database, UnitOfWork

log = logging.getLogger(__name__)
LOOK_SECONDS: Final = 30
SLACK_GIVES_UP: Final = timedelta(minutes=6)
TELEGRAM_GIVES_UP: Final = timedelta(hours=24)
OVERLAP: Final = timedelta(minutes=1)
HEARD: Final = "heard:"

Missing = Callable[[UnitOfWork, str, datetime, datetime], None]


class Gaps:
    """Keeps when each platform last reached us.

    Args:
        database: Where that is kept.
        worker: Where its statements run.
        inbox: Takes what was missed.
        missing: `(uow, bot_account, since, now)`: tells staff that messages may be missing.
        pace: Seconds between two people's histories.
    """

    def __init__(
        self,
        database: Database,
        worker: Worker,
        inbox: Inbox,
        missing: Missing,
        pace: float = PACE,
    ) -> None:
        self._database = database
        self._worker = worker
        self._inbox = inbox
        self._missing = missing
        self._pace = pace
        self._reading: asyncio.Task[None] | None = None
        self._to_read: dict[str, datetime] = {}

    async def look(self, now: datetime, slack: SlackAdapter | None, telegram: str | None) -> None:
        """Note who reaches us now, and see to what was missed before.

        Args:
            now: UTC.
            slack: The adapter, if Slack is on.
            telegram: Our identity on Telegram, if its updates come in here.
        """
        if slack is not None and await slack.connected():
            for account in slack.clients:
                since = await self._worker.run(self._heard, account, now, SLACK_GIVES_UP)
                if since is not None:
                    self._to_read.setdefault(account, since - OVERLAP)
            if self._to_read and (self._reading is None or self._reading.done()):
                self._reading = asyncio.create_task(self._read_all(slack))
        if telegram is not None:
            await self._worker.run(self._heard, telegram, now, TELEGRAM_GIVES_UP)

    async def stop(self) -> None:
        """Leave the rest of the histories; what was read is in the inbox."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _read_all(self, slack: SlackAdapter) -> None:
        while self._to_read:
            account, since = self._to_read.popitem()
            client = slack.clients.get(account)
            if client is not None:
                several = slack.installer is not None
                await self._read(account, client, since, several=several)

    async def _read(
        self, account: str, client: AsyncWebClient, since: datetime, *, several: bool
    ) -> None:
        team = account.partition(":")[2]
        users = await self._worker.run(self._in_dialogue, account)
        found = 0
        async for payload in written(client, team, users, since, self._pace):
            event_key, message_key = inbound.keys(payload, team if several else "")
            row = await self._inbox.receive(
                platform="slack",
                bot_account=account,
                event_key=event_key,
                message_key=message_key,
                payload=json.dumps(payload).encode(),
            )
            if row is not None:
                found += 1
                await self._inbox.work(row)
        log.info("read after a gap account=%s people=%s found=%s", account, len(users), found)

    # --- in the worker ------------------------------------------------------------------------

    def _heard(self, account: str, now: datetime, limit: timedelta) -> datetime | None:
        """Note this moment; the last one before, when it is further back than the limit."""
        with self._database.unit_of_work() as uow:
            last = uow.memos.get(HEARD + account)
            uow.memos.put(HEARD + account, now)
            gap = last is not None and now - last.at > limit
            if gap and last is not None:
                log.warning("nobody listened account=%s for=%s", account, now - last.at)
                if limit == TELEGRAM_GIVES_UP:
                    self._missing(uow, account, last.at, now)
            uow.commit()
        return last.at if last is not None and gap else None

    def _in_dialogue(self, bot_account: str) -> list[str]:
        with self._database.unit_of_work() as uow:
            accounts = uow.talks.accounts_in_dialogue(bot_account)
        return [account.rpartition("/")[2] for account in accounts]
