"""What the local Slack remembers: people, channels, messages, views, files, one-time tickets.

Refuses to know HTTP and the application; only plain state and the few rules that belong to it
(ids, time stamps, states of inputs).
"""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from handlers.local.ledger import Json

TRIGGER_SECONDS = 3.0
RESPONSE_URL_USES = 5
RESPONSE_URL_SECONDS = 30 * 60


def escape(text: str) -> str:
    """Escape `& < >` as Slack does with what people write."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@dataclass
class SlackUser:
    """A member of the workspace.

    Attributes:
        id: `U…`.
        name: The full name shown.
        locale: As `users.info` gives it, `fr-FR`.
        tz: IANA name of the zone.
        email: None when the person has none.
        deactivated: No longer reachable.
    """

    id: str
    name: str
    locale: str = "fr-FR"
    tz: str = "Europe/Paris"
    email: str | None = None
    deactivated: bool = False

    def profile(self, now: datetime, team: str) -> Json:
        """The `user` object of `users.info`, locale left out."""
        offset = ZoneInfo(self.tz).utcoffset(now.replace(tzinfo=None))
        first, _, last = self.name.partition(" ")
        shown = escape(self.name)
        profile: Json = {
            "real_name": shown,
            "display_name": escape(first),
            "first_name": escape(first),
            "last_name": escape(last),
        }
        if self.email is not None:
            profile["email"] = self.email
        return {
            "id": self.id,
            "team_id": team,
            "name": self.handle,
            "deleted": self.deactivated,
            "real_name": shown,
            "tz": self.tz,
            "tz_label": self.tz,
            "tz_offset": int(offset.total_seconds()) if offset is not None else 0,
            "profile": profile,
            "is_bot": False,
            "is_admin": False,
            "is_restricted": False,
            "is_app_user": False,
        }

    @property
    def handle(self) -> str:
        """The short user name in payloads."""
        return "".join(c for c in self.name.lower() if c.isalnum()) or self.id.lower()


@dataclass
class SlackMessage:
    """One message, as stored by the workspace.

    Attributes:
        ts: Time stamp, which is its id within the channel.
        user: The author's id (the bot's own, for the application).
        text: As sent (mrkdwn).
        blocks: As sent, with the block ids Slack adds where they were missing.
        by_bot: Posted by the application.
        thread_ts: The parent's `ts`, when a reply.
        metadata: `{event_type, event_payload}` as sent.
        edited: Changed after posting.
        visible_to: The one person who sees it, when ephemeral.
        files: Ids of the files shown with it.
        reactions: Emoji names the application added.
        state: What was chosen in it and not yet cleared: block_id -> action_id -> value.
        client_msg_id: As sent.
    """

    ts: str
    user: str
    text: str
    blocks: list[Json] = field(default_factory=list)
    by_bot: bool = False
    thread_ts: str | None = None
    metadata: Json | None = None
    edited: bool = False
    visible_to: str | None = None
    files: list[str] = field(default_factory=list)
    reactions: list[str] = field(default_factory=list)
    state: dict[str, Json] = field(default_factory=dict)
    client_msg_id: str | None = None


@dataclass
class SlackChannel:
    """A conversation: `D…` with one person, or `C…`.

    Attributes:
        id: The channel's id.
        name: `directmessage` for a DM.
        user: The person, for a DM.
        members: People in it, for a channel.
        has_bot: Whether the application may read and post.
        messages: Oldest first, ephemeral ones included (`visible_to`).
    """

    id: str
    name: str
    user: str | None = None
    members: set[str] = field(default_factory=set)
    has_bot: bool = True
    messages: list[SlackMessage] = field(default_factory=list)

    def find(self, ts: str, *, ephemeral: bool = False) -> SlackMessage | None:
        """The message with this time stamp; ephemeral ones only when asked for."""
        for message in self.messages:
            if message.ts == ts and (ephemeral or message.visible_to is None):
                return message
        return None


@dataclass
class SlackView:
    """An open modal or a published Home.

    Attributes:
        id: `V…`.
        user: Whose screen it is on.
        view: The JSON as received, with block ids added where missing.
        hash: Changes at each update.
        state: block_id -> action_id -> value.
        root: Id of the first view of the stack.
        previous: Id of the view below.
    """

    id: str
    user: str
    view: Json
    hash: str
    state: dict[str, Json] = field(default_factory=dict)
    root: str = ""
    previous: str | None = None


@dataclass
class SlackFile:
    """An uploaded file.

    Attributes:
        id: `F…`.
        filename: As announced.
        length: As announced, in bytes.
        content: None until uploaded.
        title: As given on completion.
        alt: What is said of a picture to people who do not see it.
        shared_in: Channels it was posted to.
    """

    id: str
    filename: str
    length: int
    content: bytes | None = None
    title: str = ""
    alt: str = ""
    shared_in: list[str] = field(default_factory=list)

    @property
    def is_picture(self) -> bool:
        """Whether Slack shows it in the conversation."""
        return self.filename.endswith((".png", ".jpg"))


@dataclass
class Trigger:
    """A ticket to open one view; it lives three real seconds."""

    user: str
    view: str | None
    born: float
    used: bool = False

    @property
    def expired(self) -> bool:
        """Whether its three seconds are over."""
        return time.monotonic() - self.born > TRIGGER_SECONDS


@dataclass
class ResponseUrl:
    """A ticket to answer one interaction."""

    user: str
    channel: str
    message_ts: str | None
    born: datetime
    uses: int = 0


class SlackWorld:
    """The state of one workspace; nothing in it talks to anybody."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.users: dict[str, SlackUser] = {}
        self.channels: dict[str, SlackChannel] = {}
        self.stacks: dict[str, list[SlackView]] = {}
        self.homes: dict[str, SlackView] = {}
        self.files: dict[str, SlackFile] = {}
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self._ids = itertools.count(1)
        self._last_micro = 0

    def next_id(self, prefix: str) -> str:
        """A new id of the given kind, `F00000007`."""
        return f"{prefix}{next(self._ids):08d}"

    def stamp(self) -> str:
        """A message time stamp from the injected clock, never given twice and never going back."""
        micro = int(self.now().timestamp() * 1_000_000)
        self._last_micro = max(micro, self._last_micro + 1)
        return f"{self._last_micro // 1_000_000}.{self._last_micro % 1_000_000:06d}"

    def new_hash(self) -> str:
        """A view hash."""
        return f"{int(self.now().timestamp())}.h{next(self._ids)}"

    def dm_of(self, user: str) -> SlackChannel:
        """The conversation with this person, opened when there is none."""
        channel = "D" + user[1:]
        if channel not in self.channels:
            self.channels[channel] = SlackChannel(
                channel, "directmessage", user=user, members={user}
            )
        return self.channels[channel]

    def new_trigger(self, user: str, view: str | None = None) -> str:
        """A trigger id for this person, inside a modal when `view` is given."""
        ticket = f"{next(self._ids)}.trigger.{user}"
        self.triggers[ticket] = Trigger(user, view, time.monotonic())
        return ticket

    def view(self, view_id: str) -> SlackView | None:
        """An open modal or a Home, by id."""
        return next((v for v in self.open_views() if v.id == view_id), None)

    def open_views(self) -> Iterator[SlackView]:
        """All modals on all screens, and all Homes."""
        for stack in self.stacks.values():
            yield from stack
        yield from self.homes.values()

    def with_ids(self, blocks: list[Json]) -> list[Json]:
        """A copy in which every block and interactive element has its id, as Slack adds them."""
        done = []
        for original in blocks:
            block = {**original}
            block.setdefault("block_id", self.next_id("b"))
            if "elements" in block and block["type"] == "actions":
                block["elements"] = [self._with_action_id(e) for e in block["elements"]]
            for name in ("accessory", "element"):
                if name in block:
                    block[name] = self._with_action_id(block[name])
            done.append(block)
        return done

    def _with_action_id(self, element: Json) -> Json:
        return (
            element if element["type"] == "image" else {"action_id": self.next_id("a"), **element}
        )


def elements_of(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Each interactive element of blocks, with the block it is in."""
    for block in blocks:
        if block["type"] == "actions":
            for element in block["elements"]:
                yield block, element
        for name in ("accessory", "element"):
            if name in block and block[name]["type"] != "image":
                yield block, block[name]


def options_of(element: Json) -> list[Json]:
    """All options of an element, groups laid flat."""
    options = list(element.get("options", []))
    for group in element.get("option_groups", []):
        options += group["options"]
    return options


def initial_state(blocks: list[Json]) -> dict[str, Json]:
    """What an untouched form holds: block_id -> action_id -> value, prefilled values included."""
    state: dict[str, Json] = {}
    for block, element in elements_of(blocks):
        if element["type"] not in {"button", "overflow", "workflow_button"}:
            held = state.setdefault(block["block_id"], {})
            held[element["action_id"]] = value_of(element, None)
    return state


_VALUE_FIELD = {
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "users_select": ("selected_user", "initial_user"),
    "multi_users_select": ("selected_users", "initial_users"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "channels_select": ("selected_channel", "initial_channel"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
    "file_input": ("files", "initial_files"),
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "overflow": ("selected_option", "initial_option"),
    "multi_static_select": ("selected_options", "initial_options"),
    "multi_external_select": ("selected_options", "initial_options"),
    "checkboxes": ("selected_options", "initial_options"),
}
LIST_FIELDS = frozenset(
    {"selected_options", "selected_users", "selected_conversations", "selected_channels", "files"}
)


def value_of(element: Json, chosen: Any) -> Json:
    """The state of one element, in the shape Slack reports it.

    Args:
        element: As in the blocks.
        chosen: What the person entered: text, an option's value or label, a list of these, a date;
            None leaves what was prefilled.

    Returns:
        `{"type": …, "value" | "selected_option" | …: …}`; labels are escaped, as Slack's are.

    Raises:
        ValueError: No such option in this element.
    """
    kind = element["type"]
    name, initial = _VALUE_FIELD.get(kind, ("value", "initial_value"))
    value: Any
    if chosen is None:
        value = element.get(initial, [] if name in LIST_FIELDS else None)
        value = [_as_reported(o) for o in value] if name == "selected_options" else value
        value = _as_reported(value) if name == "selected_option" and value else value
    elif name == "selected_options":
        value = [
            pick_option(element, one) for one in ([chosen] if isinstance(chosen, str) else chosen)
        ]
    elif name == "selected_option":
        value = pick_option(element, chosen)
    elif name in LIST_FIELDS:
        value = [chosen] if isinstance(chosen, str) else list(chosen)
    else:
        value = chosen
    return {"type": kind, name: value}


def is_empty(held: Json) -> bool:
    """Whether an element's state holds nothing, which a required input does not allow."""
    return not any(value for name, value in held.items() if name != "type")


def pick_option(element: Json, wanted: str) -> Json:
    """The option with this value, or else this label, as Slack reports it.

    Raises:
        ValueError: There is none.
    """
    options = options_of(element)
    for option in options:
        if option["value"] == wanted:
            return _as_reported(option)
    for option in options:
        if option["text"]["text"] == wanted:
            return _as_reported(option)
    msg = f"no option {wanted!r} among {[o['text']['text'] for o in options]}"
    raise ValueError(msg)


def _as_reported(option: Json) -> Json:
    text = {**option["text"], "text": escape(option["text"]["text"])}
    return {**option, "text": text}
