"""A pair's life.

The introduction, what each shows of themselves, the objective, letters and pause.

A pair may be one person on Slack and one on Telegram: they write to each other through the bot,
without exchanging addresses. When and what they are asked about their meetings is `checkins`, the
end is `endings`.

Source: A-05, A-18, A-19, A-20, A-24; X-19.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from bot import access, lifecycle, minors
from bot.commands.registry import act, command
from bot.dialogues import act_choice, run_choice
from bot.errors import NotAllowed
from bot.flows import (
    checkins,
    extensions,
    guides,
    meetings,
    overrun,
    referrals,
    supervision,
    training,
)
from bot.followup import due
from bot.i18n import Words
from bot.messages import Choice, Line, Message
from bot.programmes.schema import Programme
from bot.rhythm import months_later
from bot.turn import ANSWER, REMINDER, Scene, Turn
from storage.tables import Pair, Person, Request
from storage.timers import DueTimer

ONE_OFF_MONTHS = 1  # a one-off talk is followed up and closed after that long

Beginning = Callable[[Scene, Pair], None]
_BEGINS: list[Beginning] = []


def begins(run: Beginning) -> Beginning:
    """Register what else is done when both are introduced."""
    _BEGINS.append(run)
    return run


# --- who is who -----------------------------------------------------------------------------------


def first_name(person: Person, programme: Programme | None = None) -> str:
    """What to call somebody in a button; for the other side of a programme, as it may read them."""
    return (minors.called(person, programme) if programme else person.name or "—").split()[0]


def known_as(person: Person, w: Words, programme: Programme, *, named: bool = True) -> str:
    """A mentee as others first hear of them: name if they agreed, promotion, school."""
    if not named:
        return w("somebody")  # a year and a school would name them in a small class
    name = minors.called(person, programme) if person.name else w("somebody")
    school = minors.shown(person.school, programme)
    about = [str(part) for part in (person.promo, school) if part]
    return f"{name} ({', '.join(about)})" if about else name


def card(scene: Scene, person: Person, programme: Programme) -> str:
    """An expert in one line: name, job, employer, town.

    Only what the directory shows to everybody, and what may be read there.
    """
    expert = scene.uow.directory.get(person.id)
    parts = [minors.called(person, programme)]
    if expert is not None:
        job, employer, city = (
            minors.shown(text, programme) for text in (expert.job, expert.employer, expert.city)
        )
        parts += [p for p in (", ".join(p for p in (job, employer) if p), city) if p]
    return " · ".join(parts)


def both(scene: Scene, pair: Pair) -> tuple[Person, Person]:
    """Mentee and mentor of a pair."""
    return scene.person(pair.mentee_id), scene.person(pair.mentor_id)


# --- introduction ---------------------------------------------------------------------------------


def form(
    scene: Scene,
    request: Request | None,
    mentee: Person,
    mentor: Person,
    *,
    programme: Programme,
    supervisor_id: int | None = None,
) -> Pair:
    """Make a pair; both are introduced at once, unless the mentor has yet to accept the charter.

    The mentor's place is taken by the caller, in the statement that decides. Who follows it: the
    request's owner, else whoever made it by hand, else nobody yet (A-14).

    Raises:
        NotAllowed: A minor without their parents' agreement, or a mentor who is not checked.
    """
    _must_be_allowed(scene, mentee, mentor.id, programme)
    kind = request.kind if request else "long_term"
    follows = (request.owner_id if request else None) or supervisor_id
    months = programme.pair.months if kind == "long_term" else ONE_OFF_MONTHS
    pair = scene.uow.pairs.add(
        Pair(
            programme_id=programme.id,
            request_id=request.id if request else None,
            mentee_id=mentee.id,
            mentor_id=mentor.id,
            kind=kind,
            supervisor_id=None if follows in (mentee.id, mentor.id) else follows,
            started_at=scene.now,
            ends_at=months_later(scene.now, months, programme.zone),
        )
    )
    charter = programme.pair.charter
    agreed = charter is None or scene.uow.people.agreed_to(
        mentor.id, programme.id, "charter", charter.read
    )
    if agreed and not training.lacks(scene, mentor, programme):
        introduce(scene, pair)
        return pair
    pair.state = "proposed"
    until = scene.now + checkins.days(programme.proposals.deadline_days)
    _offer(scene, pair, "pair-offer", until, key=f"pair-offer:{pair.id}")
    nudge_at = scene.now + checkins.days(programme.proposals.nudge_days)
    _plan(scene, pair, "pair-nudge", nudge_at, until)
    _plan(scene, pair, "pair-lapse", until, until)
    return pair


def _plan(scene: Scene, pair: Pair, kind: str, at: datetime, until: datetime) -> None:
    scene.uow.timers.put(
        key=f"{kind}:{pair.id}:{at:%Y%m%dT%H%M%S}",
        kind=kind,
        subject_id=pair.id,
        due_at=at,
        payload={"until": until.isoformat()},
    )


def _must_be_allowed(scene: Scene, mentee: Person, mentor_id: int, programme: Programme) -> None:
    if not minors.may_meet(scene, mentee, mentor_id, programme):
        raise NotAllowed("these two may not meet yet")


def may_not_yet(turn: Turn, other: Person) -> bool:
    """Whether a mentor's yes comes too early for these two; they are told, and may say it again.

    What was there when the team or the mentee asked may be gone by then: the parents' agreement,
    or the mentor's own check.
    """
    if minors.may_meet(turn, other, turn.me.id, turn.programme):
        return False
    checked = minors.is_checked(turn, turn.me.id, turn.programme)
    said = "not-agreed-yet" if checked else "not-checked-yet"
    turn.text(said, name=turn.w.team(turn.programme.contact))
    return True


def introduce(scene: Scene, pair: Pair) -> None:
    """Introduce both sides to each other, each on the platform they use, and begin the rhythm.

    Raises:
        NotAllowed: They may not be put in touch, or not any more.
    """
    programme = scene.programme_of(pair.programme_id)
    mentee, mentor = both(scene, pair)
    _must_be_allowed(scene, mentee, mentor.id, programme)
    for person, role in ((mentee, "mentee"), (mentor, "mentor")):
        member = scene.uow.people.enrol(person.id, programme.id, role, now=scene.now)
        if pair.kind == "long_term":
            member.next_pair_at = None
    scene.uow.people.note(
        "pair-made",
        "pair",
        pair.id,
        actor_id=None,
        now=scene.now,
        mentee=mentee.id,
        mentor=mentor.id,
    )
    for done in _BEGINS:
        done(scene, pair)
    sides = (mentee, mentor)
    for me, other in (sides, sides[::-1]):
        scene.tell(
            me, _introduction(scene, pair, programme, me, other), key=f"intro:{pair.id}:{me.id}"
        )
    scene.tell_staff(
        programme,
        lambda w: Message(
            w(
                "staff-pair-made",
                mentee=mentee.name or "—",
                mentor=mentor.name or "—",
                number=pair.id,
            ),
            choices=() if pair.supervisor_id else supervision.take(w, pair),
        ),
        key=f"pair-made:{pair.id}",
        to=[one for one in scene.team(programme, "binomes") if one not in sides],
    )
    scene.uow.timers.put(
        key=f"pair-end:{pair.id}:1",
        kind="pair-end",
        subject_id=pair.id,
        due_at=pair.ends_at or scene.now,
        version=pair.version,
    )
    checkins.begin_rhythms(scene, pair, programme)
    guides.plan(scene, pair, programme)
    extensions.plan(scene, pair, programme)
    overrun.plan(scene, pair, programme)


# --- a pair made by the team waits for the mentor's yes -------------------------------------------


def _offer(
    scene: Scene, pair: Pair, text: str, until: datetime, *, key: str, priority: int = ANSWER
) -> None:
    """Ask the mentor of a pair made by the team for their yes, to the charter and to the pair."""
    programme = scene.programme_of(pair.programme_id)
    mentee, mentor = both(scene, pair)
    w = scene.words(mentor, programme)
    said = w(text, who=known_as(mentee, w, programme, named=False))
    charter = programme.pair.charter
    if charter is not None:
        said += "\n\n" + w.pick(charter.text)
    scene.tell(
        mentor,
        Message(
            title=w("charter-title" if charter is not None else "pair-offer-title"),
            text=said,
            choices=(
                act_choice(
                    w("charter-agree" if charter is not None else "accept"),
                    "pair-agree",
                    pair.id,
                    pair.version,
                    "primary",
                ),
                act_choice(w("decline"), "pair-decline", pair.id, pair.version),
            ),
            note=w("pair-offer-until", when=w.weekday(until)),
        ),
        key=key,
        priority=priority,
    )


@act("pair-agree", who="member")
def pair_agree(turn: Turn, number: int, version: int) -> None:
    """The mentor of a pair made by the team accepts the charter: now both are introduced (A-19)."""
    pair = _offered(turn, number)
    charter = turn.programme.pair.charter
    if pair is not None and may_not_yet(turn, turn.person(pair.mentee_id)):
        return
    if pair is not None and training.lacks(turn, turn.me, turn.programme):
        training.ask(turn)
        return
    if pair is None or not turn.uow.pairs.move(
        pair, version, lifecycle.move(lifecycle.PAIR, "proposed", "agree")
    ):
        turn.text("button-stale")
        return
    _no_deadline(turn, pair)
    if charter is not None:
        turn.uow.people.consent(
            turn.me.id, turn.programme.id, "charter", text=charter.read, now=turn.now
        )
    months = turn.programme.pair.months
    pair.started_at = turn.now
    pair.ends_at = months_later(turn.now, months, turn.programme.zone)
    turn.replace(Message(turn.w("charter-noted")))
    introduce(turn, pair)


@act("pair-decline", who="member")
def pair_decline(turn: Turn, number: int, version: int) -> None:
    """The mentor says no to a pair made by the team: the mentee never heard of it."""
    pair = _offered(turn, number)
    if pair is None or not _call_off(turn, pair, version):
        turn.text("button-stale")
        return
    turn.replace(Message(turn.w("declined-noted")))
    supervision.tell_staff(turn, pair, "staff-pair-declined", key=f"pair-declined:{pair.id}")


def _offered(turn: Turn, number: int) -> Pair | None:
    """A pair that waits for the yes of the person who acted, its mentor."""
    pair = access.own_pair(turn, number)
    return pair if pair.state == "proposed" and pair.mentor_id == turn.me.id else None


def _call_off(scene: Scene, pair: Pair, version: int) -> bool:
    """A pair that never began is over: its place is free again. False when it is too late."""
    state = lifecycle.move(lifecycle.PAIR, "proposed", "close")
    if not scene.uow.pairs.move(pair, version, state, ended_at=scene.now):
        return False
    _no_deadline(scene, pair)
    scene.uow.directory.give_place(pair.mentor_id, scene.now)
    return True


def _no_deadline(scene: Scene, pair: Pair) -> None:
    for kind in ("pair-nudge", "pair-lapse"):
        scene.uow.timers.cancel(kind, pair.id)


def call_off(scene: Scene, pair: Pair, *, told: str = "offer-was-withdrawn") -> bool:
    """Take a pair back that its mentor has not agreed to: they hear it, the mentee never knew.

    Args:
        scene: The cause.
        pair: In state `proposed`.
        told: What the mentor is told.

    Returns:
        False when the mentor was quicker.
    """
    if not _call_off(scene, pair, pair.version):
        return False
    mentor = scene.person(pair.mentor_id)
    w = scene.words(mentor, scene.programme_of(pair.programme_id))
    scene.tell(mentor, Message(w(told)), key=f"pair-off:{pair.id}", priority=REMINDER)
    return True


@due("pair-nudge")
def nudge(scene: Scene, timer: DueTimer) -> None:
    """The mentor has not answered the team's proposal yet: once more, kindly."""
    pair = scene.uow.pairs.get(timer.subject_id)
    if pair is None or pair.state != "proposed":
        return
    until = datetime.fromisoformat(timer.payload["until"])
    mentee, mentor = both(scene, pair)
    programme = scene.programme_of(pair.programme_id)
    if not minors.may_meet(scene, mentee, mentor.id, programme):
        return  # a yes could not be taken now; the deadline stays
    if training.unconfirmed(scene, mentor.id, programme):
        return  # they have said yes; the answer that is missing is the team's
    if until > scene.now:  # else the deadline is in the same breath
        _offer(scene, pair, "pair-offer-nudge", until, key=timer.key, priority=REMINDER)


@due("pair-lapse")
def lapse(scene: Scene, timer: DueTimer) -> None:
    """No answer from the mentor: the pair is called off, and the team can look for another."""
    pair = scene.uow.pairs.get(timer.subject_id)
    if pair is None or pair.state != "proposed":
        return
    programme = scene.programme_of(pair.programme_id)
    if training.unconfirmed(scene, pair.mentor_id, programme):
        until = scene.working_days(programme)
        _plan(scene, pair, "pair-lapse", until, until)
        return
    if call_off(scene, pair, told="pair-offer-lapsed"):
        supervision.tell_staff(scene, pair, "staff-pair-lapsed", key=f"pair-lapsed:{pair.id}")


@training.on_confirmed
def offer_again(scene: Scene, mentor: Person, programme: Programme) -> None:
    """The team has confirmed the training: the mentor may say yes now, with the time for it."""
    until = scene.now + checkins.days(programme.proposals.deadline_days)
    for pair in scene.uow.pairs.of_person(mentor.id, programme.id, ended=True):
        if pair.state == "proposed" and pair.mentor_id == mentor.id:
            _no_deadline(scene, pair)
            _offer(scene, pair, "pair-offer", until, key=f"pair-offer:{pair.id}:{until:%Y%m%d}")
            _plan(scene, pair, "pair-lapse", until, until)


# --- how they are introduced ----------------------------------------------------------------------


def _introduction(
    scene: Scene, pair: Pair, programme: Programme, me: Person, other: Person
) -> Message:
    w, name = scene.words(me, programme), first_name(other, programme)
    mine = me.id == pair.mentee_id
    who = card(scene, other, programme) if mine else known_as(other, w, programme)
    key = "intro-mentee" if mine else "intro-mentor"
    text = w(
        key if pair.kind == "long_term" else f"{key}-one-off", who=who, months=programme.pair.months
    )
    if programme.pair.introduction and pair.kind == "long_term":
        text += "\n\n" + w.pick(programme.pair.introduction)
    choices = [
        act_choice(w("write-to", name=name), "write", pair.id, pair.version, "primary"),
    ]
    if programme.objective is not None and pair.kind == "long_term":
        choices.append(act_choice(w("objective-propose"), "objective", pair.id, pair.version))
    choices.append(act_choice(w("meeting-set"), "meeting", pair.id, pair.version))
    if minors.protects(scene, pair):
        text += "\n\n" + w("intro-protected", n=programme.retention.safeguarding)
        return Message(
            title=w("intro-title"),
            text=text,
            choices=tuple(choices),
            quiet=(act_choice(w("flag"), "flag-partner", pair.id, pair.version),),
            note=w("intro-note-protected"),
        )
    return Message(
        title=w("intro-title"),
        text=text,
        choices=tuple(choices),
        quiet=(act_choice(w("show-email", name=name), "show-email", pair.id, pair.version),),
        note=w("intro-note"),
    )


# --- where a pair stands --------------------------------------------------------------------------


@command("rdv", alias="meeting", who="member")
def rdv(turn: Turn, args: str) -> None:
    """My pair: next meeting, objective, writing, pausing."""
    mine = [p for p in turn.uow.pairs.of_person(turn.me.id) if p.programme_id in turn.programmes]
    if not mine:
        turn.say(referrals.without_pair(turn))
        return
    if args:
        meetings.set_by_words(turn, mine, args)
        return
    for pair in mine:
        turn.enter(turn.programme_of(pair.programme_id))
        turn.say(standing(turn, pair))


def standing(turn: Turn, pair: Pair) -> Message:
    """A pair as one of its sides sees it."""
    w = turn.w
    other = turn.person(access.partner_of(turn, pair))
    name = first_name(other, turn.programme)
    lines = []
    agreed = next((o for o in turn.uow.pairs.objectives(pair.id) if o.state == "approved"), None)
    if agreed is not None:
        lines.append(Line(label=w("objective-label"), text=turn.uow.pairs.objective_text(agreed)))
    meeting = meetings.coming(turn, pair, turn.zone(turn.me, turn.programme))
    if meeting is not None:
        lines.append(Line(label=w("meeting-label"), text=meetings.when(meeting, w)))
    upcoming = checkins.next_prompt(turn, pair, turn.me.id)
    if upcoming is not None and pair.state == "active":
        lines.append(Line(label=w("checkin-next-label"), text=w.weekday(upcoming)))
    shown = pair.mentor_shows if turn.me.id == pair.mentee_id else pair.mentee_shows
    if shown and not minors.protects(turn, pair):
        lines.append(Line(label=w("email-label"), text=shown))
    if pair.ends_at is not None:
        lines.append(Line(label=w("pair-until-label"), text=w.day(pair.ends_at)))
    choices: list[Choice] = [
        act_choice(w("write-to", name=name), "write", pair.id, pair.version, "primary"),
        act_choice(w("meeting-set"), "meeting", pair.id, pair.version),
    ]
    if turn.programme.objective is not None and pair.kind == "long_term":
        key = "objective-change" if agreed else "objective-propose"
        choices.append(act_choice(w(key), "objective", pair.id, pair.version))
    choices.extend(extensions.choices(turn, pair))
    quiet: list[Choice] = []
    if pair.state == "paused":
        quiet.append(act_choice(w("pair-resume"), "pair-resume", pair.id, pair.version))
    elif upcoming is not None:
        rhythm = checkins.rhythm_version(turn, pair, turn.me.id)
        quiet.append(act_choice(w("checkin-skip"), "skip-next", pair.id, rhythm))
        quiet.append(act_choice(w("checkin-later"), "later-next", pair.id, rhythm))
        quiet.append(act_choice(w("pair-pause"), "pair-pause", pair.id, pair.version))
    if pair.state in ("active", "paused"):
        if turn.me.id == pair.mentor_id:
            quiet.append(act_choice(w("beyond"), "beyond", pair.id, pair.version))
        elif pair.kind == "long_term":
            quiet.append(run_choice(w("referral-ask"), "orienter", str(pair.id)))
        quiet.append(act_choice(w("pair-end"), "pair-stop", pair.id, pair.version))
    return Message(
        title=w("pair-title", name=minors.called(other, turn.programme)),
        text=w(f"pair-is-{pair.state}"),
        lines=tuple(lines),
        choices=tuple(choices),
        quiet=tuple(quiet),
    )


@act("pair-pause", who="member")
def pause_pair(turn: Turn, number: int, version: int) -> None:
    """No prompts until one of the two resumes; both know."""
    _shift(turn, number, version, "pause", "pair-paused")


@act("pair-resume", who="member")
def resume_pair(turn: Turn, number: int, version: int) -> None:
    """The rhythm goes on from now."""
    pair = _shift(turn, number, version, "resume", "pair-resumed")
    if pair is not None:
        checkins.replan(turn, pair)


def _shift(turn: Turn, number: int, version: int, event: str, told: str) -> Pair | None:
    pair = access.own_pair(turn, number)
    try:
        state = lifecycle.move(lifecycle.PAIR, pair.state, event)
    except NotAllowed:
        turn.say(standing(turn, pair))
        return None
    if not turn.uow.pairs.move(pair, version, state):
        turn.say(standing(turn, pair))
        return None
    other = turn.person(access.partner_of(turn, pair))
    w = turn.words(other, turn.programme)
    said = w(f"{told}-by-other", name=first_name(turn.me, turn.programme))
    turn.show(other, Message(said), what=told)
    turn.say(
        Message(
            turn.w(told),
            choices=(run_choice(turn.w("see-pair"), "rdv"),),
        )
    )
    return pair
