"""A Slack token that died, where there is one by token: asked ever less, told, nothing lost."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from bot.errors import SettingsError
from storage.tables import Outbox
from tests.test_workspaces import Ground, ground

__all__ = ["ground"]
REFUSED, AGAIN = "n’accepte plus la clé du robot", "accepte de nouveau la clé"


async def by_token(ground: Ground, token: str) -> None:
    """The same workspace, with a token of the settings in place of an installation."""
    await ground.stop()
    update = {"slack_bot_token": SecretStr(token), "slack_client_id": None}
    ground.settings = ground.settings.model_copy(update=update)
    await ground.start()


async def settled(ground: Ground) -> None:
    await ground.settled()
    assert ground.service.token is not None
    await ground.service.token.stop()  # what it began to tell
    await ground.settled()


async def dead(ground: Ground) -> str:
    """Léa is known; then the token dies, and she writes again."""
    await ground.install("T1")
    token = next(iter(ground.org.tokens))
    await by_token(ground, token)
    await ground.org["T1"].dm("ULEA", "bonjour")
    await settled(ground)
    assert REFUSED not in ground.on_telegram()
    ground.org.kill("T1", "token_revoked")
    await ground.org["T1"].dm("ULEA", "aide")
    await settled(ground)
    return token


async def health(ground: Ground) -> dict[str, object]:
    _, text, _ = await ground.get(f"{ground.base}/health")
    found: dict[str, object] = json.loads(text)
    return found


def refusals(ground: Ground) -> int:
    return sum(call.refused for call in ground.org.calls)


async def test_staff_hear_of_it_elsewhere_once_and_it_is_asked_ever_less(ground: Ground) -> None:
    await dead(ground)
    assert (await health(ground))["slack_token"] is False
    before = refusals(ground)
    for _ in range(24 * 3):
        ground.clock.advance(timedelta(minutes=20))
        await ground.service.settle()
    assert 24 <= refusals(ground) - before <= 40, "once an hour, not 1,440 times"
    assert ground.on_telegram().count(REFUSED) == 1
    states = await ground.rows(select(Outbox.state).where(Outbox.bot_account == "slack:T1"))
    assert "failed" not in {state for (state,) in states}


async def test_a_new_token_and_what_waited_is_said_at_once(ground: Ground) -> None:
    await dead(ground)
    for _ in range(12):
        ground.clock.advance(timedelta(hours=1))
        await ground.service.settle()
    shown = len(ground.shown("T1"))
    ground.org.tokens["xoxb-new"] = "T1"
    workspace = ground.org["T1"]
    workspace.secrets = replace(workspace.secrets, bot_token="xoxb-new")
    await by_token(ground, "xoxb-new")
    await settled(ground)
    assert len(ground.shown("T1")) > shown
    assert "slack_token" not in await health(ground)
    waiting = select(Outbox.id).where(Outbox.state.in_(("queued", "sending", "failed")))
    assert not await ground.count(waiting.where(Outbox.bot_account == "slack:T1"))


async def test_the_same_token_taken_again_is_noticed_without_a_restart(ground: Ground) -> None:
    token = await dead(ground)
    ground.org.dead.pop(token)
    ground.org.tokens[token] = "T1"
    shown = len(ground.shown("T1"))
    ground.clock.advance(timedelta(minutes=2))
    await settled(ground)
    assert len(ground.shown("T1")) > shown
    assert ground.on_telegram().count(AGAIN) == 1
    assert "slack_token" not in await health(ground)


# --- already dead at the start --------------------------------------------------------------------


async def test_with_a_dead_slack_token_it_starts_on_telegram_and_says_so(ground: Ground) -> None:
    token = await dead(ground)
    waiting = await ground.count(select(Outbox.id).where(Outbox.bot_account == "slack:T1"))
    await by_token(ground, token)
    await ground.settled()
    assert ground.service.slack is None
    assert ground.service.refused == {"slack": "token_revoked"}
    found = await health(ground)
    assert (found["slack_token"], found["telegram"], found["ready"]) == (False, True, False)
    assert ground.on_telegram().count(REFUSED) >= 1
    said = ground.on_telegram().count(REFUSED)
    await by_token(ground, token)  # started again: not said again on the same day
    await ground.settled()
    assert ground.on_telegram().count(REFUSED) == said
    assert await ground.count(select(Outbox.id).where(Outbox.bot_account == "slack:T1")) >= waiting


async def test_with_a_dead_telegram_token_it_starts_on_slack(ground: Ground) -> None:
    await ground.install("T1")
    await ground.stop()
    update = {"telegram_bot_token": SecretStr("1:wrong")}
    ground.settings = ground.settings.model_copy(update=update)
    await ground.start()
    assert ground.service.telegram is None
    assert ground.service.refused == {"telegram": "401"}
    found = await health(ground)
    assert found["telegram_token"] is False
    assert found["slack"] is True
    await ground.org["T1"].dm("ULEA", "bonjour")
    await ground.settled()
    assert ground.shown("T1")


async def test_with_no_token_that_is_taken_it_does_not_start(ground: Ground) -> None:
    token = await dead(ground)
    await ground.stop()
    update = {"telegram_bot_token": SecretStr("1:wrong")}
    ground.settings = ground.settings.model_copy(update=update)
    with pytest.raises(SettingsError, match="refuses"):
        await by_token(ground, token)
    await ground.service.stop()
