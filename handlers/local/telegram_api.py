"""The methods of the local Bot API that change or show chats: arguments in, result or refusal out.

Refuses to know HTTP, updates and the application; it works on a `TelegramWorld`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from handlers.local.ledger import Json, Refused, Upload
from handlers.local.telegram_limits import (
    CHAT_ACTIONS,
    MAX_CAPTION,
    MAX_DOCUMENT,
    MAX_PHOTO,
    MAX_TEXT,
    MAX_TOAST,
    bad,
    check_commands,
    check_language,
    check_markup,
    check_scope,
)
from handlers.local.telegram_text import read_text

DELETE_WITHIN = timedelta(hours=48)
DELETED_AT_ONCE = 100
CALLBACK_SECONDS = 900.0
NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same"
    " as a current content and reply markup of the message"
)
QUERY_TOO_OLD = "query is too old and response timeout expired or query ID is invalid"

JSON_ARGUMENTS = frozenset(
    {
        "allowed_updates",
        "caption_entities",
        "commands",
        "entities",
        "message_ids",
        "link_preview_options",
        "menu_button",
        "reply_markup",
        "reply_parameters",
        "scope",
        "suggested_post_parameters",
    }
)
_SEND = (
    "business_connection_id message_thread_id direct_messages_topic_id disable_notification"
    " protect_content allow_paid_broadcast message_effect_id suggested_post_parameters"
    " reply_parameters reply_markup parse_mode"
)
_EDIT = "business_connection_id chat_id message_id inline_message_id reply_markup"
ARGUMENTS: dict[str, tuple[str, str]] = {  # method -> (required, optional)
    "getMe": ("", ""),
    "getUpdates": ("", "offset limit timeout allowed_updates"),
    "setWebhook": (
        "url",
        "certificate ip_address max_connections allowed_updates drop_pending_updates secret_token",
    ),
    "deleteWebhook": ("", "drop_pending_updates"),
    "getWebhookInfo": ("", ""),
    "getChat": ("chat_id", ""),
    "sendMessage": ("chat_id text", _SEND + " entities link_preview_options"),
    "sendDocument": (
        "chat_id document",
        _SEND + " caption caption_entities thumbnail disable_content_type_detection",
    ),
    "sendPhoto": (
        "chat_id photo",
        _SEND + " caption caption_entities show_caption_above_media has_spoiler",
    ),
    "sendChatAction": ("chat_id action", "business_connection_id message_thread_id"),
    "editMessageText": ("", _EDIT + " text parse_mode entities link_preview_options rich_message"),
    "editMessageCaption": (
        "",
        _EDIT + " caption parse_mode caption_entities show_caption_above_media",
    ),
    "editMessageReplyMarkup": ("", _EDIT),
    "deleteMessage": ("chat_id message_id", ""),
    "deleteMessages": ("chat_id message_ids", ""),
    "answerCallbackQuery": ("callback_query_id", "text show_alert url cache_time"),
    "setMyCommands": ("commands", "scope language_code"),
    "getMyCommands": ("", "scope language_code"),
    "deleteMyCommands": ("", "scope language_code"),
    "setMyDescription": ("", "description language_code"),
    "setMyShortDescription": ("", "short_description language_code"),
    "setChatMenuButton": ("", "chat_id menu_button"),
}
EMPTY = {  # what Telegram says when a required argument is missing
    "chat_id": "chat_id is empty",
    "text": "message text is empty",
    "document": "there is no document in the request",
    "photo": "there is no photo in the request",
    "message_id": "message identifier is not specified",
}


@dataclass
class TelegramUser:
    """A person with a private chat.

    Attributes:
        id: Also the chat's id.
        first_name: As set by the person.
        language_code: IETF tag, or None.
        started: Pressed Start or wrote: only then may the bot write.
        blocked: Blocked the bot.
        deactivated: Deleted the account.
    """

    id: int
    first_name: str
    language_code: str | None = "fr"
    started: bool = False
    blocked: bool = False
    deactivated: bool = False

    def as_user(self) -> Json:
        """The `User` object."""
        user: Json = {"id": self.id, "is_bot": False, "first_name": self.first_name}
        return user | ({"language_code": self.language_code} if self.language_code else {})

    def as_chat(self) -> Json:
        """The `Chat` object."""
        if self.id < 0:
            return {"id": self.id, "type": "group", "title": self.first_name}
        return {"id": self.id, "type": "private", "first_name": self.first_name}


@dataclass
class TelegramMessage:
    """One message of a private chat.

    Attributes:
        id: From the account's one sequence over all private chats.
        chat: The person's id.
        by_bot: Sent by the application.
        date: When.
        text: The text or caption, without mark-up.
        entities: What is marked in it, offsets in UTF-16 units.
        markup: `reply_markup` as sent.
        edited: When last edited.
        document: A file sent with it.
        photo: The file is a picture.
        reply_to: Id of the message answered.
    """

    id: int
    chat: int
    by_bot: bool
    date: datetime
    text: str
    entities: list[Json] = field(default_factory=list)
    markup: Json | None = None
    edited: datetime | None = None
    document: Upload | None = None
    photo: bool = False
    reply_to: int | None = None


@dataclass
class CallbackQuery:
    """A press waiting for its answer.

    Attributes:
        id: The query's id.
        user: Who pressed.
        message: On which message.
        data: The button's `callback_data`.
        born: Monotonic time.
        answer: The arguments of the answer, once given.
    """

    id: str
    user: int
    message: int
    data: str
    born: float
    answer: Json | None = None


class TelegramWorld:
    """People, chats and the bot's public face."""

    def __init__(self, now: Callable[[], datetime], bot: Json) -> None:
        self.now = now
        self.bot = bot
        self.users: dict[int, TelegramUser] = {}
        self.chats: dict[int, list[TelegramMessage]] = {}
        self.callbacks: dict[str, CallbackQuery] = {}
        self.commands: dict[tuple[str, int | None, str], list[Json]] = {}
        self.descriptions: dict[tuple[str, str], str] = {}
        self.menu_buttons: dict[int | None, Json] = {}
        self.actions: list[tuple[int, str]] = []
        self.last_id = 0

    def add(self, message: TelegramMessage) -> TelegramMessage:
        """Put a message into its chat, with the next id of the account."""
        self.last_id += 1
        message.id = self.last_id
        self.chats[message.chat].append(message)
        return message

    def find(self, chat: int, message_id: int) -> TelegramMessage | None:
        """A message that is still there."""
        return next((m for m in self.chats.get(chat, []) if m.id == message_id), None)

    def as_json(self, message: TelegramMessage, *, deep: bool = True) -> Json:
        """The `Message` object."""
        person = self.users[message.chat]
        out: Json = {
            "message_id": message.id,
            "date": int(message.date.timestamp()),
            "chat": person.as_chat(),
            "from": self.bot if message.by_bot else person.as_user(),
        }
        if message.edited is not None:
            out["edit_date"] = int(message.edited.timestamp())
        name = "caption" if message.document is not None else "text"
        if message.text:
            out[name] = message.text
        if message.entities:
            out["entities" if name == "text" else "caption_entities"] = message.entities
        if message.document is not None:
            out |= self._file(message, message.document)
        if message.markup is not None and "inline_keyboard" in message.markup:
            out["reply_markup"] = message.markup
        if message.reply_to is not None and deep:
            original = self.find(message.chat, message.reply_to)
            if original is not None:
                out["reply_to_message"] = self.as_json(original, deep=False)
        return out

    @staticmethod
    def _file(message: TelegramMessage, file: Upload) -> Json:
        ids = {"file_id": f"file-{message.id}", "file_unique_id": f"u{message.id}"}
        about = {**ids, "file_size": len(file.content)}
        if message.photo:
            return {"photo": [{**about, "width": 1, "height": 1}]}
        return {"document": {**about, "file_name": file.filename, "mime_type": file.content_type}}


class TelegramApi:
    """The methods. Each takes the decoded arguments and returns `result`."""

    def __init__(self, world: TelegramWorld) -> None:
        self.world = world
        self.remarks: list[str] = []

    def handle(self, method: str, arguments: Json) -> Any:
        """Answer one call; updates and webhooks belong to the server.

        Raises:
            Refused: Telegram would answer `ok: false`.
        """
        handler: Callable[[Json], Any] = getattr(self, "_" + method)
        return handler(arguments)

    def check_arguments(self, method: str, arguments: Json) -> None:
        """Refuse what is missing, note what is unknown (Telegram ignores it).

        Raises:
            Refused: A required argument is missing.
        """
        required, optional = (names.split() for names in ARGUMENTS[method])
        unknown = sorted(arguments.keys() - set(required) - set(optional))
        self.remarks += [f"unknown parameter: {name}" for name in unknown]
        for name in required:
            if arguments.get(name) in (None, "") and (method, name) != ("setWebhook", "url"):
                raise bad(EMPTY.get(name, f"{name} is empty"))

    # ------------------------------------------------------------------ chats

    def _chat(self, arguments: Json, *, writing: bool = True) -> TelegramUser:
        wanted = str(arguments.get("chat_id") or "")
        if not wanted:
            raise bad("chat_id is empty")
        person = self.world.users.get(int(wanted)) if wanted.lstrip("-").isdigit() else None
        if person is None:
            raise bad("chat not found")
        if writing:
            self._may_write(person)
        return person

    @staticmethod
    def _may_write(person: TelegramUser) -> None:
        why = None
        if person.deactivated:
            why = "user is deactivated"
        elif person.blocked:
            why = "bot was blocked by the user"
        elif person.id < 0 and not person.started:
            why = "bot is not a member of the group chat"
        elif not person.started:
            why = "bot can't initiate conversation with a user"
        if why is not None:
            raise Refused(f"Forbidden: {why}", status=403, fault_of="world")

    def _reply_to(self, arguments: Json, chat: int) -> int | None:
        reply = arguments.get("reply_parameters")
        if not reply:
            return None
        if not isinstance(reply, dict) or "message_id" not in reply:
            raise bad('can\'t find field "message_id"')
        if self.world.find(chat, int(reply["message_id"])) is None:
            if reply.get("allow_sending_without_reply"):
                return None
            raise Refused("Bad Request: message to be replied not found", fault_of="world")
        return int(reply["message_id"])

    def _sendMessage(self, arguments: Json) -> Json:  # noqa: N802 - Telegram's name
        person = self._chat(arguments)
        text, entities = read_text(arguments, "text", "entities", MAX_TEXT)
        if not text:
            raise bad("text must be non-empty")
        return self._send(person, arguments, text, entities)

    def _sendDocument(self, arguments: Json) -> Json:  # noqa: N802 - Telegram's name
        return self._send_file(arguments, "document", MAX_DOCUMENT)

    def _sendPhoto(self, arguments: Json) -> Json:  # noqa: N802 - Telegram's name
        return self._send_file(arguments, "photo", MAX_PHOTO)

    def _send_file(self, arguments: Json, kind: str, most: int) -> Json:
        person = self._chat(arguments)
        file = arguments[kind]
        if isinstance(file, str) and file.startswith("attach://"):
            file = arguments.get(file.removeprefix("attach://"))
        if not isinstance(file, Upload):
            raise bad("wrong file identifier/HTTP URL specified")
        if not file.content:
            raise bad("file must be non-empty")
        if len(file.content) > most:
            raise Refused("Request Entity Too Large", status=413)
        if kind == "photo" and not file.content.startswith((b"\x89PNG", b"\xff\xd8", b"RIFF")):
            raise bad("IMAGE_PROCESS_FAILED")
        text, entities = read_text(arguments, "caption", "caption_entities", MAX_CAPTION)
        return self._send(person, arguments, text, entities, file=file, photo=kind == "photo")

    def _send(
        self,
        person: TelegramUser,
        arguments: Json,
        text: str,
        entities: list[Json],
        *,
        file: Upload | None = None,
        photo: bool = False,
    ) -> Json:
        message = TelegramMessage(0, person.id, True, self.world.now(), text, entities)
        message.markup = check_markup(arguments.get("reply_markup"), self.remarks)
        message.reply_to = self._reply_to(arguments, person.id)
        message.document, message.photo = file, photo
        return self.world.as_json(self.world.add(message))

    def _sendChatAction(self, arguments: Json) -> bool:  # noqa: N802 - Telegram's name
        person = self._chat(arguments)
        if arguments["action"] not in CHAT_ACTIONS:
            raise bad("wrong parameter action in request")
        self.world.actions.append((person.id, str(arguments["action"])))
        return True

    def _getChat(self, arguments: Json) -> Json:  # noqa: N802 - Telegram's name
        person = self._chat(arguments, writing=False)
        gifts = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription")
        accepted = dict.fromkeys((*gifts, "gifts_from_channels"), False)
        about = {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": accepted}
        return {**person.as_chat(), **about}

    # ------------------------------------------------------------------ editing

    def _editable(self, arguments: Json) -> TelegramMessage:
        if arguments.get("inline_message_id"):
            raise bad("MESSAGE_ID_INVALID")
        person = self._chat(arguments)
        if not arguments.get("message_id"):
            raise bad("message identifier is not specified")
        message = self.world.find(person.id, int(arguments["message_id"]))
        if message is None:
            raise Refused("Bad Request: message to edit not found", fault_of="world")
        own_keyboard = message.markup is not None and "inline_keyboard" not in message.markup
        if not message.by_bot or own_keyboard:
            raise bad("message can't be edited")
        return message

    def _editMessageText(self, arguments: Json) -> Json:  # noqa: N802 - Telegram's name
        message = self._editable(arguments)
        if message.document is not None:
            raise bad("there is no text in the message to edit")
        text, entities = read_text(arguments, "text", "entities", MAX_TEXT)
        if not text:
            raise bad("message text is empty")
        return self._edit(message, arguments, text, entities)

    def _editMessageCaption(self, arguments: Json) -> Json:  # noqa: N802 - Telegram's name
        message = self._editable(arguments)
        if message.document is None:
            raise bad("there is no caption in the message to edit")
        text, entities = read_text(arguments, "caption", "caption_entities", MAX_CAPTION)
        return self._edit(message, arguments, text, entities)

    def _editMessageReplyMarkup(self, arguments: Json) -> Json:  # noqa: N802 - Telegram's name
        message = self._editable(arguments)
        return self._edit(message, arguments, message.text, message.entities)

    def _edit(
        self, message: TelegramMessage, arguments: Json, text: str, entities: list[Json]
    ) -> Json:
        markup = check_markup(arguments.get("reply_markup"), self.remarks, inline_only=True)
        if (text, entities, markup) == (message.text, message.entities, message.markup):
            raise Refused(f"Bad Request: {NOT_MODIFIED}", fault_of="world")
        message.text, message.entities, message.markup = text, entities, markup
        message.edited = self.world.now()
        return self.world.as_json(message)

    def _deleteMessage(self, arguments: Json) -> bool:  # noqa: N802 - Telegram's name
        person = self._chat(arguments, writing=False)
        message = self.world.find(person.id, int(arguments["message_id"]))
        if message is None:
            raise Refused("Bad Request: message to delete not found", fault_of="world")
        if self.world.now() - message.date > DELETE_WITHIN:
            raise Refused("Bad Request: message can't be deleted for everyone", fault_of="world")
        self.world.chats[person.id].remove(message)
        return True

    def _deleteMessages(self, arguments: Json) -> bool:  # noqa: N802 - Telegram's name
        numbers = arguments["message_ids"]
        if not isinstance(numbers, list) or not 1 <= len(numbers) <= DELETED_AT_ONCE:
            raise bad("there must be 1-100 message identifiers")
        person = self._chat(arguments, writing=False)
        for number in numbers:  # what is not there is passed over
            if self.world.find(person.id, int(number)) is not None:
                self._deleteMessage({"chat_id": arguments["chat_id"], "message_id": number})
        return True

    def _answerCallbackQuery(self, arguments: Json) -> bool:  # noqa: N802 - Telegram's name
        query = self.world.callbacks.get(str(arguments["callback_query_id"]))
        if query is None or time.monotonic() - query.born > CALLBACK_SECONDS:
            raise Refused(f"Bad Request: {QUERY_TOO_OLD}", fault_of="world")
        if len(str(arguments.get("text") or "")) > MAX_TOAST:
            raise bad("MESSAGE_TOO_LONG")
        if arguments.get("url"):
            raise bad("URL_INVALID")
        query.answer = arguments
        return True

    # ------------------------------------------------------------------ the bot's public face

    def _getMe(self, _: Json) -> Json:  # noqa: N802 - Telegram's name
        no = ("can_read_all_group_messages", "supports_inline_queries", "can_connect_to_business")
        further = dict.fromkeys((*no, "has_main_web_app"), False)
        return {**self.world.bot, "can_join_groups": False, **further}

    def _setMyCommands(self, arguments: Json) -> bool:  # noqa: N802 - Telegram's name
        self.world.commands[check_scope(arguments)] = check_commands(arguments["commands"])
        return True

    def _getMyCommands(self, arguments: Json) -> list[Json]:  # noqa: N802 - Telegram's name
        return self.world.commands.get(check_scope(arguments), [])

    def _deleteMyCommands(self, arguments: Json) -> bool:  # noqa: N802 - Telegram's name
        self.world.commands.pop(check_scope(arguments), None)
        return True

    def _setMyDescription(self, arguments: Json) -> bool:  # noqa: N802 - Telegram's name
        return self._describe(arguments, "description", 512)

    def _setMyShortDescription(self, arguments: Json) -> bool:  # noqa: N802 - Telegram's name
        return self._describe(arguments, "short_description", 120)

    def _describe(self, arguments: Json, name: str, most: int) -> bool:
        text = str(arguments.get(name) or "")
        if len(text) > most:
            raise bad(f"bot {name.replace('_', ' ')} is too long")
        self.world.descriptions[name, check_language(arguments)] = text
        return True

    def _setChatMenuButton(self, arguments: Json) -> bool:  # noqa: N802 - Telegram's name
        button = arguments.get("menu_button") or {"type": "default"}
        if button.get("type") not in {"commands", "web_app", "default"}:
            raise bad("can't parse menu button: Unsupported type specified")
        url = (button.get("web_app") or {}).get("url", "")
        if button["type"] == "web_app" and not str(url).startswith("https://"):
            raise bad(f"menu button Web App URL '{url}' is invalid: Only HTTPS links are allowed")
        chat = self._chat(arguments, writing=False).id if arguments.get("chat_id") else None
        self.world.menu_buttons[chat] = button
        return True
