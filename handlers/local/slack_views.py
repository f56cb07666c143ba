"""Modals and Homes of the local Slack: the `views.*` methods.

Refuses to know messages, HTTP and the application.
"""

import json
from typing import Any

from handlers.local.ledger import Json, Refused
from handlers.local.slack_limits import Surface, check_view
from handlers.local.slack_world import SlackView, SlackWorld, initial_state

MAX_VIEW_BYTES = 250_000
MAX_STACK = 3


class SlackViews:
    """The methods on views, over one workspace.

    Attributes:
        world: The workspace's state.
        identity: `team_id`, `bot_id`, `app_id` and the rest of the application's names.
    """

    def __init__(self, world: SlackWorld, identity: Json) -> None:
        self.world = world
        self.identity = identity

    def _views_open(self, arguments: Json) -> Json:
        user, _ = self._redeem(arguments)
        view = self._checked_view(arguments["view"], "modal")
        opened = self.new_view(user, view)
        opened.root = opened.id
        self.world.stacks[user] = [opened]
        return {"view": self.view_json(opened)}

    def _views_push(self, arguments: Json) -> Json:
        user, inside = self._redeem(arguments)
        if inside is None or not self.world.stacks.get(user):
            raise Refused("not_found", fault_of="world")
        return {"view": self.view_json(self.push_view(user, arguments["view"]))}

    def push_view(self, user: str, view: Any) -> SlackView:
        """Put a view on top of a person's stack.

        Raises:
            Refused: The view is invalid, or three are open.
        """
        checked = self._checked_view(view, "modal")
        stack = self.world.stacks[user]
        if len(stack) >= MAX_STACK:
            raise Refused("push_limit_reached")
        pushed = self.new_view(user, checked)
        pushed.root, pushed.previous = stack[0].id, stack[-1].id
        stack.append(pushed)
        return pushed

    def _views_update(self, arguments: Json) -> Json:
        view_id, external = arguments.get("view_id"), arguments.get("external_id")
        if bool(view_id) == bool(external):
            raise Refused("invalid_arguments", details=("[ERROR] give view_id or external_id",))
        found = next(
            (
                v
                for v in self.world.open_views()
                if v.id == view_id or (external and v.view.get("external_id") == external)
            ),
            None,
        )
        if found is None:
            raise Refused("not_found", fault_of="world")
        if arguments.get("hash") and arguments["hash"] != found.hash:
            raise Refused("hash_conflict", fault_of="world")
        return {"view": self.view_json(self.replace_view(found, arguments["view"]))}

    def replace_view(self, found: SlackView, view: Any) -> SlackView:
        """Show another view in the same place; inputs with the same ids keep their state.

        Raises:
            Refused: The view is invalid.
        """
        checked = self._checked_view(view, found.view["type"], own=found)
        blocks = self.world.with_ids(checked["blocks"])
        kept = {(b, a): v for b, held in found.state.items() for a, v in held.items()}
        found.view, found.hash = {**checked, "blocks": blocks}, self.world.new_hash()
        found.state = keep_state(initial_state(blocks), kept)
        return found

    def _views_publish(self, arguments: Json) -> Json:
        user = str(arguments["user_id"])
        if user not in self.world.users:
            raise Refused(
                "invalid_arguments", details=("[ERROR] invalid user_id [json-pointer:/user_id]",)
            )
        home = self.world.homes.get(user)
        if arguments.get("hash") and (home is None or arguments["hash"] != home.hash):
            raise Refused("hash_conflict", fault_of="world")
        if home is None:
            checked = self._checked_view(arguments["view"], "home")
            home = self.world.homes[user] = self.new_view(user, checked)
            home.root = home.id
        else:
            self.replace_view(home, arguments["view"])
        return {"view": self.view_json(home)}

    def _redeem(self, arguments: Json) -> tuple[str, str | None]:
        ticket = str(arguments.get("trigger_id") or arguments.get("interactivity_pointer") or "")
        trigger = self.world.triggers.get(ticket)
        if trigger is None:
            raise Refused("invalid_trigger_id")
        if trigger.used:
            raise Refused("exchanged_trigger_id")
        if trigger.expired:
            raise Refused("expired_trigger_id")
        trigger.used = True
        return trigger.user, trigger.view

    def _checked_view(self, view: Any, surface: Surface, own: SlackView | None = None) -> Json:
        report = check_view(view, surface)
        if report.messages:
            raise Refused("invalid_arguments", details=tuple(report.messages))
        if len(json.dumps(view).encode()) > MAX_VIEW_BYTES:
            raise Refused("view_too_large")
        external = view.get("external_id")
        taken = (v for v in self.world.open_views() if v is not own)
        if external and any(v.view.get("external_id") == external for v in taken):
            raise Refused("duplicate_external_id")
        return dict(view)

    def new_view(self, user: str, view: Json) -> SlackView:
        """A view with ids and initial state; not yet on a stack."""
        blocks = self.world.with_ids(view["blocks"])
        opened = SlackView(
            self.world.next_id("V"), user, {**view, "blocks": blocks}, self.world.new_hash()
        )
        opened.state = initial_state(blocks)
        return opened

    def view_json(self, view: SlackView) -> Json:
        """A view as Slack writes it in answers and payloads."""
        return {
            "private_metadata": "",
            "callback_id": "",
            "title": {"type": "plain_text", "text": "View Title", "emoji": True},
            "submit": None,
            "close": None,
            "clear_on_close": False,
            "notify_on_close": False,
            "external_id": "",
            **view.view,
            "id": view.id,
            "team_id": self.identity["team_id"],
            "app_id": self.identity["app_id"],
            "bot_id": self.identity["bot_id"],
            "hash": view.hash,
            "state": {"values": view.state},
            "root_view_id": view.root,
            "previous_view_id": view.previous,
        }


def keep_state(fresh: dict[str, Json], kept: dict[tuple[str, str], Any]) -> dict[str, Json]:
    """State after an update: kept where ids and the kind of element are the same."""
    for block_id, held in fresh.items():
        for action_id, value in held.items():
            before = kept.get((block_id, action_id))
            if before is not None and before["type"] == value["type"]:
                held[action_id] = before
    return fresh
