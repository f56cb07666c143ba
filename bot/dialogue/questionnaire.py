"""A questionnaire as data: questions, options, and the checks made once when a file is read.

This module does not know who answers, in what order inputs arrive, nor what an answer is for:
`fill`, `feature`, `match` and `share` are labels it carries for the programme.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Kind = Literal["text", "choice", "many", "scale", "date", "person"]
Language = Literal["fr", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("fr", "en")

TEXT_MAX: Final = 2000
"""Longest free text when a question sets no `max`, in characters."""
TEXT_LIMIT: Final = 3000
"""Longest `max` a text question may set. Source: Slack's plain_text_input."""
ID_MAX: Final = 20
"""Longest id of a question or option. Source: Telegram's 64-byte callback_data."""

Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=ID_MAX)]
OptionValue = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=ID_MAX)]
_Label = Annotated[str, StringConstraints(min_length=1, max_length=75, strip_whitespace=True)]
_Text = Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True)]

_LIGATURES: Final = str.maketrans({"œ": "oe", "æ": "ae"})
_NOT_A_WORD: Final = re.compile(r"[\W_]+")


def fold(text: str) -> str:
    """Reduce a text to what matters when words are compared.

    Args:
        text: anything a person typed or a label of a file.

    Returns:
        The words in lower case, without accents, punctuation or emoji, one space between them.
    """
    lowered = unicodedata.normalize("NFKD", text).casefold().translate(_LIGATURES)
    plain = unicodedata.normalize("NFKD", lowered).casefold()
    marks = {ord(c): None for c in set(plain) if unicodedata.combining(c)}
    bare = plain.translate(marks) if marks else plain
    return _NOT_A_WORD.sub(" ", bare).strip()


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """The end of an error message: what was probably meant, else what is possible, if little."""
    names = list(dict.fromkeys(known))
    close = difflib.get_close_matches(wrong, names, n=1, cutoff=0.6)
    if close:
        return f'; did you mean "{close[0]}"?'
    if 0 < len(names) <= 10:
        return f"; possible here: {', '.join(names)}"
    return ""


class FileFaults(ValueError):
    """Faults of a part of a programme file, each with its place below that part."""

    def __init__(self, found: Iterable[tuple[tuple[str | int, ...], str]]) -> None:
        """Keep the faults.

        Args:
            found: pairs of (place relative to the part, e.g. `("questions", 4, "when")`; what is
                wrong and what to write instead, in English).
        """
        self.found = list(found)
        super().__init__("; ".join(message for _, message in self.found))


class Data(BaseModel):
    """Base of everything read from a programme file: unknown keys refused, values frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Localised(Data):
    """A text in every language of the bot, at most 2,000 characters each."""

    fr: _Text
    en: _Text

    def of(self, language: str) -> str:
        """The text in `language` ("fr", "en"); French for any other."""
        return self.en if language == "en" else self.fr


class Label(Localised):
    """A short text that fits a button: at most 75 characters. Source: Slack's button text."""

    fr: _Label
    en: _Label


class Option(Data):
    """One of the answers offered by a `choice` or `many` question."""

    value: OptionValue
    label: Label
    words: tuple[str, ...] = ()
    """Other words that mean this option when typed, in any language."""
    match: tuple[str, ...] | None = None
    """What it stands for when it fills a column or feeds a feature; its value by default."""

    @property
    def stands_for(self) -> tuple[str, ...]:
        """`match`, else its own value; nothing for `match = []`."""
        return (self.value,) if self.match is None else self.match

    @cached_property
    def folded(self) -> frozenset[str]:
        """Every folded spelling under which this option is recognised."""
        spellings = (self.value.replace("_", " "), self.label.fr, self.label.en, *self.words)
        return frozenset(s for s in map(fold, spellings) if s)


class Question(Data):
    """One question, in every language, with what counts as an answer to it."""

    id: Id
    kind: Kind
    text: Localised
    help: Localised | None = None
    placeholder: Label | None = None
    options: tuple[Option, ...] = Field(default=(), max_length=100)
    when: Mapping[str, tuple[str | int, ...]] = Field(default_factory=dict)
    """Asked only if each earlier question named here has one of the values given."""
    optional: bool = False
    min: int | None = None
    """text: fewest characters; many: fewest choices; scale: lowest grade (1)."""
    max: int | None = None
    """text: most characters (2,000); many: most choices; scale: highest grade (5)."""
    low: Label | None = None
    high: Label | None = None
    """scale: what its two ends mean."""
    format: Literal["year", "email"] | None = None
    """text: a year, kept as four figures ("X12" is 2012); an e-mail address, in lower case."""
    only: Literal["past", "future"] | None = None
    """date: `past` accepts today and before, `future` today and after."""
    page: int | None = Field(default=None, ge=1)
    share: bool = False
    """Whether this answer may be shown to the person asked for help, and to the partner."""
    sensitive: bool = False
    side: Literal["mentee", "mentor"] | None = None
    """In a check-in of both sides: asked of this one only."""
    suggest_last: bool = False
    """Whether the answer of the last round is offered again (« Inchangé »)."""
    no_contacts: bool = False
    """text, person: whether what would put two people in touch outside is refused."""
    audit: bool = False
    """Whether a campaign is looked over by the groups of this answer; never a feature."""
    fill: str | None = None
    feature: str | None = None

    @property
    def bounds(self) -> tuple[int, int]:
        """Smallest and largest accepted, both included: characters, choices or grades."""
        match self.kind:
            case "text":
                return self.min or 1, self.max or TEXT_MAX
            case "many":
                return self.min or 1, self.max or len(self.options)
            case "scale":
                return 1 if self.min is None else self.min, 5 if self.max is None else self.max
            case _:
                return 0, 0

    def option(self, value: str) -> Option | None:
        """The option of that value, if there is one."""
        return next((o for o in self.options if o.value == value), None)

    @model_validator(mode="after")
    def _check(self) -> Self:
        problems = list(self._faults())
        if problems:
            raise FileFaults(problems)
        return self

    def _faults(self) -> Iterable[tuple[tuple[str | int, ...], str]]:
        if self.kind in {"choice", "many"}:
            if not self.options:
                yield ("options",), f"a {self.kind} question needs at least one option"
            yield from self._twice()
        elif self.options:
            yield ("options",), f"a {self.kind} question has no options; is it a choice or a many?"
        if (self.min is not None or self.max is not None) and self.kind in {
            "choice",
            "date",
            "person",
        }:
            yield ("min",), f"a {self.kind} question has no min or max"
        elif self.kind in {"text", "many", "scale"} and (self.options or self.kind != "many"):
            yield from self._bad_bounds()
        if self.format is not None and self.kind != "text":
            yield ("format",), "only a text question has a format"
        if self.only is not None and self.kind != "date":
            yield ("only",), "only a date question can be past or future"
        if (self.low or self.high) and self.kind != "scale":
            yield ("low",), "only a scale question has a low and a high end"

    def _bad_bounds(self) -> Iterable[tuple[tuple[str | int, ...], str]]:
        low, high = self.bounds
        floor, ceiling = {
            "text": (1, TEXT_LIMIT),
            "many": (1, len(self.options)),
            "scale": (0, 10),
        }[self.kind]
        if not floor <= low <= high <= ceiling or (self.kind == "scale" and low == high):
            yield ("min",), f"write {floor} <= min <= max <= {ceiling} (here {low} and {high})"

    def _twice(self) -> Iterable[tuple[tuple[str | int, ...], str]]:
        seen: dict[str, str] = {}
        values: set[str] = set()
        for index, option in enumerate(self.options):
            if option.value in values:
                yield ("options", index, "value"), f'the value "{option.value}" is used twice'
            values.add(option.value)
            for spelling in sorted(option.folded):
                if seen.setdefault(spelling, option.value) != option.value:
                    yield (
                        ("options", index),
                        f'"{spelling}" already means the option "{seen[spelling]}"',
                    )


class Questionnaire(Data):
    """Questions in their order, and whether the answers are shown again before they are sent."""

    intro: Localised | None = None
    """Said once before the first question."""
    review: bool = True
    """Whether a summary with *Modifier* on each line comes before completion."""
    questions: tuple[Question, ...] = Field(min_length=1)

    @cached_property
    def by_id(self) -> Mapping[str, Question]:
        """The questions by their id."""
        return {q.id: q for q in self.questions}

    def question(self, name: str) -> Question | None:
        """The question of that id, if there is one."""
        return self.by_id.get(name)

    @cached_property
    def page_numbers(self) -> Mapping[str, int]:
        """The page of each question, from 1: a form shows one page at a time.

        A new page starts where a question depends on one of the page so far, or where the file
        says so; hence a page can be drawn whole before any of it is answered.
        """
        numbers: dict[str, int] = {}
        number, here = 1, set[str]()
        for q in self.questions:
            wanted = q.page if q.page is not None else number
            if here and (here & set(q.when) or wanted > number):
                number, here = max(number + 1, wanted), set()
            elif not here:
                number = max(number, wanted)
            numbers[q.id] = number
            here.add(q.id)
        return numbers

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        problems = list(self._misplaced())
        if problems:
            raise FileFaults(problems)
        return self

    def _misplaced(self) -> Iterable[tuple[tuple[str | int, ...], str]]:
        before: dict[str, Question] = {}
        page = 1
        for index, q in enumerate(self.questions):
            if q.id in before:
                yield ("questions", index, "id"), f'the id "{q.id}" is used twice'
            for name, values in q.when.items():
                for problem in _bad_condition(q, name, values, before):
                    yield ("questions", index), problem
            if q.page is not None:
                if q.page < page:
                    yield ("questions", index, "page"), f"page {q.page} comes after page {page}"
                page = max(page, q.page)
            before[q.id] = q


def _bad_condition(
    q: Question, name: str, values: tuple[str | int, ...], before: Mapping[str, Question]
) -> Iterable[str]:
    other = before.get(name)
    if other is None:
        yield f"'when' names \"{name}\", which is not asked before it{did_you_mean(name, before)}"
        return
    if other.kind not in {"choice", "many", "scale"}:
        yield f"'when' names \"{name}\", a {other.kind} question; name a choice, many or scale"
        return
    if q.page is not None and other.page == q.page:
        yield f"'when' names \"{name}\" of its own page {q.page}; put this question on a later page"
    if not values:
        yield f"'when' gives no value for \"{name}\", so this would never be asked"
    for value in values:
        if other.kind == "scale":
            low, high = other.bounds
            if not (isinstance(value, int) and low <= value <= high):
                yield f"'when' wants {value!r} of \"{name}\", a scale from {low} to {high}"
        elif not (isinstance(value, str) and other.option(value)):
            hint = did_you_mean(str(value), (o.value for o in other.options))
            yield f'\'when\' wants "{value}" of "{name}", which is none of its options{hint}'
