"""The team's verb for a campaign: open, draft, review, pin, forbid, what-if, publish, close.

A draft is the team's paper: nobody hears of it until it is published, and then everybody does at
once. Points are for staff only. What mentees and mentors see is `bot/flows/campaign.py`; what the
best draft is, `bot/campaigns.py`.

Source: X-01, X-06, X-14, X-17.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Final

from bot import campaigns
from bot.campaigns import Board, board_of
from bot.commands import (
    campaign_audit,
    campaign_compare,
    campaign_figures,
    campaign_publish,
    campaign_supply,
)
from bot.commands.campaign_draft import make
from bot.commands.campaign_publish import current
from bot.commands.registry import command
from bot.dialogue.questionnaire import fold
from bot.dialogues import act_choice, run_choice
from bot.errors import NotAllowed
from bot.flows import campaign as flow
from bot.messages import Line, Message
from bot.turn import Turn
from storage.tables import Campaign, CampaignPair

SHOWN: Final = 8  # pairs on a page of the review …
WITHOUT_SHOWN: Final = 24  # … and people who have nobody: a line each
_TITLES: Final = frozenset({"m", "mr", "mrs", "ms", "mme", "mlle", "monsieur", "madame"})
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_NUMBERS: Final = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")


@command("campagne", alias="campaign", who="staff", section="campaign")
def campagne(turn: Turn, args: str) -> None:
    """The campaign: where it stands; with a verb, what comes next."""
    if turn.programme.campaign is None:
        turn.say(Message(turn.w("campaign-not-here")), here=True)
        return
    verb, rest = _verb(args)
    run = _VERBS.get(verb)
    if run is None:
        turn.say(Message(turn.w("campaign-usage")), here=True)
        return
    if run in _ANY_TIME:
        run(turn, rest)
        return
    if turn.uow.campaigns.current(turn.programme.id) is None:
        _none(turn)
        return
    run(turn, rest)


def _verb(args: str) -> tuple[str, str]:
    """`paire 12` as it is typed, `paire-12` as a button carries it."""
    found = re.match(r"([^\s\d-]*)[\s-]*(.*)", args.strip(), re.DOTALL)
    return (fold(found[1]), found[2].strip()) if found else ("", "")


def _none(turn: Turn) -> None:
    w = turn.w
    before = turn.uow.campaigns.every(turn.programme.id)
    turn.say(
        Message(
            w("campaign-none", year=turn.now.year),
            choices=(
                run_choice(w("campaign-clone"), "campagne", f"cloner-{_next(turn, before[0])}"),
            )
            if before
            else (),
        ),
        here=True,
    )


# --- open and clone -------------------------------------------------------------------------------


def _open(turn: Turn, rest: str) -> None:
    """`ouvrir 2026` or `ouvrir 2026 X25 X24`: a new campaign, for these years of entry."""
    name, *years = rest.split()[:12] or [str(turn.now.year)]
    given = [int(y) for y in re.findall(r"\d{4}", " ".join(years))]
    given += [2000 + int(y) for y in re.findall(r"\b[xX](\d{2})\b", " ".join(years))]
    today = turn.today(turn.me, turn.programme)
    _begin(turn, name[:40], sorted(set(given)) or campaigns.rules_for(turn.programme).promos(today))


def _clone(turn: Turn, rest: str) -> None:
    """`cloner 2027`: last year's settings for this year's people; nobody is taken over."""
    before = turn.uow.campaigns.every(turn.programme.id)
    if not before:
        _none(turn)
        return
    name = rest.split(maxsplit=1)[0] if rest else str(_next(turn, before[0]))
    later = _year(turn, name) - before[0].year
    _begin(turn, name[:40], [promo + later for promo in before[0].promos])


def _next(turn: Turn, last: Campaign) -> int:
    return max(turn.now.year, last.year + 1)


def _year(turn: Turn, name: str) -> int:
    """The year that a campaign's name says, else this one."""
    return int(name) if re.fullmatch(r"20\d\d", name) else turn.now.year


def _begin(turn: Turn, name: str, promos: list[int]) -> None:
    programme, w = turn.programme, turn.w
    if (running := turn.uow.campaigns.current(programme.id)) is not None:
        turn.say(Message(w("campaign-running", name=running.name)), here=True)
        return
    made = turn.uow.campaigns.open(
        programme.id,
        name,
        year=_year(turn, name),
        promos=promos,
        seed=_seed(programme.id, name),
        now=turn.now,
    )
    if made is None:
        turn.say(Message(w("campaign-name-taken", name=name)), here=True)
        return
    turn.note("campaign-opened", "campaign", made.id)
    told = flow.announce(turn, programme, made)
    said = w("campaign-begun", n=len(promos), name=name, promos=flow.promos_said(promos, w))
    turn.say(
        Message(
            said + "\n" + w("campaign-announced", n=told),
            choices=(run_choice(w("campaign-see-supply"), "campagne", "offre"),),
        ),
        here=True,
    )


def _seed(programme_id: str, name: str) -> int:
    """The same for the same campaign, so that its draft can be made again."""
    return campaigns.number_of(f"{programme_id} {name}") & (2**31 - 1)


# --- where it stands ------------------------------------------------------------------------------


def _standing(turn: Turn, rest: str) -> None:
    """Volunteers and pairs are two counts (X-17); then what may be done."""
    turn.say(standing(turn, current(turn)), here=True)


def standing(turn: Turn, campaign: Campaign) -> Message:
    """Where a campaign stands."""
    w, uow = turn.w, turn.uow
    counts = uow.campaigns.counts(campaign.id)
    places, waiting = flow.supply(turn, turn.programme, campaign)
    lines = [
        Line(label=w("campaign-volunteers"), text=str(uow.campaigns.volunteers(campaign.id))),
        Line(label=w("campaign-pairs"), text=str(counts.get("accepted", 0))),
        Line(label=w("campaign-asked"), text=str(counts.get("proposed", 0))),
        Line(label=w("campaign-without"), text=str(waiting - counts.get("proposed", 0))),
        Line(label=w("campaign-places"), text=str(places)),
    ]
    if campaign.state == "matching":
        lines.append(Line(label=w("campaign-drafted"), text=str(counts.get("draft", 0))))
    drafted = campaign.state == "matching"
    choices = [
        run_choice(w("campaign-make-draft"), "campagne", "brouillon", "plain" if drafted else
                   "primary"),
        *((run_choice(w("campaign-review"), "campagne", "revue", "primary"),) if drafted else ()),
        run_choice(w("campaign-see-supply"), "campagne", "offre"),
    ]  # fmt: skip
    return Message(
        title=w("campaign-title", name=campaign.name),
        text=w(
            f"campaign-is-{campaign.state}",
            n=len(campaign.promos),
            promos=flow.promos_said(campaign.promos, w),
        ),
        lines=tuple(lines),
        choices=tuple(choices),
        quiet=(run_choice(w("campaign-close"), "campagne", "fermer"),),
    )


# --- review ---------------------------------------------------------------------------------------


def _names(turn: Turn, people: Collection[int]) -> dict[int, str]:
    found = turn.uow.people.names(people)
    return {number: found.get(number) or f"#{number}" for number in people}


def _review(turn: Turn, rest: str) -> None:
    """`revue`, `revue 2`: the drafted pairs, a page at a time."""
    w, campaign = turn.w, current(turn)
    rows = [r for r in turn.uow.campaigns.pairs(campaign.id, "draft", "proposed") if r.drafted]
    names = _names(turn, {n for r in rows for n in (r.mentee_id, r.mentor_id)})
    rows.sort(key=lambda r: (fold(names[r.mentee_id]), r.id))
    if not rows:
        turn.say(Message(w("campaign-no-draft")), here=True)
        return
    page, last = _page(rest, len(rows), SHOWN)
    lines = tuple(
        Line(
            label=w("campaign-pair", mentee=names[r.mentee_id], mentor=names[r.mentor_id]),
            text=_marks(r, turn) + (" · ".join(r.reasons) or w("proposal-no-reason")),
            choice=run_choice(w("staff-open"), "campagne", f"paire-{r.id}"),
        )
        for r in rows[(page - 1) * SHOWN : page * SHOWN]
    )
    turn.say(
        Message(
            title=w("campaign-review-title", name=campaign.name),
            text=w("campaign-review-text", page=page, last=last, n=len(rows)),
            lines=lines,
            choices=(
                *((run_choice(w("campaign-next"), "campagne", f"revue-{page + 1}"),)
                  if page < last else ()),
                act_choice(w("campaign-publish"), "campaign-ask", campaign.id, campaign.version),
            ),
            quiet=(run_choice(w("campaign-see-without"), "campagne", "sans"),),
        ),
        here=True,
    )  # fmt: skip


def _marks(row: CampaignPair, turn: Turn) -> str:
    marks = [turn.w("campaign-mark-pinned")] if row.pinned else []
    if row.state == "proposed":
        marks.append(turn.w("campaign-mark-proposed"))
    return "".join(f"{mark} · " for mark in marks)


def _pair(turn: Turn, rest: str) -> None:
    """`paire 12`: one pair of the draft, and what may be done with it."""
    row = turn.uow.campaigns.pair(int(rest)) if _NUMBER.fullmatch(rest) else None
    campaign = current(turn)
    if row is None or row.campaign_id != campaign.id:
        raise NotAllowed("no such pair")
    w = turn.w
    names = _names(turn, {row.mentee_id, row.mentor_id})
    both = f"{row.mentee_id}-{row.mentor_id}"
    pin = (
        run_choice(w("campaign-unpin"), "campagne", f"liberer-{row.mentee_id}")
        if row.pinned
        else run_choice(w("campaign-pin"), "campagne", f"choisir-{both}")
    )
    turn.say(
        Message(
            title=w("campaign-pair", mentee=names[row.mentee_id], mentor=names[row.mentor_id]),
            text=_marks(row, turn) + w("campaign-score", points=row.score),
            lines=tuple(Line(text=f"• {reason}") for reason in row.reasons),
            choices=(pin, run_choice(w("campaign-forbid"), "campagne", f"interdire-{both}"))
            if row.state == "draft" or row.pinned
            else (),
            note=w("campaign-why-hint", name=names[row.mentee_id]),
        ),
        here=True,
    )


def _without(turn: Turn, rest: str) -> None:
    """`sans`, `sans 2`: who has nobody in the draft, each with the reason why, page by page."""
    w, campaign = turn.w, current(turn)
    left = [e for e in turn.uow.campaigns.entries(campaign.id, "mentee") if e.why]
    if not left:
        turn.say(Message(w("campaign-nobody-without")), here=True)
        return
    names = _names(turn, {e.person_id for e in left})
    left.sort(key=lambda e: (fold(names[e.person_id]), e.id))
    page, last = _page(rest, len(left), WITHOUT_SHOWN)
    said = w("campaign-without-text")
    if last > 1:
        said += "\n" + w("campaign-page", page=page, last=last)
    turn.say(
        Message(
            title=w("campaign-without-title", n=len(left)),
            text=said,
            lines=tuple(
                Line(
                    label=names[e.person_id],
                    text=w("campaign-why-nobody" if e.why == "nobody" else "campaign-why-places"),
                )
                for e in left[(page - 1) * WITHOUT_SHOWN : page * WITHOUT_SHOWN]
            ),
            choices=(
                *((run_choice(w("campaign-next"), "campagne", f"sans-{page + 1}"),)
                  if page < last else ()),
                run_choice(w("campaign-see-supply"), "campagne", "offre"),
            ),
        ),
        here=True,
    )  # fmt: skip


def _page(rest: str, count: int, size: int) -> tuple[int, int]:
    """The page that is asked for, and the last one there is."""
    last = -(-count // size)
    page = max(int(rest), 1) if _NUMBER.fullmatch(rest) else 1
    return min(page, last), last


# --- changing it by hand --------------------------------------------------------------------------


def _two(turn: Turn, board: Board, text: str) -> tuple[int, int] | None:
    """A mentee and a mentor, as staff name them: `Léa, Mme Aubier`; or by numbers, from a button.

    None, and said so, when one of them is nobody or several.
    """
    if found := _NUMBERS.fullmatch(text):
        return int(found[1]), int(found[2])
    halves = re.split(r"\s*[,;+]\s*", text, maxsplit=1)
    if len(halves) != 2:
        turn.say(Message(turn.w("campaign-two-usage")), here=True)
        return None
    mentee = _one(turn, halves[0], {m.id for m in board.given.mentees})
    mentor = _one(turn, halves[1], {m.id for m in board.given.mentors})
    if mentee is None or mentor is None:
        unknown = halves[0] if mentee is None else halves[1]
        turn.say(Message(turn.w("campaign-who", name=unknown[:40])), here=True)
        return None
    return mentee, mentor


def _one(turn: Turn, said: str, people: Collection[int]) -> int | None:
    """The one of these people who is meant; else whoever the programme knows by that name."""
    wanted = [word for word in fold(said).split() if word not in _TITLES]
    names = turn.uow.people.names(people)
    close = [
        number
        for number, name in names.items()
        if wanted and all(f" {word}" in f" {fold(name or '')}" for word in wanted)
    ]
    if len(close) == 1:
        return close[0]
    found = turn.uow.people.find(said, turn.programme.id) if not close else None
    return found.id if found else None


def _asked(turn: Turn, rest: str) -> tuple[Campaign, Board, int, int] | None:
    """The mentee and the mentor meant, with all it takes to put them together; None: refused."""
    campaign = current(turn)
    board = board_of(turn, campaign)
    two = _two(turn, board, rest)
    return None if two is None or _refused(turn, board, *two) else (campaign, board, *two)


def _why(turn: Turn, rest: str) -> None:
    """`pourquoi Léa, Mme Aubier`: what putting these two together would change, exactly."""
    if (asked := _asked(turn, rest)) is None:
        return
    _, board, mentee, mentor = asked
    now = board.draft()
    found = board.what_if(now, mentee, mentor)
    people = {mentee, mentor, *found.left, *found.found}
    for moved in found.moved:
        people.update(moved)
    w, names = turn.w, _names(turn, people)
    if now.pairs.get(mentee) == mentor:
        turn.say(Message(w("campaign-as-it-is", mentee=names[mentee], mentor=names[mentor])),
                 here=True)  # fmt: skip
        return
    said = [w("campaign-what-if", points=found.points, total=now.objective)]
    if found.left:
        said.append(w("campaign-what-if-left", n=len(found.left)))
    if found.moved:
        said.append(w("campaign-what-if-moves", n=len(found.moved)))
    lines = [
        Line(label=names[one], text=w("campaign-moves", now=names[old], then=names[new]))
        for one, old, new in found.moved
    ]
    lines += [Line(label=names[one], text=w("campaign-left")) for one in found.left]
    lines += [Line(label=names[one], text=w("campaign-found")) for one in found.found]
    lines += [Line(text=f"• {reason}") for reason in board.reasons({mentee: mentor})[mentee]]
    turn.say(
        Message(
            title=w("campaign-pair", mentee=names[mentee], mentor=names[mentor]),
            text="\n".join(said),
            lines=tuple(lines),
            choices=(
                run_choice(w("campaign-do-it"), "campagne", f"choisir-{mentee}-{mentor}",
                           "primary"),
                run_choice(w("campaign-leave-it"), "campagne", "revue"),
            ),
        ),
        here=True,
    )  # fmt: skip


def _refused(turn: Turn, board: Board, mentee: int, mentor: int) -> bool:
    """Whether two people cannot be put together at all; then it is said why."""
    why = board.refusal(mentee, mentor)
    if why is None:
        return False
    names = _names(turn, {mentee, mentor})
    turn.say(
        Message(turn.w(f"campaign-not-{why}", mentee=names[mentee], mentor=names[mentor])),
        here=True,
    )
    return True


def _pin(turn: Turn, rest: str) -> None:
    """`choisir Léa, Mme Aubier`: this pair, and the best draft around it."""
    if (asked := _asked(turn, rest)) is None:
        return
    campaign, _, mentee, mentor = asked
    turn.uow.campaigns.pin(campaign.id, mentee, mentor)
    turn.note("campaign-pinned", "campaign", campaign.id, mentee=mentee, mentor=mentor)
    make(turn, campaign)


def _unpin(turn: Turn, rest: str) -> None:
    """`liberer Léa`: her mentor is chosen freely again."""
    campaign = current(turn)
    people = {one.person_id for one in turn.uow.campaigns.applicants(campaign.id)}
    mentee = int(rest) if _NUMBER.fullmatch(rest) else _one(turn, rest, people)
    if mentee not in people:
        turn.say(Message(turn.w("campaign-who", name=rest[:40])), here=True)
        return
    turn.uow.campaigns.pin(campaign.id, mentee, None)
    turn.note("campaign-unpinned", "campaign", campaign.id, mentee=mentee)
    make(turn, campaign)


def _forbid(turn: Turn, rest: str) -> None:
    """`interdire Léa, Mme Aubier`: never these two, in this campaign or another."""
    campaign = current(turn)
    board = board_of(turn, campaign)
    two = _two(turn, board, rest)
    if two is None:
        return
    mentee, mentor = two
    if mentee not in {m.id for m in board.given.mentees} or turn.uow.people.get(mentor) is None:
        raise NotAllowed("not of this campaign")
    if any(m.id == mentee and m.pinned == mentor for m in board.given.mentees):
        turn.uow.campaigns.pin(campaign.id, mentee, None)
    turn.uow.campaigns.forbid(turn.programme.id, mentee, mentor, "staff", turn.now)
    turn.note("campaign-forbidden", "campaign", campaign.id, mentee=mentee, mentor=mentor)
    make(turn, campaign)


_VERBS: Final[Mapping[str, Callable[[Turn, str], None]]] = {
    "": _standing,
    **dict.fromkeys(("etat", "state"), _standing),
    **dict.fromkeys(("ouvrir", "open"), _open),
    **dict.fromkeys(("cloner", "clone"), _clone),
    **dict.fromkeys(("brouillon", "draft"), lambda turn, rest: make(turn, current(turn))),
    **dict.fromkeys(("revue", "review"), _review),
    **dict.fromkeys(("paire", "pair"), _pair),
    **dict.fromkeys(("sans", "without"), _without),
    **dict.fromkeys(("pourquoi", "why"), _why),
    **dict.fromkeys(("choisir", "pin"), _pin),
    **dict.fromkeys(("liberer", "unpin"), _unpin),
    **dict.fromkeys(("interdire", "forbid"), _forbid),
    **dict.fromkeys(("publier", "publish"), campaign_publish.publish_sure),
    **dict.fromkeys(("audit",), campaign_audit.show),
    **dict.fromkeys(("offre", "supply"), campaign_supply.show),
    **dict.fromkeys(("fermer", "close"), campaign_publish.close_sure),
    **dict.fromkeys(("serie", "series"), campaign_figures.series),
    **dict.fromkeys(("comparer", "compare"), campaign_compare.show),
    **dict.fromkeys(("passe", "past"), campaign_figures.past),
    **dict.fromkeys(("mots", "words"), campaign_figures.words),
}
_ANY_TIME: Final = frozenset(
    (
        _open, _clone, campaign_figures.series, campaign_figures.past, campaign_figures.words,
        campaign_compare.show,
    )
)  # fmt: skip
"""Needs no campaign under way."""
