"""A pair's life.

The introduction, what each shows of themselves, the objective, letters, pause and end.

A pair may be one person on Slack and one on Telegram: they write to each other through the bot,
without exchanging addresses. When and what they are asked about their meetings is `checkins`.

Source: A-05, A-18, A-19, A-20, A-24; X-19.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from bot import access, lifecycle, minors
from bot.commands.registry import act, command
from bot.dialogue.engine import Given
from bot.dialogues import act_choice, begin, on_completed, run_choice, told
from bot.errors import NotAllowed
from bot.flows import (
    afterwards,
    checkins,
    extensions,
    guides,
    meetings,
    overrun,
    supervision,
    training,
)
from bot.followup import due
from bot.i18n import Words
from bot.messages import Choice, Line, Message
from bot.programmes.schema import Programme
from bot.rhythm import months_later
from bot.turn import ANSWER, REMINDER, Scene, Turn
from storage.tables import Conversation, Pair, Person, Request
from storage.timers import DueTimer

ONE_OFF_MONTHS = 1  # a one-off talk is followed up and closed after that long
CLOSING_DAYS = 14  # answers to the closing questions are taken that long

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
    for kind, due_at in (("pair-nudge", nudge_at), ("pair-lapse", until)):
        scene.uow.timers.put(
            key=f"{kind}:{pair.id}",
            kind=kind,
            subject_id=pair.id,
            due_at=due_at,
            payload={"until": until.isoformat()},
        )
    return pair


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
    if not minors.may_meet(scene, mentee, mentor.id, scene.programme_of(pair.programme_id)):
        return  # a yes could not be taken now; the deadline stays
    if until > scene.now:  # else the deadline is in the same breath
        _offer(scene, pair, "pair-offer-nudge", until, key=timer.key, priority=REMINDER)


@due("pair-lapse")
def lapse(scene: Scene, timer: DueTimer) -> None:
    """No answer from the mentor: the pair is called off, and the team can look for another."""
    pair = scene.uow.pairs.get(timer.subject_id)
    if pair is None or pair.state != "proposed":
        return
    scene.programme_of(pair.programme_id)
    if call_off(scene, pair, told="pair-offer-lapsed"):
        supervision.tell_staff(scene, pair, "staff-pair-lapsed", key=f"pair-lapsed:{pair.id}")


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
        turn.text("no-pair-yet")
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


# --- the end --------------------------------------------------------------------------------------


@due("pair-end")
def end_of_pair(scene: Scene, timer: DueTimer) -> None:
    """The planned end has come: closing questions to both sides."""
    pair = scene.uow.pairs.get(timer.subject_id)
    if pair is None or pair.state not in ("active", "paused"):
        return
    if pair.ends_at is not None and pair.ends_at > scene.now:
        return  # extended in the meantime; that has its own timer
    close(scene, pair, "term")


def stop(scene: Scene, pair: Pair) -> None:
    """It is over: no prompt and no guide any more, and the mentor's place is free."""
    checkins.stop_rhythms(scene, pair)
    scene.uow.timers.cancel("pair-end", pair.id)
    for kind in ("guide", "extend-ask", "overrun"):
        scene.uow.timers.cancel(kind, pair.id)
    scene.uow.directory.give_place(pair.mentor_id, scene.now)


def close(scene: Scene, pair: Pair, outcome: str) -> None:
    """Stop the rhythm, free the place, thank both and ask the closing questions.

    Args:
        scene: The cause.
        pair: Active or paused.
        outcome: One of `lifecycle.OUTCOMES`.
    """
    programme = scene.programme_of(pair.programme_id)
    if outcome == "ended" and scene.uow.care.turned(pair.id):
        outcome = "referred"  # not an early end, a step on
    state = lifecycle.move(lifecycle.PAIR, pair.state, "end")
    if not scene.uow.pairs.move(pair, pair.version, state, ended_at=scene.now, outcome=outcome):
        return
    stop(scene, pair)
    afterwards.plan(scene, pair, programme)
    mentee, mentor = both(scene, pair)
    until = scene.now + checkins.days(CLOSING_DAYS)
    for person, role in ((mentee, "mentee"), (mentor, "mentor")):
        w = scene.words(person, programme)
        other = mentor if role == "mentee" else mentee
        scene.tell(
            person,
            Message(w("pair-ended", name=first_name(other, programme))),
            key=f"pair-ended:{pair.id}:{person.id}",
            priority=REMINDER,
        )
        if programme.closing is None or role not in programme.closing.to:
            continue
        if pair.kind != "long_term":
            continue  # one question, once: nothing to look back on
        _, said = begin(scene, person, programme, "closing", about_id=pair.id, closes_at=until)
        for number, message in enumerate(said):
            scene.tell(
                person, message, key=f"closing:{pair.id}:{person.id}:{number}", priority=REMINDER
            )
    scene.uow.timers.put(
        key=f"pair-closed:{pair.id}",
        kind="pair-closed",
        subject_id=pair.id,
        due_at=until,
        version=pair.version,
    )


@due("pair-closed")
def closed_pair(scene: Scene, timer: DueTimer) -> None:
    """The window for closing answers is over."""
    pair = scene.uow.pairs.get(timer.subject_id)
    if pair is not None and pair.state == "closing":
        scene.uow.pairs.move(pair, pair.version, lifecycle.move(lifecycle.PAIR, "closing", "close"))


@on_completed("closing")
def closing_answered(turn: Turn, talk: Conversation, answers: Mapping[str, Given]) -> None:
    """Kept with the dialogue; when both have answered the pair is closed."""
    pair = access.own_pair(turn, talk.about_id or 0)
    turn.text("closing-thanks")
    closing = turn.programme.closing
    if closing is not None and turn.me.id == pair.mentee_id and closing.turned(answers):
        pair.outcome = "referred"
    if closing is not None and closing.alerts(answers):
        supervision.tell_staff(
            turn,
            pair,
            "staff-closing-alert",
            key=f"closing-alert:{talk.id}",
            lines=lambda w: told(closing, answers, w),
            words_of=turn.me.id,
        )
    others = turn.uow.talks.latest(
        access.partner_of(turn, pair), pair.programme_id, "closing", status="open"
    )
    if pair.state == "closing" and (others is None or others.about_id != pair.id):
        turn.uow.pairs.move(pair, pair.version, lifecycle.move(lifecycle.PAIR, "closing", "close"))
        turn.uow.timers.cancel("pair-closed", pair.id)
