"""A Slack on the loopback interface: the Web API, Socket Mode, and signed HTTP.

It serves the real slack-bolt and slack_sdk, and refuses what Slack refuses. It refuses to know the
bot: what it holds is what the platform would hold, in its own ledger.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web
from typing_extensions import override

from handlers.local.ledger import (
    Call,
    Json,
    LocalPlatform,
    Now,
    OnChange,
    Refused,
    Upload,
    read_arguments,
)
from handlers.local.slack_api import JSON_ARGUMENTS, SlackApi
from handlers.local.slack_delivery import Ack, Kind, SlackDelivery
from handlers.local.slack_limits import active_marks, interpreted_texts
from handlers.local.slack_methods import DEFAULT_SCOPES, TIERS
from handlers.local.slack_world import (
    RESPONSE_URL_SECONDS,
    RESPONSE_URL_USES,
    ResponseUrl,
    SlackChannel,
    SlackUser,
    SlackWorld,
    initial_state,
)

IDENTITY: Json = {
    "team_id": "T0LOCAL",
    "team_name": "Local",
    "team_domain": "local",
    "bot_user": "U0CORDEE",
    "bot_id": "B0CORDEE",
    "app_id": "A0LOCAL",
}
JSON_BODY = JSON_ARGUMENTS | {"channels"}


@dataclass(frozen=True)
class Delivery:
    """One payload pushed to the application.

    Attributes:
        kind: The envelope's type.
        key: `event_id`, or the trigger id of an interaction or command.
        ok: Acknowledged in time: the platform was told "received".
        attempt: 0 for the first, then the retries.
        reason: Why it failed.
    """

    kind: Kind
    key: str
    ok: bool
    attempt: int
    reason: str | None


@dataclass(frozen=True)
class SlackSecrets:
    """What the application must show, and is shown; all invented.

    Attributes:
        bot_token: For the Web API.
        app_token: For `apps.connections.open` alone.
        signing_secret: Signs what is sent by HTTP.
        scopes: What the bot token may do, separated by spaces.
    """

    bot_token: str = "xoxb-local"  # noqa: S105
    app_token: str = "xapp-local"  # noqa: S105
    signing_secret: str = "5c1e80f2a97d4b36c0d2e4f6a8b91307"  # noqa: S105
    scopes: str = DEFAULT_SCOPES


class SlackServer(LocalPlatform):
    """One workspace with one application installed.

    Attributes:
        world: Everything there is to draw: `users`, `channels`, `stacks` (open modals per user),
            `homes`, `files`.
        deliveries: Every payload pushed, with what became of it.
        undelivered: Event payloads nobody acknowledged and no retry has delivered yet.
        event_retries: Seconds to wait before each retry of an unacknowledged event; Slack's are
            (0, 60, 300); empty = never.
        identity: Ids and names of the workspace and of the application in it.
        echo_own_messages: Whether the application's messages come back as events, as they do in
            Slack.
    """

    def __init__(
        self,
        now: Now,
        *,
        secrets: SlackSecrets = SlackSecrets(),
        identity: Json = IDENTITY,
        enforce_rate: bool = False,
        event_retries: Sequence[float] = (),
        echo_own_messages: bool = True,
        on_change: OnChange | None = None,
    ) -> None:
        """Build it stopped and empty; add people, then `start`."""
        super().__init__(now, enforce_rate=enforce_rate, on_change=on_change)
        self.secrets = secrets
        self.identity = identity
        self.event_retries = tuple(event_retries)
        self.echo_own_messages = echo_own_messages
        self.world = SlackWorld(now)
        bot = identity["bot_user"]
        self.world.users[bot] = SlackUser(bot, "Cordée")
        self.deliveries: list[Delivery] = []
        self.undelivered: list[Json] = []
        self._delivery = SlackDelivery(secrets.signing_secret)
        self._api = SlackApi(
            self.world,
            identity=identity,
            scopes=frozenset(secrets.scopes.split()),
            post_event=self._echo,
        )

    @property
    def base_url(self) -> str:
        """The Web API's base, for `AsyncWebClient(base_url=…)`."""
        return f"{self.origin}/api/"

    @property
    def sockets(self) -> int:
        """How many Socket Mode connections are open."""
        return self._delivery.sockets

    @property
    def request_url(self) -> str | None:
        """Where payloads go by signed HTTP when no socket is open; settable."""
        return self._delivery.request_url

    @request_url.setter
    def request_url(self, url: str | None) -> None:
        self._delivery.request_url = url

    @override
    async def stop(self) -> None:
        await self._delivery.close()
        await super().stop()

    async def disconnect_sockets(self, reason: str = "refresh_requested") -> None:
        """Close the sockets as Slack does when it wants the client to reconnect."""
        await self._delivery.refresh(reason)

    # ------------------------------------------------------------------ the application's side

    @override
    def _routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/api/{method}", self.take_call)
        app.router.add_get("/link", self._delivery.connect)
        app.router.add_post("/upload/{file}", self.take_upload)
        app.router.add_post("/response/{ticket}", self.take_response)

    async def take_call(self, request: web.Request) -> web.StreamResponse:
        """Answer a call of the Web API."""
        method = request.match_info["method"]
        arguments = await read_arguments(request, JSON_BODY)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ") or arguments.get(
            "token", ""
        )
        arguments.pop("token", None)
        fault = self._fault(method)
        wait = (
            int(fault[4:])
            if fault is not None and fault.startswith("429:")
            else self._wait(method, arguments)
        )
        if wait is not None:
            answer: Json = {"ok": False, "error": "ratelimited"}
            self._record(method, arguments, answer, fault=fault, refused=True)
            return web.json_response(answer, status=429, headers={"Retry-After": str(wait)})
        if fault == "refused":
            answer = {"ok": False, "error": "msg_too_long"}
            self._record(method, arguments, answer, fault=fault, refused=True)
            return web.json_response(answer)
        if fault in {"500", "drop_before", "timeout_before"}:
            self._record(method, arguments, None, fault=fault, refused=True)
            return await self._fail(request, fault)
        answer = self._answer(method, arguments, token)
        self._record(method, arguments, answer, fault=fault, refused=not answer["ok"])
        if fault is not None:
            return await self._fail(request, fault)
        return web.json_response(
            answer, headers={"x-oauth-scopes": ",".join(sorted(self._api.scopes))}
        )

    async def _fail(self, request: web.Request, fault: str) -> web.StreamResponse:
        if fault.startswith("500"):
            return web.Response(status=500, text="Internal Server Error")
        return await self._swallow(request, fault)

    def _wait(self, method: str, arguments: Json) -> int | None:
        if method == "chat.postMessage":
            return self._too_many(f"{method} {arguments.get('channel')}", 1, 1.0)
        if method in TIERS:
            return self._too_many(method, TIERS[method], 60.0)
        return None

    def _answer(self, method: str, arguments: Json, token: str) -> Json:
        self._api.remarks = []
        try:
            self._check_token(method, token)
            if method == "apps.connections.open":
                ticket = self._delivery.new_ticket()
                return {"ok": True, "url": f"ws://127.0.0.1:{self.port}/link?ticket={ticket}"}
            result = self._api.handle(method, arguments)
        except Refused as no:
            return self._refusal(method, arguments, no)
        if method == "files.getUploadURLExternal":
            result["upload_url"] = f"{self.origin}/upload/{result['file_id']}"
        return {"ok": True, **result}

    def _check_token(self, method: str, token: str) -> None:
        if not token:
            raise Refused("not_authed")
        if token not in {self.secrets.bot_token, self.secrets.app_token}:
            raise Refused("invalid_auth")
        if (method == "apps.connections.open") != (token == self.secrets.app_token):
            raise Refused("not_allowed_token_type")

    def _refusal(self, method: str, arguments: Json, no: Refused) -> Json:
        if no.fault_of == "caller":
            self._refuse(method, no.error, no.details, arguments)
        answer: Json = {"ok": False, "error": no.error, **no.extra}
        if no.details:
            answer["response_metadata"] = {"messages": list(no.details)}
        return answer

    def _record(
        self,
        method: str,
        arguments: Json,
        answer: Json | None,
        *,
        refused: bool,
        fault: str | None = None,
    ) -> None:
        remarks = tuple(self._api.remarks)
        self._api.remarks = []
        for remark in remarks:
            if remark.startswith("unknown argument"):
                self._refuse(method, remark, arguments=arguments)
        marks = tuple(m for text in _shown_texts(arguments) for m in active_marks(text))
        moment = time.monotonic()
        call = Call(method, arguments, answer, self.now(), moment, refused, fault, remarks, marks)
        self.calls.append(call)
        self._changed()

    async def take_upload(self, request: web.Request) -> web.StreamResponse:
        """Take the bytes of an announced file."""
        file = self.world.files.get(request.match_info["file"])
        if file is None or file.content is not None:
            return web.Response(status=404, text="not found")
        if request.content_type == "multipart/form-data":
            parts = [
                p
                for p in (await read_arguments(request, frozenset())).values()
                if isinstance(p, Upload)
            ]
            content = parts[0].content if parts else b""
        else:
            content = await request.read()
        if len(content) != file.length:
            error = f"length announced {file.length}, received {len(content)}"
            self._refuse("upload", error, arguments={"file": file.id})
            return web.Response(status=400, text=error)
        file.content = content
        return web.Response(text=f"OK - {len(content)}")

    async def take_response(self, request: web.Request) -> web.StreamResponse:
        """Take an answer to an interaction."""
        arguments = await read_arguments(request, JSON_BODY)
        ticket = self.world.response_urls.get(request.match_info["ticket"])
        fault = self._fault("response_url")
        if fault in {"500", "drop_before", "timeout_before"}:
            self._record("response_url", arguments, None, fault=fault, refused=True)
            return await self._fail(request, fault)
        try:
            self._respond(ticket, arguments)
        except Refused as no:
            answer = self._refusal("response_url", arguments, no)
            self._record("response_url", arguments, answer, refused=True)
            return web.json_response(answer, status=404 if no.error.endswith("_url") else 400)
        self._record("response_url", arguments, {"ok": True}, fault=fault, refused=False)
        if fault is not None:
            return await self._fail(request, fault)
        return web.Response(text="ok")

    def _respond(self, ticket: ResponseUrl | None, arguments: Json) -> None:
        """Do what a response_url asks, at most five times in thirty minutes."""
        if ticket is None:
            raise Refused("invalid_url")
        if (self.now() - ticket.born).total_seconds() > RESPONSE_URL_SECONDS:
            raise Refused("expired_url", fault_of="world")
        if ticket.uses >= RESPONSE_URL_USES:
            raise Refused("used_url")
        ticket.uses += 1
        channel = self.world.channels[ticket.channel]
        original = channel.find(ticket.message_ts or "", ephemeral=True)
        if arguments.get("delete_original"):
            if original is not None:
                channel.messages.remove(original)
            return
        text, blocks = self._api.check_content(arguments)
        if arguments.get("replace_original") and original is not None:
            original.text, original.blocks, original.edited = text, blocks, True
            original.state = initial_state(blocks)
        else:
            self._show(
                channel, ticket.user, text, blocks, arguments.get("response_type", "ephemeral")
            )

    def _show(
        self, channel: SlackChannel, user: str, text: str, blocks: list[Json], how: str
    ) -> None:
        if how not in {"ephemeral", "in_channel"}:
            raise Refused("invalid_response_type")
        message = self._api.post_ephemeral(channel, user, text, blocks)
        if how == "in_channel":
            message.visible_to = None

    # ------------------------------------------------------------------ pushing payloads

    def _echo(self, event: Json) -> None:
        if self.echo_own_messages and self._delivery.reachable:
            self._spawn(self._push_quietly(self._event_payload(event)))

    async def _push_quietly(self, payload: Json) -> None:
        await self._push("events_api", payload, payload["event_id"])

    async def _push(
        self, kind: Kind, payload: Json, key: str, attempt: int = 0, reason: str | None = None
    ) -> Ack:
        ack = await self._delivery.push(kind, payload, attempt=attempt, reason=reason)
        self.deliveries.append(Delivery(kind, key, ack.ok, attempt, ack.reason))
        self._changed()
        return ack

    def _event_payload(self, event: Json) -> Json:
        team, bot = self.identity["team_id"], self.identity["bot_user"]
        grant = {"enterprise_id": None, "team_id": team, "user_id": bot, "is_bot": True}
        return {
            "token": "local",
            "team_id": team,
            "api_app_id": self.identity["app_id"],
            "event": event,
            "type": "event_callback",
            "event_id": self.world.next_id("Ev"),
            "event_time": int(self.now().timestamp()),
            "authorizations": [{**grant, "is_enterprise_install": False}],
            "is_ext_shared_channel": False,
        }

    async def tell(self, event: Json) -> bool:
        """Push an event that nobody in the workspace did; whether it was acknowledged."""
        return await self._event(event, 1)

    async def _event(self, event: Json, repeat: int) -> bool:
        payload = self._event_payload(event)
        key = payload["event_id"]
        if not repeat:
            return False
        ack = await self._push("events_api", payload, key)
        for attempt in range(1, repeat):
            again = await self._push("events_api", payload, key, attempt, "http_timeout")
            ack = ack if ack.ok else again
        if not ack.ok and not ack.final:
            self.undelivered.append(payload)
            if self.event_retries:
                self._spawn(self._retry(payload, ack.reason))
        return ack.ok

    async def _retry(self, payload: Json, reason: str | None) -> None:
        for attempt, pause in enumerate(self.event_retries, start=1):
            await asyncio.sleep(pause)
            ack = await self._push("events_api", payload, payload["event_id"], attempt, reason)
            if ack.ok or ack.final:
                if payload in self.undelivered:
                    self.undelivered.remove(payload)
                return
            reason = ack.reason

    async def redeliver(self) -> int:
        """Try every unacknowledged event once more, oldest first.

        Returns:
            How many were acknowledged this time.
        """
        done = 0
        for payload in list(self.undelivered):
            ack = await self._push("events_api", payload, payload["event_id"], 1, "http_timeout")
            if ack.ok and payload in self.undelivered:
                self.undelivered.remove(payload)
                done += 1
        return done

    def _about(self, user: str) -> Json:
        person = self.world.users[user]
        return {
            "user": {
                "id": user,
                "username": person.handle,
                "name": person.handle,
                "team_id": self.identity["team_id"],
            },
            "api_app_id": self.identity["app_id"],
            "token": "local",
            "team": {"id": self.identity["team_id"], "domain": self.identity["team_domain"]},
            "enterprise": None,
            "is_enterprise_install": False,
        }

    def _new_response_url(self, user: str, channel: str, message_ts: str | None) -> str:
        ticket = self.world.next_id("R")
        self.world.response_urls[ticket] = ResponseUrl(user, channel, message_ts, self.now())
        return f"{self.origin}/response/{ticket}"


def _shown_texts(arguments: Json) -> list[str]:
    """The texts of a call in which Slack interprets mark-up."""
    found = [arguments["text"]] if isinstance(arguments.get("text"), str) else []
    found += (
        [arguments["initial_comment"]] if isinstance(arguments.get("initial_comment"), str) else []
    )
    view = arguments.get("view")
    found += interpreted_texts(arguments.get("blocks") or [])
    return found + list(
        interpreted_texts(view.get("blocks") or []) if isinstance(view, dict) else []
    )
