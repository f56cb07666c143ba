"""Logging: key=value lines without tokens, without secrets, without what people write; any level.

Three nets, each enough for most of it. What looks like a token is blotted out. So is every secret
of the settings, by its value, also as it stands in an address or in JSON. And of what libraries say
only the fixed part of the sentence is kept, of an exception only its kind and where it came from:
their texts quote updates, statements with their parameters, addresses.

Source: quality rules 2.2 (the Telegram token stands in every address that httpx logs; a malformed
update is logged whole at CRITICAL) and S4.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import traceback
from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Final
from urllib.parse import quote, quote_plus

from typing_extensions import override

_TOKENS: Final = re.compile(
    r"(xox[a-z]-|xapp-)[\w-]+|(?<!\d)\d{5,}(?::|%3[Aa])[\w-]{20,}|(?<=secret_token=)[\w-]+",
    re.ASCII,
)
_QUERY: Final = re.compile(r"([?&](?:code|state|client_secret|refresh_token|token)=)[^\s&\"']+")
_PLAIN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
OURS: Final = ("bot", "handlers", "scheduling", "storage")
SHORT: Final = 8  # a secret shorter than that is blotted out only where it stands alone
OPENING: Final = 80  # characters kept of a sentence that a library put together by itself
FRAMES: Final = 8
_NEVER: Final = re.compile(r"(?!)")


class _Hidden:
    """The values that no line may hold."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self.pattern = _NEVER

    def add(self, values: Iterable[str]) -> None:
        """Hide these from now on, as they are and as they are written elsewhere."""
        for value in filter(None, values):
            self._values |= {value, quote(value, safe=""), quote_plus(value)}
            self._values |= {json.dumps(value)[1:-1], repr(value)[1:-1]}
            self._values.add(b64encode(value.encode()).decode())
        words = [
            rf"(?<!\w){re.escape(word)}(?!\w)" if len(word) < SHORT else re.escape(word)
            for word in sorted(self._values, key=len, reverse=True)
        ]
        self.pattern = re.compile("|".join(words)) if words else _NEVER

    def clear(self) -> None:
        """Hide none any more."""
        self._values.clear()
        self.pattern = _NEVER


hidden: Final = _Hidden()


def redacted(text: str) -> str:
    """The text with every hidden value, and whatever looks like a token, blotted out."""
    text = hidden.pattern.sub("[secret]", text)
    return _QUERY.sub(r"\1[token]", _TOKENS.sub("[token]", text))


def _said(record: logging.LogRecord) -> str:
    """The message; of a library's only what it says of everybody."""
    if record.name.partition(".")[0] in OURS:
        return record.getMessage()
    said = str(record.msg)
    if record.args:
        return said.partition("\n")[0]  # the sentence with its gaps
    return re.split(r"[\n'\"({\[<:=]", said, maxsplit=1)[0].strip()[:OPENING]


def _where(error: BaseException) -> str:
    """The kinds of an exception and its causes, and where it came from; none of its words."""
    kinds: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(kinds) < FRAMES:
        kinds.append(type(seen).__name__)
        seen = seen.__cause__ or seen.__context__
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    places = (
        f"{Path(f.filename).parent.name}/{Path(f.filename).name}:{f.lineno}:{f.name}"
        for f in reversed(frames)
    )
    return f"error={'<'.join(kinds)} at={'<'.join(places)}"


class KeyValue(logging.Formatter):
    """`2026-11-24T09:30:00 INFO bot.bot refused person=12 why=...`, one line, redacted."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s ", "%Y-%m-%dT%H:%M:%S")

    @override
    def format(self, record: logging.LogRecord) -> str:
        parts = [_said(record)]
        parts += [f"{k}={v}" for k, v in vars(record).items() if k not in _PLAIN]
        if record.exc_info and record.exc_info[1] is not None:
            parts.append(_where(record.exc_info[1]))
        head = f"{self.formatTime(record, self.datefmt)} {record.levelname} {record.name} "
        line = redacted(head + " ".join(parts))
        return line.replace("\r", "\\r").replace("\n", "\\n")


_CHATTY: Final = (
    "aiohttp",
    "alembic",
    "apscheduler",
    "asyncio",
    "httpcore",
    "httpx",
    "matplotlib",
    "slack_bolt",
    "slack_sdk",
    "sqlalchemy",
    "telegram",
)


def _worth_a_line(record: logging.LogRecord) -> bool:
    """Libraries that report every step are heard from WARNING on, whatever level they set."""
    if record.name.startswith("slack_bolt") and "will be unused" in record.getMessage():
        return False  # it found the token in the environment that we hand over with the client
    return record.levelno >= logging.WARNING or record.name.partition(".")[0] in OURS


def set_up(level: str = "INFO") -> None:
    """Log to standard error in this format, what nobody caught included."""
    handler = logging.StreamHandler()
    handler.setFormatter(KeyValue())
    handler.addFilter(_worth_a_line)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.raiseExceptions = False  # a line that cannot be put together would be printed in parts
    logging.captureWarnings(capture=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    log = logging.getLogger(__name__)

    def uncaught(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            return
        log.critical("ended by an error", exc_info=(kind, error, trace))

    def in_a_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            uncaught(args.exc_type, args.exc_value, args.exc_traceback)

    def unraisable(args: sys.UnraisableHookArgs) -> None:
        if args.exc_value is not None:
            error = args.exc_value
            log.error("error nobody could catch", exc_info=(type(error), error, None))

    sys.excepthook = uncaught
    threading.excepthook = in_a_thread
    sys.unraisablehook = unraisable
