"""The words of the dialogue engine: its state, the inputs it takes, the outputs it gives.

Plain frozen data; how one follows from the other is `engine`'s business, which offers all these
names again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bot.dialogue.parsing import NOT_ASKED, SKIPPED, Given, Reason, Skipped, Value
from bot.dialogue.questionnaire import Question

Status = Literal["open", "done", "cancelled"]


# ------------------------------------------------------------------------------------- the state
@dataclass(frozen=True)
class State:
    """The whole memory of a conversation; `to_json` and `from_json` carry it to the store."""

    answers: Mapping[str, Value] = field(default_factory=dict)
    """By question id. Answers off the route stay here, and out of the result."""
    suggested: Mapping[str, Value] = field(default_factory=dict)
    """Answers of the last round, offered again; a question with only these is still asked."""
    picked: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Options ticked at `many` questions and not yet confirmed."""
    revisiting: str | None = None
    """The question being asked again, by « Retour » or « Modifier »."""
    status: Status = "open"

    def to_json(self) -> dict[str, object]:
        """The state as JSON values.

        Lists for several options, null for a skipped question, false for one that is not asked.
        """
        return {
            "answers": {name: _to_json(value) for name, value in self.answers.items()},
            "suggested": {name: _to_json(value) for name, value in self.suggested.items()},
            "picked": {name: list(values) for name, values in self.picked.items()},
            "revisiting": self.revisiting,
            "status": self.status,
        }

    @classmethod
    def from_json(cls, data: object) -> State:
        """Read what `to_json` wrote, by this version or another: what is not understood is left."""
        if not isinstance(data, Mapping):
            return cls()
        revisiting = data.get("revisiting")
        status = data.get("status")
        return cls(
            answers=_values(data.get("answers")),
            suggested=_values(data.get("suggested")),
            picked={k: v for k, v in _values(data.get("picked")).items() if isinstance(v, tuple)},
            revisiting=revisiting if isinstance(revisiting, str) else None,
            status=status if status in {"open", "done", "cancelled"} else "open",
        )


def _to_json(value: Value) -> object:
    if isinstance(value, Skipped):
        return None if value is SKIPPED else False
    return list(value) if isinstance(value, tuple) else value


def _values(data: object) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for name, raw in data.items() if isinstance(data, Mapping) else ():
        if not isinstance(name, str):
            continue
        if raw is None or raw is False:
            found[name] = SKIPPED if raw is None else NOT_ASKED
        elif isinstance(raw, list) and all(isinstance(v, str) for v in raw):
            found[name] = tuple(raw)
        elif isinstance(raw, str) or (isinstance(raw, int) and not isinstance(raw, bool)):
            found[name] = raw
    return found


# ------------------------------------------------------------------------------------ the inputs
@dataclass(frozen=True)
class Answer:
    """A button or menu: this option value, grade, ISO date or `p:<id>` for this question."""

    question: str
    value: str


@dataclass(frozen=True)
class Toggle:
    """One option of a `many` question ticked or unticked in a chat."""

    question: str
    value: str


@dataclass(frozen=True)
class Pick:
    """All options now ticked at a `many` question, from a menu that tells them all at once."""

    question: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Done:
    """The options ticked at a `many` question are the answer."""

    question: str


@dataclass(frozen=True)
class Said:
    """Words typed in the conversation."""

    text: str


@dataclass(frozen=True)
class Submit:
    """A form of one page, by question id; None or "" where nothing was filled in."""

    values: Mapping[str, str | tuple[str, ...] | None]


@dataclass(frozen=True)
class Back:
    """« Retour »: the question before this one again; later answers are kept."""


@dataclass(frozen=True)
class Skip:
    """« Passer » the present question."""


@dataclass(frozen=True)
class Cancel:
    """« Arrêter »: the draft is kept."""


@dataclass(frozen=True)
class Resume:
    """Start, or « Reprendre »: show where the conversation stands."""


@dataclass(frozen=True)
class Edit:
    """« Modifier » this answer."""

    question: str


@dataclass(frozen=True)
class Same:
    """« Inchangé »: what was known, else suggested, is the answer."""

    question: str


@dataclass(frozen=True)
class Confirm:
    """« Envoyer »: the summary is right."""


OfQuestion = Answer | Toggle | Pick | Done | Edit | Same
"""Inputs that name their question: those of buttons and menus, which may be old."""
Input = OfQuestion | Said | Submit | Back | Skip | Cancel | Resume | Confirm


# ----------------------------------------------------------------------------------- the outputs
@dataclass(frozen=True)
class Ask:
    """Ask this question."""

    question: Question
    number: int
    """Its place on the present route, from 1."""
    total: int
    """Length of the present route; it may grow as answers open further questions."""
    known: Value | None
    """The present answer, when the question is asked again."""
    suggested: Given | None
    """The answer of the last round; None when there is a present answer."""
    picked: tuple[str, ...]
    """many: the options to show as ticked."""
    can_go_back: bool
    can_skip: bool
    settled: bool = True
    """Whether `total` is sure: no answer to come can open a further question."""


@dataclass(frozen=True)
class Rejected:
    """An answer that was not taken, and why: message id `reason` with `args`."""

    question: Question
    reason: Reason
    args: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Noted:
    """The answer just taken, so that the message that asked can become question + answer."""

    question: Question
    value: Value


@dataclass(frozen=True)
class Review:
    """All questions are answered: show the answers, to edit or to send."""

    items: tuple[tuple[Question, Value], ...]


@dataclass(frozen=True)
class Completed:
    """The dialogue has just ended with these answers: those of the route, without the skipped."""

    answers: Mapping[str, Given]


@dataclass(frozen=True)
class Cancelled:
    """The dialogue is stopped; `Resume` takes it up again."""


@dataclass(frozen=True)
class Stale:
    """A button that no longer applies.

    `question` is the one it names when that still exists but is off the present route; None when
    the question is gone from the file or the conversation has ended (`State.status` tells).
    """

    question: Question | None


@dataclass(frozen=True)
class NotUnderstood:
    """Words that mean nothing at `question` (None: at the summary)."""

    question: Question | None
    text: str


Output = Ask | Rejected | Noted | Review | Completed | Cancelled | Stale | NotUnderstood
Turn = tuple[State, list[Output]]


@dataclass(frozen=True)
class Page:
    """Questions that one form can show at once, those of the present route only."""

    number: int
    questions: tuple[Question, ...]
