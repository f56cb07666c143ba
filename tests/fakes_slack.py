"""A local Slack for a test, an application connected to it, and blocks to send."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.local.fake_slack import FakeSlack

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
async def slack(clock: Clock) -> AsyncIterator[FakeSlack]:
    fake = FakeSlack(clock)
    fake.add_user("ULEA", "Léa Martin", email="lea@example.org")
    fake.add_user("UPAUL", "Paul & Cie", locale="en-GB", tz="Europe/London")
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
def client(slack: FakeSlack) -> AsyncWebClient:
    return web_client(slack)


def web_client(slack: FakeSlack, token: str = "xoxb-local", timeout: int = 5) -> AsyncWebClient:
    return AsyncWebClient(token=token, base_url=slack.base_url, retry_handlers=[], timeout=timeout)


@pytest.fixture
async def app(slack: FakeSlack, client: AsyncWebClient) -> AsyncIterator[AsyncApp]:
    bolt = AsyncApp(client=client, request_verification_enabled=False)
    handler = AsyncSocketModeHandler(bolt, slack.secrets.app_token)
    await handler.connect_async()  # type: ignore[no-untyped-call]
    await until(lambda: slack.sockets == 1)
    yield bolt
    await handler.close_async()  # type: ignore[no-untyped-call]


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - any state of the fake may be waited for
            await asyncio.sleep(0.005)


async def refused(call: Awaitable[Any]) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def post(client: AsyncWebClient, **body: Any) -> None:
    """Without the client's own checks."""
    await client.api_call("chat.postMessage", json={"channel": "ULEA", **body})


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def button(action_id: str = "go", label: str = "Oui", **more: Any) -> Json:
    return {"type": "button", "action_id": action_id, "text": plain(label), **more}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def section(text: str = "Bonjour", **more: Any) -> Json:
    return {"type": "section", "text": mrkdwn(text), **more}


def option(label: str, value: str | None = None) -> Json:
    return {"text": plain(label), "value": value or label}


def menu(count: int = 1, kind: str = "static_select", **more: Any) -> Json:
    options = [option(f"Choix {i}", str(i)) for i in range(count)]
    return {"type": kind, "action_id": "menu", "options": options, **more}


def typed(**more: Any) -> Json:
    return {"type": "plain_text_input", "action_id": "text", **more}


def ask(element: Json, block_id: str = "q", **more: Any) -> Json:
    return {
        "type": "input",
        "block_id": block_id,
        "label": plain("Ta question"),
        "element": element,
        **more,
    }


def modal(*blocks: Json, **more: Any) -> Json:
    return {
        "type": "modal",
        "title": plain("Demande"),
        "submit": plain("Envoyer"),
        "blocks": list(blocks),
        **more,
    }
