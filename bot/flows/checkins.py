"""The rhythm of a pair: prompts to each side on their own clock, and their answers.

Only the next occurrence of a series is a timer. An occurrence that was left out or moved is an
exception of the series; a change of rule, zone or pause raises the series' version, which makes
older timers stale.

Source: A-05, A-06, X-07; delivery protocol, "Recurrence and .ics".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from bot import access, minors
from bot.commands.registry import act
from bot.dialogue.engine import Given, Value
from bot.dialogue.parsing import NOT_ASKED
from bot.dialogues import act_choice, begin, may_reopen, on_answered, on_completed, run_choice, told
from bot.errors import NotAllowed
from bot.flows import meetings
from bot.flows.supervision import tell_staff
from bot.followup import due, planner
from bot.messages import Message
from bot.programmes.schema import Programme, Rhythm
from bot.rhythm import anchor, into_waking_hours, next_occurrence, to_local, to_utc
from bot.triage.morning import look_again
from bot.turn import REMINDER, Scene, Turn
from storage.tables import Checkin, Conversation, Pair, Series
from storage.timers import DueTimer

LATER_DAYS = 7  # « plus tard » moves the next prompt by a week


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
            first = _first(pair, programme, rhythm, zone)
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


def _first(pair: Pair, programme: Programme, rhythm: Rhythm, zone: str) -> datetime:
    """The first occurrence for a side that lives in `zone`, as wall time.

    Its date is the programme's, so that both sides are asked in the same weeks wherever they live.
    """
    begins = pair.started_at + days(rhythm.first_after_days)
    day = anchor(rhythm.rrule, rhythm.at, programme.zone, begins).date()
    first = datetime.combine(day, rhythm.at)
    if to_utc(first, zone) >= pair.started_at:
        return first
    return anchor(rhythm.rrule, rhythm.at, zone, pair.started_at)  # that morning is over there


def _start(series: Series) -> datetime:
    return datetime.fromisoformat(series.dtstart_local)


def _occurrence(
    scene: Scene, pair: Pair, series: Series, after: datetime
) -> tuple[datetime, datetime] | None:
    """The next occurrence as the rule gives it, and when it is really due.

    Skipped ones left out; none when the pair ends before.
    """
    found = _in_series(scene, series, after)
    over = found is not None and pair.ends_at is not None and found[1] >= pair.ends_at
    return None if over else found


def _in_series(scene: Scene, series: Series, after: datetime) -> tuple[datetime, datetime] | None:
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
    pair = scene.uow.pairs.get(series.pair_id)
    found = _occurrence(scene, pair, series, after) if pair is not None else None
    if found is None:
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
    found = _next(scene, pair, person_id)
    return None if found is None else found[2]


def _next(scene: Scene, pair: Pair, person_id: int) -> tuple[Series, datetime, datetime] | None:
    """The series that asks this side next, the occurrence, and when it is really due."""
    found = [
        (series, *at)
        for series in scene.uow.pairs.series_of(pair.id, person_id)
        if (at := _occurrence(scene, pair, series, scene.now)) is not None
    ]
    return min(found, key=lambda one: one[2], default=None)


def rhythm_version(scene: Scene, pair: Pair, person_id: int) -> int:
    """Grows whenever something changes in what this side is asked: what a button acts on."""
    return sum(series.version for series in scene.uow.pairs.series_of(pair.id, person_id))


@act("skip-next", who="member")
def skip_next(turn: Turn, number: int, version: int) -> None:
    """Leave out the next prompt to me."""
    _except(turn, number, version, moved=False)


@act("later-next", who="member")
def later_next(turn: Turn, number: int, version: int) -> None:
    """Move the next prompt to me by a week."""
    _except(turn, number, version, moved=True)


def _except(turn: Turn, number: int, version: int, *, moved: bool) -> None:
    pair = access.own_pair(turn, number)
    if version != rhythm_version(turn, pair, turn.me.id):  # pressed twice, or on an old message
        turn.text("button-stale")
        return
    found = _next(turn, pair, turn.me.id) if pair.state == "active" else None
    if found is not None:
        series, rule, at = found
        turn.uow.pairs.except_occurrence(series.id, rule, at + days(LATER_DAYS) if moved else None)
        _restart(turn, series, turn.now)
    changed = next_prompt(turn, pair, turn.me.id) if found is not None else None
    if changed is None:
        turn.text("checkin-none-planned")
    else:
        turn.text("checkin-moved" if moved else "checkin-skipped", when=turn.w.weekday(changed))


# --- the file or a zone has changed ---------------------------------------------------------------


@planner
def rezone(scene: Scene) -> None:
    """What changed while we were away: the file's rule, a person's zone, a programme back again."""
    for programme in scene.bot.programmes.values():
        for series, pair, person, planned in scene.uow.pairs.in_rhythm(programme.id):
            rhythm = programme.rhythm(series.rhythm)
            if rhythm is None or pair.kind not in rhythm.pairs:
                continue
            zone = scene.zone(person, programme)
            before = (series.rrule, series.zone, _start(series).time())
            if before != (rhythm.rrule, zone, rhythm.at):
                _retime(scene, pair, series, rhythm, zone)
            elif not planned:  # its last timer found no programme or no rhythm
                _plan(scene, series, scene.now)


def _retime(scene: Scene, pair: Pair, series: Series, rhythm: Rhythm, zone: str) -> None:
    """The same occurrences at another hour or in another zone, or those of another rule.

    A rule counts its intervals from the pair's first day, as for a pair that had it from the start;
    whoever was asked today already is not asked today again.
    """
    old_zone, since = series.zone, scene.now
    asked = [c for c in scene.uow.pairs.checkins(pair.id) if c.series_id == series.id]
    if asked:
        day = to_local(asked[0].occurrence, old_zone).date()
        since = max(since, to_utc(datetime.combine(day, time.max), zone))
    if series.rrule == rhythm.rrule:
        for rule, moved_to in scene.uow.pairs.exceptions(series.id).items():
            day = to_local(rule, old_zone).date()
            there = to_utc(datetime.combine(day, rhythm.at), zone)
            if rule > scene.now and there != rule:
                scene.uow.pairs.except_occurrence(series.id, there, moved_to)
        first = datetime.combine(_start(series).date(), rhythm.at)
    else:
        first = _first(pair, scene.programme_of(pair.programme_id), rhythm, zone)
    series.rrule, series.zone = rhythm.rrule, zone
    series.dtstart_local = first.isoformat(timespec="seconds")
    _restart(scene, series, since)


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
    following = _occurrence(scene, pair, series, scene.now)
    closes = (
        scene.now + days(rhythm.close_after_days)
        if rhythm.close_after_days
        else following[1]
        if following
        else pair.ends_at
    )
    checkin = scene.uow.pairs.add_checkin(
        Checkin(series_id=series.id, pair_id=pair.id, person_id=person.id, occurrence=occurrence)
    )
    partner = scene.person(pair.mentor_id if person.id == pair.mentee_id else pair.mentee_id)
    talk, said = begin(
        scene,
        person,
        programme,
        f"checkin:{rhythm.id}",
        about_id=checkin.id,
        answers=_not_for(rhythm, "mentee" if person.id == pair.mentee_id else "mentor"),
        closes_at=closes,
    )
    checkin.conversation_id = talk.id
    w = scene.words(person, programme)
    said[:1] = [
        replace(m, title=w("checkin-title", name=minors.called(partner, programme)))
        for m in said[:1]
    ]
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


def _not_for(rhythm: Rhythm, side: str) -> dict[str, Value]:
    """The questions for the other side: not on this one's route."""
    return {q.id: NOT_ASKED for q in rhythm.questions if q.side not in (None, side)}


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
            w("checkin-reminder", name=minors.called(partner, programme)),
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
    """All is answered: thanks, words for the team to the team, and the next date for both."""
    rhythm, checkin, pair = _heard(turn, talk, answers)
    if rhythm.alerts(answers):
        words = any(q.sensitive and q.kind == "text" and q.id in answers for q in rhythm.questions)
        if words:  # after the alert of the first tap, if there was one; changed ones come again
            tell_staff(
                turn,
                pair,
                "staff-checkin-words",
                key=f"checkin-alert:{checkin.id}:words:{turn.event.id}",
                lines=lambda w: told(rhythm, answers, w),
                words_of=turn.me.id,
            )
        else:
            _alert(turn, pair, checkin, rhythm, answers)
    thanks = Message(turn.w("checkin-thanks"))
    if turn.me.id == pair.mentor_id and pair.kind == "long_term":
        button = act_choice(turn.w("beyond"), "beyond", pair.id, pair.version)
        thanks = replace(thanks, quiet=(button,))
    turn.say(thanks)
    if rhythm.next_on and rhythm.next_on in answers:
        meetings.set_date(
            turn,
            pair,
            date.fromisoformat(str(answers[rhythm.next_on])),
            None,
            have_met=checkin.met == "yes",
        )


@on_answered("checkin")
def note_first_tap(turn: Turn, talk: Conversation, answers: Mapping[str, Given]) -> None:
    """One tap counts: whether they met is known at once, whatever becomes of the rest."""
    rhythm = turn.programme.rhythm(talk.kind.partition(":")[2])
    if rhythm is not None and rhythm.met in answers:
        rhythm, checkin, pair = _heard(turn, talk, answers)
        if rhythm.alerts(answers):
            _alert(turn, pair, checkin, rhythm, answers)


def _heard(
    turn: Turn, talk: Conversation, answers: Mapping[str, Given]
) -> tuple[Rhythm, Checkin, Pair]:
    """What the answers mean so far: a meeting, or none in a row."""
    checkin, pair = access.own_checkin(turn, talk.about_id)
    rhythm = turn.programme.rhythm(talk.kind.partition(":")[2])
    if rhythm is None:
        raise NotAllowed("the rhythm is gone from the file")
    met = str(answers[rhythm.met]) if rhythm.met and rhythm.met in answers else None
    if (checkin.state, checkin.met) != ("answered", met):
        turn.note("checkin-answered", "pair", pair.id, checkin=checkin.id, met=met)
    checkin.state, checkin.answered_at, checkin.met = "answered", turn.now, met
    turn.uow.timers.cancel("checkin-remind", checkin.id)
    if rhythm.met is not None:
        _count_missed(turn, pair, rhythm, alerted=rhythm.alerts(answers))
    return rhythm, checkin, pair


def _alert(
    turn: Turn, pair: Pair, checkin: Checkin, rhythm: Rhythm, answers: Mapping[str, Given]
) -> None:
    """An answer that calls for staff: told once, the key says so."""
    tell_staff(
        turn,
        pair,
        "staff-checkin-alert",
        key=f"checkin-alert:{checkin.id}",
        lines=lambda w: told(rhythm, answers, w),
        words_of=turn.me.id,
    )
    look_again(turn, turn.programme_of(pair.programme_id))


def _count_missed(turn: Turn, pair: Pair, rhythm: Rhythm, *, alerted: bool) -> None:
    """Rounds in a row in which nobody reports a meeting; one yes of either side ends the row.

    A round is a date of the rule, on which each side is asked at its own hour: by UTC, or by any
    one zone, two sides far apart would make two of it. Staff who were alerted by the same answer
    are not told twice.
    """
    series = {s.id: s for s in turn.uow.pairs.series_of(pair.id) if s.rhythm == rhythm.id}
    rounds: dict[date, list[str | None]] = {}
    for checkin in turn.uow.pairs.checkins(pair.id):
        if checkin.state == "answered" and checkin.series_id in series:
            day = to_local(checkin.occurrence, series[checkin.series_id].zone).date()
            rounds.setdefault(day, []).append(checkin.met)
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
        look_again(turn, turn.programme_of(pair.programme_id))
