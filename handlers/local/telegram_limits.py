"""What Telegram takes as keyboards, commands and webhook addresses, and how it refuses the rest.

Pure functions; refuses to know chats and requests. Numbers and error texts come from the Bot API's
documentation and from tdlib's sources.
"""

import re
from typing import Any
from urllib.parse import urlsplit

from handlers.local.ledger import Json, Refused

MAX_TEXT = 4096
MAX_CAPTION = 1024
MAX_DATA_BYTES = 64
MAX_BUTTONS = 100
MAX_ROW = 8
MAX_PLACEHOLDER = 64
MAX_COMMANDS = 100
MAX_TOAST = 200
MAX_DOCUMENT = 50 * 1024 * 1024
MAX_PHOTO = 10 * 1024 * 1024

BUTTON_ACTIONS = (
    "callback_data",
    "url",
    "web_app",
    "login_url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat",
    "copy_text",
    "callback_game",
    "pay",
)
BUTTON_FIELDS = frozenset({"text", "icon_custom_emoji_id", "style", *BUTTON_ACTIONS})
REPLY_BUTTON_FIELDS = frozenset(
    {
        "text",
        "icon_custom_emoji_id",
        "style",
        "request_users",
        "request_chat",
        "request_contact",
        "request_location",
        "request_poll",
        "web_app",
    }
)
REPLY_KEYBOARD_FIELDS = frozenset(
    {
        "keyboard",
        "is_persistent",
        "resize_keyboard",
        "one_time_keyboard",
        "input_field_placeholder",
        "selective",
    }
)
SCOPES = frozenset(
    {
        "default",
        "all_private_chats",
        "all_group_chats",
        "all_chat_administrators",
        "chat",
        "chat_administrators",
        "chat_member",
    }
)
CHAT_ACTIONS = frozenset(
    {
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "upload_document",
        "choose_sticker",
        "find_location",
        "record_video_note",
        "upload_video_note",
    }
)
WEBHOOK_PORTS = (443, 80, 88, 8443)
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def bad(what: str) -> Refused:
    """A 400 in Telegram's form."""
    return Refused(f"Bad Request: {what}")


def check_markup(markup: Any, remarks: list[str], *, inline_only: bool = False) -> Json | None:
    """Check a `reply_markup`.

    Args:
        markup: Decoded JSON, or None.
        remarks: Unknown fields are noted here; Telegram ignores them.
        inline_only: An edit takes inline keyboards only.

    Returns:
        The markup to store; None for none and for an empty inline keyboard.

    Raises:
        Refused: Telegram would not take it.
    """
    if markup is None or markup == "":
        return None
    if not isinstance(markup, dict):
        raise bad("object expected as reply markup")
    if "inline_keyboard" in markup:
        _unknown(markup, frozenset({"inline_keyboard"}), remarks)
        return _inline(markup, remarks)
    if inline_only and markup:
        raise bad("inline keyboard expected")
    if "keyboard" in markup:
        _unknown(markup, REPLY_KEYBOARD_FIELDS, remarks)
        return _keyboard(markup, remarks)
    if markup.get("force_reply"):
        known = frozenset({"force_reply", "input_field_placeholder", "selective"})
        _unknown(markup, known, remarks)
        _placeholder(markup)
        return markup
    if markup.get("remove_keyboard"):
        _unknown(markup, frozenset({"remove_keyboard", "selective"}), remarks)
        return markup
    for name in ("force_reply", "remove_keyboard"):
        if name in markup and not isinstance(markup[name], bool):
            raise bad(f'field "{name}" must be of type Boolean')
    return None


def _unknown(thing: Json, known: frozenset[str], remarks: list[str]) -> None:
    remarks += [f"unknown parameter: reply_markup {name}" for name in sorted(thing.keys() - known)]


def _rows(rows: Any, name: str) -> list[list[Any]]:
    if not isinstance(rows, list):
        raise bad(f'field "{name}" must be of type Array')
    if not all(isinstance(row, list) for row in rows):
        raise bad(f'field "{name}" must be an Array of Arrays')
    if sum(len(row) for row in rows) > MAX_BUTTONS or any(len(row) > MAX_ROW for row in rows):
        raise bad("reply markup is too long")
    return rows


def _inline(markup: Json, remarks: list[str]) -> Json | None:
    rows = _rows(markup["inline_keyboard"], "inline_keyboard")
    for row in rows:
        for button in row:
            _inline_button(button, remarks)
    return markup if any(rows) else None


def _inline_button(button: Any, remarks: list[str]) -> None:
    fault = "can't parse inline keyboard button: "
    if not isinstance(button, dict):
        raise bad(fault + "InlineKeyboardButton must be an Object")
    _unknown(button, BUTTON_FIELDS, remarks)
    if "text" not in button:
        raise bad(fault + 'Can\'t find field "text"')
    if not isinstance(button["text"], str):
        raise bad(fault + 'Field "text" must be of type String')
    if not button["text"].strip():
        raise bad("inline keyboard button text must be non-empty")
    actions = [name for name in BUTTON_ACTIONS if button.get(name) not in (None, "", False)]
    if "switch_inline_query" in button or "switch_inline_query_current_chat" in button:
        return
    if not actions:
        raise bad(fault + "Text buttons are unallowed in the inline keyboard")
    if len(actions) > 1:
        raise bad(fault + "exactly one optional field must be used")
    if actions[0] == "callback_data":
        if not 1 <= len(str(button["callback_data"]).encode()) <= MAX_DATA_BYTES:
            raise bad("BUTTON_DATA_INVALID")
    elif actions[0] == "url":
        _url(str(button["url"]))
    elif actions[0] == "web_app":
        app = button["web_app"]
        url = str(app.get("url", "")) if isinstance(app, dict) else ""
        if not url.startswith("https://"):
            only = "Only HTTPS links are allowed"
            raise bad(f"inline keyboard button Web App URL '{url}' is invalid: {only}")
    elif actions[0] in {"pay", "callback_game"}:
        raise bad("BUTTON_TYPE_INVALID")


def _url(url: str) -> None:
    fault = f"inline keyboard button URL '{url}' is invalid: "
    scheme, _, rest = url.rpartition("://")
    if scheme.lower() in {"tg", "ton"}:
        return
    if scheme.lower() not in {"", "http", "https"}:
        raise bad(fault + "Unsupported URL protocol")
    host = urlsplit(f"//{rest}").hostname or ""
    if not re.fullmatch(r"[\w-]+(\.[\w-]+)+", host):
        raise bad(fault + "Wrong HTTP URL")


def _keyboard(markup: Json, remarks: list[str]) -> Json:
    rows = _rows(markup["keyboard"], "keyboard")
    if not any(rows):
        raise bad("keyboard must be non-empty")
    for row in rows:
        for button in row:
            if isinstance(button, dict):
                _unknown(button, REPLY_BUTTON_FIELDS, remarks)
            text = button.get("text") if isinstance(button, dict) else button
            if not isinstance(text, str) or not text.strip():
                raise bad("keyboard button text must be non-empty")
    for name in ("is_persistent", "resize_keyboard", "one_time_keyboard", "selective"):
        if name in markup and not isinstance(markup[name], bool):
            raise bad(f'field "{name}" must be of type Boolean')
    _placeholder(markup)
    return markup


def _placeholder(markup: Json) -> None:
    if "input_field_placeholder" in markup:
        length = len(str(markup["input_field_placeholder"]))
        if not 1 <= length <= MAX_PLACEHOLDER:
            raise bad("input field placeholder must be 1-64 characters")


def check_commands(commands: Any) -> list[Json]:
    """Check the list of `setMyCommands`; the commands, a leading slash removed.

    Raises:
        Refused: A name or description Telegram does not take.
    """
    if not isinstance(commands, list):
        raise bad("can't parse commands: expected an Array of BotCommand")
    if len(commands) > MAX_COMMANDS:
        raise bad("BOT_COMMANDS_TOO_MUCH")
    out = []
    for command in commands:
        if not isinstance(command, dict):
            raise bad("can't parse BotCommand: expected an Object")
        name = str(command.get("command", "")).removeprefix("/")
        description = str(command.get("description", "")).strip()
        if not re.fullmatch(r"[a-z0-9_]{1,32}", name):
            raise bad("BOT_COMMAND_INVALID")
        if not description:
            raise bad("command description must be non-empty")
        if len(description) > 256:
            raise bad("command description must not exceed 256 characters")
        out.append({"command": name, "description": description})
    return out


def check_scope(arguments: Json) -> tuple[str, int | None, str]:
    """The scope, its chat and the language of a command list.

    Raises:
        Refused: No such scope or language code.
    """
    scope = arguments.get("scope") or {"type": "default"}
    kind = scope.get("type") if isinstance(scope, dict) else None
    if kind not in SCOPES:
        raise bad("can't parse BotCommandScope: Unsupported type specified")
    chat = scope.get("chat_id")
    if kind in {"chat", "chat_administrators", "chat_member"} and chat is None:
        raise bad("can't parse BotCommandScope: Can't find field \"chat_id\"")
    return kind, int(chat) if chat is not None else None, check_language(arguments)


def check_language(arguments: Json) -> str:
    """The two-letter `language_code`, or nothing for everybody else.

    Raises:
        Refused: Not two small letters.
    """
    code = str(arguments.get("language_code") or "")
    if code and not re.fullmatch(r"[a-z]{2}", code):
        raise bad("invalid language code specified")
    return code


def check_webhook(arguments: Json) -> None:
    """Check the address and options of `setWebhook`; loopback may speak plain HTTP on any port.

    Raises:
        Refused: Telegram would not deliver there.
    """
    secret = str(arguments.get("secret_token") or "")
    if secret and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", secret):
        raise bad("secret token contains unallowed characters")
    most = str(arguments.get("max_connections") or "40")
    if not most.isdigit() or not 1 <= int(most) <= 100:
        raise bad("bad webhook: max_connections must be 1-100")
    parts = urlsplit(str(arguments["url"]))
    if parts.hostname in LOOPBACK:
        return
    if parts.scheme != "https":
        raise bad("bad webhook: An HTTPS URL must be provided for webhook")
    if (parts.port or 443) not in WEBHOOK_PORTS:
        raise bad("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")
