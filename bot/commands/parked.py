"""What could not be said, or perhaps was not, and what could not be heard: shown to staff, who act.

Staff of the programme concerned see to whom, what it was in words, when and why, never what it
says. Sending again keeps the row, so that a later look-up at the platform still knows it. Of what
is new they are told once a day, in the programme's waking hours.

Source: delivery protocol, states `in_doubt`, `failed`, `unreachable` and `rejected: poison`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from bot import access
from bot.commands.registry import act, command
from bot.dialogues import act_choice, run_choice
from bot.followup import due
from bot.i18n import Words
from bot.kinds import Kinds, belonging
from bot.messages import Line, Message
from bot.programmes.schema import Programme
from bot.rhythm import into_waking_hours, to_utc
from bot.turn import Scene, Turn
from storage.inbox import GivenUp
from storage.outbox import Parked
from storage.subjects import programmes_of
from storage.timers import DueTimer
from storage.words import number

SHOWN: Final = 5  # each with its own buttons
MOST: Final = 2000  # rows looked at
SOON: Final = timedelta(minutes=10)  # what fails together is told together
MORNING: Final = time(9)
STATES: Final = ("in_doubt", "failed", "unreachable")

WHY: Final[Mapping[str, str]] = {
    "timeout": "timeout",
    "interrupted": "timeout",
    "no look-up": "no-look-up",
    "cannot be looked up": "no-look-up",
    "not found, not proved absent": "no-look-up",
    "too many messages since": "no-look-up",
    "too many tries": "too-many-tries",
    "unreachable": "unreachable",
    "restored": "restored",
    "too large": "too-large",
    "msg_too_long": "too-large",
    "message is too long": "too-large",
    "unreadable message": "malformed",
    "no target": "malformed",
    "no file": "malformed",
    "a home is no message": "malformed",
}
"""What the delivery and the platforms' senders write as a reason, and the words for it."""
_CODE = re.compile(r"[A-Za-z0-9_ .:,'’()/-]{1,80}")


# --- what there is --------------------------------------------------------------------------------


def _of(scene: Scene, programme: Programme) -> tuple[list[Parked], Kinds]:
    """What waits for the staff of a programme, newest first."""
    rows = scene.uow.outbox.parked(MOST)
    kinds = Kinds(scene.uow, scene.bot.programmes, [row.dedup_key for row in rows])
    whose = belonging(scene.uow, kinds, [(row.dedup_key, row.person_id) for row in rows])
    mine = [row for row in rows if programme.id in whose[row.dedup_key, row.person_id]]
    return mine, kinds


def _unheard(scene: Scene, programme: Programme) -> list[tuple[GivenUp, int | None]]:
    """What people of a programme wrote in vain; of an unknown author nobody knows the programme."""
    rows = [(row, _author(scene, row)) for row in scene.uow.inbox.given_up(MOST)]
    roles = programmes_of(scene.uow.session, [who for _, who in rows if who is not None])
    return [(row, who) for row, who in rows if who is None or programme.id in roles.get(who, ())]


def _author(scene: Scene, row: GivenUp) -> int | None:
    if row.person_id is not None or row.author is None:
        return row.person_id
    platform, _, account = row.author.partition(":")
    return scene.uow.people.owner_of(platform, account)


def _counts(rows: Sequence[Parked], unheard: int, w: Words) -> list[str]:
    found = Counter(row.state for row in rows)
    said = [w(f"parked-{s.replace('_', '-')}", n=found[s]) for s in STATES if found[s]]
    return [*said, w("parked-unheard", n=unheard)] if unheard else said


@command("envois", alias="deliveries", who="staff")
def envois(turn: Turn, args: str) -> None:
    """What is in doubt, failed or unreachable, newest first; with a number, what is older."""
    w = turn.w
    rows, kinds = _of(turn, turn.programme)
    unheard = _unheard(turn, turn.programme)
    if not rows and not unheard:
        turn.say(Message(w("parked-none")), here=True)
        return
    before = number(args)
    left = [row for row in rows if before is None or row.id < before]
    shown = left[:SHOWN]
    names = turn.uow.people.names(
        number
        for number in [*(row.person_id for row in shown), *(who for _, who in unheard[:SHOWN])]
        if number is not None
    )
    turn.say(
        Message(
            title=w("parked-title"),
            text="\n".join(_counts(rows, len(unheard), w)),
            lines=tuple(
                Line(
                    label=names.get(who or 0) or "—",
                    text=w("parked-unheard-line", when=w.moment(row.received_at), number=row.id),
                )
                for row, who in (unheard[:SHOWN] if before is None else [])
            ),
            choices=(run_choice(w("parked-older"), "envois", str(shown[-1].id)),)
            if len(left) > SHOWN
            else (),
        ),
        here=True,
    )
    for row in shown:
        turn.say(_one(turn, row, kinds.words(row.dedup_key, w), names), here=True)


def _one(turn: Turn, row: Parked, what: str, names: Mapping[int, str]) -> Message:
    w = turn.w
    late = row.expires_at is not None and row.expires_at <= turn.now
    lines = [
        w(
            "parked-when",
            when=w.moment(row.claimed_at or row.created_at),
            platform=row.bot_account.partition(":")[0].capitalize(),
        ),
        _why(row, w),
    ]
    if late and row.needs_a_word:
        lines.append(w("parked-late"))
    again = act_choice(w("parked-resend"), "resend", row.id, row.version, "primary")
    leave = act_choice(w("parked-leave"), "leave", row.id, row.version)
    return Message(
        title=w("parked-one", person=names.get(row.person_id or 0) or "—", what=what),
        text="\n".join(lines),
        choices=(again,) if row.needs_a_word and not late else (),
        quiet=(leave,) if row.needs_a_word else (),
        notice=w("parked-title"),
    )


def _why(row: Parked, w: Words) -> str:
    """Why, in words; a code of the platform's that has none is quoted, if it looks like one."""
    reason = row.reason or ""
    code = reason if _CODE.fullmatch(reason) else "—"
    return w(f"why-{_reason(row)}", code=code)


def _reason(row: Parked) -> str:
    if row.state == "unreachable":
        return "unreachable"
    return WHY.get((row.reason or "").lower(), "doubt" if row.state == "in_doubt" else "refused")


# --- staff decide ---------------------------------------------------------------------------------


@act("resend", who="staff", of="envois")
def resend(turn: Turn, number: int, version: int) -> None:
    """Send it again, as the same message."""
    row = access.staff_message(turn, number)
    if row.expires_at is not None and row.expires_at <= turn.now:
        turn.text("parked-late")
    elif row.version != version or not turn.uow.outbox.resend(row, turn.now):
        turn.text("parked-settled")
    else:
        turn.note("message-resent", "outbox", row.id, before=row.state)
        _settled(turn, row, "parked-resent")


@act("leave", who="staff", of="envois")
def leave(turn: Turn, number: int, version: int) -> None:
    """Let it be: it will not be sent."""
    row = access.staff_message(turn, number)
    if row.version != version or not turn.uow.outbox.leave(row):
        turn.text("parked-settled")
    else:
        turn.note("message-left", "outbox", row.id, before=row.state)
        _settled(turn, row, "parked-left")


def _settled(turn: Turn, row: Parked, said: str) -> None:
    names = turn.uow.people.names([row.person_id] if row.person_id else [])
    done = Message(turn.w(said, name=names.get(row.person_id or 0) or "—"))
    if not turn.replace(done):
        turn.say(done, here=True)


# --- news, once a day -----------------------------------------------------------------------------


def plan_news(scene: Scene, messages: Iterable[tuple[str, int | None]]) -> None:
    """Something new waits for staff: tell them in a while, at most once a day.

    Args:
        scene: The cause.
        messages: Key and person of each.
    """
    every = list(messages)
    kinds = Kinds(scene.uow, scene.bot.programmes, [key for key, _ in every])
    whose = belonging(scene.uow, kinds, every)
    for programme_id in sorted(set().union(*whose.values()) & scene.bot.programmes.keys()):
        programme = scene.programme_of(programme_id)
        soon = scene.now + SOON
        today = soon.astimezone(ZoneInfo(programme.zone)).date()
        morning = to_utc(datetime.combine(today + timedelta(days=1), MORNING), programme.zone)
        for at in (soon, morning):  # told today already: tomorrow
            awake = into_waking_hours(at, programme.zone, programme.quiet)
            key = _key(programme, awake)
            planned = scene.uow.timers.put(
                key=key,
                kind="parked",
                subject_id=0,
                due_at=awake,
                payload={"programme": programme.id},
            )
            if planned or not scene.uow.timers.is_over(key):
                break


def _key(programme: Programme, at: datetime) -> str:
    return f"parked:{programme.id}:{at.astimezone(ZoneInfo(programme.zone)).date()}"


@due("parked")
def news(scene: Scene, timer: DueTimer) -> None:
    """How much waits by now, and where to look; nothing when it was seen to meanwhile."""
    programme = scene.programme_of(timer.payload["programme"])
    rows, _ = _of(scene, programme)
    waiting = [row for row in rows if row.needs_a_word]
    if waiting:
        scene.tell_staff(
            programme,
            lambda w: Message(
                w("staff-parked", n=len(waiting)),
                choices=(run_choice(w("staff-parked-see"), "envois"),),
            ),
            key=timer.key,
            verb="envois",
        )
