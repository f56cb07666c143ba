"""`campagne serie`, `passé`, `mots`: the years side by side, and the words of the applications.

Each is a table at once and, with the extra `graphiques`, a picture a moment later (`bot.aside`).
Volunteers and pairs are two counts (X-17). Of words only those are shown that several people used,
and none that is somebody's name: who wrote what is not known here once it is counted.

Source: X-09, X-10, X-17.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final, NamedTuple

from bot import pictures
from bot.aside import Answer, Work, asker, beside, put, reply
from bot.campaigns import rules_for
from bot.i18n import Words
from bot.messages import File, Message, Table
from bot.pictures import Bar, Bars, Cloud
from bot.programmes.schema import Programme
from bot.turn import Scene, Turn
from bot.word_count import FEWEST, Word
from bot.word_count import Words as Counted
from storage.tables import Campaign
from storage.timers import DueTimer

SHOWN: Final = 30  # words, in the table and in the picture
MOST: Final = 100_000  # a count above is a slip of the hand
_EARLIEST: Final = 1950
_NONE: Final = "—"
_TOKEN: Final = re.compile(r"[^\s()]+")
_COHORT: Final = re.compile(r"[xX](\d\d)")
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_VOLUNTEERS: Final = ("volont", "volunt", "candidat", "applica")
_APART: Final = re.compile(rf"[;\n]|,(?!\s*[0-9]+\s+(?:{'|'.join(_VOLUNTEERS)}))", re.IGNORECASE)


# --- the years ------------------------------------------------------------------------------------


class Year(NamedTuple):
    """A campaign that is over.

    Attributes:
        campaign: It.
        change: Of its pairs against the year before, as a share; None where that means nothing.
    """

    campaign: Campaign
    change: float | None


def years(scene: Scene, programme: Programme) -> list[Year]:
    """All of a programme's, oldest first."""
    every = [c for c in scene.uow.campaigns.over(programme.id) if c.pairs is not None]
    alone = [c.year for c in every]
    found = [Year(c, None) for c in every[:1]]
    for before, here in pairwise(every):
        once = alone.count(before.year) == alone.count(here.year) == 1
        comparable = once and here.year == before.year + 1 and bool(before.pairs)
        change = (here.pairs or 0) / (before.pairs or 1) - 1 if comparable else None
        found.append(Year(here, change))
    return found


def cohort(promos: Sequence[int]) -> str:
    """Years of entry as the school says them: `X20`."""
    return " ".join(f"X{promo % 100:02}" for promo in sorted(promos)) or _NONE


def series(turn: Turn, rest: str) -> None:
    """`serie`: the years side by side."""
    w, every = turn.w, years(turn, turn.programme)
    if not every:
        turn.say(Message(w("figures-none")), here=True)
        return
    table = Table(
        (
            w("figures-year"),
            w("figures-promo"),
            w("figures-volunteers"),
            w("figures-pairs"),
            w("figures-change"),
        ),
        tuple(
            (
                one.campaign.name,
                cohort(one.campaign.promos),
                _NONE if one.campaign.volunteers is None else str(one.campaign.volunteers),
                str(one.campaign.pairs),
                _NONE if one.change is None else w.change(one.change),
            )
            for one in every
        ),
    )
    note = w("figures-note") + _picture(turn)
    turn.say(Message("", title=w("figures-title"), table=table, note=note), here=True)


def _picture(turn: Turn, campaign: int | None = None) -> str:
    """Have the picture drawn; without the extra, what is said of it."""
    if not pictures.available():
        return "\n" + turn.w("picture-without")
    put(turn, "campaign-picture", turn.me.id, campaign=campaign)
    return ""


def _bars(every: Sequence[Year], programme: Programme, w: Words) -> tuple[Bars, Message]:
    """The picture of a series, and what is said under it."""
    bars = [
        Bar(f"{c.name}\n{cohort(c.promos)}", c.pairs or 0, c.volunteers)
        for c in (one.campaign for one in every)
    ]
    last = every[-1]
    counted = w("figures-last", last.campaign.pairs, name=last.campaign.name)
    if last.change is not None:
        counted = w("figures-last-change", last.campaign.pairs, name=last.campaign.name,
                    change=w.change(last.change))  # fmt: skip
    picture = Bars(
        w("figures-title"), w.pick(programme.name), bars, w("figures-pairs-long"),
        w("figures-volunteers-long"), w("figures-below"),
    )  # fmt: skip
    return picture, Message(counted, title=w("figures-title"))


# --- years before Cordée --------------------------------------------------------------------------


class Past(NamedTuple):
    """The figures of one year, as staff give them."""

    year: int
    promos: list[int]
    pairs: int
    volunteers: int | None


def past(turn: Turn, rest: str) -> None:
    """`passé 112 X16 (2017), 143 X17`: figures of years before; `passé oublier 2017`."""
    w = turn.w
    first, _, after = rest.strip().partition(" ")
    if first.casefold() in ("oublier", "forget"):
        gone = _YEAR.fullmatch(after.strip())
        if gone is None or not turn.uow.campaigns.forget(turn.programme.id, int(gone[0])):
            turn.say(Message(w("past-unknown", year=after.strip()[:20] or _NONE)), here=True)
            return
        turn.note("campaign-figures", "campaign", None, year=int(gone[0]))
        turn.say(Message(w("past-forgotten", year=gone[0])), here=True)
        return
    offset = min(rules_for(turn.programme).study_years) - 1
    found: list[Past] = []
    for part in filter(None, map(str.strip, _APART.split(rest))):
        one = read_past(part, offset, turn.now.year)
        if one is None:
            turn.say(Message(w("past-unclear", said=part[:60]) + "\n" + w("past-usage")), here=True)
            return
        found.append(one)
    if not found:
        turn.say(Message(w("past-usage")), here=True)
        return
    kept = [one for one in found if turn.uow.campaigns.remember(turn.programme.id, *one, turn.now)]
    for one in found:
        if one not in kept:
            turn.say(Message(w("past-held-here", year=one.year)), here=True)
    if kept:
        turn.note("campaign-figures", "campaign", None, years=len(kept))
        series(turn, "")


def read_past(said: str, offset: int, this_year: int) -> Past | None:
    """Read `112 X16 (2017)`, `2021 : 190 binômes X20, 210 volontaires`; None when it is unclear.

    Args:
        said: The figures of one year; a number before « volontaires » counts these.
        offset: Years from a cohort's entry to its campaign, for a year that is not said.
        this_year: No later one.
    """
    promos: list[int] = []
    year: int | None = None
    pairs: list[int] = []
    volunteers: list[int] = []
    tokens = [token.strip(":.,") for token in _TOKEN.findall(said)]
    for token, after in zip(tokens, [*tokens[1:], ""], strict=False):
        if entered := _COHORT.fullmatch(token):
            promos.append((1900 if entered[1] >= "50" else 2000) + int(entered[1]))
        elif year is None and _YEAR.fullmatch(token):
            year = int(token)
        elif token.isdecimal() and token.isascii():
            counted = volunteers if after.casefold().startswith(_VOLUNTEERS) else pairs
            counted.append(int(token[:9]))
        elif any(c.isdigit() for c in token):
            return None
    if year is None and promos:
        year = max(promos) + offset
    if year is None or len(pairs) != 1 or len(volunteers) > 1:
        return None
    if not _EARLIEST <= year <= this_year or max(*pairs, *volunteers, 0) > MOST:
        return None
    return Past(year, sorted(set(promos)), pairs[0], volunteers[0] if volunteers else None)


# --- words ----------------------------------------------------------------------------------------


class Said(NamedTuple):
    """The words of a campaign's applications.

    Attributes:
        people: How many applied.
        words: Those that may be shown, the most said first.
    """

    people: int
    words: list[Word]


def said(scene: Scene, programme: Programme, campaign: Campaign) -> Said:
    """Count the words that people typed when they applied."""
    uow, typed = scene.uow, _typed(programme)
    texts = []
    for request in uow.campaigns.applications(campaign):
        features = uow.requests.features(request) or {}
        texts.append("\n".join(text for name in typed for text in features.get(name, ())))
    if len(texts) < FEWEST:
        return Said(len(texts), [])
    counted = Counted(texts, _own_words(programme))
    return Said(len(texts), counted.most_said(uow.people.among_names(counted.to_check)))


def _typed(programme: Programme) -> list[str]:
    """What an application says in people's own words, and not by options."""
    asked = [q for qs in (programme.profile, programme.intake) if qs for q in qs.questions]
    chosen = {q.feature for q in asked if q.kind != "text"}
    typed = {q.feature for q in asked if q.kind == "text" and q.format is None} - chosen
    return sorted(name for name in typed if name)


def _own_words(programme: Programme) -> list[str]:
    """The programme's own, which every application may hold: « mentor », « mentorat »."""
    roles = [programme.roles.of(name) for name in ("mentee", "mentor", "staff")]
    labels = [programme.name, programme.contact.name]
    labels += [label for role in roles for label in (role.label, role.plural)]
    return [text for label in labels for text in (label.fr, label.en) if text]


def words(turn: Turn, rest: str) -> None:
    """`mots`, `mots 2025`: the words of the applications of the campaign under way, or the last."""
    w, campaigns = turn.w, turn.uow.campaigns
    name = rest.strip()
    if name:
        campaign = campaigns.named(turn.programme.id, name)
    else:
        campaign = next(iter(campaigns.every(turn.programme.id)), None)
    if campaign is None:
        none = w("campaign-none", year=turn.now.year)
        turn.say(Message(w("words-which", name=name[:40]) if name else none), here=True)
        return
    found = said(turn, turn.programme, campaign)
    title = w("words-title", name=campaign.name)
    if not found.words:
        why = "words-too-few" if found.people < FEWEST else "words-none"
        turn.say(Message(w(why, few=FEWEST), title=title), here=True)
        return
    turn.note("campaign-words", "campaign", campaign.id, people=found.people)
    rows = [(word.text, str(word.people)) for word in found.words[:SHOWN]]
    more = len(found.words) - SHOWN
    note = w("words-note", few=FEWEST) + ("\n" + w("words-more", more) if more > 0 else "")
    turn.say(
        Message(
            w("words-text", found.people),
            title=title,
            table=Table((w("words-word"), w("words-people")), tuple(rows)),
            note=note + _picture(turn, campaign.id),
        ),
        here=True,
    )


def _cloud(found: Said, campaign: Campaign, w: Words) -> tuple[Cloud, Message]:
    """The picture of the words, and what is said under it."""
    shown = dict(found.words[:SHOWN])
    subtitle = w("words-below", found.people, name=campaign.name)
    picture = Cloud(w("words-picture"), subtitle, shown)
    return picture, Message(subtitle, title=w("words-picture"))


# --- pictures -------------------------------------------------------------------------------------


@beside("campaign-picture")
def read(scene: Scene, timer: DueTimer) -> Work | None:
    """What is to be drawn, for whoever asked and may still know it."""
    person = asker(scene, timer)
    if person is None:
        return None
    programme = scene.programme_of(timer.payload["programme"])
    w = scene.words(person, programme)
    number = timer.payload["campaign"]
    picture: Bars | Cloud
    if number is None:
        every = years(scene, programme)
        if not every:
            return None
        picture, message = _bars(every, programme, w)
        alt = w.all([w("figures-alt", b.pairs, name=b.label.replace("\n", " "))
                     for b in picture.bars])  # fmt: skip
        name = f"{programme.id}-campagnes.png"
    else:
        campaign = scene.uow.campaigns.get(number)
        if campaign is None or campaign.programme_id != programme.id:
            return None
        found = said(scene, programme, campaign)
        if not found.words:
            return None
        picture, message = _cloud(found, campaign, w)
        alt = w.all([f"{word} ({people})" for word, people in picture.words.items()])
        name = f"{programme.id}-mots-{campaign.year}.png"

    def work() -> Answer:
        file = File(name, pictures.draw(picture), "image/png", alt)
        return lambda later: reply(later, timer, lambda _: replace(message, file=file))

    return work
