"""What the engine says, put into messages: questions, answers taken, summaries, forms.

Given the engine's outputs and the bot's voice it returns plain messages. It knows neither platform
nor storage, nor what a questionnaire is for; the texts are the programme file's and the
catalogues'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Final, assert_never

from bot.dialogue.engine import (
    Answer,
    Ask,
    Back,
    Cancel,
    Cancelled,
    Completed,
    Confirm,
    Done,
    Edit,
    Noted,
    NotUnderstood,
    OfQuestion,
    Output,
    Page,
    Pick,
    Rejected,
    Resume,
    Review,
    Same,
    Skip,
    Stale,
    State,
    Toggle,
    Value,
    asking,
)
from bot.dialogue.parsing import Skipped
from bot.dialogue.questionnaire import Kind, Question, Questionnaire
from bot.dialogue.tokens import DialogueToken, FormToken, Navigation, encode
from bot.i18n import Words
from bot.messages import Choice, Field, FieldKind, Form, Line, Message, Option
from bot.messages import Pick as Menu

_FIELDS: Final[Mapping[Kind, FieldKind]] = {
    "choice": "choice",
    "scale": "choice",
    "many": "many",
    "date": "date",
    "text": "text",
    "person": "text",
}
MENU_FROM = 5  # more answers than that may become a menu, which wants a word of its own
FORM_TITLE = 24  # characters; the shorter of the platforms' limits (Slack's modal title)


def word(
    outputs: Sequence[Output],
    conversation: int,
    words: Words,
    *,
    today: date,
    page: Page | None = None,
) -> list[Message]:
    """The messages for one step; what was refused or not understood opens the next message.

    Args:
        outputs: As `engine.step` returned them; `Noted` and `Completed` say nothing here.
        conversation: The number its buttons carry.
        words: The voice to speak in.
        today: The date where the person lives, for the quick picks of a date question.
        page: The page of the current question; with two questions or more it is offered as a form.
    """
    said: list[Message] = []
    opening: list[str] = []
    for output in outputs:
        match output:
            case Rejected(_, reason, args):
                opening.append(words(reason, **args))
            case NotUnderstood():
                opening.append(words("not-understood"))
            case Stale(None):
                opening.append(words("button-stale"))
            case Stale():
                opening.append(words("question-off-route"))
            case Ask():
                said.append(_led(opening, ask(output, conversation, words, today, page)))
            case Review():
                said.append(_led(opening, review(output, conversation, words)))
            case Cancelled():
                said.append(
                    Message(
                        words("dialogue-stopped"),
                        choices=(_nav(conversation, Resume(), words("resume"), "primary"),),
                    )
                )
            case Noted() | Completed():
                pass
            case _:
                assert_never(output)
        if said:
            opening = []
    if opening:
        said.append(Message("\n".join(opening)))
    return said


def _led(opening: Sequence[str], message: Message) -> Message:
    return replace(message, text="\n\n".join((*opening, message.text))) if opening else message


def ask(
    output: Ask, conversation: int, words: Words, today: date, page: Page | None = None
) -> Message:
    """One question as a message, with its buttons."""
    q = output.question
    text = words.pick(q.text)
    if q.help:
        text += "\n" + words.pick(q.help)
    if q.kind == "scale" and (q.low or q.high):
        low, high = q.bounds
        ends = [
            words("scale-end", grade=grade, meaning=words.pick(label))
            for grade, label in ((low, q.low), (high, q.high))
            if label
        ]
        text += "\n" + " · ".join(ends)
    if output.known is not None and q.kind != "many":
        text += "\n" + words("your-answer-so-far", answer=shown(q, output.known, words))
    choices: list[Choice] = []
    if output.suggested is not None and q.kind != "many":
        choices.append(
            _act(
                conversation,
                Same(q.id),
                words("unchanged", answer=_short(shown(q, output.suggested, words), 50)),
                "primary",
            )
        )
    choices += _answers(q, conversation, words, today)
    quiet = []
    if output.can_go_back:
        quiet.append(_nav(conversation, Back(), words("back")))
    if output.can_skip:
        quiet.append(_nav(conversation, Skip(), words("skip")))
    quiet.append(_nav(conversation, Cancel(), words("stop")))
    return Message(
        text=text,
        choices=tuple(choices),
        pick=_menu(output, conversation, words) if q.kind == "many" else None,
        form=(
            Choice(words("answer-in-form"), encode(FormToken(conversation, page.number)))
            if page is not None and (len(page.questions) > 1 or _opening(output))
            else None
        ),
        quiet=tuple(quiet),
        note=_progress(output),
        placeholder=(words.pick(q.placeholder) if q.placeholder else words("menu-choose"))
        if q.placeholder or len(choices) > MENU_FROM
        else None,
    )


def _progress(output: Ask) -> str | None:
    """How far one is; nothing while an answer may still open further questions."""
    known = output.settled and output.total > 1
    return f"{output.number}/{output.total}" if known else None


def _opening(output: Ask) -> bool:
    """Whether a longer dialogue begins here: the moment to choose between form and chat."""
    return output.number == 1 and output.total > 1


def _answers(q: Question, conversation: int, words: Words, today: date) -> list[Choice]:
    match q.kind:
        case "choice":
            return [
                _act(conversation, Answer(q.id, o.value), words.pick(o.label)) for o in q.options
            ]
        case "scale":
            low, high = q.bounds
            return [
                _act(conversation, Answer(q.id, str(grade)), str(grade))
                for grade in range(low, high + 1)
            ]
        case "date" if q.only != "past":
            days = [today + timedelta(days=7 * weeks) for weeks in (1, 2, 3)]
            return [
                _act(conversation, Answer(q.id, day.isoformat()), words.weekday(day))
                for day in days
            ]
        case _:
            return []


def _menu(output: Ask, conversation: int, words: Words) -> Menu:
    q = output.question
    return Menu(
        token=encode(DialogueToken(conversation, Pick(q.id))),
        options=tuple(
            Option(
                o.value,
                words.pick(o.label),
                chosen=o.value in output.picked,
                token=encode(DialogueToken(conversation, Toggle(q.id, o.value))),
            )
            for o in q.options
        ),
        done=_act(conversation, Done(q.id), words("validate"), "primary"),
        placeholder=words("choose-several"),
    )


def review(output: Review, conversation: int, words: Words) -> Message:
    """The answers before they are sent, each with its own *Modifier*."""
    return Message(
        title=words("review-title"),
        text=words("review-text"),
        lines=tuple(
            Line(
                label=_short(words.pick(q.text), 120),
                text=shown(q, value, words),
                choice=_act(conversation, Edit(q.id), words("edit")),
            )
            for q, value in output.items
        ),
        choices=(_nav(conversation, Confirm(), words("send"), "primary"),),
        quiet=(_nav(conversation, Cancel(), words("stop")),),
    )


def noted(output: Noted, conversation: int, words: Words) -> Message:
    """The message that asked, once answered: question, answer, a way to change it."""
    q = output.question
    return Message(
        text=words.pick(q.text) + "\n✓ " + shown(q, output.value, words),
        quiet=(_act(conversation, Edit(q.id), words("edit")),),
    )


def shown(q: Question, value: Value, words: Words) -> str:
    """An answer as people read it."""
    if isinstance(value, Skipped):
        return words("skipped")
    if isinstance(value, tuple):
        return words.all([_label(q, v, words) for v in value])
    if q.kind == "choice":
        return _label(q, str(value), words)
    if q.kind == "date":
        try:
            return words.day(date.fromisoformat(str(value)))
        except ValueError:
            return str(value)
    if q.kind == "scale":
        return f"{value}/{q.bounds[1]}"
    return str(value)


def _label(q: Question, value: str, words: Words) -> str:
    option = q.option(value)
    return words.pick(option.label) if option else value


def snapshot(
    qs: Questionnaire, answers: Mapping[str, Value], words: Words
) -> list[dict[str, object]]:
    """What was asked and answered, readable whatever the file becomes.

    Id, question, label, value.
    """
    kept: list[dict[str, object]] = []
    for name, value in answers.items():
        q = qs.question(name)
        if q is None or isinstance(value, Skipped):
            continue
        kept.append(
            {
                "id": name,
                "question": q.text.of(words.lang),
                "label": shown(q, value, words),
                "value": list(value) if isinstance(value, tuple) else value,
                "share": q.share,
            }
        )
    return kept


def form(
    qs: Questionnaire, state: State, page: Page, conversation: int, words: Words, title: str
) -> Form:
    """A page as a form, holding what is known or suggested."""
    return Form(
        token=encode(FormToken(conversation, page.number)),
        title=_short(title, FORM_TITLE),
        submit=words("form-send"),
        close=words("form-close"),
        fields=tuple(_field(asking(qs, state, q), words) for q in page.questions),
    )


def _field(a: Ask, words: Words) -> Field:
    q = a.question
    value = a.known if a.known is not None and not isinstance(a.known, Skipped) else a.suggested
    low, high = q.bounds
    if q.kind == "scale":
        options = tuple(Option(str(grade), str(grade)) for grade in range(low, high + 1))
    else:
        options = tuple(Option(o.value, words.pick(o.label)) for o in q.options)
    hint = words.pick(q.help) if q.help else None
    initial: str | tuple[str, ...] | None = None if value is None else str(value)
    return Field(
        id=q.id,
        kind=_FIELDS[q.kind],
        label=words.pick(q.text),
        hint=hint,
        options=options,
        initial=(a.picked or None) if q.kind == "many" else initial,
        placeholder=words.pick(q.placeholder) if q.placeholder else None,
        optional=q.optional,
        max_length=high if q.kind == "text" else None,
        multiline=q.kind == "text" and high > 120,
    )


def _act(conversation: int, event: OfQuestion, label: str, style: str = "plain") -> Choice:
    return _choice(label, DialogueToken(conversation, event), style)


def _nav(conversation: int, event: Navigation, label: str, style: str = "plain") -> Choice:
    return _choice(label, DialogueToken(conversation, event), style)


def _choice(label: str, token: DialogueToken, style: str) -> Choice:
    return Choice(label, encode(token), "primary" if style == "primary" else "plain")


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
