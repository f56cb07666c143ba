"""Installing the Slack app in further workspaces: two pages, and Bolt's stores on our database.

`/slack/install` sends a browser to Slack with a state that is good for ten minutes and once;
`/slack/oauth_redirect` takes it back, exchanges the code for the workspace's token and keeps that,
sealed. Refused, with a sentence for whoever installs: a state that is not ours, a workspace that
may not, a whole organisation, an app with token rotation (its tokens die after twelve hours; this
program does not renew them). It refuses to know what is done in a workspace.

Source: docs.slack.dev/authentication/installing-with-oauth; ASVS 2.4.1, 7.2.3; platform facts,
"Installation".
"""

from __future__ import annotations

import html
import logging
import secrets
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any, Final

import aiohttp
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.oauth.async_callback_options import (
    AsyncCallbackOptions,
    AsyncFailureArgs,
    AsyncSuccessArgs,
)
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.oauth.installation_store import Bot, Installation
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.exc import SQLAlchemyError
from typing_extensions import override

from bot.i18n import words
from handlers.headers import content_policy
from handlers.slack.manifest import INSTALL, REDIRECT, SCOPES
from handlers.slack.send import error_code, new_client
from handlers.slack.workspaces import Authorize, Workspaces
from scheduling.clock import Clock
from scheduling.worker import Worker
from storage.installations import Installed
from storage.unit_of_work import Database

log = logging.getLogger(__name__)
STATE_SECONDS: Final = 600
PAGES: Final = {
    reason: f"install-{reason}"
    for reason in (
        "done", "cancelled", "again", "code", "elsewhere", "org", "rotation", "busy", "away"
    )
}  # fmt: skip
"""How an installation ends -> what the page says."""
STYLE: Final = "body{font:1.1rem/1.5 sans-serif;max-width:36rem;margin:4rem auto;padding:0 1rem}"
HEADERS: Final = {"Content-Security-Policy": content_policy(style=STYLE)}
PAGE: Final = (
    '<!doctype html><html lang="{lang}"><meta charset="utf-8"><title>Cordée</title>'
    '<link rel="icon" href="data:,"><style>{style}</style>'
    "<h1>{title}</h1><p>{text}</p></html>"
)


class NotInstalled(Exception):
    """An installation that is not to be; caught by the page.

    Attributes:
        reason: `org`, `rotation`, `elsewhere`, `busy`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class States(AsyncOAuthStateStore):
    """Bolt's state store: each good once, for ten minutes; only a digest is kept."""

    def __init__(self, database: Database, worker: Worker, clock: Clock) -> None:
        self._database, self._worker, self._clock = database, worker, clock

    @property
    @override
    def logger(self) -> logging.Logger:
        return log

    @override
    async def async_issue(self, *args: Any, **kwargs: Any) -> str:
        """A new state.

        Raises:
            NotInstalled: Too many installations have begun.
        """
        state = secrets.token_urlsafe(32)

        def keep() -> bool:
            now = self._clock.now()
            with self._database.unit_of_work() as uow:
                kept = uow.installations.issue(state, now + timedelta(seconds=STATE_SECONDS), now)
                uow.commit()
            return kept

        if not await self._worker.run(keep):
            raise NotInstalled("busy")
        return state

    @override
    async def async_consume(self, state: str) -> bool:
        """Whether it is ours, in time, and for the first time."""

        def use() -> bool:
            with self._database.unit_of_work() as uow:
                good = uow.installations.consume(state, self._clock.now())
                uow.commit()
            return good

        return await self._worker.run(use)


class Store(AsyncInstallationStore):
    """Bolt's installation store, for bots alone: this app asks for no person's token.

    Args:
        workspaces: Keeps and serves them.
        clock: Tells when.
        allowed: Workspaces that may install; none named: any.
    """

    def __init__(self, workspaces: Workspaces, clock: Clock, allowed: Collection[str]) -> None:
        self._workspaces, self._clock, self._allowed = workspaces, clock, frozenset(allowed)

    @property
    @override
    def logger(self) -> logging.Logger:
        return log

    @override
    async def async_save(self, installation: Installation) -> None:
        """Keep it.

        Raises:
            NotInstalled: An organisation, token rotation, or a workspace that may not.
        """
        if installation.is_enterprise_install or not installation.team_id:
            raise NotInstalled("org")
        if self._allowed and installation.team_id not in self._allowed:
            raise NotInstalled("elsewhere")
        if installation.bot_refresh_token:
            raise NotInstalled("rotation")
        await self.async_save_bot(installation.to_bot())

    @override
    async def async_save_bot(self, bot: Bot) -> None:
        await self._workspaces.install(
            Installed(
                team=str(bot.team_id),
                name=bot.team_name or str(bot.team_id),
                bot_id=bot.bot_id,
                bot_user=bot.bot_user_id,
                scopes=tuple(bot.bot_scopes),
                token=bot.bot_token,
                installed_at=self._clock.now(),
            )
        )

    @override
    async def async_find_bot(
        self,
        *,
        enterprise_id: str | None,
        team_id: str | None,
        is_enterprise_install: bool | None = False,
    ) -> Bot | None:
        one = self._workspaces.get(team_id or "")
        if one is None or one.token is None:
            return None
        return Bot(
            team_id=one.team,
            team_name=one.name,
            bot_token=one.token,
            bot_id=one.bot_id,
            bot_user_id=one.bot_user,
            bot_scopes=one.scopes,
            installed_at=one.installed_at,
        )

    @override
    async def async_find_installation(
        self,
        *,
        enterprise_id: str | None,
        team_id: str | None,
        user_id: str | None = None,
        is_enterprise_install: bool | None = False,
    ) -> Installation | None:
        return None  # nobody's own token is kept

    @override
    async def async_delete_bot(self, *, enterprise_id: str | None, team_id: str | None) -> None:
        await self._workspaces.remove(team_id or "", "deleted")

    @override
    async def async_delete_installation(
        self, *, enterprise_id: str | None, team_id: str | None, user_id: str | None = None
    ) -> None:
        return None


class Installer:
    """The two pages.

    Args:
        workspaces: Keeps and serves what is installed.
        states: Installations under way.
        store: Bolt's view of the workspaces.
        client_id: Of the app.
        client_secret: Of the app.
        public_url: Under which our HTTP port is reached from outside.
        base_url: Of the Web API, when it is not Slack's own.

    Attributes:
        address: Where an administrator begins.
        client: Without a token, for the exchange of codes.
        flow: For the Bolt application.
        workspaces: As given.
    """

    def __init__(
        self,
        workspaces: Workspaces,
        states: States,
        store: Store,
        *,
        client_id: str,
        client_secret: str,
        public_url: str,
        base_url: str | None = None,
    ) -> None:
        self.workspaces = workspaces
        self.client = new_client(None, base_url)
        self.address = public_url.rstrip("/") + INSTALL
        settings = AsyncOAuthSettings(
            client_id=client_id,
            client_secret=client_secret,
            scopes=list(SCOPES),
            user_scopes=[],
            redirect_uri=public_url.rstrip("/") + REDIRECT,
            install_path=INSTALL,
            redirect_uri_path=REDIRECT,
            install_page_rendering_enabled=False,
            authorization_url=_authorization(self.client, base_url),
            installation_store=store,
            installation_store_bot_only=True,
            state_store=states,
            state_expiration_seconds=STATE_SECONDS,
            callback_options=AsyncCallbackOptions(success=_well, failure=_badly),
        )
        settings.authorize = Authorize(workspaces)
        self.flow = _Flow(client=self.client, settings=settings)

    async def begin(self, request: web.Request) -> web.StreamResponse:
        """Send the browser to Slack."""
        try:
            answer = await self.flow.handle_installation(await to_bolt_request(request))
        except NotInstalled as no:
            return _page(request, no.reason, 503)
        except SQLAlchemyError:
            return _page(request, "away", 503)
        return await to_aiohttp_response(answer)

    async def finish(self, request: web.Request) -> web.StreamResponse:
        """Take the browser back from Slack, with a code or without."""
        try:
            answer = await self.flow.handle_callback(await to_bolt_request(request))
        except NotInstalled as no:
            log.warning("not installed reason=%s", no.reason)
            return _page(request, no.reason, 403)
        except SQLAlchemyError:
            return _page(request, "away", 503)
        except (SlackApiError, aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("installation broken off error=%s", type(error).__name__)
            return _page(request, "away", 502)
        if answer.status != 200 or answer.body:
            reason = answer.body or "again"
            log.warning("not installed reason=%s", reason)
            response = _page(request, reason, answer.status)
        else:
            response = _page(request, "done", 200)
        response.del_cookie(self.flow.settings.state_cookie_name)
        return response


class _Flow(AsyncOAuthFlow):
    """Bolt's flow; what it must not keep it gives back to Slack."""

    @override
    async def run_installation(self, code: str) -> Installation | None:
        """Exchange a code; None when Slack refuses it.

        The library's own writes the code to the log, and signs in by a class of aiohttp's that is
        to go. Slack takes the app's id and secret in the body as well.
        """
        settings = self.settings
        given = {
            "client_id": settings.client_id,
            "client_secret": settings.client_secret,
            "code": code,
            "redirect_uri": settings.redirect_uri,
        }
        try:
            answer = await self.client.api_call("oauth.v2.access", data=given)
            token = str(answer.get("access_token"))
            about = await self.client.auth_test(token=token)
        except SlackApiError as error:
            log.warning("no installation code=%s", error_code(error))
            return None
        team: Mapping[str, Any] = answer.get("team") or {}
        return Installation(
            team_id=team.get("id"),
            team_name=team.get("name"),
            bot_token=token,
            bot_id=str(about.get("bot_id")),
            bot_user_id=str(answer.get("bot_user_id")),
            bot_scopes=str(answer.get("scope") or ""),
            bot_refresh_token=answer.get("refresh_token"),
            user_id="",  # who installed it is not kept
            is_enterprise_install=bool(answer.get("is_enterprise_install")),
        )

    @override
    async def store_installation(self, request: Any, installation: Installation) -> None:
        try:
            await super().store_installation(request, installation)
        except NotInstalled:
            # The token works, and nobody here would ever use it: the app leaves again.
            try:
                await self.client.auth_revoke(token=installation.bot_token)
            except (SlackApiError, aiohttp.ClientError, TimeoutError, OSError) as error:
                log.warning("could not leave a workspace error=%s", type(error).__name__)
            raise


async def _well(_args: AsyncSuccessArgs) -> BoltResponse:
    return BoltResponse(status=200, body="")


async def _badly(args: AsyncFailureArgs) -> BoltResponse:
    known = {"access_denied": "cancelled", "invalid_code": "code", "storage_error": "away"}
    return BoltResponse(status=args.suggested_status_code, body=known.get(args.reason, "again"))


def _authorization(client: AsyncWebClient, base_url: str | None) -> str | None:
    """Slack's own page, or the one beside the Web API that the settings name."""
    if base_url is None:
        return None
    return client.base_url.removesuffix("/").removesuffix("/api") + "/oauth/v2/authorize"


def _page(request: web.Request, reason: str, status: int) -> web.Response:
    wanted = request.headers.get("Accept-Language", "fr").strip().lower()
    lang = "fr" if wanted.startswith(("fr", "*")) else "en"
    w = words(lang)
    title = w("install-title-done" if reason == "done" else "install-title-not")
    said = html.escape(w(PAGES[reason]))
    page = PAGE.format(lang=lang, style=STYLE, title=html.escape(title), text=said)
    return web.Response(text=page, status=status, content_type="text/html", headers=HEADERS)
