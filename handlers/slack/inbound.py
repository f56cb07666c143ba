"""From Slack's payloads to `bot.events`: pure functions, no network, no storage.

This module refuses to know what an event leads to. It reads dictionaries as Bolt hands them over
(an Events API callback, an interaction, a slash command's form), believes none of their parts to be
there, and says None for everything that is not for the bot: its own messages, edits, joins, link
buttons, closed modals.

An account is `workspace/user`, the workspace being the one the app is installed in, whatever home
team Slack reports beside it: in an Enterprise organisation and in shared channels the reported team
changes with the payload type, and one person must stay one account.

Source: docs.slack.dev/reference/events and /reference/interaction-payloads; delivery protocol,
section 3 (keys).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from bot.events import Author, Commanded, Event, FormValue, Opened, Pressed, Said, Submitted
from bot.messages import MessageRef
from scheduling.inbox import InboxMeta

Payload = Mapping[str, Any]

KEY_LENGTH: Final = 128
_USER: Final = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)
TEXT_SUBTYPES: Final = (None, "", "file_share")  # no set: what comes may be unhashable


# --- careful reading --------------------------------------------------------------------------


def _at(thing: object, *path: str | int) -> Any:
    """What lies at a path, or None as soon as a part of it is missing or of another kind."""
    for step in path:
        if isinstance(thing, dict):
            thing = thing.get(step)
        elif isinstance(thing, list) and isinstance(step, int) and -len(thing) <= step < len(thing):
            thing = thing[step]
        else:
            return None
    return thing


def _string(thing: object, *path: str | int) -> str:
    found = _at(thing, *path)
    return found if isinstance(found, str) else ""


def _moment(ts: object, otherwise: datetime) -> datetime:
    """Slack's `1732180000.000200` as UTC."""
    try:
        return datetime.fromtimestamp(float(ts), UTC)  # type: ignore[arg-type]  # refused below
    except (TypeError, ValueError, OverflowError, OSError):
        return otherwise


_MARK = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")


def unescape(text: str) -> str:
    """A message's text as the person typed it: Slack's `<…>` marks and its three entities undone.

    An address that Slack made a link of comes back as it was written; a mention becomes `@name` or
    `@U42`.
    """

    def plain(mark: re.Match[str]) -> str:
        target, label = mark.group(1), mark.group(2)
        if target[:1] in {"@", "#"}:
            return target[:1] + (label or target[1:])
        if target[:1] == "!":
            return label or "@" + target[1:].partition("^")[0]
        return label or target.removeprefix("mailto:").removeprefix("tel:")

    return _MARK.sub(plain, text).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


# --- what deduplicates ------------------------------------------------------------------------


def _key(found: str, payload: Payload) -> str:
    """An id of the platform's as it is; a digest of everything where it is none."""
    plain = found.isascii() and found.isprintable() and len(found) < KEY_LENGTH
    return found if found and plain else _digest(payload)


def _digest(*parts: object) -> str:
    raw = json.dumps(parts, sort_keys=True, default=str, ensure_ascii=True)
    return hashlib.sha256(raw.encode()).hexdigest()


def keys(payload: Payload, team: str = "") -> tuple[str, str | None]:
    """What makes a delivery the same as another.

    Args:
        payload: As Bolt gives it.
        team: The workspace, where there are several: ids of channels are unique within one only.

    Returns:
        The event key (at most 128 characters): the `event_id`; for a command its trigger; for an
        interaction a digest of trigger, person, action and message. And for a message written to
        the bot its channel and ts, which stay the same when it is read from the history after an
        outage; else None.

    Source: delivery protocol, section 3.
    """
    if _string(payload, "type") == "event_callback":
        key = _key(_string(payload, "event_id"), payload)
        channel, ts = _string(payload, "event", "channel"), _string(payload, "event", "ts")
        is_message = _string(payload, "event", "type") == "message" and channel and ts
        place = f"{team}:{channel}/{ts}" if team else f"{channel}/{ts}"
        return key, _key(place, payload) if is_message else None
    if _string(payload, "command"):
        return f"c:{_key(_string(payload, 'trigger_id'), payload)}"[:KEY_LENGTH], None
    action = _at(payload, "actions", 0)
    key = _digest(
        _string(payload, "type"),
        _string(payload, "trigger_id") or _string(action, "action_ts"),
        _string(payload, "user", "id"),
        [_at(action, name) for name in ("block_id", "action_id", "value", "selected_option")],
        _at(action, "selected_options"),
        _string(payload, "container", "channel_id"),
        _string(payload, "container", "message_ts"),
        _string(payload, "view", "id"),
        _string(payload, "view", "hash"),
    )
    return f"i:{key}", None


def workspace(payload: Payload) -> str:
    """The workspace whose installation of the app was meant, or an empty string."""
    return (
        _string(payload, "authorizations", 0, "team_id")
        or _string(payload, "view", "app_installed_team_id")  # of a form, in a shared channel
        or _string(payload, "team_id")
        or _string(payload, "team", "id")
        or _string(payload, "user", "team_id")
        or _string(payload, "enterprise", "id")
    )


_NAMES: Final[tuple[tuple[str | int, ...], ...]] = (
    ("command",), ("event", "type"), ("actions", 0, "action_id"), ("actions", 0, "block_id"),
    ("view", "callback_id"),
)  # fmt: skip
_NEEDED: Final[Mapping[str, tuple[tuple[str | int, ...], ...]]] = {
    "block_actions": (("actions", 0, "action_id"), ("actions", 0, "type")),
    "view_submission": (("view", "callback_id"), ("view", "type")),
}


def is_named(payload: Payload) -> bool:
    """Whether what says whose work a payload is are words; the library expects no less."""
    needed = _NEEDED.get(_string(payload, "type"), ())
    return all(isinstance(_at(payload, *path), str) for path in needed) and all(
        isinstance(_at(payload, *path), str | None) for path in _NAMES
    )


# --- events -----------------------------------------------------------------------------------


def read(payload: Payload, received_at: datetime, bot_account: str | None = None) -> Event | None:
    """Read a payload.

    Args:
        payload: As Bolt gives it (`body`).
        received_at: When it arrived (UTC); used where the payload itself bears no time.
        bot_account: Our identity that heard it, `slack:T1`; else what the payload says.

    Returns:
        The event, or None when there is nothing in it for the bot.
    """
    if _string(payload, "type") == "event_callback":
        return _event(payload, received_at, bot_account)
    if _string(payload, "command"):
        return _command(payload, received_at, bot_account)
    if _string(payload, "type") == "block_actions":
        return _pressed(payload, received_at, bot_account)
    if _string(payload, "type") == "view_submission":
        return _submitted(payload, received_at, bot_account)
    return None


def reader(payload: bytes, meta: InboxMeta) -> Event | None:
    """Read a payload kept in the inbox (`scheduling.inbox.Reader`).

    Raises:
        ValueError: It is no JSON object.
    """
    found = json.loads(payload)
    if not isinstance(found, dict):
        raise ValueError("a payload is an object")  # noqa: TRY004 - what json.loads raises, too
    return read(found, meta.received_at, meta.bot_account)


def _author(payload: Payload, user: str, bot_account: str | None, name: str = "") -> Author | None:
    team = bot_account.partition(":")[2] if bot_account else workspace(payload)
    if not (team and _USER.fullmatch(user)) or user == "USLACKBOT":
        return None
    return Author("slack", f"{team}/{user}", f"slack:{team}", name=name or None)


def _event(payload: Payload, received_at: datetime, bot_account: str | None) -> Event | None:
    event = _at(payload, "event")
    author = _author(payload, _string(event, "user"), bot_account)
    if author is None or _string(event, "bot_id"):
        return None
    key, _ = keys(payload)
    at = _moment(_at(event, "event_ts") or _at(event, "ts"), received_at)
    match _string(event, "type"):
        case "message" if _is_private_text(event):
            return Said(id=key, author=author, at=at, text=unescape(_string(event, "text")))
        case "app_home_opened" if _string(event, "tab") == "home":
            return Opened(id=key, author=author, at=at, surface="home")
        case "app_mention":
            return _mention(key, author, at, _string(event, "text"))
        case _:
            return None


def _is_private_text(event: object) -> bool:
    private = _string(event, "channel_type") == "im" or (
        not _string(event, "channel_type") and _string(event, "channel").startswith("D")
    )
    return private and _at(event, "subtype") in TEXT_SUBTYPES and not _at(event, "hidden")


def _mention(key: str, author: Author, at: datetime, text: str) -> Event:
    """`@Cordée bilan 2026T3` in a channel: a command; anything else: a knock at the door."""
    name, args = _verb(re.sub(r"^\s*<@[^>]+>", "", text) if text.lstrip().startswith("<@") else "")
    if not name:
        return Opened(id=key, author=author, at=at, private=False)
    return Commanded(id=key, author=author, at=at, private=False, name=name, args=args)


def _verb(text: str) -> tuple[str, str]:
    name, _, args = unescape(text).strip().partition(" ")
    return name, args.strip()


def _command(payload: Payload, received_at: datetime, bot_account: str | None) -> Event | None:
    user, name = _string(payload, "user_id"), _string(payload, "user_name")
    author = _author(payload, user, bot_account, name)
    if author is None:
        return None
    verb, args = _verb(_string(payload, "text"))
    return Commanded(
        id=keys(payload)[0],
        author=author,
        at=received_at,
        private=_string(payload, "channel_id").startswith("D"),
        reply_url=_string(payload, "response_url") or None,
        name=verb,
        args=args,
    )


def _presser(payload: Payload, bot_account: str | None) -> Author | None:
    user = _at(payload, "user")
    name = _string(user, "username") or _string(user, "name")
    return _author(payload, _string(user, "id"), bot_account, name)


def _pressed(payload: Payload, received_at: datetime, bot_account: str | None) -> Event | None:
    author, action = _presser(payload, bot_account), _at(payload, "actions", 0)
    token, picked = _meaning(payload, action)
    if author is None or not token:
        return None
    channel = _string(payload, "container", "channel_id") or _string(payload, "channel", "id")
    message = _string(payload, "container", "message_ts") or _string(payload, "message", "ts")
    fleeting = bool(_at(payload, "container", "is_ephemeral"))  # chat.update cannot reach it
    return Pressed(
        id=keys(payload)[0],
        author=author,
        at=_moment(_at(action, "action_ts"), received_at),
        private=not channel or channel.startswith("D"),
        reply_url=_string(payload, "response_url") or None,
        token=token,
        on=MessageRef(channel, message) if channel and message and not fleeting else None,
        picked=picked,
        can_open_form=bool(_string(payload, "trigger_id")),
    )


def _meaning(payload: Payload, action: object) -> tuple[str, tuple[str, ...] | None]:
    """The token of an action, and what the multiple menu beside it holds (None: not known)."""
    action_id = _string(action, "action_id")
    match _string(action, "type"):
        case "button" if action_id.startswith("done:"):
            menu = "pick:" + action_id.removeprefix("done:")
            return _string(action, "value"), _held(_at(payload, "state", "values"), menu)
        case "button":
            return _string(action, "value"), None
        case "static_select":
            return _string(action, "selected_option", "value"), None
        case "multi_static_select" if action_id.startswith("pick:"):
            return action_id.removeprefix("pick:"), _values(_at(action, "selected_options"))
        case _:
            return "", None


def _held(state: object, action_id: str) -> tuple[str, ...] | None:
    """The selection of one multiple menu in a message's or view's state."""
    for block in state.values() if isinstance(state, Mapping) else ():
        if (element := _at(block, action_id)) is not None:
            return _values(_at(element, "selected_options"))
    return None


def _values(options: object) -> tuple[str, ...]:
    found = (_string(option, "value") for option in (options if isinstance(options, list) else ()))
    return tuple(value for value in found if value)


def _submitted(payload: Payload, received_at: datetime, bot_account: str | None) -> Event | None:
    author, token = _presser(payload, bot_account), _string(payload, "view", "private_metadata")
    if author is None or not token:
        return None
    state = _at(payload, "view", "state", "values")
    values = {
        str(block_id): _value(next(iter(elements.values()), None))
        for block_id, elements in (state.items() if isinstance(state, Mapping) else ())
        if isinstance(elements, Mapping)
    }
    return Submitted(id=keys(payload)[0], author=author, at=received_at, token=token, values=values)


def in_modal(payload: Payload) -> bool:
    """Whether it came from a window that is open."""
    return _string(payload, "view", "type") == "modal"


def fields(payload: Payload) -> list[str]:
    """The names of a form's fields, in their order."""
    blocks = _at(payload, "view", "blocks")
    inputs = [b for b in (blocks if isinstance(blocks, list) else ()) if _at(b, "type") == "input"]
    return [name for block in inputs if (name := _string(block, "block_id"))]


def _value(element: object) -> FormValue:
    """What one input holds; a modal's values arrive as typed, not escaped."""
    match _string(element, "type"):
        case "multi_static_select" | "checkboxes":
            return _values(_at(element, "selected_options")) or None
        case "static_select" | "radio_buttons":
            return _string(element, "selected_option", "value") or None
        case "datepicker":
            return _string(element, "selected_date") or None
        case _:
            return _string(element, "value") or None
