"""What a programme file says of the team's queue: how soon requests are taken on, when it is told.

Working days are those of the programme's zone. Who is in the team, and what waits, is stored; this
module does not know it.
"""

from __future__ import annotations

from datetime import time
from typing import Annotated

from pydantic import Field, StringConstraints, field_validator

from bot.dialogue.questionnaire import Data

Channel = Annotated[
    str,
    StringConstraints(pattern=r"^(slack:T[A-Z0-9]{1,20}/[CG][A-Z0-9]{1,20}|telegram:-\d{1,18})$"),
]
"""`slack:T0TEAM/C0CHANNEL` or `telegram:-1001234567890`."""


class QueueRules(Data):
    """`[queue]`: how soon somebody of the team takes a request on, and who hears when nobody does.

    Source: A-15 (no request without owner and deadline), A-28 (one or two digests a day).
    """

    claim_days: int = Field(default=2, ge=1, le=60)
    """Working days after which the team is told of a request that nobody has taken on."""
    feasible_first: bool = False
    """Nobody is proposed before the team has said that it can help; by default experts are
    proposed at once, and the team judges beside (A-14, A-15)."""
    escalate_days: int = Field(default=2, ge=1, le=60)
    """Working days after that, or after a deadline has passed, until the others are told."""
    digests: tuple[time, ...] = Field(default=(time(8, 30), time(17, 30)), max_length=2)
    """Local times, on working days, of what waits in one message; [] = none.

    The first says all that waits, the second only what is new since.
    """
    channels: tuple[Channel, ...] = Field(default=(), max_length=4)
    """The team's own channels and groups, where the bot keeps one message of counts up to date."""

    @field_validator("digests")
    @classmethod
    def _growing(cls, digests: tuple[time, ...]) -> tuple[time, ...]:
        if list(digests) != sorted(set(digests)):
            raise ValueError('write growing local times, for example ["08:30", "17:30"]')
        return digests
