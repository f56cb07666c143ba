"""Looking people up: the whole directory for the team, who agreed to be shown for everybody else.

A question travels in the buttons that turn its pages, cut to what a button holds; the first page
answers the cut question too, so that the pages are those of one answer. How words are matched is
the storage's affair; this module refuses to rank.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import partial
from typing import Final

from bot import access, minors
from bot.commands.registry import COMMANDS, command
from bot.dialogues import act_choice, run_choice
from bot.errors import NotAllowed
from bot.i18n import Words
from bot.messages import Line, Message
from bot.turn import Turn
from storage.search import COUNTED, Found
from storage.words import Query, decode, parse

SHOWN: Final = (
    8  # with a button each, and two to turn: what Telegram shows without pages of its own
)
ROOM: Final = 34  # signs of a question in a button, beside the number of a page
HOW: Final = "?"  # after the verb, on a button: nothing to look for yet
_PAGE: Final = re.compile(r"~([1-9][0-9]{0,2})~([!-~]+)", re.ASCII)
_ONE: Final = re.compile(r"#([0-9]{1,18})", re.ASCII)
_LONG: Final = 100  # characters of one field in a list


@command("annuaire", alias="directory", who="staff")
def annuaire(turn: Turn, args: str) -> None:
    """Everybody in the directory by words, with places, pauses and consent; `#12` opens one."""
    if found := _ONE.fullmatch(args):
        turn.say(_card(turn, int(found[1])), here=True)
    elif args:
        show(turn, "annuaire", args)
    else:
        turn.say(Message(how(turn, "annuaire")), here=True)


def how(turn: Turn, verb: str) -> str:
    """How to search, with examples, as it is typed where the person is."""
    name = COMMANDS[verb].called(turn.w.lang)
    typed = ("/cordee " if turn.author.platform == "slack" else "/") + name
    return turn.w("directory-how", command=typed)


def show(turn: Turn, verb: str, args: str) -> None:
    """A page of what is found, in place of the page whose button was pressed.

    Args:
        turn: Whoever asks: staff see everybody by `annuaire`; `experts` shows those of the
            programme who agreed to be shown.
        verb: The command that the buttons run again.
        args: What was typed, or what a button holds.

    Raises:
        NotAllowed: Without a role here there is nobody to look up.
    """
    if not turn.roles or (verb == "annuaire" and not turn.holds(turn.programme.id)):
        raise NotAllowed("no role in this programme")
    turned = _PAGE.fullmatch(args)
    query = (decode(turned[2]) if turned else parse(args)).within(ROOM)
    said = _page(turn, verb, query, int(turned[1]) if turned else 1)
    if not turn.replace(said):
        turn.say(said, here=True)


def _page(turn: Turn, verb: str, query: Query, number: int) -> Message:
    w = turn.w
    if not query.terms:
        return Message(how(turn, verb))
    team = verb == "annuaire"
    shown_in = None if team else turn.programme.id
    young = not team and minors.is_minor(turn, turn.me, turn.programme)
    among = turn.uow.safety.checked(turn.programme.id, turn.now) if young else None
    search = partial(turn.uow.directory.search, query, shown_in=shown_in, among=among)
    found = search(SHOWN, (number - 1) * SHOWN)
    if not found.total:
        return Message(w("directory-nobody"))
    pages = -(-min(found.total, COUNTED) // SHOWN)
    if number > pages:  # fewer than when the button was made
        number = pages
        found = search(SHOWN, (number - 1) * SHOWN)
    lines = tuple(
        _for_team(turn, one, verb) if team else _for_others(turn, one, young=young)
        for one in found.lines
    )
    before = run_choice(w("directory-before"), verb, f"~{number - 1}~{query.code}")
    after = run_choice(w("directory-after"), verb, f"~{number + 1}~{query.code}")
    many = found.total > COUNTED
    return Message(
        title=w("directory-title"),
        text=w("directory-many" if many else "directory-found", n=min(found.total, COUNTED)),
        lines=lines,
        choices=(*((before,) if number > 1 else ()), *((after,) if number < pages else ())),
        note=w("directory-page", page=number, pages=pages) if pages > 1 else None,
    )


def _for_team(turn: Turn, one: Found, verb: str) -> Line:
    w = turn.w
    return Line(
        label=one.name or "—",
        text=" · ".join([*_public(one, w), *_of_team(one, w, turn.now)]),
        choice=run_choice(w("directory-open"), verb, f"#{one.person_id}"),
    )


def _for_others(turn: Turn, one: Found, *, young: bool) -> Line:
    """As far as it may be read here; a minor may report it."""
    rules = turn.programme
    job, employer, sector, city, country = (
        minors.shown(text, rules)
        for text in (one.job, one.employer, one.sector, one.city, one.country)
    )
    safe = one._replace(job=job, employer=employer, sector=sector, city=city, country=country)
    return Line(
        label=minors.called(one, rules),
        text=" · ".join(_public(safe, turn.w)),
        choice=act_choice(turn.w("flag"), "flag-expert", one.person_id, 1) if young else None,
    )


def _short(text: str) -> str:
    return text if len(text) <= _LONG else text[: _LONG - 1].rstrip() + "…"


def _public(one: Found, w: Words) -> list[str]:
    """What an expert agreed to show: never an address of any kind."""
    parts = (
        w("directory-promo", year=one.promo) if one.promo else "",
        ", ".join(_short(part) for part in (one.job, one.employer) if part),
        _short(one.sector),
        ", ".join(_short(part) for part in (one.city, one.country) if part),
    )
    return [part for part in parts if part]


def _of_team(one: Found, w: Words, now: datetime) -> list[str]:
    """Places, pause, consent: for the team's eyes."""
    paused = not one.available and (one.paused_until is None or one.paused_until > now)
    parts = [w("directory-places", taken=one.taken, capacity=one.capacity)]
    if paused and one.paused_until is not None:
        parts.append(w("directory-paused-until", when=w.day(one.paused_until)))
    elif paused:
        parts.append(w("directory-paused"))
    if not one.consenting:
        parts.append(w("directory-hidden"))
    return parts


def _card(turn: Turn, number: int) -> Message:
    """Everything the directory shows of somebody to the team."""
    one, expert = access.directory_entry(turn, number)
    turn.read("card", number)
    w = turn.w
    lines = [Line(text=part) for part in (*_public(one, w), *_of_team(one, w, turn.now))]
    for label, text in ((w("expert-topics"), expert.topics), (w("expert-bio"), expert.bio)):
        if text:
            lines.append(Line(label=label, text=text))
    return Message(title=one.name or "—", text="", lines=tuple(lines), notice=w("directory-title"))
