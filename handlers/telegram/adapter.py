"""The live connection: python-telegram-bot's Application, hearing durably and answering at once.

An update is in the inbox before Telegram may forget it: the library awaits our queue's `put` before
it polls with the higher offset, and our webhook answers 200 only afterwards. What an update means
is the bot's; what is said goes through the outbox. Only three calls are made directly: the answer
to a press (a client spins until it comes), the turning of a page of buttons, and the menus.

Source: delivery protocol, "Inbound"; platform facts 0.3.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from telegram import Bot, Update
from telegram.error import BadRequest, Conflict, InvalidToken, TelegramError
from telegram.ext import Application, ApplicationBuilder, TypeHandler, Updater
from typing_extensions import override

from bot.errors import SettingsError, TokenRefused
from bot.events import Event
from bot.messages import MESSAGE
from handlers.telegram.inbound import ALLOWED_UPDATES, keys, read
from handlers.telegram.render import page_of, render
from handlers.telegram.request import AiohttpRequest
from handlers.telegram.send import TelegramSender, inline_keyboard
from handlers.telegram.text import clip, flat
from scheduling.inbox import Inbox, InboxMeta
from storage.sending import Kept

API_URL: Final = "https://api.telegram.org"
SECRET_HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - a header's name
POLL_SECONDS: Final = 25
AFTER_FAILURE: Final = 5.0
POLL_POOL: Final = 8  # with one connection, a half-closed poll would block for ever
SEND_POOL: Final = 64
AT_ONCE: Final = 64  # updates worked at a time; a person's own stay in order (the inbox's lock)
TOAST: Final = 200
RAW: Final = "cordee_raw"

Json = Mapping[str, Any]

logger = logging.getLogger(__name__)


Look = Callable[[int], Awaitable[Kept | None]]
Gone = Callable[[str | None], str]


class StorageAway(TelegramError):
    """The inbox could not be written; the library polls the same batch again."""


@dataclass(frozen=True, slots=True)
class _Heard:
    """An update in the inbox, to be worked."""

    row_id: int
    query_id: str | None


@dataclass(frozen=True, slots=True)
class _Turned:
    """A press that turns a page: nothing to remember, nothing lost when it is."""

    query_id: str
    chat_id: str
    message_id: int
    locale: str | None
    row: int
    page: int


class DurableQueue(asyncio.Queue[object]):
    """The library's update queue: `put` returns when the update is safe.

    Args:
        receive: Stores a raw update; returns what to work, or None when it is known already.

    Attributes:
        unfinished: How many items are being stored, wait, or are being worked.
    """

    def __init__(self, receive: Callable[[Json], Awaitable[object | None]]) -> None:
        super().__init__()
        self._receive = receive
        self.unfinished = 0

    @override
    def task_done(self) -> None:
        super().task_done()
        self.unfinished -= 1

    @override
    async def put(self, item: object) -> None:
        """Store an update, then queue it; the library's own signals pass through.

        Raises:
            StorageAway: The inbox could not be written.
        """
        if isinstance(item, Update):
            await self.hear(item.api_kwargs[RAW])
        else:
            self.unfinished += 1
            await super().put(item)

    async def hear(self, update: Json) -> None:
        """Store a raw update, then queue what is new.

        Raises:
            StorageAway: The inbox could not be written.
        """
        heard: object | None = None
        self.unfinished += 1
        try:
            heard = await self._receive(update)
        except Exception as error:
            # no chaining: the text of a database error may quote what somebody wrote
            raise StorageAway(type(error).__name__) from None
        finally:
            if heard is None:
                self.unfinished -= 1
        if heard is not None:
            await super().put(heard)


class _Polls(AiohttpRequest):
    """The connection for getUpdates: keeps each update as it came, and notes when polling works.

    The library reads the updates of a batch strictly; one that it cannot read would make it ask for
    the same batch for ever. So it gets to see the id only, with the update beside it.
    """

    last = float("-inf")

    @override
    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        code, payload = await super().do_request(*args, **kwargs)
        if code != 200:
            return code, payload
        self.last = time.monotonic()
        answer = json.loads(payload)
        answer["result"] = [{"update_id": u["update_id"], RAW: u} for u in answer["result"]]
        return code, json.dumps(answer).encode()


class TelegramAdapter:
    """One bot's connection.

    Args:
        token: The bot's token.
        inbox: Keeps and works what is heard.
        kept: What an outbox row with further pages said, by its id: `OutboxStore.kept`.
        gone: The words, for a language tag, for a press on a page that is not kept any more.
        api_url: Base of the Bot API, without `/bot`.
        public_url: Where the webhook is reached from outside; together with …
        webhook_secret: … the secret Telegram shows there; without both, long polling.
        marker_chat: See `TelegramSender`.

    Attributes:
        bot_account: Our sending identity, `telegram:<bot id>`.
        sender: What the delivery sends with.
        username: The bot's user name, once started.
    """

    def __init__(
        self,
        token: str,
        inbox: Inbox,
        *,
        kept: Look,
        gone: Gone,
        api_url: str = API_URL,
        public_url: str | None = None,
        webhook_secret: str | None = None,
        marker_chat: str | None = None,
    ) -> None:
        bot_id = token.partition(":")[0]
        if not bot_id.isdecimal():
            raise SettingsError("This is not a Telegram token.", "TELEGRAM_BOT_TOKEN is 123456:…")
        _quiet_loggers()
        self.bot_account = f"telegram:{bot_id}"
        self.username: str | None = None
        self._inbox = inbox
        self._kept = kept
        self._gone = gone
        self._secret = webhook_secret or ""
        self._webhook_url = public_url if public_url and webhook_secret else None
        self._queue = DurableQueue(self._receive)
        api_url = api_url.rstrip("/")
        self._polls = _Polls(api_url, connections=POLL_POOL, read_timeout=POLL_SECONDS + 10)
        self._app = self._build(token, api_url)
        self._bot: Bot = self._app.bot
        self.sender = TelegramSender(self._bot, marker_chat)
        self._switching = asyncio.Lock()
        self._started = False

    def _build(self, token: str, api_url: str) -> Application[Any, Any, Any, Any, Any, Any]:
        builder = (
            ApplicationBuilder()
            .token(token)
            .base_url(f"{api_url}/bot")
            .base_file_url(f"{api_url}/file/bot")
            .request(AiohttpRequest(api_url, connections=SEND_POOL, connect_timeout=2))
            .update_queue(self._queue)
            .concurrent_updates(AT_ONCE)
            .job_queue(None)
            .get_updates_request(self._polls)
        )
        app = (builder.updater(None) if self._webhook_url else builder).build()
        app.add_handler(TypeHandler(object, self._handle))
        return app

    @property
    def bot(self) -> Bot:
        """The library's bot, for the menus."""
        return self._bot

    @property
    def listening(self) -> bool:
        """Whether updates come in: always by webhook, by polling between `listen` and `hush`."""
        updater = self._app.updater
        return self._started and (updater is None or updater.running)

    @property
    def ready(self) -> bool:
        """Whether all is well: started, and if it polls, with success a short while ago."""
        if not self._started or self._app.updater is None or not self.listening:
            return self._started
        return time.monotonic() - self._polls.last < 2 * POLL_SECONDS + 10

    @property
    def busy(self) -> bool:
        """Whether something heard waits or is being worked now."""
        return self._queue.unfinished > 0

    # --- beginning and end --------------------------------------------------------------------

    async def start(self) -> None:
        """Learn who we are, begin to work what is heard; by webhook, tell Telegram where.

        Raises:
            TokenRefused: Telegram does not accept the token.
            telegram.error.TelegramError: Telegram cannot be reached.
        """
        try:
            await self._app.initialize()
        except TelegramError as error:
            await self._bot.shutdown()  # the connections are open already
            if isinstance(error, InvalidToken):  # its text holds the token
                raise TokenRefused(
                    "telegram", "401", "Telegram refuses TELEGRAM_BOT_TOKEN."
                ) from None
            raise
        self.username = self._bot.username
        await self._app.start()
        self._started = True
        if self._webhook_url:
            await self._bot.set_webhook(
                self._webhook_url, secret_token=self._secret, allowed_updates=ALLOWED_UPDATES
            )

    async def listen(self) -> None:
        """Begin to poll, unless it does already or the webhook serves. One process per token only.

        Raises:
            telegram.error.TelegramError: Telegram cannot be reached.
        """
        async with self._switching:
            updater = self._app.updater
            if updater is None or updater.running:
                return
            await updater.start_polling(  # never with drop_pending_updates: people's words
                timeout=POLL_SECONDS,
                allowed_updates=ALLOWED_UPDATES,
                error_callback=_polling_failed,
            )
            self._polls.last = time.monotonic()

    async def hush(self) -> None:
        """Stop polling; what is heard already is still worked. May take three seconds."""
        async with self._switching:
            if self._app.updater is not None and self._app.updater.running:
                try:
                    await self._app.updater.stop()
                except TelegramError as error:  # polling had died of it, and its updater with it
                    _polling_failed(error)
                    self._app.updater = Updater(self._bot, self._queue)
                    await self._app.updater.initialize()

    async def follow(self, holds: Callable[[], bool], every: float = 0.5) -> None:
        """Poll while this process holds the token's lease, until cancelled.

        The library gives polling up for good when a token is refused once; here it begins anew.

        Args:
            holds: Whether it does, `Delivery.holds` of our identity.
            every: Seconds between two looks.
        """
        while True:
            well = holds() and (self.ready or not self.listening)
            switch = asyncio.create_task(self.listen() if well else self.hush())
            pause = every
            try:
                await asyncio.shield(switch)  # the library swallows a cancellation while it stops
            except TelegramError as error:
                _polling_failed(error)
                pause = max(every, AFTER_FAILURE)
            await asyncio.sleep(pause)

    async def stop(self) -> None:
        """Stop hearing, finish what is being worked, close the connections."""
        await self.hush()
        if self._started:
            self._started = False
            await self._app.stop()
        await self._app.shutdown()

    # --- hearing ------------------------------------------------------------------------------

    async def handle_webhook(self, request: web.Request) -> web.Response:
        """The webhook's route: 200 means that the update is in the inbox.

        Returns:
            403 without the right secret, 400 for what is no update, 503 when the inbox cannot be
            written or we have not started: Telegram delivers again.
        """
        values = request.headers.getall(SECRET_HEADER, [])
        shown = values[0] if len(values) == 1 else ""
        given = shown.encode(errors="surrogateescape")  # a header may hold any bytes
        if not self._secret or not hmac.compare_digest(given, self._secret.encode()):
            return web.Response(status=403)
        try:
            update = await request.json()
        except (ValueError, RecursionError):
            return web.Response(status=400)
        if not isinstance(update, dict) or not isinstance(update.get("update_id"), int):
            return web.Response(status=400)
        if not self._started:
            return web.Response(status=503)
        try:
            await self._queue.hear(update)
        except StorageAway as error:
            logger.error("inbox not written error=%s", error.message)  # noqa: TRY400
            return web.Response(status=503)
        return web.Response()

    def read(self, payload: bytes, meta: InboxMeta) -> Event | None:
        """Read what `_receive` stored: the inbox's reader for Telegram.

        Raises:
            ValueError: It is no update.
        """
        update = json.loads(payload)
        if not isinstance(update, dict):
            raise ValueError("not an update")  # noqa: TRY004 - the inbox wants no finer shades
        return read(
            update,
            bot_account=meta.bot_account,
            username=self.username,
            received_at=meta.received_at,
        )

    async def _receive(self, update: Json) -> object | None:
        """Store an update; what is to be worked of it, None when it is known already."""
        query = update.get("callback_query")
        query = query if isinstance(query, dict) else {}
        if turned := _turned(query):
            return turned
        self._note_id(update.get("message"))
        event_key, message_key = keys(update)
        row_id = await self._inbox.receive(
            platform="telegram",
            bot_account=self.bot_account,
            event_key=event_key,
            message_key=message_key,
            payload=json.dumps(update).encode(),
        )
        query_id = query.get("id")
        if row_id is None:
            return None
        return _Heard(row_id, query_id if isinstance(query_id, str) else None)

    def _note_id(self, message: object) -> None:
        match message:
            case {"message_id": int(message_id), "chat": {"id": int(chat_id)}}:
                self.sender.saw(chat_id, message_id)

    # --- working ------------------------------------------------------------------------------

    async def _handle(self, item: object, _context: object) -> None:
        try:
            match item:
                case _Heard(row_id, None):
                    await self._inbox.work(row_id)
                case _Heard(row_id, str() as query_id):
                    await self._work_press(row_id, query_id)
                case _Turned():
                    await self._turn(item)
        except Exception as error:  # the row stays in the inbox and is swept
            # not its text, which may quote what somebody wrote
            logger.error("update not worked error=%s", type(error).__name__)  # noqa: TRY400

    async def _work_press(self, row_id: int, query_id: str) -> None:
        toast: str | None = None
        try:
            toast = (await self._inbox.work(row_id)).toast
        finally:  # whatever happened, the client must stop spinning
            await self._answer(query_id, toast)

    async def _turn(self, item: _Turned) -> None:
        """Show another page, if the row is this chat's and still kept."""
        toast: str | None = None
        kept = await self._kept(item.row)
        place = (self.bot_account, item.chat_id)
        if kept is None or (kept.bot_account, kept.chat_id) != place:
            toast = self._gone(item.locale)
        else:
            shown = render(MESSAGE.validate_json(kept.payload), item.row, item.page)
            try:
                await self._bot.edit_message_reply_markup(
                    item.chat_id, item.message_id, reply_markup=inline_keyboard(shown)
                )
            except TelegramError as error:  # pressed twice, or the message has gone: press again
                logger.info("page not turned error=%s", type(error).__name__)
            else:
                self.sender.pages.note(f"{item.chat_id}/{item.message_id}", item.page)
        await self._answer(item.query_id, toast)

    async def _answer(self, query_id: str, toast: str | None) -> None:
        try:
            await self._bot.answer_callback_query(query_id, clip(flat(toast or ""), TOAST))
        except BadRequest:  # too old: its client has given up by itself
            logger.info("press answered too late")
        except TelegramError as error:
            logger.warning("press not answered error=%s", type(error).__name__)


def _turned(query: Json) -> _Turned | None:
    """A press that turns a page, or None."""
    match query:
        case {
            "id": str(query_id),
            "data": str(token),
            "message": {"message_id": int(message_id), "chat": {"id": int(chat_id)}},
        }:
            page = page_of(token)
            if page is None:
                return None
            user = query.get("from")
            locale = user.get("language_code") if isinstance(user, dict) else None
            spoken = locale if isinstance(locale, str) else None
            return _Turned(query_id, str(chat_id), message_id, spoken, *page)
    return None


def _polling_failed(error: TelegramError) -> None:
    """Say that polling fails, without the address, which holds the token."""
    what = f"inbox: {error.message}" if isinstance(error, StorageAway) else type(error).__name__
    hint = " another process polls with this token" if isinstance(error, Conflict) else ""
    logger.warning("polling fails error=%s%s", what, hint)


def _quiet_loggers() -> None:
    """At INFO, httpx prints each address with the token; at DEBUG, the library what people say."""
    for name, level in (("httpx", logging.WARNING), ("httpcore", logging.WARNING)):
        logging.getLogger(name).setLevel(level)
    library = logging.getLogger("telegram")
    library.setLevel(max(library.level, logging.INFO))
