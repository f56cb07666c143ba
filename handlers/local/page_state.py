"""The demo page's picture of the world: both platforms, the clock and the outbox, as JSON.

What was sent is given as the platforms' servers stored it. It refuses to know HTTP and to change
anything.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select

from handlers.local.fake_slack import FakeSlack
from handlers.local.fake_telegram import FakeTelegram
from handlers.local.slack_world import SlackMessage
from handlers.local.stage import Stage
from handlers.local.telegram_api import TelegramMessage
from storage.tables import Outbox, Person, Timer
from storage.unit_of_work import UnitOfWork

Json = dict[str, Any]

SHOWN_MESSAGES: Final = 150
SHOWN_ROWS: Final = 40
SHOWN_TIMERS: Final = 12


@dataclass(frozen=True)
class Persona:
    """Somebody the demo's user plays.

    Attributes:
        id: Short name, ASCII.
        name: Full name.
        role: What the person is here; a key of the page's words.
        slack: `U…`, or None.
        telegram: Account number, or None.
        opens: The platform on which this person is the one shown first.
    """

    id: str
    name: str
    role: str
    slack: str | None = None
    telegram: int | None = None
    opens: str | None = None


async def snapshot(stage: Stage, personas: tuple[Persona, ...]) -> Json:
    """Everything the page draws.

    Returns:
        Times are milliseconds since 1970, UTC.
    """
    now = stage.clock.now()
    rows, timers, waiting = await stage.read(_planned, now)
    due = [t["due"] for t in timers] + ([waiting] if waiting is not None else [])
    return {
        "now": _ms(now),
        "next_due": min(due, default=None),
        "personas": [asdict(p) for p in personas],
        "slack": {p.slack: _slack(stage.slack, p.slack) for p in personas if p.slack},
        "telegram": {
            str(p.telegram): _telegram(stage.telegram, p.telegram) for p in personas if p.telegram
        },
        "outbox": rows,
        "timers": timers,
        "refusals": len(stage.slack.refusals) + len(stage.telegram.refusals),
    }


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


# --- Slack ------------------------------------------------------------------------------------


def _slack(slack: FakeSlack, user: str) -> Json:
    home = slack.home(user)
    return {
        "messages": [_slack_message(slack, m) for m in slack.messages(user)[-SHOWN_MESSAGES:]],
        "views": [
            {"id": v.id, "hash": v.hash, "view": v.view, "state": v.state}
            for v in slack.views(user)
        ],
        "home": (
            {"id": home.id, "hash": home.hash, "view": home.view, "state": home.state}
            if home is not None
            else None
        ),
    }


def _slack_message(slack: FakeSlack, message: SlackMessage) -> Json:
    files = [slack.file(name) for name in message.files]
    return {
        "ts": message.ts,
        "bot": message.by_bot,
        "text": message.text,
        "blocks": message.blocks,
        "edited": message.edited,
        "ephemeral": message.visible_to is not None,
        "thread": message.thread_ts,
        "metadata": message.metadata,
        "state": message.state,
        "files": [
            {
                "id": f.id,
                "name": f.filename,
                "title": f.title,
                "size": f.length,
                "picture": f.is_picture,
                "alt": f.alt,
            }
            for f in files
        ],
    }


# --- Telegram ---------------------------------------------------------------------------------


def _telegram(telegram: FakeTelegram, user: int) -> Json:
    person = telegram.world.users[user]
    messages = telegram.messages(user)[-SHOWN_MESSAGES:]
    language = (person.language_code or "")[:2]
    about = telegram.world.descriptions
    return {
        "started": person.started,
        "messages": [_telegram_message(telegram, m) for m in messages],
        "commands": telegram.commands_for(user),
        "description": about.get(("description", language), about.get(("description", ""), "")),
    }


def _telegram_message(telegram: FakeTelegram, message: TelegramMessage) -> Json:
    shown = telegram.world.as_json(message, deep=False)
    if message.markup is not None:
        shown["reply_markup"] = message.markup  # force_reply too, which the API leaves out
    return {
        "id": message.id,
        "bot": message.by_bot,
        "at": _ms(message.date),
        "edited": message.edited is not None,
        "file": (
            {
                "name": message.document.filename,
                "size": len(message.document.content),
                "picture": message.photo,
            }
            if message.document is not None
            else None
        ),
        "json": shown,
    }


# --- what is planned --------------------------------------------------------------------------


def _planned(uow: UnitOfWork, now: datetime) -> tuple[list[Json], list[Json], int | None]:
    """The newest rows of the outbox, the next timers, and when a row is to be sent next."""
    session = uow.session
    found = session.execute(
        select(Outbox, Person.name)
        .outerjoin(Person, Person.id == Outbox.person_id)
        .order_by(Outbox.id.desc())
        .limit(SHOWN_ROWS)
    ).all()
    rows = [
        {
            "id": row.id,
            "op": row.op,
            "key": row.dedup_key,
            "message": row.message_id,
            "platform": row.bot_account.partition(":")[0],
            "to": name,
            "chat": row.chat_id,
            "state": row.state,
            "reason": row.reason,
            "at": _ms(row.created_at),
            "due": _ms(row.not_before),
            "sent": _ms(row.sent_at) if row.sent_at is not None else None,
        }
        for row, name in found
    ]
    pending = session.scalars(
        select(Timer).where(Timer.state == "pending").order_by(Timer.due_at).limit(SHOWN_TIMERS)
    )
    timers = [{"id": t.id, "kind": t.kind, "key": t.key, "due": _ms(t.due_at)} for t in pending]
    waiting = session.scalar(
        select(Outbox.not_before)
        .where(Outbox.state == "queued", Outbox.not_before > now)
        .order_by(Outbox.not_before)
        .limit(1)
    )
    return rows, timers, _ms(waiting) if waiting is not None else None
