"""Once a meeting is over: each side says whether it took place, with one tap.

Neither hears what the other said; the team, whoever follows the pair and the teacher see both, and
where they differ; whoever follows the pair is told so in the next digest. This module decides
nothing from it but the state of the meeting, and only where both say the same.

Source: J-20; what peers' users complain of, row 3.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from bot import access, minors
from bot.commands.registry import act
from bot.dialogues import act_choice
from bot.flows import meetings
from bot.followup import due
from bot.i18n import Words
from bot.messages import Choice, Line, Message
from bot.turn import REMINDER, Scene, Turn
from storage.kept import Held
from storage.tables import Meeting, Pair
from storage.timers import DueTimer

ANSWERABLE: Final = timedelta(days=21)  # later nobody remembers, and the next one counts
SHOWN: Final = 6
STATES: Final = {"kept": "held", "called_off": "cancelled", "missed": "missed"}
"""What both say of a meeting → its state."""


@due("meeting-ask")
def ask(scene: Scene, timer: DueTimer) -> None:
    """The meeting is over: both sides are asked, each in their waking hours."""
    meeting = scene.uow.pairs.meeting(timer.subject_id)
    if meeting is None or meeting.sequence != timer.version or meeting.state != "planned":
        return
    pair = scene.uow.pairs.get(meeting.pair_id)
    if pair is None or pair.state == "closed":
        return
    programme = scene.programme_of(pair.programme_id)
    if not programme.pair.ask_after_meetings:
        return
    sides = (pair.mentee_id, pair.mentor_id)
    for me, other in (sides, sides[::-1]):
        person, partner = scene.person(me), scene.person(other)
        w = scene.words(person, programme)
        scene.tell(
            person,
            Message(
                w(
                    "after-ask",
                    name=minors.called(partner, programme),
                    when=meetings.when(meeting, w),
                ),
                choices=_choices(w, meeting),
                note=w("after-ask-note", name=minors.called(partner, programme)),
            ),
            key=f"{timer.key}:{me}",
            priority=REMINDER,
            expires_at=scene.now + ANSWERABLE,
        )


def _choices(w: Words, meeting: Meeting) -> tuple[Choice, ...]:
    verbs = {"kept": "kept-yes", "called_off": "kept-off", "missed": "kept-no"}
    return tuple(
        act_choice(w(f"after-say-{said}"), verb, meeting.id, meeting.sequence)
        for said, verb in verbs.items()
    )


@act("kept-yes", who="member")
def kept(turn: Turn, number: int, version: int) -> None:
    """It took place."""
    _say(turn, number, version, "kept")


@act("kept-off", who="member")
def called_off(turn: Turn, number: int, version: int) -> None:
    """It was called off or put off beforehand: nobody waited."""
    _say(turn, number, version, "called_off")


@act("kept-no", who="member")
def missed(turn: Turn, number: int, version: int) -> None:
    """It was planned, and did not take place."""
    _say(turn, number, version, "missed")


@act("kept-again", who="member")
def again(turn: Turn, number: int, version: int) -> None:
    """I said something else than I meant."""
    meeting, pair = access.own_meeting(turn, number)
    if not _answerable(turn, meeting, version):
        turn.text("button-stale")
        return
    other = turn.person(access.partner_of(turn, pair))
    asked = Message(
        turn.w(
            "after-ask",
            name=minors.called(other, turn.programme),
            when=meetings.when(meeting, turn.w),
        ),
        choices=_choices(turn.w, meeting),
    )
    if not turn.replace(asked):
        turn.say(asked)


def _answerable(turn: Turn, meeting: Meeting, version: int) -> bool:
    """Whether it is the meeting that was asked about, over, and not too long ago."""
    ago = turn.now - meeting.starts_at
    return meeting.sequence == version and timedelta(0) <= ago <= ANSWERABLE


def _say(turn: Turn, number: int, version: int, said: str) -> None:
    meeting, pair = access.own_meeting(turn, number)
    if not _answerable(turn, meeting, version):
        turn.text("button-stale")
        return
    words = turn.uow.kept.say(meeting.id, turn.me.id, said, turn.now)
    both = {words.get(pair.mentee_id), words.get(pair.mentor_id)}
    meeting.state = STATES[said] if both == {said} else "planned"
    if len(both - {None}) > 1:
        turn.uow.kept.stirred.add(pair.programme_id)
    turn.note("meeting-said", "meeting", meeting.id, said=said)
    w = turn.w
    noted = Message(
        w(f"after-noted-{said}", when=meetings.when(meeting, w)),
        choices=(act_choice(w("meeting-set"), "meeting", pair.id, pair.version),)
        if said != "kept" and pair.state in ("active", "paused")
        else (),
        quiet=(act_choice(w("after-again"), "kept-again", meeting.id, meeting.sequence),),
    )
    if not turn.replace(noted):
        turn.say(noted)


# --- for those who follow a pair ------------------------------------------------------------------


def told_of(turn: Turn, pair: Pair) -> list[Line]:
    """What each side said of the last meetings of a pair, and where they differ."""
    w = turn.w
    over = turn.uow.kept.over([pair.id], turn.now).get(pair.id, [])
    told = [held for held in over if held.words][:SHOWN]
    return [
        Line(
            label=w("after-label", when=meetings.when(held.meeting, w)),
            text=_told(turn, pair, held),
        )
        for held in told
    ]


def _told(turn: Turn, pair: Pair, held: Held) -> str:
    w = turn.w
    said = [
        w(
            f"after-is-{held.words.get(side, 'unknown')}",
            name=turn.person(side).name or "—",
        )
        for side in (pair.mentee_id, pair.mentor_id)
    ]
    if held.outcome == "differ":
        said.append(w("after-differ"))
    return "\n".join(said)
