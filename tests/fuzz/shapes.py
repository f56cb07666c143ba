"""Updates of Telegram's and payloads of Slack's: of the right shape, then spoilt.

What is ordinary is taken from `tests/payloads`; the types of Telegram's messages are written here
as far as a bot meets them, and read from the Bot API's own description where that is at hand. This
module knows nothing of the product.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

Json = dict[str, Any]
Fields = Mapping[str, tuple[str, ...]]

PAYLOADS: Final = Path(__file__).parent.parent / "payloads"
DESCRIPTION: Final = PAYLOADS.parents[2] / "shared" / "specs" / "telegram_bot_api.json"
TEAM: Final = "T1"

_USER: Final = {"id!": ("Integer",), "is_bot!": ("Boolean",), "first_name!": ("String",),
                "last_name": ("String",), "username": ("String",),
                "language_code": ("String",)}  # fmt: skip
_CHAT: Final = {"id!": ("Integer",), "type!": ("String",), "title": ("String",),
                "is_forum": ("Boolean",)}  # fmt: skip
_FILE: Final = {"file_id!": ("String",), "file_unique_id!": ("String",), "width": ("Integer",),
                "duration": ("Integer",), "file_name": ("String",),
                "mime_type": ("String",)}  # fmt: skip
_MESSAGE: Final = {
    "message_id!": ("Integer",), "date!": ("Integer",), "chat!": ("Chat",), "from": ("User",),
    "text": ("String",), "caption": ("String",), "entities": ("Array of MessageEntity",),
    "edit_date": ("Integer",), "reply_to_message": ("Message",), "sender_chat": ("Chat",),
    "via_bot": ("User",), "message_thread_id": ("Integer",), "photo": ("Array of File",),
    "document": ("File",), "voice": ("File",), "video": ("File",), "sticker": ("File",),
    "contact": ("Contact",), "location": ("Location",), "poll": ("Poll",), "dice": ("Dice",),
    "pinned_message": ("Message",), "new_chat_members": ("Array of User",),
    "left_chat_member": ("User",), "migrate_to_chat_id": ("Integer",),
    "group_chat_created": ("True",), "media_group_id": ("String",), "quote": ("Quote",),
    "forward_origin": ("Origin",), "reply_markup": ("Markup",), "web_app_data": ("WebAppData",),
}  # fmt: skip
OURS: Final[Mapping[str, Fields]] = {
    "User": _USER,
    "Chat": _CHAT,
    "File": _FILE,
    "Message": _MESSAGE,
    "MessageEntity": {"type!": ("String",), "offset!": ("Integer",), "length!": ("Integer",)},
    "Contact": {"phone_number!": ("String",), "first_name!": ("String",)},
    "Location": {"longitude!": ("Float",), "latitude!": ("Float",)},
    "Poll": {"id!": ("String",), "question!": ("String",), "is_closed!": ("Boolean",)},
    "Dice": {"emoji!": ("String",), "value!": ("Integer",)},
    "Quote": {"text!": ("String",), "position!": ("Integer",)},
    "Origin": {"type!": ("String",), "date!": ("Integer",)},
    "Markup": {"inline_keyboard!": ("Array of Array of Button",)},
    "Button": {"text!": ("String",), "callback_data": ("String",)},
    "WebAppData": {"data!": ("String",), "button_text!": ("String",)},
    "CallbackQuery": {"id!": ("String",), "from!": ("User",), "message": ("Message",),
                      "inline_message_id": ("String",), "chat_instance!": ("String",),
                      "data": ("String",), "game_short_name": ("String",)},
    "InlineQuery": {"id!": ("String",), "from!": ("User",), "query!": ("String",)},
    "Reaction": {"chat!": ("Chat",), "message_id!": ("Integer",), "user": ("User",),
                 "date!": ("Integer",)},
    "PollAnswer": {"poll_id!": ("String",), "user": ("User",)},
    "ChatMember": {"status!": ("String",), "user!": ("User",)},
    "ChatMemberUpdated": {"chat!": ("Chat",), "from!": ("User",), "date!": ("Integer",),
                          "old_chat_member!": ("ChatMember",), "new_chat_member!": ("ChatMember",)},
    "Update": {"update_id!": ("Integer",), "message": ("Message",), "edited_message": ("Message",),
               "channel_post": ("Message",), "callback_query": ("CallbackQuery",),
               "inline_query": ("InlineQuery",), "message_reaction": ("Reaction",),
               "poll": ("Poll",), "poll_answer": ("PollAnswer",),
               "my_chat_member": ("ChatMemberUpdated",), "chat_member": ("ChatMemberUpdated",)},
}  # fmt: skip


def described() -> tuple[Mapping[str, Fields], bool]:
    """The types of Telegram: from the Bot API's description where it is, else our own few."""
    if not DESCRIPTION.is_file():
        return OURS, False
    types = json.loads(DESCRIPTION.read_text("utf-8"))["types"]
    found: dict[str, Fields] = {}
    for name, one in types.items():
        fields = one.get("fields") or []
        found[name] = {f["name"] + "!" * bool(f["required"]): tuple(f["types"]) for f in fields}
        if subtypes := one.get("subtypes"):
            found[name] = {"": tuple(subtypes)}
    return found, True


class Telegram:
    """Makes updates.

    Args:
        chance: Where all chance comes from.
        words: What people type.
        tokens: What buttons carry.
        accounts: Numbers of people.
    """

    def __init__(
        self,
        chance: Random,
        words: Callable[[], str],
        tokens: Callable[[], str],
        accounts: Sequence[int],
    ) -> None:
        self._chance, self._words, self._tokens, self._accounts = chance, words, tokens, accounts
        self.types, self.whole = described()
        self._kinds = [name for name in self.types["Update"] if not name.endswith("!")]
        self._number = 0

    def update(self) -> Json:
        """One update, most of them a person's message or press in their own chat."""
        chance = self._chance
        kind = chance.choice(self._kinds) if chance.random() < 0.2 else "message"
        if chance.random() < 0.3:
            kind = "callback_query"
        self._number += 1
        body = self.make(self.types["Update"][kind][0], 0)
        update: Json = {"update_id": self._number, kind: body}
        if isinstance(body, dict) and chance.random() < 0.9:
            self._ordinary(kind, body)
        return update

    def _ordinary(self, kind: str, body: Json) -> None:
        """Somebody, in the chat that is theirs."""
        chance, account = self._chance, self._chance.choice(self._accounts)
        body["from"] = {
            "id": account,
            "is_bot": False,
            "first_name": self._words()[:64] or "L",
            "language_code": chance.choice(["fr", "en", "de", "", "fr-CA"]),
        }
        chat = {"id": account, "type": "private"}
        if kind == "message":
            body["chat"] = chat
            if chance.random() < 0.85:
                body["text"] = self._words()
        elif kind == "callback_query":
            body["data"] = self._tokens()
            if isinstance(body.get("message"), dict):
                body["message"]["chat"] = chat
            else:
                body["message"] = {"message_id": chance.randrange(1, 99), "chat": chat, "date": 1}
        elif "chat" in body:
            body["chat"] = chat

    def make(self, kind: str, depth: int) -> Any:
        """A value of a type, its required parts always, others the less the deeper."""
        chance = self._chance
        if kind.startswith("Array of "):
            of = kind.removeprefix("Array of ")
            return [self.make(of, depth + 1) for _ in range(chance.choice([0, 1, 1, 2]))]
        simple: Mapping[str, Callable[[], Any]] = {
            "Integer": self._integer,
            "String": lambda: chance.choice(["", "private", "group", "supergroup", self._words()]),
            "Boolean": lambda: chance.random() < 0.5,
            "True": lambda: True,
            "Float": lambda: chance.choice([0.0, 1.5, -180.0, 1e308]),
        }
        if kind in simple:
            return simple[kind]()
        fields = self.types.get(kind)
        if fields is None or depth > 6:
            return {}
        if "" in fields:
            return self.make(chance.choice(fields[""]), depth)
        made: Json = {}
        for name, kinds in fields.items():
            if name.endswith("!") or chance.random() < 0.25 / (1 + 2 * depth):
                made[name.rstrip("!")] = self.make(chance.choice(kinds), depth + 1)
        return made

    def _integer(self) -> int:
        chance = self._chance
        return chance.choice(
            [0, 1, -1, 2**31, 2**53, -(2**62), 10**18, 1795858700, chance.choice(self._accounts)]
        )


class Slack:
    """Makes payloads out of those in `tests/payloads`.

    Args:
        chance: Where all chance comes from.
        words: What people type.
        tokens: What buttons carry.
        accounts: User ids.
    """

    def __init__(
        self,
        chance: Random,
        words: Callable[[], str],
        tokens: Callable[[], str],
        accounts: Sequence[str],
    ) -> None:
        self._chance, self._words, self._tokens, self._accounts = chance, words, tokens, accounts
        folder = PAYLOADS / "slack"
        self._ordinary = {p.stem: json.loads(p.read_text("utf-8")) for p in folder.glob("*.json")}
        self._often = ("message_im", "button", "command", "view_submission", "static_select")
        self._number = 0

    def payload(self) -> Json:
        """One payload, most of them of the kinds that people cause."""
        chance = self._chance
        name = chance.choice(self._often if chance.random() < 0.75 else sorted(self._ordinary))
        made: Json = copy.deepcopy(self._ordinary[name])
        self._number += 1
        number, user = self._number, chance.choice(self._accounts)
        for where in ("team_id", "context_team_id"):
            if where in made:
                made[where] = TEAM
        for one in made.get("authorizations", []):
            one["team_id"] = TEAM
        for who, what in (("team", {"id": TEAM}), ("user", {"id": user, "team_id": TEAM})):
            if isinstance(made.get(who), dict):
                made[who].update(what)
        if "user_id" in made:
            made.update(user_id=user, text=self._words())
        if "trigger_id" in made:
            made["trigger_id"] = f"{number}.1.a"
        if isinstance(event := made.get("event"), dict):
            made["event_id"] = f"Ev{number}"
            new = {"user": user, "text": self._words(), "ts": f"1795253400.{number:06}"}
            event.update({name: value for name, value in new.items() if name in event})
        self._fill(made)
        return made

    def _fill(self, made: Json) -> None:
        """What its buttons carry, and what was typed into its form."""
        for action in made.get("actions", []):
            if "value" in action:
                action["value"] = self._tokens()
            if isinstance(action.get("selected_option"), dict):
                action["selected_option"]["value"] = self._tokens()
        if isinstance(view := made.get("view"), dict):
            view["private_metadata"] = self._tokens()
            for block in view.get("state", {}).get("values", {}).values():
                for element in block.values():
                    if "value" in element:
                        element["value"] = self._words()


# --- spoiling -------------------------------------------------------------------------------------


def paths(thing: Any, so_far: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value but the whole."""
    found: list[tuple[Any, ...]] = []
    items: Any = ()
    if isinstance(thing, dict):
        items = thing.items()
    elif isinstance(thing, list):
        items = enumerate(thing)
    for key, value in items:
        found.append((*so_far, key))
        found += paths(value, (*so_far, key))
    return found


def spoil(payload: Json, chance: Random, words: Callable[[], str]) -> Json:
    """Change one to four places: gone, of another kind, absurd, twice, or the wrong way round."""
    made = copy.deepcopy(payload)
    for _ in range(chance.choice([1, 1, 2, 4])):
        places = paths(made)
        if not places:
            return made
        *way, last = chance.choice(places)
        holder: Any = made
        for step in way:
            holder = holder[step]
        old = holder[last]
        match chance.randrange(7):
            case 0:
                del holder[last]
            case 1:
                holder[last] = chance.choice(
                    [None, True, False, 0, -1, 1.5, 10**30, "", [], {}, [[]], {"": None}]
                )
            case 2:
                holder[last] = words()
            case 3:
                holder[last] = [old, old]
            case 4:
                holder[last] = {"id": old, "type": old, "text": old}
            case 5:
                holder[last] = _deep(old, chance.choice([3, 60]))
            case _ if isinstance(holder, dict):
                holder[words()[:40]] = holder.pop(last)
            case _:
                holder.reverse()
    return made


def _deep(value: Any, levels: int) -> Any:
    for _ in range(levels):
        value = [value]
    return value
