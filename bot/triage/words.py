"""Signs in words: what staff read instead of a figure, and what each sign weighs.

Answers are told in the words of today's file where it still has them, else as the person read them.
Nothing here is said to the person concerned, and nothing names an illness or a cause.

Source: E-09; what peers' users ask for, 7 (a sentence of reasons, never a bare number).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from bot.dialogue.questionnaire import Questionnaire
from bot.i18n import Words
from bot.messages import Line
from bot.programmes.schema import Programme
from bot.programmes.triage import LEVELS, SIGNS
from bot.triage.score import Sign

_CHANGES: Final = ("new", "fell")
STEPS: Final = ((60, "most"), (30, "much"), (15, "some"), (1, "little"), (0, "none"))


class Teller:
    """Says signs in one language.

    Args:
        programme: Whose file has the questions.
        w: The reader's voice.
        names: Of the people the signs speak of (`people_in`).
    """

    def __init__(self, programme: Programme, w: Words, names: Mapping[int, str]) -> None:
        self._programme, self._w, self._names = programme, w, names

    def all(self, signs: Sequence[Sign]) -> list[str]:
        """One sentence a sign; what has changed is told with the answer it is about."""
        changes = {_of(sign): sign for sign in signs if sign.kind in _CHANGES}
        weighing = {_of(sign) for sign in signs if sign.kind in ("alert", "low")}
        return [
            self._answer(sign, changes.get(_of(sign)))
            if "report" in sign.about and "question" in sign.about
            else self._sign(sign)
            for sign in signs
            if sign.kind not in _CHANGES or _of(sign) not in weighing
        ]

    def _answer(self, sign: Sign, change: Sign | None) -> str:
        w, about = self._w, sign.about
        report = self._programme.report(str(about["report"]))
        asked, answer = _texts(report, w, str(about["question"]), about["value"])
        asked, answer = asked or str(about["question"]), answer or str(about["label"])
        quarter = about["quarter"]
        if change is None:
            return w("triage-answer", question=asked, answer=answer, quarter=quarter)
        _, was = _texts(report, w, str(about["question"]), change.about["was"])
        return w(
            "triage-changed",
            question=asked,
            answer=answer,
            quarter=quarter,
            was=was or str(change.about["was"]),
            before=change.about["before"],
        )

    def _sign(self, sign: Sign) -> str:
        w, about = self._w, sign.about
        match sign.kind:
            case "help":
                return w("triage-help", when=w.weekday(sign.since))
            case "help_taken":
                taker = self._name(about["taker"])
                return w("triage-help-taken", when=w.weekday(sign.since), name=taker)
            case "words":
                return w("triage-words", when=w.weekday(sign.since))
            case "request":
                when = w.weekday(sign.since)
                return w("triage-request", number=about["number"], when=when)
            case _:
                return self._seen(sign)

    def _seen(self, sign: Sign) -> str:
        w, about = self._w, sign.about
        match sign.kind:
            case "missed":
                return w("triage-missed", _number(about["n"]), quarter=about["quarter"])
            case "half":
                return w("triage-half", quarter=about["quarter"])
            case "unanswered":
                return w("triage-unanswered", _number(about["n"]))
            case "no_meeting":
                mentor = self._name(about["mentor"])
                key = "triage-missed-meetings" if about["planned"] else "triage-no-meeting"
                return w(key, _number(about["n"]), name=mentor)
            case "silence":
                return w("triage-silence", _number(about["n"]), when=w.day(sign.since))
            case "unreachable":
                return w("triage-unreachable")
            case "close":
                return w("triage-close")
            case _:
                return self._checkin(sign)

    def _checkin(self, sign: Sign) -> str:
        w, about = self._w, sign.about
        rhythm = self._programme.rhythm(str(about["rhythm"]))
        asked, answer = _texts(rhythm, w, str(about["question"]), about["value"])
        return w(
            "triage-checkin",
            name=self._name(about["mentor"]),
            question=asked or str(about["question"]),
            answer=answer or str(about["value"]),
            when=w.day(sign.since),
        )

    def _name(self, person: object) -> str:
        return (self._names.get(person) if isinstance(person, int) else None) or "—"


def people_in(signs: Iterable[Sign]) -> set[int]:
    """The numbers of the people that signs speak of."""
    found = (sign.about.get(name) for sign in signs for name in ("taker", "mentor"))
    return {person for person in found if isinstance(person, int)}


def _of(sign: Sign) -> tuple[object, object]:
    return sign.about.get("report"), sign.about.get("question")


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _texts(
    qs: Questionnaire | None, w: Words, question: str, value: object
) -> tuple[str | None, str | None]:
    """The question and the answer in the words of today's file, as far as it has them."""
    asked = qs.question(question) if qs else None
    if asked is None:
        return None, None
    if asked.kind == "scale" and isinstance(value, int):
        return w.pick(asked.text), w("triage-grade", grade=value, highest=asked.bounds[1])
    several = value if isinstance(value, tuple) else (value,)
    options = [asked.option(str(one)) for one in several]
    labels = [w.pick(option.label) for option in options if option]
    return w.pick(asked.text), w.all(labels) if labels else None


# --- the weights ----------------------------------------------------------------------------------


def weights(programme: Programme, w: Words) -> tuple[Line, ...]:
    """What each sign weighs in this programme, heaviest first; of answers, what the file says."""
    rules = programme.triage
    found = {name: getattr(rules.weights, name) for name in SIGNS}
    lines = [
        Line(label=_how_much(w, found[name]), text=w(f"triage-weight-{name.replace('_', '-')}"))
        for name in sorted(SIGNS, key=lambda name: -found[name])
    ]
    for name, questions in rules.answers.items():
        report = programme.report(name)
        for question, answers in questions.items():
            for answer, points in answers.items():
                value = int(answer) if answer.lstrip("-").isdecimal() else answer
                asked, label = _texts(report, w, question, value)
                text = w("triage-weight-answer", question=asked or question, answer=label or answer)
                lines.append(Line(label=_how_much(w, points), text=text))
    return tuple(lines)


def _how_much(w: Words, points: int) -> str:
    return w(f"triage-much-{_step(points)}", points=points)


def _step(points: int) -> str:
    return next(word for least, word in STEPS if points >= least)


def silence(programme: Programme, w: Words) -> str:
    """After how long somebody is silent, by level."""
    days = programme.triage.silent_days
    return "\n".join(
        w("triage-silent-days", level=w(f"triage-level-{level}"), days=days.of(level))
        for level in LEVELS
    )
