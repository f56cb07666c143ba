"""The conversations leave out no preset, no command, no kind of question, on either platform."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.commands.registry import COMMANDS, find
from bot.dialogue.questionnaire import Question
from bot.programmes.load import load, presets
from handlers.local.chat_file import ScriptError, parse, swapped
from handlers.local.screens import plain
from tests.chat import ELSEWHERE

FOLDER = Path(__file__).parent / "transcripts"
PLATFORMS = {"slack", "telegram"}
KINDS = {"choice", "many", "text", "scale", "date", "person"}
_ACTOR = re.compile(r"(slack|telegram) \S.*?> ?(.*)")
_OTHER = re.compile(r"bot → (slack|telegram) ")


def heard(path: Path) -> Iterator[tuple[str, bool, str]]:
    """(platform, whether the bot says it, line) of a conversation."""
    here = there = "slack"
    for line in path.read_text("utf-8").splitlines():
        if found := _ACTOR.match(line):
            here = there = found[1]
            yield here, False, found[2]
        elif found := _OTHER.match(line):
            there = found[1]
            yield there, True, line
        elif line.startswith("bot"):
            there = here
            yield here, True, line
        elif re.match(r"\s+\|", line):
            yield there, True, line


def conversations() -> list[Path]:
    return sorted(FOLDER.rglob("*.chat"))


def programmes_of(path: Path) -> list[Any]:
    stem = path.name.removesuffix(ELSEWHERE).removesuffix(".chat")
    names = parse(path.with_name(f"{stem}.chat").read_text("utf-8")).programmes
    return [load(name if name in presets() else path.parent / name) for name in names]


def test_every_preset_is_played_on_both_platforms() -> None:
    seen: dict[str, set[str]] = defaultdict(set)
    for path in conversations():
        for programme in programmes_of(path):
            seen[programme.id] |= {platform for platform, by_bot, _ in heard(path) if not by_bot}
    assert {name: seen[name] for name in presets()} == dict.fromkeys(presets(), PLATFORMS)


def test_every_command_is_typed_on_both_platforms() -> None:
    typed: dict[str, set[str]] = defaultdict(set)
    for path in conversations():
        for platform, by_bot, line in heard(path):
            prefix = "/cordee " if platform == "slack" else "/"
            said = line.removeprefix("(canal) ")
            if not by_bot and said.startswith(prefix):
                command = find(said.removeprefix(prefix).split(" ")[0])
                if command is not None:
                    typed[command.name].add(platform)
    listed = [command.name for command in COMMANDS.values() if command.listed]
    assert {name: typed[name] for name in listed} == dict.fromkeys(listed, PLATFORMS)


def test_every_kind_of_question_is_asked_on_both_platforms() -> None:
    asked: dict[str, set[str]] = defaultdict(set)
    for path in conversations():
        questions: list[Question] = [
            q
            for programme in programmes_of(path)
            for questionnaire in programme.questionnaires.values()
            for q in questionnaire.questions
        ]
        kinds = {plain(text): q.kind for q in questions for text in (q.text.fr, q.text.en)}
        for platform, by_bot, line in heard(path):
            said = re.sub(r"^(bot.*?>|\s+\|) ?", "", line)
            if by_bot and said in kinds:
                asked[kinds[said]].add(platform)
    assert asked == dict.fromkeys(KINDS, PLATFORMS)


@pytest.mark.parametrize(
    "line", ["programme ax", "météo: belle", "personnel: pigeon Claire", "slack Léa : bonjour"]
)
def test_a_line_that_means_nothing_is_refused(line: str) -> None:
    with pytest.raises(ScriptError):
        parse(f"programme: emergence\n{line}\n")


def test_platforms_are_exchanged_with_their_ways_to_type() -> None:
    script = parse("programme: emergence\n\ntelegram Léa > /mes_donnees\nslack Max > /cordee\n")
    assert [(s.platform, s.text) for s in swapped(script).steps if s.kind == "person"] == [
        ("slack", "/cordee mes-donnees"),
        ("telegram", "/aide"),
    ]
