"""The one registry: every command and every act, with who may use it.

Slack gets `/cordee <name>`, Telegram `/<name>` (underscore for hyphen), everybody `aide`, the
README its table, all from here. A command or act without a policy can't be registered. This module
does not know what any of them does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bot.dialogue.questionnaire import fold
from bot.turn import Turn

Who = Literal["anyone", "member", "staff", "owner"]
"""`anyone`: before consent too; `member`: has agreed to be stored; `staff`, `owner`.

Of the current programme.
"""


@dataclass(frozen=True, slots=True)
class Command:
    """A verb of the bot.

    Attributes:
        name: French name, with hyphens.
        alias: English name.
        who: Who may use it; re-read at each call.
        run: What it does, with the rest of the line.
        listed: Whether menus show it; `consent` and the like are only pressed.
    """

    name: str
    alias: str
    who: Who
    run: Callable[[Turn, str], None]
    listed: bool = True

    @property
    def summary(self) -> str:
        """Message id of the one-line description."""
        return f"command-{self.name}"


@dataclass(frozen=True, slots=True)
class Act:
    """What a button does to an object: the number, and the version it was shown with.

    `who` is the outer gate; whether this object may be touched is checked by `bot/access.py`
    inside.
    """

    verb: str
    who: Who
    run: Callable[[Turn, int, int], None]


ORDER = (
    "aide", "menu", "demande", "rdv", "ecrire", "rapport", "reprendre", "profil", "experts",
    "pause", "programme", "langue", "lier", "mes-donnees", "effacer",
    "demandes", "proposer", "annuaire", "binomes", "campagne", "bilan", "statistiques",
    "relancer", "agenda",
    "envois", "exporter", "inviter", "roles",
)  # fmt: skip
"""How people find them in help and menus: what they need most comes first."""
COMMANDS: dict[str, Command] = {}
ACTS: dict[str, Act] = {}
_ALIASES: dict[str, str] = {}


def command(
    name: str, *, alias: str, who: Who, listed: bool = True
) -> Callable[[Callable[[Turn, str], None]], Callable[[Turn, str], None]]:
    """Register a command."""

    def register(run: Callable[[Turn, str], None]) -> Callable[[Turn, str], None]:
        if name in COMMANDS or alias in _ALIASES:
            raise ValueError(f"command {name} ({alias}) is registered twice")
        COMMANDS[name] = Command(name, alias, who, run, listed)
        _ALIASES[alias] = name
        return run

    return register


def act(
    verb: str, *, who: Who
) -> Callable[[Callable[[Turn, int, int], None]], Callable[[Turn, int, int], None]]:
    """Register what a button of this verb does."""

    def register(run: Callable[[Turn, int, int], None]) -> Callable[[Turn, int, int], None]:
        if verb in ACTS:
            raise ValueError(f"act {verb} is registered twice")
        ACTS[verb] = Act(verb, who, run)
        return run

    return register


def listed() -> list[Command]:
    """The commands that help and menus show, in their order."""
    shown = [entry for entry in COMMANDS.values() if entry.listed]
    return sorted(shown, key=lambda entry: ORDER.index(entry.name))


def find(name: str) -> Command | None:
    """The command of this name or alias, as typed: any case, with accents, `_` for `-`."""
    wanted = fold(name).replace(" ", "-")
    return COMMANDS.get(_ALIASES.get(wanted, wanted))
