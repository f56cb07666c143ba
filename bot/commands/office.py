"""The team's office: files for a spreadsheet, invitations, who is staff.

Source: house, section 10; every file is written by `bot/exporter.py`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.commands.registry import act, command
from bot.dialogues import act_choice, run_choice
from bot.exporter import Cell, write_csv
from bot.flows import queue
from bot.i18n import Words
from bot.messages import File, Message
from bot.turn import Turn

INVITATION_DAYS = 7


# --- files ----------------------------------------------------------------------------------------


@command("exporter", alias="export", who="staff")
def exporter(turn: Turn, args: str) -> None:
    """A CSV of `demandes`, `binomes`, `rapports` or `souhaits`."""
    kinds = {
        "demandes": _export_requests,
        "requests": _export_requests,
        "binomes": _export_pairs,
        "pairs": _export_pairs,
        "rapports": _export_reports,
        "reports": _export_reports,
        "souhaits": _export_wishes,
        "wishes": _export_wishes,
    }
    make = kinds.get(args.strip().lower())
    if make is None:
        turn.say(
            Message(
                turn.w("staff-export-which"),
                choices=tuple(
                    run_choice(turn.w(f"export-{kind}"), "exporter", kind)
                    for kind in ("demandes", "binomes", "rapports", "souhaits")
                ),
            ),
            here=True,
        )
        return
    columns, rows = make(turn)
    if not rows:
        turn.say(Message(turn.w("staff-export-empty")), here=True)
        return
    turn.note("exported", args.strip().lower()[:20], None, rows=len(rows))
    turn.say(
        Message(
            turn.w("staff-export-done", n=len(rows)),
            file=File(f"{turn.programme.id}-{args.strip().lower()}.csv", write_csv(columns, rows)),
        )
    )


Rows = tuple[tuple[str, ...], list[tuple[Cell, ...]]]


def _export_requests(turn: Turn) -> Rows:
    every = turn.uow.requests.every(turn.programme.id)
    names = turn.uow.people.names(r.person_id for r in every)
    return (
        ("id", "mentee", "kind", "state", "created", "changed", "due"),
        [
            (
                r.id,
                names.get(r.person_id) or "—",
                r.kind,
                r.state,
                r.created_at,
                r.changed_at,
                r.due_at,
            )
            for r in every
        ],
    )


def _export_pairs(turn: Turn) -> Rows:
    every = turn.uow.pairs.of_programme(turn.programme.id)
    names = turn.uow.people.names(
        n for p in every for n in (p.mentee_id, p.mentor_id, p.supervisor_id) if n
    )
    return (
        (
            *("id", "mentee", "mentor", "kind", "state", "started", "ends", "ended"),
            *("without_meeting", "outcome", "supervisor"),
        ),
        [
            (
                p.id,
                names.get(p.mentee_id) or "—",
                names.get(p.mentor_id) or "—",
                p.kind,
                p.state,
                p.started_at,
                p.ends_at,
                p.ended_at,
                p.missed_in_a_row,
                p.outcome,
                names.get(p.supervisor_id) if p.supervisor_id else None,
            )
            for p in every
        ],
    )


def _export_reports(turn: Turn) -> Rows:
    """One row a report, one column a question: old versions of the form stay comparable (E-10)."""
    found: list[tuple[tuple[Cell, ...], dict[str, str]]] = []
    questions: dict[str, None] = {}
    for quarter in reversed(turn.uow.reports.quarters(turn.programme.id)):
        for rules in turn.programme.reports:
            for report, person in turn.uow.reports.in_quarter(turn.programme.id, rules.id, quarter):
                answers = {
                    str(a["id"]): str(a["label"]) for a in turn.uow.reports.answers(report) or []
                }
                questions.update(dict.fromkeys(answers))
                found.append(((quarter, person.name or "—", report.state, report.sent_at), answers))
    return (
        ("quarter", "name", "state", "sent", *questions),
        [(*fixed, *(answers.get(q, "") for q in questions)) for fixed, answers in found],
    )


def _export_wishes(turn: Turn) -> Rows:
    every = turn.uow.reports.wishes(turn.programme.id)
    names = turn.uow.people.names(x.person_id for x in every)
    return (
        ("name", "kind", "field", "place", "start", "months", "updated"),
        [
            (
                names.get(x.person_id) or "—",
                x.kind,
                x.field,
                x.place,
                x.start_on,
                x.months,
                x.updated_at,
            )
            for x in every
        ],
    )


# --- people and rights ----------------------------------------------------------------------------


@command("inviter", alias="invite", who="staff")
def inviter(turn: Turn, args: str) -> None:
    """A personal, one-time way in for somebody of the directory: `inviter adresse`."""
    person = turn.uow.people.find(args, turn.programme.id) if args else None
    if person is None:
        turn.say(Message(turn.w("staff-invite-usage")), here=True)
        return
    if turn.uow.people.identities(person.id):
        # A code would let another account speak as them: only they may link a further one.
        turn.say(Message(turn.w("staff-invite-here", name=person.name or "—")), here=True)
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
                link=turn.bot.deep_link(code) or "—",
                days=INVITATION_DAYS,
            )
        ),
        here=True,
    )


@command("roles", alias="roles", who="owner")
def roles(turn: Turn, args: str) -> None:
    """Who is staff; `roles + adresse` or `roles - adresse` changes it."""
    w = turn.w
    sign, _, who = args.strip().partition(" ")
    if sign in ("+", "-") and who:
        person = turn.uow.people.find(who, turn.programme.id, anywhere=True)
        if person is None:
            turn.say(Message(w("staff-nobody-found")), here=True)
            return
        if sign == "-" and person.id == turn.me.id:
            turn.say(Message(w("staff-not-yourself")), here=True)
            return
        given = sign == "+"
        for role in ("staff",) if given else ("staff", "owner"):
            if given or turn.uow.people.membership(person.id, turn.programme.id, role):
                turn.uow.people.enrol(
                    person.id,
                    turn.programme.id,
                    role,
                    now=turn.now,
                    state="active" if given else "ended",
                )
        if not given:
            queue.free_all(turn, person.id, turn.programme.id)
        turn.note("role", "person", person.id, role="staff", given=int(given))
    staff = turn.uow.people.with_role(turn.programme.id, "staff")
    turn.say(
        Message(
            title=w("staff-roles-title"),
            text="\n".join(f"• {p.name or p.email or p.id}" for p in staff),
            note=w("staff-roles-note"),
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
    turn.uow.memos.put("clock-confirmed", datetime.fromtimestamp(number, UTC))
    turn.note("clock-confirmed", "clock", None, instant=number)
    turn.replace(Message(turn.w("staff-clock-confirmed")))
