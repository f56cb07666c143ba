"""The running bot.

Storage, bot, scheduling and adapters put together, the same for real use, demo and tests.

The composition root. Nothing here decides anything about people; it only hands each part what it
needs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

import aiohttp
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from telegram.error import NetworkError, TelegramError

from bot.bot import Bot
from bot.commands import office
from bot.commands.registry import listed
from bot.errors import TokenRefused, Unreachable
from bot.events import Author, Platform
from bot.expert_index import Version
from bot.i18n import LANGUAGES, words
from bot.matching.sense import Encoder, Meaning, Sense
from bot.messages import Message
from bot.programmes.load import load_all
from bot.settings import Settings
from bot.turn import Scene
from handlers.alone import exclusive
from handlers.aside import Asides
from handlers.erasures import SECONDS as ERASURE_SECONDS
from handlers.erasures import Sweeper
from handlers.gaps import LOOK_SECONDS, Gaps
from handlers.logs import hidden
from handlers.menus import menu_entries, verbs_of
from handlers.metrics import Metrics
from handlers.rehearsals import Rehearsals
from handlers.slack import inbound
from handlers.slack.adapter import SlackAdapter
from handlers.slack.oauth import Installer, States, Store
from handlers.slack.render import Labels
from handlers.slack.send import SlackSender
from handlers.slack.token import TokenWatch
from handlers.slack.workspaces import Workspaces
from handlers.telegram.adapter import TelegramAdapter
from handlers.telegram.menu import command_lists, publish, without_staff
from handlers.tokens import tell_elsewhere
from handlers.vectors import VectorMaker
from handlers.wish_vectors import WishReader
from scheduling.clock import Clock, SystemClock, Ticker
from scheduling.delivery import Delivery
from scheduling.inbox import CLASH_TRIES, Inbox, Reader, clash
from scheduling.lane import Offer
from scheduling.leap import Leap
from scheduling.sender import Sender
from scheduling.timers import Timers
from scheduling.worker import Worker
from storage.directory import Profile
from storage.inbox import Received
from storage.installations import Installed
from storage.migrate import upgrade
from storage.sending import Kept, Taken
from storage.timers import DueTimer
from storage.unit_of_work import Database, UnitOfWork

log = logging.getLogger(__name__)
SWEEP_SECONDS = 5  # a look at a partial index; what another process left is answered soon
MENU_SECONDS = 60
PURGE_SECONDS = 3600  # a process started anew every day would never come to a nightly one
INDEX_SECONDS = 5
WORKSPACE_SECONDS = 5  # until another replica's new workspace is served here as well
LABELS = Labels(colon=" · ")  # the same in every language
_TRY_NETWORK = "Check the network, proxies and SLACK_API_URL or TELEGRAM_API_URL."


class Service:
    """One process of the bot.

    Args:
        settings: What the operator decided.
        clock: The time; a virtual one for the demo and the tests.
        paced: Keep to the platforms' limits; off where the platforms are local and time stands
            still.
        ticking: Look for due timers by itself; the demo's clock and the tests do it by hand.
        guarded: Hold what goes to many when the clock leaps; by default unless `clock` is given,
            which is moved on purpose.
        encoder: Lets experts be found by meaning; None: by words alone.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        paced: bool = True,
        ticking: bool = True,
        guarded: bool | None = None,
        encoder: Encoder | None = None,
    ) -> None:
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self._paced = paced
        self._ticking = ticking
        self.database = Database(
            settings.cordee_database_url, settings.cordee_secret_key.get_secret_value()
        )
        self.bot = Bot(load_all(settings.cordee_programmes), settings.staff)
        self.bot.public_url = settings.cordee_public_url
        self.bot.reload = lambda: load_all(settings.cordee_programmes)
        self.worker = Worker(self.database)
        self._encoder = encoder
        if encoder is not None:
            self.bot.experts.index.sense = Sense(encoder)
        self.metrics = Metrics()
        self._readers: dict[str, Reader] = {}
        self.inbox = Inbox(
            self.database,
            self.worker,
            self.clock,
            self.bot.handle,
            self._readers,
            wake=self._wake,
            offer=self._offer,
            on_failure=self.bot.failed,
            on_poison=self._poisoned,
            meter=self.metrics,
        )
        self.timers = Timers(
            self.database,
            self.worker,
            self.clock,
            self.bot.fire,
            wake=self._wake,
            on_stuck=self._stuck,
            meter=self.metrics,
        )
        self.leap: Leap | None = None
        if clock is None if guarded is None else guarded:
            self.leap = Leap(self.database, self.worker, self.clock, self._leapt)
        self.rehearsals = Rehearsals(self.database, self.worker, self.clock, self.bot, self._wake)
        self.asides = Asides(self.database, self.worker, self.clock, self.bot, self._wake)
        self.slack: SlackAdapter | None = None
        self.token: TokenWatch | None = None  # of an install without OAuth
        self.telegram: TelegramAdapter | None = None
        self.refused: dict[str, str] = {}  # platform that took no token at the start -> its code
        self.delivery: Delivery | None = None
        self.gaps = Gaps(self.database, self.worker, self.inbox, self._missing)
        self.sweeper = Sweeper(
            self.database,
            self.worker,
            self.clock,
            settings.cordee_backups,
            settings.cordee_secret_key.get_secret_value(),
        )
        self._ticker = Ticker()
        self._menus_of: Mapping[str, frozenset[str]] | None = None  # account -> verbs
        self._tasks: list[asyncio.Task[None]] = []
        self._alone = ExitStack()
        self._build()

    def _build(self) -> None:
        s = self.settings
        if s.slack_on:
            self.slack = SlackAdapter(
                self.inbox,
                installer=self._installer() if s.slack_client_id else None,
                token=s.slack_bot_token.get_secret_value() or None,
                signing_secret=s.slack_signing_secret.get_secret_value() or None,
                app_token=s.slack_app_token.get_secret_value() or None,
                base_url=s.slack_api_url,
                labels=LABELS,
            )
        if s.telegram_bot_token.get_secret_value():
            self.telegram = TelegramAdapter(
                s.telegram_bot_token.get_secret_value(),
                self.inbox,
                kept=self._kept,
                gone=lambda locale: words(locale or "fr")("page-gone"),
                api_url=s.telegram_api_url,
                public_url=f"{s.cordee_public_url.rstrip('/')}/telegram"
                if s.cordee_public_url
                else None,
                webhook_secret=s.telegram_webhook_secret.get_secret_value() or None,
                marker_chat=next((a for p, a in s.staff if p == "telegram"), None),
            )

    def _installer(self) -> Installer:
        s, parts = self.settings, (self.database, self.worker, self.clock)
        workspaces = Workspaces(
            *parts,
            base_url=s.slack_api_url,
            labels=LABELS,
            news=self._workspace_news,
            known=hidden.add,
        )
        return Installer(
            workspaces,
            States(*parts),
            Store(workspaces, self.clock, s.slack_workspaces),
            client_id=s.slack_client_id or "",
            client_secret=s.slack_client_secret.get_secret_value(),
            public_url=s.cordee_public_url or "",
            base_url=s.slack_api_url,
        )

    # --- life -------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Migrate, say hello to the platforms, work what a crash left, listen, tick.

        A platform that refuses its token is left out while another works: what waits for it is
        kept, and staff hear of it there.

        Raises:
            SettingsError: No platform takes its token, or another process has the SQLite file.
        """
        self._alone.enter_context(exclusive(self.database))
        await self.worker.run(upgrade, self.database.engine)
        senders = await self._greet()
        self.delivery = Delivery(
            self.database,
            self.worker,
            self.clock,
            senders,
            paced=self._paced,
            sole=self.database.is_sqlite,
            on_unreachable=self._unreachable,
            on_parked=self.bot.parked,
            held=self._held,
            meter=self.metrics,
            waking=self._waking,
        )
        if self.slack is not None and self.slack.installer is not None:
            spaces = self.slack.installer.workspaces
            spaces.joined, spaces.left = self.delivery.add, self.delivery.remove
            self._ticker.every(WORKSPACE_SECONDS, spaces.look, "workspaces")
        await self.worker.run(self._plan)
        if self.refused:
            await self.worker.run(self._tell_refused)
        if self.leap is not None:
            await self.leap.start()
        self.rehearsals.start()
        self.asides.start()
        self._tasks.append(asyncio.create_task(self.delivery.run()))
        await self.inbox.sweep(timedelta(0))  # what a crash left, at once
        if self.slack is not None:
            await self.slack.start()
        if self.telegram is not None:
            await self._publish_menus()
            holds = self.delivery.holds
            account = self.telegram.bot_account
            self._tasks.append(
                asyncio.create_task(self.telegram.follow(lambda: holds(account), every=0.2))
            )
        for seconds, job, name in (
            (SWEEP_SECONDS, self.inbox.sweep, "sweep"),
            (LOOK_SECONDS, self.listen, "gaps"),
            (PURGE_SECONDS, self.purge, "purge"),
            (ERASURE_SECONDS, self.sweeper.sweep, "erasures"),
            (PURGE_SECONDS, self.sweeper.backups, "backups"),
            (INDEX_SECONDS, self.refresh_experts, "experts"),
            (MENU_SECONDS, self._publish_menus, "menus"),
        ):
            self._ticker.every(seconds, job, name)
        if self._ticking:
            self._ticker.every(self.settings.cordee_tick_seconds, self.tick, "timers")
        self._ticker.start()
        self._tasks.append(asyncio.create_task(self.refresh_experts()))
        if self._encoder is not None:
            maker = VectorMaker(self.database, self.worker, self._encoder)
            self._tasks.append(asyncio.create_task(maker.run()))
            if (sense := self.bot.experts.index.sense) is not None:
                reader = WishReader(self.database, self.worker, sense)
                self._tasks.append(asyncio.create_task(reader.run()))
        await self.listen()

    async def _greet(self) -> dict[str, Sender]:
        """Say hello to the platforms; a sender for each token that is taken."""
        senders: dict[str, Sender] = {}
        refusal: TokenRefused | None = None
        if self.slack is not None:
            try:
                senders |= await self._slack_senders(self.slack)
            except TokenRefused as error:
                refusal, self.slack = error, None
                self.refused[error.platform] = error.code
            else:
                self._readers["slack"] = inbound.reader
        if self.telegram is not None:
            try:
                await self.telegram.start()
            except NetworkError as error:
                raise Unreachable("Telegram cannot be reached.", _TRY_NETWORK) from error
            except TokenRefused as error:
                refusal, self.telegram = error, None
                self.refused[error.platform] = error.code
            else:
                self.bot.telegram_name = self.telegram.username
                senders[self.telegram.bot_account] = self.telegram.sender
                self._readers["telegram"] = self.telegram.read
        if refusal is not None and self.slack is None and self.telegram is None:
            raise refusal
        return senders

    def _tell_refused(self) -> None:
        """Staff hear on the other platform, once a day, that one is left out."""
        now = self.clock.now()
        with self.database.unit_of_work() as uow:
            scene = Scene(self.bot, uow, now)
            for platform, code in self.refused.items():
                log.error("%s refuses the token code=%s: started without it", platform, code)
                tell_elsewhere(scene, platform, code, now, key=f"token:{platform}:{now:%Y%m%d}")
            uow.commit()

    async def _slack_senders(self, slack: SlackAdapter) -> dict[str, Sender]:
        """A sender for the one workspace, or for each that has installed the app so far."""
        if slack.installer is not None:
            await slack.installer.workspaces.look()
            return slack.installer.workspaces.senders()
        try:
            account = await slack.identify()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable("Slack cannot be reached.", _TRY_NETWORK) from error
        watch = TokenWatch(account, self.bot, self.database, self.worker, self.clock)
        await self.worker.run(watch.hurry)
        self.token = watch
        sender = SlackSender(
            slack.client,
            labels=slack.labels,
            clock=self.clock,
            on_dead=watch.refused,
            on_alive=watch.accepted,
        )
        return {account: sender}

    async def stop(self) -> None:
        """Stop hearing, finish what was begun, give the leases back."""
        self._ticker.stop()
        await self.gaps.stop()
        await self.rehearsals.stop()
        await self.asides.stop()
        if self.slack is not None:
            await self.slack.stop()
        if self.telegram is not None:
            await self.telegram.hush()
        if self.delivery is not None:
            await self.delivery.stop()
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        if self.token is not None:
            await self.token.stop()
        if self.telegram is not None:
            await self.telegram.stop()
        self.worker.close()
        self.database.close()
        self._alone.close()

    async def tick(self) -> int:
        """Fire what is due, unless the clock cannot be trusted; how many fired."""
        if self.leap is not None and not await self.leap.look():
            return 0
        return await self.timers.fire_due()

    async def listen(self) -> None:
        """Note which platforms reach us now, and make good what was missed.

        A clock that is moved on purpose, or has leapt, says nothing of how long nobody listened.
        """
        if self.leap is None or self.leap.held():
            return
        telegram = self.telegram
        heard = telegram is not None and telegram.ready and telegram.listening
        await self.gaps.look(
            self.clock.now(), self.slack, telegram.bot_account if telegram and heard else None
        )

    def _held(self) -> bool:
        return self.leap is not None and self.leap.held()

    def _plan(self) -> None:
        for attempt in range(1, CLASH_TRIES + 1):
            try:
                return self._plan_once()
            except DBAPIError as error:  # replicas that start together seat the same people
                if not clash(error) or attempt == CLASH_TRIES:
                    raise

    def _plan_once(self) -> None:
        now = self.clock.now()
        with self.database.unit_of_work() as uow:
            self._seat_staff(uow, now)
            self.bot.plan(uow, now)
            uow.commit()

    def _seat_staff(self, uow: UnitOfWork, now: datetime) -> None:
        """The first staff are known from the start, so that they are told of the first request."""
        for platform, account in self.settings.staff:
            if platform == "slack" and self.slack is not None:
                bot_account = self.slack.bot_account or f"slack:{account.partition('/')[0]}"
            elif platform == "telegram" and self.telegram is not None:
                bot_account = self.telegram.bot_account
            else:
                continue
            self.bot.seat(uow, Author(cast(Platform, platform), account, bot_account), now)

    async def _publish_menus(self) -> None:
        """Telegram's command menus: everybody's once, and each staff account's as it changes."""
        telegram = self.telegram
        if telegram is None:
            return

        def look() -> dict[str, dict[str, set[str]]]:
            with self.database.unit_of_work() as uow:
                return uow.people.offices("telegram")

        offices = await self.worker.run(look)
        verbs = {
            account: verbs_of(places, self.bot.programmes)
            for account, places in sorted(offices.items())
        }
        if verbs == self._menus_of:
            return
        programmes = self.bot.programmes.values()
        there = [one.name for one in listed() if any(one.is_of(here) for here in programmes)]
        everyone = {lang: menu_entries(lang, staff=False, only=there) for lang in LANGUAGES}
        own = {
            account: {lang: menu_entries(lang, staff=True, only=theirs) for lang in LANGUAGES}
            for account, theirs in verbs.items()
        }
        lists = command_lists(everyone, own)
        for gone in (self._menus_of or {}).keys() - verbs.keys():
            lists += without_staff(LANGUAGES, gone)
        try:
            await publish(telegram.bot, lists)
        except TelegramError as error:  # a menu is a convenience: it comes with the next look
            log.warning("menus not published error=%s", type(error).__name__)
        else:
            self._menus_of = verbs

    async def refresh_experts(self) -> None:
        """Build the index of experts anew, beside the turns, when the directory has changed."""

        def look() -> tuple[Version, list[Profile], dict[int, Meaning]] | None:
            with self.database.unit_of_work() as uow:
                return self.bot.experts.index.behind(uow.directory, uow.vectors)

        found = await self.worker.run(look)
        if found is not None:
            await asyncio.to_thread(self.bot.experts.index.keep, *found)

    # --- callbacks of the scheduling layer --------------------------------------------------------

    def _wake(self, accounts: Collection[str]) -> None:
        if self.delivery is not None:
            self.delivery.wake(accounts)

    def _offer(self, account: str) -> Offer | None:
        return self.delivery.offer(account) if self.delivery is not None else None

    async def _kept(self, row_id: int) -> Kept | None:
        def look() -> Kept | None:
            with self.database.unit_of_work() as uow:
                return uow.sending.kept(row_id)

        return await self.worker.run(look)

    def _tell_all_staff(
        self,
        uow: UnitOfWork,
        now: datetime,
        key: str,
        message_id: str,
        only: Collection[str] | None = None,
        **args: Any,
    ) -> None:
        scene = Scene(self.bot, uow, now)
        for programme in self.bot.programmes.values():
            if only is not None and programme.id not in only:
                continue
            scene.tell_staff(programme, lambda w: Message(w(message_id, **args)), key=key)

    def _poisoned(self, uow: UnitOfWork, row: Received, now: datetime) -> None:
        self._tell_all_staff(uow, now, f"poison:{row.id}", "staff-poison", number=row.id)

    def _missing(self, uow: UnitOfWork, account: str, since: datetime, now: datetime) -> None:
        key = f"gap:{account}:{since:%Y%m%d%H%M}"
        platform = account.partition(":")[0].capitalize()
        self._tell_all_staff(uow, now, key, "staff-gap", platform=platform)

    def _leapt(self, uow: UnitOfWork, was: datetime, now: datetime) -> None:
        scene = Scene(self.bot, uow, now)
        for programme in self.bot.programmes.values():
            ask = partial(office.clock_question, was=was, now=now)
            scene.tell_staff(programme, ask, key=f"leap:{now:%Y%m%d}")

    def _stuck(self, uow: UnitOfWork, timer: DueTimer, now: datetime) -> None:
        self._tell_all_staff(
            uow, now, f"stuck:{timer.id}", "staff-timer-stuck", kind=timer.kind, number=timer.id
        )

    def _unreachable(self, uow: UnitOfWork, row: Taken, now: datetime) -> None:
        """Tell the staff of the person's own programmes; of a channel, everybody's."""
        if self.bot.channel_refused(uow, row, now):
            return
        person = uow.people.get(row.person_id) if row.person_id else None
        day = now.date().isoformat()
        platform = row.bot_account.partition(":")[0].capitalize()
        if person is None:
            key = f"unreachable:{row.bot_account}:{row.place}:{day}"
            self._tell_all_staff(
                uow, now, key, "staff-channel-unreachable", channel=row.place, platform=platform
            )
            return
        self._tell_all_staff(
            uow,
            now,
            f"unreachable:{person.id}:{day}",
            "staff-unreachable",
            only={m.programme_id for m in uow.people.programmes_of(person.id)} or None,
            name=person.name or "—",
            platform=platform,
        )

    def _workspace_news(
        self, uow: UnitOfWork, one: Installed, people: int | None, now: datetime
    ) -> None:
        """Staff hear of a workspace that installed the app, and of one that is gone."""
        key = f"workspace:{one.team}:{now:%Y%m%d%H%M%S}"
        if people is None:
            self._tell_all_staff(uow, now, key, "staff-workspace-joined", workspace=one.name)
        else:
            self._tell_all_staff(
                uow, now, f"{key}:gone", "staff-workspace-gone", workspace=one.name, people=people
            )

    def _waking(self, uow: UnitOfWork, row: Taken, now: datetime) -> datetime:
        return now if row.person_id is None else self.bot.waking(uow, row.person_id, now)

    async def purge(self) -> None:
        """Forget what was kept long enough, as each programme's file says; in small steps."""
        if self._held():
            return
        now = self.clock.now()
        rules = {programme.id: programme.retention for programme in self.bot.programmes.values()}

        def step() -> int:
            with self.database.unit_of_work() as uow:
                gone = uow.purge(rules, now)
                uow.commit()
            return gone

        gone = 1
        while gone:  # one short transaction after the other, so that nobody waits for long
            gone = await self.worker.run(step)

    async def answers(self) -> bool:
        """Whether the database answers; for `/health`."""

        def ask() -> bool:
            with self.database.unit_of_work() as uow:
                return uow.inbox.waiting() >= 0

        try:
            return await self.worker.run(ask)
        except SQLAlchemyError:
            return False

    # --- for the demo and the tests ---------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether an adapter still works on something it heard, or an answer is worked out."""
        heard = bool(self.slack and self.slack.busy) or bool(self.telegram and self.telegram.busy)
        return heard or self.rehearsals.busy or self.asides.busy

    async def settle(self) -> None:
        """Work and send everything due now; returns when nothing is left."""
        if self.delivery is None:
            return
        while True:
            fired = await self.tick()
            await self.delivery.drain()
            if not fired:
                return
