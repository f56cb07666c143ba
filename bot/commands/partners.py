"""`partenaires`: the companies, the link each opens its page with, and whom they saw.

A code is shown once, in the private chat of whoever asked for it; only its digest is kept. A new
link takes the old one back, and a closed company has none. An old button changes nothing.

Source: E-13, S6; ASVS 7.2.3, 7.4.1.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Final

from bot import access, awaited
from bot.commands.companies import called
from bot.commands.registry import act, command, past
from bot.dialogue.questionnaire import fold
from bot.dialogues import act_choice, run_choice
from bot.exporter import write_csv
from bot.messages import Choice, File, Line, Message
from bot.partners import shown
from bot.turn import Turn
from storage.tables import Partner
from storage.words import number

CODE_BYTES: Final = 16  # 128 bits: not to be guessed
PATH: Final = "/partner"
LATELY: Final = timedelta(days=30)
SHOWN: Final = 20  # lines in a message
MOST: Final = 5000  # lines of the file
_LONGEST: Final = 100
_LOG: Final = ("journal", "log")
_FILE: Final = ("fichier", "file")


@command("partenaires", alias="partners", who="staff", where="private", section="partners")
def partenaires(turn: Turn, args: str) -> None:
    """The companies; `partenaires + nom` adds one, `#3` opens one, `journal` says who saw whom."""
    if turn.programme.partners is None:
        turn.text("companies-none-here")
        return
    what = args.strip()
    if what.startswith("#") and (wanted := number(what[1:])) is not None:
        _show(turn, access.staff_partner(turn, wanted))
    elif what == "+":
        awaited.ask(turn, "partner-add", 1, turn.w("partners-ask-name"))
    elif what.startswith("+"):
        _add(turn, what[1:])
    elif what in _LOG:
        _log(turn)
    elif what in _FILE:
        _file(turn)
    else:
        _list(turn)


def _list(turn: Turn) -> None:
    """Every company with its link and how often somebody was shown to it of late."""
    w, programme, store = turn.w, turn.programme, turn.uow.partners
    companies = store.companies(programme.id)
    ends = store.ends(programme.id, turn.now)
    counts = store.counts(programme.id, turn.now - LATELY)
    visible = len(shown(turn.uow, programme, turn.now).rows)
    lines = [
        Line(
            label=one.name,
            text="{} · {}".format(
                w("partners-link-until", when=w.day(ends[one.id]))
                if one.id in ends
                else w("partners-link-none"),
                w("partners-seen-lately", counts.get(one.id, 0)),
            ),
            choice=run_choice(w("staff-open"), "partenaires", f"#{one.id}"),
        )
        for one in companies
    ]
    said = [w("partners-visible", visible) if visible else w("partners-visible-none")]
    if not companies:
        said.append(w("partners-none"))
    for begin in range(0, max(len(lines), 1), SHOWN):
        last = begin + SHOWN >= len(lines)
        turn.say(
            Message(
                title=w("partners-title"),
                text="\n".join(said),
                lines=tuple(lines[begin : begin + SHOWN]),
                choices=_ways(turn) if last else (),
            )
        )


def _ways(turn: Turn) -> tuple[Choice, ...]:
    w = turn.w
    return (
        run_choice(w("partners-add"), "partenaires", "+"),
        run_choice(w("partners-log"), "partenaires", _LOG[0]),
        run_choice(w("partners-file"), "partenaires", _FILE[0]),
    )


# --- one company ----------------------------------------------------------------------------------


@awaited.words_for("partner-add", own=False)
def named(turn: Turn, number_: int, text: str) -> None:
    """The name of a new company."""
    with past(turn, "command:partenaires") as admitted:
        if admitted and turn.programme.partners is not None:
            _add(turn, text)


def _add(turn: Turn, text: str) -> None:
    name = " ".join(text.split())
    if not 2 <= len(name) <= _LONGEST or not fold(name):
        turn.text("partners-bad-name", max=_LONGEST)
        return
    for one in turn.uow.partners.companies(turn.programme.id):
        if fold(one.name) == fold(name):
            _show(turn, one, turn.w("partners-known", name=one.name))
            return
    made = turn.uow.partners.add(turn.programme.id, name, by=turn.me.id, now=turn.now)
    turn.note("partner-added", "partner", made.id)
    _show(turn, made)


def _show(turn: Turn, row: Partner, news: str = "") -> None:
    """One company: its link, and what can be done."""
    w, store = turn.w, turn.uow.partners
    if row.closed_at is not None:
        turn.say(Message(w("partners-closed", when=w.day(row.closed_at)), title=row.name))
        return
    ends = store.ends(row.programme_id, turn.now).get(row.id)
    counts = store.counts(row.programme_id, turn.now - LATELY)
    version = store.last_link(row.id)
    make = w("partners-replace-link" if ends else "partners-make-link")
    choices = [act_choice(make, "partner-link", row.id, version)]
    if ends:
        choices.append(
            act_choice(w("partners-revoke"), "partner-revoke", row.id, version, "danger")
        )
    turn.say(
        Message(
            news,
            title=row.name,
            lines=(
                Line(
                    w("partners-link-until", when=w.day(ends)) if ends else w("partners-link-none")
                ),
                Line(w("partners-seen-lately", counts.get(row.id, 0))),
            ),
            choices=tuple(choices),
            quiet=(act_choice(w("partners-close"), "partner-close", row.id, version),),
        )
    )


@act("partner-link", who="staff", of="partenaires", where="private")
def make_link(turn: Turn, number_: int, version: int) -> None:
    """A new link instead of the old one; its code is shown here and nowhere again."""
    row = access.staff_partner(turn, number_)
    rules, address = turn.programme.partners, turn.bot.public_url
    w = turn.w
    if rules is None:
        turn.text("companies-none-here")
        return
    if address is None:
        turn.text("partners-no-address", setting="CORDEE_PUBLIC_URL")
        return
    code = secrets.token_urlsafe(CODE_BYTES)
    ends = turn.in_days(rules.link_days)
    made = turn.uow.partners.link(
        row.id, hashlib.sha256(code.encode()).hexdigest(), by=turn.me.id, now=turn.now,
        expires_at=ends, after=version,
    )  # fmt: skip
    if made is None:
        turn.uow.session.refresh(row)
        _show(turn, row, w("partners-stale"))
        return
    turn.note("partner-link", "partner", row.id)
    turn.say(
        Message(
            title=w("partners-link-title", name=row.name),
            text=f"{address.rstrip('/')}{PATH}#{code}",
            note=w("partners-link-once", when=w.day(ends)),
            notice=w("partners-link-notice"),
        )
    )


@act("partner-revoke", who="staff", of="partenaires", where="private")
def revoke(turn: Turn, number_: int, version: int) -> None:
    """The link opens nothing any more; a newer one than was shown stays."""
    row = access.staff_partner(turn, number_)
    if version != turn.uow.partners.last_link(row.id):
        _show(turn, row, turn.w("partners-stale"))
        return
    if turn.uow.partners.revoke(row.id, turn.now):
        turn.note("partner-revoked", "partner", row.id)
    _show(turn, row, turn.w("partners-revoked"))


@act("partner-close", who="staff", of="partenaires", where="private")
def close(turn: Turn, number_: int, version: int) -> None:
    """Asked once more: it cannot be undone."""
    row = access.staff_partner(turn, number_)
    if row.closed_at is not None:
        _show(turn, row)
        return
    w = turn.w
    turn.say(
        Message(
            w("partners-close-sure", name=row.name),
            choices=(act_choice(w("partners-close"), "partner-shut", row.id, version, "danger"),),
            quiet=(run_choice(w("partners-close-no"), "partenaires", f"#{row.id}"),),
        )
    )


@act("partner-shut", who="staff", of="partenaires", where="private")
def shut(turn: Turn, number_: int, version: int) -> None:
    """It sees nothing any more."""
    row = access.staff_partner(turn, number_)
    if turn.uow.partners.close(row.id, turn.now):
        turn.note("partner-closed", "partner", row.id)
    turn.uow.session.refresh(row)
    _show(turn, row)


# --- who saw whom ---------------------------------------------------------------------------------


def _log(turn: Turn) -> None:
    w, programme = turn.w, turn.programme
    seen = turn.uow.partners.views(programme.id, limit=SHOWN)
    turn.read_all("partners", [one.person_id for one in seen])
    lines = tuple(
        Line(
            label=w.day(one.at),
            text=w(
                "partners-log-line",
                company=one.company,
                name=one.name or "—",
                fields=called(w, one.fields, programme.partners),
            ),
        )
        for one in seen
    )
    turn.say(
        Message(
            title=w("partners-log"),
            text="" if seen else w("partners-log-none"),
            lines=lines,
            choices=(run_choice(w("partners-file"), "partenaires", _FILE[0]),) if seen else (),
        )
    )


def _file(turn: Turn) -> None:
    w, programme = turn.w, turn.programme
    seen = turn.uow.partners.views(programme.id, limit=MOST)
    turn.read_all("partners", [one.person_id for one in seen])
    heads = (w("head-seen"), w("head-company"), w("head-name"), w("head-fields"))
    rows = [
        (one.at, one.company, one.name or "—", called(w, one.fields, programme.partners))
        for one in seen
    ]
    file = File(f"{programme.id}-partenaires.csv", write_csv(heads, rows))
    turn.say(Message(w("partners-file-done", len(rows)), file=file))
