"""Matching: how well people fit a wish, and why. Pure: it knows neither storage nor platforms."""

from bot.matching.features import WEIGHTS, Profile, Rules, Wish
from bot.matching.reasons import Reason
from bot.matching.score import Index, Suggestion, needs_human

__all__ = ["WEIGHTS", "Index", "Profile", "Reason", "Rules", "Suggestion", "Wish", "needs_human"]
