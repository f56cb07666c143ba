"""Logs: no token at any level, one line a record, chatty libraries only when something is wrong."""

from __future__ import annotations

import logging

import pytest

from handlers.logs import KeyValue, redacted, set_up

TELEGRAM = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"


@pytest.mark.parametrize(
    "token",
    [TELEGRAM, "xoxb-1234-5678-abcDEF", "xoxp-1-2-3", "xapp-1-A0-99-ff", "xoxe.xoxb-1-abc"],
)
def test_a_token_is_blotted_out(token: str) -> None:
    text = redacted(f"POST https://api.example.org/bot{token}/sendMessage ({token})")
    assert token.rpartition(".")[2] not in text
    assert "[token]" in text


def test_values_beside_the_message_are_told_and_redacted() -> None:
    record = logging.makeLogRecord({"name": "bot", "levelname": "INFO", "msg": "refused\r\nx"})
    record.person, record.why = 7, f"token {TELEGRAM}"
    line = KeyValue().format(record)
    assert "person=7" in line
    assert TELEGRAM not in line
    assert "\r" not in line


def test_chatty_libraries_are_heard_only_when_something_is_wrong(
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = logging.getLogger()
    kept, level = root.handlers[:], root.level
    try:
        set_up()
        logging.getLogger("slack_bolt.AsyncApp").info("a session was established")
        logging.getLogger("slack_bolt.AsyncApp").warning("`token` will be unused.")
        logging.getLogger("httpx").warning("something is wrong")
        logging.getLogger("bot.bot").info("refused")
    finally:
        root.handlers[:] = kept
        root.setLevel(level)
    told = capsys.readouterr().err
    assert "session" not in told
    assert "unused" not in told
    assert "something is wrong" in told
    assert "refused" in told
