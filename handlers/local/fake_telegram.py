"""A Telegram on the loopback interface: the Bot API, polling and webhook, and people with chats.

Serves the real python-telegram-bot and refuses what Telegram refuses. It refuses to know the bot:
what it holds is what the platform would hold, in its own ledger.
"""

import asyncio
import re
import time

from aiohttp import web
from typing_extensions import override

from handlers.local.ledger import (
    Call,
    Json,
    LocalPlatform,
    Now,
    OnChange,
    Refused,
    read_arguments,
)
from handlers.local.telegram_api import (
    ARGUMENTS,
    JSON_ARGUMENTS,
    CallbackQuery,
    TelegramApi,
    TelegramMessage,
    TelegramUser,
    TelegramWorld,
)
from handlers.local.telegram_limits import MAX_TEXT, check_webhook
from handlers.local.telegram_text import found_entities
from handlers.local.telegram_updates import Updates

TOKEN = "4242:local-token"  # noqa: S105 - invented, for the loopback only
BOT: Json = {"id": 4242, "is_bot": True, "first_name": "Cordée", "username": "cordee_bot"}
METHODS = {name.lower(): name for name in ARGUMENTS}
SENDS = frozenset({"sendMessage", "sendDocument", "sendPhoto"})
PER_SECOND = 30
START = re.compile(r"[A-Za-z0-9_-]{1,64}")
MARKED = frozenset({"url", "mention", "text_link", "text_mention", "email", "bot_command"})


class FakeTelegram(LocalPlatform):
    """One bot account, and the people who may talk to it.

    Attributes:
        world: Everything there is to draw: `users`, `chats`, `callbacks`, `commands`,
            `descriptions`, `menu_buttons`, `actions`.
        updates: The queue: `pending`, `confirmed`, `expired`, `webhook`.
        token: What the application must show.
    """

    def __init__(
        self,
        now: Now,
        *,
        token: str = TOKEN,
        enforce_rate: bool = False,
        on_change: OnChange | None = None,
    ) -> None:
        """Build it stopped and empty; add people, then `start`."""
        super().__init__(now, enforce_rate=enforce_rate, on_change=on_change)
        self.token = token
        self.world = TelegramWorld(now, BOT)
        self.updates = Updates(now, self._spawn, self._called_back)
        self._api = TelegramApi(self.world)
        self._queries = 0

    @property
    def base_url(self) -> str:
        """The server's root, without `/bot`: PTB wants `base_url + "/bot"`."""
        return self.origin

    @property
    def unanswered(self) -> list[CallbackQuery]:
        """The presses whose client still spins."""
        return [q for q in self.world.callbacks.values() if q.answer is None]

    @override
    async def stop(self) -> None:
        await self.updates.close()
        await super().stop()

    # ------------------------------------------------------------------ the application's side

    @override
    def _routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/bot{token}/{method}", self._bot_api)

    async def _bot_api(self, request: web.Request) -> web.StreamResponse:
        method = METHODS.get(request.match_info["method"].lower(), request.match_info["method"])
        arguments = await read_arguments(request, JSON_ARGUMENTS)
        fault = self._fault(method)
        if fault is not None and fault.startswith("429:"):
            answer = self._flooded(int(fault[4:]))
            self._record(method, arguments, answer, fault)
            return _as_response(answer)
        if fault == "refused":
            words = "Bad Request: message is too long"
            answer = {"ok": False, "error_code": 400, "description": words}
            self._record(method, arguments, answer, fault)
            return _as_response(answer)
        if fault in {"500", "drop_before", "timeout_before"}:
            self._record(method, arguments, None, fault)
            return await self._fail(request, fault)
        answer = await self._answer(method, arguments, request.match_info["token"])
        if method != "getUpdates" or answer.get("result") != []:
            self._record(method, arguments, answer, fault)
        if fault is not None:
            return await self._fail(request, fault)
        return _as_response(answer)

    async def _fail(self, request: web.Request, fault: str) -> web.StreamResponse:
        if fault.startswith("500"):
            words = "Internal Server Error"
            return _as_response({"ok": False, "error_code": 500, "description": words})
        return await self._swallow(request, fault)

    @staticmethod
    def _flooded(wait: int) -> Json:
        return {
            "ok": False,
            "error_code": 429,
            "description": f"Too Many Requests: retry after {wait}",
            "parameters": {"retry_after": wait},
        }

    async def _answer(self, method: str, arguments: Json, token: str) -> Json:
        self._api.remarks = []
        try:
            self._check(method, arguments, token)
            wait = self._wait(method, arguments)
            if wait is not None:
                return self._flooded(wait)
            return {"ok": True, **await self._do(method, arguments)}
        except Refused as no:
            if no.fault_of == "caller":
                self._refuse(method, no.error, no.details, arguments)
            return {"ok": False, "error_code": no.status, "description": no.error}

    def _check(self, method: str, arguments: Json, token: str) -> None:
        if token != self.token:
            raise Refused("Unauthorized", status=401)
        if method not in ARGUMENTS:
            raise Refused("Not Found", status=404)
        self._api.check_arguments(method, arguments)

    def _wait(self, method: str, arguments: Json) -> int | None:
        if method not in SENDS:
            return None
        chat = self._too_many(f"chat {arguments.get('chat_id')}", 1, 1.0)
        return chat if chat is not None else self._too_many("all", PER_SECOND, 1.0)

    async def _do(self, method: str, arguments: Json) -> Json:
        if method == "getUpdates":
            return {"result": await self.updates.poll(arguments)}
        if method == "getWebhookInfo":
            return {"result": self.updates.webhook_info()}
        if method == "deleteWebhook":
            was = "deleted" if self.updates.webhook is not None else "already deleted"
            self.updates.set_webhook(
                {"drop_pending_updates": arguments.get("drop_pending_updates")}
            )
            return {"result": True, "description": f"Webhook is {was}"}
        if method == "setWebhook":
            if arguments.get("url"):
                check_webhook(arguments)
            self.updates.set_webhook(arguments)
            return {"result": True, "description": "Webhook was set"}
        return {"result": self._api.handle(method, arguments)}

    async def _called_back(self, body: Json) -> None:
        """Carry out the method call that came in a webhook's response."""
        arguments = {name: value for name, value in body.items() if name != "method"}
        method = METHODS.get(str(body["method"]).lower(), str(body["method"]))
        self._record(method, arguments, await self._answer(method, arguments, self.token), None)

    def _record(self, method: str, arguments: Json, answer: Json | None, fault: str | None) -> None:
        remarks, self._api.remarks = tuple(self._api.remarks), []
        for remark in remarks:
            self._refuse(method, remark, arguments=arguments)
        refused = answer is None or not answer["ok"]
        result = answer.get("result") if answer is not None else None
        marks = () if refused or not isinstance(result, dict) else tuple(_marks(result))
        moment = time.monotonic()
        self.calls.append(
            Call(method, arguments, answer, self.now(), moment, refused, fault, remarks, marks)
        )
        self._changed()

    # ------------------------------------------------------------------ what people do

    def add_user(
        self, user: int, first_name: str, language_code: str | None = "fr"
    ) -> TelegramUser:
        """Let a person exist; the bot cannot write to them before they start or write."""
        self.world.users[user] = person = TelegramUser(user, first_name, language_code)
        self.world.chats.setdefault(user, [])
        return person

    def add_group(self, chat: int, title: str, *, has_bot: bool = True) -> TelegramUser:
        """A group of people, with or without the bot; `chat` is negative, as Telegram's are."""
        self.world.users[chat] = group = TelegramUser(chat, title, started=has_bot)
        self.world.chats.setdefault(chat, [])
        return group

    def messages(self, user: int) -> list[TelegramMessage]:
        """What stands in this person's chat (or in a group), oldest first."""
        return list(self.world.chats[user])

    def commands_for(self, user: int) -> list[Json]:
        """The menu this person's client shows: the scope first, then the language."""
        language = (self.world.users[user].language_code or "")[:2]
        for scope in (("chat", user), ("all_private_chats", None), ("default", None)):
            for code in (language, ""):
                found = self.world.commands.get((*scope, code))
                if found:
                    return found
        return []

    async def send(
        self, user: int, text: str, reply_to: int | None = None, *, repeat: int = 1
    ) -> int:
        """Write to the bot.

        Args:
            user: Who writes.
            text: As typed, at most 4096 characters.
            reply_to: The message answered; None lets the client answer the last message when it
                asked for it (`force_reply`), 0 means none.
            repeat: How many times the same update is delivered.

        Returns:
            The message's id.

        Raises:
            ValueError: Empty or too long for one message.
        """
        if not 1 <= len(text.strip()) <= MAX_TEXT:
            what = "a message has 1 to 4096 characters"
            raise ValueError(what)
        person, chat = self.world.users[user], self.world.chats[user]
        if person.blocked:
            self._blocks(person, blocked=False)
        person.started = True
        if reply_to is None and chat and (chat[-1].markup or {}).get("force_reply"):
            reply_to = chat[-1].id
        message = TelegramMessage(0, user, False, self.now(), text, found_entities(text))
        message.reply_to = reply_to or None
        self.world.add(message)
        self.updates.add("message", self.world.as_json(message), user, repeat)
        self._changed()
        await asyncio.sleep(0)
        return message.id

    async def sticker(self, user: int) -> int:
        """Send a sticker: a message without a word. Returns the message's id."""
        self.world.users[user].started = True
        message = self.world.add(TelegramMessage(0, user, False, self.now(), ""))
        shown = {name: v for name, v in self.world.as_json(message).items() if name != "text"}
        art = {"file_id": "s1", "file_unique_id": "s1", "type": "regular", "width": 512}
        art |= {"height": 512, "is_animated": False, "is_video": False}
        self.updates.add("message", shown | {"sticker": art}, user)
        self._changed()
        return message.id

    async def press_start(self, user: int, payload: str | None = None, *, repeat: int = 1) -> int:
        """Press Start, from the profile or by the deep link `t.me/BOT?start=PAYLOAD`.

        Args:
            user: Who presses.
            payload: What the link carries: 1 to 64 of `A-Za-z0-9_-`.
            repeat: How many times the update is delivered.

        Returns:
            The message's id.

        Raises:
            ValueError: Telegram makes no such link.
        """
        if payload is not None and not START.fullmatch(payload):
            what = f"no deep link can carry {payload!r}"
            raise ValueError(what)
        text = "/start" if payload is None else f"/start {payload}"
        return await self.send(user, text, 0, repeat=repeat)

    async def edit(self, user: int, message_id: int, text: str) -> None:
        """Edit one's own message; the bot gets `edited_message`."""
        message = self._seen(user, message_id)
        if message.by_bot:
            what = "people edit their own messages"
            raise ValueError(what)
        message.text, message.entities = text, found_entities(text)
        message.edited = self.now()
        self.updates.add("edited_message", self.world.as_json(message), user)
        self._changed()

    async def press(
        self, user: int, message_id: int, button: str, *, repeat: int = 1
    ) -> CallbackQuery | None:
        """Press a button.

        Args:
            user: Who presses.
            message_id: The message it stands under.
            button: Its text or its `callback_data`; a reply keyboard's button sends its text.
            repeat: How many times the same update is delivered.

        Returns:
            The query, whose `answer` appears once the bot has given it; None for a reply keyboard.

        Raises:
            ValueError: There is no such message or button, or the button only opens an address.
        """
        message = self._seen(user, message_id)
        markup = message.markup or {}
        if "keyboard" in markup:
            rows = [[b if isinstance(b, str) else b["text"] for b in r] for r in markup["keyboard"]]
            if any(button in row for row in rows):
                await self.send(user, button, 0, repeat=repeat)
                return None
        buttons = [b for row in markup.get("inline_keyboard", []) for b in row]
        for name in ("callback_data", "text"):
            for one in buttons:
                if one.get(name) == button and "callback_data" in one:
                    return self._query(user, message, str(one["callback_data"]), repeat)
        what = f"no button {button!r} under message {message_id}; {[b['text'] for b in buttons]}"
        raise ValueError(what)

    async def press_forged(self, user: int, message_id: int, data: str) -> CallbackQuery:
        """Send a callback the message does not show (any more): a late click, or a forged one."""
        message = self.world.find(user, message_id)
        if message is None:
            message = TelegramMessage(message_id, user, True, self.now(), "")
        return self._query(user, message, data, 1)

    def _query(self, user: int, message: TelegramMessage, data: str, repeat: int) -> CallbackQuery:
        self._queries += 1
        query = CallbackQuery(str(self._queries), user, message.id, data, time.monotonic())
        self.world.callbacks[query.id] = query
        content = {
            "id": query.id,
            "from": self.world.users[user].as_user(),
            "message": self.world.as_json(message),
            "chat_instance": f"instance-{user}",
            "data": data,
        }
        self.updates.add("callback_query", content, user, repeat)
        self._changed()
        return query

    def _seen(self, user: int, message_id: int) -> TelegramMessage:
        message = self.world.find(user, message_id)
        if message is None:
            what = f"{user} sees no message {message_id}"
            raise ValueError(what)
        return message

    async def block(self, user: int) -> None:
        """Block the bot: nothing more can be sent, and the bot is told."""
        self._blocks(self.world.users[user], blocked=True)

    async def unblock(self, user: int) -> None:
        """Take the bot back."""
        self._blocks(self.world.users[user], blocked=False)

    def _blocks(self, person: TelegramUser, *, blocked: bool) -> None:
        person.blocked = blocked
        states: list[Json] = [
            {"user": BOT, "status": "member"},
            {"user": BOT, "status": "kicked", "until_date": 0},
        ]
        content = {
            "chat": person.as_chat(),
            "from": person.as_user(),
            "date": int(self.now().timestamp()),
            "old_chat_member": states[not blocked],
            "new_chat_member": states[blocked],
        }
        self.updates.add("my_chat_member", content, person.id)
        self._changed()

    async def redeliver(self, update_id: int) -> None:
        """Deliver an update a second time, as Telegram may."""
        self.updates.redeliver(update_id)


def _as_response(answer: Json) -> web.Response:
    headers = {}
    if "parameters" in answer:
        headers["Retry-After"] = str(answer["parameters"]["retry_after"])
    return web.json_response(answer, status=answer.get("error_code", 200), headers=headers)


def _marks(message: Json) -> list[str]:
    """The parts of a sent text on which a reader may press, as the reader sees them."""
    text = message.get("text") or message.get("caption") or ""
    units = text.encode("utf-16-le")
    found = []
    for entity in message.get("entities", []) + message.get("caption_entities", []):
        if entity["type"] in MARKED:
            first, last = 2 * entity["offset"], 2 * (entity["offset"] + entity["length"])
            shown = units[first:last].decode("utf-16-le")
            found.append(f"{entity['url']}|{shown}" if "url" in entity else shown)
    return found
