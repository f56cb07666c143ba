"""Quarterly reports.

Opened on their date for every active person, prefilled, edited until the window closes.

One recipient's trouble never stops the others: the opening goes through people in chunks, each
person in a savepoint of their own. Who needs help first is not judged here.

Source: E-06..E-12.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta

from sqlalchemy.exc import OperationalError

from bot import access
from bot.commands import companies
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
from bot.errors import NotAllowed
from bot.followup import due, planner
from bot.i18n import Words
from bot.messages import Choice, Message
from bot.programmes.schema import Programme
from bot.programmes.schema import Report as Rules
from bot.rhythm import Quarter, into_waking_hours, next_opening, to_local
from bot.triage.morning import look_again
from bot.turn import MASS, Scene, Turn
from storage.tables import Conversation, Person, Report
from storage.timers import DueTimer
from storage.words import number

log = logging.getLogger(__name__)
CHUNK = 50  # people in one transaction, so that nobody else waits for long
JUST_ASKED = timedelta(days=1)  # who was asked since then needs no reminder yet
PLANNED = 1000  # more openings than are ever planned at a time


# --- planning -------------------------------------------------------------------------------------


@planner
def plan_openings(scene: Scene) -> None:
    """The next opening of every report of every programme is a timer.

    The last one too if its window is still open: the programme may have just been set up.
    """
    for programme in scene.bot.programmes.values():
        for rules in programme.reports:
            _plan_opening(scene, programme, rules, scene.now - timedelta(days=rules.open_days))


def _plan_opening(scene: Scene, programme: Programme, rules: Rules, after: datetime) -> None:
    """Plan the first opening after that which has not been; any other plan is of an older file."""
    timers = scene.uow.timers
    opening, quarter = _opening(programme, rules, after)
    while timers.is_over(_key(programme, rules, quarter)):
        opening, quarter = _opening(programme, rules, opening)
    plan = {
        "programme": programme.id,
        "report": rules.id,
        "quarter": str(quarter),
        "opened": opening.isoformat(),
        "cursor": 0,
    }
    for older in timers.list(kind="report-open", limit=PLANNED):
        ours = (older.payload["programme"], older.payload["report"]) == (programme.id, rules.id)
        to_come = datetime.fromisoformat(older.payload["opened"]) > scene.now
        if ours and to_come and older.payload != plan:
            timers.cancel_key(older.key)
    timers.put(
        key=_key(programme, rules, quarter),
        kind="report-open",
        subject_id=0,
        due_at=opening,
        payload=plan,
    )


def _opening(programme: Programme, rules: Rules, after: datetime) -> tuple[datetime, Quarter]:
    return next_opening(rules.months, rules.day, rules.at, programme.zone, after)


def _key(programme: Programme, rules: Rules, quarter: Quarter) -> str:
    return f"report-open:{programme.id}:{rules.id}:{quarter}"


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
    cursor = int(timer.payload["cursor"])
    if cursor == 0:
        _plan_opening(scene, programme, rules, after=opened)
    if scene.now >= closes:
        return  # the process was away for the whole window
    people = scene.uow.people.with_role(programme.id, rules.to, after_id=cursor, limit=CHUNK)
    quarter = timer.payload["quarter"]
    numbers = [person.id for person in people]
    there = scene.uow.reports.having(numbers, programme.id, rules.id, quarter)
    scene.uow.people.recall_consents(numbers)
    for person in people:
        if person.id not in there:
            with _alone(scene, "opened", person):
                open_for(scene, person, programme, rules, quarter, opened)
    _go_on(scene, timer, numbers)
    if cursor == 0:
        for number, after in enumerate(rules.reminders_after_days):
            _at(scene, timer, "report-remind", opened + timedelta(days=after), number)
        _at(scene, timer, "report-close", closes, 0)


@contextmanager
def _alone(scene: Scene, what: str, person: Person) -> Iterator[None]:
    """One person's part of a mass: what fails in it is undone, logged, and stops nobody else.

    The log says what failed and where, never the values. An error of the connection is everybody's.
    """
    try:
        with scene.uow.savepoint():
            yield
    except OperationalError:
        raise  # a deadlock, a lost connection: the whole chunk is tried again
    except Exception as error:
        log.error(  # noqa: TRY400 - a traceback would print the values
            "report not %s person=%s error=%s\n%s", what, person.id, type(error).__name__,
            "".join(traceback.format_tb(error.__traceback__)),
        )  # fmt: skip


def _go_on(scene: Scene, timer: DueTimer, done: Sequence[int]) -> None:
    """A full chunk may have a next one: the timer comes again, in a transaction of its own."""
    if len(done) == CHUNK:
        scene.uow.timers.again(timer, timer.due_at, {**timer.payload, "cursor": done[-1]})


def _at(scene: Scene, timer: DueTimer, kind: str, when: datetime, number: int) -> None:
    part = ":".join(timer.payload[k] for k in ("programme", "report", "quarter"))
    scene.uow.timers.put(
        key=f"{kind}:{part}:{number}",
        kind=kind,
        subject_id=0,
        due_at=when,
        payload={k: timer.payload[k] for k in ("programme", "report", "quarter", "opened")}
        | {"number": number, "cursor": 0},
    )


def open_for(
    scene: Scene, person: Person, programme: Programme, rules: Rules, quarter: str, opened: datetime
) -> None:
    """Open one person's report, prefilled with the last one, and send the prompt."""
    closes = opened + timedelta(days=rules.open_days)
    last: Mapping[str, Value] = {}
    before = scene.uow.reports.latest(person.id, programme.id, report=rules.id, sent=True)
    if before is not None and before.conversation_id is not None:
        earlier = scene.uow.talks.get(before.conversation_id)
        if earlier is not None:
            last = answers_of(scene, earlier)
    report = scene.uow.reports.open(
        person.id, programme.id, rules.id, quarter, opened_at=scene.now, closes_at=closes
    )
    if report is None:
        return  # they joined in this very instant, and another process has just welcomed them
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
            choices=(_start(w, report),),
            note=w("report-prompt-note"),
        ),
        key=f"report:{report.id}",
        priority=MASS,
        not_before=into_waking_hours(scene.now, zone, programme.quiet),
        expires_at=closes,
    )


def _start(w: Words, report: Report) -> Choice:
    """The way into this very report: there may be several at a time, and in several programmes."""
    return run_choice(w("report-start"), "rapport", f"#{report.id}", "primary")


def _called(person: Person) -> str:
    return (person.name or "").split()[0] if person.name else ""


def welcome_late(scene: Scene, person: Person, programme: Programme) -> None:
    """Somebody joined while a window is open: they get their report too."""
    for rules in programme.reports:
        if rules.to not in scene.uow.people.roles(person.id, programme.id):
            continue
        before = scene.now - timedelta(days=rules.open_days)
        opening, quarter = _opening(programme, rules, before)
        there = scene.uow.reports.of_quarter(person.id, programme.id, rules.id, str(quarter))
        if opening <= scene.now and there is None:
            open_for(scene, person, programme, rules, str(quarter), opening)


# --- the person -----------------------------------------------------------------------------------


@command("rapport", alias="report", who="member", section="reports")
def rapport(turn: Turn, args: str) -> None:
    """My quarterly report: go on, or change it until the window closes."""
    report = _meant(turn, args.strip())
    if report is not None:
        turn.enter(turn.programme_of(report.programme_id))
    programme = turn.programme
    if not programme.reports:
        turn.text("no-reports-here")
        return
    if report is None:
        opening = min(_opening(programme, rules, turn.now)[0] for rules in programme.reports)
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


def _meant(turn: Turn, args: str) -> Report | None:
    """Which of the person's own reports: `#12` of a button, `2026T3` in words, else what waits."""
    store = turn.uow.reports
    if args.startswith("#") and (typed := number(args[1:])) is not None:
        found = store.get(typed)
        if found is not None and found.person_id == turn.me.id:
            return found
    wanted = _quarter(args)
    if wanted is not None:
        for rules in turn.programme.reports:
            report = store.of_quarter(turn.me.id, turn.programme.id, rules.id, str(wanted))
            if report is not None:
                return report
    waiting = store.answerable(turn.me.id, turn.programme.id, turn.now)
    return waiting or store.latest(turn.me.id, turn.programme.id)


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
            quiet=(run_choice(turn.w("edit-answers"), "rapport", f"#{report.id}"),),
        )
    )
    companies.ask(turn)
    if rules.alerts(answers) and not again:
        turn.tell_staff(
            turn.programme,
            lambda w: Message(
                w("staff-report-alert", name=turn.me.name or "—", quarter=report.quarter),
                lines=told(rules, answers, w),
            ),
            key=f"report-alert:{report.id}",
            words_of=turn.me.id,
            but=access.close_to(turn, turn.me.id),
        )
    look_again(turn, programme)
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
    """A word to everybody who has not sent theirs; after an outage one, not the backlog."""
    programme, rules = _rules(scene, timer)
    opened = datetime.fromisoformat(timer.payload["opened"])
    later = rules.reminders_after_days[int(timer.payload["number"]) + 1 :]
    if any(opened + timedelta(days=after) <= scene.now for after in later):
        return
    _remind(scene, timer, programme, rules, asked_before=scene.now - JUST_ASKED)


@due("report-remind-now")
def remind_by_hand(scene: Scene, timer: DueTimer) -> None:
    """As staff wished: a word to everybody who has not sent theirs."""
    programme, rules = _rules(scene, timer)
    _remind(scene, timer, programme, rules, asked_before=scene.now)


def _remind(
    scene: Scene, timer: DueTimer, programme: Programme, rules: Rules, *, asked_before: datetime
) -> None:
    cursor, quarter = int(timer.payload["cursor"]), timer.payload["quarter"]
    missing = scene.uow.reports.missing(
        programme.id, rules.id, quarter, scene.now, after_id=cursor, limit=CHUNK
    )
    scene.uow.people.recall_consents([person.id for _, person in missing])
    for report, person in missing:
        if report.opened_at > asked_before:
            continue
        with _alone(scene, "reminded", person):
            w = scene.words(person, programme)
            zone = scene.zone(person, programme)
            scene.tell(
                person,
                Message(
                    w("report-reminder", name=_called(person), when=w.weekday(report.closes_at)),
                    choices=(_start(w, report),),
                ),
                key=f"{timer.key}:{report.id}",
                priority=MASS,
                not_before=into_waking_hours(scene.now, zone, programme.quiet),
                expires_at=report.closes_at,
            )
    _go_on(scene, timer, [report.id for report, _ in missing])


def remind_missing(turn: Turn, programme: Programme, quarter: str) -> int | None:
    """Plan that the missing of a quarter are reminded at once, as soon as this turn is over.

    Returns:
        How many are missing; None when they were reminded by hand today.
    """
    day = turn.today(turn.me, programme)  # twice in a day would be a nuisance
    count, planned = 0, False
    for rules in programme.reports:
        missing = turn.uow.reports.count_missing(programme.id, rules.id, quarter, turn.now)
        if not missing:
            continue
        count += missing
        planned |= turn.uow.timers.put(
            key=f"report-remind-now:{programme.id}:{rules.id}:{quarter}:{day}",
            kind="report-remind-now",
            subject_id=0,
            due_at=turn.now,
            payload={
                "programme": programme.id, "report": rules.id, "quarter": quarter, "cursor": 0,
            },
        )  # fmt: skip
    return count if planned or not count else None


@due("report-close")
def close_reports(scene: Scene, timer: DueTimer) -> None:
    """The window is over: what is still open was missed, and staff are told how many were sent."""
    programme, rules = _rules(scene, timer)
    quarter = timer.payload["quarter"]
    sent, total = scene.uow.reports.close(programme.id, rules.id, quarter)
    look_again(scene, programme)
    scene.tell_staff(
        programme,
        lambda w: Message(
            w("staff-reports-closed", quarter=quarter, sent=sent, total=total),
            choices=(run_choice(w("staff-see-missing"), "bilan", quarter),),
        ),
        key=timer.key,
        verb="bilan",
    )


def current_quarter(scene: Scene, programme: Programme) -> str:
    """The quarter staff mean when they name none.

    The newest with reports, else the one just reported on.
    """
    known = scene.uow.reports.quarters(programme.id)
    if known:
        return known[0]
    return str(Quarter.last(to_local(scene.now, programme.zone).date()))
