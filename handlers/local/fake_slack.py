"""A Slack on the loopback interface, with people in it who write, press, fill in and send.

Serves the real slack-bolt and slack_sdk and refuses what Slack refuses. It refuses to know the bot:
what it holds is what the platform would hold, in its own ledger.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from handlers.local.ledger import Json, Refused
from handlers.local.slack_delivery import Ack
from handlers.local.slack_people import find_element, missing_or_wrong, read_values
from handlers.local.slack_server import SlackServer
from handlers.local.slack_world import (
    SlackChannel,
    SlackFile,
    SlackMessage,
    SlackUser,
    SlackView,
    escape,
    value_of,
)


@dataclass(frozen=True)
class ViewAnswer:
    """What became of a submitted modal.

    Attributes:
        action: `close`, `errors`, `update`, `push`, `clear`, or `failed` (no acknowledgement, or
            an invalid one).
        errors: block_id -> message, shown under the inputs.
        view: The view now on top of the person's screen, if any.
        by_client: The errors are Slack's own (a required input left empty): nothing was sent to
            the application.
    """

    action: Literal["close", "errors", "update", "push", "clear", "failed"]
    errors: Mapping[str, str] = field(default_factory=dict)
    view: SlackView | None = None
    by_client: bool = False


class FakeSlack(SlackServer):
    """One workspace with one application installed, and its people.

    The state to draw is in `world`, `messages()`, `views()` and `home()`; what the application did
    is in `calls`, `refusals` and `deliveries` (see `SlackServer` and `LocalPlatform`).
    """

    def add_user(
        self,
        user: str,
        name: str,
        locale: str = "fr-FR",
        tz: str = "Europe/Paris",
        email: str | None = None,
    ) -> SlackUser:
        """Let a person join the workspace; `user` is the id to have, `U…`."""
        self.world.users[user] = person = SlackUser(user, name, locale, tz, email)
        self.world.dm_of(user)
        self._changed()
        return person

    def add_channel(
        self, channel: str, name: str, members: Sequence[str] = (), *, has_bot: bool = True
    ) -> SlackChannel:
        """Create a channel (`C…`, or `G…` for a private one)."""
        made = SlackChannel(channel, name, members=set(members), has_bot=has_bot)
        self.world.channels[channel] = made
        return made

    def deactivate(self, user: str, *, back: bool = False) -> None:
        """Close a person's account (or open it again): nothing can be sent to them."""
        self.world.users[user].deactivated = not back

    def messages(self, user: str) -> list[SlackMessage]:
        """What this person sees in the conversation with the bot, oldest first."""
        return [m for m in self.world.dm_of(user).messages if m.visible_to in (None, user)]

    def views(self, user: str) -> list[SlackView]:
        """The modals open on this person's screen, the top one last."""
        return list(self.world.stacks.get(user, []))

    def home(self, user: str) -> SlackView | None:
        """The Home tab published for this person."""
        return self.world.homes.get(user)

    def file(self, file_id: str) -> SlackFile:
        """An uploaded file."""
        return self.world.files[file_id]

    async def dm(
        self, user: str, text: str, *, thread_ts: str | None = None, repeat: int = 1
    ) -> str:
        """Write to the bot.

        Args:
            user: Who writes.
            text: As typed; it is stored and delivered escaped.
            thread_ts: The message replied to in its thread.
            repeat: How many times the same event is delivered; 0: never, Slack has given up.

        Returns:
            The message's `ts`; the event was pushed, and acknowledged unless nobody listens.
        """
        channel = self.world.dm_of(user)
        message = SlackMessage(self.world.stamp(), user, escape(text), thread_ts=thread_ts)
        message.client_msg_id = self.world.next_id("c")
        channel.messages.append(message)
        self._changed()
        await self._event(self._api.message_event(channel, message), repeat)
        return message.ts

    async def send_picture(self, user: str) -> str:
        """Send a picture without a word, as `file_share`. Returns the message's `ts`."""
        channel = self.world.dm_of(user)
        message = SlackMessage(self.world.stamp(), user, "")
        channel.messages.append(message)
        self._changed()
        event = self._api.message_event(channel, message)
        await self._event({**event, "subtype": "file_share"}, 1)
        return message.ts

    async def open_home(self, user: str, tab: str = "home", *, repeat: int = 1) -> bool:
        """Open the application's Home (or `messages`) tab; True when acknowledged."""
        channel, home = self.world.dm_of(user), self.home(user)
        event: Json = {"type": "app_home_opened", "user": user, "channel": channel.id, "tab": tab}
        event["event_ts"] = self.world.stamp()
        if home is not None and tab == "home":
            event["view"] = self._api.view_json(home)
        return await self._event(event, repeat)

    async def slash(
        self,
        user: str,
        command: str,
        text: str = "",
        channel: str | None = None,
        *,
        repeat: int = 1,
    ) -> Ack:
        """Type a slash command.

        Args:
            user: Who types.
            command: With its slash.
            text: The rest, as typed; delivered escaped.
            channel: Where; the conversation with the bot when None.
            repeat: How many times it is delivered.

        Returns:
            The acknowledgement; its body, if any, is now shown to the person.
        """
        where = self.world.channels[channel] if channel is not None else self.world.dm_of(user)
        trigger = self.world.new_trigger(user)
        payload = {
            "token": "local",
            "team_id": self.identity["team_id"],
            "team_domain": self.identity["team_domain"],
            "channel_id": where.id,
            "channel_name": where.name,
            "user_id": user,
            "user_name": self.world.users[user].handle,
            "command": command,
            "text": escape(text),
            "api_app_id": self.identity["app_id"],
            "is_enterprise_install": "false",
            "response_url": self._new_response_url(user, where.id, None),
            "trigger_id": trigger,
        }
        ack = await self._push("slash_commands", payload, trigger)
        for attempt in range(1, repeat):
            await self._push("slash_commands", payload, trigger, attempt)
        if not ack.ok:
            self._refuse("slash_command", "operation_timeout", arguments=payload)
        elif ack.body:
            body = {"text": ack.body} if isinstance(ack.body, str) else dict(ack.body)
            try:
                shown, blocks = self._api.check_content(body)
                self._show(where, user, shown, blocks, body.get("response_type", "ephemeral"))
                answer: Json = {"ok": True}
            except Refused as no:
                answer = self._refusal("slash_command", body, no)
            self._record("slash_command", body, answer, refused=not answer["ok"])
        return ack

    async def press(
        self,
        user: str,
        channel: str,
        ts: str,
        action: str,
        value: str | Sequence[str] | None = None,
        *,
        repeat: int = 1,
    ) -> Ack:
        """Press a button or choose in a menu of a message.

        Args:
            user: Who presses.
            channel: Where the message is; a user id means the conversation with the bot.
            ts: Which message, ephemeral ones included.
            action: An action_id, block_id, button value, button label, or the label or value of an
                option.
            value: For a menu named by its id: the option's value or label, several for a multiple
                choice, a date, a text.
            repeat: How many times the same payload is delivered.

        Returns:
            The acknowledgement.

        Raises:
            ValueError: The message shows no such thing.
        """
        where = (
            self.world.dm_of(channel)
            if channel in self.world.users
            else self.world.channels[channel]
        )
        message = where.find(ts, ephemeral=True)
        if message is None or message.visible_to not in (None, user):
            msg = f"{user} sees no message {ts} in {where.id}"
            raise ValueError(msg)
        block, element, chosen = find_element(message.blocks, action, value)
        act = self._act(block, element, chosen, message.state)
        return await self._press_message(user, where, message, act, repeat)

    select = press

    async def press_forged(self, user: str, channel: str, ts: str, action: Json) -> Ack:
        """Send an action the message does not show (any more): a late click, or a forged one."""
        where = (
            self.world.dm_of(channel)
            if channel in self.world.users
            else self.world.channels[channel]
        )
        message = where.find(ts, ephemeral=True) or SlackMessage(
            ts, self.identity["bot_user"], "", by_bot=True
        )
        whole = {"type": "button", "block_id": "b", "action_ts": self.world.stamp(), **action}
        return await self._press_message(user, where, message, whole, 1)

    async def _press_message(
        self, user: str, where: SlackChannel, message: SlackMessage, act: Json, repeat: int
    ) -> Ack:
        ephemeral = message.visible_to is not None
        payload: Json = {
            "type": "block_actions",
            **self._about(user),
            "container": {
                "type": "message",
                "message_ts": message.ts,
                "channel_id": where.id,
                "is_ephemeral": ephemeral,
            },
            "trigger_id": self.world.new_trigger(user),
            "channel": {"id": where.id, "name": where.name},
            "state": {"values": message.state},
            "response_url": self._new_response_url(user, where.id, message.ts),
            "actions": [act],
        }
        if not ephemeral:
            payload["message"] = self._api.as_json(message)
        return await self._interact(payload, repeat)

    async def press_view(
        self,
        user: str,
        view: str,
        action: str,
        value: str | Sequence[str] | None = None,
        *,
        repeat: int = 1,
    ) -> Ack:
        """Press or choose in an open modal or the Home; as `press`, with the view's id."""
        found = self._seen(user, view)
        block, element, chosen = find_element(found.view["blocks"], action, value)
        act = self._act(block, element, chosen, found.state)
        inside = found.id if found.view["type"] == "modal" else None
        payload: Json = {
            "type": "block_actions",
            **self._about(user),
            "container": {"type": "view", "view_id": found.id},
            "trigger_id": self.world.new_trigger(user, inside),
            "view": self._api.view_json(found),
            "actions": [act],
        }
        return await self._interact(payload, repeat)

    def _act(self, block: Json, element: Json, chosen: Any, state: dict[str, Json]) -> Json:
        act: Json = {
            "type": element["type"],
            "action_id": element["action_id"],
            "block_id": block["block_id"],
        }
        act["action_ts"] = self.world.stamp()
        if element["type"] in {"button", "workflow_button"}:
            act["text"] = {**element["text"], "text": escape(element["text"]["text"])}
            return act | {
                name: element[name] for name in ("value", "style", "url") if name in element
            }
        held = value_of(element, chosen)
        if element["type"] != "overflow":
            state.setdefault(block["block_id"], {})[element["action_id"]] = held
        return act | held

    async def _interact(self, payload: Json, repeat: int = 1) -> Ack:
        ack = await self._push("interactive", payload, payload["trigger_id"])
        for attempt in range(1, repeat):
            await self._push("interactive", payload, payload["trigger_id"], attempt)
        if not ack.ok:
            self._refuse(payload["type"], "operation_timeout", arguments=payload)
        return ack

    def _seen(self, user: str, view: str) -> SlackView:
        found = self.world.view(view)
        if found is None or found.user != user:
            msg = f"{user} sees no view {view}"
            raise ValueError(msg)
        return found

    async def submit_view(
        self, user: str, view: str, values: Mapping[str, Any], *, repeat: int = 1
    ) -> ViewAnswer:
        """Fill in the top modal and send it.

        Args:
            user: Who does.
            view: The view's id.
            values: By block_id, action_id or label: a text, an option's value or label, a list of
                these, a date. What is not named keeps what it holds.
            repeat: How many times the submission is delivered.

        Returns:
            What the person sees next.

        Raises:
            ValueError: No such view on top, no such input, no such option.
        """
        found = self._seen(user, view)
        stack = self.world.stacks.get(user, [])
        if not stack or stack[-1] is not found:
            msg = f"view {view} is not on top"
            raise ValueError(msg)
        read_values(found, values)
        wrong = missing_or_wrong(found)
        if wrong:
            return ViewAnswer("errors", wrong, found, by_client=True)
        payload = {
            "type": "view_submission",
            **self._about(user),
            "trigger_id": self.world.new_trigger(user, found.id),
            "view": self._api.view_json(found),
            "response_urls": [],
        }
        ack = await self._interact(payload, repeat)
        answer = self._answered(found, ack)
        self._changed()
        return answer

    def _answered(self, found: SlackView, ack: Ack) -> ViewAnswer:
        stack = self.world.stacks[found.user]
        if not ack.ok:
            return ViewAnswer("failed", view=found)
        body = ack.body if isinstance(ack.body, dict) else {}
        action = body.get("response_action", "close")
        try:
            if action == "errors":
                return ViewAnswer("errors", self._checked_errors(found, body), found)
            if action == "update":
                return ViewAnswer("update", view=self._api.replace_view(found, body.get("view")))
            if action == "push":
                return ViewAnswer("push", view=self._api.push_view(found.user, body.get("view")))
            if action == "clear":
                stack.clear()
                return ViewAnswer("clear")
        except Refused as no:
            self._refuse("view_submission", no.error, no.details, body)
            return ViewAnswer("failed", view=found)
        if body:
            self._refuse("view_submission", "unknown_response_action", (str(body),), body)
            return ViewAnswer("failed", view=found)
        if found in stack:
            stack.remove(found)
        return ViewAnswer("close", view=stack[-1] if stack else None)

    @staticmethod
    def _checked_errors(found: SlackView, body: Json) -> Mapping[str, str]:
        errors = body.get("errors")
        inputs = {b["block_id"] for b in found.view["blocks"] if b["type"] == "input"}
        if not isinstance(errors, dict) or not errors or not errors.keys() <= inputs:
            raise Refused(
                "invalid_errors", details=(f"keys must be block_ids of input blocks: {errors}",)
            )
        return errors

    async def close_view(self, user: str, *, clear: bool = False) -> Ack | None:
        """Close the top modal, or all of them with `clear`.

        Returns:
            The acknowledgement, or None when the view did not ask to be notified.
        """
        stack = self.world.stacks[user]
        top = stack.pop()
        if clear:
            stack.clear()
        self._changed()
        if not top.view.get("notify_on_close"):
            return None
        payload: Json = {"type": "view_closed", **self._about(user), "is_cleared": clear}
        payload["view"] = self._api.view_json(top)
        ack = await self._push("interactive", payload, top.id)
        if not ack.ok:
            self._refuse("view_closed", "operation_timeout", arguments=payload)
        return ack
