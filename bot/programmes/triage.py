"""What a programme file says of « À voir en premier »: what each sign weighs, how long one waits.

It does not know how signs are found or put in order (`bot/triage`), nor who shows any. Without a
section the figures below apply.

Source: E-09 (people who need the team most, with reasons that can be corrected), M-15.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import time
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self, get_args

from pydantic import Field, model_validator

from bot.dialogue.questionnaire import Data, Question, did_you_mean

if TYPE_CHECKING:
    from bot.programmes.schema import Report

Level = Literal["light", "normal", "close"]
"""How closely somebody is followed: from afar, as everybody, with more attention."""
LEVELS: Final[tuple[Level, ...]] = get_args(Level)
Points = Annotated[int, Field(ge=0, le=1000)]
"""Points are added up; nobody is shown the sum."""
Place = tuple[str | int, ...]


class Weights(Data):
    """What each sign weighs; 0 leaves it out."""

    help: Points = 100
    """They asked for help, and nobody has taken it yet."""
    help_taken: Points = 30
    """They asked for help, and somebody of the team is on it."""
    words: Points = 40
    """They handed words to the team of late."""
    request: Points = 20
    """Their request waits for the team."""
    alert: Points = 40
    """An answer of the last report, or of a check-in of theirs, that the file tells staff of."""
    low: Points = 20
    """A grade in the lowest quarter of a scale."""
    new: Points = 15
    """Beside an answer that weighs: it weighed less in the report before."""
    fell: Points = 10
    """For each grade that a scale has fallen by since the report before."""
    missed: Points = 30
    """For each report in a row that was not sent."""
    half: Points = 10
    """A report begun, and left for a week."""
    unanswered: Points = 10
    """For each check-in in a row that they did not answer."""
    no_meeting: Points = 15
    """For each round in a row without a meeting of the pair, or meeting missed, from two on."""
    silence: Points = 30
    """Nothing heard for too long, although they were written to."""
    unreachable: Points = 25
    """No account that can be written to."""
    mentor: Points = 40
    """An answer of the other side at the last check-in that the file tells staff of."""
    close: Points = 15
    """The team follows them closely."""


SIGNS: Final = tuple(Weights.model_fields)


class SilentDays(Data):
    """After how many days without a word somebody is silent, by the level of their follow-up."""

    light: int = Field(default=120, ge=1, le=1000)
    normal: int = Field(default=60, ge=1, le=1000)
    close: int = Field(default=30, ge=1, le=1000)

    @model_validator(mode="after")
    def _closer_is_sooner(self) -> Self:
        if not self.close <= self.normal <= self.light:
            raise ValueError("write close <= normal <= light")
        return self

    def of(self, level: Level) -> int:
        """For somebody followed at that level."""
        return {"light": self.light, "normal": self.normal, "close": self.close}[level]


class Triage(Data):
    """`[triage]`: in what order the team is shown people, and why."""

    weights: Weights = Weights()
    answers: Mapping[str, Mapping[str, Mapping[str, Points]]] = Field(default_factory=dict)
    """What answers weigh: report, question, answer. A question named here weighs nothing else."""
    silent_days: SilentDays = SilentDays()
    level: Level = "normal"
    """The follow-up of people for whom staff have set none."""
    recent_days: int = Field(default=45, ge=1, le=366)
    """For how long words handed over and check-ins that alert count."""
    correction_days: int = Field(default=30, ge=1, le=366)
    """How long a correction lasts when staff give no number of days."""
    strong: Points = 30
    """What is new since a correction ends its effect when it weighs that much."""
    help_days: int = Field(default=2, ge=1, le=30)
    """Working days until somebody who asked for help has an answer, as they are told."""
    morning: time | None = None
    """Local time of the morning word to staff when somebody new comes first; none = no word."""

    def points(self, report: Report, question: Question, value: object) -> int:
        """What an answer of a report weighs.

        Args:
            report: The report in the programme file.
            question: Of that report.
            value: A value, several, or a grade.
        """
        own = self.answers.get(report.id, {}).get(question.id)
        if own is None and question.kind != "scale" and question.id not in report.alert_staff:
            return 0
        given = tuple(str(one) for one in value) if isinstance(value, tuple) else (str(value),)
        if own is not None:
            return sum(own.get(one, 0) for one in given)
        alerts = {str(one) for one in report.alert_staff.get(question.id, ())}
        if alerts.intersection(given):
            return self.weights.alert
        return self.weights.low if _is_low(question, value) else 0

    def faults(self, reports: Sequence[Report]) -> Iterable[tuple[Place, str]]:
        """Answers that no report of the programme asks for."""
        known = {report.id: report for report in reports}
        for name, questions in self.answers.items():
            report = known.get(name)
            if report is None:
                yield ("triage", "answers"), f'no report "{name}"{did_you_mean(name, known)}'
                continue
            for asked, weights in questions.items():
                here = ("triage", "answers", name)
                question = report.question(asked)
                if question is None:
                    yield here, f'no question "{asked}"{did_you_mean(asked, report.by_id)}'
                elif question.kind not in {"choice", "many", "scale"}:
                    yield here, f'"{asked}" has no answers to choose from: it cannot be weighed'
                else:
                    answers = _answers(question)
                    for answer in weights:
                        if answer not in answers:
                            hint = did_you_mean(answer, answers)
                            yield (*here, asked), f'"{answer}" is no answer to "{asked}"{hint}'


def _answers(question: Question) -> list[str]:
    if question.kind == "scale":
        low, high = question.bounds
        return [str(grade) for grade in range(low, high + 1)]
    return [option.value for option in question.options]


def _is_low(question: Question, value: object) -> bool:
    """Whether a grade is in the lowest quarter of its scale: 1 or 2 out of 5."""
    if question.kind != "scale" or not isinstance(value, int):
        return False
    low, high = question.bounds
    return value <= low + (high - low) // 4
