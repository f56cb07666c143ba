"""Quarterly reports.

Opened on their date for every active person, prefilled, edited until the window closes.

One recipient's trouble never stops the others: the opening goes through people in chunks, each
person in a savepoint of their own. Who needs help first is not judged here.

Source: E-06..E-12.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from bot.commands.registry import command
from bot.dialogue.engine import Given, Value
from bot.dialogues import (
    answers_of,
    begin,
    may_reopen,
    on_completed,
    resume,
    revise,
    run_choice,
    told,
)
from bot.errors import CordeeError, NotAllowed
from bot.followup import due, planner
from bot.messages import Message
from bot.programmes.schema import Programme
from bot.programmes.schema import Report as Rules
from bot.rhythm import Quarter, into_waking_hours, next_opening, to_local
from bot.turn import MASS, Scene, Turn
from storage.sealed import Unreadable
from storage.tables import Conversation, Person, Report
from storage.timers import DueTimer

log = logging.getLogger(__name__)
CHUNK = 1000  # people opened in one transaction


# --- planning -------------------------------------------------------------------------------------


@planner
def plan_openings(scene: Scene) -> None:
    """The next opening of every report of every programme is a timer.

    The last one too if its window is still open.
    """
    for programme in scene.bot.programmes.values():
        for rules in programme.reports:
            _plan_opening(scene, programme, rules, after=scene.now)


def _plan_opening(scene: Scene, programme: Programme, rules: Rules, after: datetime) -> None:
    opening, quarter = next_opening(rules.months, rules.day, rules.at, programme.zone, after)
    scene.uow.timers.put(
        key=f"report-open:{programme.id}:{rules.id}:{quarter}",
        kind="report-open",
        subject_id=0,
        due_at=opening,
        payload={
            "programme": programme.id,
            "report": rules.id,
            "quarter": str(quarter),
            "opened": opening.isoformat(),
            "cursor": 0,
        },
    )


def _rules(scene: Scene, timer: DueTimer) -> tuple[Programme, Rules]:
    programme = scene.programme_of(timer.payload["programme"])
    rules = programme.report(timer.payload["report"])
    if rules is None:
        raise NotAllowed("the report is gone from the file")
    return programme, rules


@due("report-open")
def open_reports(scene: Scene, timer: DueTimer) -> None:
    """Open the quarter's report for a chunk of people, then for the next."""
    programme, rules = _rules(scene, timer)
    opened = datetime.fromisoformat(timer.payload["opened"])
    closes = opened + timedelta(days=rules.open_days)
    _plan_opening(scene, programme, rules, after=opened)
    if scene.now >= closes:
        return  # the process was away for the whole window
    cursor = int(timer.payload["cursor"])
    people = scene.uow.people.with_role(programme.id, rules.to, after_id=cursor, limit=CHUNK)
    quarter = timer.payload["quarter"]
    for person in people:
        try:
            with scene.uow.session.begin_nested():
                open_for(scene, person, programme, rules, quarter, opened)
        except (CordeeError, SQLAlchemyError, Unreadable, ValueError, KeyError):
            log.exception("a report was not opened", extra={"person": person.id})
    if len(people) == CHUNK:
        scene.uow.timers.again(timer, timer.due_at, {**timer.payload, "cursor": people[-1].id})
    if cursor == 0:
        for number, after in enumerate(rules.reminders_after_days):
            _at(scene, timer, "report-remind", opened + timedelta(days=after), number)
        _at(scene, timer, "report-close", closes, 0)


def _at(scene: Scene, timer: DueTimer, kind: str, when: datetime, number: int) -> None:
    part = ":".join(timer.payload[k] for k in ("programme", "report", "quarter"))
    scene.uow.timers.put(
        key=f"{kind}:{part}:{number}",
        kind=kind,
        subject_id=0,
        due_at=when,
        payload={k: timer.payload[k] for k in ("programme", "report", "quarter")}
        | {"number": number},
    )


def open_for(
    scene: Scene, person: Person, programme: Programme, rules: Rules, quarter: str, opened: datetime
) -> Report | None:
    """Open one person's report, prefilled with the last one, and send the prompt.

    None if it is open already.
    """
    if scene.uow.reports.of_quarter(person.id, programme.id, rules.id, quarter) is not None:
        return None
    closes = opened + timedelta(days=rules.open_days)
    last: Mapping[str, Value] = {}
    before = scene.uow.reports.latest(person.id, programme.id, report=rules.id, sent=True)
    if before is not None and before.conversation_id is not None:
        earlier = scene.uow.talks.get(before.conversation_id)
        if earlier is not None:
            last = answers_of(scene, earlier)
    report = scene.uow.reports.add(
        Report(
            programme_id=programme.id,
            person_id=person.id,
            report=rules.id,
            quarter=quarter,
            opened_at=scene.now,
            closes_at=closes,
        )
    )
    focus = person.focus_id
    talk, _ = begin(
        scene,
        person,
        programme,
        f"report:{rules.id}",
        about_id=report.id,
        last=last,
        closes_at=closes,
    )
    if focus is not None:
        person.focus_id = focus  # somebody in the middle of a dialogue goes on with it first
    report.conversation_id = talk.id
    w = scene.words(person, programme)
    zone = scene.zone(person, programme)
    scene.tell(
        person,
        Message(
            title=w("report-title", quarter=quarter),
            text=w("report-prompt", name=_called(person), when=w.weekday(closes)),
            choices=(run_choice(w("report-start"), "rapport", quarter, "primary"),),
            note=w("report-prompt-note"),
        ),
        key=f"report:{report.id}",
        priority=MASS,
        not_before=into_waking_hours(scene.now, zone, programme.quiet),
        expires_at=closes,
    )
    return report


def _called(person: Person) -> str:
    return (person.name or "").split()[0] if person.name else ""


def welcome_late(scene: Scene, person: Person, programme: Programme) -> None:
    """Somebody joined while a window is open: they get their report too."""
    for rules in programme.reports:
        if rules.to not in scene.uow.people.roles(person.id, programme.id):
            continue
        before = scene.now - timedelta(days=rules.open_days)
        opening, quarter = next_opening(rules.months, rules.day, rules.at, programme.zone, before)
        if opening <= scene.now:
            open_for(scene, person, programme, rules, str(quarter), opening)


# --- the person -----------------------------------------------------------------------------------


@command("rapport", alias="report", who="member")
def rapport(turn: Turn, args: str) -> None:
    """My quarterly report: go on, or change it until the window closes."""
    programme = turn.programme
    if not programme.reports:
        turn.text("no-reports-here")
        return
    report = turn.uow.reports.latest(turn.me.id, programme.id)
    wanted = _quarter(args)
    if wanted is not None:
        found = [
            r
            for rules in programme.reports
            if (r := turn.uow.reports.of_quarter(turn.me.id, programme.id, rules.id, str(wanted)))
        ]
        report = found[0] if found else report
    if report is None:
        opening, _ = next_opening(
            programme.reports[0].months,
            programme.reports[0].day,
            programme.reports[0].at,
            programme.zone,
            turn.now,
        )
        turn.text("report-none-yet", when=turn.w.weekday(opening))
        return
    talk = turn.uow.talks.get(report.conversation_id or 0)
    if talk is None or turn.now >= report.closes_at:
        key = "report-was-sent" if report.sent_at else "report-was-missed"
        turn.text(key, quarter=report.quarter)
        return
    if talk.status == "done":
        revise(turn, talk)
    else:
        resume(turn, talk)


def _quarter(text: str) -> Quarter | None:
    try:
        return Quarter.parse(text) if text else None
    except ValueError:
        return None


@may_reopen("report")
def _may_change(turn: Turn, talk: Conversation) -> bool:
    return True  # until the dialogue closes (peers' complaint: windows too tight, no way to change)


@on_completed("report")
def report_sent(turn: Turn, talk: Conversation, answers: Mapping[str, Given]) -> None:
    """Keep the snapshot, and the wish as fields (E-12)."""
    report = turn.uow.reports.get(talk.about_id or 0)
    programme = turn.programme
    rules = programme.report(talk.kind.partition(":")[2])
    if report is None or report.person_id != turn.me.id or rules is None:
        raise NotAllowed("the report is gone")
    again = report.sent_at is not None
    turn.uow.reports.keep(report, turn.uow.talks.snapshot(talk), turn.now)
    if rules.wish is not None:
        _keep_wish(turn, rules, answers)
    turn.say(
        Message(
            turn.w(
                "report-updated" if again else "report-thanks",
                name=_called(turn.me),
                when=turn.w.weekday(report.closes_at),
            ),
            quiet=(run_choice(turn.w("edit-answers"), "rapport", report.quarter),),
        )
    )
    if rules.alerts(answers) and not again:
        turn.tell_staff(
            turn.programme,
            lambda w: Message(
                w("staff-report-alert", name=turn.me.name or "—", quarter=report.quarter),
                lines=told(rules, answers, w),
            ),
            key=f"report-alert:{report.id}",
        )
    turn.note("report-sent", "report", report.id)


def _keep_wish(turn: Turn, rules: Rules, answers: Mapping[str, Given]) -> None:
    wish = rules.wish
    if wish is None:
        return
    kind = str(answers.get(wish.kind, "none"))
    start = answers.get(wish.start_on or "")
    length = answers.get(wish.months or "")
    turn.uow.reports.set_wish(
        turn.me.id,
        turn.programme.id,
        kind=None if kind == "none" else kind,
        field=_text(answers.get(wish.field or "")),
        place=_text(answers.get(wish.place or "")),
        start_on=date.fromisoformat(str(start)) if start else None,
        months=int(str(length)) if length else None,
        now=turn.now,
    )


def _text(value: Given | None) -> str:
    if value is None:
        return ""
    return (", ".join(value) if isinstance(value, tuple) else str(value))[:200]


# --- reminders and the end ------------------------------------------------------------------------


@due("report-remind")
def remind(scene: Scene, timer: DueTimer) -> None:
    """A word to everybody who has not sent theirs."""
    programme, rules = _rules(scene, timer)
    remind_missing(scene, programme, rules, timer.payload["quarter"], key=timer.key)


def remind_missing(
    scene: Scene, programme: Programme, rules: Rules, quarter: str, *, key: str
) -> int:
    """Remind the missing of a quarter, those whose window is open; returns how many."""
    told = 0
    for report, person in scene.uow.reports.in_quarter(programme.id, rules.id, quarter):
        if report.state != "open" or report.closes_at <= scene.now:
            continue
        w = scene.words(person, programme)
        told += scene.tell(
            person,
            Message(
                w("report-reminder", name=_called(person), when=w.weekday(report.closes_at)),
                choices=(run_choice(w("report-start"), "rapport", quarter, "primary"),),
            ),
            key=f"{key}:{report.id}",
            priority=MASS,
            not_before=into_waking_hours(scene.now, scene.zone(person, programme), programme.quiet),
            expires_at=report.closes_at,
        )
    return told


@due("report-close")
def close_reports(scene: Scene, timer: DueTimer) -> None:
    """The window is over: what is still open was missed, and staff get the list."""
    programme, rules = _rules(scene, timer)
    quarter = timer.payload["quarter"]
    every = scene.uow.reports.in_quarter(programme.id, rules.id, quarter)
    missing = 0
    for report, _ in every:
        if report.state == "open":
            report.state = "missed"
            missing += 1
    sent = len(every) - missing

    scene.tell_staff(
        programme,
        lambda w: Message(
            w("staff-reports-closed", quarter=quarter, sent=sent, total=len(every)),
            choices=(run_choice(w("staff-see-missing"), "bilan", quarter),),
        ),
        key=timer.key,
    )


def current_quarter(scene: Scene, programme: Programme) -> str:
    """The quarter staff mean when they name none.

    The newest with reports, else the one just reported on.
    """
    known = scene.uow.reports.quarters(programme.id)
    if known:
        return known[0]
    return str(Quarter.last(to_local(scene.now, programme.zone).date()))
