"""A message of ours as the arguments of one Bot API call.

The text goes without `parse_mode`; title, labels, table and note are entities. What does not fit
is shortened here, never sent: Telegram refuses a whole message for one character too many. One
`Message` is one Telegram message, because one outbox row is one message. A `notice` has no
counterpart: Telegram makes the notification from the text. This module knows no chat and no wire.

Source: Bot API (text 4096, caption 1024, callback_data 1-64 bytes, 100 buttons, 8 a row,
placeholder 64).
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

from bot.messages import Choice, File, Home, Line, Message, Option, Table
from handlers.telegram.text import ELLIPSIS, Rich, clean, clip, flat, grid, visible, width

LIMITS: Final = {
    "text": 4096,
    "caption": 1024,
    "token": 64,  # bytes; ours are ASCII
    "label": 64,  # ours: a phone shows about forty
    "placeholder": 64,
    "buttons": 100,
    "row": 8,
    "row_width": 28,
    "unpaged": 12,
    "page": 8,
    "fixed": 4,
    "line_label": 150,
    "line": 1000,  # ours: one long line must not push out the others
    "cell": 24,
    "file_name": 60,
    "url": 2048,
}
BACK: Final = "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}"
ON: Final = "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"
_STYLES: Final = {"primary": "primary", "danger": "danger"}
_PAGE: Final = re.compile(r"p:([1-9][0-9]{0,18}):(0|[1-9][0-9]{0,3})", re.ASCII)

Json = dict[str, Any]
Row = list[Json]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rendered:
    """What to send, in the Bot API's own words.

    Attributes:
        text: The text, or the document's caption (may be empty then).
        entities: `entities` or `caption_entities`.
        reply_markup: An inline keyboard, a `ForceReply`, or nothing.
        file: The document, where there is one.
        paged: Not all buttons are shown: there are further pages.
    """

    text: str
    entities: tuple[Json, ...] = ()
    reply_markup: Json | None = None
    file: File | None = None
    paged: bool = False

    @property
    def keyboard(self) -> Json | None:
        """The inline keyboard: all an edited message may carry."""
        return (
            self.reply_markup
            if self.reply_markup and "inline_keyboard" in self.reply_markup
            else None
        )

    def arguments(self) -> Json:
        """Arguments of `sendMessage`, `sendDocument` or `sendPhoto`, but for chat and file."""
        found: Json = {}
        if self.file:
            found |= {"caption": self.text, "caption_entities": list(self.entities)}
        else:
            found |= {
                "text": self.text,
                "entities": list(self.entities),
                "link_preview_options": {"is_disabled": True},
            }
        if self.reply_markup:
            found["reply_markup"] = self.reply_markup
        return {name: value for name, value in found.items() if value or name == "text"}


def render(message: Message | Home, row: int = 0, page: int = 0) -> Rendered:
    """Render a message.

    Args:
        message: What to say.
        row: Id of the outbox row that carries it: the buttons that turn pages name it.
        page: Page of the keyboard, from 0; beyond the end, the last.

    Returns:
        Arguments within Telegram's limits, whatever the message holds.
    """
    sections = tuple(map(_usable, message.sections if isinstance(message, Home) else (message,)))
    file = next((_document(s.file) for s in sections if s.file and s.file.content), None)
    text, entities = _compose(sections, LIMITS["caption" if file else "text"])
    if file and text == ELLIPSIS:
        text = ""  # a document needs no caption
    rows, paged = keyboard(sections, row, page)
    markup: Json | None = {"inline_keyboard": rows} if rows else None
    wanted = next((s.placeholder for s in sections if s.placeholder), "")
    placeholder = clip(flat(wanted), LIMITS["placeholder"])
    if not rows and visible(placeholder):
        markup = {"force_reply": True, "input_field_placeholder": placeholder}
    return Rendered(text, tuple(entities), markup, file, paged)


def page_of(token: str) -> tuple[int, int] | None:
    """Read the token of a button that turns a page: (outbox row, page); None for any other."""
    found = _PAGE.fullmatch(token)
    return (int(found[1]), int(found[2])) if found else None


# --- text -------------------------------------------------------------------------------------


def _compose(sections: Sequence[Message], limit: int) -> tuple[str, list[Json]]:
    """The sections one under the other; over the limit, lines go first, then text is shortened."""
    most = sum(len(s.lines) + len(s.table.rows if s.table else ()) for s in sections)

    def by_lines(count: int) -> Rich:
        return _build(sections, count, limit)

    def by_text(size: int) -> Rich:
        return _build(sections, 0, size)

    if (whole := by_lines(most)).units <= limit:
        return whole.finish(limit)
    built = by_lines if by_lines(0).units <= limit else by_text
    return _largest(built, most if built is by_lines else limit, limit).finish(limit)


def _largest(build: Callable[[int], Rich], most: int, limit: int) -> Rich:
    """What is built with the largest amount that fits; with none, if nothing does."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if build(middle).units <= limit else (low, middle - 1)
    return build(low)


def _build(sections: Sequence[Message], keep: int, size: int) -> Rich:
    """Put the sections together with the first `keep` lines, each text at most `size` units."""
    rich = Rich()
    for section in sections:
        if title := clip(flat(section.title or ""), min(size, LIMITS["line"])):
            rich.gap(2)
            rich.add(title, "bold")
        if text := clip(clean(section.text).strip(), size):
            rich.gap(2)
            rich.add(text)
        keep = _add_lines(rich, section.lines, keep)
        if section.table and section.table.columns:
            keep = _add_table(rich, section.table, keep)
        if note := clip(clean(section.note or "").strip(), size):
            rich.gap(2)
            rich.add(note, "italic")
    return rich


def _add_lines(rich: Rich, lines: Sequence[Line], keep: int) -> int:
    for number, line in enumerate(lines[:keep]):
        rich.gap(1 if number else 2)
        label = clip(flat(line.label or ""), LIMITS["line_label"])
        text = clip(clean(line.text).strip(), LIMITS["line"])
        if label:
            rich.add(label, "bold", command=line.command)
        between = "\n" if _is_list(text) else " · "
        rich.add(between + text if label and text else text)
    if len(lines) > keep:
        rich.gap(1 if keep else 2)
        rich.add(f"{ELLIPSIS} (+{len(lines) - keep})")
    return max(keep - len(lines), 0)


def _is_list(text: str) -> bool:
    """Whether a line's text stands better under its label than beside it."""
    return text.startswith("•") or "\n" in text


def _add_table(rich: Rich, table: Table, keep: int) -> int:
    head, drawn = grid(table.columns, table.rows, LIMITS["cell"])
    body = "\n".join((*head, *drawn[:keep]))
    rich.gap(2)
    rich.add(clip(body, LIMITS["text"] // 2) if keep == 0 else body, "pre")
    if len(drawn) > keep:
        rich.gap(1)
        rich.add(f"{ELLIPSIS} (+{len(drawn) - keep})")
    return max(keep - len(drawn), 0)


# --- keyboard ---------------------------------------------------------------------------------


def keyboard(sections: Sequence[Message], row: int, page: int) -> tuple[list[Row], bool]:
    """The rows of buttons: answers (paged beyond twelve), done, the quiet ones; whether paged."""
    alone = list(_line_buttons(sections))
    flowing = [_button(c) for s in sections for c in s.choices]
    flowing += [_toggle(o) for s in sections if s.pick for o in s.pick.options]
    done = [_button(s.pick.done) for s in sections if s.pick]
    quiet = [_button(c) for s in sections for c in s.quiet]

    entries = [(b, True) for b in alone if b]
    fixed: list[Json | None] = []
    if entries and len(flowing) <= LIMITS["fixed"]:
        fixed = flowing  # what acts on all the lines (« Envoyer ») stands on every page
    else:
        entries += [(b, False) for b in flowing if b]
    turn: list[Row] = []
    if len(entries) > LIMITS["unpaged"]:
        last = (len(entries) - 1) // LIMITS["page"]
        page = max(0, min(page, last))
        entries = entries[page * LIMITS["page"] :][: LIMITS["page"]]
        turn = [_turns(row, page, last)]
    rows = [[b] for b, on_its_own in entries if on_its_own]
    rows += _flow([b for b, on_its_own in entries if not on_its_own])
    rows += turn
    rows += _flow([b for b in fixed if b])
    rows += [[b] for b in done if b]
    rows += _flow([b for b in quiet if b])
    return _at_most(rows, LIMITS["buttons"]), bool(turn)


def _line_buttons(sections: Sequence[Message]) -> Iterator[Json | None]:
    """One button per line that has one; labels said twice are told apart by the line's label."""
    lines = [(line, line.choice) for s in sections for line in s.lines if line.choice]
    said = Counter(choice.label for _, choice in lines)
    for line, choice in lines:
        which = flat(line.label or line.text)
        if said[choice.label] > 1 and visible(which):
            yield _button(replace(choice, label=f"{flat(choice.label)} · {which}"))
        else:
            yield _button(choice)


def _toggle(option: Option) -> Json | None:
    return _button(Choice(f"{'☑' if option.chosen else '☐'} {option.label}", option.token))


def _button(choice: Choice) -> Json | None:
    """A button, or None where Telegram would refuse the whole message for it."""
    label = clip(flat(choice.label), LIMITS["label"])
    button: Json = {"text": label if visible(label) else ELLIPSIS}
    if choice.url:
        if not linkable(choice.url):
            return None
        button["url"] = choice.url
    elif 1 <= len(choice.token) <= LIMITS["token"] and choice.token.isascii():
        button["callback_data"] = choice.token
    else:  # a fault of the program (tokens are checked when made); the rest must still arrive
        logger.error("button left out: its token does not fit length=%d", len(choice.token))
        return None
    if choice.style in _STYLES:
        button["style"] = _STYLES[choice.style]
    return button


def _turns(row: int, page: int, last: int) -> Row:
    """The buttons back and on, each with the page it leads to."""
    steps = [(page - 1, BACK + " {}")] if page > 0 else []
    steps += [(page + 1, "{} " + ON)] if page < last else []
    return [
        {"text": label.format(f"{to + 1}/{last + 1}"), "callback_data": f"p:{row}:{to}"}
        for to, label in steps
    ]


def _flow(buttons: Sequence[Json]) -> list[Row]:
    """Fill rows as long as the labels fit a phone's width."""
    rows: list[Row] = []
    free = 0
    for button in buttons:
        size = width(button["text"]) + 2
        if rows and size <= free and len(rows[-1]) < LIMITS["row"]:
            rows[-1].append(button)
        else:
            rows.append([button])
            free = LIMITS["row_width"] + 2
        free -= size
    return rows


def _at_most(rows: list[Row], count: int) -> list[Row]:
    kept: list[Row] = []
    for buttons in rows:
        count -= len(buttons)
        if count < 0:
            break
        kept.append(buttons)
    return kept


# --- what Telegram would not take -------------------------------------------------------------


def _usable(section: Message) -> Message:
    """Write the links that Telegram refuses on buttons (a local demo's) as lines of text."""
    written: list[Line] = []

    def keep(choice: Choice) -> bool:
        if not choice.url or linkable(choice.url):
            return True
        written.append(Line(choice.url, choice.label))
        return False

    choices = tuple(c for c in section.choices if keep(c))
    quiet = tuple(c for c in section.quiet if keep(c))
    lines = tuple(
        line if line.choice is None or keep(line.choice) else replace(line, choice=None)
        for line in section.lines
    )
    if not written:
        return section
    return replace(section, choices=choices, quiet=quiet, lines=(*lines, *written))


def linkable(url: str) -> bool:
    """Whether Telegram takes this address on a button: http(s) with a dotted host, or tg:."""
    if not url.isascii() or len(url) > LIMITS["url"] or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme == "tg":
        return bool(host)
    return parts.scheme in {"http", "https"} and bool(re.fullmatch(r"[\w-]+(\.[\w-]+)+", host))


def _document(file: File) -> File:
    name = re.sub(r"[/\\:]", "_", flat(file.name)).strip(" .")
    stem, dot, ending = name.rpartition(".")
    if len(name) > LIMITS["file_name"]:
        name = clip(stem or name, LIMITS["file_name"] - 8) + dot + ending[:7]
    return replace(file, name=name or "document")
