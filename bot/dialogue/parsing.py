"""From what a person typed or pressed to a value; it knows one question at a time, no state.

`take` reads what a button, a menu or a form field sends; `read` reads words. Neither ever raises
on what a person sends: a fault is a `Refusal`, words that mean nothing here are `None`.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import Enum
from typing import Final, Literal, get_args

from bot import contacts
from bot.dialogue.questionnaire import Question, fold

Reason = Literal[
    "answer-needed",
    "answer-required",
    "answer-too-short",
    "answer-too-long",
    "answer-gone",
    "answer-too-few",
    "answer-too-many",
    "answer-off-scale",
    "answer-not-a-year",
    "answer-not-an-email",
    "answer-not-a-date",
    "answer-not-past",
    "answer-not-future",
    "answer-nothing-to-repeat",
    "answer-contacts",
]
"""Ids of the messages that say why an answer was not taken; their arguments are in `Refusal.args`:

`answer-needed` (no answer given), `answer-required` (this question can't be skipped),
`answer-too-short` min, `answer-too-long` max length, `answer-gone` (the option no longer exists),
`answer-too-few` min, `answer-too-many` max, `answer-off-scale` min max, `answer-not-a-year`,
`answer-not-an-email`, `answer-not-a-date`, `answer-not-past`, `answer-not-future`,
`answer-nothing-to-repeat`, `answer-contacts` (a number, an address, an account).
"""
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)


class Skipped(Enum):
    """No answer: the explicit « passer » of an optional question; JSON `null`.

    Or a question that is not for this person, and not on their route; JSON `false`.
    """

    SKIPPED = "skipped"
    NOT_ASKED = "not asked"


SKIPPED: Final = Skipped.SKIPPED
NOT_ASKED: Final = Skipped.NOT_ASKED

Given = str | int | tuple[str, ...]
"""What was answered: text, option value, ISO date, `p:<id>` or a name; grade; option values."""
Value = Given | Skipped

NAME_MAX: Final = 200
_LIST_MAX: Final = 2000
_SHAPELESS: Final = frozenset("\u2800\ufffc\u3164\u115f\u1160\uffa0")
_KNOWN_PERSON: Final = re.compile(r"^p:[1-9][0-9]{0,17}$")


@dataclass(frozen=True)
class Refusal:
    """Why an answer can't be taken: a message id and its arguments."""

    reason: Reason
    args: Mapping[str, int] = field(default_factory=dict)


def fits(question: Question, value: object) -> Value | None:
    """The value if it is an answer to `question` as it stands in today's file, else None.

    Never coerces: a value of another type, or an option that no longer exists, does not fit. The
    `only` of a date is not looked at: an answer given in time does not expire.
    """
    if value is SKIPPED:
        return SKIPPED if question.optional else None
    if isinstance(value, str) and _leads_outside(question, value):
        return None
    low, high = question.bounds
    match question.kind, value:
        case "text", str() if value == clean(value) and low <= len(value) <= high:
            return value if _SHAPES[question.format].fullmatch(value) else None
        case "choice", str() if question.option(value):
            return value
        case "many", tuple() if low <= len(value) <= high:
            if all(isinstance(v, str) and question.option(v) for v in value):
                return value
        case "scale", int() if not isinstance(value, bool) and low <= value <= high:
            return value
        case "date", str() if _iso(value) is not None:
            return value
        case "person", str() if 0 < len(value) <= NAME_MAX and value == clean(value):
            return value
    return None


def take(question: Question, raw: str | tuple[str, ...], today: date) -> Given | Refusal:
    """Read what a button, menu or form field sends.

    Args:
        question: the question it answers.
        raw: an option value, grade, ISO date, `p:<id>`, or typed text; several for `many`. Whether
            the person of a `p:<id>` may be named is for the caller to check.
        today: the date where the person lives.
    """
    if question.kind == "many":
        return _several((raw,) if isinstance(raw, str) else raw, question)
    single = raw if isinstance(raw, str) else (raw[0] if len(raw) == 1 else "")
    match question.kind:
        case "text":
            return _text(question, single, today)
        case "choice":
            return single if question.option(single) else Refusal("answer-gone")
        case "scale":
            return _grade(question, int(single) if re.fullmatch("[0-9]{1,3}", single) else -1)
        case "date":
            day = read_date(single, today, question.only)
            return Refusal("answer-not-a-date") if day is None else _day(question, day, today)
        case "person":
            return _name(question, single)


def read(question: Question, text: str, today: date) -> Given | Refusal | None:
    """Read words typed in answer to a question; None if they mean nothing here.

    Args:
        question: the question that was asked.
        text: what the person wrote, in any language of the bot.
        today: the date where the person lives, for « demain » and « lundi prochain ».
    """
    match question.kind:
        case "text":
            return _text(question, text, today)
        case "choice":
            return _option(question, text) or _within(question, fold(text))
        case "many":
            values = _options(question, text)
            return None if values is None else _several(values, question)
        case "scale":
            grade = _number(text, question.bounds[1])
            return None if grade is None else _grade(question, grade)
        case "date":
            day = read_date(text, today, question.only)
            return None if day is None else _day(question, day, today)
        case "person":
            # Only a list offered by the bot may name somebody by number.
            return None if _KNOWN_PERSON.match(clean(text)) else _name(question, text)


def clean(text: str) -> str:
    """The text without what no store can keep: control characters and lone surrogates.

    Empty when there is nothing to see: only spaces, joiners, letters without a shape.
    """
    unified = text.replace("\r\n", "\n")
    kept = (c for c in unified if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"})
    whole = "".join(kept).strip()
    seen = any(unicodedata.category(c)[0] in "LNPS" and c not in _SHAPELESS for c in whole)
    return whole if seen else ""


_SHAPES: Final[Mapping[str | None, re.Pattern[str]]] = {
    None: re.compile(r"(?s).*"),
    "year": re.compile(r"(?:19|20|21)[0-9]{2}"),
    "email": re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+"),
}


def _text(question: Question, text: str, today: date) -> str | Refusal:
    cleaned = clean(text)
    if question.format == "year":
        cleaned = _year(cleaned, today) if cleaned else ""
    elif question.format == "email":
        cleaned = re.sub(r"^mailto:", "", cleaned.strip("<> ").partition("|")[0]).lower()
    if cleaned and not _SHAPES[question.format].fullmatch(cleaned):
        return Refusal("answer-not-a-year" if question.format == "year" else "answer-not-an-email")
    low, high = question.bounds
    if not cleaned:
        return Refusal("answer-needed")
    if len(cleaned) < low:
        return Refusal("answer-too-short", {"min": low})
    if len(cleaned) > high:
        return Refusal("answer-too-long", {"max": high, "length": len(cleaned)})
    return Refusal("answer-contacts") if _leads_outside(question, cleaned) else cleaned


def _leads_outside(question: Question, text: str) -> bool:
    """Whether a text would put two people in touch outside, where the question refuses that."""
    return question.no_contacts and bool(contacts.find(text))


def _year(text: str, today: date) -> str:
    """« 2012 », « X12 », « promo 98 », « P19 » as four figures; two figures are of the past."""
    found = re.fullmatch(r"(?:promo(?:tion)?|[a-z]{1,3})? ?([0-9]{4}|[0-9]{2})", fold(text))
    if not found or len(found[1]) == 4:
        return found[1] if found else "?"
    # Promotions are announced at most a few years ahead: "28" said in 2026 is 2028, "98" is 1998.
    year = 2000 + int(found[1])
    return str(year if year <= today.year + 5 else year - 100)


def _name(question: Question, text: str) -> str | Refusal:
    cleaned = clean(text)
    if not cleaned:
        return Refusal("answer-needed")
    if len(cleaned) > NAME_MAX:
        return Refusal("answer-too-long", {"max": NAME_MAX, "length": len(cleaned)})
    return Refusal("answer-contacts") if _leads_outside(question, cleaned) else cleaned


def _several(values: tuple[str, ...], question: Question) -> tuple[str, ...] | Refusal:
    low, high = question.bounds
    if not values:
        return Refusal("answer-needed")
    if any(question.option(v) is None for v in values):
        return Refusal("answer-gone")
    chosen = tuple(o.value for o in question.options if o.value in values)
    if len(chosen) < low:
        return Refusal("answer-too-few", {"min": low})
    if len(chosen) > high:
        return Refusal("answer-too-many", {"max": high})
    return chosen


def _grade(question: Question, grade: int) -> int | Refusal:
    low, high = question.bounds
    return grade if low <= grade <= high else Refusal("answer-off-scale", {"min": low, "max": high})


def _day(question: Question, day: date, today: date) -> str | Refusal:
    if question.only == "past" and day > today:
        return Refusal("answer-not-past")
    if question.only == "future" and day < today:
        return Refusal("answer-not-future")
    return day.isoformat()


_FIGURE: Final = re.compile(r"#?([0-9]{1,3})[.)°]?", re.ASCII)


def _option(question: Question, text: str) -> str | None:
    folded = fold(text)
    for option in question.options:
        if text.strip() == option.value or folded in option.folded:
            return option.value
    place = _FIGURE.fullmatch(text.strip())
    if place and 1 <= int(place[1]) <= len(question.options):
        return question.options[int(place[1]) - 1].value
    return _nearly(question, folded)


_DENIALS: Final = frozenset(
    ("pas", "plus", "jamais", "ni", "sans", "sauf", "non", "not", "no", "never", "without")
)
_SENTENCE: Final = 8  # words; in more than that, somebody tells a story rather than answers


def _within(question: Question, folded: str) -> str | None:
    """The one option whose words stand in a short sentence (« au chômage »), unless it denies."""
    words = folded.split()
    if len(words) > _SENTENCE or _DENIALS & set(words):
        return None
    said = f" {folded} "
    found = {
        option.value
        for option in question.options
        for spelling in option.folded
        if len(spelling) > 3 and f" {spelling} " in said
    }
    return found.pop() if len(found) == 1 else None


def _nearly(question: Question, folded: str) -> str | None:
    """The one option that is a typing slip away from `folded`; figures must be the same."""
    if len(folded) < 5 or len(folded) > 100:
        return None
    close = {
        option.value
        for option in question.options
        for spelling in difflib.get_close_matches(folded, option.folded, n=3, cutoff=0.88)
        if abs(len(spelling) - len(folded)) <= 2
        and re.findall("[0-9]+", spelling) == re.findall("[0-9]+", folded)
    }
    return close.pop() if len(close) == 1 else None


def _options(question: Question, text: str) -> tuple[str, ...] | None:
    whole = _option(question, text)
    if whole is not None:
        return (whole,)
    if len(text) > _LIST_MAX:
        return None
    found: list[str] = []
    for part in re.split(r"[,;\n+]", text):
        if not fold(part):
            continue
        value = _option(question, part)
        pieces = [value] if value else [_option(question, p) for p in _and(part)]
        if not pieces or None in pieces:
            return None
        found += [p for p in pieces if p]
    return tuple(dict.fromkeys(found)) or None


def _and(part: str) -> list[str]:
    if re.fullmatch(r"[0-9 ]+", part):
        return part.split()
    return [p for p in re.split(r"\s(?:et|and|&)\s|^\s*(?:et|and)\s", part) if p.strip()]


_NUMBERS: Final = {
    word: number
    for number, words in enumerate(
        (
            "zero",
            "un une one",
            "deux two",
            "trois three",
            "quatre four",
            "cinq five",
            "six",
            "sept seven",
            "huit eight",
            "neuf nine",
            "dix ten",
        )
    )
    for word in words.split()
}


def _number(text: str, top: int) -> int | None:
    """« 4 », « quatre », « 4/5 », « 4 sur 5 », « four out of 5 »."""
    words = [] if "-" in text else fold(text).split()  # folding would make 1 of -1
    for ending in ((str(top),), ("sur", str(top)), ("out", "of", str(top))):
        if len(words) == len(ending) + 1 and tuple(words[1:]) == ending:
            words = words[:1]
    if len(words) != 1:
        return None
    if re.fullmatch("[0-9]{1,3}", words[0]):
        return int(words[0])
    return _NUMBERS.get(words[0])


_MONTHS: Final = {
    word: month
    for month, words in enumerate(
        (
            "janvier january jan janv",
            "fevrier february feb fev fevr",
            "mars march mar",
            "avril april apr avr",
            "mai may",
            "juin june jun",
            "juillet july jul juil",
            "aout august aug",
            "septembre september sep sept",
            "octobre october oct",
            "novembre november nov",
            "decembre december dec",
        ),
        1,
    )
    for word in words.split()
}
_WEEKDAYS: Final = {
    word: day
    for day, words in enumerate(
        (
            "lundi monday",
            "mardi tuesday",
            "mercredi wednesday",
            "jeudi thursday",
            "vendredi friday",
            "samedi saturday",
            "dimanche sunday",
        )
    )
    for word in words.split()
}
_RELATIVE: Final = {
    "avant hier": -2,
    "the day before yesterday": -2,
    "hier": -1,
    "yesterday": -1,
    "aujourd hui": 0,
    "aujourdhui": 0,
    "ce jour": 0,
    "today": 0,
    "demain": 1,
    "tomorrow": 1,
    "apres demain": 2,
    "the day after tomorrow": 2,
    "day after tomorrow": 2,
}
_UNITS: Final = {
    **dict.fromkeys(("jour", "jours", "day", "days"), "day"),
    **dict.fromkeys(("semaine", "semaines", "week", "weeks"), "week"),
    **dict.fromkeys(("mois", "month", "months"), "month"),
    **dict.fromkeys(("an", "ans", "annee", "annees", "year", "years"), "year"),
}
Direction = Literal["past", "future"] | None
_FIRST_YEAR, _LAST_YEAR = 1900, 2200


def read_date(text: str, today: date, towards: Direction = None) -> date | None:
    """Read a date in figures or words, French or English.

    Args:
        text: "2026-12-31", "31/12/2026" (the day comes first; "12/31/2026" is still understood),
            "31 décembre", "December 31st, 2026", "septembre 2027" (its first day), "demain",
            "lundi prochain", "dans 3 semaines", "2 days ago".
        today: the date where the person lives.
        towards: the side on which a date without a year, or a bare weekday, is looked for; the
            future by default.

    Returns:
        The date, or None if these words name none between 1900 and 2200.
    """
    stripped = re.sub(r"^(?:le|on)\s+(?=[0-9])", "", text.strip(), flags=re.IGNORECASE)
    if len(stripped) > 60:
        return None
    words = fold(stripped)
    figures = re.fullmatch(
        r"([0-9]{1,2})[/. -]([0-9]{1,2})(?:[/. -]([0-9]{4}|[0-9]{2}))?", stripped
    )
    if figures:
        return _in_figures(*figures.groups(), today=today, towards=towards)
    found = _iso(stripped)
    for reader in (_relative, _counted, _weekday, _in_words):
        found = found or reader(words, today, towards)
    return found if found and _FIRST_YEAR <= found.year <= _LAST_YEAR else None


def _iso(text: str) -> date | None:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return None
    found = _date(int(text[:4]), int(text[5:7]), int(text[8:]))
    return found if found and _FIRST_YEAR <= found.year <= _LAST_YEAR else None


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except (ValueError, OverflowError):
        return None


def _in_figures(
    first: str, second: str, year: str | None, *, today: date, towards: Direction
) -> date | None:
    day, month = int(first), int(second)
    if month > 12 >= day:
        day, month = month, day
    if year is None:
        return _without_year(month, day, today, towards)
    full = int(year) + (2000 if len(year) == 2 else 0)
    return _date(full, month, day) if _FIRST_YEAR <= full <= _LAST_YEAR else None


def _without_year(month: int, day: int, today: date, towards: Direction) -> date | None:
    # 29 February may be up to eight years away.
    step = -1 if towards == "past" else 1
    for years in range(9):
        found = _date(today.year + step * years, month, day)
        if found and (found <= today if towards == "past" else found >= today):
            return found
    return None


def _relative(words: str, today: date, towards: Direction) -> date | None:
    days = _RELATIVE.get(words)
    return None if days is None else _shift(today, days, "day")


def _counted(words: str, today: date, towards: Direction) -> date | None:
    pattern = r"(?:(dans|in|il y a) )?([0-9]{1,3}|[a-z]+) ([a-z]+)(?: (ago))?"
    found = re.fullmatch(pattern, words)
    if not found or found[3] not in _UNITS or bool(found[1]) == bool(found[4]):
        return None
    number = int(found[2]) if found[2].isdigit() else {**_NUMBERS, "a": 1, "an": 1}.get(found[2])
    if number is None:
        return None
    back = found[1] == "il y a" or found[4]
    return _shift(today, -number if back else number, _UNITS[found[3]])


def _shift(today: date, number: int, unit: str) -> date | None:
    if unit in {"day", "week"}:
        try:
            return today + timedelta(days=number * (7 if unit == "week" else 1))
        except OverflowError:
            return None
    months = today.year * 12 + today.month - 1 + number * (12 if unit == "year" else 1)
    year, month = divmod(months, 12)
    for day in range(today.day, today.day - 4, -1):
        found = _date(year, month + 1, day)
        if found:
            return found
    return None


def _weekday(words: str, today: date, towards: Direction) -> date | None:
    parts = words.split()
    named = [p for p in parts if p in _WEEKDAYS]
    rest = {p for p in parts if p not in _WEEKDAYS}
    if len(named) != 1 or len(rest) > 1 or not rest <= {
        "prochain", "next", "dernier", "last", "ce", "this", "on",
    }:  # fmt: skip
        return None
    ahead = (_WEEKDAYS[named[0]] - today.weekday()) % 7 or 7
    past = bool(rest & {"dernier", "last"}) or (
        towards == "past" and not rest & {"prochain", "next"}
    )
    behind = 7 - ahead or 7
    return _shift(today, -behind if past else ahead, "day")


def _in_words(words: str, today: date, towards: Direction) -> date | None:
    parts = [p for p in words.split() if p not in _WEEKDAYS and p not in {"le", "the", "of", "on"}]
    months = [_MONTHS[p] for p in parts if p in _MONTHS]
    figures = [
        re.fullmatch(r"([0-9]{1,4})(?:er|e|st|nd|rd|th)?", p) for p in parts if p not in _MONTHS
    ]
    if len(months) != 1 or len(figures) > 2 or not all(figures):
        return None
    numbers = [int(f[1]) for f in figures if f]
    days = [n for n in numbers if n <= 31]
    years = [n for n in numbers if n >= _FIRST_YEAR]
    if len(days) + len(years) != len(numbers) or len(days) > 1 or len(years) > 1:
        return None
    if years:
        return _date(years[0], months[0], days[0] if days else 1)
    return _without_year(months[0], days[0] if days else 1, today, towards)
