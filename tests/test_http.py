"""Health: what an operator's monitor sees, without anything personal."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from handlers.http import application
from handlers.local.stage import Stage
from storage.unit_of_work import UnitOfWork


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage("sqlite://", ["emergence"])
    await stage.start()
    yield stage
    await stage.stop()


async def ask(stage: Stage, method: str = "GET", path: str = "/health") -> tuple[int, str]:
    async with (
        TestServer(application(stage.service)) as server,
        aiohttp.ClientSession() as session,
        session.request(method, server.make_url(path)) as answer,
    ):
        return answer.status, await answer.text()


async def test_all_is_well(stage: Stage) -> None:
    status, text = await ask(stage)
    assert status == 200
    assert '"ready": true' in text


async def test_a_platform_that_is_away_is_told(stage: Stage) -> None:
    assert stage.service.slack is not None
    await stage.service.slack.stop()
    status, text = await ask(stage)
    assert status == 503
    assert '"slack": false' in text


async def test_a_database_that_is_away_is_told(stage: Stage) -> None:
    def rename(uow: UnitOfWork, old: str, new: str) -> None:
        uow.session.connection().exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}")
        uow.commit()

    await stage.read(rename, "inbox", "gone")
    status, text = await ask(stage)
    assert status == 503
    assert '"database": false' in text
    await stage.read(rename, "gone", "inbox")


@pytest.mark.parametrize("path", ["/slack/events", "/telegram"])
async def test_nobody_comes_in_without_signature_or_secret(stage: Stage, path: str) -> None:
    status, _ = await ask(stage, "POST", path)
    assert status in {401, 403, 503}
