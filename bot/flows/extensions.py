"""More months for a pair: only when both sides have said yes, in whichever order.

One side proposes it, or the bot asks both some weeks before the end. A no is as good as a yes: the
pair ends as planned, and nobody is told who preferred that. After it, neither the bot nor whoever
had wished for more asks again for that end; whoever said no may still think better of it. How long
and how often is the programme file's affair.

Source: X-19.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bot import access, lifecycle, minors
from bot.commands.registry import act
from bot.dialogues import act_choice
from bot.flows import checkins
from bot.flows.supervision import tell_staff
from bot.followup import due, planner
from bot.messages import Choice, Message
from bot.programmes.schema import Programme
from bot.rhythm import months_later
from bot.turn import REMINDER, Scene, Turn
from storage.tables import Extension, Pair, Person
from storage.timers import DueTimer

LIVE = ("active", "paused")
OFFERED_DAYS = 60  # before the end, the pair's page offers it


def plan(scene: Scene, pair: Pair, programme: Programme) -> None:
    """When both sides are asked, for the end as it is now."""
    rules = programme.pair.extension
    if rules is None or not rules.ask_days or _until(pair, programme) is None:
        return
    at = (pair.ends_at or scene.now) - timedelta(days=rules.ask_days)
    if at > scene.now:
        scene.uow.timers.put(
            key=f"extend-ask:{pair.id}:{at.isoformat()}",
            kind="extend-ask",
            subject_id=pair.id,
            due_at=at,
        )


@planner
def plan_all(scene: Scene) -> None:
    """Pairs that began before the file let them be extended."""
    for programme in scene.bot.programmes.values():
        if programme.pair.extension is None:
            continue
        for pair in scene.uow.pairs.unplanned(programme.id, "extend-ask"):
            plan(scene, pair, programme)


def _until(pair: Pair, programme: Programme) -> datetime | None:
    """The end that an extension would give; None when there can be none."""
    rules = programme.pair.extension
    if rules is None or pair.ends_at is None or pair.kind != "long_term":
        return None
    until = months_later(pair.ends_at, rules.months, programme.zone)
    last = months_later(pair.started_at, rules.max_months, programme.zone)
    return until if until <= last else None


def choices(turn: Turn, pair: Pair) -> list[Choice]:
    """What the pair's page offers: to propose it, in the last weeks."""
    if pair.state not in LIVE or _until(pair, turn.programme) is None or pair.ends_at is None:
        return []
    if pair.ends_at - turn.now > timedelta(days=OFFERED_DAYS) or _refused(turn, pair):
        return []
    return [act_choice(turn.w("extend"), "extend", pair.id, pair.version)]


def _refused(turn: Turn, pair: Pair) -> bool:
    """Whether what the person who acts wished for this end has had its no."""
    mentee = turn.me.id == pair.mentee_id
    return any(
        row.mentee_yes if mentee else row.mentor_yes
        for row in turn.uow.care.declined_extensions(pair)
    )


def _sides(scene: Scene, pair: Pair) -> tuple[Person, Person]:
    return scene.person(pair.mentee_id), scene.person(pair.mentor_id)


def _open(scene: Scene, pair: Pair, programme: Programme) -> Extension | None:
    """The proposal that waits, or a new one; None when there can be none."""
    rules = programme.pair.extension
    if rules is None or pair.state not in LIVE or _until(pair, programme) is None:
        return None
    return scene.uow.care.open_extension(pair.id, scene.now) or scene.uow.care.propose_extension(
        Extension(
            pair_id=pair.id,
            months=rules.months,
            asked_at=scene.now,
            expires_at=pair.ends_at or scene.now,
        )
    )


def _asked(scene: Scene, pair: Pair, row: Extension, person: Person, text: str) -> Message:
    programme = scene.programme_of(pair.programme_id)
    mentee, mentor = _sides(scene, pair)
    other = mentor if person.id == mentee.id else mentee
    w = scene.words(person, programme)
    return Message(
        w(
            text,
            row.months,
            name=minors.called(other, programme).split()[0],
            when=w.day(_until(pair, programme) or scene.now),
            end=w.day(row.expires_at),
        ),
        choices=(
            act_choice(w("extend-yes"), "extend-yes", row.id, 1, "primary"),
            act_choice(w("extend-no"), "extend-no", row.id, 1),
        ),
        note=w("extend-note"),
    )


@due("extend-ask")
def ask(scene: Scene, timer: DueTimer) -> None:
    """Some weeks before the end: would both like to go on? Not after a no."""
    pair = scene.uow.pairs.get(timer.subject_id)
    if pair is None or pair.state not in LIVE or scene.uow.care.declined_extensions(pair):
        return
    programme = scene.programme_of(pair.programme_id)
    row = _open(scene, pair, programme)
    if row is None:
        return
    for person, said in zip(_sides(scene, pair), (row.mentee_yes, row.mentor_yes), strict=True):
        if not said:
            scene.tell(
                person,
                _asked(scene, pair, row, person, "extend-asked"),
                key=f"extension:{pair.id}:{row.id}:{person.id}",
                priority=REMINDER,
                expires_at=row.expires_at,
            )


@act("extend", who="member")
def propose(turn: Turn, number: int, version: int) -> None:
    """I would like more months; the other side is asked, once."""
    pair = access.own_pair(turn, number)
    if pair.state in LIVE and _refused(turn, pair):
        turn.text("extend-as-planned", when=turn.w.day(pair.ends_at or turn.now))
        return
    row = _open(turn, pair, turn.programme)
    if row is None:
        turn.text("button-stale")
        return
    other = turn.person(access.partner_of(turn, pair))
    if _say_yes(turn, pair, row):
        return
    turn.tell(
        other,
        _asked(turn, pair, row, other, "extend-wished"),
        key=f"extension:{pair.id}:{row.id}:{other.id}:wished",  # a second tap says it once
        expires_at=row.expires_at,
    )


@act("extend-yes", who="member")
def agree(turn: Turn, number: int, version: int) -> None:
    """My yes; with the other side's it takes effect."""
    row, pair = access.own_extension(turn, number)
    if row.state != "open" or row.expires_at <= turn.now or pair.state not in LIVE:
        turn.text("button-stale")
        return
    _say_yes(turn, pair, row)


def _say_yes(turn: Turn, pair: Pair, row: Extension) -> bool:
    """Note a yes; whether both have said it, and the pair goes on."""
    mine = turn.me.id == pair.mentee_id
    fresh = turn.uow.care.say_yes(row, turn.now, mentee=mine)
    state = lifecycle.move(lifecycle.EXTENSION, "open", "agree")
    if not turn.uow.care.settle_extension(row, state, both=True):
        if fresh:
            turn.note("extension-yes", "pair", pair.id)
        other = turn.person(access.partner_of(turn, pair))
        turn.text("extend-waits", name=minors.called(other, turn.programme).split()[0])
        return False
    _go_on(turn, pair, row)
    return True


def _go_on(turn: Turn, pair: Pair, row: Extension) -> None:
    programme = turn.programme
    until = _until(pair, programme)
    if until is None or not turn.uow.pairs.extend(pair, row.expires_at, until):
        turn.text("button-stale")
        return
    turn.note("pair-extended", "pair", pair.id, months=row.months)
    turn.uow.timers.cancel("pair-end", pair.id)
    turn.uow.timers.put(
        key=f"pair-end:{pair.id}:{until.isoformat()}",
        kind="pair-end",
        subject_id=pair.id,
        due_at=until,
        version=pair.version,
    )
    if pair.state == "active":
        checkins.replan(turn, pair)
    plan(turn, pair, programme)
    for person in _sides(turn, pair):
        w = turn.words(person, programme)
        turn.show(person, Message(w("extended", when=w.day(until))), what="extended")
    tell_staff(
        turn,
        pair,
        "staff-pair-extended",
        key=f"pair-extended:{pair.id}:{row.id}",
        when=turn.words(turn.me, programme).day(until),
    )


@act("extend-no", who="member")
def decline(turn: Turn, number: int, version: int) -> None:
    """It ends as planned: both hear the same words."""
    row, pair = access.own_extension(turn, number)
    state = lifecycle.move(lifecycle.EXTENSION, "open", "decline")
    if pair.state not in LIVE or not turn.uow.care.settle_extension(row, state, both=False):
        turn.text("button-stale")
        return
    turn.note("extension-no", "pair", pair.id)
    for person in _sides(turn, pair):
        w = turn.words(person, turn.programme)
        end = w.day(pair.ends_at or turn.now)
        turn.show(person, Message(w("extend-as-planned", when=end)), what="extended")
