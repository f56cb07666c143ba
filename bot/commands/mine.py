"""What is kept about me: to read in words, as a file, to correct, to take back; and who read it.

Each table and field has the name that the catalogues give it; the file has everything. This module
knows no table by its content: a new one shows by itself.

Source: GDPR 7, 15, 16, 20; quality, P2.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final

from bot import access
from bot.commands import promises as promised
from bot.commands.companies import called
from bot.commands.registry import act, command
from bot.dialogues import act_choice, family, run_choice
from bot.flows import flags, promises
from bot.i18n import Words
from bot.messages import Choice, File, Line, Message
from bot.programmes.partners import PURPOSE
from bot.programmes.schema import Programme
from bot.register import label
from bot.turn import Turn
from storage.rectifications import Rectifications, reads
from storage.tables import Audit, Base

_PAGE: Final = 5  # records at a time
_LONG: Final = 300  # of a value in the chat; the file has all of it
_READS: Final = 10
_TECHNICAL: Final = frozenset(
    {"audit", "inbox", "outbox", "link_code", "expert_vector", "partner_view", "partner_question"}
)
"""Tables that only the file shows; whom companies saw is among the reads."""
_LEFT: Final = frozenset({"id", "owner_id", "supervisor_id", "text_version", "status"})
_CODES: Final = frozenset({"state", "kind"})


@command("mes-donnees", alias="my-data", who="anyone", where="private")
def mes_donnees(turn: Turn, args: str) -> None:
    """Everything kept about me, to read and as a file.

    Also of whoever may do nothing else yet, or any more: a pupil whose parents have not agreed,
    somebody who is asked about a new text.
    """
    if not turn.known:
        turn.bot.ask_consent(turn)
        return
    what, _, rest = args.strip().partition(" ")
    name, _, page = what.partition(".")
    table = name.casefold()
    if table in ("accords", "agreements"):
        _agreements(turn)
    elif table in ("lectures", "reads"):
        _reads(turn, int(page) if page.isdecimal() else 0)
    elif table in ("corriger", "correct") and _takes_part(turn):
        _ask_to_rectify(turn, rest.strip())
    elif table in Base.metadata.tables and table not in _TECHNICAL:
        _records(turn, table, int(page) if page.isdecimal() else 0)
    else:
        _overview(turn)


def _takes_part(turn: Turn) -> bool:
    """Whether anything new may be kept of the person."""
    return turn.current is not None and turn.agreed_in(turn.current.id)


def _overview(turn: Turn) -> None:
    w = turn.w
    data = turn.uow.privacy.export_person(turn.me.id)
    lines = tuple(
        Line(
            label=w(f"data-{table}"),
            text=w("data-rows", n=len(kept)),
            choice=run_choice(w("data-see"), "mes-donnees", table),
        )
        for table, kept in data.items()
        if kept and table not in _TECHNICAL
    )
    turn.say(
        Message(
            title=w("data-title"),
            text=w("data-text"),
            lines=lines,
            choices=(
                run_choice(w("data-agreements"), "mes-donnees", "accords"),
                run_choice(w("data-reads"), "mes-donnees", "lectures"),
                *(
                    (run_choice(w("data-correct"), "mes-donnees", "corriger"),)
                    if _takes_part(turn)
                    else (run_choice(w("agreement-erase"), "effacer"),)
                ),
            ),
            quiet=(run_choice(w("data-news-change"), "nouvelles"),) if _takes_part(turn) else (),
        )
    )
    content = json.dumps(data, ensure_ascii=False, indent=2, default=_plain).encode()
    turn.say(
        Message(turn.w("data-file"), file=File("mes-donnees.json", content, "application/json"))
    )
    turn.note("data-exported", "person", turn.me.id)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, (date, datetime)) else str(value)


# --- in words -------------------------------------------------------------------------------------


def _records(turn: Turn, table: str, page: int) -> None:
    """The rows of one table, a few at a time, each field by its name."""
    w = turn.w
    rows = turn.uow.privacy.export_person(turn.me.id).get(table, [])
    here = rows[page * _PAGE : (page + 1) * _PAGE]
    if not here:
        turn.say(Message(w("data-none"), choices=(_back(turn),)))
        return
    choices = [_back(turn)]
    if table in ("person", "conversation") and _takes_part(turn):
        choices.append(run_choice(w("menu-profile"), "profil"))
    if table == "expert" and _takes_part(turn):
        choices.append(run_choice(w("menu-my-card"), "experts"))
    if len(rows) > (page + 1) * _PAGE:
        choices.append(run_choice(w("data-more"), "mes-donnees", f"{table}.{page + 1}"))
    turn.say(
        Message(
            title=w(f"data-{table}"),
            text="\n\n".join(_record(turn, table, row) for row in here),
            choices=tuple(choices),
        )
    )


def _back(turn: Turn) -> Choice:
    return run_choice(turn.w("data-all"), "mes-donnees")


def _record(turn: Turn, table: str, row: Mapping[str, Any]) -> str:
    columns = Base.metadata.tables[table].c
    said = [
        f"{named} · {text}"
        for name in row
        if name not in _LEFT
        and (named := label(turn.w, columns[name]))
        and (text := _shown(turn, table, name, row))
    ]
    return "\n".join(line[:1].upper() + line[1:] for line in said)


def _shown(turn: Turn, table: str, name: str, row: Mapping[str, Any]) -> str:
    """A field in words; nothing for a code that has none, for the file has it."""
    w, value = turn.w, row[name]
    if name not in _CODES:
        return _in_words(turn, name, value)
    match table, name:
        case "conversation", "kind":
            return w(f"dialogue-{family(value)}")
        case "conversation", "state":
            return "" if row["snapshot"] else _draft(turn, row)
        case "pair", "state":
            return w(f"pair-state-{value}")
        case "proposal", "state":
            return w(f"proposal-is-{value}")
        case "checkin", "state":
            return w(f"checkin-is-{value}")
    return ""


def _draft(turn: Turn, row: Mapping[str, Any]) -> str:
    """The answers of a dialogue that was not sent, each with its question."""
    programme = turn.bot.programmes.get(row["programme_id"])
    qs = programme.questionnaire(row["kind"]) if programme else None
    answers = (row["state"] or {}).get("answers", {})
    said = []
    for name, value in answers.items():
        question = qs.question(name) if qs else None
        option = question.option(str(value)) if question else None
        text = turn.w.pick(option.label) if option else _in_words(turn, "", value)
        said.append(f"{turn.w.pick(question.text)} {text}" if question else text)
    return ", ".join(part for part in said if part)


def _in_words(turn: Turn, name: str, value: object) -> str:
    """A value as people say it; empty for what says nothing."""
    w = turn.w
    text = ""
    match value:
        case bool():
            text = w("word-yes") if value else w("word-no")
        case datetime() | date():
            text = w.day(value)
        case str() if name == "programme_id" and value in turn.bot.programmes:
            text = w.pick(turn.bot.programmes[value].name)
        case str() if name == "role" and turn.current is not None and value != "owner":
            text = w.pick(turn.current.roles.of(value).label)
        case "slack" | "telegram":
            text = str(value).capitalize()
        case str() if w.has(f"value-{value.casefold().replace('_', '-')}"):
            text = w(f"value-{value.casefold().replace('_', '-')}")
        case str() | int():
            text = str(value)
        case list() | tuple():
            text = _listed(turn, value)
        case dict():
            kept = value.get("answers", value)
            text = _listed(turn, kept.values() if isinstance(kept, dict) else kept)
        case _:
            pass
    return text if len(text) <= _LONG else f"{text[:_LONG].rstrip()} …"


def _listed(turn: Turn, values: Iterable[object]) -> str:
    parts = [
        f"{one['question']} {one['label']}"
        if isinstance(one, dict) and {"question", "label"} <= one.keys()
        else _in_words(turn, "", one)
        for one in values
    ]
    return ", ".join(part for part in parts if part)


# --- agreements -----------------------------------------------------------------------------------


def _agreements(turn: Turn) -> None:
    """Each agreement with its date and text's version; what may be taken back, and what follows."""
    w = turn.w
    lines = []
    rows = turn.uow.people.agreements(turn.me.id)
    newest = {(row.programme_id, row.purpose): row.id for row in rows}
    for row in rows:
        last = newest[row.programme_id, row.purpose] == row.id
        programme = turn.bot.programmes.get(row.programme_id)
        name = w.pick(programme.name) if programme else row.programme_id
        given = w("agreement-given", when=w.day(row.given_at), version=row.text_version)
        if row.withdrawn_at is not None:
            given = w("agreement-withdrawn", when=w.day(row.withdrawn_at))
        choice = None
        if not last or row.withdrawn_at is not None:
            pass
        elif row.purpose == "storage":
            choice = run_choice(w("agreement-erase"), "effacer")
        elif _is_withdrawable(row.purpose):
            choice = act_choice(w("agreement-withdraw"), "take-back", row.id, 0)
        what = _agreement(w, programme, row.purpose)
        lines.append(Line(label=what, text=f"{name} · {given}", choice=choice))
    turn.say(
        Message(
            title=w("data-agreements"),
            text=w("agreement-text"),
            lines=tuple(lines),
            choices=(_back(turn),),
        )
    )


def _agreement(w: Words, programme: Programme | None, purpose: str) -> str:
    """What was agreed to, in words."""
    if purpose.startswith(PURPOSE):
        rules = programme.partners if programme else None
        return w("agreement-partner", field=called(w, (purpose.removeprefix(PURPOSE),), rules))
    return w(f"agreement-{purpose}") if w.has(f"agreement-{purpose}") else purpose


WITHDRAWABLE: Final = ("proposed",)
"""Purposes that are taken back one by one, beside what companies may see; without the first,
`storage`, nothing can be kept."""


def _is_withdrawable(purpose: str) -> bool:
    return purpose in WITHDRAWABLE or purpose.startswith(PURPOSE)


@act("take-back", who="member")
def take_back(turn: Turn, number: int, version: int) -> None:
    """One agreement is taken back, and what it allowed ends now."""
    row = access.own_agreement(turn, number)
    of_companies = row.purpose.startswith(PURPOSE)
    if row.withdrawn_at is None and _is_withdrawable(row.purpose):
        turn.uow.people.withdraw(turn.me.id, row.programme_id, row.purpose, now=turn.now)
        if not of_companies and turn.uow.directory.get(turn.me.id) is not None:
            turn.uow.directory.save(turn.me.id, turn.now, {"consenting": False})
        turn.note("withdrawn", "consent", row.id, purpose=row.purpose)
    turn.text("agreement-partner-withdrawn" if of_companies else "agreement-proposed-withdrawn")


# --- who read it ----------------------------------------------------------------------------------


def _reads(turn: Turn, page: int) -> None:
    """Who of the team read what of mine, and when; by name where the programme says so.

    And which companies saw what they were shown.
    """
    w = turn.w
    rows = sorted([*_by_team(turn), *_by_companies(turn)], key=lambda one: one[0], reverse=True)
    lines = [
        Line(label=w.day(at), text=w("read-line", who=who, what=what))
        for at, who, what in rows[page * _READS : (page + 1) * _READS]
    ]
    choices = [_back(turn)]
    if len(rows) > (page + 1) * _READS:
        choices.append(run_choice(w("data-more"), "mes-donnees", f"lectures.{page + 1}"))
    turn.say(
        Message(
            title=w("data-reads"),
            text=w("read-text") if rows else w("read-none"),
            lines=tuple(lines),
            choices=tuple(choices),
        )
    )


def _by_team(turn: Turn) -> list[tuple[datetime, str, str]]:
    """When, who, what."""
    w = turn.w
    rows = reads(turn.uow.session, turn.me.id)
    names = turn.uow.people.names(row.actor_id for row in rows if row.actor_id is not None)

    def reader(row: Audit) -> str:
        programme = turn.bot.programmes.get(row.detail.get("programme", ""))
        if programme is None:
            return w("read-by-house")
        if row.detail.get("what") in flags.FOR_GUARDS:
            return w("flag-guards")
        who = w.pick(programme.roles.staff.plural)
        name = names.get(row.actor_id or 0)
        return f"{name} ({who})" if programme.about.readers == "name" and name else who

    return [(row.at, reader(row), read_what(w, row.detail)) for row in rows]


def _by_companies(turn: Turn) -> list[tuple[datetime, str, str]]:
    """When, which company, which fields."""
    w = turn.w
    return [
        (
            view.at,
            w("read-by-company", company=view.company),
            w("read-partner-view", fields=called(w, view.fields, programme.partners)),
        )
        for programme in turn.bot.programmes.values()
        if programme.partners is not None
        for view in turn.uow.partners.views(programme.id, person_id=turn.me.id)
    ]


def read_what(w: Words, detail: Mapping[str, Any]) -> str:
    """What was read, in words: `what` of `Turn.read`."""
    return w(f"read-{detail['what']}")


# --- corrections ----------------------------------------------------------------------------------


def _ask_to_rectify(turn: Turn, text: str) -> None:
    """What the person can change is a button away; the rest goes to the team, and is followed."""
    w = turn.w
    team = w.team(turn.programme.contact)
    if not text:
        typed = "/cordee mes-donnees" if turn.author.platform == "slack" else "/mes_donnees"
        turn.say(
            Message(
                w("correct-how", command=typed, name=team),
                choices=(run_choice(w("menu-profile"), "profil"), _back(turn)),
            )
        )
        return
    row = Rectifications(turn.uow.session, turn.uow.vault).ask(
        turn.me.id, turn.programme.id, text, turn.now
    )
    told = turn.tell_staff(
        turn.programme,
        lambda w: promised.correction(turn, row, w),
        key=f"rectification:{row.id}",
        but=access.close_to(turn, turn.me.id),
    )
    promises.made(turn, turn.programme)
    turn.note("rectification-asked", "rectification", row.id, told=told)
    turn.say(Message(w("correct-asked", turn.programme.contact.days, name=team)))


@act("corrected", who="staff")
def corrected(turn: Turn, number: int, version: int) -> None:
    """The team has put it right: the person hears of it, once."""
    row = access.staff_rectification(turn, number)
    if Rectifications(turn.uow.session, turn.uow.vault).settle(row, version, turn.now):
        person = turn.person(row.person_id)
        w = turn.words(person, turn.programme)
        turn.show(
            person,
            Message(w("corrected"), choices=(run_choice(w("data-see"), "mes-donnees"),)),
            what="corrected",
        )
        turn.note("corrected", "rectification", row.id)
    turn.say(Message(turn.w("staff-corrected")), here=True)
