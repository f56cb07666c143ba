"""What a button carries: one grammar, ASCII, at most 64 bytes, fields separated by `:`.

| token | means |
|---|---|
| `a:<conversation>:<question>:<value>` | this answer to this question |
| `t:<conversation>:<question>:<value>` | tick or untick this option |
| `k:<conversation>:<question>` | a menu of several; the values come beside the token |
| `d:<conversation>:<question>` | what is ticked is the answer |
| `e:<conversation>:<question>` | edit this answer |
| `s:<conversation>:<question>` | same answer as before |
| `n:<conversation>:<where>` | navigation: back, skip, cancel, resume, confirm |
| `f:<conversation>:<page>` | a page of questions as a form: open it, or (sent back) its values |
| `x:<verb>:<object>:<version>` | act on a request, proposal, pair |
| `r:<command>:<argument>` | as if the command had been typed |

Conversations and objects are row ids written in base 32. A token grants nothing: this module does
not know who pressed, whether the row exists, nor whose it is. Source: house 5; Telegram's
`callback_data` of 1-64 bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, assert_never

from bot.dialogue.engine import (
    Answer,
    Back,
    Cancel,
    Confirm,
    Done,
    Edit,
    OfQuestion,
    Pick,
    Resume,
    Same,
    Skip,
    Toggle,
)

Navigation = Back | Skip | Cancel | Resume | Confirm
MAX_BYTES: Final = 64
MAX_ID: Final = 2**63 - 1


@dataclass(frozen=True)
class DialogueToken:
    """An input to a conversation. A `Pick` comes without its values: the platform sends them."""

    conversation: int
    input: OfQuestion | Navigation


@dataclass(frozen=True)
class FormToken:
    """A page of a conversation's questions, shown as a form."""

    conversation: int
    page: int


@dataclass(frozen=True)
class ActToken:
    """An act on an object as it stood at `version`; the verb tells the kind of object."""

    verb: str
    object: int
    version: int


@dataclass(frozen=True)
class RunToken:
    """A command of the registry with its argument (may be "")."""

    command: str
    argument: str = ""


Token = DialogueToken | FormToken | ActToken | RunToken

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuv"
_NUMBER: Final = r"(?:0|[1-9a-v][0-9a-v]{0,12})"
_QUESTION: Final = r"[a-z][a-z0-9_]{0,19}"
_VALUE: Final = r"[A-Za-z0-9_:-]{1,20}"
_VERB: Final = r"[a-z][a-z0-9-]{0,23}"
_COMMAND: Final = r"[a-z][a-z0-9-]{0,19}"
_ARGUMENT: Final = r"[!-~]{0,40}"
_NAVIGATION: Final[dict[str, Navigation]] = {
    "back": Back(),
    "skip": Skip(),
    "cancel": Cancel(),
    "resume": Resume(),
    "confirm": Confirm(),
}
_NAMES: Final = {type(navigation): name for name, navigation in _NAVIGATION.items()}
_GRAMMAR: Final = re.compile(
    rf"(?P<valued>[at]):(?P<of>{_NUMBER}):(?P<question>{_QUESTION}):(?P<value>{_VALUE})"
    rf"|(?P<bare>[kdes]):(?P<of_bare>{_NUMBER}):(?P<bare_question>{_QUESTION})"
    rf"|n:(?P<of_navigation>{_NUMBER}):(?P<navigation>{'|'.join(_NAVIGATION)})"
    rf"|f:(?P<of_form>{_NUMBER}):(?P<page>{_NUMBER})"
    rf"|x:(?P<verb>{_VERB}):(?P<object>{_NUMBER}):(?P<version>{_NUMBER})"
    rf"|r:(?P<command>{_COMMAND}):(?P<argument>{_ARGUMENT})",
    re.ASCII,
)


def encode(token: Token) -> str:
    """Write a token.

    Args:
        token: what the button means; ids are positive, below 2**63; option values at most 20
            characters of `A-Z a-z 0-9 _ : -`; a command's argument 40 printable ones, no space.

    Returns:
        1 to 64 ASCII characters, from which `decode` makes an equal token.

    Raises:
        ValueError: the token does not fit the grammar: a fault of the program, for ids are
            checked when a programme file is read.
    """
    text = _write(token)
    if decode(text) != token:
        raise ValueError(f"this does not fit a button: {text[:80]!r}")
    return text


def _write(token: Token) -> str:
    match token:
        case DialogueToken(conversation, event):
            return _write_input(_base32(conversation), event)
        case FormToken(conversation, page):
            return f"f:{_base32(conversation)}:{_base32(page)}"
        case ActToken(verb, thing, version):
            return f"x:{verb}:{_base32(thing)}:{_base32(version)}"
        case RunToken(command, argument):
            return f"r:{command}:{argument}"
        case _:
            assert_never(token)


def _write_input(conversation: str, event: OfQuestion | Navigation) -> str:
    match event:
        case Answer(question, value):
            return f"a:{conversation}:{question}:{value}"
        case Toggle(question, value):
            return f"t:{conversation}:{question}:{value}"
        case Pick() | Done() | Edit() | Same():
            return f"{_LETTERS[type(event)]}:{conversation}:{event.question}"
        case Back() | Skip() | Cancel() | Resume() | Confirm():
            return f"n:{conversation}:{_NAMES[type(event)]}"
        case _:
            assert_never(event)


_BARE: Final = {"k": Pick, "d": Done, "e": Edit, "s": Same}
_LETTERS: Final = {kind: letter for letter, kind in _BARE.items()}


def decode(text: str) -> Token | None:
    """Read a token; None for anything that `encode` would not have written."""
    found = _GRAMMAR.fullmatch(text) if len(text) <= MAX_BYTES else None
    token = found and _read(found)
    return token if token and _in_range(token) else None


def _read(found: re.Match[str]) -> Token:
    if found["valued"]:
        kind = Answer if found["valued"] == "a" else Toggle
        return DialogueToken(int(found["of"], 32), kind(found["question"], found["value"]))
    if found["bare"]:
        return DialogueToken(
            int(found["of_bare"], 32), _BARE[found["bare"]](found["bare_question"])
        )
    if found["navigation"]:
        return DialogueToken(int(found["of_navigation"], 32), _NAVIGATION[found["navigation"]])
    if found["page"]:
        return FormToken(int(found["of_form"], 32), int(found["page"], 32))
    if found["verb"]:
        return ActToken(found["verb"], int(found["object"], 32), int(found["version"], 32))
    return RunToken(found["command"], found["argument"])


def _in_range(token: Token) -> bool:
    match token:
        case DialogueToken(number):
            return 0 < number <= MAX_ID
        case FormToken(number, page):
            return 0 < number <= MAX_ID and 0 < page <= MAX_ID
        case ActToken(_, number, version):
            return 0 < number <= MAX_ID and version <= MAX_ID
        case RunToken():
            return True
        case _:
            assert_never(token)


def _base32(number: int) -> str:
    digits = ""
    while number > 0:
        number, digit = divmod(number, 32)
        digits = _DIGITS[digit] + digits
    return digits or "0"
