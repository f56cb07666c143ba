"""Doing nothing costs next to nothing: few statements a second, on both databases.

Source: the main job, "idle". What it costs in processor is measured by `tests.bench`.
"""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import event

from bot.settings import Settings
from handlers.local.fake_slack import FakeSlack
from handlers.local.fake_telegram import FakeTelegram
from handlers.service import Service
from scheduling.clock import SystemClock

SECONDS = 5.0
MOST_STATEMENTS = 10.0  # a second


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/cordee.db"
    else:
        yield request.getfixturevalue("pg_url")


async def test_few_statements_when_nothing_happens(url: str) -> None:
    """Everything runs as in real use, on the machine's clock; nobody writes."""
    clock = SystemClock()
    slack, telegram = FakeSlack(clock.now), FakeTelegram(clock.now)
    await slack.start()
    await telegram.start()
    service = Service(
        Settings(
            cordee_database_url=url,
            cordee_programmes=("ax-accompagnement",),
            cordee_secret_key=SecretStr("nothing happens to nobody"),
            slack_bot_token=SecretStr(slack.secrets.bot_token),
            slack_app_token=SecretStr(slack.secrets.app_token),
            slack_api_url=slack.base_url,
            telegram_bot_token=SecretStr(telegram.token),
            telegram_api_url=telegram.base_url,
        )
    )
    seen: list[str] = []
    await service.start()
    try:
        await asyncio.sleep(1.5)  # the menus, the first look at the directory
        event.listen(
            service.database.engine,
            "before_cursor_execute",
            lambda _c, _cursor, statement, *_: seen.append(statement),
        )
        begun = time.monotonic()
        await asyncio.sleep(SECONDS)
        took = time.monotonic() - begun
    finally:
        await service.stop()
        await telegram.stop()
        await slack.stop()
    assert seen, "the leases at least are renewed: is anything running?"
    # a machine too busy to let us run lets less happen, never more
    assert len(seen) / took < MOST_STATEMENTS, sorted(seen)
