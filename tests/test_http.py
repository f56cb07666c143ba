"""Health: what an operator's monitor sees, without anything personal."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from handlers.http import application
from handlers.local.stage import OPENING, Stage
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


def rename(uow: UnitOfWork, old: str, new: str) -> None:
    uow.session.connection().exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}")
    uow.commit()


async def test_all_is_well(stage: Stage) -> None:
    status, text = await ask(stage)
    assert status == 200
    assert '"ready": true' in text


async def test_what_waits_is_shown_and_judged_by_nobody(stage: Stage) -> None:
    def wait(uow: UnitOfWork) -> None:
        uow.timers.put(key="k", kind="checkin", subject_id=0, due_at=OPENING - timedelta(days=3))
        uow.commit()

    assert stage.service.telegram is not None
    await stage.settled()
    await stage.read(wait)
    status, text = await ask(stage)
    assert status == 200
    found = json.loads(text)
    idle = {"waiting": 0, "due": 0, "lag_seconds": 0}
    assert found == {
        "ready": True,
        "database": True,
        "slack": True,
        "telegram": True,
        "inbox": idle,
        "outbox": {**idle, "sending": 0},
        "timers": {"waiting": 1, "due": 1, "lag_seconds": 3 * 86400},
        "parked": {"in_doubt": 0, "failed": 0, "unreachable": 0},
        "leases": {"slack:T0LOCAL": True, stage.service.telegram.bot_account: True},
    }


async def test_live_asks_nobody_and_ready_asks_all(stage: Stage) -> None:
    assert await ask(stage, path="/health/ready") == (200, '{"ready": true}')
    assert stage.service.slack is not None
    await stage.service.slack.stop()
    assert await ask(stage, path="/health/ready") == (503, '{"ready": false}')
    await stage.read(rename, "inbox", "gone")
    assert await ask(stage, path="/health/ready") == (503, '{"ready": false}')
    assert await ask(stage, path="/health/live") == (200, '{"live": true}')
    await stage.read(rename, "gone", "inbox")


async def test_a_platform_that_is_away_is_told(stage: Stage) -> None:
    assert stage.service.slack is not None
    await stage.service.slack.stop()
    status, text = await ask(stage)
    assert status == 503
    assert '"slack": false' in text


async def test_a_database_that_is_away_is_told(stage: Stage) -> None:
    await stage.read(rename, "inbox", "gone")
    status, text = await ask(stage)
    assert status == 503
    assert '"database": false' in text
    await stage.read(rename, "gone", "inbox")


@pytest.mark.parametrize("path", ["/slack/events", "/telegram"])
async def test_nobody_comes_in_without_signature_or_secret(stage: Stage, path: str) -> None:
    status, _ = await ask(stage, "POST", path)
    assert status in {401, 403, 503}
