"""Logs: no token at any level, one line a record, chatty libraries only when something is wrong."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from urllib.parse import quote, quote_plus

import pytest

from handlers.logs import KeyValue, hidden, redacted, set_up

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


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """Logging as `cordee run` sets it up, at DEBUG; what was told so far."""
    root = logging.getLogger()
    kept, level = root.handlers[:], root.level
    monkeypatch.setattr(logging, "raiseExceptions", logging.raiseExceptions)
    for owner, name in ((sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook")):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    told = io.StringIO()
    monkeypatch.setattr(sys, "stderr", told)
    set_up("DEBUG")
    try:
        yield told.getvalue
    finally:
        hidden.clear()
        logging.captureWarnings(capture=False)
        root.handlers[:] = kept
        root.setLevel(level)


def test_chatty_libraries_are_heard_only_when_something_is_wrong(
    logged: Callable[[], str],
) -> None:
    logging.getLogger("slack_bolt.AsyncApp").info("a session was established")
    logging.getLogger("slack_bolt.AsyncApp").warning("`token` will be unused.")
    logging.getLogger("httpx").warning("something is wrong")
    logging.getLogger("bot.bot").info("refused")
    told = logged()
    assert "session" not in told
    assert "unused" not in told
    assert "something is wrong" in told
    assert "refused" in told


SECRETS = ["s3cr3t", "p@ss w&rd/é", 'quote"and\\slash', "xoxb-local", "5c1e80f2a97d4b36c0d2e4f6"]
LOGGERS = ["bot.bot", "handlers.http", "httpx", "slack_sdk.web", "slack_bolt.App", "telegram",
           "aiohttp.server", "sqlalchemy.engine", "apscheduler", "asyncio", "root"]  # fmt: skip


@pytest.mark.parametrize("name", LOGGERS)
@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO, logging.ERROR, logging.CRITICAL])
def test_no_secret_of_the_settings_is_logged_however_it_is_written(
    logged: Callable[[], str], name: str, level: int
) -> None:
    hidden.add(SECRETS)
    written = [
        form
        for s in SECRETS
        for form in (
            s,
            quote(s, safe=""),
            quote_plus(s),
            json.dumps(s),
            b64encode(s.encode()).decode(),
        )
    ]
    log = logging.getLogger(name)
    for form in written:
        log.log(level, "calling https://api.example.org/%s", form)
        log.log(level, f"calling {form!r}")  # noqa: G004 - as libraries do
        log.log(level, "calling", extra={"url": f"?q={form}"})
        log.log(level, "failed", exc_info=_caught(ValueError(f"could not call {form}")))
    told = logged()
    assert not [form for form in written if str(form) in told]
    assert ("calling" in told) == (level > logging.INFO or name in LOGGERS[:2])


def test_a_short_secret_does_not_eat_the_words_it_is_part_of(logged: Callable[[], str]) -> None:
    hidden.add(["cat"])
    logging.getLogger("bot").info("category cat concat")
    assert "category [secret] concat" in logged()


CANARY = "je vais très mal"


@pytest.mark.parametrize("name", LOGGERS[2:])
def test_of_what_a_library_says_nothing_personal_is_kept(
    logged: Callable[[], str], name: str
) -> None:
    log = logging.getLogger(name)
    update = {"message": {"text": CANARY}}
    log.critical("Error while parsing updates! Received data was %r", update)
    log.error(f"Failed to run listener (error: {update})")  # noqa: G004 - as libraries do
    log.error(f"Task exception was never retrieved\nfuture: <Task exception=E('{CANARY}')>")  # noqa: G004
    error = ValueError(f"bad: {CANARY}")
    error.__cause__ = KeyError(CANARY)
    log.error("could not", exc_info=_caught(error))
    told = logged()
    assert CANARY not in told
    assert "Received data was %r" in told
    assert "Failed to run listener" in told
    assert "error=ValueError<KeyError at=tests/test_logs.py:" in told
    assert "Traceback" not in told
    assert told.count("\n") == 4


def test_what_nobody_caught_is_told_without_its_words(logged: Callable[[], str]) -> None:
    error = _caught(RuntimeError(f"token {TELEGRAM}: {CANARY}"))
    sys.excepthook(RuntimeError, error, error.__traceback__)
    thread = threading.Thread(target=_fails, args=(error,))
    thread.start()
    thread.join()
    told = logged()
    assert told.count("CRITICAL handlers.logs ended by an error error=RuntimeError at=") == 2
    assert CANARY not in told
    assert TELEGRAM not in told


def _fails(error: Exception) -> None:
    raise error


def _caught(error: Exception) -> Exception:
    """As it is after it was raised: with where it came from."""
    with suppress(type(error)):
        _fails(error)
    return error


def test_an_address_of_an_installation_loses_its_code(logged: Callable[[], str]) -> None:
    logging.getLogger("bot").info(
        "GET /slack/oauth_redirect?code=12.34.abc&state=1f-2 code=refused"
    )
    told = logged()
    assert "12.34" not in told
    assert "1f-2" not in told
    assert "code=refused" in told


def test_a_line_cannot_be_forged(logged: Callable[[], str]) -> None:
    logging.getLogger("bot").info("said\n2026-11-24T09:30:00 INFO bot.bot forged\r\n")
    assert logged().count("\n") == 1
