"""What a person was told in their private chats, as far as it can still be taken back.

Only addresses and the platforms' numbers of messages: what they say was forgotten when it was sent.
This module does not know which of them a platform lets go, nor why they are to go.

Source: GDPR 17, 28; ADR 0014.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage.tables import Identity, Outbox

FAREWELL: Final = "farewell:"
"""Beginning of the key of whatever is still said or taken back after somebody was erased."""
ASIDE: Final = "/back"
"""After a chat: a line of its own for what is taken back there, which holds up nothing new."""
KNOWN: Final = timedelta(days=90)
"""For so long is it known where a message went: what was sent is kept no longer."""
PATIENCE: Final = timedelta(hours=1)
"""What is not said or taken back by then never will be."""


@dataclass(frozen=True, slots=True)
class Told:
    """One message of ours that is, as far as we know, still there.

    Attributes:
        bot_account: Who said it.
        chat_id: The private chat, as it is written to.
        message_id: The platform's id, `chat/message`.
        at: When it was said (UTC).
    """

    bot_account: str
    chat_id: str
    message_id: str
    at: datetime


def told_to(session: Session, person_id: int, now: datetime) -> Sequence[Told]:
    """What was said in the private chats of somebody, newest first.

    Args:
        session: A transaction.
        person_id: Whose accounts.
        now: UTC.
    """
    theirs = (Outbox.person_id == person_id, Outbox.state == "sent", Outbox.message_id.is_not(None))
    removed = select(Outbox.target).where(*theirs, Outbox.op == "delete")
    found: list[Told] = []
    accounts = session.execute(
        select(Identity.bot_account, Identity.account)
        .where(Identity.person_id == person_id)
        .order_by(Identity.id)
    )
    for bot_account, account in accounts.all():
        chat = account.rpartition("/")[2]
        first = func.min(Outbox.sent_at)  # an edit is younger than what it edited
        rows = session.execute(
            select(Outbox.message_id, first)
            .where(*theirs, Outbox.bot_account == bot_account, Outbox.chat_id == chat)
            .where(Outbox.op != "delete", Outbox.message_id.not_in(removed))
            .group_by(Outbox.message_id)
            .having(first > now - KNOWN)
            .order_by(first.desc(), func.min(Outbox.id).desc())
        )
        found += [Told(bot_account, chat, row[0] or "", row[1] or now) for row in rows]
    return found
