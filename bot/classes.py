"""What a class may be called, and by what it is found, typed or in a file.

This module knows neither who is in a class nor who may see it.

Source: J-01.
"""

from __future__ import annotations

import re
from typing import Final

from bot.dialogue.questionnaire import fold

_NAME: Final = re.compile(r"[^\W_][\w .'’-]{0,15}")
_KEY: Final = re.compile(r"[a-z0-9.'-]{1,20}", re.ASCII)  # as a button can carry it


def key_of(name: str) -> str:
    """A class's name as it is found by: « 2de 4 », « 2DE-4 » are one."""
    return re.sub(r"[\s-]+", "-", fold(name))


def named(typed: str) -> tuple[str, str] | None:
    """The key and the name of a class; None when a class cannot be called so."""
    name, key = " ".join(typed.split()), key_of(typed)
    return (key, name) if _NAME.fullmatch(name) and _KEY.fullmatch(key) else None
