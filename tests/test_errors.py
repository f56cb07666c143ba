"""Errors say what failed, why, and what to do."""

from __future__ import annotations

from bot.errors import CordeeError, NotAllowed, ProgrammeError, TryLater, Unreachable


def test_the_docstring_is_the_default_message() -> None:
    assert str(Unreachable()) == "The platform says that this person can't be written to any more."
    assert str(NotAllowed("No.")) == "No."


def test_the_cause_and_the_hint_are_shown() -> None:
    error = CordeeError("Nothing was saved.", hint="Make room.")
    error.__cause__ = OSError("disk full")
    shown = str(error)
    assert shown == "Nothing was saved. (OSError: disk full)\n  Make room."


def test_a_programme_error_names_file_and_place() -> None:
    error = ProgrammeError("x.toml", "intake.questions[4]", "unknown key", "Write help.")
    assert (error.file, error.place, error.hint) == ("x.toml", "intake.questions[4]", "Write help.")
    assert str(error) == "x.toml, intake.questions[4]: unknown key\n  Write help."
    assert str(ProgrammeError("x.toml", "", "no such file")) == "x.toml: no such file"


def test_try_later_says_how_long() -> None:
    assert TryLater(1.5).seconds == 1.5
