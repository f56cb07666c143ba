"""What the two local platforms share: a loopback server, a ledger of calls, faults on demand.

Refuses to know what either platform means: it carries requests to `_answer` and writes down what
came of them.
"""

import asyncio
import contextlib
import json
import time
from collections import defaultdict, deque
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from aiohttp import web

Json = dict[str, Any]
Now = Callable[[], datetime]
OnChange = Callable[[], None]

FAULTS = ("refused", "drop_before", "drop_after", "500", "500_after", "timeout", "timeout_before")
MAX_BODY = 60 * 1024 * 1024
POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Upload:
    """A file that came in a request.

    Attributes:
        filename: The name the client gave it.
        content: Its bytes.
        content_type: The MIME type the client declared.
    """

    filename: str
    content: bytes
    content_type: str


@dataclass(frozen=True)
class Call:
    """One request of the application, and what it was told.

    Attributes:
        method: The platform's method name, e.g. `chat.postMessage` or `sendMessage`.
        arguments: The arguments as decoded (JSON values unpacked), without the token; a file is an
            `Upload`.
        response: The platform's answer (JSON); under a fault, what it would have said, or None
            when nothing was done.
        at: The injected clock's time.
        monotonic: `time.monotonic()` on arrival, for proofs about rates.
        refused: True when the answer was not ok, for whatever reason.
        fault: The injected fault that hit this call, if any.
        remarks: Things the platform tolerates but we want to know (an unknown parameter, a missing
            fallback text).
        marks: Active mark-up found in the texts (mentions, links, a raw `<`), each as written.
    """

    method: str
    arguments: Mapping[str, Any]
    response: Json | None
    at: datetime
    monotonic: float
    refused: bool
    fault: str | None = None
    remarks: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refusal:
    """Something the application did which the platform does not take: the tests want none of these.

    Attributes:
        method: The method or answer concerned (`view_submission` for a bad answer to a payload).
        error: The platform's error code or description, or `unknown parameter: x`.
        details: The platform's explanations, e.g. Slack's `response_metadata.messages`.
        arguments: What was sent.
    """

    method: str
    error: str
    details: tuple[str, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)


class Refused(Exception):
    """A platform says no; caught by the dispatcher and turned into its kind of answer."""

    def __init__(
        self,
        error: str,
        *,
        details: tuple[str, ...] = (),
        status: int = 400,
        fault_of: Literal["caller", "world"] = "caller",
        extra: Json | None = None,
    ) -> None:
        """Remember the answer.

        Args:
            error: Slack's error code or Telegram's description.
            details: Further messages for the caller.
            status: HTTP status (Telegram's `error_code`).
            fault_of: `caller` goes to `refusals`; `world` (blocked, gone, too many) does not.
            extra: Further fields of the answer.
        """
        super().__init__(error)
        self.error = error
        self.details = details
        self.status = status
        self.fault_of = fault_of
        self.extra = extra or {}


class LocalPlatform:
    """A loopback HTTP server with a ledger, faults and rate windows; the base of both fakes.

    Attributes:
        calls: Every request answered (or swallowed), oldest first.
        refusals: What was refused for the caller's own fault, plus unknown parameters.
        now: The clock that dates messages (aware, UTC).
        enforce_rate: Whether too many calls are answered 429; windows use the monotonic clock.
        on_change: Called after anything visible changed.
    """

    def __init__(
        self, now: Now, *, enforce_rate: bool = False, on_change: OnChange | None = None
    ) -> None:
        """Build it stopped; nothing is bound before `start`.

        Args:
            now: Gives the aware time that dates messages; may be a virtual clock.
            enforce_rate: Answer 429 when the documented rates are passed.
            on_change: A hook for a live page; called synchronously, must not block.
        """
        self.now = now
        self.enforce_rate = enforce_rate
        self.on_change = on_change
        self.calls: list[Call] = []
        self.refusals: list[Refusal] = []
        self.port = 0
        self._faults: dict[str, deque[str]] = defaultdict(deque)
        self._windows: dict[str, deque[float]] = defaultdict(deque)
        self._tasks: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None
        self._stopping = False

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:PORT`, once started."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self, port: int = 0) -> None:
        """Listen on the loopback interface, inside the caller's event loop.

        Args:
            port: The port, or 0 for any free one (read it from `.port`).
        """
        app = web.Application(client_max_size=MAX_BODY)
        self._routes(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        self._stopping = False
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close every connection and forget pending deliveries; what was said stays readable."""
        self._stopping = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def fail_next(self, method: str, how: str, times: int = 1) -> None:
        """Make the next call of a method go wrong.

        Args:
            method: The method's name, or `*` for whichever comes first.
            how: `refused` (no, for good), `drop_before` / `drop_after` (connection closed without
                an answer, before or after the effect), `500` / `500_after`, `429:<seconds>`,
                `timeout` (takes effect, then no answer until the client gives up) or
                `timeout_before` (no effect, no answer).
            times: How many calls.

        Raises:
            ValueError: No such fault.
        """
        if how not in FAULTS and not (how.startswith("429:") and how[4:].isdigit()):
            msg = f"unknown fault {how!r}; one of {', '.join(FAULTS)}, 429:<seconds>"
            raise ValueError(msg)
        self._faults[method].extend([how] * times)

    # ------------------------------------------------------------------ for the two platforms

    def _routes(self, app: web.Application) -> None:
        raise NotImplementedError

    def _changed(self) -> None:
        if self.on_change is not None:
            self.on_change()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _fault(self, method: str) -> str | None:
        for key in (method, "*"):
            if self._faults[key]:
                return self._faults[key].popleft()
        return None

    def _refuse(
        self, method: str, error: str, details: tuple[str, ...] = (), arguments: Json | None = None
    ) -> None:
        self.refusals.append(Refusal(method, error, details, arguments or {}))

    def _too_many(self, key: str, most: int, seconds: float) -> int | None:
        """Count one call in a sliding window; the seconds to wait when it is one too many."""
        if not self.enforce_rate:
            return None
        window, moment = self._windows[key], time.monotonic()
        while window and moment - window[0] >= seconds:
            window.popleft()
        if len(window) >= most:
            return max(1, round(seconds - (moment - window[0])))
        window.append(moment)
        return None

    async def _swallow(self, request: web.Request, how: str) -> web.StreamResponse:
        """Close without a word, or keep the client waiting until it leaves."""
        if how.startswith("timeout"):
            while not self._stopping and _connected(request):  # noqa: ASYNC110 - closing is silent
                await asyncio.sleep(POLL_SECONDS)
        elif request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)


def _connected(request: web.Request) -> bool:
    return request.transport is not None and not request.transport.is_closing()


async def read_arguments(request: web.Request, json_fields: frozenset[str]) -> Json:
    """Read the arguments of a call, however the client encoded them.

    Args:
        request: Query string, form, multipart or JSON body.
        json_fields: The arguments that arrive as JSON text in a form; undecodable text is left as
            it is.

    Returns:
        Name to value; files as `Upload`.
    """
    found: Json = dict(request.query)
    if request.content_type == "application/json":
        with contextlib.suppress(json.JSONDecodeError):
            body = json.loads(await request.text() or "{}")
            if isinstance(body, dict):
                found.update(body)
    elif request.content_type in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        for name, value in (await request.post()).items():
            if isinstance(value, web.FileField):
                found[name] = Upload(value.filename, value.file.read(), value.content_type)
            else:
                found[name] = value
    for name in json_fields & found.keys():
        if isinstance(found[name], str):
            with contextlib.suppress(json.JSONDecodeError):
                found[name] = json.loads(found[name])
    return found
