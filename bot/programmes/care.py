"""What a programme file says of pairs beyond their questions: the charter, and turning to others.

Nothing here acts, nor knows who is in a pair.

Source: A-07, A-17, A-19; X-11, X-13, X-19.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from pydantic import Field

from bot.dialogue.questionnaire import Data, Id, Label, Localised
from bot.programmes.about import Agreed

Side = Literal["mentee", "mentor"]
Turning = Literal["coach", "test", "bilan", "group"]
TURNINGS: Final[tuple[Turning, ...]] = ("coach", "test", "bilan", "group")


class Charter(Agreed):
    """What a volunteer accepts before the first contact (A-19)."""


class Extension(Data):
    """A pair may go on after its end, when both sides say yes (X-19)."""

    months: int = Field(default=3, ge=1, le=60)
    """By how many months at a time."""
    max_months: int = Field(default=12, ge=1, le=120)
    """From the first day, all extensions counted."""
    ask_days: int = Field(default=21, ge=0, le=180)
    """Both sides are asked so many days before the end; 0 = only when one of them wishes."""


class Training(Data):
    """What a mentor has to have followed before their first pair (X-13)."""

    required: bool = True
    text: Localised
    """What it is and how to follow it."""
    link: str | None = Field(default=None, pattern=r"^https?://\S+$", max_length=500)


class Limits(Data):
    """What is more than a volunteer's role; the team hears of it (A-19)."""

    meetings: int | None = Field(default=None, ge=1, le=60)
    """In thirty days."""
    hours: int | None = Field(default=None, ge=1, le=200)
    """In thirty days."""
    months: int | None = Field(default=None, ge=1, le=120)
    """From the first day of a pair."""


class PairRules(Data):
    """How long a relation lasts, what begins it, and what it should not become."""

    months: int = Field(default=6, ge=1, le=60)
    charter: Charter | None = None
    introduction: Localised | None = None
    """Said to both sides when they are introduced."""
    extension: Extension | None = None
    """Without it a pair cannot be extended."""
    training: Training | None = None
    limits: Limits = Limits()
    ask_after_meetings: bool = False
    """Whether both sides are asked, once a meeting is over, whether it took place (J-20)."""


class Guide(Data):
    """A text pushed to one side of each pair in a given month (A-07)."""

    month: int = Field(ge=0, le=60)
    """Whole months after the pair began; 0 is with the introduction."""
    to: tuple[Side, ...] = ("mentee",)
    text: Localised


class Expectations(Data):
    """What was expected at the intake, asked again at the end (X-11); the same options twice."""

    asked: Id
    """The question of the intake."""
    found: Id
    """The question of the closing."""


class Referral(Data):
    """One of the four ways to turn to others than a volunteer; in our own words by default."""

    label: Label | None = None
    text: Localised | None = None
    """What it is, with whom, and what it costs."""


class Referrals(Data):
    """Turning to others beside or instead of a pair (A-17)."""

    kinds: Mapping[Turning, Referral] = Field(
        default_factory=lambda: dict.fromkeys(TURNINGS, Referral())
    )
    """Those that there are here; all four by default."""
    idle_weeks: int = Field(default=3, ge=1, le=52)
    """The team is reminded of one that has not moved for so long."""
    ask_weeks: int = Field(default=4, ge=1, le=52)
    """The person is asked so long after it was agreed or began how it goes."""
