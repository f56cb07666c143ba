"""What the program raises: a message, a hint what to do about it, and the cause in `str()`.

A person's mistake is never one of these (it is a `Rejected` of the dialogue). This module does not
know who catches an error, nor what the person concerned is told.
"""

from __future__ import annotations

import inspect

from typing_extensions import override


class CordeeError(Exception):
    """Something failed in Cordée."""

    def __init__(self, message: str | None = None, hint: str | None = None) -> None:
        """Say what failed and what to do.

        Args:
            message: one English sentence; by default the docstring of the class.
            hint: what the reader can do about it, if anything.
        """
        self.message = message or inspect.cleandoc(type(self).__doc__ or "").partition("\n")[0]
        self.hint = hint
        super().__init__(self.message)

    @override
    def __str__(self) -> str:
        """The message, its cause when it was raised from another error, and the hint."""
        text = self.message
        if self.__cause__ is not None:
            text += f" ({type(self.__cause__).__name__}: {self.__cause__})"
        if self.hint:
            text += f"\n  {self.hint}"
        return text


class SettingsError(CordeeError):
    """A setting is missing, unknown or unusable."""


class TokenRefused(SettingsError):
    """A platform does not take the bot's token, or no longer."""

    def __init__(self, platform: str, code: str, message: str, hint: str | None = None) -> None:
        """Say whose.

        Args:
            platform: `slack` or `telegram`.
            code: What it says of the token.
            message: As for every error.
            hint: As for every error.
        """
        super().__init__(message, hint)
        self.platform, self.code = platform, code


class ProgrammeError(CordeeError):
    """A programme file can't be used."""

    def __init__(
        self, file: str, place: str, message: str | None = None, hint: str | None = None
    ) -> None:
        """Say where and what.

        Args:
            file: name of the programme file.
            place: where in it, e.g. `intake.questions[4] "delay"` or `line 12, column 3`; "" for
                the file as a whole.
            message: what is wrong there.
            hint: what to write instead.
        """
        self.file = file
        self.place = place
        super().__init__(message, hint)
        where = f"{file}, {place}" if place else file
        self.message = f"{where}: {self.message}"
        self.args = (self.message,)


class PolicyError(CordeeError):
    """Something can be reached and does not say by whom: a fault of the program."""


class StorageError(CordeeError):
    """The database refused or is out of reach."""


class NotAllowed(CordeeError):
    """This person may not do this, or there is no such thing: the two look alike on purpose."""


class NotRunHere(NotAllowed):
    """The programme that this is about is not among those run here, today."""


class ConsentMissing(CordeeError):
    """This person has yet to agree to be stored in the programme that this is about."""

    def __init__(self, programme_id: str) -> None:
        """Say which.

        Args:
            programme_id: where consent is asked now.
        """
        self.programme_id = programme_id
        super().__init__()


class Unreachable(CordeeError):
    """The platform says that this person can't be written to any more."""


class TryLater(CordeeError):
    """The platform asks us to wait before the next call."""

    def __init__(self, seconds: float, message: str | None = None, hint: str | None = None) -> None:
        """Say how long.

        Args:
            seconds: how long to wait, at least.
            message: what was refused.
            hint: what the reader can do about it.
        """
        self.seconds = seconds
        super().__init__(message, hint)
