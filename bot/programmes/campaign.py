"""What a programme file says of its yearly campaign: who may take part, how places are given.

How long a pair lasts is `[pair]`'s affair, how well people fit `[matching]`'s. This module does not
know which campaign is running, nor who applied.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, field_validator

from bot.dialogue.questionnaire import Data

Points = Annotated[int, Field(ge=0, le=100)]
"""Out of 100, as scores are."""


class CampaignRules(Data):
    """`[campaign]`: mentors are found for all volunteers at once, not for each on demand."""

    study_years: tuple[Annotated[int, Field(ge=1, le=10)], ...] = Field(default=(2,), min_length=1)
    """Years of study in which one may apply (X-02); 1 is the year of entry."""
    year_from: int = Field(default=8, ge=1, le=12)
    """Month in which a year of study begins, so that a campaign opened then is the next one's."""
    penalties: tuple[Points, ...] = Field(default=(0, 4, 8), min_length=1)
    """What a mentor's first, second, third mentee costs; the last step goes on."""
    floor: Literal["auto"] | Points = "auto"
    """Score under which no pair lies; auto: as high as it goes without a pair less."""
    keep_bonus: Points = 6
    """How much better another pair has to be to replace one that waits for its answer."""
    warn_below: float = Field(default=1.0, ge=0, le=10)
    """Free places per volunteer under which the team is told (X-14); 0 = never."""

    @field_validator("penalties")
    @classmethod
    def _never_less(cls, penalties: tuple[int, ...]) -> tuple[int, ...]:
        steps = [b - a for a, b in zip((0, *penalties), penalties, strict=False)]
        if steps != sorted(steps) or steps[0] < 0:
            raise ValueError("each further mentee has to cost at least as much more as the last")
        return penalties

    def promos(self, day: date) -> list[int]:
        """The years of entry of those who may apply, on a day."""
        begun = day.year - (day.month < self.year_from)
        return sorted({begun - year + 1 for year in self.study_years}, reverse=True)
