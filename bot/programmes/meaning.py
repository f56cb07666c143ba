"""What answers stand for: columns of a person's profile, and features that matching reads.

A question says `fill = "sector"` or `feature = "sector"`; an option stands for its `match` values,
for its own value when it has no `match`, for nothing when `match = []`. This module does not know
where columns are kept nor how features are weighed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, Literal

from bot.dialogue.questionnaire import Question, Questionnaire, did_you_mean

COLUMNS: Final[Mapping[str, Literal["text", "list", "number", "yes"]]] = {
    "name": "text",
    "email": "text",
    "promo": "number",
    "school": "text",
    "job": "text",
    "employer": "text",
    "structure": "text",
    "sector": "text",
    "city": "text",
    "country": "text",
    "countries": "list",
    "bio": "text",
    "situations": "list",
    "languages": "list",
    "helps": "list",
    "topics": "text",
    "capacity": "number",
    "consenting": "yes",
}
"""What `fill` may name: columns of a person or expert, and what they hold."""

SHOWN_TO_OTHERS: Final = frozenset(
    name for name, holds in COLUMNS.items() if holds in ("text", "list") and name != "email"
)
"""Columns with words that the other side of a programme may be shown; an address never is."""

FEATURES: Final = (
    "text",
    "sector",
    "job",
    "employer",
    "structure",
    "country",
    "situation",
    "language",
    "city",
    "help_kind",
)
"""What `feature` may name."""

STRUCTURES: Final = (
    "startup",
    "pme",
    "groupe",
    "public",
    "cabinet",
    "association",
    "independant",
    "recherche",
)
"""Kinds of employer, as the directory writes them."""

HELPS: Final = ("one_off", "referent", "long_term")
"""Kinds of help (A-23, A-24)."""

Column = str | int | bool | tuple[str, ...]


def stands_for(question: Question, answer: object) -> tuple[str, ...]:
    """What an answer stands for, as words.

    Args:
        question: the question in today's file.
        answer: a value of it, as `engine.result` gives them.

    Returns:
        What the options chosen stand for; the text, date or grade itself otherwise.
    """
    chosen = answer if isinstance(answer, tuple) else (answer,)
    options = [question.option(value) for value in chosen if isinstance(value, str)]
    if question.kind in {"choice", "many"}:
        return tuple(dict.fromkeys(v for o in options if o for v in o.stands_for))
    return (str(answer),)


def features(qs: Questionnaire, answers: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
    """What matching reads of these answers: feature -> values, only those answered."""
    found: dict[str, tuple[str, ...]] = {}
    for question in qs.questions:
        if question.feature and question.id in answers:
            values = stands_for(question, answers[question.id])
            before = found.get(question.feature, ())
            if merged := tuple(dict.fromkeys((*before, *values))):
                found[question.feature] = merged
    return found


def columns(qs: Questionnaire, answers: Mapping[str, object]) -> dict[str, Column]:
    """What these answers write into the columns of a person: name -> value, only those answered."""
    found: dict[str, Column] = {}
    for question in qs.questions:
        if question.fill and question.id in answers:
            values = stands_for(question, answers[question.id])
            if not values:
                continue
            match COLUMNS.get(question.fill):
                case "number":
                    found[question.fill] = int(values[0])
                case "yes":
                    found[question.fill] = values[0] == "yes"
                case "list":
                    found[question.fill] = _listed(question, values)
                case _:
                    found[question.fill] = ", ".join(values)
    return found


def _listed(question: Question, values: tuple[str, ...]) -> tuple[str, ...]:
    if question.kind in {"choice", "many"}:
        return values
    parts = (p.strip() for v in values for p in re.split(r"[,;\n]", v))
    return tuple(dict.fromkeys(p for p in parts if p))


def faults_of_fill(question: Question) -> Iterable[str]:
    """What is wrong with `fill` of a question, in English, each with its remedy."""
    name = question.fill or ""
    if name not in COLUMNS:
        yield f"'fill' names no column: \"{name}\"{did_you_mean(name, COLUMNS)}"
        return
    values = [v for o in question.options for v in o.stands_for]
    if COLUMNS[name] == "number":
        if question.kind == "text" and question.format != "year":
            yield f"'{name}' is a number: ask it with a choice, a scale, or format = \"year\""
        elif question.kind not in {"text", "scale", "choice"} or not all(
            v.isdecimal() for v in values
        ):
            yield f"'{name}' is a number: its options have to stand for whole numbers"
    elif COLUMNS[name] == "yes" and (question.kind != "choice" or "yes" not in values):
        yield f"'{name}' wants a choice question with an option \"yes\""
    known = {"structure": STRUCTURES, "helps": HELPS}.get(name)
    for value in values if known else ():
        if known and value not in known:
            yield f'"{value}" is no {name}{did_you_mean(value, known)}'
    if known and not values:
        yield f"'{name}' wants a choice or many question"
