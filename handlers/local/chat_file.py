"""The text of a conversation: reads a `.chat` file, and exchanges its platforms.

The form is that of `handlers.local.script`. This module plays nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Platform = Literal["slack", "telegram"]
OTHER: Final[Mapping[Platform, Platform]] = {"slack": "telegram", "telegram": "slack"}
_SAID = re.compile(r"(slack|telegram) (\S(?:.*?\S)?)\s*> ?(.*)")
_MACHINE = re.compile(r"(horloge|redémarrage|panne|programme modifié)\s*> ?(.*)")
_WRITTEN = re.compile(r"bot(\s|→|>)|\s+\||—|!!")


class ScriptError(ValueError):
    """A line of a script that means nothing, or cannot be done here."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens.

    Attributes:
        kind: Who does it; `remark` is a blank line or a comment.
        text: What.
        raw: The lines of the file, kept as they are.
        platform: Where, for people.
        name: Who, for people.
    """

    kind: Literal["person", "horloge", "redémarrage", "panne", "programme modifié", "remark"]
    text: str
    raw: tuple[str, ...]
    platform: Platform = "telegram"
    name: str = ""


@dataclass(slots=True)
class Script:
    """A parsed file: its header and its steps."""

    head: list[str] = field(default_factory=list)
    programmes: list[str] = field(default_factory=list)
    staff: list[tuple[Platform, str]] = field(default_factory=list)
    directory: list[dict[str, str]] = field(default_factory=list)
    accounts: dict[tuple[Platform, str], str] = field(default_factory=dict)
    invented: int = 0
    locale: str = "fr"
    also: bool = False
    steps: list[Step] = field(default_factory=list)

    def people(self) -> Iterator[tuple[Platform, str]]:
        """Every account of the script, in the order in which they are named."""
        seen = dict.fromkeys([*self.staff, *self.accounts])
        seen.update(dict.fromkeys((s.platform, s.name) for s in self.steps if s.kind == "person"))
        yield from seen


# --- reading ------------------------------------------------------------------------------------


def parse(text: str) -> Script:
    """Read a script; the lines that a play writes are left out.

    Raises:
        ScriptError: A line means nothing, with its number.
    """
    script = Script()
    lines = [line for line in text.splitlines() if not _WRITTEN.match(line)]
    place = 0
    while place < len(lines) and not (_SAID.match(lines[place]) or _MACHINE.match(lines[place])):
        _header(script, lines[place])
        place += 1
    while place < len(lines):
        raw = [lines[place]]
        place += 1
        while place < len(lines) and re.match(r"  [-+]", lines[place]):
            raw.append(lines[place])
            place += 1
        script.steps.append(_step(raw))
    return script


def _step(raw: list[str]) -> Step:
    line = raw[0]
    if found := _MACHINE.match(line):
        kind: Any = found[1]
        return Step(kind, found[2].strip(), tuple(raw))
    if found := _SAID.match(line):
        platform: Any = found[1]
        return Step("person", found[3].strip(), tuple(raw), platform, found[2])
    if not line.strip() or line.startswith("#"):
        return Step("remark", "", tuple(raw))
    raise ScriptError(f"this line means nothing: {line!r}")


def _header(script: Script, line: str) -> None:
    script.head.append(line)
    if not line.strip() or line.startswith("#"):
        return
    key, colon, value = (part.strip() for part in line.partition(":"))
    if not colon:
        raise ScriptError(f"this header means nothing: {line!r}")
    match key:
        case "programme":
            script.programmes += [one.strip() for one in value.split(",")]
        case "personnel":
            platform, _, name = value.partition(" ")
            script.staff.append((platform_of(platform), name))
        case "annuaire":
            _person(script, value)
        case "experts":
            script.invented = int(value.removeprefix("demo").strip())
        case "langue":
            script.locale = value
        case "aussi":
            script.also = True
        case _:
            raise ScriptError(f"no such header: {key!r}")


def platform_of(word: str) -> Platform:
    """The platform of that name.

    Raises:
        ScriptError: There is none.
    """
    match word:
        case "slack":
            return "slack"
        case "telegram":
            return "telegram"
        case _:
            raise ScriptError(f"no such platform: {word!r}")


def _person(script: Script, value: str) -> None:
    """`slack Marc Aubier; poste = Directeur`: a row of the import, perhaps with an account."""
    who, *cells = [part.strip() for part in value.split(";")]
    row = {key.strip(): text.strip() for key, _, text in (cell.partition("=") for cell in cells)}
    first, _, rest = who.partition(" ")
    account: Platform | None = None
    if first in ("slack", "telegram"):
        account, who = platform_of(first), rest
    given, _, family = who.partition(" ")
    row = {"prenom": given, "nom": family, "consentement": "oui", **row}
    row.setdefault("email", f"{ascii_name(given).lower()}@exemple.invalid")
    if account is not None:
        script.accounts[account, given] = who
        row["_account"] = account
    script.directory.append(row)


def swapped(script: Script) -> Script:
    """The same story with the two platforms exchanged."""
    steps = []
    for step in script.steps:
        if step.kind == "panne":
            away = OTHER[platform_of(step.text)]
            raw = (step.raw[0].partition(">")[0] + f"> {away}",)
            steps.append(Step("panne", away, raw))
            continue
        if step.kind != "person":
            steps.append(step)
            continue
        there = OTHER[step.platform]
        text = _translated(step.text, there)
        width = len(step.raw[0].partition(">")[0])
        line = f"{f'{there} {step.name}'.ljust(width - 1)} > {text}"
        steps.append(Step("person", text, (line, *step.raw[1:]), there, step.name))
    directory = [
        row | ({"_account": OTHER[platform_of(row["_account"])]} if "_account" in row else {})
        for row in script.directory
    ]
    return Script(
        head=["# La même histoire, les deux plateformes échangées ; écrite par `pytest --update`."],
        programmes=script.programmes,
        staff=[(OTHER[platform], name) for platform, name in script.staff],
        directory=directory,
        accounts={(OTHER[p], name): full for (p, name), full in script.accounts.items()},
        invented=script.invented,
        locale=script.locale,
        steps=steps,
    )


def _translated(text: str, there: Platform) -> str:
    """A command as it is typed over there."""
    if there == "slack" and text == "/start":
        return "bonjour"
    if there == "slack" and text.startswith("(lien "):
        return f"/cordee lier {text[6:-1]}"
    if there == "slack" and text.startswith("/"):
        verb, _, rest = text[1:].partition(" ")
        return f"/cordee {verb.replace('_', '-')} {rest}".rstrip()
    if there == "telegram" and text.startswith("/cordee"):
        verb, _, rest = text.removeprefix("/cordee").strip().partition(" ")
        return f"/{verb.replace('-', '_') or 'aide'} {rest}".rstrip()
    return text


def ascii_name(name: str) -> str:
    """A name as it can stand in an account or an address."""
    folded = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"\W", "", folded)
