"""What one person sees of a local platform, as lines of text, and what they can press there.

Each platform is drawn from what its server received: Block Kit and keyboards, not our messages, so
a transcript can't flatter. No-break spaces are shown as ordinary ones. This module presses nothing
and knows no story.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from typing_extensions import override

from handlers.local.fake_slack import FakeSlack
from handlers.local.fake_telegram import FakeTelegram
from handlers.local.ledger import Json
from handlers.local.slack_world import SlackMessage, SlackView
from handlers.local.telegram_api import TelegramMessage

Drawn = list[str]
EDITED, PRIVATE, FILE, FORM, HOME, MENU, TOAST = "✎", "👁", "📎", "⧉", "⌂", "▾", "☁"
PICTURE: Final = "🖼"
GONE: Final = "⌫"
TICKS: Final = "☐☑"
_CODE = re.compile(r"(?<![\w-])(?=[A-Za-z0-9_-]*[A-Z0-9])[A-Za-z0-9_-]{22}(?![\w-])")


def plain(text: str) -> str:
    """Ordinary spaces for the no-break ones."""
    return text.replace("\u202f", " ").replace("\u00a0", " ")


def codes_in(text: str) -> list[str]:
    """The one-time codes in a text."""
    return _CODE.findall(text)


def masked(text: str) -> str:
    """The text with every one-time code as `CODE`: they differ from one play to the next."""
    return _CODE.sub("CODE", text)


@dataclass(frozen=True, slots=True)
class Button:
    """Something to press.

    Attributes:
        label: What it says, without the tick of a toggle.
        near: The text it belongs to: its own line, or the whole message.
        place: The message (`ts`, id) or view (`V…`) it is in.
        token: What it carries.
        many: The menu it is an entry of, where several entries are chosen at once.
    """

    label: str
    near: str
    place: str
    token: str
    many: str | None = None

    def called(self, label: str, near: str) -> bool:
        """Whether a person who says `label` (and `near`) means this one."""
        if self.label == label:
            return near in self.near
        said, _, which = self.label.partition(" · ")
        return said == label and bool(near) and near in which


class Screen(Protocol):
    """One person's view of one platform."""

    def news(self) -> list[Drawn]:
        """What is new or changed since the last call, oldest first."""
        ...

    def buttons(self) -> list[Button]:
        """What can be pressed in messages now, oldest message first."""
        ...


class _Memory:
    """What a screen showed already, and every button it ever had."""

    def __init__(self) -> None:
        self.shown: dict[str, Drawn] = {}
        self.ever: dict[tuple[str, str], Button] = {}

    def fresh(self, key: str, drawn: Drawn) -> Drawn | None:
        """The drawing to report: whole when new, marked when changed, None when the same."""
        before = self.shown.get(key)
        self.shown[key] = drawn
        if before == drawn:
            return None
        return drawn if before is None else [f"{EDITED} {drawn[0]}", *drawn[1:]]

    def missing(self, there: Collection[str]) -> list[Drawn]:
        """How many of the messages that were shown are gone since the last call."""
        away = self.shown.keys() - there
        for key in away:
            del self.shown[key]
        return [[f"{GONE} {len(away)} message{'s' if len(away) > 1 else ''}"]] if away else []

    def remember(self, buttons: Iterable[Button]) -> None:
        for one in buttons:
            self.ever[one.place, one.token] = one


def gone(memory: _Memory, now: Sequence[Button], label: str, near: str) -> Button | None:
    """The newest button of that label which is shown no more."""
    there = {(b.place, b.token) for b in now}
    return next(
        (
            b
            for key, b in reversed(memory.ever.items())
            if key not in there and b.called(label, near)
        ),
        None,
    )


# --- Slack ------------------------------------------------------------------------------------


class SlackScreen:
    """A member's conversation with the bot, their open modals and their Home tab."""

    def __init__(self, slack: FakeSlack, user: str) -> None:
        self.slack, self.user = slack, user
        self.memory = _Memory()
        self._home = ""
        self._views: set[tuple[str, str]] = set()

    def _messages(self) -> Iterator[SlackMessage]:
        yield from (m for m in self.slack.messages(self.user) if m.by_bot)
        for channel in self.slack.world.channels.values():
            if channel.user is None:
                yield from (m for m in channel.messages if m.visible_to == self.user)

    def news(self) -> list[Drawn]:
        """What is new or changed since the last call, oldest first."""
        found = self.memory.missing({message.ts for message in self._messages()})
        for message in self._messages():
            drawn = self._draw(message)
            if (fresh := self.memory.fresh(message.ts, drawn)) is not None:
                found.append(fresh)
        for view in self.slack.views(self.user):
            if (view.id, view.hash) not in self._views:
                self._views.add((view.id, view.hash))
                found.append(_draw_modal(view))
        home = self.slack.home(self.user)
        if home is not None and home.hash != self._home:
            self._home = home.hash
            found.append([f"{HOME} Accueil", *_draw_blocks(home.view["blocks"])])
        self.memory.remember(self.buttons())
        return found

    def _draw(self, message: SlackMessage) -> Drawn:
        drawn = _draw_blocks(message.blocks) if message.blocks else _unescaped(message.text)
        for file in map(self.slack.file, message.files):
            drawn.append(f"{PICTURE if file.is_picture else FILE} {file.filename}")
            drawn[-1] += f" · {plain(file.alt)}" if file.alt else ""
        if message.visible_to is not None:
            drawn = [f"{PRIVATE} {drawn[0]}", *drawn[1:]]
        return drawn or ["…"]

    def buttons(self) -> list[Button]:
        """What can be pressed in messages now, oldest message first."""
        return [b for m in self._messages() for b in _pressable(m.blocks, m.ts)]

    def home_buttons(self) -> list[Button]:
        """What can be pressed on the Home tab."""
        home = self.slack.home(self.user)
        return list(_pressable(home.view["blocks"], home.id)) if home else []


class SlackChannel(SlackScreen):
    """What the bot writes in a channel, for all its members; `user` is the channel's id."""

    @override
    def _messages(self) -> Iterator[SlackMessage]:
        channel = self.slack.world.channels[self.user]
        yield from (m for m in channel.messages if m.by_bot and m.visible_to is None)


def _unescaped(text: str) -> Drawn:
    for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(entity, sign)
    return plain(text).split("\n")


def _text(block: Json) -> str:
    return plain(str(block.get("text", {}).get("text", "")))


def _draw_blocks(blocks: Sequence[Json]) -> Drawn:
    drawn: Drawn = []
    for block in blocks:
        match block["type"]:
            case "header":
                drawn.append(_text(block))
            case "section":
                drawn += _text(block).split("\n")
                if "accessory" in block:
                    drawn += _draw_element(block["accessory"])
            case "actions":
                drawn.append(" ".join(p for e in block["elements"] for p in _draw_element(e)))
            case "context":
                drawn += [f"· {plain(e['text'])}" for e in block["elements"]]
            case "rich_text":
                inner = "".join(t["text"] for e in block["elements"] for t in e["elements"])
                drawn += plain(inner).split("\n")
            case "divider":
                drawn.append("———")
            case kind:
                drawn.append(f"({kind})")
    return [line.rstrip() for line in drawn]


def _options(element: Json) -> list[Json]:
    groups = [o for g in element.get("option_groups", []) for o in g["options"]]
    return [*element.get("options", []), *groups]


def _draw_element(element: Json) -> Drawn:
    if element["type"] == "button":
        arrow = " ↗" if element.get("url") else ""
        return [f"[{plain(element['text']['text'])}{arrow}]"]
    chosen = {o["value"] for o in element.get("initial_options", [])}
    many = element["type"] in ("multi_static_select", "checkboxes")
    labels = [
        (f"{TICKS[o['value'] in chosen]} " if many else "") + plain(o["text"]["text"])
        for o in _options(element)
    ]
    return [f"{MENU} " + " ".join(f"[{label}]" for label in labels)]


def _draw_modal(view: SlackView) -> Drawn:
    shown = view.view
    drawn = [f"{FORM} {plain(shown['title']['text'])}"]
    for block in shown["blocks"]:
        if block["type"] != "input":
            drawn += _draw_blocks([block])
            continue
        label = plain(block["label"]["text"])
        drawn.append(f"{label}{' (facultatif)' if block.get('optional') else ''}")
        element = block["element"]
        if element["type"] == "plain_text_input":
            drawn.append(f"  ____ {plain(element.get('initial_value', ''))}".rstrip())
        elif element["type"] == "datepicker":
            drawn.append(f"  __/__ {element.get('initial_date', '')}".rstrip())
        else:
            known = element.get("initial_option", {}).get("value")
            drawn.append("  " + _draw_element(element)[0] + (f" = {known}" if known else ""))
    return [*drawn, f"[{plain(shown['submit']['text'])}] [{plain(shown['close']['text'])}]"]


def _pressable(blocks: Sequence[Json], place: str) -> Iterator[Button]:
    whole = "\n".join(_draw_blocks(blocks))
    for block in blocks:
        if block["type"] == "section" and "accessory" in block:
            yield from _of_element(block["accessory"], _text(block), place)
        if block["type"] == "actions":
            for element in block["elements"]:
                yield from _of_element(element, whole, place)


def _of_element(element: Json, near: str, place: str) -> Iterator[Button]:
    if element["type"] == "button":
        if "value" in element:
            yield Button(plain(element["text"]["text"]), near, place, element["value"])
        return
    menu = element["action_id"] if element["type"] == "multi_static_select" else None
    for option in _options(element):
        yield Button(plain(option["text"]["text"]), near, place, option["value"], menu)


# --- Telegram -----------------------------------------------------------------------------------


class TelegramScreen:
    """A person's chat with the bot."""

    def __init__(self, telegram: FakeTelegram, user: int) -> None:
        self.telegram, self.user = telegram, user
        self.memory = _Memory()
        self._answered: set[str] = set()

    def _messages(self) -> list[TelegramMessage]:
        return [m for m in self.telegram.messages(self.user) if m.by_bot]

    def news(self) -> list[Drawn]:
        """What is new or changed since the last call, oldest first."""
        drawn = (self.memory.fresh(str(m.id), _draw_message(m)) for m in self._messages())
        found = self.memory.missing({str(message.id) for message in self._messages()})
        found += [fresh for fresh in drawn if fresh is not None]
        for query in self.telegram.world.callbacks.values():
            answer = query.answer or {}
            if query.user == self.user and answer.get("text") and query.id not in self._answered:
                self._answered.add(query.id)
                found.append([f"{TOAST} {plain(answer['text'])}"])
        self.memory.remember(self.buttons())
        return found

    def buttons(self) -> list[Button]:
        """What can be pressed now, oldest message first."""
        return [
            Button(
                plain(b["text"]).lstrip(TICKS + " "), plain(m.text), str(m.id), b["callback_data"]
            )
            for m in self._messages()
            for row in (m.markup or {}).get("inline_keyboard", [])
            for b in row
            if "callback_data" in b
        ]


def _draw_message(message: TelegramMessage) -> Drawn:
    drawn = plain(message.text).split("\n") if message.text else []
    if message.document is not None:
        drawn.append(PICTURE if message.photo else f"{FILE} {message.document.filename}")
    markup = message.markup or {}
    for row in markup.get("inline_keyboard", []):
        labels = (plain(b["text"]) + (" ↗" if "url" in b else "") for b in row)
        drawn.append(" ".join(f"[{label}]" for label in labels))
    if holder := markup.get("input_field_placeholder"):
        drawn.append(f"____ ({plain(holder)})")
    return [line.rstrip() for line in drawn] or ["…"]
