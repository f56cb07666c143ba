"""Some months after the end of a pair: what has it become? One short questionnaire, once.

Asked of those whom the file names, unless they said after an earlier pair that they want no such
questions. Who was erased is not asked, for their pairs went with them.

Source: A-06; features of others, "follow-up three months after the end".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from bot import access, lifecycle, minors
from bot.commands.registry import act
from bot.dialogue.engine import Given
from bot.dialogues import act_choice, begin, on_completed, run_choice, told
from bot.errors import NotAllowed
from bot.flows.supervision import tell_staff
from bot.followup import due
from bot.messages import Message
from bot.programmes.schema import Programme
from bot.rhythm import months_later
from bot.turn import MASS, Scene, Turn
from storage.tables import Conversation, FollowUp, Pair
from storage.timers import DueTimer


def plan(scene: Scene, pair: Pair, programme: Programme) -> None:
    """When the questions come, after the end that is now."""
    if programme.followup is None or pair.kind != "long_term":
        return
    scene.uow.timers.put(
        key=f"followup:{pair.id}",
        kind="followup",
        subject_id=pair.id,
        due_at=months_later(scene.now, programme.followup.months, programme.zone),
    )


@due("followup")
def ask(scene: Scene, timer: DueTimer) -> None:
    """The questions to each side they are for; nobody is reminded of them."""
    pair = scene.uow.pairs.get(timer.subject_id)
    if pair is None or pair.state not in ("closing", "closed"):
        return
    programme = scene.programme_of(pair.programme_id)
    rules = programme.followup
    if rules is None:
        return
    until = scene.now + timedelta(days=rules.open_days)
    for role, person_id in (("mentee", pair.mentee_id), ("mentor", pair.mentor_id)):
        if role not in rules.to or scene.uow.care.followup(pair.id, person_id) is not None:
            continue
        if scene.uow.care.wants_no_questions(person_id, programme.id):
            continue
        person = scene.person(person_id)
        if minors.missing(scene, person, programme) is not None:
            continue  # nothing is asked of a minor whose parents have withdrawn
        talk, said = begin(scene, person, programme, "followup", about_id=pair.id, closes_at=until)
        scene.uow.care.ask_after(
            FollowUp(
                pair_id=pair.id, person_id=person_id, conversation_id=talk.id, asked_at=scene.now
            )
        )
        w = scene.words(person, programme)
        never = act_choice(w("followup-never"), "followup-never", pair.id, 1)
        said[-1:] = [replace(m, quiet=(*m.quiet, never)) for m in said[-1:]]
        for number, message in enumerate(said):
            scene.tell(
                person,
                message,
                key=f"followup:{pair.id}:{person.id}:{number}",
                priority=MASS,
                expires_at=until,
            )


def _mine(turn: Turn, number: int) -> FollowUp:
    pair = access.own_pair(turn, number)
    row = turn.uow.care.followup(pair.id, turn.me.id)
    if row is None:
        raise NotAllowed("never asked")
    return row


@act("followup-never", who="member")
def never(turn: Turn, number: int, version: int) -> None:
    """No such questions any more, in this programme."""
    row = _mine(turn, number)
    if row.state != "asked":
        turn.text("button-stale")
        return
    row.state = lifecycle.move(lifecycle.FOLLOW_UP, row.state, "refuse")
    talk = turn.uow.talks.get(row.conversation_id or 0)
    if talk is not None and talk.status == "open":
        talk.status = "cancelled"
    if talk is not None and turn.me.focus_id == talk.id:
        turn.me.focus_id = None
    turn.note("followup-refused", "pair", number)
    turn.replace(Message(turn.w("followup-never-noted")))


@on_completed("followup")
def answered(turn: Turn, talk: Conversation, answers: Mapping[str, Given]) -> None:
    """Kept with the pair; the team hears what calls for it."""
    row = _mine(turn, talk.about_id or 0)
    row.state = lifecycle.move(lifecycle.FOLLOW_UP, row.state, "answer")
    rules = turn.programme.followup
    pair = turn.uow.pairs.get(row.pair_id)
    if rules is None or pair is None or not rules.alerts(answers):
        turn.text("followup-thanks")
    else:
        told_to = turn.w.team(turn.programme.contact)
        ask_help = run_choice(turn.w("menu-help-me"), "besoin")
        turn.say(Message(turn.w("followup-thanks-told", name=told_to), choices=(ask_help,)))
        tell_staff(
            turn,
            pair,
            "staff-followup-alert",
            key=f"followup-alert:{talk.id}",
            lines=lambda w: told(rules, answers, w),
            words_of=turn.me.id,
        )
