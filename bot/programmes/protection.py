"""What a programme file says of minors and of emergencies. Nothing here acts.

Source: quality rules, section 4 (minors, child protection), P4, P5.
"""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from bot.dialogue.questionnaire import Data, Label, Localised

Platform = Literal["slack", "telegram"]
OF_AGE: Final = 18
"""Years from which nobody is a minor (Code civil, art. 414)."""


class Minors(Data):
    """`[minors]`: mentees may be minors; who has not told an age is treated as one."""

    joint_under: int = Field(default=15, ge=0, le=OF_AGE)
    """Under that age the parents consent jointly with the child (loi Informatique et Libertés,
    art. 45); their written agreement is asked for every minor."""
    check_notice_days: int = Field(default=30, ge=1, le=180)
    """Staff are told that many days before the check of a mentor ends."""
    ask: Localised
    """Said to a pupil whose parents have not agreed yet: what is missing, whom to ask."""


class Number(Data):
    """A number to call."""

    number: str = Field(min_length=2, max_length=20)
    text: Label


class Emergency(Data):
    """`[emergency]`: whom to call, and when the team is asked again to look at a report."""

    numbers: tuple[Number, ...] = Field(
        default=(
            Number(
                number="112",
                text=Label(fr="en danger tout de suite", en="in danger right now"),
            ),
            Number(
                number="3114",
                text=Label(
                    fr="idées de suicide, jour et nuit", en="thoughts of suicide, day and night"
                ),
            ),
            Number(
                number="119",
                text=Label(
                    fr="enfance en danger, gratuit et discret",
                    en="children in danger, free and discreet",
                ),
            ),
            Number(
                number="3018",
                text=Label(
                    fr="harcèlement et violences en ligne", en="bullying and violence online"
                ),
            ),
        ),
        min_length=1,
        max_length=12,
    )
    remind_hours: int = Field(default=24, ge=1, le=168)
    """A report nobody has taken is told again after that long."""
