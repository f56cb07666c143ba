"""An update of Telegram's as an event of ours.

Pure: reads a dict, touches no network, no storage and no clock. Whatever the dict holds, nothing is
raised; what is not for the bot is None. This module does not know what an event leads to.

Source: Bot API `Update`; delivery protocol, "Inbound" (update ids are random after a quiet week).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from bot.events import Author, Commanded, Event, Opened, Pressed, Reached, Said
from bot.messages import MessageRef

ALLOWED_UPDATES: Final = ("message", "callback_query", "my_chat_member")

_COMMAND: Final = re.compile(
    r"/(?P<verb>[a-z0-9_]{1,32})(?:@(?P<bot>[a-z0-9_]+))?(?:\s+(?P<args>.*))?",
    re.ASCII | re.DOTALL | re.IGNORECASE,
)
# Notes of the client about the chat itself: nobody said anything, nobody waits for an answer.
_SERVICE: Final = frozenset({
    "pinned_message",
    "message_auto_delete_timer_changed",
    "write_access_allowed",
    "connected_website",
    "chat_background_set",
    "chat_owner_changed",
    "chat_owner_left",
    "chat_shared",
    "users_shared",
    "boost_added",
    "successful_payment",
    "refunded_payment",
    "group_chat_created",
    "migrate_from_chat_id",
    "migrate_to_chat_id",
    "video_chat_started",
    "video_chat_ended",
})  # fmt: skip

Json = Mapping[str, Any]


def keys(update: Json) -> tuple[str, str | None]:
    """The keys that tell a repeated delivery.

    Args:
        update: The update as the Bot API sent it.

    Returns:
        (event key, message key). The event key is the update's id with a digest of what identifies
        its content, because the ids start anew after a quiet week. There is no message key: each
        message comes in one update only, and its number is unique for one bot only.
    """
    kind = next((k for k in update if k != "update_id"), "")
    body = _dict(update.get(kind))
    message = _dict(body.get("message"))
    what = [
        kind,
        body.get("id"),
        body.get("message_id", message.get("message_id")),
        _dict(body.get("chat", message.get("chat"))).get("id"),
        _dict(body.get("from")).get("id"),
        body.get("date"),
        body.get("edit_date"),
        body.get("data"),
        _dict(body.get("new_chat_member")).get("status"),
    ]
    number = update.get("update_id")
    if not isinstance(number, int) or not 0 <= number < 2**63:  # as it should be, always
        what.append(number)
        number = "?"
    digest = hashlib.sha256(json.dumps(what, default=str).encode()).hexdigest()
    return f"{number}:{digest[:16]}", None


def read(
    update: Json, *, bot_account: str, username: str | None, received_at: datetime
) -> Event | None:
    """Read an update.

    Args:
        update: The update as the Bot API sent it.
        bot_account: Our identity that heard it, `telegram:<bot id>`.
        username: The bot's user name, to know itself when mentioned in a group.
        received_at: When it was received (UTC): a press carries no time of its own.

    Returns:
        The event, or None for what is not said to the bot: edits, other bots, talk in groups, notes
        of the client. Every message of a person in private is an event: what has no text is a
        `Said` with an empty one.
    """
    event_id = keys(update)[0]
    if message := _dict(update.get("message")):
        author = _author(message.get("from"), bot_account)
        at = _instant(message.get("date"), received_at)
        return _message(message, event_id, author, at, username) if author else None
    if query := _dict(update.get("callback_query")):
        author = _author(query.get("from"), bot_account)
        return _pressed(query, event_id, author, received_at) if author else None
    if change := _dict(update.get("my_chat_member")):
        author = _author(change.get("from"), bot_account)
        status = _dict(change.get("new_chat_member")).get("status")
        if author is None or not _is_private(change) or status not in ("kicked", "member"):
            return None
        at = _instant(change.get("date"), received_at)
        return Reached(id=event_id, author=author, at=at, reachable=status == "member")
    return None


def _message(
    message: Json, event_id: str, author: Author, at: datetime, username: str | None
) -> Event | None:
    text = message.get("text")
    if not isinstance(text, str):
        if any(message.get(kind) for kind in _SERVICE) or not _is_private(message):
            return None
        return Said(id=event_id, author=author, at=at, text="")
    private = _is_private(message)
    called = _COMMAND.fullmatch(text.strip())
    if called:
        if not private and called["bot"] and called["bot"].lower() != (username or "").lower():
            return None  # said to another bot
        name = called["verb"].lower().replace("_", "-")
        args = (called["args"] or "").strip()
        if name == "start" and private:
            return Opened(id=event_id, author=author, at=at, payload=args or None)
        if name == "start":  # what a client sends when the bot joins a group
            name = "help"
        return Commanded(id=event_id, author=author, at=at, private=private, name=name, args=args)
    if private:
        return Said(id=event_id, author=author, at=at, text=text)
    return _mentioned(text, event_id, author, at, username)


def _mentioned(
    text: str, event_id: str, author: Author, at: datetime, username: str | None
) -> Event | None:
    """In a group: `@bot verb args` is the command; without a verb, the question what it can do."""
    name = re.escape(username or "")
    said = re.match(rf"\s*@{name}\b[\s,:]*(?P<verb>\S*)\s*(?P<args>.*)", text, re.I | re.S)
    if not username or (said is None and not re.search(rf"@{name}\b", text, re.I)):
        return None
    verb = said["verb"].lstrip("/").lower().replace("_", "-") if said else ""
    return Commanded(
        id=event_id,
        author=author,
        at=at,
        private=False,
        name=verb or "help",
        args=said["args"].strip() if said else "",
    )


def _pressed(query: Json, event_id: str, author: Author, at: datetime) -> Pressed | None:
    token = query.get("data")
    if not isinstance(token, str):
        return None
    message = _dict(query.get("message"))
    chat, number = _dict(message.get("chat")).get("id"), message.get("message_id")
    known = isinstance(chat, int) and isinstance(number, int)
    on = MessageRef(str(chat), str(number)) if known else None
    return Pressed(
        id=event_id, author=author, at=at, private=_is_private(message), token=token, on=on
    )


def _author(user: object, bot_account: str) -> Author | None:
    """The person behind an update; None for a bot or nobody."""
    found = _dict(user)
    number = found.get("id")
    if not isinstance(number, int) or isinstance(number, bool) or found.get("is_bot"):
        return None
    locale = found.get("language_code")
    parts = (found.get("first_name"), found.get("last_name"))
    return Author(
        platform="telegram",
        account=str(number),
        bot_account=bot_account,
        locale=locale if isinstance(locale, str) else None,
        name=" ".join(p for p in parts if isinstance(p, str)).strip() or None,
    )


def _is_private(message: Json) -> bool:
    return _dict(message.get("chat")).get("type") == "private"


def _instant(seconds: object, default: datetime) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int) else default
    except (OverflowError, OSError, ValueError):
        return default


def _dict(value: object) -> Json:
    return value if isinstance(value, dict) else {}
