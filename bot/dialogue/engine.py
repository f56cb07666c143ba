"""Where a person stands in a dialogue, and what one input changes: pure functions over data.

The position is derived from (questionnaire, answers) at each turn and never stored, so restart,
back, edit, a change of the programme file and a switch of platform need no code of their own.
This module does not know who speaks, on which platform, in which language, or what completion
means. It never raises on what a person sends. Source: house decision 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Final, Literal, assert_never

from bot.dialogue.parsing import (
    NOT_ASKED,
    SKIPPED,
    Given,
    Reason,
    Refusal,
    Skipped,
    Value,
    fits,
    read,
    take,
)
from bot.dialogue.questionnaire import Question, Questionnaire, fold
from bot.dialogue.vocabulary import (
    Answer,
    Ask,
    Back,
    Cancel,
    Cancelled,
    Completed,
    Confirm,
    Done,
    Edit,
    Input,
    Noted,
    NotUnderstood,
    OfQuestion,
    Output,
    Page,
    Pick,
    Rejected,
    Resume,
    Review,
    Said,
    Same,
    Skip,
    Stale,
    State,
    Status,
    Submit,
    Toggle,
    Turn,
)

__all__ = [
    "SKIPPED",
    "Answer",
    "Ask",
    "Back",
    "Cancel",
    "Cancelled",
    "Completed",
    "Confirm",
    "Done",
    "Edit",
    "Given",
    "Input",
    "NotUnderstood",
    "Noted",
    "OfQuestion",
    "Output",
    "Page",
    "Pick",
    "Reason",
    "Rejected",
    "Resume",
    "Review",
    "Said",
    "Same",
    "Skip",
    "Skipped",
    "Stale",
    "State",
    "Status",
    "Submit",
    "Toggle",
    "Turn",
    "Value",
    "asking",
    "current",
    "current_page",
    "pages",
    "path",
    "reopen",
    "result",
    "standing",
    "step",
    "suggestions",
    "valid",
]


# ---------------------------------------------------------------------------- where we are: derived
def valid(question: Question, answers: Mapping[str, Value]) -> Value | None:
    """The stored answer, read again with today's question; None if there is none that fits."""
    return fits(question, answers.get(question.id))


Walk = tuple[list[Question], dict[str, Value]]
_walked: tuple[Questionnaire, Mapping[str, Value], Walk] | None = None


def _walk(qs: Questionnaire, answers: Mapping[str, Value]) -> Walk:
    """The route, and the answers on it.

    One step asks this several times of the very same answers, which are never changed in place:
    the last walk is remembered.
    """
    global _walked  # noqa: PLW0603 - one slot, read and replaced whole
    last = _walked
    if last is not None and last[0] is qs and last[1] is answers:
        return last[2]
    found = _walk_anew(qs, answers)
    _walked = (qs, answers, found)
    return found


def _walk_anew(qs: Questionnaire, answers: Mapping[str, Value]) -> Walk:
    route: list[Question] = []
    on_route: dict[str, Value] = {}
    for question in qs.questions:
        if answers.get(question.id) is NOT_ASKED:
            continue
        if all(_matches(on_route.get(name), wanted) for name, wanted in question.when.items()):
            route.append(question)
            value = valid(question, answers)
            if value is not None:
                on_route[question.id] = value  # only answers on the route open further questions
    return route, on_route


def _matches(value: Value | None, wanted: tuple[str | int, ...]) -> bool:
    match value:
        case None | Skipped():
            return False
        case tuple():
            return any(v in wanted for v in value)
        case _:
            return value in wanted


def path(qs: Questionnaire, answers: Mapping[str, Value]) -> list[Question]:
    """The questions these answers open, in order; answers off this route are ignored."""
    return list(_walk(qs, answers)[0])


def result(qs: Questionnaire, answers: Mapping[str, Value]) -> dict[str, Given]:
    """The answers of the route that still fit, without the skipped, in the route's order."""
    on_route = _walk(qs, answers)[1]
    return {name: value for name, value in on_route.items() if not isinstance(value, Skipped)}


def current(qs: Questionnaire, state: State) -> Question | None:
    """The question to ask: the one revisited, else the first of the route without an answer."""
    route, on_route = _walk(qs, state.answers)
    revisited = next((q for q in route if q.id == state.revisiting), None)
    return revisited or next((q for q in route if q.id not in on_route), None)


def pages(qs: Questionnaire, state: State) -> list[Page]:
    """The present route as pages for a form, in order; none is empty."""
    found: dict[int, list[Question]] = {}
    for question in path(qs, state.answers):
        found.setdefault(qs.page_numbers[question.id], []).append(question)
    return [Page(number, tuple(questions)) for number, questions in found.items()]


def current_page(qs: Questionnaire, state: State) -> Page | None:
    """The page that holds the current question; None when nothing is left to ask."""
    asked = current(qs, state)
    return next(p for p in pages(qs, state) if asked in p.questions) if asked else None


def suggestions(qs: Questionnaire, last: Mapping[str, Value], *, today: date) -> dict[str, Value]:
    """What to offer again of the last round: answers to `suggest_last` questions that still fit.

    Args:
        qs: today's questionnaire.
        last: the answers of the last round.
        today: the date where the person lives; a date now on the wrong side is not offered.
    """
    found: dict[str, Value] = {}
    for question in qs.questions:
        value = valid(question, last)
        if not question.suggest_last or value is None or isinstance(value, Skipped):
            continue
        if question.kind == "date" and isinstance(take(question, str(value), today), Refusal):
            continue
        found[question.id] = value
    return found


def asking(qs: Questionnaire, state: State, question: Question) -> Ask:
    """What there is to know in order to ask `question` now, in a message or as a form's field."""
    route = path(qs, state.answers)
    place = next((i for i, q in enumerate(route) if q.id == question.id), 0)
    known = valid(question, state.answers)
    offered = valid(question, state.suggested) if known is None else None
    return Ask(
        question,
        number=place + 1,
        total=len(route),
        settled=not _may_grow(qs, state.answers),
        known=known,
        suggested=None if isinstance(offered, Skipped) else offered,
        picked=_picked(state, question) if question.kind == "many" else (),
        can_go_back=place > 0,
        can_skip=question.optional,
    )


def _may_grow(qs: Questionnaire, answers: Mapping[str, Value]) -> bool:
    """Whether answers still to come could open further questions: then nobody knows how many."""
    route, on_route = _walk(qs, answers)
    possible = {question.id for question in route}
    for question in qs.questions:
        asked = answers.get(question.id) is not NOT_ASKED
        if (
            asked
            and question.id not in possible
            and all(
                _matches(on_route[name], wanted) if name in on_route else name in possible
                for name, wanted in question.when.items()
            )
        ):
            possible.add(question.id)
    return len(possible) > len(route)


def _picked(state: State, question: Question) -> tuple[str, ...]:
    for source in (state.picked, state.answers, state.suggested):
        values = source.get(question.id)
        if isinstance(values, tuple):
            return tuple(v for v in values if question.option(v))
    return ()


def standing(qs: Questionnaire, state: State) -> Turn:
    """Where the conversation stands, as the message to show; completes it if nothing is left."""
    if state.status == "cancelled":
        return state, [Cancelled()]
    if state.status == "done":
        return state, [Stale(None)]
    asked = current(qs, state)
    if asked is not None:
        return state, [asking(qs, state, asked)]
    if not qs.review:
        return _complete(qs, state)
    route, on_route = _walk(qs, state.answers)
    return state, [Review(tuple((q, on_route[q.id]) for q in route))]


def _complete(qs: Questionnaire, state: State) -> Turn:
    done = replace(state, status="done", revisiting=None, picked={})
    return done, [Completed(result(qs, state.answers))]


def reopen(state: State) -> State:
    """A finished conversation, open again for `Edit`: a report until its window closes."""
    return replace(state, status="open", revisiting=None)


# ---------------------------------------------------------------------------------------- one step
def step(qs: Questionnaire, state: State, event: Input, *, today: date) -> Turn:
    """What one input changes, and what is to be said.

    Args:
        qs: the questionnaire as it stands in today's programme file.
        state: the conversation so far.
        event: what the person did.
        today: the date where the person lives.

    Returns:
        The new state and the outputs in order. The last output is an `Ask`, a `Review`,
        `Completed`, `Cancelled`, or `Stale(None)` for a conversation that had ended; after a form
        with faults it is the last `Rejected`, for the form itself stays open.
    """
    if state.status == "done" or (state.status == "cancelled" and not isinstance(event, Resume)):
        return standing(qs, state)
    match event:
        case Resume():
            return standing(qs, replace(state, status="open"))
        case Cancel():
            return standing(qs, replace(state, status="cancelled"))
        case Confirm():
            return _confirm(qs, replace(state, revisiting=None))
        case Back():
            return _back(qs, state)
        case Skip():
            return _skip(qs, state)
        case Said(text):
            return _said(qs, state, text, today)
        case Submit(values):
            return _submit(qs, state, values, today)
        case Answer() | Toggle() | Pick() | Done() | Edit() | Same():
            return _pressed(qs, state, event, today)
        case _:
            assert_never(event)


def _pressed(qs: Questionnaire, state: State, event: OfQuestion, today: date) -> Turn:
    """Act on a question of the present route; a button of any other is stale."""
    route = path(qs, state.answers)
    question = next((q for q in route if q.id == event.question), None)
    if question is None:
        return _then(Stale(qs.question(event.question)), standing(qs, state))
    match event:
        case Answer(_, value):
            return _settle(qs, state, question, take(question, value, today))
        case Edit():
            return standing(qs, replace(state, revisiting=question.id))
        case Same():
            return _same(qs, state, question)
        case Toggle(_, value):
            return _tick(qs, state, question, _toggled(state, question, value))
        case Pick(_, values):
            return _tick(qs, state, question, values)
        case Done():
            return _ticked(qs, state, question, today)
        case _:
            assert_never(event)


def _then(output: Output, turn: Turn) -> Turn:
    return turn[0], [output, *turn[1]]


def _confirm(qs: Questionnaire, state: State) -> Turn:
    return standing(qs, state) if current(qs, state) else _complete(qs, state)


def _back(qs: Questionnaire, state: State) -> Turn:
    route = path(qs, state.answers)
    asked = current(qs, state)
    place = len(route) if asked is None else route.index(asked)
    earlier = route[max(place - 1, 0)]
    return standing(qs, replace(state, revisiting=earlier.id))


def _skip(qs: Questionnaire, state: State) -> Turn:
    asked = current(qs, state)
    if asked is None:
        return standing(qs, state)
    if not asked.optional:
        return _refuse(qs, state, asked, Refusal("answer-required"))
    return _note(qs, state, asked, SKIPPED)


def _same(qs: Questionnaire, state: State, question: Question) -> Turn:
    known = valid(question, state.answers)
    again = valid(question, state.suggested) if known is None else known
    if again is None:
        return _refuse(qs, state, question, Refusal("answer-nothing-to-repeat"))
    return _note(qs, state, question, again)


def _settle(qs: Questionnaire, state: State, question: Question, read_as: Given | Refusal) -> Turn:
    if isinstance(read_as, Refusal):
        return _refuse(qs, state, question, read_as)
    return _note(qs, state, question, read_as)


def _refuse(qs: Questionnaire, state: State, question: Question, why: Refusal) -> Turn:
    return _then(Rejected(question, why.reason, why.args), standing(qs, state))


def _with(state: State, question: Question, value: Value) -> State:
    return replace(
        state,
        answers={**state.answers, question.id: value},
        picked={name: v for name, v in state.picked.items() if name != question.id},
        revisiting=None if state.revisiting == question.id else state.revisiting,
    )


def _note(qs: Questionnaire, state: State, question: Question, value: Value) -> Turn:
    return _then(Noted(question, value), standing(qs, _with(state, question, value)))


def _toggled(state: State, question: Question, value: str) -> tuple[str, ...]:
    before = _picked(state, question)
    return tuple(v for v in before if v != value) if value in before else (*before, value)


def _tick(qs: Questionnaire, state: State, question: Question, values: tuple[str, ...]) -> Turn:
    if question.kind != "many" or any(question.option(v) is None for v in values):
        return _refuse(qs, state, question, Refusal("answer-gone"))
    most = question.bounds[1]
    if len(set(values)) > most:
        return _refuse(qs, state, question, Refusal("answer-too-many", {"max": most}))
    ordered = tuple(o.value for o in question.options if o.value in values)
    # Ticking on an old keyboard is editing that answer.
    ticked = replace(state, picked={**state.picked, question.id: ordered}, revisiting=question.id)
    return standing(qs, ticked)


def _ticked(qs: Questionnaire, state: State, question: Question, today: date) -> Turn:
    if question.kind != "many":
        return _refuse(qs, state, question, Refusal("answer-gone"))
    values = _picked(state, question)
    if not values and question.optional:
        return _note(qs, state, question, SKIPPED)
    return _settle(qs, state, question, take(question, values, today))


def _submit(
    qs: Questionnaire,
    state: State,
    values: Mapping[str, str | tuple[str, ...] | None],
    today: date,
) -> Turn:
    """A form: all of it is kept or nothing, and every fault is told."""
    fields = [q for q in path(qs, state.answers) if q.id in values]
    if not fields:
        return _then(Stale(None), standing(qs, state))
    noted: list[Output] = []
    faults: list[Output] = []
    after = state
    for question in fields:
        raw = values[question.id]
        if not raw and question.optional:
            read_as: Value | Refusal = SKIPPED
        else:
            read_as = take(question, raw, today) if raw else Refusal("answer-needed")
        if isinstance(read_as, Refusal):
            faults.append(Rejected(question, read_as.reason, read_as.args))
        else:
            noted.append(Noted(question, read_as))
            after = _with(after, question, read_as)
    if faults:
        return state, faults
    after, shown = standing(qs, after)
    return after, [*noted, *shown]


_SHORT: Final = 20  # characters of a bare word, with the signs around it
_SKIPS: Final = ("passer", "passe", "skip", "pass")
"""Bare words, folded, that skip a question even where any words may be the answer."""
_COMMANDS: Final[Mapping[str, Input | Literal["same"]]] = {
    **dict.fromkeys(("retour", "precedent", "revenir", "back", "previous"), Back()),
    **dict.fromkeys((*_SKIPS, "suivant", "next"), Skip()),
    **dict.fromkeys(("annuler", "arreter", "stop", "quitter", "cancel", "quit"), Cancel()),
    **dict.fromkeys(
        ("ok", "valider", "envoyer", "confirmer", "done", "send", "confirm"), Confirm()
    ),
    **dict.fromkeys(("inchange", "pareil", "idem", "meme chose", "same", "unchanged"), "same"),
}
"""Bare words that steer the dialogue, folded, wherever the question takes no free text."""


def _said(qs: Questionnaire, state: State, text: str, today: date) -> Turn:
    asked = current(qs, state)
    free = asked is not None and asked.kind in {"text", "person"}
    if free and len(text) <= _SHORT and fold(text) in _SKIPS:
        return _skip(qs, state)
    if asked is not None:
        read_as = read(asked, text, today)
        if read_as is not None:
            return _settle(qs, state, asked, read_as)
    command = None if free else _COMMANDS.get(fold(text))
    match command, asked:
        case ((Back() | Skip() | Cancel()), _):
            return step(qs, state, command, today=today)
        case Confirm(), None:
            return step(qs, state, command, today=today)
        case Confirm(), Question(kind="many"):
            return step(qs, state, Done(asked.id), today=today)
        case "same", Question():
            return step(qs, state, Same(asked.id), today=today)
        case _:
            return _then(NotUnderstood(asked, text), standing(qs, state))
