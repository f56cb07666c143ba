"""Logging: key=value lines, the tokens blotted out of every record at every level.

Source: quality rules 2.2 (the Telegram token stands in every address that httpx logs).
"""

from __future__ import annotations

import logging
import re
from typing import Final

from typing_extensions import override

_TOKENS: Final = re.compile(
    r"(xox[a-z]-|xapp-)[\w-]+|(?<!\d)\d{5,}:[\w-]{20,}|(?<=secret_token=)[\w-]+", re.ASCII
)
_PLAIN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def redacted(text: str) -> str:
    """The text with whatever looks like a token of Slack or Telegram blotted out."""
    return _TOKENS.sub("[token]", text)


class KeyValue(logging.Formatter):
    """`2026-11-24T09:30:00 INFO bot.bot refused person=12 why=...`, one line, redacted."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S")

    @override
    def format(self, record: logging.LogRecord) -> str:
        extra = {k: v for k, v in vars(record).items() if k not in _PLAIN}
        line = super().format(record)
        more = "".join(f" {k}={v}" for k, v in extra.items())
        return redacted(line + more).replace("\r", "\\r")


_CHATTY: Final = (
    "aiohttp.access",
    "alembic",
    "apscheduler",
    "httpcore",
    "httpx",
    "slack_bolt",
    "slack_sdk",
    "telegram",
)


def _worth_a_line(record: logging.LogRecord) -> bool:
    """Libraries that report every step are heard from WARNING on, whatever level they set."""
    if record.name.startswith("slack_bolt") and "will be unused" in record.getMessage():
        return False  # it found the token in the environment that we hand over with the client
    return record.levelno >= logging.WARNING or not record.name.startswith(_CHATTY)


def set_up(level: str = "INFO") -> None:
    """Log to standard error in this format."""
    handler = logging.StreamHandler()
    handler.setFormatter(KeyValue())
    handler.addFilter(_worth_a_line)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
