"""Why somebody is proposed: at most three reasons, each true of their public record.

A reason is a message id with arguments taken from the record as they stand there; the catalogue
words it. No number of the score, no hidden field, nothing about the mentee ever comes out of here.

Source: matching goals A6 (reasons in plain words) and E1 (every reason is true of the row).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field

from bot.matching.features import (
    NEAR,
    Profile,
    Rules,
    Wish,
    countries_of,
    names_region,
    structure_nearness,
    tag,
)
from bot.matching.places import country, key, language, region
from bot.matching.text import TextIndex, clauses

Clause = Callable[[], tuple[int, float] | None]

MOST = 3
MAX_QUOTE = 160
TELLING = 0.2
"""Cosine from which a clause with no word in common is quoted."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A message id of the catalogue and its arguments, all taken from a public record.

    Ids and arguments: `reason-says` (quote), `reason-job` (job, employer: may be empty),
    `reason-sector` (sector), `reason-topics` (topics), `reason-employer` (employer),
    `reason-structure` (structure), `reason-lives` (country), `reason-lived` (country),
    `reason-region` (country), `reason-situation` (situation), `reason-language` (language),
    `reason-city` (city), `reason-help` (kind), `reason-promo` (promo, gap in years).
    What is missing: `missing-<feature>` (wanted: the mentee's own choice).
    """

    id: str
    args: Mapping[str, str | int] = field(default_factory=dict)


def quote(bio: str, wish: str, index: TextIndex) -> str | None:
    """The clause that has most to do with the wish, shortened; none if no clause has."""
    asked, fields = index.read(wish)
    best, found = 0.0, None
    for clause in clauses(bio):
        held, near = index.read(clause)
        shared = sum(index.rarity(s) for s in sorted(asked & held))
        value = shared + 0.5 * sum(min(fields[n], near[n]) for n in sorted(fields.keys() & near))
        if value > best:
            best, found = value, clause
    return None if found is None else _short(found)


@dataclass(frozen=True)
class Context:
    """What a reason is judged by.

    Attributes:
        wish: What is wanted.
        rules: The programme's.
        index: The texts of the directory.
        words: The mentee's own words, with what the programme says they stand for.
        home: Where most people live.
    """

    wish: Wish
    rules: Rules
    index: TextIndex
    words: str
    home: str = ""


def reasons(
    profile: Profile,
    context: Context,
    contributions: Mapping[str, float],
    clause: Clause = lambda: None,
) -> list[Reason]:
    """At most three reasons, the largest contribution first.

    Args:
        profile: The one proposed.
        context: The wish and the directory it is judged in.
        contributions: Feature → weight × value of this profile; `text` for the own words.
        clause: Says which clause of theirs means most of what is wished, and how near it comes.
    """
    found: list[Reason] = []
    for name in sorted(contributions, key=lambda n: (-contributions[n], n)):
        if contributions[name] <= 0:
            continue
        some = _of_text(profile, context, clause) if name == "text" else _OF[name](profile, context)
        found += [r for r in some if r not in found]
    if not found and (profile.job or profile.employer):
        found = [_job(profile)]
    return found[:MOST]


def missing(wish: Wish, values: Mapping[str, float]) -> list[Reason]:
    """What was asked with a button and this profile does not offer.

    Args:
        wish: The mentee's wish.
        values: Feature → value of this profile.
    """
    return [
        Reason(f"missing-{name}", {"wanted": wish.values(name)[0]})
        for name in ("sector", "country", "structure", "employer", "job", "language", "city")
        if name in values and values[name] <= 0 and len(wish.values(name)) == 1
    ]


def _short(text: str) -> str:
    if len(text) <= MAX_QUOTE:
        return text
    cut = text[: MAX_QUOTE - 1]
    return (cut.rsplit(None, 1)[0] if " " in cut else cut).rstrip(" ,;") + "…"


def _job(profile: Profile) -> Reason:
    return Reason("reason-job", {"job": profile.job, "employer": profile.employer})


def _related(text: str, wish: str, index: TextIndex) -> bool:
    """Whether two texts share a word, or a field that is a main one of both."""
    (held, near), (asked, fields) = index.read(text), index.read(wish)
    return not held.isdisjoint(asked) or not _main(near).isdisjoint(_main(fields))


def _main(fields: Mapping[str, float]) -> Set[str]:
    """Without those that only a word of several meanings points to."""
    least = max(fields.values(), default=0.0) / 2
    return {name for name, share in fields.items() if share >= least}


def _of_text(profile: Profile, context: Context, clause: Clause) -> list[Reason]:
    told = []
    said = quote(profile.bio, context.words, context.index)
    if said is None and (found := clause()) is not None and found[1] >= TELLING:
        said = next(map(_short, clauses(profile.bio)[found[0] :]), None)
    if said is not None:
        told.append(Reason("reason-says", {"quote": said}))
    if profile.job and _related(f"{profile.job}\n{profile.employer}", context.words, context.index):
        told.append(_job(profile))
    if profile.sector and _related(profile.sector, context.words, context.index):
        told.append(Reason("reason-sector", {"sector": profile.sector}))
    if profile.topics and _related(profile.topics, context.words, context.index):
        told.append(Reason("reason-topics", {"topics": _short(profile.topics)}))
    return told[:2]  # room for what was chosen


def _of_work(profile: Profile, context: Context) -> list[Reason]:
    wanted = "\n".join(context.wish.values("sector") + context.wish.values("job"))
    if profile.sector and _related(profile.sector, wanted, context.index):
        return [Reason("reason-sector", {"sector": profile.sector})]
    if profile.job and _related(profile.job, wanted, context.index):
        return [_job(profile)]
    if profile.topics and _related(profile.topics, wanted, context.index):
        return [Reason("reason-topics", {"topics": _short(profile.topics)})]
    return []


def _of_employer(profile: Profile, context: Context) -> list[Reason]:
    if profile.employer and _related(
        profile.employer, "\n".join(context.wish.values("employer")), context.index
    ):
        return [Reason("reason-employer", {"employer": profile.employer})]
    return []


def _of_structure(profile: Profile, context: Context) -> list[Reason]:
    held = tag(profile.structure)
    if any(
        structure_nearness(tag(v), held, context.rules) >= NEAR
        for v in context.wish.values("structure")
    ):
        return [Reason("reason-structure", {"structure": profile.structure})]
    return []


def _of_country(profile: Profile, context: Context) -> list[Reason]:
    values = context.wish.values("country")
    wanted = frozenset().union(
        *(
            countries_of(v, context.rules)
            - ({context.home} if names_region(v, context.rules) else frozenset())
            for v in values
        )
    )
    if profile.country and country(profile.country) in wanted:
        return [Reason("reason-lives", {"country": profile.country})]
    for name in profile.countries:
        if country(name) in wanted:
            return [Reason("reason-lived", {"country": name})]
    regions = {region(country(v)) for v in values if not names_region(v, context.rules)} - {None}
    here = country(profile.country)
    if here != context.home and region(here) in regions:
        return [Reason("reason-region", {"country": profile.country})]
    return []


def _of_situation(profile: Profile, context: Context) -> list[Reason]:
    wanted = {tag(v) for v in context.wish.values("situation")}
    return [
        Reason("reason-situation", {"situation": s}) for s in profile.situations if tag(s) in wanted
    ][:1]


def _of_language(profile: Profile, context: Context) -> list[Reason]:
    wanted = {language(v) for v in context.wish.values("language")}
    return [
        Reason("reason-language", {"language": name})
        for name in profile.languages
        if language(name) in wanted
    ][:1]


def _of_city(profile: Profile, context: Context) -> list[Reason]:
    if profile.city and key(profile.city) in {key(v) for v in context.wish.values("city")}:
        return [Reason("reason-city", {"city": profile.city})]
    return []


def _of_help(profile: Profile, context: Context) -> list[Reason]:
    wanted = context.wish.values("help_kind")
    return [Reason("reason-help", {"kind": kind}) for kind in profile.helps if kind in wanted][:1]


def _of_promo(profile: Profile, context: Context) -> list[Reason]:
    if context.wish.promo is None or profile.promo is None:
        return []
    return [
        Reason("reason-promo", {"promo": profile.promo, "gap": context.wish.promo - profile.promo})
    ]


_OF: Mapping[str, Callable[[Profile, Context], list[Reason]]] = {
    "sector": _of_work,
    "job": _of_work,
    "employer": _of_employer,
    "structure": _of_structure,
    "country": _of_country,
    "situation": _of_situation,
    "language": _of_language,
    "city": _of_city,
    "help_kind": _of_help,
    "promo_gap": _of_promo,
}
