"""What comes in, after a platform adapter has read it.

This module knows no platform's payload and no storage: an adapter builds one of these from what it
received, and the bot answers it. Every event carries the account it came from; whatever it may do
is decided by that account alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal, assert_never, overload

from bot.messages import MessageRef

Platform = Literal["slack", "telegram"]
FormValue = str | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Author:
    """The account an event came from.

    Attributes:
        platform: Where the account lives.
        account: `"T1/U42"` (workspace/user) on Slack, the numeric id as text on Telegram.
        bot_account: Our own sending identity there: `"slack:T1"`, `"telegram:123456"`.
        locale: The language the platform reports (IETF, any case), if it does.
        name: The display name the platform sent along, if it did. Never stored before consent.
    """

    platform: Platform
    account: str
    bot_account: str
    locale: str | None = None
    name: str | None = None

    @property
    def chat(self) -> str:
        """The private chat of this account: the user id on Slack, the chat id on Telegram."""
        return self.account.rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    """What every event has.

    Attributes:
        id: Unique per platform event; the inbox row carries the same for deduplication.
        author: Who caused it.
        at: When the platform says it happened (UTC).
        private: Whether it happened in the private chat with the bot (or its App Home).
        reply_url: Slack's `response_url` where there is one: the way to answer in place, for one
            pair of eyes.
    """

    id: str
    author: Author
    at: datetime
    private: bool = True
    reply_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened(_Event):
    """The person opened the bot.

    Slack's App Home, or Telegram's `/start` with the deep link's payload.
    """

    payload: str | None = None
    surface: Literal["home", "start"] = "start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said(_Event):
    """The person wrote something in private. `text` is what they typed, unescaped."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed(_Event):
    """A button or a menu entry. `token` is its meaning; `picked` what a multiple menu holds now."""

    token: str
    on: MessageRef | None = None
    picked: tuple[str, ...] | None = None
    can_open_form: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted(_Event):
    """A form was sent. `values` by field id; None for an empty optional field."""

    token: str
    values: Mapping[str, FormValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Commanded(_Event):
    """A command by name, with the rest of the line as typed.

    `/cordee bilan 2026T3` is `("bilan", "2026T3")`.
    """

    name: str
    args: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached(_Event):
    """The platform says whether this account can be written to.

    Telegram's blocked and unblocked.
    """

    reachable: bool


Event = Opened | Said | Pressed | Submitted | Commanded | Reached

MOST_SAID: Final = 40_000
"""Characters of a message, and of a form's field: what Slack takes; Telegram takes a tenth."""
MOST_ARGS: Final = 2_000
"""Characters after a command's name that are read."""
# Halves of surrogate pairs, and control characters but tabs and line ends: JSON may bring them, no
# database and no platform takes them.
_UNFIT: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def readable(event: Event) -> Event:
    """The event with words that can be stored, searched and said, in a bounded time."""
    author = replace(event.author, name=_words(event.author.name, MOST_ARGS))
    if event.reply_url is not None and _UNFIT.search(event.reply_url):
        event = replace(event, reply_url=None)
    match event:
        case Said(text=text):
            return replace(event, author=author, text=_words(text, MOST_SAID))
        case Commanded(name=name, args=args):
            name, args = _words(name, MOST_ARGS), _words(args, MOST_ARGS)
            return replace(event, author=author, name=name, args=args)
        case Submitted(values=values):
            kept = {
                key: _words(value, MOST_SAID) if isinstance(value, str) else value
                for key, value in values.items()
            }
            return replace(event, author=author, values=kept)
        case Opened(payload=payload):
            return replace(event, author=author, payload=_words(payload, MOST_ARGS))
        case Pressed(on=on):
            fits = on is not None and not _UNFIT.search(on.chat + on.message)
            return replace(event, author=author, on=on if fits else None)
        case Reached():
            return replace(event, author=author)
        case _:
            assert_never(event)


@overload
def _words(text: str, most: int) -> str: ...
@overload
def _words(text: str | None, most: int) -> str | None: ...
def _words(text: str | None, most: int) -> str | None:
    return text and _UNFIT.sub("", text[:most])
