"""What Telegram sends becomes an event of ours: one payload of the real shape for each kind."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.events import Author, Commanded, Event, Opened, Pressed, Reached, Said
from bot.messages import MessageRef
from handlers.telegram import inbound

PAYLOADS: Final = Path(__file__).parent / "payloads" / "telegram"
NOW: Final = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
SENT: Final = datetime.fromtimestamp(1795858800, UTC)
LEA: Final = Author("telegram", "700100200", "telegram:123456", "fr", "Léa Morvan")
GROUP: Final = "-1001234567890"


def payload(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text())
    return found


def read(update: Mapping[str, Any]) -> Event | None:
    return inbound.read(
        update, bot_account="telegram:123456", username="cordee_bot", received_at=NOW
    )


def key(name: str) -> str:
    return inbound.keys(payload(name))[0]


EXPECTED: Final[dict[str, Event | None]] = {
    "text": Said(id="", author=LEA, at=SENT, text="Bonjour, je cherche un mentor"),
    "start_with_code": Opened(id="", author=LEA, at=SENT, payload="lier-8Kq_3F"),
    "start_bare": Opened(id="", author=LEA, at=SENT),
    "command_underscore": Commanded(id="", author=LEA, at=SENT, name="mes-donnees"),
    "command_args": Commanded(id="", author=LEA, at=SENT, name="bilan", args="2026T3  tous"),
    "sticker": Said(id="", author=LEA, at=SENT, text=""),
    "photo_with_caption": Said(id="", author=LEA, at=SENT, text=""),
    "voice": Said(id="", author=LEA, at=SENT, text=""),
    "document": Said(id="", author=LEA, at=SENT, text=""),
    "contact": Said(id="", author=LEA, at=SENT, text=""),
    "location": Said(id="", author=LEA, at=SENT, text=""),
    "pinned": None,
    "edited": None,
    "group_command": Commanded(
        id="", author=LEA, at=SENT, private=False, name="a-voir", args="binomes"
    ),
    "group_command_other_bot": None,
    "group_mention": Commanded(id="", author=LEA, at=SENT, private=False, name="aide"),
    "group_mention_inside": Commanded(id="", author=LEA, at=SENT, private=False, name="help"),
    "group_talk": None,
    "group_joined": None,
    "from_bot": None,
    "pressed": Pressed(
        id="",
        author=LEA,
        at=NOW,
        token="a:c7:situation:employed",
        on=MessageRef("700100200", "41"),
    ),
    "pressed_inaccessible": Pressed(
        id="", author=LEA, at=NOW, token="n:c7:back", on=MessageRef("700100200", "12")
    ),
    "pressed_in_group": Pressed(
        id="", author=LEA, at=NOW, private=False, token="r:demande:", on=MessageRef(GROUP, "9")
    ),
    "pressed_game": None,
    "blocked": Reached(
        id="", author=LEA, at=datetime.fromtimestamp(1795858999, UTC), reachable=False
    ),
    "unblocked": Reached(
        id="", author=LEA, at=datetime.fromtimestamp(1795859999, UTC), reachable=True
    ),
    "removed_from_group": None,
    "poll": None,
}


def test_every_payload_is_expected() -> None:
    assert {p.stem for p in PAYLOADS.glob("*.json")} == EXPECTED.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_payload(name: str) -> None:
    event = read(payload(name))
    expected = EXPECTED[name]
    if expected is None:
        assert event is None
        return
    assert event is not None
    assert event.id == key(name)
    assert event == type(expected)(**{**fields(expected), "id": key(name)})


def fields(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in type(event).__dataclass_fields__}


def test_keys_tell_deliveries_apart_and_repeats_not() -> None:
    every = [key(name) for name in EXPECTED]
    assert len(set(every)) == len(every)
    assert key("text") == key("text")
    later = payload("sticker") | {"update_id": payload("text")["update_id"]}
    assert inbound.keys(later)[0] != key("text")  # the same id again after a quiet week


def test_key_holds_nothing_personal() -> None:
    assert len(key("text")) < 128
    assert "Bonjour" not in key("text")
    assert "700100200" not in key("text")


def test_a_command_to_an_unknown_name_still_gets_an_answer_in_private() -> None:
    update = payload("text")
    update["message"]["text"] = "/aide@somebody_else"
    assert isinstance(read(update), Commanded)
    update["message"]["text"] = "/ pas une commande"
    assert read(update) == Said(id=key("text"), author=LEA, at=SENT, text="/ pas une commande")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([
                "message", "from", "chat", "id", "type", "text", "date", "data", "callback_query",
                "my_chat_member", "new_chat_member", "status", "message_id", "first_name",
            ]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)  # fmt: skip


@given(
    st.dictionaries(
        st.sampled_from(["update_id", "message", "callback_query", "my_chat_member", "poll"]),
        json_values,
    )
)
def test_nothing_raises(update: dict[str, Any]) -> None:
    read(update)
    assert len(inbound.keys(update)[0].rpartition(":")[2]) == 16


@given(st.sampled_from(sorted(EXPECTED)), st.data())
def test_a_damaged_payload_does_not_raise(name: str, data: st.DataObject) -> None:
    update = payload(name)
    place: Any = update
    while isinstance(place, dict) and place:
        inner = data.draw(st.sampled_from(sorted(place)))
        if not isinstance(place[inner], dict) or data.draw(st.booleans()):
            place[inner] = data.draw(json_values)
            break
        place = place[inner]
    read(update)
    inbound.keys(update)
