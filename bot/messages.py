"""What goes out, before any platform: the whole vocabulary of the renderers.

A message is plain text with structure (title, lines, table, choices): there is no mark-up language,
so nothing that a person typed can become mark-up. How each part looks, and what is shortened to
fit, is the renderers' affair; this module refuses to know Slack and Telegram.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter

Style = Literal["plain", "primary", "danger"]
FieldKind = Literal["text", "choice", "many", "date"]


@dataclass(frozen=True, slots=True)
class MessageRef:
    """A message as its platform names it: chat (`D…`, chat id) and message (`ts`, message id)."""

    chat: str
    message: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A button.

    What it says and what it means (`bot.dialogue.tokens`, at most 64 bytes), or where it leads
    (`url`).
    """

    label: str
    token: str = ""
    style: Style = "plain"
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """One entry of a multiple choice or of a form's menu.

    `token` toggles it where the platform has no menu of several.
    """

    value: str
    label: str
    chosen: bool = False
    token: str = ""


@dataclass(frozen=True, slots=True)
class Pick:
    """Several of many: a multiple menu on Slack, ☐/☑ toggles on Telegram, `done` to validate.

    Attributes:
        token: Meaning of the menu as a whole; the event's `picked` says what it holds.
        options: The entries, those already chosen marked.
        done: The button that validates.
        placeholder: The words in the empty menu.
    """

    token: str
    options: tuple[Option, ...]
    done: Choice
    placeholder: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a summary, a list or a card.

    An optional label, a text, an optional button of its own. The label of a `command` is one of the
    bot's, which may be pressed where the platform does that; no other words ever are.
    """

    text: str
    label: str | None = None
    choice: Choice | None = None
    command: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A small table for reading in chat; long ones travel as a file as well."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class File:
    """A document: its name, its content and what it is (a MIME type).

    A picture is shown as one. `alt` says in words what can be seen in it.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        ser_json_bytes="base64", val_json_bytes="base64"
    )

    name: str
    content: bytes
    mime: str = "text/csv"
    alt: str = ""

    @property
    def is_picture(self) -> bool:
        """Whether the platforms can show it in the conversation."""
        return self.mime in {"image/png", "image/jpeg"}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form. `id` is the question's id; `initial` what it holds when it opens."""

    id: str
    kind: FieldKind
    label: str
    hint: str | None = None
    options: tuple[Option, ...] = ()
    initial: str | tuple[str, ...] | None = None
    placeholder: str | None = None
    optional: bool = False
    max_length: int | None = None
    multiline: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """A page of questions at once, where the platform has forms.

    `token` comes back with what was filled in.
    """

    token: str
    title: str
    submit: str
    close: str
    fields: tuple[Field, ...]
    intro: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Attributes:
        text: The body, plain text; lines broken by newlines.
        title: A short heading shown emphasised.
        lines: Structured lines under the text (answers to review, reasons of a proposal, entries of
            a list).
        table: A table under them.
        choices: The answers or actions.
        pick: A multiple choice, instead of `choices`.
        form: A button that opens the same page as a form; left out where the platform has no forms.
        quiet: Back, skip, stop: always last, never among the answers.
        note: Small print under everything.
        notice: What a notification may show, where the text itself is too private for a locked
            screen.
        placeholder: Words in the empty input field, where the platform can show them.
        file: A document; the text is then its caption.
    """

    text: str
    title: str | None = None
    lines: tuple[Line, ...] = ()
    table: Table | None = None
    choices: tuple[Choice, ...] = ()
    pick: Pick | None = None
    form: Choice | None = None
    quiet: tuple[Choice, ...] = ()
    note: str | None = None
    notice: str | None = None
    placeholder: str | None = None
    file: File | None = None


@dataclass(frozen=True, slots=True)
class Home:
    """What is a person's own, on Slack's App Home: sections one under the other."""

    sections: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Ack:
    """What a platform demands in the same breath as the event.

    A form to open, errors under fields, a toast.
    """

    form: Form | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    toast: str | None = None


MESSAGE: TypeAdapter[Message | Home] = TypeAdapter(Message | Home)
