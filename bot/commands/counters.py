"""How much waits, in the team's own channel: one message a day that follows the numbers.

A channel has its own policy: nothing personal. What is written there is made of four numbers and
the programme's name, so no name and no word of anybody can get there. It is said anew each working
morning and edited when a number changes, at most once a minute. Where the bot may not write, the
team hears once what to do. Which channels is the programme file's affair.

Source: A-15 (live counters), quality, "no personal text outside a private chat".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final

from bot.commands.digests import on_working_days
from bot.commands.registry import command
from bot.dialogues import run_choice
from bot.flows import queue
from bot.followup import at_last, due, planner
from bot.i18n import Words, words
from bot.messages import MESSAGE, Message
from bot.programmes.schema import Programme
from bot.turn import REMINDER, Scene, Turn
from storage.timers import DueTimer

MINUTE: Final = 60  # seconds between two edits
MORNING: Final = (time(8, 30),)  # where the file has no digests
PLANNED: Final = 1000


@dataclass(frozen=True, slots=True)
class Counts:
    """All that a channel may know of a queue.

    Attributes:
        live: Requests under way.
        free: To be taken on.
        late: Past their deadline.
        asked: With an expert.
    """

    live: int
    free: int
    late: int
    asked: int


def count(scene: Scene, programme: Programme) -> Counts:
    """The numbers of a programme's queue now."""
    every = scene.uow.requests.waiting(programme.id)
    live = [r for r in every if queue.clocked(programme, r)]
    return Counts(
        live=len(live),
        free=sum(queue.owner_of(scene, r) is None for r in live),
        late=sum(queue.overdue(scene, r) for r in live),
        asked=sum(r.state == "asked" for r in live),
    )


def shown(programme: Programme, counts: Counts, now: datetime) -> bytes:
    """The message for a channel: numbers, and nothing else that is not in the programme's file."""
    w = words("fr", programme.register, programme.zone)
    message = Message(
        title=w("counters-title", name=w.pick(programme.name)),
        text="\n".join(
            (
                w("counters-live", count=counts.live),
                w("counters-free", count=counts.free),
                w("counters-late", count=counts.late),
                w("counters-asked", count=counts.asked),
            )
        ),
        note=w("counters-at", when=w.moment(now)),
    )
    return MESSAGE.dump_json(message, exclude_defaults=True)


# --- said each morning ----------------------------------------------------------------------------


def _memo(programme: Programme, channel: str) -> str:
    return f"counters:{programme.id}:{channel}"


def _place(scene: Scene, channel: str) -> tuple[str, str] | None:
    """Our own identity there, and the chat; None while nobody has written to the bot there."""
    platform, _, where = channel.partition(":")
    if platform == "slack":
        workspace, _, chat = where.partition("/")
        return f"slack:{workspace}", chat
    account = scene.uow.people.bot_account(platform)
    return None if account is None else (account, where)


@planner
def plan_counters(scene: Scene) -> None:
    """Each working morning; at once where a channel has none yet."""
    for programme in scene.bot.programmes.values():
        memos = [
            scene.uow.memos.get(_memo(programme, channel)) for channel in programme.queue.channels
        ]
        _plan(scene, programme, at_once=None in memos)


def _plan(scene: Scene, programme: Programme, *, at_once: bool = False) -> None:
    timers, channels = scene.uow.timers, programme.queue.channels
    mornings = on_working_days(programme, programme.queue.digests[:1] or MORNING, scene.now)
    coming = scene.now if at_once else next(at for at in mornings if at > scene.now)
    key = f"counters:{programme.id}:{coming:%Y%m%dT%H%M}"
    for older in timers.list(kind="counters", limit=PLANNED):
        if older.payload["programme"] == programme.id and (older.key != key or not channels):
            timers.cancel_key(older.key)
    if channels:
        payload = {"programme": programme.id}
        timers.put(key=key, kind="counters", subject_id=0, due_at=coming, payload=payload)


@due("counters")
def each_morning(scene: Scene, timer: DueTimer) -> None:
    """A new message, so that it does not drown; yesterday's stays as it was."""
    programme = scene.programme_of(timer.payload["programme"])
    for channel in programme.queue.channels:
        _post(scene, programme, channel)
    _plan(scene, programme)


def _post(scene: Scene, programme: Programme, channel: str) -> None:
    place = _place(scene, channel)
    if place is None:
        return
    name = _memo(programme, channel)
    before = scene.uow.memos.get(name)
    detail: Mapping[str, Any] = before.detail if before else {}
    fate = scene.uow.outbox.fate(detail["key"]) if before else None
    well = detail["key"] if fate and fate[0] == "sent" else detail.get("well", "")
    counts = count(scene, programme)
    key = f"counters:{programme.id}:{channel}:{scene.now:%Y%m%dT%H%M%S}"
    scene.uow.outbox.put_raw(
        key=key,
        bot_account=place[0],
        chat_id=place[1],
        payload=shown(programme, counts, scene.now),
        now=scene.now,
        priority=REMINDER,
        expires_at=scene.now + timedelta(days=1),
    )
    scene.uow.memos.put(name, scene.now, {"key": key, "counts": asdict(counts), "well": well})


# --- and edited when they change ------------------------------------------------------------------


@at_last
def changed(scene: Scene) -> None:
    """A request was made or changed: the numbers are looked at when this minute is over."""
    touched = [scene.uow.requests.get(number) for number in scene.uow.touched_requests]
    for programme_id in sorted({r.programme_id for r in touched if r is not None}):
        programme = scene.bot.programmes.get(programme_id)
        if programme is not None and programme.queue.channels:
            minute = int(scene.now.timestamp()) // MINUTE + 1
            scene.uow.timers.put(
                key=f"counters-edit:{programme.id}:{minute}",
                kind="counters-edit",
                subject_id=0,
                due_at=datetime.fromtimestamp(minute * MINUTE, scene.now.tzinfo),
                payload={"programme": programme.id},
            )


@due("counters-edit")
def edit(scene: Scene, timer: DueTimer) -> None:
    """The last message of each channel says the numbers as they are now."""
    programme = scene.programme_of(timer.payload["programme"])
    counts = count(scene, programme)
    wait = False
    for channel in programme.queue.channels:
        wait |= _edit(scene, programme, channel, counts)
    if wait:
        scene.uow.timers.again(timer, scene.now + timedelta(seconds=MINUTE))


def _edit(scene: Scene, programme: Programme, channel: str, counts: Counts) -> bool:
    """Edit one message; whether it is on its way still and has to be looked at again."""
    name = _memo(programme, channel)
    memo, place = scene.uow.memos.get(name), _place(scene, channel)
    if memo is None or place is None or memo.detail["counts"] == asdict(counts):
        return False
    said = scene.uow.outbox.fate(memo.detail["key"])
    last = scene.uow.outbox.fate(memo.detail.get("edited", ""))
    if said is None or said[0] in ("unreachable", "failed", "expired", "cancelled", "in_doubt"):
        return False  # the next morning's
    if said[1] is None:
        return said[0] in ("queued", "sending")
    if last is not None and last[0] == "failed":  # somebody has taken it away
        _post(scene, programme, channel)
        return False
    key = f"counters-edit:{programme.id}:{channel}:{scene.now:%Y%m%dT%H%M%S}"
    scene.uow.outbox.put_raw(
        key=key,
        bot_account=place[0],
        chat_id=place[1],
        payload=shown(programme, counts, scene.now),
        now=scene.now,
        op="edit",
        target=said[1],
        priority=REMINDER,
    )
    detail = {**memo.detail, "counts": asdict(counts), "edited": key}
    scene.uow.memos.put(name, memo.at, detail)
    return False


# --- where the bot may not write ------------------------------------------------------------------


def refused(scene: Scene, key: str) -> bool:
    """Tell the team once that the bot is not in their channel; False when it is another message's.

    Once: until it has worked again.
    """
    word, _, rest = key.partition(":")
    programme_id, _, rest = rest.partition(":")
    programme = scene.bot.programmes.get(programme_id)
    if word != "counters" or programme is None:
        return False
    channel = rest.rpartition(":")[0]
    memo = scene.uow.memos.get(_memo(programme, channel))
    well = memo.detail["well"].rpartition(":")[2] if memo else ""

    def build(w: Words) -> Message:
        platform = channel.partition(":")[0]
        text = w("counters-slack") if platform == "slack" else w("counters-telegram")
        return Message(
            w("counters-away", channel=channel) + "\n" + text,
            choices=(run_choice(w("counters-again"), "compteurs"),),
        )

    scene.tell_staff(programme, build, key=f"counters-away:{programme.id}:{channel}:{well}")
    return True


@command("compteurs", alias="counters", who="staff", of="demandes", listed=False)
def compteurs(turn: Turn, args: str) -> None:
    """Say the numbers anew in the team's channels, for instance once the bot has been let in."""
    for channel in turn.programme.queue.channels:
        _post(turn, turn.programme, channel)
    many = len(turn.programme.queue.channels)
    turn.say(
        Message(turn.w("counters-said", n=many) if many else turn.w("counters-none")), here=True
    )
