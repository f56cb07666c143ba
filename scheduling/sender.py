"""What a platform must be able to do to say something, and what can come of it.

The adapters implement `Sender`; this module knows none of them. A sender never retries by itself
and never waits for its turn: it makes one call and says what came of it.

Source: delivery protocol, "Answers of the platforms" and "Looking up a doubtful send".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from bot.messages import MESSAGE, Home, Message
from scheduling.pacing import Limits
from storage.sending import Op, Taken

Scope = Literal["chat", "method", "account"]


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message to send now.

    Attributes:
        id: Number of the row: send it along where the platform can be asked for it afterwards.
        bot_account: Who says it.
        chat_id: Where: Slack user or channel id, Telegram chat id.
        person_id: To whom; None for a channel.
        op: What to do.
        message: What to say.
        target: Message (`chat/message`) that an edit or delete aims at, or a `response_url`.
        priority: 0 answer, 5 reminder, 9 mass prompt.
        attempts: Which attempt this is, from 1.
        floor_id: What `Sender.floor` said when it was claimed.
        claimed_at: When (UTC); history is searched from a little before.
        send_deadline: The answer must be there by then (UTC).
    """

    id: int
    bot_account: str
    chat_id: str
    person_id: int | None
    op: Op
    message: Message | Home
    target: str | None
    priority: int
    attempts: int
    floor_id: int | None
    claimed_at: datetime
    send_deadline: datetime

    @classmethod
    def of(cls, row: Taken) -> Claimed:
        """The claim as a sender sees it.

        Raises:
            pydantic.ValidationError: The stored message is of a shape this version cannot read.
        """
        return cls(
            id=row.id,
            bot_account=row.bot_account,
            chat_id=row.place,
            person_id=row.person_id,
            op=row.op,
            message=MESSAGE.validate_json(row.payload),
            target=row.target,
            priority=row.priority,
            attempts=row.attempts,
            floor_id=row.floor_id,
            claimed_at=row.claimed_at,
            send_deadline=row.send_deadline,
        )


@dataclass(frozen=True, slots=True)
class Sent:
    """It is there (or was already: "message is not modified", a second delete).

    Attributes:
        message_id: The platform's name for it, `chat/message`; None where it has none.
        keep: There is more of it to show than fits at once (pages of buttons): its content is
            kept, as long as the row is.
    """

    message_id: str | None = None
    keep: bool = False


@dataclass(frozen=True, slots=True)
class NotSent:
    """It is certainly not there.

    With no further detail it is tried again later, less and less often, and not for ever: a
    connection that was never made, a message that a look-up did not find.

    Attributes:
        reason: A code or a few words, without personal text.
        retry_after: The platform said "too soon" (429): seconds to wait; 0 or less when it gave no
            number or an absurd one.
        scope: What has to wait then: this chat, this operation, or the whole account.
        permanent: The platform refuses it and always will; staff see it.
        unreachable: Nobody is there any more (blocked, deactivated; a channel archived): a person's
            other platform is tried, and staff are told.
    """

    reason: str
    retry_after: float | None = None
    scope: Scope = "chat"
    permanent: bool = False
    unreachable: bool = False


@dataclass(frozen=True, slots=True)
class Doubtful:
    """Nobody knows whether it is there: time-out while reading, connection lost, 5xx.

    Attributes:
        reason: A code or a few words, without personal text.
        look_again: From a look-up only: seconds after which to look again, because the platform did
            not answer or its history lags. None: no look-up will tell, the row's policy decides.
        there: The platform did answer, that it is too soon to look: it is not away.
    """

    reason: str
    look_again: float | None = None
    there: bool = False


Outcome = Sent | NotSent | Doubtful


class Sender(Protocol):
    """A platform's way of saying things with one token.

    Attributes:
        limits: How fast it may speak.
    """

    limits: Limits

    async def send(self, row: Claimed) -> Outcome:
        """Say it in one call, cancelled at the time-out. Raising means `Doubtful`."""
        ...

    async def reconcile(self, rows: Sequence[Claimed]) -> Mapping[int, Outcome]:
        """Look up what became of sends of which no answer came; `NotSent` means certainly absent.

        Takes as long as the platform's history needs; only the chats concerned wait. At most one
        row per chat. A row left out of the answer counts as `Doubtful`. Raising means "look again".
        """
        ...

    def floor(self) -> int | None:
        """Highest message id seen so far, where ids tell an order; None elsewhere."""
        ...

    def resume(self, message_ids: Iterable[str]) -> None:
        """This process sends from now on: these (`chat/message`) are the last that were sent."""
        ...
