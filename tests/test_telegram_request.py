"""The library's calls by aiohttp: what is certainly not sent, what is in doubt, and documents."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from telegram import Bot, InputFile
from telegram.error import NetworkError, TimedOut

from handlers.local.fake_telegram import TOKEN, FakeTelegram
from handlers.telegram.request import AiohttpRequest, proxy_for
from tests.bench_process import free_port
from tests.fakes_telegram import LEA


@asynccontextmanager
async def served(status: int, seconds: float = 0) -> AsyncIterator[tuple[str, list[str]]]:
    """A server that answers with this status, after so long; and the calls it saw."""
    seen: list[str] = []

    async def anything(request: web.Request) -> web.StreamResponse:
        seen.append(request.path)
        await asyncio.sleep(seconds)
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", anything)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{port}", seen
    await runner.cleanup()


@asynccontextmanager
async def connected(url: str, read_timeout: float = 5) -> AsyncIterator[AiohttpRequest]:
    request = AiohttpRequest(url, connections=2, read_timeout=read_timeout)
    await request.initialize()
    yield request
    await request.shutdown()


async def test_nobody_there_means_not_sent() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    async with connected(url) as request:
        with pytest.raises(NetworkError) as caught:
            await request.post(f"{url}/bot1:secret/sendMessage")
    assert isinstance(caught.value.__cause__, aiohttp.ClientConnectorError)
    assert "secret" not in str(caught.value)


async def test_no_answer_is_a_time_out() -> None:
    async with served(200, 30) as (url, seen), connected(url, 0.05) as request:
        with pytest.raises(TimedOut) as caught:
            await request.post(f"{url}/a")
        assert not isinstance(caught.value.__cause__, aiohttp.ConnectionTimeoutError)
        assert seen == ["/a"]  # nothing is repeated


async def test_a_redirection_is_not_followed() -> None:
    async with served(307) as (url, seen), connected(url) as request:
        with pytest.raises(NetworkError):
            await request.post(f"{url}/a")
        assert seen == ["/a"]


async def test_a_document_arrives_under_its_name(bot: Bot, telegram: FakeTelegram) -> None:
    content = "é;1\r\n".encode() * 50_000
    posted = await bot.send_document(LEA, InputFile(content, filename='bilan "été".csv'))
    assert posted.document is not None
    assert posted.document.file_name == 'bilan "été".csv'
    assert posted.document.file_size == len(content)
    assert telegram.token == TOKEN


def test_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "inside.example")
    assert proxy_for("https://api.telegram.org") == "http://proxy.example:3128"
    assert proxy_for("https://inside.example") is None
    assert proxy_for("http://127.0.0.1:1") is None
