"""« Hors de mon rôle »: a mentor's private word to the team, that this asks more than a volunteer.

The team hears it at once and has so many working days to answer; it is reminded until somebody
says that they did. The mentee learns nothing of it, neither here nor in what they can take out.

Source: A-19.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot import access, lifecycle, minors
from bot.commands.registry import act
from bot.dialogue.engine import Given
from bot.dialogues import act_choice, for_staff, free_words, on_completed, run_choice, start
from bot.errors import NotAllowed
from bot.flows.supervision import supervisor, tell_staff
from bot.followup import due
from bot.i18n import Words
from bot.messages import Choice, Line, Message
from bot.turn import Scene, Turn
from storage.tables import Beyond, Conversation, Pair
from storage.timers import DueTimer

free_words("beyond")


def _mine(turn: Turn, number: int) -> Pair:
    """A pair that the person who acted goes along with as its mentor."""
    pair = access.own_pair(turn, number)
    if pair.mentor_id != turn.me.id:
        raise NotAllowed("for the mentor only")
    return pair


@act("beyond", who="member")
def beyond(turn: Turn, number: int, version: int) -> None:
    """What it means, and two ways to say it: with a tap, or in one's own words."""
    pair = _mine(turn, number)
    w = turn.w
    mentee = turn.person(pair.mentee_id)
    turn.say(
        Message(
            title=w("beyond"),
            text=w("beyond-sure", name=minors.called(mentee, turn.programme)),
            choices=(
                act_choice(w("beyond-yes"), "beyond-yes", pair.id, pair.version, "primary"),
                act_choice(w("beyond-words"), "beyond-words", pair.id, pair.version),
                run_choice(w("referral-suggest"), "orienter", str(pair.id)),
            ),
            quiet=(run_choice(w("beyond-no"), "rdv"),),
        )
    )


@act("beyond-yes", who="member")
def say(turn: Turn, number: int, version: int) -> None:
    """Without a word more."""
    _pass_on(turn, _mine(turn, number), "")


@act("beyond-words", who="member")
def say_in_words(turn: Turn, number: int, version: int) -> None:
    """In one's own words."""
    start(turn, "beyond", about_id=_mine(turn, number).id)


@on_completed("beyond")
def said(turn: Turn, talk: Conversation, answers: Mapping[str, Given]) -> None:
    """The words go to the team, and stay with the mentor's own dialogue."""
    pair = _mine(turn, talk.about_id or 0)
    _pass_on(turn, pair, str(answers.get("words", "")))


def _pass_on(turn: Turn, pair: Pair, words: str) -> None:
    """The team knows at once; the mentor knows who answers, and by when."""
    programme = turn.programme
    waiting = next((b for b in turn.uow.care.beyond_of(pair.id) if b.state == "open"), None)
    if waiting is not None and not words:  # pressed twice: the team knows
        _answered_by(turn, pair, waiting)
        return
    row = waiting or turn.uow.care.say_beyond(
        Beyond(
            pair_id=pair.id,
            author_id=turn.me.id,
            said_at=turn.now,
            due_at=turn.working_days(programme),
        )
    )
    _plan(turn, row)
    turn.note("beyond-said", "pair", pair.id, beyond=row.id)
    tell_staff(
        turn,
        pair,
        "staff-beyond",
        key=f"beyond:{row.id}:{turn.event.id}",
        lines=lambda w: (Line(text=for_staff(words, w)),) if words else (),
        choices=lambda w: (done(w, row),),
        when=turn.words(turn.me, programme).weekday(row.due_at),
    )
    _answered_by(turn, pair, row)


def _answered_by(turn: Turn, pair: Pair, row: Beyond) -> None:
    w = turn.w
    person = supervisor(turn, pair)
    name = person.name if person is not None and person.name else w.team(turn.programme.contact)
    turn.say(Message(w("beyond-told", name=name, when=w.weekday(row.due_at))))


def done(w: Words, row: Beyond) -> Choice:
    """The button by which somebody of the team says that they have answered."""
    return act_choice(w("staff-beyond-done"), "beyond-done", row.id, row.version, "primary")


def _plan(scene: Scene, row: Beyond) -> None:
    scene.uow.timers.put(
        key=f"beyond-due:{row.id}:{row.due_at.isoformat()}",
        kind="beyond-due",
        subject_id=row.id,
        due_at=row.due_at,
    )


@act("beyond-done", who="supervisor", of="binomes")
def answered(turn: Turn, number: int, version: int) -> None:
    """Somebody of the team says that they have answered the mentor, who hears it."""
    row, pair = access.staff_beyond(turn, number)
    if row.state != "open" or row.version != version:
        turn.text("staff-beyond-answered")
        return
    state = lifecycle.move(lifecycle.BEYOND, row.state, "answer")
    if not turn.uow.care.answer_beyond(row, version, state, by_id=turn.me.id, now=turn.now):
        turn.text("staff-beyond-answered")
        return
    turn.uow.timers.cancel("beyond-due", row.id)
    turn.note("beyond-answered", "pair", pair.id, beyond=row.id)
    mentor = turn.person(row.author_id)
    w = turn.words(mentor, turn.programme)
    turn.tell(
        mentor,
        Message(
            w("beyond-answered", name=turn.me.name or w.team(turn.programme.contact)),
            quiet=(act_choice(w("beyond-again"), "beyond", pair.id, pair.version),),
        ),
        key=f"beyond-answered:{row.id}",
    )
    turn.text("staff-beyond-noted")


@due("beyond-due")
def late(scene: Scene, timer: DueTimer) -> None:
    """The promised days are over: the whole team hears it, again and again, until one answers."""
    row = scene.uow.care.beyond(timer.subject_id)
    pair = scene.uow.pairs.get(row.pair_id) if row is not None else None
    if row is None or pair is None or row.state != "open":
        return
    programme = scene.programme_of(pair.programme_id)
    tell_staff(
        scene,
        pair,
        "staff-beyond-late",
        key=timer.key,
        choices=lambda w: (done(w, row),),
        everybody=True,
        n=max((scene.now - row.said_at).days, 1),
    )
    row.due_at = scene.working_days(programme)
    _plan(scene, row)
