"""The end of a pair: its rhythm stops, the mentor's place is free, both are asked what it was.

This module does not know who wished it, nor who comes next: that is `partings`.

Source: A-05, A-21.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot import access, lifecycle
from bot.dialogue.engine import Given
from bot.dialogues import begin, on_completed, told
from bot.flows import afterwards, checkins, pairs, supervision
from bot.followup import due
from bot.messages import Message
from bot.turn import REMINDER, Scene, Turn
from storage.tables import Conversation, Pair
from storage.timers import DueTimer

CLOSING_DAYS = 14  # answers to the closing questions are taken that long


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
    mentee, mentor = pairs.both(scene, pair)
    until = scene.now + checkins.days(CLOSING_DAYS)
    for person, role in ((mentee, "mentee"), (mentor, "mentor")):
        w = scene.words(person, programme)
        other = mentor if role == "mentee" else mentee
        scene.tell(
            person,
            Message(w("pair-ended", name=pairs.first_name(other, programme))),
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
