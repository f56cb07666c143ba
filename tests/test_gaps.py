"""Time in which nobody listened: what was written then is read, or staff are told."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from handlers.gaps import Gaps
from handlers.local.stage import Stage

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    stage = Stage(f"sqlite:///{tmp_path}/c.db", ["emergence"], staff=["slack:T0LOCAL/UCLAIRE"])
    stage.slack.add_user("UCLAIRE", "Claire")
    stage.slack.add_user("ULEA", "Léa")
    await stage.start()
    yield stage
    await stage.stop()


async def look(stage: Stage) -> None:
    """What the ticker does every half-minute, without its pauses."""
    service = stage.service
    gaps = Gaps(service.database, service.worker, service.inbox, service._missing, pace=0.0)
    assert service.telegram is not None
    await gaps.look(stage.clock.now(), service.slack, service.telegram.bot_account)
    if gaps._reading is not None:
        await gaps._reading
    await stage.settled()


def seen(stage: Stage, user: str) -> str:
    return str([(m.text, m.blocks) for m in stage.slack.messages(user) if m.by_bot])


async def asked_for_a_name(stage: Stage) -> None:
    """Léa has agreed and is asked what she is called."""
    await look(stage)
    await stage.slack.dm("ULEA", "bonjour")
    await stage.settled()
    for label in ("D’accord", "lauréat"):
        card = [m for m in stage.slack.messages("ULEA") if m.by_bot and label in str(m.blocks)][-1]
        full = next(
            e["text"]["text"]
            for b in card.blocks
            if b["type"] == "actions"
            for e in b["elements"]
            if label in e["text"]["text"]
        )
        await stage.slack.press("ULEA", "ULEA", card.ts, full)
        await stage.settled()
    assert "Comment t’appelles-tu" in seen(stage, "ULEA")


async def test_what_was_written_in_a_gap_is_read_once(stage: Stage) -> None:
    await asked_for_a_name(stage)
    await stage.stop_bot()
    stage.clock.advance(20 * MINUTE)
    await stage.slack.dm("ULEA", "Léa Martin", repeat=0)  # no event comes of it
    await stage.start_bot()
    await stage.settled()
    assert "2/3" not in seen(stage, "ULEA")
    await look(stage)
    answered = seen(stage, "ULEA")
    assert "2/3" in answered  # the next question
    stage.clock.advance(20 * MINUTE)
    await look(stage)  # another gap: the same history again
    assert seen(stage, "ULEA") == answered


async def test_a_short_silence_is_slacks_own_business(stage: Stage) -> None:
    await asked_for_a_name(stage)
    await stage.slack.dm("ULEA", "Léa Martin", repeat=0)  # no event comes of it
    stage.clock.advance(5 * MINUTE)
    calls = len(stage.slack.calls)
    await look(stage)
    assert not [c for c in stage.slack.calls[calls:] if c.method == "conversations.history"]
    assert "2/3" not in seen(stage, "ULEA")


async def test_a_history_that_cannot_be_read_stops_nobody(stage: Stage) -> None:
    await asked_for_a_name(stage)
    await stage.slack.dm("ULEA", "Léa Martin", repeat=0)  # no event comes of it
    stage.clock.advance(20 * MINUTE)
    stage.slack.deactivate("ULEA")
    await look(stage)
    assert "2/3" not in seen(stage, "ULEA")


async def test_telegram_forgets_after_a_day_and_staff_are_told(stage: Stage) -> None:
    await look(stage)
    stage.clock.advance(timedelta(hours=23))
    await look(stage)
    assert "Telegram" not in seen(stage, "UCLAIRE")
    stage.clock.advance(timedelta(days=3))
    await look(stage)
    await look(stage)
    assert seen(stage, "UCLAIRE").count("Je n’ai rien pu lire sur Telegram pendant plus de 24") >= 1
    assert len([m for m in stage.slack.messages("UCLAIRE") if "rien pu lire" in m.text]) == 1
