"""How the local Slack reaches the application: Socket Mode envelopes, or signed HTTP requests.

Refuses to know what a payload means; it carries it, waits three seconds for the acknowledgement
and says what came back.
"""

import asyncio
import hashlib
import hmac
import itertools
import json
import time
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode

from aiohttp import ClientError, ClientSession, ClientTimeout, WSMsgType, web

from handlers.local.ledger import Json

ACK_SECONDS = 3.0
MAX_SOCKETS = 10

Kind = Literal["events_api", "interactive", "slash_commands"]


@dataclass(frozen=True)
class Ack:
    """What the application answered to one payload.

    Attributes:
        ok: Acknowledged in time.
        body: The answer's content: JSON, a text, or None.
        reason: Why it failed, in Slack's words for `X-Slack-Retry-Reason`.
        final: The application asked for no further attempt.
    """

    ok: bool
    body: Any = None
    reason: str | None = None
    final: bool = False


class SlackDelivery:
    """The way from the platform to the application.

    Attributes:
        request_url: Where to POST when no socket is connected; None means nowhere.
        signing_secret: Signs those requests.
    """

    def __init__(self, signing_secret: str) -> None:
        self.signing_secret = signing_secret
        self.request_url: str | None = None
        self._sockets: list[web.WebSocketResponse] = []
        self._tickets: set[str] = set()
        self._waiting: dict[str, tuple[asyncio.Future[Ack], web.WebSocketResponse]] = {}
        self._ids = itertools.count(1)
        self._turn = itertools.count()
        self._http: ClientSession | None = None

    @property
    def sockets(self) -> int:
        """How many sockets are connected."""
        return len(self._sockets)

    @property
    def reachable(self) -> bool:
        """Whether anybody listens, as far as Slack can know."""
        return bool(self._sockets) or self.request_url is not None

    def new_ticket(self) -> str:
        """A one-time ticket for one socket (`apps.connections.open`)."""
        ticket = f"ticket-{next(self._ids)}"
        self._tickets.add(ticket)
        return ticket

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """Hold one Socket Mode connection until either side leaves."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets or len(self._sockets) >= MAX_SOCKETS:
            return web.Response(status=403)
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.append(socket)
        await socket.send_json(
            {
                "type": "hello",
                "num_connections": len(self._sockets),
                "debug_info": {"host": "local", "approximate_connection_time": 18060},
                "connection_info": {"app_id": "A0LOCAL"},
            }
        )
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._acknowledged(message.data)
        finally:
            self._sockets.remove(socket)
            for future, held_by in self._waiting.values():
                if held_by is socket and not future.done():
                    future.set_result(Ack(ok=False, reason="connection_failed"))
        return socket

    def _acknowledged(self, text: str) -> None:
        try:
            answer = json.loads(text)
        except json.JSONDecodeError:
            return
        waiting = self._waiting.get(answer.get("envelope_id", ""))
        if waiting is not None and not waiting[0].done():
            waiting[0].set_result(Ack(ok=True, body=answer.get("payload")))

    async def refresh(self, reason: str = "refresh_requested") -> None:
        """Ask every connected client to reconnect, then close, as Slack does every few hours."""
        for socket in list(self._sockets):
            await socket.send_json(
                {"type": "disconnect", "reason": reason, "debug_info": {"host": "local"}}
            )
            await socket.close()

    async def close(self) -> None:
        """Close sockets and the HTTP client."""
        for socket in list(self._sockets):
            await socket.close()
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def push(
        self, kind: Kind, payload: Json, *, attempt: int = 0, reason: str | None = None
    ) -> Ack:
        """Deliver one payload and wait for its acknowledgement.

        Args:
            kind: The envelope's type.
            payload: The payload, as Slack writes it.
            attempt: 0, or the number of this retry (events only).
            reason: Why it is retried.

        Returns:
            The acknowledgement; `ok` is false when nobody listens or three seconds passed.
        """
        if self._sockets:
            return await self._by_socket(kind, payload, attempt, reason)
        if self.request_url is not None:
            return await self._by_http(self.request_url, kind, payload, attempt, reason)
        return Ack(ok=False, reason="connection_failed")

    async def _by_socket(self, kind: Kind, payload: Json, attempt: int, reason: str | None) -> Ack:
        socket = self._sockets[next(self._turn) % len(self._sockets)]
        envelope_id = f"envelope-{next(self._ids)}"
        envelope: Json = {
            "envelope_id": envelope_id,
            "type": kind,
            "payload": payload,
            "accepts_response_payload": kind != "events_api",
        }
        if kind == "events_api":
            envelope |= {"retry_attempt": attempt, "retry_reason": reason or ""}
        future: asyncio.Future[Ack] = asyncio.get_running_loop().create_future()
        self._waiting[envelope_id] = (future, socket)
        try:
            await socket.send_json(envelope)
            return await asyncio.wait_for(future, ACK_SECONDS)
        except TimeoutError:
            return Ack(ok=False, reason="http_timeout")
        except ConnectionError:
            return Ack(ok=False, reason="connection_failed")
        finally:
            del self._waiting[envelope_id]

    async def _by_http(
        self, url: str, kind: Kind, payload: Json, attempt: int, reason: str | None
    ) -> Ack:
        form = "application/x-www-form-urlencoded"
        content_type, body = form, urlencode(payload)
        if kind == "events_api":
            content_type, body = "application/json", json.dumps(payload)
        elif kind == "interactive":
            body = urlencode({"payload": json.dumps(payload)})
        headers = {"Content-Type": content_type, **self.sign(body)}
        if attempt:
            headers |= {
                "X-Slack-Retry-Num": str(attempt),
                "X-Slack-Retry-Reason": reason or "unknown_error",
            }
        if self._http is None:
            self._http = ClientSession(timeout=ClientTimeout(total=ACK_SECONDS))
        try:
            async with self._http.post(url, data=body.encode(), headers=headers) as response:
                text = await response.text()
                if response.status // 100 != 2:
                    final = response.headers.get("X-Slack-No-Retry") == "1"
                    return Ack(ok=False, reason="http_error", final=final)
        except TimeoutError:
            return Ack(ok=False, reason="http_timeout")
        except ClientError:
            return Ack(ok=False, reason="connection_failed")
        try:
            return Ack(ok=True, body=json.loads(text) if text else None)
        except json.JSONDecodeError:
            return Ack(ok=True, body=text)

    def sign(self, body: str) -> dict[str, str]:
        """The signature headers; the stamp is real time, as receivers compare it with theirs."""
        stamp = str(int(time.time()))
        digest = hmac.new(
            self.signing_secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256
        ).hexdigest()
        return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}
