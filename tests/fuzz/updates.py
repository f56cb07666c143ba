"""A hundred thousand updates of every shape: nothing fails, and nobody who writes is left alone.

    python -m tests.fuzz.updates --updates 100000

Two in five are ordinary ones with unlikely words and forged buttons, two in five are spoilt, one in
five is made from the description of its type alone. Each goes through the platform's reader into
the bot and its database; what is said is rendered for both platforms. Looked for: an exception, an
error in the log, words of people in the log, and a person who wrote in private, is owed an answer
by `tests/SILENCES.md`, and got none.

Source: quality goals R4 and S4.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from random import Random
from typing import Any, Final

from sqlalchemy import func, select

from bot.bot import Bot
from bot.commands.registry import COMMANDS
from bot.events import Event
from bot.messages import MESSAGE, Ack, Choice, Home, Message
from bot.programmes.load import load, presets
from handlers.slack import inbound as slack_in
from handlers.slack import render as slack_out
from handlers.telegram import inbound as telegram_in
from handlers.telegram import render as telegram_out
from scheduling.inbox import InboxMeta
from storage.tables import Outbox
from tests.fuzz import shapes
from tests.fuzz.silences import human, silence
from tests.listening import Listening, listening
from tests.simulation.platforms import SLACK, TELEGRAM
from tests.simulation.world import STAFF, cast, open_image

START: Final = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
ANEW: Final = 2_500  # updates after which the world begins again: it grows with each
CANARY: Final = "serin"
WORDS: Final = (
    "", " ", "\u200b", "\u2800", "😀", "oui", "non", "passer", "arrêter", "retour", "1", "3/7",
    "demain", "le 24 novembre à 18 h", "2026T3", "#12", "12", "Écris à @quelqu_un",
    "https://malin.example/?a=<b>", "<!channel> <@U1|x> <https://a.example|b>", "*gras* _x_ `y`",
    "{name} {0} %s %(x)s {{7*7}}", "'; DROP TABLE person;--", "=1+1", "\x00", "sol\ud800aire",
    "\u202eretourné", "e" + "\u0301" * 300, "a" * 5_000, "pas de " * 400, "صباح الخير", "日本語",
    "finance durable et énergie", "Je ne sais pas encore", "thèse", "/start", "/start abc",
    "/aide@cordee_bot", "/effacer", "/", "/ ", "//", "/" + "a" * 70,
)  # fmt: skip


@dataclass
class Found:
    """What came of all of them."""

    updates: int = 0
    heard: int = 0
    owed: int = 0
    answered: int = 0
    silent: dict[str, Json] = field(default_factory=dict)
    allowed: Counter[str] = field(default_factory=Counter)
    failures: dict[str, Json] = field(default_factory=dict)
    whole: bool = False


Json = dict[str, Any]


class Ground:
    """A world with people on both platforms, and whoever sends updates to it."""

    def __init__(self, seed: int, found: Found) -> None:
        self.chance = Random(seed)
        self.found = found
        scene = _scene()
        self.bot = Bot({name: load(name) for name in presets()}, STAFF)
        self.bot.telegram_name = "cordee_bot"
        self.database = open_image(scene.image)
        self.now = START
        self.tokens = ["a:c7:situation:employed", "x:write:1:1", "r:aide:", "f:c1:p1", "p:1:2"]
        people = (*scene.members, *scene.staff)
        numbers = [int(m.chat) for m in people if m.platform == "telegram"]
        names = [m.chat for m in people if m.platform == "slack"]
        self.telegram = shapes.Telegram(
            self.chance, self.words, self.token, [*numbers, *range(5000, 5010)]
        )
        self.slack = shapes.Slack(
            self.chance, self.words, self.token, [*names, *(f"USTRANGE{n}" for n in range(9))]
        )
        found.whole = self.telegram.whole
        with self.database.unit_of_work() as uow:
            self._seen = uow.session.scalar(select(func.max(Outbox.id))) or 0
        self._rendered = 0
        self._keys: set[str] = set()

    def close(self) -> None:
        """Give it back."""
        self.database.close()

    def words(self) -> str:
        """What somebody types, in most of it something that no log may repeat."""
        chance = self.chance
        if chance.random() < 0.3:
            verb = chance.choice(sorted(COMMANDS))
            said = f"{verb} {chance.choice(WORDS)}"
            return f"/{said.replace('-', '_', 1)}" if chance.random() < 0.5 else said
        return chance.choice(WORDS) + (f" {CANARY}" if chance.random() < 0.7 else "")

    def token(self) -> str:
        """What a button carries: one that was shown, or one made of it."""
        chance = self.chance
        token = chance.choice(self.tokens)
        if chance.random() < 0.6:
            return token
        parts = token.split(":")
        at = chance.randrange(len(parts))
        parts[at] = chance.choice(["", "0", "-1", "9" * 30, "٣", "c1", parts[at] + "x", "a:b", "@"])
        return ":".join(parts)

    # --- one update ---

    def one(self) -> None:
        """An update, and what becomes of it."""
        chance = self.chance
        platform = chance.choice(["slack", "telegram"])
        telegram = platform == "telegram"
        payload = self.telegram.update() if telegram else self.slack.payload()
        if chance.random() < 0.4:
            payload = shapes.spoil(payload, chance, self.words)
        self.now += timedelta(seconds=chance.choice([0, 1, 40, 4000]))
        self.found.updates += 1
        try:
            event = self._read(platform, payload)
            ack, said = (None, []) if event is None else self._handle(event)
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            name = f"{type(error).__name__} at {place.filename.rpartition('/')[2]}:{place.lineno}"
            self.found.failures.setdefault(name, payload)
            return
        self.found.heard += event is not None
        self._judge(platform, payload, ack, said)
        self._render(said)

    def _read(self, platform: str, payload: Json) -> Event | None:
        raw = json.dumps(payload).encode()
        if platform == "slack":
            inner = json.loads(raw)
            if self._again(slack_in.keys(inner)[0]):
                return None
            return slack_in.reader(raw, InboxMeta("slack", SLACK, "k", self.now))
        update = json.loads(raw)
        if self._again(telegram_in.keys(update)[0]):
            return None
        return telegram_in.read(
            update, bot_account=TELEGRAM, username="cordee_bot", received_at=self.now
        )

    def _again(self, key: str) -> bool:
        """Whether the inbox would know it already, and answer nothing a second time."""
        self._repeated = key in self._keys
        self._keys.add(key)
        return self._repeated

    def _handle(self, event: Event) -> tuple[Ack, list[Outbox]]:
        with self.database.unit_of_work() as uow:
            ack = self.bot.handle(uow, event, self.now)
            uow.commit()
        with self.database.unit_of_work() as uow:
            rows = list(
                uow.session.scalars(
                    select(Outbox).where(Outbox.id > self._seen).order_by(Outbox.id)
                )
            )
            if rows:
                self._seen = rows[-1].id
            for row in rows:
                row.payload = row.payload and uow.vault.open_bytes(
                    uow.session, row.person_id, row.payload
                )
                uow.session.expunge(row)
        return ack, rows

    def _judge(self, platform: str, payload: Json, ack: Ack | None, said: list[Outbox]) -> None:
        account = human(platform, payload)
        if account is None or self._repeated:
            return
        told = ack is not None and bool(ack.form or ack.errors or ack.toast)
        if told or any(row.chat_id.partition("/")[0] == account for row in said):
            self.found.owed += 1
            self.found.answered += 1
        elif allowed := silence(platform, payload):
            self.found.allowed[f"{platform}: {allowed}"] += 1
        else:
            self.found.owed += 1
            kind = payload.get("type") or next((k for k in payload if k != "update_id"), "?")
            self.found.silent.setdefault(f"{platform} {kind} {len(self.found.silent)}", payload)

    def _render(self, said: list[Outbox]) -> None:
        for row in said:
            self._rendered += 1
            if row.payload is None or self._rendered % 4:
                continue
            message = MESSAGE.validate_json(row.payload)
            self._learn(message)
            for one in message.sections if isinstance(message, Home) else (message,):
                slack_out.blocks(one)
            telegram_out.render(message, row.id)

    def _learn(self, message: Message | Home) -> None:
        sections = message.sections if isinstance(message, Home) else (message,)
        found: list[Choice | None] = []
        for one in sections:
            found += [*one.choices, *one.quiet, one.form, *(line.choice for line in one.lines)]
        self.tokens += [c.token for c in found if c is not None and c.token]
        self.tokens = self.tokens[-400:]


@lru_cache(maxsize=1)
def _scene() -> Any:
    return cast("ax-accompagnement", START, couples=8, zones=("Europe/Paris",), alone=6)


def fuzz(updates: int, seed: int = 1) -> tuple[Found, Listening]:
    """So many of them."""
    found = Found()
    with listening(re.compile(CANARY, re.IGNORECASE)) as log:
        while found.updates < updates:
            ground = Ground(seed * 1_000_003 + found.updates, found)
            for _ in range(min(ANEW, updates - found.updates)):
                ground.one()
            ground.close()
    return found, log


def main() -> int:
    """Print the figures; 1 when one of them is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--updates", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    begun, fuzz_from = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found, log = fuzz(given.updates, given.seed)
    for name, payload in (*found.failures.items(), *list(found.silent.items())[:10]):
        print(name, json.dumps(payload)[:1500])
    for line in (*sorted(set(log.errors))[:10], *sorted(set(log.spilt))[:10]):
        print(line)
    print(f"updates                {found.updates:>10,}")
    print(f"types described        {'the whole Bot API' if found.whole else 'our own few':>10}")
    print(f"events among them      {found.heard:>10,}")
    print(f"exceptions             {len(found.failures):>10} kinds (bar: 0)")
    print(f"errors in the log      {len(log.errors):>10} (bar: 0)")
    print(f"words in the log       {len(log.spilt):>10} (bar: 0)")
    print(f"people owed an answer  {found.owed:>10,}")
    print(f"left without           {found.owed - found.answered:>10} (bar: 0)")
    for name, count in sorted(found.allowed.items()):
        print(f"  silence allowed: {name:<45} {count:>7,}")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - fuzz_from
    print(f"memory, highest        {grown / 1024:>10.0f} MiB more than at the start")
    print(f"seconds                {time.perf_counter() - begun:>10.1f}")
    wrong = found.failures or found.silent or log.errors or log.spilt
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
