"""What a person at a Slack screen can find and fill in, and what Slack's client checks itself.

Refuses to know the network; works on blocks and open views only.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from handlers.local.ledger import Json
from handlers.local.slack_world import SlackView, elements_of, is_empty, options_of, value_of

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
WEB = re.compile(r"https?://\S+\.\S+")


def find_element(
    blocks: list[Json], wanted: str, value: str | Sequence[str] | None = None
) -> tuple[Json, Json, str | Sequence[str] | None]:
    """Find what a person means by a name.

    Args:
        blocks: The blocks shown.
        wanted: An action_id, a block_id, a button's value or label, or an option's label or value;
            tried in this order.
        value: What to choose in it, for a menu named by its id.

    Returns:
        The block, the element in it, and what is chosen (None for a button).

    Raises:
        ValueError: Nothing shown answers to that name.
    """
    shown = list(elements_of(blocks))
    for block, element in shown:
        if element["action_id"] == wanted:
            return block, element, value
    for block, element in shown:
        if block["block_id"] == wanted:
            return block, element, value
    for field in ("value", "label"):
        for block, element in shown:
            if element["type"] == "button" and wanted == (
                element.get("value") if field == "value" else element["text"]["text"]
            ):
                return block, element, None
    for block, element in shown:
        if any(wanted in (o["text"]["text"], o["value"]) for o in options_of(element)):
            return (
                block,
                element,
                [wanted]
                if "multi" in element["type"] or element["type"] == "checkboxes"
                else wanted,
            )
    names = [e["text"]["text"] if e["type"] == "button" else e["action_id"] for _, e in shown]
    msg = f"nothing called {wanted!r} here; there is {names}"
    raise ValueError(msg)


def read_values(view: SlackView, values: Mapping[str, Any]) -> None:
    """Enter values into an open view.

    Args:
        view: Its `state` is changed.
        values: By block_id, action_id or label.

    Raises:
        ValueError: No such input, or no such option in it.
    """
    inputs = [(b, b["element"]) for b in view.view["blocks"] if b["type"] == "input"]
    inputs += [
        (b, e)
        for b, e in elements_of(view.view["blocks"])
        if b["type"] != "input" and e["type"] != "button"
    ]
    for name, value in values.items():
        for block, element in inputs:
            label = block["label"]["text"] if "label" in block else None
            if name in (block["block_id"], element["action_id"], label):
                held = value_of(element, value)
                if value is None:
                    held = {"type": element["type"], **{k: None for k in held if k != "type"}}
                view.state.setdefault(block["block_id"], {})[element["action_id"]] = held
                break
        else:
            known = [b["label"]["text"] if "label" in b else b["block_id"] for b, _ in inputs]
            msg = f"no input called {name!r}; there is {known}"
            raise ValueError(msg)


def missing_or_wrong(view: SlackView) -> dict[str, str]:
    """What Slack's client itself objects to before sending: block_id -> its reason."""
    wrong = {}
    for block in view.view["blocks"]:
        if block["type"] != "input":
            continue
        element = block["element"]
        held = view.state[block["block_id"]][element["action_id"]]
        if is_empty(held):
            if not block.get("optional"):
                wrong[block["block_id"]] = "Please complete this required field."
            continue
        reason = _objection(element, held)
        if reason is not None:
            wrong[block["block_id"]] = reason
    return wrong


def _objection(element: Json, held: Json) -> str | None:
    kind, value = element["type"], str(held.get("value"))
    if kind == "plain_text_input" and len(value) < element.get("min_length", 0):
        return f"At least {element['min_length']} characters."
    if kind == "plain_text_input" and len(value) > element.get("max_length", 3000):
        return f"At most {element.get('max_length', 3000)} characters."
    if kind == "email_text_input" and not EMAIL.fullmatch(value):
        return "Enter a valid email address."
    if kind == "url_text_input" and not WEB.fullmatch(value):
        return "Enter a valid URL."
    if kind == "number_input":
        return _number_objection(element, value)
    chosen = held.get("selected_options") or held.get("selected_users") or []
    if len(chosen) > element.get("max_selected_items", len(chosen)):
        return f"At most {element['max_selected_items']} items."
    return None


def _number_objection(element: Json, value: str) -> str | None:
    try:
        number = Decimal(value)
    except InvalidOperation:
        return "Enter a number."
    if not element["is_decimal_allowed"] and number != number.to_integral_value():
        return "Enter a whole number."
    if "min_value" in element and number < Decimal(element["min_value"]):
        return f"At least {element['min_value']}."
    if "max_value" in element and number > Decimal(element["max_value"]):
        return f"At most {element['max_value']}."
    return None
