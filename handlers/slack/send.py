"""Says things on Slack: one call at a time, and in its own words what became of it.

This module refuses to know why something is said and when to try again: it never retries. A
doubtful post is looked up in the history by the number of its outbox row, which travels in the
metadata.

Source: delivery protocol, "Answers of the platforms" and "Looking up a doubtful send";
docs.slack.dev/reference/methods for the codes; docs.slack.dev/apis/web-api/rate-limits.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.messages import File, Home, Message, MessageRef
from handlers.slack import render
from scheduling.clock import Clock, SystemClock, elapsed
from scheduling.lookups import LONG_AGO
from scheduling.pacing import Limits, Pace, Rate
from scheduling.sender import Claimed, Doubtful, NotSent, Outcome, Sent

HTTP_SECONDS: Final = 5
EVENT_TYPE: Final = "cordee_outbox"
NAMESPACE: Final = uuid.UUID("6f0f8f57-6f7c-5b3e-9d3f-0b7b2a5f6c11")  # ours, drawn once
HISTORY_PAGES: Final = 5
HOOKS: Final = "hooks.slack.com"
FILE: Final = "F"  # how the number of a file begins; a message's is a time

LIMITS: Final = Limits(
    chat=(Rate(1, 1.05),),
    ops=MappingProxyType(
        {
            "post": (Rate(300, 61.0),),  # "several hundred per minute" in a workspace
            "edit": (Rate(50, 61.0),),  # Tier 3
            "delete": (Rate(50, 61.0),),
            "file": (Rate(50, 61.0),),  # conversations.open, the slowest of its calls
            "home": (Rate(100, 61.0),),  # Tier 4
        }
    ),
)

# Tier 3, fifty a minute: a look-up that runs into a 429 holds up the chats it is about.
READS: Final = Limits(account=(Rate(45, 61.0),))
LOOK_AGAIN: Final = 5.0  # seconds

# The person is not there for us: try elsewhere, tell staff.
UNREACHABLE: Final = frozenset(
    {"user_disabled", "user_not_found", "user_not_visible", "cannot_dm_bot", "is_inactive"}
)
# Archived, deleted, or the bot was removed; of a private chat it means the person is not there:
# what Slack says of a deactivated person is not documented.
GONE: Final = frozenset({"channel_not_found", "is_archived", "not_in_channel"})
# Our token or installation is in trouble: nothing can be said until somebody repairs it.
TROUBLE: Final = frozenset(
    {
        "access_denied",
        "accesslimited",
        "account_inactive",
        "ekm_access_denied",
        "enterprise_is_restricted",
        "invalid_auth",
        "not_allowed_token_type",
        "not_authed",
        "org_login_required",
        "team_access_not_granted",
        "team_added_to_org",
        "token_expired",
        "token_revoked",
    }
)
# Of these: the token itself is dead, or will be as long as nobody installs the app anew.
DEAD: Final = frozenset(
    {"account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked"}
)
# What is to be deleted is gone, or is not for us to delete: nothing is left to do.
_NO_LONGER: Final = frozenset(
    {
        "cant_delete_file",
        "cant_delete_message",
        "channel_not_found",
        "compliance_exports_prevent_deletion",
        "file_deleted",
        "file_not_found",
        "message_not_found",
    }
)
TOO_SOON: Final = frozenset({"ratelimited", "rate_limited"})
# "Some aspect of the operation may have succeeded before the error was raised."
UNSURE: Final = frozenset({"fatal_error", "internal_error", "service_unavailable"})
LATER: Final = frozenset({"request_timeout"})  # Slack got only part of the request
TROUBLE_SECONDS: Final = 60.0
DEAD_SECONDS: Final = 3600.0  # the longest wait with a token that stays dead
CHANNEL_SECONDS: Final = 2.0  # a longer wait than that is about more than one channel


class NotHereError(Exception):
    """A response_url or an upload address that is not Slack's, or that no longer takes anything."""


def new_client(token: str | None, base_url: str | None = None) -> AsyncWebClient:
    """The one kind of Web API client this program uses.

    Without the SDK's own retries, which would say things twice; without kept connections, because a
    stale one would put the first message after every pause in doubt.

    Args:
        token: The bot's token; None where each call brings its own.
        base_url: Of the Web API, when it is not Slack's own (tests, proxies).
    """
    return AsyncWebClient(
        token=token,
        base_url=base_url or AsyncWebClient.BASE_URL,
        timeout=HTTP_SECONDS,
        retry_handlers=[],
    )


class SlackSender:
    """Implements `scheduling.sender.Sender` for one workspace.

    Args:
        client: Made by `new_client`.
        labels: Words for menus without words of their own.
        lag: Seconds that the history may lag behind.
        between: Seconds between the two negative reads that count as absence.
        clock: Tells how long ago a send can have arrived at the latest.
        on_dead: Told Slack's code when a call was refused as with a dead token.
        on_alive: Told of each call that was not.

    Attributes:
        limits: How fast Slack lets an app speak.

    Raises:
        ValueError: The client would retry by itself.
    """

    limits = LIMITS

    def __init__(
        self,
        client: AsyncWebClient,
        *,
        labels: render.Labels = render.PLAIN_LABELS,
        lag: float = 3.0,
        between: float = 2.0,
        clock: Clock | None = None,
        on_dead: Callable[[str], None] = lambda code: None,
        on_alive: Callable[[], None] = lambda: None,
    ) -> None:
        if client.retry_handlers:
            raise ValueError("the Slack client must not retry by itself")
        self._client = client
        self._labels = labels
        self._lag, self._between = lag, between
        self._clock = clock or SystemClock()
        self._on_dead, self._on_alive = on_dead, on_alive
        self._dead_since: datetime | None = None
        self._direct: dict[str, str] = {}  # U… -> D…
        self._reading = asyncio.Lock()
        self._reads = Pace(READS, elapsed)  # of histories, to look up what is in doubt

    def floor(self) -> int | None:
        """Slack's message ids tell no order between chats."""
        return None

    def resume(self, message_ids: Iterable[str]) -> None:
        """Nothing to know: the history tells everything."""

    async def send(self, row: Claimed) -> Outcome:
        """Make the one call that says it; several for a file, of which only the last is seen."""
        try:
            outcome = await self._send(row)
        except (SlackApiError, aiohttp.ClientError, TimeoutError, OSError) as error:
            outcome = classify(error, row)
            if isinstance(outcome, NotSent) and outcome.reason in DEAD:
                self._on_dead(outcome.reason)
                return replace(outcome, retry_after=self._patience())
        if isinstance(outcome, Sent):
            self._dead_since = None
            self._on_alive()
        return outcome

    def _patience(self) -> float:
        """Seconds to wait with a dead token: as long again as it has been dead, an hour at most."""
        now = self._clock.now()
        self._dead_since = self._dead_since or now
        dead = (now - self._dead_since).total_seconds()
        return min(max(TROUBLE_SECONDS, dead), DEAD_SECONDS)

    async def _send(self, row: Claimed) -> Outcome:
        message = row.message
        if isinstance(message, Home):
            if row.op != "home":
                return NotSent("a home is no message", permanent=True)
            view = render.home_view(message, self._labels)
            await self._client.views_publish(user_id=row.chat_id, view=view)
            return Sent()
        match row.op:
            case "post":
                return await self._post(row, message)
            case "edit":
                return await self._edit(row, message)
            case "replace":
                return await self._replace(row, message)
            case "delete":
                return await self._delete(row)
            case "file":
                return await self._file(row, message)
            case "ephemeral":
                return await self._ephemeral(row, message)
            case _:
                return NotSent(f"no such operation: {row.op}", permanent=True)

    def _content(self, message: Message) -> dict[str, Any]:
        return {
            "text": render.fallback(message, self._labels),
            "blocks": render.blocks(message, self._labels),
        }

    async def _post(self, row: Claimed, message: Message) -> Outcome:
        answer = await self._client.chat_postMessage(
            channel=row.chat_id,
            **self._content(message),
            unfurl_links=False,
            unfurl_media=False,
            metadata={"event_type": EVENT_TYPE, "event_payload": {"id": str(row.id)}},
            client_msg_id=str(uuid.uuid5(NAMESPACE, str(row.id))),
        )
        channel, ts = str(answer.get("channel")), str(answer.get("ts"))
        if row.chat_id != channel:
            self._direct[row.chat_id] = channel
        return Sent(f"{channel}/{ts}")

    async def _edit(self, row: Claimed, message: Message) -> Outcome:
        if (at := _reference(row.target)) is None:
            return NotSent("no target", permanent=True)
        await self._client.chat_update(channel=at.chat, ts=at.message, **self._content(message))
        return Sent(f"{at.chat}/{at.message}")

    async def _replace(self, row: Claimed, message: Message) -> Outcome:
        """Change the message that was pressed by the address that came with the press.

        `chat.update` has fifty calls a minute for the whole workspace; a September intake presses
        more often. Where the address takes nothing any more, the slow way is still there.
        """
        place, _, url = (row.target or "").partition(" ")
        try:
            await respond(self._client, url, self._content(message), replace=True)
        except NotHereError:
            return await self._edit(row, message)
        return Sent(place)

    async def _delete(self, row: Claimed) -> Outcome:
        if (at := _reference(row.target)) is None:
            return NotSent("no target", permanent=True)
        if at.message.startswith(FILE):
            await self._client.files_delete(file=at.message)
        else:
            await self._client.chat_delete(channel=at.chat, ts=at.message)
        return Sent(row.target)

    async def _file(self, row: Claimed, message: Message) -> Outcome:
        if message.file is None:
            return NotSent("no file", permanent=True)
        try:
            channel = await self._channel(row.chat_id)
            uploaded = await self._upload(message.file)
        except NotHereError as error:
            return NotSent(str(error))
        except (SlackApiError, aiohttp.ClientError, TimeoutError, OSError) as error:
            outcome = classify(error, row)  # nobody has seen anything yet
            return NotSent(outcome.reason) if isinstance(outcome, Doubtful) else outcome
        await self._client.files_completeUploadExternal(
            files=[uploaded],
            channel_id=channel,
            initial_comment=render.caption(message, self._labels) or None,
        )
        return Sent(f"{channel}/{uploaded['id']}")

    async def _upload(self, file: File) -> dict[str, str | None]:
        name = render.one_line(file.name) or "file"
        alt = render.shorten(render.one_line(file.alt), render.LIMITS["alt"])
        ticket = await self._client.files_getUploadURLExternal(
            filename=name, length=len(file.content), alt_txt=alt or None
        )
        url = str(ticket.get("upload_url"))
        host = urlsplit(url).hostname or ""
        if not (is_ours(url, self._client.base_url) or host.endswith(".slack.com")):
            raise NotHereError("foreign upload address")
        status, _ = await _post_bytes(self._client, url, data=file.content)
        if status != 200:
            raise NotHereError(f"upload {status}")
        return {"id": str(ticket.get("file_id")), "title": name}

    async def _ephemeral(self, row: Claimed, message: Message) -> Outcome:
        """In place, for one pair of eyes; when the address is used up, in the private chat."""
        try:
            await respond(self._client, row.target or "", self._content(message))
        except NotHereError:
            return await self._post(row, message)
        return Sent()

    async def _channel(self, chat: str) -> str:
        """The conversation's id, which a person's id (U…, W…) is not everywhere taken for."""
        if chat[:1] not in {"U", "W"}:
            return chat
        if chat not in self._direct:
            answer = await self._client.conversations_open(users=chat)
            opened: Mapping[str, Any] = answer.get("channel") or {}
            self._direct[chat] = str(opened["id"])
        return self._direct[chat]

    # --- looking up -------------------------------------------------------------------------

    async def reconcile(self, rows: Sequence[Claimed]) -> Mapping[int, Outcome]:
        """Look for posts in the history by the row's number; two negative reads mean absent.

        Files cannot be looked up, and what may be done twice need not be: their policy decides.
        """
        found: dict[int, Outcome] = {
            row.id: Doubtful("no look-up") for row in rows if row.op not in {"post", "ephemeral"}
        }
        open_rows = [row for row in rows if row.id not in found]
        for pause in self._pauses(open_rows):
            if not open_rows:
                break
            await asyncio.sleep(pause)
            for row in open_rows:
                found[row.id] = await self._look(row)
            open_rows = [row for row in open_rows if isinstance(found[row.id], NotSent)]
        return found

    def _pauses(self, rows: Sequence[Claimed]) -> tuple[float, ...]:
        """Seconds before each read.

        Long after the send one read says as much as two. Until then none at once: a process that
        dies every few seconds would never come to the second, and a minute's reads would be spent
        on first ones.
        """
        last = max((row.send_deadline for row in rows), default=self._clock.now())
        ago = (self._clock.now() - last).total_seconds()
        return (0.0,) if ago >= LONG_AGO else (self._lag, self._between)

    async def _look(self, row: Claimed) -> Outcome:
        try:
            channel = await self._channel(row.chat_id)
            ts = await self._in_history(channel, row)
        except (SlackApiError, aiohttp.ClientError, TimeoutError, OSError) as error:
            outcome = classify(error, row)
            if isinstance(outcome, NotSent) and outcome.retry_after is not None:
                self._reads.hold("account", "", outcome.retry_after or LOOK_AGAIN)
            if isinstance(outcome, NotSent) and (outcome.permanent or outcome.unreachable):
                return Doubtful(outcome.reason)
            seconds = outcome.retry_after if isinstance(outcome, NotSent) else None
            again = max(LOOK_AGAIN, seconds or 0.0)
            return Doubtful("look-up failed", look_again=again, there=seconds is not None)
        return Sent(f"{channel}/{ts}") if ts else NotSent("not in the history")

    async def _in_history(self, channel: str, row: Claimed) -> str | None:
        oldest = (row.claimed_at - timedelta(seconds=60)).timestamp()
        cursor: str | None = None
        for _ in range(HISTORY_PAGES):
            async with self._reading:
                await asyncio.sleep(self._reads.wait(channel, "read"))
                self._reads.note(channel, "read")
            page = await self._client.conversations_history(
                channel=channel,
                oldest=f"{oldest:.6f}",
                limit=200,
                include_all_metadata=True,
                cursor=cursor,
            )
            messages: list[dict[str, Any]] = page.get("messages") or []
            for message in messages:
                metadata = message.get("metadata") or {}
                mine = metadata.get("event_type") == EVENT_TYPE
                if mine and metadata.get("event_payload", {}).get("id") == str(row.id):
                    return str(message["ts"])
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return None
        raise TimeoutError("history too long")


# --- what Slack answered ----------------------------------------------------------------------


def classify(error: Exception, row: Claimed) -> Outcome:
    """What an error says about a call: codes first, then how far the connection came.

    Args:
        error: From slack_sdk or aiohttp.
        row: What was being said.

    Returns:
        `Sent` for a harmless one, `NotSent` where it is certain, else `Doubtful`.
    """
    if isinstance(error, SlackApiError):
        return _refused(error, row)
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return NotSent("no connection")
    return Doubtful(type(error).__name__)


def _refused(error: SlackApiError, row: Claimed) -> Outcome:
    code, status = _code(error), _status(error)
    if code in TOO_SOON or status == 429:
        seconds = _retry_after(error)
        one_chat = row.op == "post" and seconds <= CHANNEL_SECONDS
        return NotSent("ratelimited", retry_after=seconds, scope="chat" if one_chat else "method")
    if code in UNSURE or status >= 500 or not code:
        return Doubtful(code or f"http {status}")
    if code in LATER:
        return NotSent(code)
    if code in TROUBLE:
        return NotSent(code, retry_after=TROUBLE_SECONDS, scope="account")
    if code == "missing_scope":
        return NotSent(code, retry_after=TROUBLE_SECONDS, scope="method")
    if code in _NO_LONGER and row.op == "delete":
        return Sent(row.target)
    lost = code in GONE and row.op not in {"edit", "replace", "delete"}
    if code in UNREACHABLE or lost:
        return NotSent(code, unreachable=True)
    return NotSent(code, permanent=True)


def _code(error: SlackApiError) -> str:
    data = getattr(error.response, "data", None)
    code = data.get("error") if isinstance(data, Mapping) else None
    return code if isinstance(code, str) else ""


def _status(error: SlackApiError) -> int:
    response = error.response
    status = getattr(response, "status_code", None) or getattr(response, "status", 0)
    return status if isinstance(status, int) else 0


def _retry_after(error: SlackApiError) -> float:
    headers = getattr(error.response, "headers", None) or {}
    for name, value in headers.items():
        if name.lower() == "retry-after":
            with contextlib.suppress(TypeError, ValueError):
                return float(value)
    return 0.0


def error_code(error: SlackApiError) -> str:
    """Slack's code for a refusal, or the HTTP status: fit for a log, without anybody's words."""
    return _code(error) or f"http {_status(error)}"


def _reference(target: str | None) -> MessageRef | None:
    chat, _, message = (target or "").partition(" ")[0].partition("/")
    return MessageRef(chat, message) if chat and message else None


# --- direct answers ---------------------------------------------------------------------------


def is_ours(url: str, base_url: str) -> bool:
    """Whether an address is on the very host and port of the Web API."""
    given, base = urlsplit(url), urlsplit(base_url)
    return given.scheme == base.scheme and given.netloc == base.netloc


async def respond(
    client: AsyncWebClient, url: str, content: Mapping[str, Any], *, replace: bool = False
) -> None:
    """Answer in place through a `response_url`, for one pair of eyes.

    Args:
        client: Of the Web API: its base says whose addresses are Slack's, its session is used.
        url: As the payload gave it; nothing but Slack's own host is called, without redirections.
        content: `text` and, if any, `blocks`.
        replace: Put it in the place of the message the address came with.

    Raises:
        NotHereError: The address is not Slack's, or takes nothing any more.
        aiohttp.ClientError: No answer.
        TimeoutError: Not in time.

    Source: docs.slack.dev/interactivity/handling-user-interaction (5 uses in 30 minutes).
    """
    parts = urlsplit(url)
    if not (is_ours(url, client.base_url) or (parts.scheme == "https" and parts.netloc == HOOKS)):
        raise NotHereError("foreign response_url")
    kind = {} if replace else {"response_type": "ephemeral"}
    body = {**kind, "replace_original": replace, **content}
    status, text = await _post_bytes(client, url, json=body)
    if status >= 500:
        raise TimeoutError(f"response_url {status}")
    if status != 200 or '"ok":false' in text.replace(" ", ""):
        raise NotHereError(f"response_url {status}")


async def _post_bytes(client: AsyncWebClient, url: str, **body: Any) -> tuple[int, str]:
    timeout = aiohttp.ClientTimeout(total=HTTP_SECONDS)
    async with AsyncExitStack() as stack:
        session = client.session
        if session is None:
            session = await stack.enter_async_context(aiohttp.ClientSession())
        answer = await stack.enter_async_context(
            session.post(url, allow_redirects=False, timeout=timeout, proxy=client.proxy, **body)
        )
        return answer.status, (await answer.text())[:1000]
