"""People who answer a bot on the local platforms, some a second, and notice when it answers.

The same crowd talks to Cordée and to the bare handlers: it knows what is typed and pressed, not
who listens.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from bot.events import Platform
from handlers.local.fake_slack import FakeSlack
from handlers.local.fake_telegram import FakeTelegram

PER_SECOND = 12.0
ANSWER_SECONDS = 60.0
LOOK_EVERY = 0.01


def _now() -> datetime:
    return datetime.now(UTC)


class Crowd(Protocol):
    """People on one platform, numbered from 0."""

    async def start(self) -> None:
        """Raise the platform."""

    async def stop(self) -> None:
        """End it."""

    def heard(self, person: int) -> int:
        """How many messages the bot has sent this person."""

    async def say(self, person: int, text: str) -> None:
        """Write to the bot."""

    async def press(self, person: int, label: str, *, forged: bool) -> None:
        """Press a button of the last message; forged: one that the message does not show."""

    def refusals(self) -> list[str]:
        """What the platform refused."""


class SlackCrowd:
    """Members of the local workspace."""

    platform: Platform = "slack"
    bot_account = "slack:T0LOCAL"

    def __init__(self, size: int) -> None:
        self.fake = FakeSlack(_now)
        for person in range(size):
            self.fake.add_user(self._id(person), f"Personne {person}")

    @staticmethod
    def _id(person: int) -> str:
        return f"U{person:06d}"

    async def start(self) -> None:
        await self.fake.start()

    async def stop(self) -> None:
        await self.fake.stop()

    def account(self, person: int) -> str:
        return f"T0LOCAL/{self._id(person)}"

    def heard(self, person: int) -> int:
        return sum(m.by_bot for m in self.fake.messages(self._id(person)))

    async def say(self, person: int, text: str) -> None:
        await self.fake.dm(self._id(person), text)

    async def press(self, person: int, label: str, *, forged: bool) -> None:
        user = self._id(person)
        last = [m for m in self.fake.messages(user) if m.by_bot][-1]
        if forged:
            text = {"type": "plain_text", "text": label, "emoji": True}
            act = {"action_id": "act", "value": "a:1:standing:employed", "text": text}
            await self.fake.press_forged(user, user, last.ts, act)
        else:
            await self.fake.press(user, user, last.ts, label)

    def refusals(self) -> list[str]:
        return [f"{r.method}: {r.error}" for r in self.fake.refusals]


class TelegramCrowd:
    """People with a private chat on the local Telegram."""

    platform: Platform = "telegram"
    bot_account = "telegram:4242"

    def __init__(self, size: int) -> None:
        self.fake = FakeTelegram(_now)
        for person in range(size):
            self.fake.add_user(self._id(person), f"Personne {person}").started = True

    @staticmethod
    def _id(person: int) -> int:
        return 1000 + person

    async def start(self) -> None:
        await self.fake.start()

    async def stop(self) -> None:
        await self.fake.stop()

    def account(self, person: int) -> str:
        return str(self._id(person))

    def heard(self, person: int) -> int:
        return sum(m.by_bot for m in self.fake.messages(self._id(person)))

    async def say(self, person: int, text: str) -> None:
        await self.fake.send(self._id(person), text)

    async def press(self, person: int, label: str, *, forged: bool) -> None:
        user = self._id(person)
        last = [m for m in self.fake.messages(user) if m.by_bot][-1]
        if forged:
            await self.fake.press_forged(user, last.id, "a:1:standing:employed")
        else:
            await self.fake.press(user, last.id, label)

    def refusals(self) -> list[str]:
        return [f"{r.method}: {r.error}" for r in self.fake.refusals]


@dataclass
class Round:
    """What a round of updates gave.

    Attributes:
        waits: Seconds from each update to the bot's next message, as the person sees it.
    """

    waits: list[float] = field(default_factory=list)


async def a_round(
    crowd: Crowd, people: Sequence[int], label: str, *, press: bool, forged: bool = False
) -> Round:
    """Each of these people answers once, evenly spaced; returns when all have an answer.

    Args:
        crowd: Where they are.
        people: Who, in this order.
        label: What they type, or the button they press.
        press: Press instead of typing.
        forged: See `Crowd.press`.

    Raises:
        TimeoutError: Somebody got no answer.
    """
    found = Round()

    async def one(place: int, person: int) -> None:
        await asyncio.sleep(place / PER_SECOND)
        before = crowd.heard(person)
        begun = time.perf_counter()
        if press:
            await crowd.press(person, label, forged=forged)
        else:
            await crowd.say(person, label)
        while crowd.heard(person) == before:  # noqa: ASYNC110 - the platform has no other news
            await asyncio.sleep(LOOK_EVERY)
        found.waits.append(time.perf_counter() - begun)

    async with asyncio.timeout(len(people) / PER_SECOND + ANSWER_SECONDS):
        await asyncio.gather(*(one(place, person) for place, person in enumerate(people)))
    return found
