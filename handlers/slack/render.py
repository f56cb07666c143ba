"""From the vocabulary of `bot.messages` to Block Kit.

Everything a person or the bot wrote becomes a `plain_text` element (or a literal rich-text element
in tables), so nothing typed can turn into a mention or a link; the one mrkdwn string Slack demands,
the notification text, is escaped. What is over a limit is shortened, split or counted here,
never sent and refused. This module refuses to know who reads, where it goes and what a
token means.

Source: docs.slack.dev/reference/block-kit; npm `@slack/types`; for the sum of all texts,
slackapi/bolt-js issues 2509 and 2867 (refused from about 11,300 characters on, depending on the
blocks).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from bot.messages import Choice, Field, Form, Home, Line, Message, Pick, Table

Block = dict[str, Any]

LIMITS: Final = {
    "blocks": 50,
    "view_blocks": 100,
    "all_text": 11_000,  # of one message, options included; Slack's own limit is undocumented
    "section": 3000,
    "header": 150,
    "note": 1000,
    "label": 75,
    "option": 75,
    "options": 100,
    "groups": 100,
    "buttons": 5,
    "links": 10,
    "quiet": 10,
    "all_options": 7500,
    "placeholder": 150,
    "title": 24,
    "field_label": 2000,
    "input": 3000,
    "radio": 10,
    "url": 3000,
    "alt": 1000,
    "notification": 700,  # escaped at worst five times as long: under the 4,000 of chat.update
    "cell": 40,
    "rows": 500,
}
SHORT_OPTION: Final = 12  # a menu entry is never cut below that; entries are left out instead


@dataclass(frozen=True, slots=True)
class Labels:
    """The few words that Block Kit wants and a message does not carry, in the reader's language.

    Attributes:
        placeholder: What an empty menu says.
        colon: What stands between a line's label and its text; French puts a space before it.
    """

    placeholder: str = "…"
    colon: str = ": "


PLAIN_LABELS: Final = Labels()


# --- text -------------------------------------------------------------------------------------

# Control characters but the newline, halves of surrogate pairs, directional overrides.
_UNFIT = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
_JOINER = "\u200d"


def clean(text: str) -> str:
    """A person's text without what Slack or a neighbour's line could choke on.

    Control characters, lone surrogates and directional overrides go (an override left open turns
    the rest of the block around); tabs become spaces. Right-to-left letters stay as they are.

    Returns:
        The text without surrounding white space; empty when nothing in it can be seen.
    """
    unified = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    kept = _UNFIT.sub("", unified).strip()
    return kept if any(unicodedata.category(c)[0] not in "CZ" for c in kept) else ""


def one_line(text: str) -> str:
    """`clean`, with every run of white space as one space."""
    return re.sub(r"[ \n\u2028\u2029]+", " ", clean(text))


def units(text: str) -> int:
    """Length in UTF-16 units: never less than what Slack counts, whichever way it counts."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _continues(text: str, at: int) -> bool:
    """Whether the character at `at` belongs to the one before: accent, skin tone, family, flag."""
    char, before = text[at], text[at - 1]
    if unicodedata.category(char) in {"Mn", "Mc", "Me"} or _JOINER in {char, before}:
        return True
    if "\U0001f3fb" <= char <= "\U0001f3ff" or "\U000e0020" <= char <= "\U000e007f":
        return True
    if not _is_flag_half(char):
        return False
    start = at
    while start > 0 and _is_flag_half(text[start - 1]):
        start -= 1
    return (at - start) % 2 == 1


def _is_flag_half(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _fitting(text: str, limit: int) -> int:
    """The largest index with at most `limit` units before it and no cluster cut."""
    used = end = 0
    for char in text:
        used += 2 if char > "\uffff" else 1
        if used > limit:
            break
        end += 1
    if end == len(text):
        return end
    whole = end
    while whole > 0 and _continues(text, whole):
        whole -= 1
    return whole or end  # one cluster longer than the limit: cut it, there is nothing else


def shorten(text: str, limit: int) -> str:
    """The text, or its beginning and `…`, in at most `limit` UTF-16 units."""
    if units(text) <= limit:
        return text
    return text[: _fitting(text, limit - 1)].rstrip() + "…"


def pieces(text: str, limit: int) -> list[str]:
    """A long text in parts of at most `limit` units, broken between lines or words."""
    found = []
    while units(text) > limit:
        end = max(1, _fitting(text, limit))
        for gap in ("\n", " "):
            at = text.rfind(gap, end // 2, end)
            if at > 0:
                end = at
                break
        found.append(text[:end].rstrip())
        text = text[end:].lstrip()
    if text:
        found.append(text)
    return found


def escape(text: str) -> str:
    """Text for the places where Slack reads mrkdwn: its three characters as entities."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(text: str, limit: int) -> Block:
    return {"type": "plain_text", "text": shorten(text, limit) or "…", "emoji": False}


def _label(text: str, limit: int = LIMITS["label"]) -> Block:
    return _plain(one_line(text), limit)


def _section(text: str, accessory: Block | None = None) -> Block:
    block: Block = {"type": "section", "text": _plain(text, LIMITS["section"])}
    return block | {"accessory": accessory} if accessory else block


def _weight(thing: object) -> int:
    """The units of all texts in blocks, as Slack adds them up for `msg_blocks_too_long`."""
    if isinstance(thing, list):
        return sum(map(_weight, thing))
    weight = 0
    if isinstance(thing, dict):
        for name, value in thing.items():
            if isinstance(value, dict | list):
                weight += _weight(value)
            elif name == "text" and isinstance(value, str):
                weight += units(value)
    return weight


# --- elements ---------------------------------------------------------------------------------


def _has_meaning(choice: Choice) -> bool:
    if choice.url is not None:
        return (
            bool(re.fullmatch(r"https?://[^\s<>]+", choice.url))
            and len(choice.url) <= LIMITS["url"]
        )
    return bool(choice.token)


def _button(choice: Choice, action_id: str, *, primary: bool = False) -> Block:
    button: Block = {"type": "button", "action_id": action_id, "text": _label(choice.label)}
    if choice.token:
        button["value"] = choice.token
    if choice.url is not None:
        button["url"] = choice.url
    if primary or choice.style != "plain":
        button["style"] = "danger" if choice.style == "danger" else "primary"
    return button


def _row(choices: Iterable[Choice], prefix: str) -> list[Block]:
    buttons = [_button(c, f"{prefix}{n}") for n, c in enumerate(choices)]
    return [{"type": "actions", "elements": buttons}] if buttons else []


def _entries(options: Iterable[tuple[str, str]], budget: int | None) -> tuple[list[Block], int]:
    """Menu entries of distinct values from (value, label), and how many had to be left out."""
    first: dict[str, str] = {}
    for value, label in options:
        first.setdefault(value, label)
    wanted = list(first.items())
    fits = LIMITS["options"] * LIMITS["groups"]
    width = LIMITS["option"]
    if budget is not None and len(wanted) * width > budget:
        width = max(SHORT_OPTION, budget // len(wanted))
        fits = min(fits, budget // width)
    shown = [{"text": _label(label, width), "value": value} for value, label in wanted[:fits]]
    return shown, len(wanted) - len(shown)


def _menu(kind: str, action_id: str, entries: list[Block], placeholder: str) -> Block:
    """A static menu; more than 100 entries go into groups named by their ends."""
    menu: Block = {"type": kind, "action_id": action_id}
    most = LIMITS["options"]
    if len(entries) <= most:
        menu["options"] = entries
    else:
        menu["option_groups"] = [
            {"label": _span(part), "options": part}
            for part in (entries[n : n + most] for n in range(0, len(entries), most))
        ]
    menu["placeholder"] = _label(placeholder, LIMITS["placeholder"])
    return menu


def _span(entries: list[Block]) -> Block:
    ends = (shorten(str(entries[at]["text"]["text"]), 20) for at in (0, -1))
    return _plain(" – ".join(ends), LIMITS["label"])


# --- messages ---------------------------------------------------------------------------------


def blocks(
    message: Message,
    labels: Labels = PLAIN_LABELS,
    *,
    room: int = LIMITS["blocks"],
    budget: int = LIMITS["all_text"],
) -> list[Block]:
    """Render a message as blocks that Slack takes.

    Actions are never dropped for the text's sake: they are laid out first, the text gets what is
    left.

    Args:
        message: What to say; its file, if any, is the sender's affair.
        labels: Words for menus, in the reader's language.
        room: Blocks at most, 20 or more.
        budget: UTF-16 units of text at most, options included.

    Returns:
        One block or more.

    Source: house rule "beyond five, a menu reads better"; limits in `LIMITS`.
    """
    title = one_line(message.title or "")
    head = [{"type": "header", "text": _plain(title, LIMITS["header"])}] if title else []
    note = shorten(clean(message.note or ""), LIMITS["note"])
    foot = [{"type": "context", "elements": [_plain(note, LIMITS["note"])]}] if note else []
    menu, actions = _actions(message, labels)
    left = budget - _weight(head) - _weight(foot) - _weight(menu) - _weight(actions)
    body = _body(message, labels, room - len(head) - len(actions) - len(foot) - 2, left - 200)
    if menu is not None:
        if message.lines or message.table or not body:
            body.append(_section(one_line(message.placeholder or labels.placeholder), menu))
        else:
            body[-1]["accessory"] = menu
    return head + body + actions + foot or [_section("")]


def _actions(message: Message, labels: Labels) -> tuple[Block | None, list[Block]]:
    """The multiple menu, if any, and the rows of actions under the text."""
    rows: list[Block] = []
    menu: Block | None = None
    share = LIMITS["all_options"] // (2 if message.pick and message.choices else 1)
    if message.pick is not None:
        menu, rows = _pick(message.pick, labels, share)
    choices = [c for c in message.choices if _has_meaning(c)]
    links = [c for c in choices if c.url is not None]
    answers = [c for c in choices if c.url is None]
    if len(choices) <= LIMITS["buttons"]:
        rows += _row(choices, "c")
    else:
        if len(answers) <= LIMITS["buttons"]:
            rows += _row(answers, "c")
        else:
            entries, lost = _entries(((c.token, c.label) for c in answers), share)
            holder = message.placeholder or labels.placeholder
            rows.append(
                {"type": "actions", "elements": [_menu("static_select", "s0", entries, holder)]}
            )
            rows += _more(lost)
        rows += _row(links[: LIMITS["links"]], "u")
        rows += _more(len(links) - LIMITS["links"])
    if message.form is not None and _has_meaning(message.form):
        rows.append({"type": "actions", "elements": [_button(message.form, "f0", primary=True)]})
    quiet = [c for c in message.quiet if _has_meaning(c)]
    return menu, rows + _row(quiet[: LIMITS["quiet"]], "q") + _more(len(quiet) - LIMITS["quiet"])


def _more(lost: int) -> list[Block]:
    return [_section(f"… (+{lost})")] if lost > 0 else []


def _pick(pick: Pick, labels: Labels, budget: int) -> tuple[Block | None, list[Block]]:
    """The multiple menu and, under it, the button that validates.

    The menu's token rides in its `action_id`, the button's too: `inbound` finds the selection by
    it.
    """
    chosen = {o.value for o in pick.options if o.chosen}
    if chosen:  # the entries chosen are said twice, and counted twice
        budget = budget * len(pick.options) // (len(pick.options) + len(chosen))
    entries, lost = _entries(((o.value, o.label) for o in pick.options if o.value), budget)
    rows = _more(lost)
    if _has_meaning(pick.done):
        done = _button(pick.done, f"done:{pick.token}", primary=True)
        rows.append({"type": "actions", "elements": [done]})
    if not entries:
        return None, rows
    holder = pick.placeholder or labels.placeholder
    menu = _menu("multi_static_select", f"pick:{pick.token}", entries, holder)
    if initial := [e for e in entries if e["value"] in chosen][: LIMITS["options"]]:
        menu["initial_options"] = initial
    return menu, rows


def _body(message: Message, labels: Labels, room: int, budget: int) -> list[Block]:
    text = clean(message.text)
    below = bool(message.lines or message.table)
    share = max(1, budget - 1500 if below else budget)
    found = [_section(part) for part in pieces(shorten(text, share), LIMITS["section"])]
    found += _lines(
        message.lines, labels, room - len(found) - bool(message.table), budget - _weight(found)
    )
    if message.table is not None:
        found += _table(message.table, budget - _weight(found))
    return found


def line_text(line: Line, labels: Labels) -> str:
    """A line as plain text: `label: text`, either part alone when the other is empty."""
    label, text = one_line(line.label or ""), clean(line.text)
    between = "\n" if text.startswith("•") or "\n" in text else labels.colon
    return between.join((label, text)) if label and text else label or text


def _lines(lines: Sequence[Line], labels: Labels, room: int, budget: int) -> list[Block]:
    """Lines as sections: those with a button of their own alone, the others run together."""
    found: list[Block] = []
    open_text = ""  # lines without a button, not yet in a block
    for n, line in enumerate(lines):
        text = shorten(line_text(line, labels), 2000)
        button = None
        if line.choice is not None and _has_meaning(line.choice):
            button = _button(line.choice, "l0")
        cost = units(text) + 1 + _weight(button)
        needed = len(found) + bool(open_text) + 1
        if cost > budget - 20 or needed > room - 1:
            rest = f"… (+{len(lines) - n})"
            if open_text and units(open_text) + units(rest) < LIMITS["section"]:
                return [*found, _section(f"{open_text}\n{rest}")]
            return [*found, *([_section(open_text)] if open_text else []), _section(rest)]
        budget -= cost
        if button is None and units(open_text) + units(text) + 20 < LIMITS["section"]:
            open_text = f"{open_text}\n{text}" if open_text else text
            continue
        if open_text:
            found.append(_section(open_text))
        open_text = "" if button else text
        if button:
            found.append(_section(text, button))
    return [*found, _section(open_text)] if open_text else found


def _width(text: str) -> int:
    """Columns a text takes in a fixed-width font."""
    return sum(
        0
        if unicodedata.category(c) in {"Mn", "Me", "Cf"}
        else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in text
    )


def _table(table: Table, budget: int) -> list[Block]:
    """A table as one preformatted block of aligned columns, literal whatever is in it."""
    shown_rows = table.rows[: LIMITS["rows"]]
    rows = [[shorten(one_line(cell), LIMITS["cell"]) for cell in row] for row in shown_rows]
    head = [shorten(one_line(cell), LIMITS["cell"]) for cell in table.columns]
    count = max((len(row) for row in [head, *rows]), default=0)
    if not count:
        return []
    padded = [row + [""] * (count - len(row)) for row in [head, *rows]]
    widths = [max(_width(row[i]) for row in padded) for i in range(count)]
    out = [
        "  ".join(
            cell + " " * (w - _width(cell)) for cell, w in zip(row, widths, strict=True)
        ).rstrip()
        for row in padded
    ]
    out.insert(1, "  ".join("─" * w for w in widths))
    text, shown = "", 0
    for line in out:
        if units(text) + units(line) + 20 > budget:
            break
        text += line + "\n"
        shown += 1
    if lost := len(table.rows) + 2 - shown:
        text += f"… (+{lost})"
    text = text.rstrip("\n")
    if not text.strip():
        return []
    inner = {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text}]}
    return [{"type": "rich_text", "elements": [inner]}]


def fallback(message: Message, labels: Labels = PLAIN_LABELS) -> str:
    """The text of notifications and screen readers: the notice, else how the message begins.

    Returns:
        Escaped mrkdwn, never empty.
    """
    if notice := one_line(message.notice or ""):
        return escape(shorten(notice, LIMITS["notification"]))
    return escape(shorten(_in_full(message, labels), LIMITS["notification"])) or "…"


def caption(message: Message, labels: Labels = PLAIN_LABELS) -> str:
    """What is said beside a file: title, text and lines.

    Returns:
        Escaped mrkdwn, empty when there is nothing to say.
    """
    return escape(shorten(_in_full(message, labels), LIMITS["section"]))


def _in_full(message: Message, labels: Labels) -> str:
    lines = (line_text(line, labels) for line in message.lines)
    return "\n".join(p for p in (one_line(message.title or ""), clean(message.text), *lines) if p)


def toast(text: str) -> str:
    """A short remark for one person's eyes: escaped mrkdwn."""
    return escape(shorten(clean(text), LIMITS["notification"]))


# --- views ------------------------------------------------------------------------------------


def home_view(home: Home, labels: Labels = PLAIN_LABELS) -> Block:
    """The App Home: the sections one under the other, a rule between them."""
    found: list[Block] = []
    most = LIMITS["view_blocks"]
    for n, section in enumerate(home.sections):
        room = most - len(found) - 2  # for the rule above and the count of what is missing
        if room < 20:
            found += _more(len(home.sections) - n)
            break
        if found:
            found.append({"type": "divider"})
        found += blocks(section, labels, room=min(room, LIMITS["blocks"]))
    return {"type": "home", "blocks": found}


def modal(form: Form, labels: Labels = PLAIN_LABELS) -> Block:
    """A form as a modal: one input block a field, `block_id` its id, the token as metadata.

    A menu without entries is left out: nobody could answer it.

    Source: docs.slack.dev/reference/views (24 characters of title, submit and close).
    """
    found = [_section(part) for part in pieces(clean(form.intro or ""), LIMITS["section"])][:5]
    seen: set[str] = set()
    for field in form.fields:
        element = _INPUTS[field.kind](field, labels)
        if element is None or field.id in seen or len(found) >= LIMITS["view_blocks"]:
            continue
        seen.add(field.id)
        block: Block = {
            "type": "input",
            "block_id": field.id,
            "label": _plain(clean(field.label), LIMITS["field_label"]),
            "element": element | {"action_id": "v"},
            "optional": field.optional,
        }
        if hint := clean(field.hint or ""):
            block["hint"] = _plain(hint, LIMITS["field_label"])
        found.append(block)
    return {
        "type": "modal",
        "callback_id": "form",
        "private_metadata": form.token,
        "title": _label(form.title, LIMITS["title"]),
        "submit": _label(form.submit, LIMITS["title"]),
        "close": _label(form.close, LIMITS["title"]),
        "blocks": found or [_section("")],
    }


def _text_input(field: Field, labels: Labels) -> Block:
    initial = clean(field.initial) if isinstance(field.initial, str) else ""
    initial = shorten(initial if field.multiline else one_line(initial), LIMITS["input"])
    most = min(LIMITS["input"], max(1, field.max_length or LIMITS["input"], units(initial)))
    element: Block = {"type": "plain_text_input", "multiline": field.multiline, "max_length": most}
    if initial:
        element["initial_value"] = initial
    if holder := one_line(field.placeholder or ""):
        element["placeholder"] = _plain(holder, LIMITS["placeholder"])
    return element


def _initial(field: Field) -> set[str]:
    given = (field.initial,) if isinstance(field.initial, str) else field.initial or ()
    return set(given) or {o.value for o in field.options if o.chosen}


def _choice_input(field: Field, labels: Labels, *, many: bool = False) -> Block | None:
    entries, _ = _entries(((o.value, o.label) for o in field.options if o.value), None)
    if not entries:
        return None
    chosen = [e for e in entries if e["value"] in _initial(field)]
    # Radio buttons cannot be emptied again, so an optional field gets a menu.
    small = len(entries) <= LIMITS["radio"] and (many or not field.optional)
    kinds = ("checkboxes", "multi_static_select") if many else ("radio_buttons", "static_select")
    if small:
        element: Block = {"type": kinds[0], "options": entries}
    else:
        element = _menu(kinds[1], "v", entries, field.placeholder or labels.placeholder)
    if chosen and many:
        element["initial_options"] = chosen[: LIMITS["options"]]
    elif chosen:
        element["initial_option"] = chosen[0]
    return element


def _many_input(field: Field, labels: Labels) -> Block | None:
    return _choice_input(field, labels, many=True)


def _date_input(field: Field, labels: Labels) -> Block:
    element: Block = {"type": "datepicker"}
    if isinstance(field.initial, str) and _is_day(field.initial):
        element["initial_date"] = field.initial
    if holder := one_line(field.placeholder or ""):
        element["placeholder"] = _plain(holder, LIMITS["placeholder"])
    return element


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


_INPUTS: Final[dict[str, Callable[[Field, Labels], Block | None]]] = {
    "text": _text_input,
    "choice": _choice_input,
    "many": _many_input,
    "date": _date_input,
}
