"""Matching: how well people fit a wish, and why. Pure: it knows neither storage nor platforms."""

from bot.matching.features import Profile, Wish
from bot.matching.reasons import Reason
from bot.matching.score import WEIGHTS, Index, Suggestion, needs_human

__all__ = ["WEIGHTS", "Index", "Profile", "Reason", "Suggestion", "Wish", "needs_human"]
