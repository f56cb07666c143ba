"""The real bot between two local platforms: where demo, story and conversation tests play.

The adapters, the storage and the delivery are those of `cordee run`; only the platforms' servers
and the clock are local. `settled` waits until everything that was heard is worked and everything
due is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from pydantic import SecretStr
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.settings import Settings
from handlers.local.fake_slack import FakeSlack
from handlers.local.fake_telegram import FakeTelegram
from handlers.service import Service
from scheduling.clock import FixedClock
from storage.tables import Inbox, Outbox, Timer
from storage.unit_of_work import UnitOfWork

SECRET: Final = "local stage, no real person here"  # noqa: S105 - for loopback stand-ins only
SETTLE_SECONDS: Final = 30.0
OPENING: Final = datetime(2026, 9, 15, 8, 0, tzinfo=UTC)
ADDRESS: Final = "https://cordee.exemple.invalid"  # nobody answers there


T = TypeVar("T")


class Stage:
    """The bot, the two local platforms and a clock.

    Args:
        database_url: Where it remembers.
        programmes: Preset ids or file paths.
        staff: First staff accounts, `slack:T…/U…` or `telegram:…`.
        clock: The time for all of them; by default it stands still at `OPENING`.
        paced: Keep to the platforms' rates, and let the local platforms enforce them.
        on_change: Called whenever something to draw changed on a platform.
    """

    def __init__(
        self,
        database_url: str,
        programmes: Iterable[str],
        *,
        staff: Iterable[str] = (),
        clock: FixedClock | None = None,
        paced: bool = False,
        on_change: Callable[[], None] | None = None,
    ) -> None:
        self.clock = clock or FixedClock(OPENING)
        self.slack = FakeSlack(self.clock.now, enforce_rate=paced, on_change=on_change)
        self.telegram = FakeTelegram(self.clock.now, enforce_rate=paced, on_change=on_change)
        self._url = database_url
        self._programmes = tuple(programmes)
        self._staff = tuple(staff)
        self._paced = paced
        self._service: Service | None = None

    @property
    def service(self) -> Service:
        """The running bot.

        Raises:
            RuntimeError: It does not run now.
        """
        if self._service is None:
            raise RuntimeError("the bot does not run")
        return self._service

    async def start(self) -> None:
        """Raise the platforms, then the bot."""
        await self.slack.start()
        await self.telegram.start()
        await self.start_bot()

    async def start_bot(self) -> None:
        """Start the bot (again) on the same database: a restart loses nothing."""
        self._service = Service(
            Settings(
                cordee_database_url=self._url,
                cordee_programmes=self._programmes,
                cordee_staff=self._staff,
                cordee_secret_key=SecretStr(SECRET),
                cordee_public_url=ADDRESS,
                slack_bot_token=SecretStr(self.slack.secrets.bot_token),
                slack_app_token=SecretStr(self.slack.secrets.app_token),
                slack_api_url=self.slack.base_url,
                telegram_bot_token=SecretStr(self.telegram.token),
                telegram_api_url=self.telegram.base_url,
            ),
            clock=self.clock,
            paced=self._paced,
            ticking=False,
        )
        await self._service.start()

    async def stop_bot(self) -> None:
        """Stop the bot, the platforms stay."""
        if self._service is not None:
            await self._service.stop()
            self._service = None

    async def stop(self) -> None:
        """Stop everything."""
        await self.stop_bot()
        await self.telegram.stop()
        await self.slack.stop()

    async def settled(self) -> None:
        """Wait until the bot has nothing left to hear, work or send at this instant.

        Raises:
            TimeoutError: It does not come to rest.
        """
        async with asyncio.timeout(SETTLE_SECONDS):
            while True:
                await self.service.settle()
                if await self._quiet():
                    return
                await asyncio.sleep(0.005)

    async def _quiet(self) -> bool:
        if self.telegram.updates.pending or self.service.busy:
            return False
        return await self.read(_nothing_left, self.clock.now())

    async def next_event(self) -> datetime | None:
        """When something happens by itself next: a timer, or a message that waited."""
        due = await self.service.timers.next_due()
        waiting = await self.read(_next_send, self.clock.now())
        return min((at for at in (due, waiting) if at is not None), default=None)

    async def advance(self, by: timedelta, stopped: Callable[[], None] = lambda: None) -> None:
        """Let virtual time pass, stopping at everything that falls due on the way.

        Args:
            by: How long.
            stopped: Called at each stop, when everything due is done.
        """
        end = self.clock.now() + by
        while (at := await self.next_event()) is not None and at <= end:
            self.clock.set(max(at, self.clock.now()))
            await self.settled()
            stopped()
        self.clock.set(end)
        await self.settled()
        stopped()

    async def read(self, look: Callable[..., T], *args: object) -> T:
        """Look into the bot's storage, in its own thread."""

        def work() -> T:
            with self.service.database.unit_of_work() as uow:
                return look(uow, *args)

        return await self.service.worker.run(work)


def _nothing_left(uow: UnitOfWork, now: datetime) -> bool:
    session: Session = uow.session
    heard = session.scalar(select(func.count()).where(Inbox.state == "received"))
    due = session.scalar(
        select(func.count()).where(
            Outbox.state.in_(("queued", "sending")), Outbox.not_before <= now
        )
    )
    planned = session.scalar(
        select(func.count()).where(Timer.state == "pending", Timer.due_at <= now)
    )
    return not heard and not due and not planned


def _next_send(uow: UnitOfWork, now: datetime) -> datetime | None:
    found: datetime | None = uow.session.scalar(
        select(Outbox.not_before)
        .where(Outbox.state == "queued", Outbox.not_before > now)
        .order_by(Outbox.not_before)
        .limit(1)
    )
    return found
