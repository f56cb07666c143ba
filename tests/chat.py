"""Conversations as tests: every `tests/transcripts/**/*.chat` is played and compared.

`pytest --update` writes the bot's lines anew; read the difference before committing it. A script
with `aussi: l’autre plateforme` is played a second time with the platforms exchanged, against
`NAME.ailleurs.chat`.
"""

import asyncio
import difflib
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from handlers.local.chat_file import Script, parse, swapped
from handlers.local.script import Played, Player

ELSEWHERE = ".ailleurs.chat"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update", action="store_true", help="write the bot's lines of the .chat files anew"
    )


def pytest_collect_file(parent: pytest.Collector, file_path: Path) -> pytest.Collector | None:
    if file_path.suffix != ".chat" or file_path.name.endswith(ELSEWHERE):
        return None
    found: ChatFile = ChatFile.from_parent(parent, path=file_path)
    return found


def play(make: Callable[[], Player]) -> Played:
    """Play a conversation, and once more when Slack lost patience with us.

    On a machine that stood still for three seconds that happens once; with a bot too slow for Slack
    twice. What had to be played again is told at the end of the run.

    Args:
        make: Gives a player with a world, and a database, of its own.
    """
    played = asyncio.run(make().play())
    if any("operation_timeout" in fault for fault in played.faults):
        warnings.warn("Slack lost patience: played once more", stacklevel=2)
        played = asyncio.run(make().play())
    return played


class ChatDiffersError(AssertionError):
    """What was seen is not what is written, or a platform objected."""


class ChatFile(pytest.File):
    @override
    def collect(self) -> Iterator[pytest.Item]:
        script = parse(self.path.read_text("utf-8"))
        yield Chat.from_parent(self, name="ici", script=script, golden=self.path)
        if script.also:
            golden = self.path.with_name(self.path.stem + ELSEWHERE)
            yield Chat.from_parent(self, name="ailleurs", script=swapped(script), golden=golden)


class Chat(pytest.Item):
    def __init__(self, *, script: Script, golden: Path, **more: Any) -> None:
        super().__init__(**more)
        self.script, self.golden = script, golden

    @override
    def runtest(self) -> None:
        played = play(lambda: Player(self.script, self.golden.parent))
        if self.config.getoption("--update"):
            self.golden.write_text(played.text, "utf-8")
        written = self.golden.read_text("utf-8") if self.golden.exists() else ""
        if played.faults:
            raise ChatDiffersError("\n".join(played.faults))
        if played.duplicates:
            raise ChatDiffersError(f"{played.duplicates} messages were sent twice")
        if played.text != written:
            lines = difflib.unified_diff(
                written.splitlines(), played.text.splitlines(), "written", "seen", lineterm="", n=4
            )
            raise ChatDiffersError("\n".join(lines))

    @override
    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        if isinstance(excinfo.value, ChatDiffersError):
            return f"{self.golden.name} ({self.name}):\n{excinfo.value}"
        return super().repr_failure(excinfo, style)

    @override
    def reportinfo(self) -> tuple[Path, int, str]:
        return self.golden, 0, f"{self.path.stem} ({self.name})"
