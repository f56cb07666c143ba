"""What one person sees of the bot, looked at cheaply and often, and what they can do there.

The same for both platforms. Refuses to know what the bot means by what it says.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from handlers.local.fake_slack import FakeSlack
from handlers.local.fake_telegram import FakeTelegram
from handlers.local.slack_world import elements_of, options_of
from tests.run_people import plain, texts_of

LOOK_EVERY = 0.02
MARK = "·"  # sent to the staff in silence and deleted: the end of the range of a look-up


@dataclass(frozen=True)
class Said:
    """A message of the bot as it stands now.

    Attributes:
        key: The platform's id in this chat.
        text: What it says.
        labels: What can be pressed.
        place: Its place in the chat, the person's own messages counted.
        edited: Changed after it was posted.
    """

    key: str
    text: str
    labels: tuple[str, ...]
    place: int
    edited: bool


class Screen(ABC):
    """One person's conversation with the bot."""

    name: str

    @abstractmethod
    def raw(self) -> list[Any]:
        """All messages, oldest first, the person's own too."""

    @abstractmethod
    def read(self, message: Any, place: int) -> Said | None:
        """One message, or None when it is the person's own."""

    @abstractmethod
    async def say(self, text: str) -> bool:
        """Write; False when the platform says at once that it was not received."""

    @abstractmethod
    async def command(self, verb: str, rest: str = "") -> bool:
        """Use a command; False as above."""

    @abstractmethod
    async def press(self, on: Said, label: str) -> bool:
        """Press a button; False as above."""

    def here(self) -> int:
        """The place of whatever comes next."""
        return len(self.raw())

    def since(self, place: int) -> list[Said]:
        """What the bot has said from that place on."""
        messages = self.raw()[place:]
        found = (self.read(m, place + n) for n, m in enumerate(messages))
        return [one for one in found if one is not None]

    async def until(self, what: Callable[[], Said | None], patience: float) -> Said | None:
        """Look until there is something, or patience ends."""
        end = time.monotonic() + patience
        while (found := what()) is None and time.monotonic() < end:
            await asyncio.sleep(LOOK_EVERY)
        return found

    async def hears(self, *words: str, since: int, patience: float) -> Said | None:
        """Wait for a message, from that place on, that says all of this."""

        def found() -> Said | None:
            return next((s for s in self.since(since) if all(w in s.text for w in words)), None)

        return await self.until(found, patience)


class SlackScreen(Screen):
    """A member of the workspace."""

    def __init__(self, slack: FakeSlack, user: str, name: str) -> None:
        self.slack, self.user, self.name = slack, user, name
        if user not in slack.world.users:
            slack.add_user(user, name)

    @override
    def raw(self) -> list[Any]:
        return self.slack.world.dm_of(self.user).messages

    @override
    def read(self, message: Any, place: int) -> Said | None:
        if not message.by_bot:
            return None
        labels, shown = [], []
        for _, element in elements_of(message.blocks):
            found = options_of(element) or [element]
            labels += [plain(o["text"]["text"]) for o in found if "text" in o]
        for block in message.blocks:
            if block["type"] != "actions":
                shown += texts_of(block)
        text = plain("\n".join(shown or [message.text]))
        return Said(message.ts, text, tuple(labels), place, message.edited)

    @override
    async def say(self, text: str) -> bool:
        await self.slack.dm(self.user, text)
        return True  # Slack shows nothing, and delivers events again

    @override
    async def command(self, verb: str, rest: str = "") -> bool:
        ack = await self.slack.slash(self.user, "/cordee", f"{verb} {rest}".strip())
        return ack.ok

    @override
    async def press(self, on: Said, label: str) -> bool:
        message = self.slack.world.dm_of(self.user).find(on.key, ephemeral=True)
        if message is None:
            return True
        for _, element in elements_of(message.blocks):
            for one in options_of(element) or [element]:
                if plain(one.get("text", {}).get("text", "")) == label:
                    shown = one["text"]["text"]
                    ack = await self.slack.press(self.user, self.user, on.key, shown)
                    return ack.ok
        return True  # it has changed meanwhile


class TelegramScreen(Screen):
    """Somebody with a private chat."""

    def __init__(self, telegram: FakeTelegram, user: int, name: str) -> None:
        self.telegram, self.user, self.name = telegram, user, name
        if user not in telegram.world.users:
            telegram.add_user(user, name)

    @override
    def raw(self) -> list[Any]:
        # What goes again would move the places of what stays.
        return [m for m in self.telegram.world.chats[self.user] if m.text != MARK]

    @override
    def read(self, message: Any, place: int) -> Said | None:
        if not message.by_bot:
            return None
        rows = (message.markup or {}).get("inline_keyboard", [])
        labels = tuple(plain(b["text"]) for row in rows for b in row)
        edited = message.edited is not None
        return Said(str(message.id), plain(message.text), labels, place, edited)

    @override
    async def say(self, text: str) -> bool:
        await self.telegram.send(self.user, text)
        return True

    @override
    async def command(self, verb: str, rest: str = "") -> bool:
        await self.telegram.send(self.user, f"/{verb.replace('-', '_')} {rest}".strip())
        return True

    @override
    async def press(self, on: Said, label: str) -> bool:
        message = self.telegram.world.find(self.user, int(on.key))
        rows = ((message.markup if message else None) or {}).get("inline_keyboard", [])
        data = [b["callback_data"] for row in rows for b in row if plain(b["text"]) == label]
        if data:
            await self.telegram.press(self.user, int(on.key), data[0])
        return True
