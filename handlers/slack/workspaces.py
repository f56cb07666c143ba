"""The workspaces in which the app was installed by OAuth: a client, a sender and a lane for each.

What is installed stands in the database; this is one process's view of it, renewed every few
seconds, so that a workspace installed through another replica is served here too, without a
restart. A workspace that is gone has its token forgotten and its lane ended; what waited for its
people goes to their other accounts, or stays for the team to see, and the staff elsewhere are told,
once. It refuses to know how an installation is made (`oauth`) and what is said.

Source: issue "Staff who know first", Installing for real; docs.slack.dev/reference/events
(app_uninstalled, tokens_revoked).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import aiohttp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from typing_extensions import override

from handlers.slack.render import PLAIN_LABELS, Labels
from handlers.slack.send import DEAD, SlackSender, error_code, new_client
from scheduling.clock import Clock
from scheduling.sender import Sender
from scheduling.settling import strand
from scheduling.worker import Worker
from storage.installations import Installed
from storage.unit_of_work import Database, UnitOfWork

log = logging.getLogger(__name__)
TEAM: Final = "cordee_team"
SETTLED: Final = timedelta(minutes=1)  # after its deadline nobody settles a send any more

Joined = Callable[[str, Sender], None]
Left = Callable[[str], Awaitable[None]]
News = Callable[[UnitOfWork, Installed, int | None, datetime], None]
"""`(uow, workspace, people who were reached there, now)`; None people: it was installed."""


class Workspaces:
    """What this process knows of the installations.

    Args:
        database: Where they are kept.
        worker: Where its statements run.
        clock: Tells when.
        base_url: Of the Web API, when it is not Slack's own.
        labels: For the senders.
        news: Tells staff of a workspace that came or went, in the transaction.

    Attributes:
        clients: By workspace, the client with its token.
        session: Shared by the clients, once there is one.
        joined: Told of a new lane; set by the composition root, as `left`.
        left: Told of a lane that ends; it returns when nothing is in flight any more.
        known: Told of each token, so that no log shows it.
    """

    def __init__(
        self,
        database: Database,
        worker: Worker,
        clock: Clock,
        *,
        base_url: str | None = None,
        labels: Labels = PLAIN_LABELS,
        news: News,
        known: Callable[[list[str]], None] = lambda tokens: None,
    ) -> None:
        self.clients: dict[str, AsyncWebClient] = {}
        self.session: aiohttp.ClientSession | None = None
        self.joined: Joined | None = None
        self.left: Left | None = None
        self._database, self._worker, self._clock = database, worker, clock
        self._base_url, self._labels = base_url, labels
        self._news, self._known = news, known
        self._here: dict[str, Installed] = {}
        self._senders: dict[str, Sender] = {}
        self._gone: dict[str, datetime | None] = {}  # workspaces whose rest was put aside
        self._looking = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()

    def senders(self) -> dict[str, Sender]:
        """By sending identity."""
        return {self._here[team].account: sender for team, sender in self._senders.items()}

    def get(self, team: str) -> Installed | None:
        """The workspace, if the app is there."""
        return self._here.get(team)

    async def stop(self) -> None:
        """Finish what was begun."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- what the database says -------------------------------------------------------------------

    async def look(self) -> None:
        """Serve what was installed, let go of what is gone; whoever did it, and where."""
        async with self._looking:
            found = {one.team: one for one in await self._worker.run(self._read)}
            for team, one in found.items():
                if one.token is not None:
                    self._serve(one)
                elif team in self._here or self._gone.get(team) != one.removed_at:
                    await self._let_go(one)

    def _read(self) -> list[Installed]:
        with self._database.unit_of_work() as uow:
            return uow.installations.everything()

    def _serve(self, one: Installed) -> None:
        assert one.token is not None  # noqa: S101 - the caller looked
        before, self._here[one.team] = self._here.get(one.team), one
        self._gone.pop(one.team, None)
        if before is not None and before.token == one.token:
            return
        self._known([one.token])
        if before is not None:  # renewed: the lane goes on with the new token
            self.clients[one.team].token = one.token
            return
        client = new_client(one.token, self._base_url)
        client.session = self.session
        self.clients[one.team] = client
        sender = SlackSender(
            client,
            labels=self._labels,
            clock=self._clock,
            on_dead=lambda code: self._suspect(one.team, code),
        )
        self._senders[one.team] = sender
        log.info("workspace served team=%s", one.team)
        if self.joined is not None:
            self.joined(one.account, sender)

    async def _let_go(self, one: Installed) -> None:
        """End the lane, then find another way for what waited, in short steps."""
        if self._here.pop(one.team, None) is not None:
            del self.clients[one.team], self._senders[one.team]
            log.warning("workspace gone team=%s reason=%s", one.team, one.reason)
            if self.left is not None:
                await self.left(one.account)
        while await self._worker.run(self._strand, one):
            pass
        self._gone[one.team] = one.removed_at

    def _strand(self, one: Installed) -> int:
        now = self._clock.now()
        with self._database.unit_of_work() as uow:
            moved = strand(uow, one.account, now, now - SETTLED, one.reason or "workspace gone")
            uow.commit()
        return moved

    def use(self, session: aiohttp.ClientSession) -> None:
        """Let all clients share this session."""
        self.session = session
        for client in self.clients.values():
            client.session = session

    # --- coming and going -------------------------------------------------------------------------

    async def install(self, one: Installed) -> None:
        """Keep a new or renewed installation and serve it at once."""

        def keep() -> None:
            now = self._clock.now()
            with self._database.unit_of_work() as uow:
                uow.installations.save(one)
                self._news(uow, one, None, now)
                uow.commit()

        await self._worker.run(keep)
        await self.look()

    async def remove(
        self,
        team: str,
        reason: str,
        *,
        installed_by: datetime | None = None,
        token: str | None = None,
    ) -> None:
        """The app is gone from a workspace; see `Installations.remove`."""

        def forget() -> None:
            now = self._clock.now()
            with self._database.unit_of_work() as uow:
                there = uow.installations.get(team)
                people = uow.installations.remove(
                    team, now, reason, installed_by=installed_by, token=token
                )
                if people is None or there is None:
                    return
                self._news(uow, there, people, now)
                uow.commit()

        await self._worker.run(forget)
        await self.look()

    async def heard(self, body: Mapping[str, Any]) -> bool:
        """Whether it was news of the app's own end, which is then dealt with."""
        event = body.get("event")
        if body.get("type") != "event_callback" or not isinstance(event, dict):
            return False
        kind = event.get("type")
        if kind not in {"app_uninstalled", "tokens_revoked"}:
            return False
        tokens = event.get("tokens")
        bots = tokens.get("bot") if isinstance(tokens, dict) else None
        if kind == "app_uninstalled" or bots:
            at = body.get("event_time")
            end = datetime.fromtimestamp(at + 1, UTC) if isinstance(at, int) else None
            await self.remove(str(body.get("team_id") or ""), str(kind), installed_by=end)
        return True

    def _suspect(self, team: str, code: str) -> None:
        """A call was refused as if the token were dead; ask once, and believe that."""
        if not any(task.get_name() == team for task in self._tasks):
            task = asyncio.create_task(self._ask(team, code), name=team)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _ask(self, team: str, code: str) -> None:
        client, one = self.clients.get(team), self._here.get(team)
        if client is None or one is None:
            return
        try:
            await client.auth_test()
        except SlackApiError as error:
            if error_code(error) in DEAD:
                log.warning("the token of a workspace is dead team=%s code=%s", team, code)
                await self.remove(team, error_code(error), token=one.token)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return  # the next call that is refused asks again


class Authorize(AsyncAuthorize):
    """Each workspace's requests with its own token; without asking Slack again each time."""

    def __init__(self, workspaces: Workspaces) -> None:
        self._workspaces = workspaces

    @override
    async def __call__(
        self,
        *,
        context: AsyncBoltContext,
        enterprise_id: str | None,
        team_id: str | None,
        user_id: str | None,
        actor_enterprise_id: str | None = None,
        actor_team_id: str | None = None,
        actor_user_id: str | None = None,
    ) -> AuthorizeResult | None:
        """The workspace's bot, or None when the app is not there."""
        team = context.get(TEAM) or team_id or ""
        one = self._workspaces.get(team)
        if one is None:
            return None
        return AuthorizeResult(
            enterprise_id=enterprise_id,
            team_id=one.team,
            bot_id=one.bot_id,
            bot_user_id=one.bot_user,
            bot_token=one.token,
            bot_scopes=list(one.scopes),
            user_id=user_id,
        )
