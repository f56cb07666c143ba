"""Updates of every shape through the real ports: Slack's signed HTTP and Telegram's webhook.

    python -m tests.fuzz.ports --updates 3000

The shapes are those of `tests/fuzz/updates`, most of them spoilt; here they meet the web server,
slack-bolt, the inbox, the turns and the senders of a running service, before the local platforms.
Looked for: an answer of 5xx, an error in the log, words of people in it, an event given up.

Source: quality goals R4 and S4.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final
from urllib.parse import urlencode

from multidict import CIMultiDict
from sqlalchemy import func, select

from handlers.slack.send import HOOKS
from storage.tables import Inbox, Outbox
from tests.authorisation.forged import HOOK, House, Sent, house, signed
from tests.fuzz import shapes
from tests.fuzz.updates import CANARY, Found, Ground
from tests.listening import listening

SETTLING: Final = 120.0  # seconds that the last events may take


@dataclass
class Figures:
    """What came of it."""

    updates: int = 0
    by_status: Counter[int] = field(default_factory=Counter)
    kept: int = 0
    said: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


def as_slack(payload: dict[str, Any], here: str) -> Sent:
    """As Slack would post it: a command as a form, an event as JSON, the rest as JSON in a form.

    Args:
        payload: What it says.
        here: Where the local Slack is: answers in place go there, never out of this machine.
    """
    payload = json.loads(json.dumps(payload).replace(f"https://{HOOKS}/", here))
    if "command" in payload:
        body = urlencode({k: v if isinstance(v, str) else json.dumps(v)
                          for k, v in payload.items()}, errors="replace")  # fmt: skip
    elif payload.get("type") == "event_callback":
        body = json.dumps(payload)
    else:
        body = urlencode({"payload": json.dumps(payload)})
    raw = body.encode()
    return Sent("/slack/events", signed(raw, str(int(time.time()))), raw)


def as_telegram(payload: dict[str, Any]) -> Sent:
    """As Telegram would post it."""
    headers = CIMultiDict(
        {"Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": HOOK}
    )
    return Sent("/telegram", headers, json.dumps(payload).encode())


async def send(updates: int, seed: int = 1) -> Figures:
    """Send so many, wait until each was worked, and look what happened."""
    chance, figures, began = Random(seed), Figures(), time.monotonic()
    ground = Ground(seed, Found())  # for its words and buttons: none of these is worked there
    with listening(re.compile(CANARY, re.IGNORECASE)) as log:
        async with house() as one:
            here = one.service.settings.slack_api_url or ""
            for _ in range(updates):
                telegram = chance.random() < 0.5
                payload = ground.telegram.update() if telegram else ground.slack.payload()
                if chance.random() < 0.6:
                    payload = shapes.spoil(payload, chance, ground.words)
                request = as_telegram(payload) if telegram else as_slack(payload, here)
                status = await one.send(request)
                figures.updates += 1
                figures.by_status[status] += 1
                if status >= 500:
                    figures.faults.append(f"answered {status}: {request.body[:600]!r}")
            await _settled(one, figures)
    ground.close()
    logged = [f"logged: {line}" for line in (*log.errors, *log.spilt)]
    figures.faults += sorted(set(logged))
    figures.seconds = time.monotonic() - began
    return figures


async def _settled(one: House, figures: Figures) -> None:
    def counts() -> dict[str, int]:
        with one.service.database.unit_of_work() as uow:
            rows = uow.session.execute(select(Inbox.state, func.count()).group_by(Inbox.state))
            found = {row.state: row[1] for row in rows}
            said = select(func.count()).select_from(Outbox)
            return found | {"said": int(uow.session.scalar(said) or 0)}

    until = time.monotonic() + SETTLING
    while True:
        found = await one.service.worker.run(counts)
        if not found.get("received") or time.monotonic() > until:
            break
        await asyncio.sleep(0.1)
    figures.kept, figures.said = found.get("done", 0), found["said"]
    for state in ("received", "rejected"):
        if found.get(state):
            figures.faults.append(f"{found[state]} events are {state}")


def main() -> int:
    """Print the figures; 1 when there is a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--updates", type=int, default=3_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    figures = asyncio.run(send(given.updates, given.seed))
    for fault in figures.faults[:20]:
        print(fault)
    print(f"updates through the ports {figures.updates:>8,}")
    print(f"statuses                  {dict(sorted(figures.by_status.items()))}")
    print(f"events worked             {figures.kept:>8,}")
    print(f"messages said             {figures.said:>8,}")
    print(f"faults                    {len(figures.faults):>8,} (bar: 0)")
    print(f"seconds                   {figures.seconds:>8.0f}")
    return 1 if figures.faults else 0


if __name__ == "__main__":
    sys.exit(main())
