"""The same updates once in order, and each four times, shuffled and late: the same in the end.

    python -m tests.simulation.shuffle --people 1000 --steps 20

The first deliveries of one person stay in order (no platform promises less, and a person types the
second thing after the first); everything else is mixed: people among each other, and each repeat
anywhere after its first delivery, in the next minute or hours later.

What is compared, byte for byte: every person's own export, every message's meaning and words, the
pairs, the check-ins and what was noted of whom. Left out, because they tell of the arrival and not
of what it led to: instants, and the numbers that our rows and the platforms' deliveries got after
the two runs parted; such a number is replaced by its rank among the person's own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import re
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import text

from storage.tables import Base
from tests.simulation.loop import run
from tests.simulation.platforms import Act, Shown, Slack, Telegram
from tests.simulation.world import Cast, Member, World, cast

START: Final = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
DAY: Final = 86_400.0
BEFORE: Final = 14.05 * DAY  # then everybody has been asked how it goes
SETTLE: Final = 10.0  # seconds in which what a step leads to is on its screen
PACE: Final = 0.25  # seconds between two updates
REPEATS: Final = 3
# What one of a pair does without changing what the other may do: only such acts commute.
VERBS: Final = ("aide", "profil", "mes-donnees", "reprendre", "rdv", "langue")
PRESSED: Final = re.compile(
    r"[asenftkd]:.*|x:(?:write|unwrite|skip-next|later-next|skip-this|pass):.*"
)
WORDS: Final = ("Bonjour à toutes et tous", "Je ne sais pas trop", "C’est noté, merci", "Peut-être")
FIELDS: Final = ("opened_at", "updated_at", "closes_at", "answered_at", "said_at", "seen_at")


@dataclass(frozen=True, slots=True)
class Step:
    """What somebody does at a point of the script, whatever is on the screen by then."""

    kind: str  # press, old, say, command
    choice: float
    words: str


@lru_cache(maxsize=2)
def _scene(couples: int) -> Cast:
    return cast("ax-accompagnement", START, couples=couples, zones=("Europe/Paris",))


def script(people: int, steps: int, seed: int) -> list[list[Step]]:
    """What each of them does."""
    rng = random.Random(seed)
    return [
        [
            Step(
                rng.choices(("press", "old", "say", "command"), (10, 2, 4, 3))[0],
                rng.random(),
                f"{rng.choice(WORDS)}, {_letters(n)} {_letters(k)}",
            )
            for k in range(steps)
        ]
        for n in range(people)
    ]


def _letters(number: int) -> str:
    """A number without digits: words that nobody takes for a date."""
    return "".join("abcdefghij"[int(digit)] for digit in str(number))


class Play:
    """One run of the script.

    Args:
        world: Where.
        lines: The script.
    """

    def __init__(self, world: World, lines: list[list[Step]]) -> None:
        self.world = world
        self.lines = lines
        self.seen: dict[str, list[Shown]] = defaultdict(list)
        self.acts: dict[tuple[int, int], Act] = {}
        self.repeated = 0
        for platform in world.platforms.values():
            platform.on_shown = self._sees

    def _sees(self, shown: Shown) -> None:
        tokens = [token for _, token in shown.buttons]
        verbs = [token.split(":")[1] for token in tokens if token.startswith("x:")]
        letter = verbs in (["write"], ["write", "flag"])  # comes when it comes
        if not letter and shown not in self.seen[shown.chat]:
            self.seen[shown.chat].append(shown)

    def step(self, number: int, place: int) -> None:
        """Somebody does what the script says."""
        member, step = self.world.cast.members[number], self.lines[number][place]
        platform = self.world.platforms[member.platform]
        assert isinstance(platform, Telegram | Slack)
        self.acts[number, place] = self._do(platform, member, step)

    def _do(self, platform: Telegram | Slack, member: Member, step: Step) -> Act:
        def pick(choices: list[Any]) -> Any:
            return choices[int(step.choice * len(choices))]

        if step.kind == "command":
            return platform.command(member.chat, pick(list(VERBS)))
        if step.kind in ("press", "old"):
            found = [
                (shown, [t for _, t in shown.buttons if PRESSED.fullmatch(t)])
                for shown in self.seen[member.chat]
            ]
            found = [(shown, tokens) for shown, tokens in found if tokens]
            if found:
                shown, tokens = pick(found) if step.kind == "old" else found[-1]
                return platform.press(member.chat, shown, pick(tokens))
        return platform.say(member.chat, step.words)

    def again(self, number: int, place: int, twist: bool) -> None:
        """The platform delivers it once more; Slack perhaps under another number."""
        act = self.acts[number, place]
        self.repeated += 1
        if twist and act.payload.get("type") == "event_callback":
            act = Act(act.at, act.chat, "repeat", {**act.payload, "event_id": f"EvAGAIN{number}"})
        self.world.platforms[self.world.cast.members[number].platform].dispatch(act)


async def play(couples: int, lines: list[list[Step]], *, mixed: bool, seed: int) -> Outcome:
    """Run the script; `mixed`: shuffled, and everything four times."""
    world = World(_scene(couples), seed, paced=False)
    await world.start()
    await asyncio.sleep(BEFORE)
    common = _numbers(world)
    playing = Play(world, lines)
    for platform in world.platforms.values():
        for shown in platform.shown.values():
            playing._sees(shown)
    rng = random.Random(seed)
    people, steps = len(lines), len(lines[0])
    window = people * PACE + SETTLE
    beside = world.slack
    for place in range(steps):
        for number in range(people):
            at = place * window
            at += rng.uniform(0, window - SETTLE) if mixed else number * PACE
            beside.later(at, playing.step, number, place)
            for repeat in range(REPEATS if mixed else 0):
                after = rng.choice((rng.uniform(0.3, 60.0), rng.uniform(0.3, 2 * steps * window)))
                beside.later(at + after, playing.again, number, place, repeat == 0)
    await asyncio.sleep(3 * steps * window + 600.0)
    outcome = Outcome(_state(world, playing, common), len(playing.acts), playing.repeated,
                      _heard(world))  # fmt: skip
    world.close()
    return outcome


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended."""

    state: Mapping[str, bytes]  # by person, and what belongs to all
    updates: int
    repeats: int
    rows: Mapping[str, int]  # of the inbox, by state


def _heard(world: World) -> dict[str, int]:
    with world.database.engine.connect() as connection:
        rows = connection.execute(text("SELECT state, count(*) FROM inbox GROUP BY state"))
        return {row[0]: row[1] for row in rows}


def _numbers(world: World) -> dict[str, int]:
    """The highest number in each table at the moment where the runs part."""
    found = {}
    with world.database.engine.connect() as connection:
        for name in (t.name for t in Base.metadata.sorted_tables if "id" in t.c):
            highest = connection.execute(text(f"SELECT max(id) FROM {name}")).scalar()
            found[name] = int(highest or 0)
    return found


# What tells of the arrival; what was said and noted is compared below, by its meaning.
DELIVERED: Final = frozenset({"inbox", "outbox", "audit", "timer"})
POINTS_TO: Final = {"focus_id": "conversation", "conversation_id": "conversation"}


def _state(world: World, playing: Play, common: Mapping[str, int]) -> dict[str, bytes]:
    events = {act.event_key: f"<{number} {place}>" for (number, place), act in playing.acts.items()}
    said = _said(world, events, common)
    found: dict[str, bytes] = {}
    with world.database.unit_of_work() as uow:
        for member in world.cast.members:
            export = {
                name: rows
                for name, rows in uow.privacy.export_person(member.number).items()
                if name not in DELIVERED
            }
            found[member.chat] = _bytes(
                {"export": _plain(export, common), "said": sorted(said[member.chat])}
            )
        for name, columns in (
            ("pair", "*"),
            ("series", "*"),
            ("checkin", "*"),
            ("report", "*"),
            ("series_exception", "series_id, occurrence, moved_to"),  # by a name of its own
        ):
            rows = uow.session.execute(
                text(f"SELECT {columns} FROM {name} ORDER BY 1, 2")
            ).mappings()
            found[name] = _bytes(_plain({name: [dict(row) for row in rows]}, common))
        noted = uow.session.execute(text("SELECT actor_id, verb, thing, detail FROM audit"))
        found["audit"] = _bytes(sorted([str(part) for part in row] for row in noted))
    for member in world.cast.staff:
        found[member.chat] = _bytes(sorted(said[member.chat]))
    return found


def _said(
    world: World, events: Mapping[str, str], common: Mapping[str, int]
) -> dict[str, list[list[str]]]:
    """By chat: the meaning, the operation and the words of every message."""
    with world.database.engine.connect() as connection:
        keys = {
            row[0]: (row[1], row[2])
            for row in connection.execute(text("SELECT id, dedup_key, state FROM outbox"))
        }
    longest = sorted(events, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, longest))) if longest else None
    found: dict[str, list[list[str]]] = defaultdict(list)
    for platform in world.platforms.values():
        for call in platform.ledger:
            if call.accepted and call.row > common["outbox"]:
                key, state = keys[call.row]
                meaning = pattern.sub(lambda m: events[m[0]], key) if pattern else key
                meaning = re.sub(r"^(stray|letter):\d+", r"\1:new", meaning)  # a number of ours
                found[call.chat].append([meaning, call.op, state, call.text])
    return found


def _plain(tables: Mapping[str, list[dict[str, Any]]], common: Mapping[str, int]) -> Any:
    """Without instants, and with ranks for the numbers that were given after the runs parted."""
    ranks: dict[tuple[str, int], str] = {}
    for name, rows in tables.items():
        new = sorted(row["id"] for row in rows if row.get("id", 0) > common.get(name, 0))
        ranks |= {(name, number): f"new {rank}" for rank, number in enumerate(new)}

    def value(table: str, column: str, given: Any) -> Any:
        if isinstance(given, datetime) or column in FIELDS or column.endswith("_at"):
            return given is not None
        if isinstance(given, bytes):
            return given.decode("utf-8", "replace")
        if isinstance(given, date):
            return given.isoformat()
        of = table if column == "id" else POINTS_TO.get(column)
        return given if of is None else ranks.get((of, given), _old(given, common.get(of, 0)))

    return {
        name: [
            {column: value(name, column, given) for column, given in row.items()}
            for row in sorted(rows, key=lambda row: row.get("id", 0))
        ]
        for name, rows in tables.items()
    }


def _old(number: Any, common: int) -> Any:
    """A number from before the runs parted; a later one that is nobody's here is just new."""
    return number if not isinstance(number, int) or number <= common else "new"


def _bytes(found: Any) -> bytes:
    return json.dumps(found, sort_keys=True, ensure_ascii=False, default=str).encode()


def compare(couples: int, steps: int, seed: int = 1) -> tuple[Outcome, Outcome, list[str]]:
    """Both runs, and whose state differs."""
    logging.disable(logging.CRITICAL)
    lines = script(2 * couples, steps, seed)
    plain = run(play(couples, lines, mixed=False, seed=seed))
    mixed = run(play(couples, lines, mixed=True, seed=seed + 1))
    logging.disable(logging.NOTSET)
    names = sorted({*plain.state, *mixed.state})
    return plain, mixed, [n for n in names if plain.state.get(n) != mixed.state.get(n)]


def first_difference(one: bytes, other: bytes) -> str:
    """Where two states part, with a little around it."""
    at = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
    begin = max(0, at - 120)
    return f"{one[begin : at + 160]!r}\n{other[begin : at + 160]!r}"


def main() -> int:
    """Run both; 1 when they differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    begun = time.perf_counter()
    plain, mixed, differ = compare(given.people // 2, given.steps, given.seed)
    for name in differ[:5]:
        print(name, first_difference(plain.state.get(name, b""), mixed.state.get(name, b"")))
    size = sum(map(len, plain.state.values()))
    print(f"updates                {plain.updates:>10,}")
    print(f"repeats                {mixed.repeats:>10,}")
    print(f"inbox, in order        {plain.rows}")
    print(f"inbox, shuffled        {mixed.rows}")
    print(f"bytes compared         {size:>10,}")
    print(f"states that differ     {len(differ):>10} of {len(plain.state)} (bar: 0)")
    print(f"seconds                {time.perf_counter() - begun:>10.1f}")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
