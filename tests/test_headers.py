"""Every answer of the HTTP port carries the headers: each route, each error, what is no request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from multidict import CIMultiDictProxy
from pydantic import SecretStr

from bot.policy import POLICIES, declare, policy
from bot.settings import Settings
from handlers.headers import HEADERS, content_policy
from handlers.http import MAX_BODY, application, serve
from handlers.service import Service
from tests.stores import SECRET

HOOK = "hook_Kw3rTz8pLm2xVq6y"


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """Both platforms and OAuth; none of them is there to answer."""
    settings = Settings(
        cordee_database_url=f"sqlite:///{tmp_path}/cordee.db",
        cordee_programmes=("emergence",),
        cordee_secret_key=SecretStr(SECRET),
        cordee_public_url="https://bot.exemple.invalid",
        slack_client_id="1.2",
        slack_client_secret=SecretStr("of the app"),
        slack_signing_secret=SecretStr("of Slack"),
        slack_api_url="http://127.0.0.1:9/api/",
        telegram_bot_token=SecretStr("7:x"),
        telegram_api_url="http://127.0.0.1:9",
        telegram_webhook_secret=SecretStr(HOOK),
    )
    return Service(settings, ticking=False)


@pytest.fixture
def everything(service: Service) -> web.Application:
    """All routes there are."""
    return application(service)


@pytest.fixture
async def server(everything: web.Application) -> AsyncIterator[TestServer]:
    async def broken(_request: web.Request) -> web.Response:
        raise RuntimeError("as a fault of ours would")

    declare("GET /broken", policy("anyone", scope="house"))
    everything.router.add_get("/broken", broken)
    server = TestServer(everything)
    async with server:
        yield server
    del POLICIES["GET /broken"]


def lacking(headers: CIMultiDictProxy[str]) -> set[str]:
    """Names of headers that are not there, twice there, or say less than they should."""
    found = {name for name in HEADERS if len(headers.getall(name, [])) != 1}
    found |= {
        name
        for name, value in HEADERS.items()
        if name != "Content-Security-Policy" and headers.get(name) != value
    }
    said = headers.get("Content-Security-Policy", "")
    if not said.startswith("default-src 'none'; ") or "unsafe" in said or "*" in said:
        found.add("Content-Security-Policy")
    return found | ({"Server"} & set(headers))


async def test_every_route_answers_with_all_headers(
    server: TestServer, everything: web.Application
) -> None:
    asked = set()
    async with aiohttp.ClientSession() as session:
        for route in everything.router.routes():
            assert route.resource is not None
            path = route.resource.canonical
            url = server.make_url(path)
            async with session.request(route.method, url, allow_redirects=False) as answer:
                assert not lacking(answer.headers), (route.method, path, answer.status)
                asked.add(path)
    assert {"/health", "/metrics", "/slack/events", "/slack/install", "/telegram"} <= asked


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/nothing", {}, 404),
        ("GET", "/health/", {}, 404),
        ("DELETE", "/health", {}, 405),
        ("PATCH", "/telegram", {}, 405),
        ("POST", "/telegram", {"X-Telegram-Bot-Api-Secret-Token": HOOK}, 413),
        ("GET", "/health", {"Expect": "coffee"}, 417),
        ("GET", "/broken", {}, 500),
    ],
)
async def test_every_error_answers_with_all_headers(
    server: TestServer, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    body = BytesIO(b"x" * (MAX_BODY + 1)) if status == 413 else None
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, server.make_url(path), data=body, headers=headers) as answer,
    ):
        assert answer.status == status
        assert not lacking(answer.headers)


@pytest.mark.parametrize("path", ["/slack/events", "/telegram", "/partner"])
async def test_what_is_packed_is_not_unpacked(service: Service, path: str) -> None:
    """It was an error of ours, with its lines in the log, for anybody who liked."""
    runner = await serve(service, 0, "127.0.0.1")
    host, port = runner.addresses[0][:2]
    headers = {"Content-Encoding": "gzip", "X-Telegram-Bot-Api-Secret-Token": HOOK}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"http://{host}:{port}{path}", data=b"no gzip", headers=headers) as answer,
    ):
        assert answer.status in {400, 403, 503}  # Slack's is not started
    await runner.cleanup()


async def test_what_is_no_request_reaches_no_route_and_is_answered_as_plain_words(
    server: TestServer,
) -> None:
    """The library refuses it before there is a request: its answer is the one without headers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"<script>alert(1)</script>\r\n\r\n")
    answer = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    assert answer.startswith("HTTP/1.0 400 ")
    assert "Content-Type: text/plain; charset=utf-8\r\n" in answer


def test_a_policy_allows_what_it_is_told_to_by_digest() -> None:
    assert "img-src" not in content_policy()
    # echo -n 'let a = 1' | openssl dgst -sha256 -binary | base64
    known = "'sha256-LAfYd7pbFUgwfQu8b4q135PeTG2z+/coPEUYCd74eCQ='"
    assert f"script-src {known}; " in content_policy(script="let a = 1")
    assert "form-action 'self'" in content_policy(forms=True)
