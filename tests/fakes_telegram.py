"""A local Telegram for a test, a bot on it, and raw calls past the library's own checks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import aiohttp
import aiohttp.web
import pytest
from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
)
from telegram.error import (
    TelegramError,
)

from handlers.local.fake_telegram import TOKEN, FakeTelegram
from handlers.telegram.request import AiohttpRequest

LEA = 7
Json = dict[str, Any]


class Clock:
    def __init__(self) -> None:
        self.time = datetime(2026, 10, 6, 9, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def telegram(clock: Clock) -> AsyncIterator[FakeTelegram]:
    fake = FakeTelegram(clock)
    fake.add_user(LEA, "Léa")
    fake.add_user(8, "Paul", language_code="en")
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
async def bot(telegram: FakeTelegram) -> AsyncIterator[Bot]:
    async with make_bot(telegram) as made:
        telegram.world.users[LEA].started = True
        yield made


def make_bot(telegram: FakeTelegram, token: str = TOKEN, seconds: float = 5) -> Bot:
    return Bot(
        token,
        base_url=telegram.base_url + "/bot",
        request=AiohttpRequest(telegram.base_url, connections=64, read_timeout=seconds),
        get_updates_request=AiohttpRequest(telegram.base_url, connections=4, read_timeout=seconds),
    )


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - any state of the fake may be waited for
            await asyncio.sleep(0.005)


async def refused(call: Awaitable[Any]) -> str:
    with pytest.raises(TelegramError) as caught:
        await call
    return caught.value.message


def keys(*rows: list[tuple[str, str]]) -> InlineKeyboardMarkup:
    made = [[InlineKeyboardButton(t, callback_data=d) for t, d in row] for row in rows]
    return InlineKeyboardMarkup(made)


async def raw(telegram: FakeTelegram, method: str, **arguments: Any) -> Json:
    """Without the library's own checks."""
    url = f"{telegram.base_url}/bot{TOKEN}/{method}"
    async with aiohttp.ClientSession() as http, http.post(url, json=arguments) as response:
        found: Json = await response.json()
        assert response.status == found.get("error_code", 200)
        return found


async def send_raw(telegram: FakeTelegram, **arguments: Any) -> str | None:
    """The refusal of a message to Léa, or None."""
    answer = await raw(telegram, "sendMessage", **{"chat_id": LEA, "text": "t", **arguments})
    return None if answer["ok"] else str(answer["description"])
