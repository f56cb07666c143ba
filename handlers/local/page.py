"""The demo's page: what both local platforms hold, live in a browser, and what is pressed there.

Only the JSON that the platforms' servers received is sent, never the bot's own messages, so the
page can't flatter. Everything pressed goes through the platforms' user side. The companies' page is
there too: a link that staff make here opens here. It refuses to know what any message means, and
whoever is not on this machine.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from handlers.headers import protect
from handlers.local.page_state import Persona, snapshot
from handlers.local.stage import Stage
from handlers.partner_html import ENTER
from handlers.partner_page import PartnerPage

log = logging.getLogger(__name__)

HERE: Final = Path(__file__).parent
FILES: Final = {
    "page.css": "text/css",
    "page.js": "text/javascript",
    "draw.js": "text/javascript",
    "slack.js": "text/javascript",
    "telegram.js": "text/javascript",
    "words.js": "text/javascript",
}
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
        " img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
PULSE_SECONDS: Final = 1.0
GATHER_SECONDS: Final = 0.04
MAX_DAYS: Final = 400
MAX_BODY: Final = 256 * 1024


class _Act(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SlackSay(_Act):
    """A line typed in the conversation with the bot; one that begins with `/` is a command."""

    do: Literal["slack.say"]
    user: str
    text: str = Field(min_length=1, max_length=40_000)


class SlackPress(_Act):
    """A button or a menu of a message; `action` and `value` as `FakeSlack.press` takes them."""

    do: Literal["slack.press"]
    user: str
    ts: str
    action: str
    value: str | list[str] | None = None


class SlackView(_Act):
    """A button or a menu of the Home or of a modal."""

    do: Literal["slack.view"]
    user: str
    view: str
    action: str
    value: str | list[str] | None = None


class SlackSubmit(_Act):
    """The modal on top, filled in: block id -> text, option, options, day or nothing."""

    do: Literal["slack.submit"]
    user: str
    view: str
    values: dict[str, str | list[str] | None]


class SlackClose(_Act):
    """The modal on top, closed."""

    do: Literal["slack.close"]
    user: str


class SlackTab(_Act):
    """The Home tab, or the messages."""

    do: Literal["slack.tab"]
    user: str
    tab: Literal["home", "messages"]


class TelegramSay(_Act):
    """A line typed in the chat, commands included."""

    do: Literal["telegram.say"]
    user: int
    text: str = Field(min_length=1, max_length=4096)


class TelegramPress(_Act):
    """A button, by its `callback_data` (or by its text, on a reply keyboard)."""

    do: Literal["telegram.press"]
    user: int
    message: int
    button: str


class TelegramStart(_Act):
    """Start pressed, from the profile or by a deep link."""

    do: Literal["telegram.start"]
    user: int
    payload: str | None = None


class ClockOn(_Act):
    """Let days pass."""

    do: Literal["clock.on"]
    days: int = Field(ge=1, le=MAX_DAYS)


class ClockNext(_Act):
    """Let time pass until something is due."""

    do: Literal["clock.next"]


_ACT: Final[TypeAdapter[Any]] = TypeAdapter(
    Annotated[
        SlackSay
        | SlackPress
        | SlackView
        | SlackSubmit
        | SlackClose
        | SlackTab
        | TelegramSay
        | TelegramPress
        | TelegramStart
        | ClockOn
        | ClockNext,
        Field(discriminator="do"),
    ]
)

Answer = dict[str, Any]


class Page:
    """The page's server, beside a stage that runs.

    Args:
        stage: The bot between its platforms; its `on_change` should be this page's `changed`.
        personas: Who is played.
    """

    def __init__(self, stage: Stage, personas: tuple[Persona, ...]) -> None:
        self.stage = stage
        self.personas = personas
        self.port = 0
        self._alone = asyncio.Lock()
        self._stirred = asyncio.Event()
        self._news = asyncio.Condition()
        self._shown = ""
        self._drawn = (0, "")
        self._version = 0
        self._closing = False
        self._runner: web.AppRunner | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.port}/"

    def changed(self) -> None:
        """Say that something to draw has changed."""
        self._stirred.set()

    async def start(self, port: int) -> None:
        """Serve on the loopback interface.

        Args:
            port: The port; 0 for any free one (read it from `.port`).

        Raises:
            OSError: The port is taken.
        """
        app = web.Application(client_max_size=MAX_BODY, middlewares=[self._only_from_here])
        app.router.add_get("/", self._index)
        app.router.add_get("/static/{name}", self._static)
        app.router.add_get("/events", self._events)
        app.router.add_post("/act", self._act)
        app.router.add_get("/file/slack/{file}", self._slack_file)
        app.router.add_get("/file/telegram/{chat}/{message}", self._telegram_file)
        bot = self.stage.service
        secret = bot.settings.cordee_secret_key.get_secret_value()
        PartnerPage(bot.bot, bot.database, bot.worker, bot.clock, secret=secret).add_to(app)
        protect(app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self.port = runner.addresses[0][1]
        bot.bot.public_url = self.url  # the link of a company opens here
        self._tasks = [asyncio.create_task(self._watch()), asyncio.create_task(self._pulse())]
        self.changed()

    async def stop(self) -> None:
        """Let every browser go."""
        self._closing = True
        async with self._news:
            self._news.notify_all()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """One thing at a time: a press and a jump of the clock must not overlap."""
        async with self._alone:
            yield
        self.changed()

    # ------------------------------------------------------------------ what is drawn

    async def _watch(self) -> None:
        while True:
            await self._stirred.wait()
            await asyncio.sleep(GATHER_SECONDS)  # many changes, one picture
            self._stirred.clear()
            try:
                state = await snapshot(self.stage, self.personas)
            except Exception:
                log.exception("the page could not be drawn")
                continue
            # The browser lets the clock run by itself: only a jump of it is news.
            jump = round(state["now"] / 1000 - time.monotonic()) // 2
            drawn = (jump, json.dumps({**state, "now": 0}))
            if drawn != self._drawn:
                async with self._news:
                    self._drawn, self._shown = drawn, json.dumps(state, ensure_ascii=False)
                    self._version += 1
                    self._news.notify_all()

    async def _pulse(self) -> None:
        """The demo's clock runs: look every second whether something fell due."""
        while True:
            await asyncio.sleep(PULSE_SECONDS)
            if self._alone.locked():
                continue
            try:
                async with self.alone():
                    await self.stage.settled()
            except Exception:
                log.exception("the bot did not come to rest")

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """The state as server-sent events: whole, at once and after each change."""
        response = web.StreamResponse(headers={**HEADERS, "Content-Type": "text/event-stream"})
        await response.prepare(request)
        seen = 0
        with suppress(ConnectionResetError):
            while not self._closing:
                async with self._news:
                    await self._news.wait_for(lambda: self._closing or self._version > seen)  # noqa: B023 - awaited here
                    seen, state = self._version, self._shown
                if not self._closing:
                    await response.write(f"data: {state}\n\n".encode())
        return response

    # ------------------------------------------------------------------ what is done

    async def _act(self, request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            return _answer({"ok": False, "error": "JSON only"}, 415)
        try:
            act = _ACT.validate_json(await request.read())
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            return _answer({"ok": False, "error": f"{first['loc']}: {first['msg']}"}, 400)
        try:
            async with self.alone():
                done = await self._done(act)
        except (ValueError, KeyError) as error:  # a person sees no such thing (any more)
            return _answer({"ok": False, "error": str(error)}, 409)
        except TimeoutError:
            return _answer({"ok": False, "error": "the bot did not come to rest"}, 504)
        return _answer({"ok": True, **done})

    async def _done(self, act: _Act) -> Answer:
        match act:
            case ClockOn(days=days):
                await self.stage.advance(timedelta(days=days))
                return {}
            case ClockNext():
                await self._to_next()
                return {}
            case TelegramSay() | TelegramPress() | TelegramStart():
                return await self._on_telegram(act)
            case _:
                done = await self._on_slack(act)
                await self.stage.settled()
                return done

    async def _on_slack(self, act: _Act) -> Answer:
        slack = self.stage.slack
        match act:
            case SlackSay(user=user, text=text) if text.startswith("/"):
                command, _, rest = text.partition(" ")
                return _acked((await slack.slash(user, command, rest.strip())).ok)
            case SlackSay(user=user, text=text):
                await slack.dm(user, text)
                return {}
            case SlackPress(user=user, ts=ts, action=action, value=value):
                return _acked((await slack.press(user, user, ts, action, value)).ok)
            case SlackView(user=user, view=view, action=action, value=value):
                return _acked((await slack.press_view(user, view, action, value)).ok)
            case SlackSubmit(user=user, view=view, values=values):
                answer = await slack.submit_view(user, view, values)
                return {"action": answer.action, "errors": dict(answer.errors)}
            case SlackClose(user=user):
                if slack.views(user):
                    await slack.close_view(user)
                return {}
            case SlackTab(user=user, tab=tab):
                await slack.open_home(user, tab)
                return {}
        raise ValueError("no such act")

    async def _on_telegram(self, act: _Act) -> Answer:
        telegram = self.stage.telegram
        query = None
        match act:
            case TelegramSay(user=user, text=text):
                await telegram.send(user, text)
            case TelegramPress(user=user, message=message, button=button):
                query = await telegram.press(user, message, button)
            case TelegramStart(user=user, payload=payload):
                await telegram.press_start(user, payload)
        await self.stage.settled()
        toast = query.answer if query is not None else None
        return {"toast": toast.get("text"), "alert": toast.get("show_alert")} if toast else {}

    async def _to_next(self) -> None:
        now = self.stage.clock.now()
        state = await snapshot(self.stage, self.personas)
        if state["next_due"] is not None:
            ahead = timedelta(milliseconds=state["next_due"]) - timedelta(seconds=now.timestamp())
            await self.stage.advance(max(ahead, timedelta()))

    # ------------------------------------------------------------------ files

    async def _index(self, _: web.Request) -> web.Response:
        return _file(HERE / "page.html", "text/html")

    async def _static(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in FILES:
            raise web.HTTPNotFound(headers=HEADERS)
        return _file(HERE / "static" / name, FILES[name])

    async def _slack_file(self, request: web.Request) -> web.Response:
        found = self.stage.slack.world.files.get(request.match_info["file"])
        if found is None or found.content is None:
            raise web.HTTPNotFound(headers=HEADERS)
        return _shown(found.filename, found.content, picture=found.is_picture)

    async def _telegram_file(self, request: web.Request) -> web.Response:
        chat, number = request.match_info["chat"], request.match_info["message"]
        if not (chat.isdecimal() and number.isdecimal()):
            raise web.HTTPNotFound(headers=HEADERS)
        message = self.stage.telegram.world.find(int(chat), int(number))
        if message is None or message.document is None:
            raise web.HTTPNotFound(headers=HEADERS)
        file = message.document
        return _shown(file.filename, file.content, picture=message.photo)

    @web.middleware
    async def _only_from_here(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Refuse names that merely resolve to this machine, and forms of other sites."""
        hosts = {f"127.0.0.1:{self.port}", f"localhost:{self.port}"}
        if request.headers.get("Host") not in hosts:
            raise web.HTTPForbidden(text="This page is for 127.0.0.1 only.", headers=HEADERS)
        origin = request.headers.get("Origin")
        if request.path.startswith(ENTER):  # keeps other sites off by itself: it names no origin
            origin = None
        if origin is not None and origin.removeprefix("http://") not in hosts:
            raise web.HTTPForbidden(text="Not from another site.", headers=HEADERS)
        return await handler(request)


def _acked(well: bool) -> Answer:
    return {} if well else {"note": "timeout"}


def _answer(body: Answer, status: int = 200) -> web.Response:
    return web.json_response(body, status=status, headers=HEADERS)


def _file(path: Path, kind: str) -> web.Response:
    return web.Response(body=path.read_bytes(), content_type=kind, charset="utf-8", headers=HEADERS)


def _shown(name: str, content: bytes, *, picture: bool) -> web.Response:
    """A picture for the page to show, any other file to be kept."""
    if picture:
        return web.Response(body=content, content_type="image/png", headers=HEADERS)
    how = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
    return web.Response(
        body=content, content_type="application/octet-stream", headers={**HEADERS, **how}
    )
