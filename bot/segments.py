"""To whom the team writes: a segment as people type it, and as it is said back to them.

`mentors libres X20 secteur:énergie`: a role, where people stand, and what is known of them. What is
not understood is never guessed at: an announcement to the wrong people cannot be taken back. Who is
meant in the end is `storage.announcements`' question.

Source: X-15.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from bot.dialogue.questionnaire import fold
from bot.i18n import Words
from bot.programmes.schema import Programme
from bot.turn import Scene
from storage.announcements import Segment, Standing

_FIELD: Final = re.compile(r'([^\W\d_]+):(?:"([^"]*)"|(\S+))')
_PROMO: Final = re.compile(r"x(\d\d)|((?:19|20)\d\d)")
_FIELDS: Final = {
    "promo": "promos", "ecole": "schools", "school": "schools", "secteur": "sectors",
    "sector": "sectors", "campagne": "campaign", "campaign": "campaign",
}  # fmt: skip
_STANDINGS: Final[Sequence[tuple[str, str, Standing]]] = (
    ("sans binome", "mentee", "alone"), ("without a pair", "mentee", "alone"),
    ("alone", "mentee", "alone"),
    ("sans rapport", "", "silent"), ("without a report", "", "silent"), ("silent", "", "silent"),
    ("prochaine", "", "next"), ("next", "", "next"),
    ("libres", "mentor", "free"), ("free", "mentor", "free"),
)  # fmt: skip
"""Words, the role they imply, and what they mean."""
_EVERYBODY: Final = ("tous", "tout le monde", "everybody", "all")


def read(scene: Scene, programme: Programme, said: str) -> Segment | None:
    """The segment that is meant; None when any of it is not understood.

    Args:
        scene: Where schools, sectors and campaigns are looked up.
        programme: Whose members.
        said: As typed; `mentors-libres` of a button is the same.
    """
    given: dict[str, list[str]] = {"promos": [], "schools": [], "sectors": [], "campaign": []}
    for name, quoted, bare in _FIELD.findall(said):
        field = _FIELDS.get(fold(name))
        if field is None:
            return None
        given[field].append(quoted or bare)
    rest = f" {fold(_FIELD.sub(' ', said))} "
    role, standing = "", ""
    for words, implied, meant in _STANDINGS:
        if not standing and f" {words} " in rest:
            rest, role, standing = rest.replace(f" {words} ", " ", 1), implied, meant
    for words, meant_role in _roles(programme):
        if f" {words} " in rest:
            if role not in ("", meant_role):
                return None
            rest, role = rest.replace(f" {words} ", " ", 1), meant_role
    for words in _EVERYBODY:
        rest = rest.replace(f" {words} ", " ", 1)
    left = rest.split()
    promos = _promos([*given["promos"], *left])
    if promos is None:
        return None
    schools, sectors = _known(scene, programme, given["schools"], given["sectors"])
    if schools is None or sectors is None:
        return None
    campaign = None
    for name in given["campaign"][:1]:
        found = scene.uow.campaigns.named(programme.id, name)
        if found is None:
            return None
        campaign = found.id
    known = (standing, *given.values(), role, promos)
    if not any(known) and fold(said) not in _EVERYBODY:
        return None
    return Segment(role, standing, promos, schools, sectors, campaign)  # type: ignore[arg-type]


def _roles(programme: Programme) -> list[tuple[str, str]]:
    """What the two roles are called, the longest words first."""
    found = {("mentees", "mentee"), ("mentores", "mentee"), ("mentors", "mentor")}
    for name in ("mentee", "mentor"):
        role = programme.roles.of(name)
        for label in (role.label.fr, role.label.en, role.plural.fr, role.plural.en):
            found.add((fold(label), name))
    return sorted(found, key=lambda pair: (-len(pair[0]), pair))


def _promos(said: Sequence[str]) -> tuple[int, ...] | None:
    found = set()
    for word in said:
        year = _PROMO.fullmatch(fold(word))
        if year is None:
            return None
        short = year[1]
        found.add(int(year[2]) if year[2] else (1900 if short >= "50" else 2000) + int(short))
    return tuple(sorted(found))


def _known(
    scene: Scene, programme: Programme, schools: Sequence[str], sectors: Sequence[str]
) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """The schools and sectors there are that have these words in them; None: there is none."""
    if not schools and not sectors:
        return (), ()
    found = []
    for wanted, there in zip(
        (schools, sectors), scene.uow.announcements.values(programme.id), strict=True
    ):
        hits = {name for name in there for one in wanted if fold(one) and fold(one) in fold(name)}
        found.append(None if wanted and not hits else tuple(sorted(hits)))
    return found[0], found[1]


def said(scene: Scene, programme: Programme, segment: Segment, w: Words) -> str:
    """The segment in words."""
    if segment.role:
        parts = [w.pick(programme.roles.of(segment.role).plural)]
    else:
        parts = [w("segment-everybody")]
    match segment.standing:
        case "free":
            parts.append(w("segment-free"))
        case "alone":
            parts.append(w("segment-alone"))
        case "silent":
            parts.append(w("segment-silent"))
        case "next":
            parts.append(w("segment-next"))
        case "":
            pass
    if segment.promos:
        parts.append(w("segment-promos", promos=", ".join(map(str, segment.promos))))
    parts += [*segment.schools, *segment.sectors]
    if segment.campaign_id is not None:
        campaign = scene.uow.campaigns.get(segment.campaign_id)
        parts.append(w("segment-campaign", name=campaign.name if campaign else "—"))
    return " · ".join(parts)
