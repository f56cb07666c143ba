"""The rhythm of a pair: prompts to each side on their own clock, their answers, the dates they set.

Only the next occurrence of a series is a timer. An occurrence that was left out or moved is an
exception of the series; a change of rule, zone or pause raises the series' version, which makes
older timers stale.

Source: A-05, A-06, X-07; delivery protocol, "Recurrence and .ics".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, vCalAddress

from bot import access
from bot.commands.registry import act
from bot.dialogue.engine import Given
from bot.dialogue.parsing import read_date
from bot.dialogues import act_choice, begin, may_reopen, on_answered, on_completed, run_choice, told
from bot.errors import NotAllowed
from bot.followup import due, planner
from bot.i18n import Words
from bot.messages import File, Line, Message
from bot.programmes.schema import Programme, Rhythm
from bot.rhythm import anchor, into_waking_hours, next_occurrence, to_utc
from bot.turn import REMINDER, Scene, Turn
from storage.tables import Checkin, Conversation, Meeting, Pair, Person, Series
from storage.timers import DueTimer

LATER_DAYS = 7  # « plus tard » moves the next prompt by a week
MEETING_MINUTES = 60
WHOLE_DAY = 0  # minutes of a meeting whose hour is still open


def days(number: int) -> timedelta:
    """So many days."""
    return timedelta(days=number)


# --- the rhythm -----------------------------------------------------------------------------------


def begin_rhythms(scene: Scene, pair: Pair, programme: Programme) -> None:
    """A new pair: one series per rhythm and side, each with its first timer."""
    for rhythm in programme.rhythms:
        if pair.kind not in rhythm.pairs:
            continue
        for role, person_id in (("mentee", pair.mentee_id), ("mentor", pair.mentor_id)):
            if role not in rhythm.to:
                continue
            zone = scene.zone(scene.person(person_id), programme)
            first = anchor(rhythm.rrule, rhythm.at, zone, scene.now + days(rhythm.first_after_days))
            series = scene.uow.pairs.add_series(
                Series(
                    pair_id=pair.id,
                    person_id=person_id,
                    rhythm=rhythm.id,
                    rrule=rhythm.rrule,
                    dtstart_local=first.isoformat(timespec="seconds"),
                    zone=zone,
                )
            )
            _plan(scene, series, after=scene.now)


def _start(series: Series) -> datetime:
    return datetime.fromisoformat(series.dtstart_local)


def _occurrence(scene: Scene, series: Series, after: datetime) -> tuple[datetime, datetime] | None:
    """The next occurrence as the rule gives it, and when it is really due.

    Skipped ones left out.
    """
    exceptions = scene.uow.pairs.exceptions(series.id)
    moved = [(rule, at) for rule, at in exceptions.items() if at is not None and at > after]
    earliest = min(moved, key=lambda found: found[1], default=None)
    rule = next_occurrence(series.rrule, _start(series), series.zone, after)
    while rule is not None and rule in exceptions:
        rule = next_occurrence(series.rrule, _start(series), series.zone, rule)
    if earliest is not None and (rule is None or earliest[1] <= rule):
        return earliest
    return None if rule is None else (rule, rule)


def _plan(scene: Scene, series: Series, after: datetime) -> None:
    found = _occurrence(scene, series, after)
    pair = scene.uow.pairs.get(series.pair_id)
    if found is None or pair is None or (pair.ends_at is not None and found[1] >= pair.ends_at):
        return
    rule, at = found
    scene.uow.timers.put(
        key=f"checkin:{series.id}:{rule.isoformat()}:{series.version}",
        kind="checkin",
        subject_id=series.id,
        due_at=at,
        version=series.version,
        payload={"occurrence": rule.isoformat()},
    )


def _restart(scene: Scene, series: Series, after: datetime) -> None:
    """Something about the series changed: its timers are stale, the next one is planned afresh."""
    scene.uow.timers.cancel("checkin", series.id)
    series.version += 1
    _plan(scene, series, after)


def replan(scene: Scene, pair: Pair) -> None:
    """Plan the next prompt of every series of a pair from now on."""
    for series in scene.uow.pairs.series_of(pair.id):
        _restart(scene, series, scene.now)


def stop_rhythms(scene: Scene, pair: Pair) -> None:
    """No prompt any more."""
    for series in scene.uow.pairs.series_of(pair.id):
        scene.uow.timers.cancel("checkin", series.id)
        series.version += 1
    for checkin in scene.uow.pairs.checkins(pair.id):
        scene.uow.timers.cancel("checkin-remind", checkin.id)
        talk = scene.uow.talks.get(checkin.conversation_id or 0)
        if talk is not None and talk.status == "open":
            talk.status = "cancelled"  # nobody is asked to finish it after the end


def next_prompt(scene: Scene, pair: Pair, person_id: int) -> datetime | None:
    """When this side is asked next."""
    found = [
        at[1]
        for series in scene.uow.pairs.series_of(pair.id, person_id)
        if (at := _occurrence(scene, series, scene.now)) is not None
    ]
    return min(found, default=None)


@planner
def rezone(scene: Scene) -> None:
    """The file's rule or a person's zone changed while we were away: the series follow."""
    for programme in scene.bot.programmes.values():
        for pair in scene.uow.pairs.of_programme(programme.id, ended=False):
            for series in scene.uow.pairs.series_of(pair.id):
                rhythm = programme.rhythm(series.rhythm)
                person = scene.uow.people.get(series.person_id)
                if rhythm is None or person is None:
                    continue
                zone = scene.zone(person, programme)
                if (series.rrule, series.zone) != (rhythm.rrule, zone) or _start(
                    series
                ).time() != rhythm.at:
                    _retime(scene, series, rhythm, zone)


def _retime(scene: Scene, series: Series, rhythm: Rhythm, zone: str) -> None:
    first = anchor(rhythm.rrule, rhythm.at, zone, scene.now)
    series.rrule, series.zone = rhythm.rrule, zone
    series.dtstart_local = first.isoformat(timespec="seconds")
    _restart(scene, series, scene.now)


@act("skip-next", who="member")
def skip_next(turn: Turn, number: int, version: int) -> None:
    """Leave out the next prompt to me."""
    _except(turn, number, moved=False)


@act("later-next", who="member")
def later_next(turn: Turn, number: int, version: int) -> None:
    """Move the next prompt to me by a week."""
    _except(turn, number, moved=True)


def _except(turn: Turn, number: int, *, moved: bool) -> None:
    pair = access.own_pair(turn, number)
    changed = None
    for series in turn.uow.pairs.series_of(pair.id, turn.me.id):
        found = _occurrence(turn, series, turn.now)
        if found is None:
            continue
        rule, at = found
        turn.uow.pairs.except_occurrence(series.id, rule, at + days(LATER_DAYS) if moved else None)
        _restart(turn, series, turn.now)
        changed = next_prompt(turn, pair, turn.me.id)
    if changed is None:
        turn.text("checkin-none-planned")
    else:
        turn.text("checkin-moved" if moved else "checkin-skipped", when=turn.w.weekday(changed))


# --- a prompt is due ------------------------------------------------------------------------------


@due("checkin")
def prompt(scene: Scene, timer: DueTimer) -> None:
    """Ask one side, and plan the next time: after an outage one prompt, not the backlog."""
    series = scene.uow.pairs.series(timer.subject_id)
    if series is None or series.version != timer.version:
        return
    pair = scene.uow.pairs.get(series.pair_id)
    if pair is None:
        return
    programme = scene.programme_of(pair.programme_id)
    rhythm = programme.rhythm(series.rhythm)
    if rhythm is None:
        return
    _plan(scene, series, after=max(scene.now, timer.due_at))
    if pair.state != "active":
        return
    person = scene.person(series.person_id)
    zone = scene.zone(person, programme)
    occurrence = datetime.fromisoformat(timer.payload["occurrence"])
    following = next_occurrence(series.rrule, _start(series), series.zone, scene.now)
    closes = (
        scene.now + days(rhythm.close_after_days)
        if rhythm.close_after_days
        else following or pair.ends_at
    )
    checkin = scene.uow.pairs.add_checkin(
        Checkin(series_id=series.id, pair_id=pair.id, person_id=person.id, occurrence=occurrence)
    )
    partner = scene.person(pair.mentor_id if person.id == pair.mentee_id else pair.mentee_id)
    talk, said = begin(
        scene, person, programme, f"checkin:{rhythm.id}", about_id=checkin.id, closes_at=closes
    )
    checkin.conversation_id = talk.id
    w = scene.words(person, programme)
    said[:1] = [replace(m, title=w("checkin-title", name=partner.name or "—")) for m in said[:1]]
    for number, message in enumerate(said):
        scene.tell(
            person,
            message,
            key=f"checkin:{checkin.id}:{number}",
            priority=REMINDER,
            not_before=into_waking_hours(scene.now, zone, programme.quiet),
            expires_at=closes,
        )
    if rhythm.remind_after_days:
        scene.uow.timers.put(
            key=f"checkin-remind:{checkin.id}",
            kind="checkin-remind",
            subject_id=checkin.id,
            due_at=scene.now + days(rhythm.remind_after_days),
        )


@due("checkin-remind")
def remind(scene: Scene, timer: DueTimer) -> None:
    """Not answered yet: once more, kindly; the same question, the same buttons."""
    checkin = scene.uow.pairs.checkin(timer.subject_id)
    if checkin is None or checkin.state != "asked" or checkin.conversation_id is None:
        return
    pair = scene.uow.pairs.get(checkin.pair_id)
    talk = scene.uow.talks.get(checkin.conversation_id)
    if pair is None or pair.state != "active" or talk is None or talk.status != "open":
        return
    if talk.closes_at is not None and talk.closes_at <= scene.now:
        return
    programme = scene.programme_of(pair.programme_id)
    person = scene.person(checkin.person_id)
    partner = scene.person(pair.mentor_id if person.id == pair.mentee_id else pair.mentee_id)
    w = scene.words(person, programme)
    scene.tell(
        person,
        Message(
            w("checkin-reminder", name=partner.name or "—"),
            choices=(run_choice(w("answer-now"), "reprendre", str(talk.id), "primary"),),
            quiet=(act_choice(w("checkin-leave-out"), "skip-this", checkin.id, 1),),
        ),
        key=timer.key,
        priority=REMINDER,
        expires_at=talk.closes_at,
    )


@act("skip-this", who="member")
def skip_this(turn: Turn, number: int, version: int) -> None:
    """No answer to this one; the next comes as usual."""
    checkin, _ = access.own_checkin(turn, number)
    talk = turn.uow.talks.get(checkin.conversation_id or 0)
    if checkin.state != "asked" or talk is None:
        turn.text("button-stale")
        return
    checkin.state = "skipped"
    talk.status = "cancelled"
    if turn.me.focus_id == talk.id:
        turn.me.focus_id = None
    turn.replace(Message(turn.w("checkin-left-out")))


# --- an answer ------------------------------------------------------------------------------------


@may_reopen("checkin")
def _may_change(turn: Turn, talk: Conversation) -> bool:
    return True  # until the dialogue closes


@on_completed("checkin")
def note_checkin(turn: Turn, talk: Conversation, answers: Mapping[str, Given]) -> None:
    """All is answered: thanks, and the next date for both."""
    rhythm, pair = _heard(turn, talk, answers)
    turn.text("checkin-thanks")
    if rhythm.next_on and rhythm.next_on in answers:
        set_date(turn, pair, date.fromisoformat(str(answers[rhythm.next_on])), None)


@on_answered("checkin")
def note_first_tap(turn: Turn, talk: Conversation, answers: Mapping[str, Given]) -> None:
    """One tap counts: whether they met is known at once, whatever becomes of the rest."""
    rhythm = turn.programme.rhythm(talk.kind.partition(":")[2])
    if rhythm is not None and rhythm.met in answers:
        _heard(turn, talk, answers)


def _heard(turn: Turn, talk: Conversation, answers: Mapping[str, Given]) -> tuple[Rhythm, Pair]:
    """What the answers mean so far: a meeting or none in a row, a word to staff."""
    checkin, pair = access.own_checkin(turn, talk.about_id)
    rhythm = turn.programme.rhythm(talk.kind.partition(":")[2])
    if rhythm is None:
        raise NotAllowed("the rhythm is gone from the file")
    met = str(answers[rhythm.met]) if rhythm.met and rhythm.met in answers else None
    if (checkin.state, checkin.met) != ("answered", met):
        turn.note("checkin-answered", "pair", pair.id, checkin=checkin.id, met=met)
    checkin.state, checkin.answered_at, checkin.met = "answered", turn.now, met
    turn.uow.timers.cancel("checkin-remind", checkin.id)
    _count_missed(turn, pair, rhythm, alerted=rhythm.alerts(answers))
    if rhythm.alerts(answers):  # told once: the key says so
        tell_staff(
            turn,
            pair,
            "staff-checkin-alert",
            key=f"checkin-alert:{checkin.id}",
            lines=lambda w: told(rhythm, answers, w),
        )
    return rhythm, pair


def _count_missed(turn: Turn, pair: Pair, rhythm: Rhythm, *, alerted: bool) -> None:
    """Rounds in a row in which nobody reports a meeting; one yes of either side ends the row.

    Staff who were alerted by the same answer are not told twice.
    """
    rounds: dict[date, list[str | None]] = {}
    for checkin in turn.uow.pairs.checkins(pair.id):
        if checkin.state == "answered":
            rounds.setdefault(checkin.occurrence.date(), []).append(checkin.met)
    row = 0
    for day in sorted(rounds, reverse=True):
        if "yes" in rounds[day]:
            break
        row += 1
    grew = row > pair.missed_in_a_row
    pair.missed_in_a_row = row
    limit = rhythm.alert_after_missed
    if limit and grew and row == limit and not alerted:
        tell_staff(
            turn, pair, "staff-no-meeting", key=f"no-meeting:{pair.id}:{turn.event.id}", n=row
        )


def tell_staff(
    turn: Turn,
    pair: Pair,
    key_of_text: str,
    *,
    key: str,
    n: int | None = None,
    lines: Callable[[Words], tuple[Line, ...]] = lambda w: (),
) -> None:
    """A line about a pair to its team, what was answered, and the way to look at it."""
    mentee, mentor = turn.person(pair.mentee_id), turn.person(pair.mentor_id)

    def build(w: Words) -> Message:
        return Message(
            w(key_of_text, n, mentee=mentee.name or "—", mentor=mentor.name or "—"),
            lines=lines(w),
            choices=(run_choice(w("see-pair"), "binomes", str(pair.id)),),
        )

    turn.tell_staff(turn.programme, build, key=key)


# --- meetings -------------------------------------------------------------------------------------


@act("meeting", who="member")
def ask_meeting(turn: Turn, number: int, version: int) -> None:
    """How to set a date: the next ones as buttons, any other in words."""
    pair = access.own_pair(turn, number)
    turn.enter(turn.programme_of(pair.programme_id))
    today = turn.today(turn.me, turn.programme)
    coming = [today + timedelta(days=n) for n in (2, 7, 14)]
    turn.say(
        Message(
            turn.w("meeting-when"),
            choices=tuple(
                run_choice(turn.w.weekday(day), "rdv", day.isoformat()) for day in coming
            ),
            note=turn.w("meeting-when-note"),
        )
    )


def set_by_words(turn: Turn, pair: Pair, words: str) -> None:
    """`rdv mardi 18h30`, `rdv 24/12/2026`: a date and perhaps an hour."""
    turn.enter(turn.programme_of(pair.programme_id))
    hour, rest = _read_time(words)
    day = read_date(rest, turn.today(turn.me, turn.programme), "future")
    if day is None:
        turn.text("answer-not-a-date")
    elif day < turn.today(turn.me, turn.programme):
        turn.text("answer-not-future")
    else:
        set_date(turn, pair, day, hour)


_TIME = re.compile(r"\b(?:à |at )?([01]?\d|2[0-3])(?::| ?h ?)([0-5]\d)?(?!\d)", re.IGNORECASE)


def _read_time(words: str) -> tuple[time | None, str]:
    """The hour in `mardi 18h30` or `24/12 à 18:30`, and the words without it."""
    found = _TIME.search(words)
    if found is None:
        return None, words
    hour = time(int(found[1]), int(found[2] or 0))
    return hour, (words[: found.start()] + words[found.end() :]).strip(" ,")


def set_date(turn: Turn, pair: Pair, day: date, hour: time | None) -> None:
    """A date for the next meeting: both sides get the invitation.

    An earlier one is moved, not doubled.
    """
    zone = turn.zone(turn.me, turn.programme)
    at = to_utc(datetime.combine(day, hour or time(0)), zone)
    minutes = MEETING_MINUTES if hour else WHOLE_DAY
    meeting = turn.uow.pairs.next_meeting(pair.id, turn.now - days(1))
    if meeting is not None and (meeting.starts_at, meeting.minutes) == (at, minutes):
        return
    if meeting is None:
        meeting = turn.uow.pairs.add_meeting(
            Meeting(pair_id=pair.id, set_by_id=turn.me.id, starts_at=at, minutes=minutes)
        )
    else:
        meeting.starts_at, meeting.minutes = at, minutes
        meeting.sequence += 1
    other = turn.person(access.partner_of(turn, pair))
    for person, partner in ((turn.me, other), (other, turn.me)):
        w = turn.words(person, turn.programme)
        told = "meeting-set-by-you" if person is turn.me else "meeting-set-by-other"
        turn.show(
            person,
            Message(
                w(told, name=partner.name or "—", when=when(meeting, w)),
                file=File(
                    "rendez-vous.ics",
                    invitation(turn, meeting, pair, person, partner, w),
                    "text/calendar",
                ),
            ),
            what=f"meeting-{meeting.sequence}",
        )


def when(meeting: Meeting, w: Words) -> str:
    """The date of a meeting, with its hour when there is one."""
    return w.moment(meeting.starts_at) if meeting.minutes else w.weekday(meeting.starts_at)


def invitation(
    scene: Scene, meeting: Meeting, pair: Pair, person: Person, partner: Person, w: Words
) -> bytes:
    """The meeting as an iCalendar file: one UID for life, SEQUENCE grows at each change.

    Source: RFC 5545, RFC 5546 (METHOD:REQUEST).
    """
    calendar = Calendar()
    calendar.add("prodid", "-//Cordee//Cordee 1//FR")
    calendar.add("version", "2.0")
    calendar.add("method", "CANCEL" if meeting.state == "cancelled" else "REQUEST")
    event = Event()
    event.add("uid", f"meeting-{meeting.id}-pair-{pair.id}@cordee.invalid")
    event.add("sequence", meeting.sequence)
    event.add("dtstamp", scene.now.astimezone(UTC).replace(microsecond=0))
    event.add("summary", w("meeting-summary", name=partner.name or "—"))
    if meeting.minutes:
        event.add("dtstart", meeting.starts_at.astimezone(UTC))
        event.add("duration", timedelta(minutes=meeting.minutes))
    else:
        local = meeting.starts_at.astimezone(
            ZoneInfo(scene.zone(person, scene.programme_of(pair.programme_id)))
        )
        event.add("dtstart", local.date())
        event.add("dtend", local.date() + timedelta(days=1))
    organizer = vCalAddress("mailto:cordee@cordee.invalid")
    organizer.params["CN"] = "Cordée"
    event["organizer"] = organizer
    event.add("status", "CANCELLED" if meeting.state == "cancelled" else "CONFIRMED")
    calendar.add_component(event)
    content: bytes = calendar.to_ical()
    return content
