"""What a programme file says of matching: weights, gaps, load, words that stand for others.

It does not know how scores are made (`bot/matching`), nor who is matched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import AliasChoices, Field, model_validator

from bot.dialogue.questionnaire import Data, FileFaults, did_you_mean
from bot.programmes.meaning import STRUCTURES


class Weights(Data):
    """How much each feature counts, relative to the others; 0 leaves it out."""

    text: float = Field(default=40, ge=0)
    sector: float = Field(default=20, ge=0)
    job: float = Field(default=10, ge=0)
    employer: float = Field(default=5, ge=0)
    structure: float = Field(default=8, ge=0)
    country: float = Field(default=10, ge=0)
    situation: float = Field(default=7, ge=0)
    promo_gap: float = Field(default=0, ge=0)
    language: float = Field(default=3, ge=0)
    city: float = Field(default=2, ge=0)


class PromoGap(Data):
    """Years between two promotions: full score inside `full`, none outside the limits (X-04)."""

    full: tuple[int, int] = (8, 16)
    none_below: int = 4
    none_above: int = 25

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.none_below <= self.full[0] <= self.full[1] <= self.none_above:
            raise ValueError("write none_below <= full[0] <= full[1] <= none_above")
        return self


class Load(Data):
    """What it costs to carry somebody: a place counts one, who asks a half, who left a quarter."""

    penalties: tuple[Annotated[float, Field(ge=0, le=100)], ...] = Field(
        default=(0.0,), min_length=1
    )
    """Points out of 100 of who carries none, one, two, …; the last step goes on."""
    memory_months: int = Field(default=12, ge=0, le=120)
    """How long a pair that is over weighs, in a campaign too."""
    exposure_max: int = Field(default=5, ge=0, le=1000)
    """Who was proposed that often in seven days comes after their equals; 0 = never."""

    @model_validator(mode="after")
    def _never_less(self) -> Self:
        if list(self.penalties) != sorted(self.penalties):
            raise ValueError("each further mentee has to cost at least as much as the last")
        return self


class Matching(Data):
    """How experts are found for a request."""

    weights: Weights = Weights()
    proposals: int = Field(default=3, ge=1, le=5)
    threshold: float = Field(default=15, ge=0, le=100)
    """Score out of 100 under which nobody is proposed and the team takes over."""
    promo_gap: PromoGap = PromoGap()
    load: Load = Load()
    synonyms: Mapping[str, tuple[str, ...]] = Field(
        default_factory=dict, validation_alias=AliasChoices("synonyms", "synonymes")
    )
    """A word people use, and what profiles say instead: asso = ["association"]."""
    regions: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    """A part of the world and its countries, as they are written in profiles."""
    near_structures: tuple[tuple[str, str], ...] = (("startup", "pme"), ("groupe", "cabinet"))
    """Pairs that count half."""
    near_sectors: tuple[tuple[str, str], ...] = ()

    @model_validator(mode="after")
    def _known_structures(self) -> Self:
        for index, pair in enumerate(self.near_structures):
            for name in pair:
                if name not in STRUCTURES:
                    hint = did_you_mean(name, STRUCTURES)
                    raise FileFaults([(("near_structures", index), f'no structure "{name}"{hint}')])
        return self
