"""What must hold, judged from the platforms' ledgers, the people and the rows that are left.

Nothing here asks the bot what it thinks: a row of the outbox is only read for its meaning (its
key), for whom it is and whether it is at rest. Limits, quiet hours and who may read what are those
of the platforms and of the programme, written down here anew.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import time, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import text

from tests.simulation.people import Crowd, partners
from tests.simulation.platforms import Act, Call, Platform
from tests.simulation.world import Member, World

WAKE, SLEEP = time(8), time(20)  # nobody is disturbed outside
GRACE: Final = timedelta(seconds=15)  # claimed in the last second of the day
TELEGRAM_ALL, TELEGRAM_CHAT, SLACK_CHAT = 30, 1, 1  # in any second
NAME: Final = re.compile(r"Nom(\d{5})")
PROMPTS: Final = 5  # priorities from here on are nobody's answer


@dataclass
class Verdict:
    """What was found.

    Attributes:
        broken: What must never be, one line each.
        figures: What was counted.
    """

    broken: list[str] = field(default_factory=list)
    figures: Counter[str] = field(default_factory=Counter)

    def breaks(self, rule: str, detail: object) -> None:
        """One more that must never be."""
        self.broken.append(f"{rule}: {detail}")


def busiest(times: Sequence[float], seconds: float = 1.0) -> int:
    """The most in any window of this length."""
    return max(
        (bisect_left(times, at + seconds - 1e-6) - n for n, at in enumerate(times)), default=0
    )


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the outbox."""

    id: int
    key: str
    bot_account: str
    chat: str
    person: int | None
    op: str
    priority: int
    state: str
    created: str
    policy: str


def judge(world: World, crowd: Crowd | None = None) -> Verdict:
    """Everything that must hold at the end of a world, once it has come to rest."""
    found = Verdict()
    rows = _rows(world)
    calls = [call for p in world.platforms.values() for call in p.ledger]
    found.figures["messages accepted"] = sum(call.accepted for call in calls)
    found.figures["calls"] = len(calls)
    found.figures["kills"] = world.kills
    found.figures["acts"] = sum(len(p.acts) for p in world.platforms.values())
    _nothing_lost(found, world, rows)
    _nothing_twice(found, world, rows)
    _nobody_elses(found, world, rows, crowd)
    _everybody_answered(found, world, rows)
    _never_at_night(found, world)
    _one_prompt(found, world, rows)
    _in_order(found, world, rows)
    _never_too_fast(found, world)
    return found


def _rows(world: World) -> dict[int, Row]:
    with world.database.engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT id, dedup_key, bot_account, chat_id, person_id, op, priority, state,"
                " created_at, policy FROM outbox"
            )
        ).all()
    return {row[0]: Row(*row) for row in rows}


def _map(world: World, query: str) -> dict[int, int]:
    with world.database.engine.connect() as connection:
        return {row[0]: row[1] for row in connection.execute(text(query))}


# --- nothing lost ---------------------------------------------------------------------------------


def _nothing_lost(found: Verdict, world: World, rows: dict[int, Row]) -> None:
    accepted = {c.row for p in world.platforms.values() for c in p.ledger if c.accepted}
    now = world.clocks.now().strftime("%Y-%m-%d %H:%M:%S")
    with world.database.engine.connect() as connection:
        late = connection.execute(
            text(
                "SELECT id, dedup_key, state, reason FROM outbox"
                " WHERE state = 'sending' OR (state = 'queued' AND not_before <= :now)"
            ),
            {"now": now},
        ).all()
        unheard = connection.execute(
            text("SELECT id, state, reason FROM inbox WHERE state <> 'done'")
        ).all()
        overdue = connection.execute(
            text("SELECT id, key FROM timer WHERE state = 'pending' AND due_at <= :now"),
            {"now": now},
        ).all()
        silent = connection.execute(
            text(
                "SELECT series.id FROM series JOIN pair ON pair.id = series.pair_id"
                " WHERE pair.state = 'active' AND pair.ends_at > :now AND NOT EXISTS"
                " (SELECT 1 FROM timer WHERE timer.kind = 'checkin' AND timer.state = 'pending'"
                " AND timer.subject_id = series.id AND timer.version = series.version)"
                " AND series.rrule LIKE '%INTERVAL=3%'"
                " AND julianday(pair.ends_at) - julianday(:now) > 22"
            ),
            {"now": now},
        ).all()
        mute = connection.execute(
            text(
                "SELECT checkin.id FROM checkin WHERE NOT EXISTS (SELECT 1 FROM outbox"
                " WHERE outbox.dedup_key = 'checkin:' || checkin.id || :zero)"
            ),
            {"zero": ":0"},
        ).all()
        blocked = {chat for p in world.platforms.values() for chat in p.blocked}
    reached = _map(world, "SELECT person_id, reachable FROM identity")
    whose = _map(world, "SELECT id, person_id FROM checkin")
    for rule, these in (
        ("not at rest", late),
        ("heard and not worked", unheard),
        ("due and not fired", overdue),
        ("a rhythm has stopped", silent),
    ):
        for one in these:
            found.breaks(rule, one)
    for (number,) in mute:
        person = whose[number]
        chats = {m.number: m.chat for m in world.cast.members}
        if reached.get(person) and chats.get(person) not in blocked:
            found.figures["prompts to nobody"] += 1
    for row in rows.values():
        found.figures[f"rows {row.state}"] += 1
        if row.state == "sent" and row.id not in accepted and row.op in ("post", "file"):
            found.breaks("called sent, never accepted", row)
        if row.state == "cancelled" and row.id in accepted:
            found.breaks("called cancelled, and accepted", row)


# --- nothing twice --------------------------------------------------------------------------------


def _nothing_twice(found: Verdict, world: World, rows: dict[int, Row]) -> None:
    for platform in world.platforms.values():
        for row, messages in platform.rows.items():
            if row not in rows:
                found.breaks("said, and no row for it", row)
            elif len(messages) > 1:
                if row in platform.blind:  # the platform could not tell, the policy decided
                    found.figures["twins where no look-up could tell"] += 1
                    if rows[row].policy == "hold":
                        found.breaks("twice", (rows[row], messages))
                else:
                    found.breaks("twice", (rows[row], messages))


# --- nobody gets another's ------------------------------------------------------------------------


def _nobody_elses(found: Verdict, world: World, rows: dict[int, Row], crowd: Crowd | None) -> None:
    chat_of = {m.number: m.chat for m in (*world.cast.members, *world.cast.staff)}
    staff = {m.chat for m in world.cast.staff}
    close = partners(world.cast.bonds)
    names = {m.name.partition(" Nom")[2]: m.chat for m in world.cast.members}
    for platform in world.platforms.values():
        for call in platform.ledger:
            row = rows.get(call.row)
            if row is None:
                continue
            if row.person is not None and chat_of.get(row.person) != call.chat:
                found.breaks("to somebody else", (row, call.chat))
            if call.chat in staff:
                continue
            allowed = close.get(call.chat, {call.chat})
            for name in NAME.findall(call.text):
                if names.get(name) not in allowed:
                    found.breaks("somebody else's name", (row, name))
            if crowd is not None and "canari-" in call.text:
                for canary in re.findall(r"canari-\d+-\d+", call.text):
                    if crowd.said[canary] not in allowed:
                        found.breaks("somebody else's words", (row, canary))


# --- everybody is answered ------------------------------------------------------------------------


def _everybody_answered(found: Verdict, world: World, rows: dict[int, Row]) -> None:
    answered: set[str] = set()
    for row in rows.values():  # the key of what an event caused holds the event's
        _, _, rest = row.key.partition(":")
        answered |= {rest, rest.rpartition(":")[0]}
    for platform in world.platforms.values():
        for act in platform.acts:
            if act.kind == "reached" or act.at_once:
                continue
            if not act.acked:
                found.figures["never delivered to us"] += 1
                if not act.gone:
                    found.breaks("waits at the platform", (act.chat, act.kind, act.at))
            elif act.event_key not in answered and not _repeated(act, platform):
                found.breaks("no answer", (act.chat, act.kind, act.at, act.payload))


def _repeated(act: Act, platform: Platform) -> bool:
    """Whether it was dropped as a repeat of another act: a double click that is one event."""
    return any(other is not act and other.event_key == act.event_key for other in platform.acts)


# --- never at night -------------------------------------------------------------------------------


def _never_at_night(found: Verdict, world: World) -> None:
    zones = {m.chat: ZoneInfo(m.zone) for m in world.cast.members}
    for call in _prompts(world.platforms.values()):
        zone = zones.get(call.chat)
        if zone is None:
            continue
        found.figures["prompts"] += 1
        early = (call.wall + GRACE).astimezone(zone).time() < WAKE
        late = (call.wall - GRACE).astimezone(zone).time() >= SLEEP
        if early or late:
            found.breaks("at night", (call.chat, call.wall.astimezone(zone), call.row, call.text))


def _prompts(platforms: Iterable[Platform]) -> Iterable[Call]:
    for platform in platforms:
        for call in platform.ledger:
            if call.accepted and call.priority >= PROMPTS and call.op == "post":
                yield call


# --- one prompt per rhythm ------------------------------------------------------------------------


def _one_prompt(found: Verdict, world: World, rows: dict[int, Row]) -> None:
    series = _map(world, "SELECT id, series_id FROM checkin")
    asked: dict[int, dict[int, float]] = defaultdict(dict)
    for call in _prompts(world.platforms.values()):
        row = rows.get(call.row)
        if row is not None and row.key.startswith("checkin:") and row.key.endswith(":0"):
            checkin = int(row.key.split(":")[1])
            asked[series[checkin]].setdefault(checkin, call.at)
    for number, checkins in asked.items():
        times = sorted(checkins.values())
        found.figures["check-ins asked"] += len(times)
        for before, after in pairwise(times):
            if after - before < 86_400:
                found.breaks("two prompts of one rhythm in a day", (number, before, after))


# --- in order -------------------------------------------------------------------------------------


def _in_order(found: Verdict, world: World, rows: dict[int, Row]) -> None:
    """Answers in a chat arrive in the order in which they were given."""
    for platform in world.platforms.values():
        last: dict[str, tuple[int, float]] = {}
        done: set[int] = set()
        for call in platform.ledger:
            row = rows.get(call.row)
            if not call.accepted or row is None or not row.key.startswith("reply:"):
                continue
            if call.row in done:
                continue
            done.add(call.row)
            number, at = last.get(call.chat, (0, 0.0))
            if call.row < number and not any(s <= call.at for s in world.steps if s > at - 7200):
                found.breaks("out of order", (call.chat, number, call.row, call.at))
            if call.row > number:
                last[call.chat] = (call.row, call.at)


# --- never too fast -------------------------------------------------------------------------------


def _never_too_fast(found: Verdict, world: World) -> None:
    telegram, slack = world.telegram, world.slack
    if busiest(sorted(c.at for c in telegram.ledger)) > TELEGRAM_ALL:
        found.breaks("too fast", "Telegram, all together")
    for platform, limit in ((telegram, TELEGRAM_CHAT), (slack, SLACK_CHAT)):
        chats: dict[str, list[float]] = defaultdict(list)
        for call in platform.ledger:
            if call.op in ("post", "file"):
                chats[call.chat].append(call.at)
        for chat, times in chats.items():
            if busiest(times) > limit:
                found.breaks("too fast", (platform.name, chat))
        for call in platform.early:
            found.breaks("before its Retry-After", (platform.name, call.chat, call.at, call.op))


def everybody(world: World) -> dict[str, Member]:
    """All members by chat."""
    return {m.chat: m for m in world.cast.members}
