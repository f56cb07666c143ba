"""`école:Nancy`, `entreprise:"Soleil du Sud"`: part of a programme's people, as staff type it.

A school is an association of former students as well: several of them live in one programme, and
each is counted by itself. What is not understood is never guessed at.

Source: M-17.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from bot.dialogue.questionnaire import fold
from bot.programmes.schema import Programme
from bot.turn import Scene
from storage.groups import Group, values

LEAST: Final = 5
"""Of fewer people no figures are told: they would be somebody's."""
_FIELD: Final = re.compile(
    r'([^\W\d_]+) ?: ?(?:"([^"]*)"|«\s*([^»]*?)\s*»|“([^”]*)”|([^\s"«“]\S*))'
)
_SCHOOL: Final = frozenset({"ecole", "school", "association"})
_COMPANY: Final = frozenset({"entreprise", "employeur", "company", "employer"})


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What somebody typed.

    Attributes:
        rest: What is not about people.
        group: Whom it is narrowed to; None: everybody.
        unknown: What was not understood of it.
    """

    rest: str
    group: Group | None = None
    unknown: str | None = None


def read(scene: Scene, programme: Programme, said: str) -> Narrowed:
    """Read what is typed beside a verb.

    Args:
        scene: Where schools and companies are looked up.
        programme: Whose people.
        said: As typed.
    """
    fields = list(_FIELD.finditer(said))
    rest = " ".join(_FIELD.sub(" ", said).split())
    if not fields:
        return Narrowed(rest)
    schools, employers = values(scene.uow.session, programme.id)
    found: dict[str, set[str]] = {"schools": set(), "employers": set()}
    for field in fields:
        name, wanted = fold(field[1]), fold("".join(filter(None, field.groups()[1:])))
        what, there = ("schools", schools) if name in _SCHOOL else ("employers", employers)
        hits = {one for one in there if wanted and wanted in fold(one)}
        if name not in _SCHOOL | _COMPANY or not hits:
            return Narrowed(rest, unknown=field[0])
        found[what] |= hits
    return Narrowed(rest, Group(_tidy(found["schools"]), _tidy(found["employers"])))


def said(group: Group) -> str:
    """The group in its own words."""
    return " · ".join([", ".join(names) for names in (group.schools, group.employers) if names])


def _tidy(names: set[str]) -> tuple[str, ...]:
    return tuple(sorted(names))


def is_small(scene: Scene, programme: Programme, group: Group) -> bool:
    """Whether too few people are of the group for figures about it."""
    return group.members(scene.uow.session, programme.id) < LEAST
