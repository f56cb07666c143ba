"""A short form of `make fuzz`, and that it would notice."""

import logging
import re
from pathlib import Path

import pytest

from bot.bot import Bot
from bot.errors import CordeeError
from bot.turn import Turn
from tests.fuzz import ports, silences, updates

TABLE = Path(__file__).parent / "SILENCES.md"


def test_updates_of_any_shape_are_taken_and_people_answered() -> None:
    found, log = updates.fuzz(600, seed=11)
    assert found.failures == {}
    assert found.silent == {}
    assert (log.errors, log.spilt) == ([], [])
    assert found.answered > 250


def test_a_failure_a_silence_and_a_word_in_the_log_are_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(self: Bot, turn: Turn, text: str) -> None:
        raise CordeeError(text)

    def is_silent(self: Bot, turn: Turn, name: str, args: str) -> None:
        logging.getLogger("bot").debug("asked %s", args)

    monkeypatch.setattr(Bot, "_said", fails)
    monkeypatch.setattr(Bot, "_run", is_silent)
    found, log = updates.fuzz(150, seed=12)
    assert any(name.startswith("CordeeError") for name in found.failures)
    assert found.silent
    assert log.spilt


@pytest.mark.timeout(240)  # of processor time it takes a few seconds
async def test_updates_of_any_shape_come_in_through_the_ports() -> None:
    figures = await ports.send(80, seed=5)
    assert figures.faults == []
    assert figures.by_status[200] > 60
    assert min(figures.kept, figures.said) > 30


def test_the_table_of_silences_is_the_one_that_is_applied() -> None:
    written = re.findall(r"^\| (telegram|slack) \| (.+?) \|", TABLE.read_text("utf-8"), re.M)
    applied = [("telegram", name) for name in silences.TELEGRAM]
    applied += [("slack", name) for name in silences.SLACK]
    assert written == applied


@pytest.mark.parametrize(
    ("platform", "payload", "account"),
    [
        ("telegram", {"update_id": 1, "message": {"from": {"id": 7}, "chat": {"type": "private"}}},
         "7"),
        ("telegram", {"update_id": 1, "message": {"from": {"id": 7}, "chat": {"type": "group"}}},
         None),
        ("telegram", {"message": {"from": {"id": 7, "is_bot": True}, "chat": {"type": "private"}}},
         None),
        ("slack", {"type": "block_actions", "user": {"id": "U7"}}, "U7"),
        ("slack", {"command": "/cordee", "user_id": "U7", "channel_id": "C1"}, None),
        ("slack", {"type": "event_callback", "event": {"type": "message", "user": "U7",
                   "channel": "D7", "channel_type": "im"}}, "U7"),
    ],
)  # fmt: skip
def test_who_is_a_person_in_private(
    platform: str, payload: dict[str, object], account: str | None
) -> None:
    assert silences.human(platform, payload) == account
