"""The team's office: files for a spreadsheet, invitations, the clock.

Source: house, section 10; what files hold is in `bot/exports.py`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from bot import exports, groups
from bot.commands.registry import act, command
from bot.dialogues import act_choice, run_choice
from bot.errors import NotAllowed
from bot.i18n import Words
from bot.messages import Message
from bot.turn import Turn

INVITATION_DAYS = 7


# --- files ----------------------------------------------------------------------------------------


@command("exporter", alias="export", who="staff")
def exporter(turn: Turn, args: str) -> None:
    """A CSV, or with `xlsx` a workbook, of `demandes`, `binomes`, `rapports` or `souhaits`.

    `école:Nancy` or `entreprise:…` beside it: of these people only (M-17).
    """
    asked = groups.read(turn, turn.programme, args[: exports.MOST])
    typed, _, form = re.sub(r"[\s-]+", " ", asked.rest.lower()).partition(" ")
    wanted = exports.ALIASES.get(typed, typed)
    form = {"": "csv", "excel": "xlsx"}.get(form, form)
    kind = exports.KINDS.get(wanted)
    if wanted == "binomes" and not turn.holds_all(turn.programme.id):
        raise NotAllowed("every pair is in the file, and a supervisor has their own only")
    if asked.unknown is not None:
        turn.say(Message(turn.w("group-unknown", said=asked.unknown[:60])), here=True)
        return
    if kind is None or form not in exports.MIMES:
        turn.say(
            Message(
                turn.w("staff-export-which"),
                choices=tuple(
                    run_choice(turn.w(f"export-{name}"), "exporter", name) for name in exports.KINDS
                ),
                quiet=tuple(
                    run_choice(
                        turn.w("export-as-xlsx", name=turn.w(f"export-{name}")),
                        "exporter",
                        f"{name}-xlsx",
                    )
                    for name in exports.KINDS
                ),
            ),
            here=True,
        )
        return
    total = turn.uow.numbers.among(asked.group).rows(kind.entity, turn.programme.id)
    export = exports.Export(wanted, form, total, asked.group)
    if not export.total:
        turn.say(Message(turn.w("staff-export-empty")), here=True)
        return
    turn.note("exported", wanted, None, rows=export.total)
    if export.total > exports.AT_ONCE:
        exports.begin(turn, export)
        return
    while export.read(turn, turn.programme, turn.w, turn.me.id):
        pass
    turn.say(exports.message(export, turn.programme, turn.w))


@act("export-stop", who="staff", of="exporter", scope="self")
def export_stop(turn: Turn, number: int, version: int) -> None:
    """No file after all; only one's own can be stopped, whatever the button says."""
    stopped = turn.uow.timers.cancel("export", turn.me.id)
    turn.replace(Message(turn.w("export-stopped" if stopped else "export-over")))


# --- invitations ----------------------------------------------------------------------------------


@command("inviter", alias="invite", who="staff")
def inviter(turn: Turn, args: str) -> None:
    """A personal, one-time way in for somebody of the directory: `inviter adresse`.

    For who has a role of a team, imported with it, only where its owner asks.
    """
    person = turn.uow.people.find(args, turn.programme.id) if args else None
    if person is None:
        turn.say(Message(turn.w("staff-invite-usage")), here=True)
        return
    if turn.uow.people.identities(person.id):
        # A code would let another account speak as them: only they may link a further one.
        turn.say(Message(turn.w("staff-invite-here", name=person.name or "—")), here=True)
        return
    if not all("owner" in turn.roles_in(one) for one in turn.uow.people.works_in(person.id)):
        # Whoever has the code in hand could act as them.
        turn.say(Message(turn.w("staff-invite-owner", name=person.name or "—")), here=True)
        return
    code = turn.uow.people.make_code(
        person.id,
        now=turn.now,
        valid=timedelta(days=INVITATION_DAYS),
        programme_id=turn.programme.id,
    )
    turn.note("invited", "person", person.id)
    turn.say(
        Message(
            turn.w(
                "staff-invitation",
                name=person.name or "—",
                code=code,
                link=turn.bot.deep_link(code, turn.programme) or "—",
                days=INVITATION_DAYS,
            )
        ),
        here=True,
    )


# --- the clock ------------------------------------------------------------------------------------


def clock_question(w: Words, was: datetime, now: datetime) -> Message:
    """The clock has leapt: is the date right? Until somebody says so, nothing goes to many."""
    return Message(
        w("staff-clock", n=(now - was).days, when=w.day(now)),
        title=w("staff-clock-title"),
        choices=(act_choice(w("staff-clock-right"), "clock-right", int(now.timestamp()), 1),),
    )


@act("clock-right", who="staff", scope="house")
def clock_right(turn: Turn, number: int, version: int) -> None:
    """Staff say that the date is right; see `scheduling.leap`."""
    if number > turn.now.timestamp():
        raise NotAllowed("nobody was asked about that instant")
    turn.uow.memos.put("clock-confirmed", datetime.fromtimestamp(number, UTC))
    turn.note("clock-confirmed", "clock", None, instant=number)
    turn.replace(Message(turn.w("staff-clock-confirmed")))
