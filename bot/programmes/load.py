"""Reading programme files: whole or not at all, and every fault with its file, place and remedy.

It does not know when files are read again, nor who is told about a fault.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bot.dialogue.questionnaire import FileFaults, did_you_mean
from bot.errors import CordeeError, ProgrammeError
from bot.programmes.schema import Programme

Place = tuple[str | int, ...]
SIZE_LIMIT: Final = 1_000_000
"""Largest file read, in bytes."""


def presets() -> list[str]:
    """The ids of the programmes shipped with the bot, in alphabetical order."""
    files = resources.files("bot.programmes").iterdir()
    return sorted(f.name.removesuffix(".toml") for f in files if f.name.endswith(".toml"))


def load(source: str | Path) -> Programme:
    """Read and check one programme file.

    Args:
        source: the id of a preset (see `presets`), or the path of a TOML file.

    Returns:
        The programme, with the digest of its file.

    Raises:
        ProgrammeError: the file is missing, is no TOML, or says something the schema refuses; it
            names the first fault's place and lists the others in its hint.
    """
    name, content = _read(source)
    try:
        data = tomllib.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ProgrammeError(
            name, f"line {line}", "this is not UTF-8", "Save the file as UTF-8."
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise _syntax(name, str(error)) from None
    return parse(data, name, hashlib.sha256(content).hexdigest())


def parse(data: Mapping[str, Any], file: str, digest: str = "") -> Programme:
    """Check a programme that is already read into dictionaries.

    Args:
        data: the tables of a programme file.
        file: its name, for messages.
        digest: SHA-256 of its bytes, in hexadecimal.

    Raises:
        ProgrammeError: as for `load`.
    """
    try:
        programme = Programme.model_validate(data)
    except ValidationError as error:
        faults = [fault for detail in error.errors() for fault in _explain(detail, data)]
        (place, message), *others = dict.fromkeys(faults)
        listed = "\n  ".join(f"{where}: {what}" for where, what in others)
        hint = f"and also:\n  {listed}" if others else None
        raise ProgrammeError(file, place, message, hint) from None
    return programme.read_from(file, digest)


def load_one(names: Iterable[str | Path], wanted: str | None) -> Programme:
    """The programme that somebody at a terminal means.

    Args:
        names: Those that are set up; when there are none, a preset or file can be named.
        wanted: Its id; none = the only one there is.

    Raises:
        CordeeError: There is no such programme, or it is not clear which.
    """
    set_up = list(names)
    if wanted is not None and not set_up:
        return load(wanted)
    found = load_all(set_up)
    if wanted is None and len(found) == 1:
        return next(iter(found.values()))
    known = f"One of: {', '.join(found)}." if found else "Set CORDEE_PROGRAMMES, or name a preset."
    if wanted is None:
        raise CordeeError("Which programme?", known)
    if wanted not in found:
        raise CordeeError(f"There is no programme {wanted!r}.", known)
    return found[wanted]


def load_all(names: Iterable[str | Path]) -> dict[str, Programme]:
    """Read several programmes: all of them or none.

    Args:
        names: ids of presets or paths of files.

    Returns:
        The programmes by their id, in the order given.

    Raises:
        ProgrammeError: one of them can't be used, or two have the same id.
    """
    found: dict[str, Programme] = {}
    for name in names:
        programme = load(name)
        if programme.id in found:
            raise ProgrammeError(
                programme.file,
                "programme.id",
                f'"{programme.id}" is also the id in {found[programme.id].file}',
                "Give each programme an id of its own.",
            )
        found[programme.id] = programme
    return found


def _read(source: str | Path) -> tuple[str, bytes]:
    text = str(source)
    if isinstance(source, str) and re.fullmatch(r"[a-z0-9-]+", text):
        if text not in presets():
            raise ProgrammeError(
                text,
                "",
                f"no such preset{did_you_mean(text, presets())}",
                "Give the id of a preset, or the path of a file that ends in .toml.",
            )
        preset = resources.files("bot.programmes") / f"{text}.toml"
        return f"{text}.toml", preset.read_bytes()
    path = Path(source)
    try:
        with path.open("rb") as file:
            content = file.read(SIZE_LIMIT + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ProgrammeError(text, "", f"the file can't be read: {reason}") from None
    except ValueError:
        raise ProgrammeError(text, "", "this is no path of a file") from None
    if len(content) > SIZE_LIMIT:
        raise ProgrammeError(path.name, "", "the file is larger than 1 MB")
    return path.name, content


_HINTS: Final = {
    "Cannot overwrite a value": "The same key is written twice in one table.",
    "Cannot declare": "A table written [like this] may appear once; repeat [[like this]].",
    "Unescaped '\\' in a string": "Write \\\\ for a backslash, or use 'single quotes'.",
    "Illegal character '\\n'": 'Close the text with ", or use """ for several lines.',
    "Invalid value": 'A text needs quotes: "like this".',
    "Expected '=' after a key": 'Write key = "value"; put a key with accents or spaces in quotes.',
}


def _syntax(file: str, message: str) -> ProgrammeError:
    found = re.fullmatch(r"(?s)(.*) \(at (?:line (\d+), column (\d+)|(end of document))\)", message)
    hint = next((h for start, h in _HINTS.items() if message.startswith(start)), None)
    if not found:
        return ProgrammeError(file, "", message, hint)
    place = found[4] or f"line {found[2]}, column {found[3]}"
    return ProgrammeError(file, place, found[1], hint)


def _explain(detail: ErrorDetails, data: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """The faults behind one of pydantic's errors, as (place, what to write instead)."""
    where: Place = detail["loc"]
    context = detail.get("ctx", {})
    given = detail["input"]
    match detail["type"]:
        case "value_error" if isinstance(context["error"], FileFaults):
            for below, message in context["error"].found:
                yield _place((*where, *below), data), message
            return
        case "value_error":
            message = str(context["error"])
        case "extra_forbidden":
            hint = did_you_mean(str(where[-1]), _keys_at(where[:-1]))
            where, message = where[:-1], f'unknown key "{where[-1]}"{hint}'
        case "missing":
            where, message = where[:-1], f'"{where[-1]}" is missing'
        case "literal_error":
            known = re.findall(r"'([^']*)'", context["expected"])
            message = f'"{given}" is not possible{did_you_mean(str(given), known)}'
        case "string_pattern_mismatch":
            message = f'"{given}" has to match {context["pattern"]}'
        case "model_type" | "dict_type" | "model_attributes_type" if isinstance(given, str):
            message = 'write this in both languages: { fr = "…", en = "…" }'
        case "string_too_long":
            message = f"at most {context['max_length']} characters (here {len(str(given))})"
        case _:
            message = detail["msg"]
    yield _place(where, data), message


def _place(where: Place, data: object) -> str:
    """`intake.questions[4] "delay" when`: the path, and the ids met on the way."""
    text = ""
    after_id = False
    for step in where:
        data = _below(data, step)
        if isinstance(step, int):
            name = data.get("id") or data.get("value") if isinstance(data, Mapping) else None
            after_id = isinstance(name, str)
            text += f'[{step}] "{name}"' if after_id else f"[{step}]"
        else:
            text += f" {step}" if after_id else f".{step}"
            after_id = False
    return text.removeprefix(".")


def _below(data: object, step: str | int) -> object:
    if isinstance(data, Mapping):
        return data.get(step)
    if isinstance(data, Sequence) and isinstance(step, int) and step < len(data):
        return data[step]
    return None


def _keys_at(where: Place) -> list[str]:
    """The keys that the schema knows at a place, as they are written in a file."""
    model: type[BaseModel] | None = Programme
    for step in where:
        if isinstance(step, str) and model is not None:
            fields = {f.alias or name: f for name, f in model.model_fields.items()}
            model = _model_in(fields[step].annotation) if step in fields else None
    if model is None:
        return []
    return [f.alias or name for name, f in model.model_fields.items()]


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in {Union, UnionType, tuple}:
        return next((m for m in map(_model_in, get_args(annotation)) if m is not None), None)
    return None
