"""The Bolt application: what comes in is in the inbox before Slack is told so.

A global middleware commits the inbox row before anything is acknowledged; what Slack wants in the
same breath (a form, errors under fields, a remark) comes back from the turn and goes out with the
acknowledgement. This module refuses to know what a payload means (`inbound`) and what is said
(`render`, `send`).

Source: delivery protocol, section 3; three seconds for acknowledgements and triggers,
docs.slack.dev/interactivity.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final
from urllib.parse import parse_qs

import aiohttp
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient
from typing_extensions import override

from bot.errors import SettingsError, TokenRefused
from bot.messages import Ack, Form
from handlers.slack import inbound, render
from handlers.slack.oauth import Installer
from handlers.slack.send import DEAD, NotHereError, error_code, new_client, respond
from handlers.slack.workspaces import TEAM
from scheduling.inbox import Inbox

log = logging.getLogger(__name__)

ACK_SECONDS: Final = 2.4  # of Slack's three, with room for the way back
SOCKETS: Final = 2  # one carries on while the other is renewed
ANYTHING: Final = re.compile(r"[\s\S]*")
ROW: Final = "cordee_row"
ERROR_LENGTH: Final = 300
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")
_SIGNATURE: Final = re.compile(r"v0=[0-9a-f]{64}")


Receive = Callable[
    [dict[str, Any], AsyncBoltContext, Callable[[], Awaitable[object]]],
    Awaitable[BoltResponse | None],
]


class _First(AsyncMiddleware):
    """Hands over what is needed of a request; for a function the library would collect it all."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive

    @override
    async def async_process(
        self, *, req: AsyncBoltRequest, resp: BoltResponse, next: Callable[[], Awaitable[Any]]
    ) -> BoltResponse | None:
        return await self._receive(req.body, req.context, next)


class SlackAdapter:
    """Slack, by Socket Mode (with `app_token`) or by HTTP (with `signing_secret`).

    One workspace, whose token is given; or, with `installer`, as many as have installed the app.

    Args:
        inbox: Keeps and works what comes.
        token: The bot's token; none with `installer`.
        signing_secret: Checks what comes by HTTP.
        app_token: Opens sockets; HTTP is then not served.
        base_url: Of the Web API, when it is not Slack's own (tests, proxies).
        labels: Words for menus without words of their own.
        installer: Knows the workspaces that installed the app, and lets others do so.

    Attributes:
        client: The Web API client, to be shared with the sender; of several workspaces, none's.
        bot_account: `slack:T1`, once `identify` was called; empty with `installer`.
        bot_user: The bot's user id, from then on too.
        installer: As given.
        labels: To be given to the sender too.
        ready: Whether it listens.

    Raises:
        SettingsError: Neither an app token nor a signing secret that is not blank.
    """

    def __init__(
        self,
        inbox: Inbox,
        *,
        token: str | None = None,
        signing_secret: str | None = None,
        app_token: str | None = None,
        base_url: str | None = None,
        labels: render.Labels = render.PLAIN_LABELS,
        installer: Installer | None = None,
    ) -> None:
        if not (app_token or (signing_secret and signing_secret.strip())):
            raise SettingsError(
                "Slack needs a way in",
                "set SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP)",
            )
        self.client = new_client(token, base_url) if installer is None else installer.client
        self.installer = installer
        self.bot_account = self.bot_user = ""
        self.ready = False
        self._inbox = inbox
        self.labels = labels
        self._app_token = app_token
        self._verifier = None if app_token else SignatureVerifier(signing_secret or "")
        self._sockets: list[AsyncSocketModeHandler] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._heard: set[int] = set()  # rows whose listener has not come to its end
        self.app = AsyncApp(
            client=self.client,
            signing_secret=signing_secret or "socket mode signs nothing",
            oauth_flow=installer.flow if installer is not None else None,
            before_authorize=_First(self._receive),
            attaching_function_token_enabled=False,  # for workflow steps and assistants:
            attaching_conversation_kwargs_enabled=False,  # there are none here
        )
        self.app.event(ANYTHING)(self._on_event)
        self.app.action(ANYTHING)(self._on_press)
        self.app.view(ANYTHING)(self._on_form)
        self.app.command(ANYTHING)(self._on_command)

    # --- life -------------------------------------------------------------------------------

    async def identify(self) -> str:
        """Ask Slack who we are.

        Returns:
            `bot_account`, the name of our sending identity.

        Raises:
            TokenRefused: Slack does not accept the token.
            SettingsError: It refuses for another reason.
        """
        try:
            answer = await self.client.auth_test()
        except SlackApiError as error:
            code, todo = error_code(error), "check SLACK_BOT_TOKEN"
            said = f"Slack refuses the bot token ({code})"
            if code in DEAD:
                raise TokenRefused("slack", code, said, todo) from None
            raise SettingsError(said, todo) from None
        self.bot_account, self.bot_user = f"slack:{answer['team_id']}", str(answer["user_id"])
        return self.bot_account

    async def start(self) -> None:
        """Listen; call it inside the event loop that stays.

        Raises:
            SettingsError: Slack does not accept a token.
        """
        if not self.bot_account and self.installer is None:
            await self.identify()
        if self._app_token:
            await self._check_app_token(self._app_token)
        # Without one of our own the library opens a session, and a connection, for each call. It
        # does not look into the environment: that is done anew for each call, in a thread, and the
        # library's client has found its proxy there already.
        self.client.session = aiohttp.ClientSession()
        if self.installer is not None:
            self.installer.workspaces.use(self.client.session)
        if self._app_token:
            for _ in range(SOCKETS):
                handler = AsyncSocketModeHandler(self.app, self._app_token)
                self._sockets.append(handler)
                await handler.connect_async()  # type: ignore[no-untyped-call]
        self.ready = True

    async def _check_app_token(self, app_token: str) -> None:
        """Refuse a wrong token here: the library's `connect` would try it again for ever."""
        try:
            await self.client.apps_connections_open(app_token=app_token)
        except SlackApiError as error:
            raise SettingsError(
                f"Slack refuses the app token ({error_code(error)})",
                "check SLACK_APP_TOKEN and its scope connections:write",
            ) from None

    async def stop(self) -> None:
        """Stop listening, then finish what was begun."""
        self.ready = False
        for handler in self._sockets:
            await handler.close_async()  # type: ignore[no-untyped-call]
        self._sockets.clear()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.installer is not None:
            await self.installer.workspaces.stop()
        if self.client.session is not None:
            await self.client.session.close()
            self.client.session = None

    @property
    def clients(self) -> dict[str, AsyncWebClient]:
        """By sending identity, who speaks with its token."""
        if self.installer is None:
            return {self.bot_account: self.client} if self.bot_account else {}
        found = self.installer.workspaces.clients
        return {f"slack:{team}": client for team, client in found.items()}

    def _client(self, body: Mapping[str, Any]) -> AsyncWebClient:
        """Whose token a request is to be answered with."""
        if self.installer is None:
            return self.client
        clients = self.installer.workspaces.clients
        return clients.get(inbound.workspace(body), self.client)

    async def connected(self) -> bool:
        """Whether Slack can reach us, as far as we know: for `/health`."""
        if not self._sockets:
            return self.ready
        for handler in self._sockets:
            if await handler.client.is_connected():
                return True
        return False

    @property
    def busy(self) -> bool:
        """Whether something heard is still being worked, or answered in the same breath."""
        return bool(self._heard or self._tasks)

    def _begin(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # --- HTTP -------------------------------------------------------------------------------

    async def handle_http(self, request: web.Request) -> web.Response:
        """The route for Slack's requests.

        The signature is checked here, before the library: it turns a timestamp that is no number
        or a signature that is not ASCII into an error of its own, and logs what it refuses. The
        check of our certificate is not signed; it is answered and has no effect.
        """
        if self._verifier is None or not self.ready:
            return web.Response(status=503)
        try:
            body = await request.text()
        except (UnicodeDecodeError, LookupError):
            return web.Response(status=400)
        if parse_qs(body).get("ssl_check") == ["1"]:
            return web.Response()
        stamp = _once(request, "X-Slack-Request-Timestamp")
        signature = _once(request, "X-Slack-Signature")
        if not (_TIMESTAMP.fullmatch(stamp) and _SIGNATURE.fullmatch(signature)):
            return web.Response(status=401)
        if not self._verifier.is_valid(body, stamp, signature):
            return web.Response(status=401)
        try:
            bolt_request = AsyncBoltRequest(
                body=body,
                query=request.query_string,
                headers=dict(request.headers),
            )
        except (ValueError, LookupError, AttributeError, TypeError):  # signed, but not Slack's
            return web.Response(status=400)
        return await to_aiohttp_response(await self.app.async_dispatch(bolt_request))

    # --- before the acknowledgement -----------------------------------------------------------

    async def _receive(
        self,
        body: dict[str, Any],
        context: AsyncBoltContext,
        next_: Callable[[], Awaitable[object]],
    ) -> BoltResponse | None:
        """Commit the inbox row, then let Bolt acknowledge; what we have already goes no further."""
        if body.get("type") == "url_verification":
            await next_()
            return None
        if not inbound.is_named(body):
            return BoltResponse(status=400, body="")
        try:
            account = await self._account(body, context)
            if account is None:
                return BoltResponse(status=200, body="")
            event_key, message_key = inbound.keys(body, str(context.get(TEAM) or ""))
            kept = {name: value for name, value in body.items() if name != "token"}
            row = await self._inbox.receive(
                platform="slack",
                bot_account=account,
                event_key=event_key,
                message_key=message_key,
                payload=json.dumps(kept).encode(),
            )
        except Exception as error:  # not kept, so not acknowledged: Slack delivers events again
            log.error("not received error=%s", type(error).__name__)  # noqa: TRY400
            return BoltResponse(status=500, body="")
        if row is None:
            return BoltResponse(status=200, body="")
        context[ROW] = row
        self._heard.add(row)
        await next_()
        return None

    async def _account(self, body: Mapping[str, Any], context: AsyncBoltContext) -> str | None:
        """Our identity that is meant; None when there is none, or nothing is left to do."""
        if self.installer is None:
            return self.bot_account or f"slack:{inbound.workspace(body)}"
        workspaces = self.installer.workspaces
        if await workspaces.heard(body):
            return None
        team = inbound.workspace(body)
        if workspaces.get(team) is None:
            await workspaces.look()  # installed a moment ago, through another replica
        found = workspaces.get(team)
        if found is None:
            log.warning("refused: the app is not installed there team=%s", team[:32])
            return None
        context[TEAM] = team
        return found.account

    # --- after it, or with it -----------------------------------------------------------------

    async def _on_event(self, context: AsyncBoltContext) -> None:
        """Bolt has acknowledged already; the row is safe."""
        self._begin(self._inbox.work(context[ROW]))
        self._heard.discard(context[ROW])

    async def _work(self, context: AsyncBoltContext) -> Ack:
        """What the turn wants to be said at once; nothing when it takes too long, or fails."""
        task = self._begin(self._inbox.work(context[ROW]))
        try:
            async with asyncio.timeout(ACK_SECONDS):
                found: Ack = await asyncio.shield(task)
        except TimeoutError:
            log.warning("turn too slow for its acknowledgement row=%s", context[ROW])
            return Ack()
        except Exception as error:  # the sweep works the row again
            log.error("turn failed row=%s error=%s", context[ROW], type(error).__name__)  # noqa: TRY400
            return Ack()
        return found

    async def _on_press(
        self, ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext
    ) -> None:
        wanted = await self._work(context)
        await ack()
        if wanted.form is not None:
            await self._open(wanted.form, body)
        if wanted.toast:
            await self._toast(wanted.toast, body)
        self._heard.discard(context[ROW])

    async def _on_command(
        self, ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext
    ) -> None:
        wanted = await self._work(context)
        await ack(render.toast(wanted.toast) if wanted.toast else "")
        if wanted.form is not None:
            await self._open(wanted.form, body)
        self._heard.discard(context[ROW])

    async def _on_form(
        self, ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext
    ) -> None:
        wanted = await self._work(context)
        if errors := _errors(body, wanted.errors):
            await ack(response_action="errors", errors=errors)
        elif wanted.form is not None:
            await ack(response_action="update", view=render.modal(wanted.form, self.labels))
        else:
            await ack()
        self._heard.discard(context[ROW])

    async def _open(self, form: Form, body: Mapping[str, Any]) -> None:
        """Open a form while the trigger lives; too late, and the question in the chat remains."""
        view = render.modal(form, self.labels)
        client = self._client(body)
        open_view = client.views_push if inbound.in_modal(body) else client.views_open
        try:
            await open_view(trigger_id=str(body.get("trigger_id") or ""), view=view)
        except SlackApiError as error:
            code = error_code(error)
            expected = code in {"expired_trigger_id", "exchanged_trigger_id"}
            log.log(logging.INFO if expected else logging.ERROR, "form not opened code=%s", code)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("form not opened error=%s", type(error).__name__)

    async def _toast(self, text: str, body: Mapping[str, Any]) -> None:
        response_url = str(body.get("response_url") or "")
        if not response_url:
            return
        try:
            await respond(self._client(body), response_url, {"text": render.toast(text)})
        except (NotHereError, aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("remark not shown error=%s", type(error).__name__)


def _once(request: web.Request, name: str) -> str:
    """A header that is there once; of two nobody knows which one somebody else went by."""
    values = request.headers.getall(name, [])
    return values[0] if len(values) == 1 else ""


def _errors(body: Mapping[str, Any], errors: Mapping[str, str]) -> dict[str, str]:
    """Errors under the fields they belong to; one for no field of this form goes under the first.

    Slack shows the person a failure of the app when a key is not an input block of the view.
    """
    inputs = inbound.fields(body)
    found: dict[str, str] = {}
    for field, text in errors.items():
        place = field if field in inputs else inputs[0] if inputs else None
        if place is not None:
            found.setdefault(place, render.shorten(render.clean(text), ERROR_LENGTH) or "…")
    return found
