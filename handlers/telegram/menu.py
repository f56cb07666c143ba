"""The menu of commands that Telegram's clients show, per language and per role.

What the commands are called and what they do is given by the caller; this module knows only how
Telegram wants to be told.

Source: Bot API `setMyCommands` (names of 1-32 `a-z0-9_`, descriptions to 256, 100 a list; the
client picks the scope first, then the language).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from telegram import Bot, BotCommandScopeAllPrivateChats, BotCommandScopeChat
from telegram.error import BadRequest, Forbidden

from handlers.telegram.text import clip, flat

MOST_COMMANDS: Final = 100
LONGEST_DESCRIPTION: Final = 256
_NAME: Final = re.compile(r"[a-z0-9_]{1,32}", re.ASCII)

Entry = tuple[str, str]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CommandList:
    """One list as Telegram keeps it.

    Attributes:
        entries: (name, description), ready to send; empty withdraws the list.
        language: Two letters; "" for everybody whose language has no list.
        chat: The private chat it is for; None for all private chats.
    """

    entries: tuple[Entry, ...]
    language: str
    chat: str | None = None


def command_lists(
    everyone: Mapping[str, Sequence[Entry]],
    staff: Mapping[str, Mapping[str, Sequence[Entry]]],
) -> list[CommandList]:
    """Make the lists to publish.

    Args:
        everyone: By language, the most general first: (name, description) of everybody's commands.
            Hyphens in names become underscores.
        staff: By Telegram account and language, those that somebody has besides: each such
            account has a list of its own chat.

    Returns:
        For each scope a list per language, and the first language's once more for all others.

    Raises:
        ValueError: A name Telegram does not take: a fault of the program.
    """
    lists: list[CommandList] = []
    for chat in (None, *staff):
        for place, (language, own) in enumerate(everyone.items()):
            more = staff[chat].get(language, ()) if chat else ()
            entries = tuple(_entry(*entry) for entry in (*own, *more))[:MOST_COMMANDS]
            if place == 0:
                lists.append(CommandList(entries, "", chat))
            lists.append(CommandList(entries, language, chat))
    return lists


def without_staff(languages: Iterable[str], account: str) -> list[CommandList]:
    """The lists that take the staff menu away from somebody who is staff no longer."""
    return [CommandList((), language, account) for language in ("", *languages)]


async def publish(bot: Bot, lists: Iterable[CommandList]) -> None:
    """Tell Telegram.

    Args:
        bot: The library's bot, initialised.
        lists: What to set; a chat that does not know the bot yet is passed over.

    Raises:
        telegram.error.TelegramError: Telegram cannot be reached or refuses a list.
    """
    for item in lists:
        scope = BotCommandScopeChat(item.chat) if item.chat else BotCommandScopeAllPrivateChats()
        try:
            if item.entries:
                await bot.set_my_commands(item.entries, scope, item.language or None)
            else:
                await bot.delete_my_commands(scope, item.language or None)
        except (BadRequest, Forbidden):
            if item.chat is None:
                raise
            logger.info("menu passed over: the chat is not open yet language=%s", item.language)


def _entry(name: str, description: str) -> Entry:
    command = name.replace("-", "_")
    if not _NAME.fullmatch(command):
        raise ValueError(f"Telegram does not take this name of a command: {name!r}")
    return command, clip(flat(description), LONGEST_DESCRIPTION) or command
