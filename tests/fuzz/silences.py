"""Who may be left without an answer: each line of `tests/SILENCES.md` as a question to a payload.

Everybody else who writes in private has to get one. This module reads the payloads by itself and
believes nothing of what the product made of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

Json = Mapping[str, Any]


def _in(thing: object, name: str) -> Any:
    return thing.get(name) if isinstance(thing, dict) else None


def _kind(update: Json) -> str:
    return next((k for k in update if k != "update_id"), "")


def _service(update: Json) -> bool:
    message = _in(update, "message")
    return not isinstance(_in(message, "text"), str) and any(
        _in(message, note)
        for note in (
            "pinned_message", "message_auto_delete_timer_changed", "write_access_allowed",
            "connected_website", "chat_background_set", "chat_owner_changed", "chat_owner_left",
            "chat_shared", "users_shared", "boost_added", "successful_payment", "refunded_payment",
            "group_chat_created", "migrate_from_chat_id", "migrate_to_chat_id",
            "video_chat_started", "video_chat_ended",
        )
    )  # fmt: skip


TELEGRAM: Final[Mapping[str, Callable[[Json], bool]]] = {
    "other update": lambda u: _kind(u) not in {"message", "callback_query", "my_chat_member"},
    "blocked or unblocked": lambda u: _kind(u) == "my_chat_member",
    "a note of the client": _service,
    "a button without a meaning": lambda u: (
        _kind(u) == "callback_query" and not isinstance(_in(_in(u, "callback_query"), "data"), str)
    ),
}


def _event(payload: Json) -> Any:
    return _in(payload, "event")


def _action(payload: Json) -> Any:
    actions = _in(payload, "actions")
    return actions[0] if isinstance(actions, list) and actions else None


def _pressed(action: Any) -> bool:
    """Whether a button or a menu bears a meaning; only these two are ever sent."""
    kind = _in(action, "type")
    value = _in(action, "value") if kind == "button" else None
    if kind == "static_select":
        value = _in(_in(action, "selected_option"), "value")
    ticked = kind == "multi_static_select" and str(_in(action, "action_id")).startswith("pick:")
    return ticked or (isinstance(value, str) and bool(value))


SLACK: Final[Mapping[str, Callable[[Json], bool]]] = {
    "an edit, a join, a deletion": lambda p: bool(
        _in(_event(p), "subtype") not in (None, "", "file_share") or _in(_event(p), "hidden")
    ),
    "the messages tab": lambda p: (
        _in(_event(p), "type") == "app_home_opened" and _in(_event(p), "tab") != "home"
    ),
    "other event": lambda p: (
        _in(p, "type") == "event_callback"
        and str(_in(_event(p), "type")) not in {"message", "app_mention", "app_home_opened"}
    ),
    "a closed form": lambda p: _in(p, "type") == "view_closed",
    "a form without a meaning": lambda p: (
        _in(p, "type") == "view_submission"
        and not (
            isinstance(_in(_in(p, "view"), "private_metadata"), str)
            and _in(_in(p, "view"), "private_metadata")
        )
    ),
    "a link, or a menu emptied": lambda p: (
        _in(p, "type") == "block_actions" and not _pressed(_action(p))
    ),
}


def human(platform: str, payload: Json) -> str | None:
    """The account of the person who wrote or pressed in private; None when there is none.

    None too where the payload is too spoilt to say who that was.
    """
    return _on_telegram(payload) if platform == "telegram" else _on_slack(payload)


def _on_telegram(update: Json) -> str | None:
    kind = _kind(update)
    body = _in(update, kind)
    message = _in(body, "message") if kind == "callback_query" else body
    author = _in(body, "from") or {}
    number = _in(author, "id")
    known = isinstance(number, int) and not isinstance(number, bool) and number > 0
    private = _in(_in(message, "chat"), "type") == "private"
    return str(number) if known and private and _in(author, "is_bot") in (False, None) else None


def _on_slack(payload: Json) -> str | None:
    kind = str(_in(payload, "type"))
    if kind == "event_callback":
        event = _event(payload)
        if _in(event, "bot_id"):
            return None
        user, channel = _in(event, "user"), _in(event, "channel")
        private = _in(event, "channel_type") == "im" and _in(event, "type") == "message"
        if not (private and isinstance(channel, str)):
            return None
    elif isinstance(_in(payload, "command"), str) and _in(payload, "command"):
        user = _in(payload, "user_id")
        if not str(_in(payload, "channel_id")).startswith("D"):
            return None
    elif kind in {"block_actions", "view_submission"}:
        user = _in(_in(payload, "user"), "id")
    else:
        return None
    known = isinstance(user, str) and re.fullmatch(r"[UW][A-Z0-9]{1,30}", user)
    return user if known and user != "USLACKBOT" else None


def silence(platform: str, payload: Json) -> str | None:
    """The line of the table that allows it, if one does."""
    table = TELEGRAM if platform == "telegram" else SLACK
    return next((name for name, fits in table.items() if fits(payload)), None)
