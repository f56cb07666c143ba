"""What Slack takes in Block Kit and mrkdwn, and what it refuses.

Pure functions on JSON; refuses to know who sends or where it goes. The limits are those of Slack's
reference (docs.slack.dev/reference/block-kit), of npm `@slack/types` and of the validators of
slack_sdk; where the sources disagree the looser documented one is applied, except that unknown
fields are refused, as Slack does.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

Surface = Literal["message", "modal", "home"]
Json = dict[str, Any]

MAX_BLOCKS = {"message": 50, "modal": 100, "home": 100}
MAX_ALL_TEXT = 13_200
MAX_MARKDOWN = 12_000
MAX_ID = 255
MAX_METADATA = 3000
MAX_VIEW_TITLE = 24
MAX_OPTIONS = 100
MAX_URL = 3000

SELECTS = ("static", "external", "users", "conversations", "channels")
SINGLE = frozenset(f"{kind}_select" for kind in SELECTS)
MULTI = frozenset(f"multi_{kind}_select" for kind in SELECTS)
CHOOSERS = frozenset({"radio_buttons", "checkboxes", "overflow"})
PICKERS = frozenset({"datepicker", "timepicker"})
TYPED = frozenset({"plain_text_input", "email_text_input", "url_text_input", "number_input"})
INPUTS = (
    SINGLE
    | MULTI
    | TYPED
    | PICKERS
    | {"datetimepicker", "radio_buttons", "checkboxes", "file_input", "rich_text_input"}
)
ACCESSORIES = SINGLE | MULTI | CHOOSERS | PICKERS | {"button", "image", "workflow_button"}
IN_ACTIONS = SINGLE | CHOOSERS | PICKERS | {"button", "datetimepicker", "workflow_button"}
IN_CONTEXT = frozenset({"image", "plain_text", "mrkdwn"})

BLOCK_FIELDS: dict[str, tuple[frozenset[str], frozenset[str]]] = {  # type -> (required, optional)
    "section": (frozenset(), frozenset({"text", "fields", "accessory", "expand"})),
    "divider": (frozenset(), frozenset()),
    "header": (frozenset({"text"}), frozenset({"level"})),
    "context": (frozenset({"elements"}), frozenset()),
    "actions": (frozenset({"elements"}), frozenset()),
    "input": (frozenset({"label", "element"}), frozenset({"hint", "optional", "dispatch_action"})),
    "image": (frozenset({"alt_text"}), frozenset({"image_url", "slack_file", "title"})),
    "markdown": (frozenset({"text"}), frozenset()),
    "rich_text": (frozenset({"elements"}), frozenset()),
    "table": (frozenset({"rows"}), frozenset({"column_settings"})),
}
ONLY_IN_MESSAGES = frozenset({"markdown", "table"})

_FOCUS = frozenset({"focus_on_load"})
_HOLDER = frozenset({"placeholder"})
_CONFIRM = frozenset({"confirm"})
_INITIAL_LIST = frozenset({"max_selected_items"})
_TYPING = _HOLDER | _FOCUS | {"initial_value", "dispatch_action_config"}
ELEMENT_FIELDS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "button": (frozenset({"text"}), _CONFIRM | {"url", "value", "style", "accessibility_label"}),
    "overflow": (frozenset({"options"}), _CONFIRM),
    "radio_buttons": (frozenset({"options"}), _CONFIRM | _FOCUS | {"initial_option"}),
    "checkboxes": (frozenset({"options"}), _CONFIRM | _FOCUS | {"initial_options"}),
    "datepicker": (frozenset(), _CONFIRM | _FOCUS | _HOLDER | {"initial_date"}),
    "timepicker": (frozenset(), _CONFIRM | _FOCUS | _HOLDER | {"initial_time", "timezone"}),
    "datetimepicker": (frozenset(), _CONFIRM | _FOCUS | {"initial_date_time"}),
    "plain_text_input": (frozenset(), _TYPING | {"multiline", "min_length", "max_length"}),
    "email_text_input": (frozenset(), _TYPING),
    "url_text_input": (frozenset(), _TYPING),
    "number_input": (frozenset({"is_decimal_allowed"}), _TYPING | {"min_value", "max_value"}),
    "file_input": (frozenset(), frozenset({"filetypes", "max_files"})),
    "rich_text_input": (frozenset(), _TYPING),
    "image": (frozenset({"alt_text"}), frozenset({"image_url", "slack_file"})),
    "workflow_button": (
        frozenset({"text", "workflow"}),
        frozenset({"style", "accessibility_label"}),
    ),
    "static_select": (
        frozenset(),
        _CONFIRM | _FOCUS | _HOLDER | {"options", "option_groups", "initial_option"},
    ),
    "external_select": (
        frozenset(),
        _CONFIRM | _FOCUS | _HOLDER | {"min_query_length", "initial_option"},
    ),
    "users_select": (frozenset(), _CONFIRM | _FOCUS | _HOLDER | {"initial_user"}),
    "conversations_select": (
        frozenset(),
        _CONFIRM
        | _FOCUS
        | _HOLDER
        | {
            "initial_conversation",
            "default_to_current_conversation",
            "response_url_enabled",
            "filter",
        },
    ),
    "channels_select": (
        frozenset(),
        _CONFIRM | _FOCUS | _HOLDER | {"initial_channel", "response_url_enabled"},
    ),
}
for _kind, _one, _many in (
    ("static", "initial_option", "initial_options"),
    ("external", "initial_option", "initial_options"),
    ("users", "initial_user", "initial_users"),
    ("conversations", "initial_conversation", "initial_conversations"),
    ("channels", "initial_channel", "initial_channels"),
):
    _required, _optional = ELEMENT_FIELDS[f"{_kind}_select"]
    ELEMENT_FIELDS[f"multi_{_kind}_select"] = (
        _required,
        (_optional - {_one, "response_url_enabled"}) | {_many} | _INITIAL_LIST,
    )

HOME_FIELDS = frozenset({"type", "blocks", "private_metadata", "callback_id", "external_id"})
MODAL_FIELDS = HOME_FIELDS | {"title", "close", "submit"}
MODAL_FIELDS |= {"clear_on_close", "notify_on_close", "submit_disabled"}


@dataclass
class Report:
    """What was found wrong, in Slack's words.

    Attributes:
        messages: Lines for `response_metadata.messages`, each ending in a JSON pointer.
        too_long: All texts together pass the message's hidden limit (`msg_blocks_too_long`).
    """

    messages: list[str] = field(default_factory=list)
    too_long: bool = False

    def add(self, where: str, what: str) -> None:
        """Note one fault at a JSON pointer."""
        self.messages.append(f"[ERROR] {what} [json-pointer:{where}]")


def check_blocks(blocks: Any, surface: Surface) -> Report:
    """Check the blocks of a message or view.

    Args:
        blocks: Decoded JSON, in principle a list of blocks.
        surface: Where they are to be shown.

    Returns:
        The faults; an empty report means Slack takes them.
    """
    report = Report()
    _Checker(report, surface).blocks(blocks, "/blocks")
    return report


def check_view(view: Any, surface: Surface) -> Report:
    """Check a whole view (`modal` or `home`); pointers start at `/view`."""
    report = Report()
    if not isinstance(view, dict):
        report.add("/view", "must be an object")
        return report
    if view.get("type") != surface:
        report.add("/view/type", f"must be {surface}")
        return report
    _Checker(report, surface).view(view)
    return report


def kind_of(thing: Any) -> str:
    """The `type` of a JSON object; nothing when it has none worth the name."""
    kind = thing.get("type") if isinstance(thing, dict) else None
    return kind if isinstance(kind, str) else ""


class _Checker:
    """Walks one message or view and writes what Slack would complain about."""

    def __init__(self, report: Report, surface: Surface) -> None:
        self.report = report
        self.surface = surface
        self.focused = 0

    # ------------------------------------------------------------------ small rules

    def fields(
        self,
        thing: Mapping[str, Any],
        where: str,
        required: frozenset[str],
        optional: frozenset[str],
    ) -> None:
        for name in sorted(required - thing.keys()):
            self.report.add(where, f"missing required field: {name}")
        for name in sorted(thing.keys() - required - optional):
            self.report.add(
                f"{where}/{name}", f"no more than the documented fields allowed: {name}"
            )

    def string(self, value: Any, where: str, most: int, least: int = 1) -> None:
        if not isinstance(value, str):
            self.report.add(where, "must be a string")
        elif len(value) > most:
            self.report.add(where, f"must be less than {most + 1} characters")
        elif len(value) < least:
            self.report.add(where, f"must be more than {least - 1} characters")

    def text(self, value: Any, where: str, most: int, *, plain: bool = True) -> None:
        if not isinstance(value, dict):
            self.report.add(where, "must be a text object")
            return
        allowed = {"plain_text"} if plain else {"plain_text", "mrkdwn"}
        if kind_of(value) not in allowed:
            self.report.add(f"{where}/type", f"must be {' or '.join(sorted(allowed))}")
            return
        own = frozenset({"emoji"}) if value["type"] == "plain_text" else frozenset({"verbatim"})
        self.fields(value, where, frozenset({"type", "text"}), own)
        if "text" in value:
            self.string(value["text"], f"{where}/text", most)
            if isinstance(value["text"], str) and value["text"] and not value["text"].strip():
                self.report.add(f"{where}/text", "must not be only white space")

    def number(
        self, thing: Json, name: str, where: str, least: int, most: int, *, default: int
    ) -> int:
        value = thing.get(name, default)
        if isinstance(value, int) and least <= value <= most:
            return value
        self.report.add(f"{where}/{name}", f"must be between {least} and {most}")
        return default

    def items(self, value: Any, where: str, most: int, least: int = 1) -> list[Any]:
        if not isinstance(value, list):
            self.report.add(where, "must be an array")
            return []
        if len(value) > most:
            self.report.add(where, f"no more than {most} items allowed")
        if len(value) < least:
            self.report.add(where, f"no fewer than {least} items allowed")
        return value

    # ------------------------------------------------------------------ views and blocks

    def view(self, view: Json) -> None:
        modal = self.surface == "modal"
        required = (
            frozenset({"type", "blocks", "title"}) if modal else frozenset({"type", "blocks"})
        )
        self.fields(view, "/view", required, (MODAL_FIELDS if modal else HOME_FIELDS) - required)
        for name in ("title", "submit", "close"):
            if modal and view.get(name) is not None:
                self.text(view[name], f"/view/{name}", MAX_VIEW_TITLE)
        for name, most in (
            ("private_metadata", MAX_METADATA),
            ("callback_id", MAX_ID),
            ("external_id", MAX_ID),
        ):
            if view.get(name) is not None:
                self.string(view[name], f"/view/{name}", most, least=0)
        self.blocks(view.get("blocks"), "/view/blocks")
        blocks = view.get("blocks")
        inputs = isinstance(blocks, list) and any(kind_of(b) == "input" for b in blocks)
        if modal and inputs and not view.get("submit"):
            self.report.add("/view/submit", "a modal with an input block must have a submit field")
        if self.focused > 1:
            self.report.add("/view/blocks", "only one element may have focus_on_load")

    def blocks(self, blocks: Any, where: str) -> None:
        least = 0 if self.surface == "home" else 1
        seen: set[str] = set()
        markdown = 0
        for i, block in enumerate(self.items(blocks, where, MAX_BLOCKS[self.surface], least)):
            here = f"{where}/{i}"
            if not isinstance(block, dict):
                self.report.add(here, "must be an object")
                continue
            block_id = block.get("block_id")
            if block_id is not None:
                self.string(block_id, f"{here}/block_id", MAX_ID)
                if str(block_id) in seen:
                    self.report.add(f"{here}/block_id", f"block_id {block_id!r} already exists")
                seen.add(str(block_id))
            if block.get("type") == "markdown":
                markdown += len(str(block.get("text", "")))
            self.block(block, here)
        if markdown > MAX_MARKDOWN:
            self.report.add(
                where, f"markdown must be less than {MAX_MARKDOWN + 1} characters in all"
            )
        if self.surface == "message" and sum(len(t) for t in all_texts(blocks)) > MAX_ALL_TEXT:
            self.report.too_long = True

    def block(self, block: Json, here: str) -> None:
        kind = kind_of(block)
        if kind not in BLOCK_FIELDS or (kind in ONLY_IN_MESSAGES and self.surface != "message"):
            self.report.add(f"{here}/type", f"unsupported type: {kind}")
            return
        required, optional = BLOCK_FIELDS[kind]
        self.fields(block, here, required | {"type"}, optional | {"block_id"})
        check: Callable[[Json, str], None] | None = getattr(self, f"_{kind}", None)
        if check is not None:
            check(block, here)

    def _section(self, block: Json, here: str) -> None:
        if "text" not in block and "fields" not in block:
            self.report.add(here, "missing required field: text or fields")
        if "text" in block:
            self.text(block["text"], f"{here}/text", 3000, plain=False)
        if "fields" in block:
            for i, one in enumerate(self.items(block["fields"], f"{here}/fields", 10)):
                self.text(one, f"{here}/fields/{i}", 2000, plain=False)
        if "accessory" in block:
            self.element(block["accessory"], f"{here}/accessory", ACCESSORIES)

    def _header(self, block: Json, here: str) -> None:
        if "text" in block:
            self.text(block["text"], f"{here}/text", 150)

    def _context(self, block: Json, here: str) -> None:
        for i, one in enumerate(self.items(block.get("elements"), f"{here}/elements", 10)):
            place = f"{here}/elements/{i}"
            kind = kind_of(one)
            if kind not in IN_CONTEXT:
                self.report.add(f"{place}/type", f"unsupported type: {kind}")
            elif kind == "image":
                self.element(one, place, IN_CONTEXT)
            else:
                self.text(one, place, 2000, plain=False)

    def _actions(self, block: Json, here: str) -> None:
        seen: set[str] = set()
        for i, one in enumerate(self.items(block.get("elements"), f"{here}/elements", 25)):
            self.element(one, f"{here}/elements/{i}", IN_ACTIONS)
            action_id = one.get("action_id") if isinstance(one, dict) else None
            if action_id is not None and str(action_id) in seen:
                self.report.add(
                    f"{here}/elements/{i}/action_id", f"action_id {action_id!r} already exists"
                )
            seen.add(str(action_id))

    def _input(self, block: Json, here: str) -> None:
        if "label" in block:
            self.text(block["label"], f"{here}/label", 2000)
        if "hint" in block:
            self.text(block["hint"], f"{here}/hint", 2000)
        if "element" in block:
            allowed = INPUTS if self.surface == "modal" else INPUTS - {"file_input"}
            self.element(block["element"], f"{here}/element", allowed)

    def _image(self, block: Json, here: str) -> None:
        self._picture(block, here)
        if "title" in block:
            self.text(block["title"], f"{here}/title", 2000)

    def _markdown(self, block: Json, here: str) -> None:
        if "text" in block:
            self.string(block["text"], f"{here}/text", MAX_MARKDOWN)

    def _rich_text(self, block: Json, here: str) -> None:
        for i, one in enumerate(self.items(block.get("elements"), f"{here}/elements", 100)):
            kind = kind_of(one)
            if kind not in {
                "rich_text_section",
                "rich_text_list",
                "rich_text_preformatted",
                "rich_text_quote",
            }:
                self.report.add(f"{here}/elements/{i}/type", f"unsupported type: {kind}")

    def _table(self, block: Json, here: str) -> None:
        for i, row in enumerate(self.items(block.get("rows"), f"{here}/rows", 100)):
            for j, cell in enumerate(self.items(row, f"{here}/rows/{i}", 20)):
                kind = kind_of(cell)
                if kind not in {"raw_text", "rich_text", "raw_number"}:
                    self.report.add(f"{here}/rows/{i}/{j}/type", f"unsupported type: {kind}")

    def _picture(self, thing: Json, here: str) -> None:
        if ("image_url" in thing) == ("slack_file" in thing):
            self.report.add(here, "exactly one of image_url and slack_file must be given")
        if "image_url" in thing:
            self.string(thing["image_url"], f"{here}/image_url", MAX_URL)
            if not str(thing["image_url"]).startswith(("https://", "http://")):
                self.report.add(f"{here}/image_url", "invalid url")
        if "alt_text" in thing:
            self.string(thing["alt_text"], f"{here}/alt_text", 2000)

    # ------------------------------------------------------------------ elements

    def element(self, element: Any, here: str, allowed: frozenset[str]) -> None:
        kind = kind_of(element)
        if kind not in allowed:
            self.report.add(f"{here}/type", f"unsupported type: {kind}")
            return
        required, optional = ELEMENT_FIELDS[kind]
        named = frozenset() if kind == "image" else frozenset({"action_id"})
        self.fields(element, here, required | {"type"}, optional | named)
        if element.get("action_id") is not None:
            self.string(element["action_id"], f"{here}/action_id", MAX_ID)
        if "placeholder" in element:
            self.text(element["placeholder"], f"{here}/placeholder", 150)
        if "confirm" in element:
            self.confirm(element["confirm"], f"{here}/confirm")
        self.focused += bool(element.get("focus_on_load"))
        if kind == "image":
            self._picture(element, here)
        elif kind in {"button", "workflow_button"}:
            self.button(element, here)
        elif kind in {"static_select", "multi_static_select"} | CHOOSERS:
            self.choices(element, here)
        elif kind in TYPED:
            self.typed(element, here)
        elif kind in PICKERS:
            self.picker(element, here)
        elif kind == "file_input":
            self.number(element, "max_files", here, 1, 10, default=10)

    def button(self, button: Json, here: str) -> None:
        if "text" in button:
            self.text(button["text"], f"{here}/text", 75)
        for name, most, least in (
            ("value", 2000, 0),
            ("url", MAX_URL, 1),
            ("accessibility_label", 75, 1),
        ):
            if name in button:
                self.string(button[name], f"{here}/{name}", most, least)
        if button.get("style", "primary") not in {"primary", "danger"}:
            self.report.add(f"{here}/style", "must be primary or danger")
        if "url" in button and not re.match(
            r"[a-z][a-z0-9+.-]*://?\S+$", str(button["url"]), re.IGNORECASE
        ):
            self.report.add(f"{here}/url", "invalid url")

    def confirm(self, confirm: Any, here: str) -> None:
        if not isinstance(confirm, dict):
            self.report.add(here, "must be an object")
            return
        required = frozenset({"title", "text", "confirm", "deny"})
        self.fields(confirm, here, required, frozenset({"style"}))
        for name, most in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
            if name in confirm:
                self.text(confirm[name], f"{here}/{name}", most, plain=name != "text")

    def choices(self, element: Json, here: str) -> None:
        kind = element["type"]
        most = {"overflow": 5, "radio_buttons": 10, "checkboxes": 10}.get(kind, MAX_OPTIONS)
        if kind.endswith("static_select") and ("options" in element) == (
            "option_groups" in element
        ):
            self.report.add(here, "exactly one of options and option_groups must be given")
        known: list[Any] = []
        if "options" in element:
            known += self.options(element["options"], f"{here}/options", most, kind)
        if "option_groups" in element:
            for i, group in enumerate(
                self.items(element["option_groups"], f"{here}/option_groups", 100)
            ):
                place = f"{here}/option_groups/{i}"
                if not isinstance(group, dict):
                    self.report.add(place, "must be an object")
                    continue
                self.fields(group, place, frozenset({"label", "options"}), frozenset())
                self.text(group.get("label"), f"{place}/label", 75)
                known += self.options(group.get("options"), f"{place}/options", most, kind)
        given = element.get(
            "initial_options", [element["initial_option"]] if "initial_option" in element else None
        )
        if given is None:
            return
        name = "initial_options" if "initial_options" in element else "initial_option"
        for option in self.items(given, f"{here}/{name}", most):
            if option not in known:
                self.report.add(f"{here}/{name}", "must be one of the provided options")

    def options(self, options: Any, where: str, most: int, kind: str) -> list[Any]:
        found = self.items(options, where, most)
        for i, option in enumerate(found):
            here = f"{where}/{i}"
            if not isinstance(option, dict):
                self.report.add(here, "must be an object")
                continue
            extra = (
                frozenset({"description", "url"})
                if kind == "overflow"
                else frozenset({"description"})
            )
            self.fields(option, here, frozenset({"text", "value"}), extra)
            plain = kind not in {"radio_buttons", "checkboxes"}
            if "text" in option:
                self.text(option["text"], f"{here}/text", 75, plain=plain)
            if "value" in option:
                self.string(option["value"], f"{here}/value", 150)
            if "description" in option:
                self.text(option["description"], f"{here}/description", 75, plain=plain)
        return found

    def typed(self, element: Json, here: str) -> None:
        least = self.number(element, "min_length", here, 0, 3000, default=0)
        most = self.number(element, "max_length", here, 1, 3000, default=3000)
        if least > most:
            self.report.add(here, "min_length must not be greater than max_length")
        if "initial_value" in element:
            self.string(element["initial_value"], f"{here}/initial_value", most, least=0)

    def picker(self, element: Json, here: str) -> None:
        if "initial_date" in element and not _is_date(element["initial_date"]):
            self.report.add(f"{here}/initial_date", "must be a date as YYYY-MM-DD")
        if "initial_time" in element and not re.fullmatch(
            r"([01]\d|2[0-3]):[0-5]\d", str(element["initial_time"])
        ):
            self.report.add(f"{here}/initial_time", "must be a time as HH:mm")


def _is_date(value: Any) -> bool:
    try:
        date.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return True


def all_texts(thing: Any) -> Iterator[str]:
    """Every string a reader would see in blocks: text objects, alt texts and markdown."""
    if isinstance(thing, list):
        for one in thing:
            yield from all_texts(one)
    elif isinstance(thing, dict):
        for name, value in thing.items():
            if name in {"text", "alt_text"} and isinstance(value, str):
                yield value
            else:
                yield from all_texts(value)


def interpreted_texts(thing: Any) -> Iterator[str]:
    """The strings in which Slack interprets mark-up: mrkdwn objects and markdown blocks."""
    if isinstance(thing, list):
        for one in thing:
            yield from interpreted_texts(one)
    elif isinstance(thing, dict):
        if thing.get("type") in {"mrkdwn", "markdown"} and isinstance(thing.get("text"), str):
            yield thing["text"]
        else:
            for value in thing.values():
                yield from interpreted_texts(value)


_MARK = re.compile(r"<[^<>\n]*>|[<>]|\bhttps?://[^\s<>|]+")


def active_marks(text: str) -> list[str]:
    """The parts of an mrkdwn text that Slack acts on.

    Args:
        text: As sent, so a person's `<` must already be `&lt;`.

    Returns:
        Each mention or link as written (`<!channel>`, `<@U1>`, `<https://x|y>`), a bare address
        (linked by Slack itself), and each stray `<` or `>`; `>` opening a line is a quotation and
        is not counted.
    """
    found = []
    for hit in _MARK.finditer(text):
        quotation = hit.group() == ">" and not text[: hit.start()].rpartition("\n")[2].strip("> ")
        if not quotation:
            found.append(hit.group())
    return found
