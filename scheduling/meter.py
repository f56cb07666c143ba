"""What is counted while the bot works, said in its own words.

Whoever counts is handed in. This module and those that call it know no format of metrics, and
nothing that they tell ever names a person, a chat or a word that was said.

Source: delivery protocol, "Answers of the platforms"; quality, S4.
"""

from __future__ import annotations

from typing import Protocol

from scheduling.sender import Outcome


class Meter(Protocol):
    """Counts; called from any thread, must not block nor raise."""

    def received(self, platform: str) -> None:
        """An update was kept."""
        ...

    def worked(self, platform: str, seconds: float) -> None:
        """A turn was committed, after so many seconds."""
        ...

    def failed(self, platform: str) -> None:
        """A turn raised; it will be tried again, or was given up."""
        ...

    def answered(self, bot_account: str, op: str, outcome: Outcome) -> None:
        """A platform answered a call of ours, or did not."""
        ...

    def looked_up(self, bot_account: str, op: str, outcome: Outcome) -> None:
        """A look-up had its last word on a doubtful call."""
        ...

    def fired(self, kind: str) -> None:
        """A timer fired, and its effect was committed."""
        ...


class Silent:
    """Counts nothing."""

    def received(self, platform: str) -> None:
        """Nothing."""

    def worked(self, platform: str, seconds: float) -> None:
        """Nothing."""

    def failed(self, platform: str) -> None:
        """Nothing."""

    def answered(self, bot_account: str, op: str, outcome: Outcome) -> None:
        """Nothing."""

    def looked_up(self, bot_account: str, op: str, outcome: Outcome) -> None:
        """Nothing."""

    def fired(self, kind: str) -> None:
        """Nothing."""
