"""The dates a pair sets: in words or by a tap, moved rather than doubled, with an invitation.

A date without an hour is a day in nobody's zone: both sides read the same day wherever they live.
This module does not know when anybody is asked about a meeting.

Source: A-05; delivery protocol, "Recurrence and .ics"; RFC 5545.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, vCalAddress

from bot import access, minors
from bot.commands.registry import act
from bot.dialogue.parsing import read_date
from bot.dialogues import run_choice
from bot.errors import NotAllowed
from bot.i18n import Words
from bot.messages import File, Message
from bot.programmes.schema import Programme
from bot.rhythm import SATURDAY, to_utc
from bot.turn import Scene, Turn
from storage.tables import Meeting, Pair, Person

MEETING_MINUTES = 60
LONGEST_DATE = 60  # characters; in more than that, somebody tells something else
WHOLE_DAY = 0  # minutes of a meeting whose hour is still open
MORNING = time(9)  # when the day is over of a meeting whose hour was left open
LOOK_BACK = timedelta(days=2)  # no meeting that began earlier goes on, in whatever zone

_CHOSEN = re.compile(r"([1-9]\d{0,17})/(\d{4}-\d\d-\d\d(?:T\d\d:\d\d)?)", re.ASCII)
"""A pair's number and a date, as our own buttons carry them: `12/2026-11-24T18:30`."""
_TIME = re.compile(
    r"(?:\b(?:à |at )?|(?<=\d)T)([01]?\d|2[0-3])(?::| ?h ?)([0-5]\d)?(?!\d)", re.IGNORECASE
)


@act("meeting", who="member")
def ask_meeting(turn: Turn, number: int, version: int) -> None:
    """How to set a date: the next ones as buttons, any other in words."""
    pair = _own(turn, number)
    if pair is None:
        return
    today = turn.today(turn.me, turn.programme)
    coming = dict.fromkeys(_working_day(today + timedelta(days=n)) for n in (2, 7, 14))
    turn.say(
        Message(
            turn.w("meeting-when"),
            choices=tuple(
                run_choice(turn.w.weekday(day), "rdv", _chosen(pair, day, None)) for day in coming
            ),
            note=turn.w("meeting-when-note"),
        )
    )


def _working_day(day: date) -> date:
    """The day itself, or the Monday after a weekend."""
    return day + timedelta(days=max(0, 7 - day.weekday())) if day.weekday() >= SATURDAY else day


def set_by_words(turn: Turn, mine: Sequence[Pair], words: str) -> None:
    """`rdv mardi 18h30`, `rdv 24/12/2026`: a date and perhaps an hour; and which pair, if several.

    Args:
        turn: Of one side.
        mine: The pairs the person is in, at least one.
        words: As typed, or as a button of ours carries them.
    """
    if found := _CHOSEN.fullmatch(words):
        pair = _own(turn, int(found[1]))
        if pair is not None and (given := _read(turn, turn.programme, found[2])) is not None:
            _set(turn, pair, *given)
        return
    programme = turn.programme_of(mine[0].programme_id)
    given = _read(turn, programme, words)
    if given is None:
        return
    if len(mine) == 1:
        turn.enter(programme)
        _set(turn, mine[0], *given)
        return
    turn.say(
        Message(
            turn.w("meeting-with-whom"),
            choices=tuple(
                run_choice(
                    _partner(turn, pair),
                    "rdv",
                    _chosen(pair, *given),
                )
                for pair in mine
            ),
        )
    )


def _partner(turn: Turn, pair: Pair) -> str:
    programme = turn.programme_of(pair.programme_id)
    return minors.called(turn.person(access.partner_of(turn, pair)), programme)


def offer_date(turn: Turn, text: str) -> bool:
    """Words that are nothing but a date, from somebody with a pair: offer to set it.

    « mardi prochain à 19h » after the days were shown, or out of the blue: nothing is set before
    one tap says that it was meant. False for any other words.
    """
    programmes = turn.programmes
    mine = [p for p in turn.uow.pairs.of_person(turn.me.id) if p.programme_id in programmes]
    if not mine or len(text) > LONGEST_DATE:
        return False
    hour, rest = _read_time(text)
    programme = turn.programme_of(mine[0].programme_id)
    today = turn.today(turn.me, programme)
    day = read_date(rest, today, "future")
    if day is None or day < today:
        return False
    said = turn.w.weekday(day)
    if hour is not None:
        at = to_utc(datetime.combine(day, hour), turn.zone(turn.me, programme))
        said = turn.w.moment(at)
    turn.say(
        Message(
            turn.w("meeting-meant", when=said),
            choices=tuple(
                run_choice(
                    turn.w(
                        "meeting-meant-with",
                        name=_partner(turn, pair),
                    ),
                    "rdv",
                    _chosen(pair, day, hour),
                    "primary",
                )
                for pair in mine
                if pair.state != "closing"
            ),
        )
    )
    return True


def _own(turn: Turn, number: int) -> Pair | None:
    """One's own pair that may still meet; None when the person was told that it is over.

    Raises:
        NotAllowed: Not theirs, or the other side knows nothing of it yet.
    """
    pair = access.own_pair(turn, number)
    if pair.state == "proposed":
        raise NotAllowed("the other side knows nothing of it yet")
    if pair.state == "closed":
        turn.text("pair-is-closed")
        return None
    return pair


def _chosen(pair: Pair, day: date, hour: time | None) -> str:
    at = f"T{hour:%H:%M}" if hour else ""
    return f"{pair.id}/{day.isoformat()}{at}"


def _read(turn: Turn, programme: Programme, words: str) -> tuple[date, time | None] | None:
    """The day and perhaps the hour; None when the person was told what is wrong with them."""
    hour, rest = _read_time(words)
    today = turn.today(turn.me, programme)
    day = read_date(rest, today, "future")
    if day is None:
        turn.text("answer-not-a-date")
    elif day < today:
        turn.text("answer-not-future")
    else:
        return day, hour
    return None


def _read_time(words: str) -> tuple[time | None, str]:
    """The hour in `mardi 18h30` or `24/12 à 18:30`, and the words without it."""
    found = _TIME.search(words)
    if found is None:
        return None, words
    hour = time(int(found[1]), int(found[2] or 0))
    return hour, (words[: found.start()] + words[found.end() :]).strip(" ,")


# --- which one ------------------------------------------------------------------------------------


def day_of(meeting: Meeting, zone: str) -> date:
    """The date of a meeting for somebody in that zone; a whole day's is the same for all."""
    known = ZoneInfo(zone) if meeting.minutes else UTC
    return meeting.starts_at.astimezone(known).date()


def coming(scene: Scene, pair: Pair, zone: str) -> Meeting | None:
    """The pair's next meeting that is not over, seen from that zone (IANA name)."""
    today = scene.now.astimezone(ZoneInfo(zone)).date()
    meeting = scene.uow.pairs.next_meeting(pair.id, scene.now - LOOK_BACK)
    while meeting is not None:
        ends = meeting.starts_at + timedelta(minutes=meeting.minutes)
        if ends > scene.now if meeting.minutes else day_of(meeting, zone) >= today:
            return meeting
        meeting = scene.uow.pairs.next_meeting(pair.id, meeting.starts_at)
    return None


def _set(turn: Turn, pair: Pair, day: date, hour: time | None) -> None:
    """Set what was asked for; who asks for what is set already gets the invitation again."""
    if set_date(turn, pair, day, hour) is False:
        meeting = coming(turn, pair, turn.zone(turn.me, turn.programme))
        if meeting is not None:
            _invite(turn, meeting, turn.me, turn.person(access.partner_of(turn, pair)))


def set_date(
    turn: Turn, pair: Pair, day: date, hour: time | None, *, have_met: bool = False
) -> bool | None:
    """A date for the next meeting: both sides get the invitation.

    One that is still to come is moved, not doubled. None is set while these two may not meet.

    Args:
        turn: Of one side, in the pair's programme.
        pair: Theirs.
        day: In the person's own calendar.
        hour: In the person's own zone; none for a whole day.
        have_met: They say that they have met: one of today is over, whatever its hour.

    Returns:
        False when it was so already, and nobody was told anything; None when it was not set, and
        the person was told.
    """
    if not minors.may_meet(turn, turn.person(pair.mentee_id), pair.mentor_id, turn.programme):
        turn.text("meeting-unchecked", name=turn.w.team(turn.programme.contact))
        return None
    zone = turn.zone(turn.me, turn.programme)
    at = to_utc(datetime.combine(day, hour), zone) if hour else _midnight(day)
    minutes = MEETING_MINUTES if hour else WHOLE_DAY
    meeting = coming(turn, pair, zone)
    if (
        meeting is not None
        and have_met
        and day_of(meeting, zone) <= turn.today(turn.me, turn.programme)
    ):
        meeting.state, meeting = "held", None
    if meeting is not None and (meeting.starts_at, meeting.minutes) == (at, minutes):
        return False
    if meeting is None:
        meeting = turn.uow.pairs.add_meeting(
            Meeting(pair_id=pair.id, set_by_id=turn.me.id, starts_at=at, minutes=minutes)
        )
    else:
        meeting.starts_at, meeting.minutes = at, minutes
        meeting.sequence += 1
    _ask_after(turn, meeting)
    other = turn.person(access.partner_of(turn, pair))
    _invite(turn, meeting, turn.me, other)
    _invite(turn, meeting, other, turn.me)
    return True


def _ask_after(turn: Turn, meeting: Meeting) -> None:
    """Where the file says so, both are asked when it is over: see `bot.flows.kept`."""
    if not turn.programme.pair.ask_after_meetings:
        return
    over = meeting.starts_at + timedelta(minutes=meeting.minutes)
    if not meeting.minutes:
        next_day = day_of(meeting, "UTC") + timedelta(days=1)
        over = to_utc(datetime.combine(next_day, MORNING), turn.programme.zone)
    turn.uow.timers.cancel("meeting-ask", meeting.id)
    turn.uow.timers.put(
        key=f"meeting-ask:{meeting.id}:{meeting.sequence}",
        kind="meeting-ask",
        subject_id=meeting.id,
        due_at=over,
        version=meeting.sequence,
    )


def _invite(turn: Turn, meeting: Meeting, person: Person, partner: Person) -> None:
    w = turn.words(person, turn.programme)
    told = "meeting-set-by-you" if person is turn.me else "meeting-set-by-other"
    turn.show(
        person,
        Message(
            w(told, name=minors.called(partner, turn.programme), when=when(meeting, w)),
            file=File(
                "rendez-vous.ics",
                invitation(turn, meeting, person, partner, w),
                "text/calendar",
            ),
        ),
        what=f"meeting-{meeting.sequence}",
    )


def _midnight(day: date) -> datetime:
    """How a whole day is stored: no zone's midnight but UTC's, and read as such."""
    return datetime.combine(day, time(0), UTC)


# --- how it is told -------------------------------------------------------------------------------


def when(meeting: Meeting, w: Words) -> str:
    """The date of a meeting, with its hour when there is one."""
    return w.moment(meeting.starts_at) if meeting.minutes else w.weekday(day_of(meeting, "UTC"))


def invitation(turn: Turn, meeting: Meeting, me: Person, partner: Person, w: Words) -> bytes:
    """The meeting as an iCalendar file: one UID for life, SEQUENCE grows at each change.

    Source: RFC 5545, RFC 5546 (METHOD:REQUEST).
    """
    programme = turn.programme
    calendar = Calendar()
    calendar.add("prodid", "-//Cordee//Cordee 1//FR")
    calendar.add("version", "2.0")
    calendar.add("method", "REQUEST")
    event = Event()
    event.add("uid", f"meeting-{meeting.id}-pair-{meeting.pair_id}@cordee.invalid")
    event.add("sequence", meeting.sequence)
    event.add("dtstamp", turn.now.astimezone(UTC).replace(microsecond=0))
    event.add("summary", w("meeting-summary", name=minors.called(partner, programme)))
    if meeting.minutes:
        event.add("dtstart", meeting.starts_at.astimezone(UTC))
        event.add("duration", timedelta(minutes=meeting.minutes))
    else:
        day = day_of(meeting, "UTC")
        event.add("dtstart", day)
        event.add("dtend", day + timedelta(days=1))
    organizer = vCalAddress("mailto:cordee@cordee.invalid")
    organizer.params["CN"] = "Cordée"
    event["organizer"] = organizer
    # A request names its attendees (RFC 5546, 3.2.2); by their names, for addresses are their own.
    for person in (me, partner):
        attendee = vCalAddress(f"mailto:person-{person.id}@cordee.invalid")
        attendee.params["CN"] = minors.called(person, programme)
        event.add("attendee", attendee)
    event.add("status", "CONFIRMED")
    calendar.add_component(event)
    content: bytes = calendar.to_ical()
    return content
