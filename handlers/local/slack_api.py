"""The Web API methods of the local Slack: arguments in, Slack's answer or Slack's refusal out.

Refuses to know HTTP, sockets and the application; it changes a `SlackWorld` and says what must be
told to whom.
"""

import json
import re
from collections.abc import Callable
from typing import Any

from handlers.local.ledger import Json, Refused
from handlers.local.slack_limits import check_blocks
from handlers.local.slack_methods import ARGUMENTS, INFO_SCOPES, READ_SCOPES, SCOPES
from handlers.local.slack_views import SlackViews, keep_state
from handlers.local.slack_world import (
    SlackChannel,
    SlackFile,
    SlackMessage,
    SlackWorld,
    initial_state,
)

MAX_TEXT = 40_000
MAX_UPDATE_TEXT = 4_000
MAX_METADATA_BYTES = 8_000
MAX_HISTORY = 999

JSON_ARGUMENTS = frozenset({"blocks", "metadata", "view", "attachments", "files"})


def flag(arguments: Json, name: str) -> bool:
    """A boolean argument, which a form sends as text."""
    return str(arguments.get(name, "")).lower() in {"1", "true"}


class SlackApi(SlackViews):
    """The methods. Each takes the decoded arguments and returns the fields beside `ok`."""

    def __init__(
        self,
        world: SlackWorld,
        *,
        identity: Json,
        scopes: frozenset[str],
        post_event: Callable[[Json], None],
    ) -> None:
        """Work on one workspace.

        Args:
            world: Its state.
            identity: `team_id`, `bot_user`, `bot_id`, `app_id`, `team_name`.
            scopes: What the bot token may do.
            post_event: Told the application's own messages and edits, which come back to it as
                events.
        """
        super().__init__(world, identity)
        self.scopes = scopes
        self.post_event = post_event
        self.remarks: list[str] = []

    def handle(self, method: str, arguments: Json) -> Json:
        """Answer one call; `apps.connections.open` and the upload address belong to the server.

        Raises:
            Refused: Slack would answer `ok: false`.
        """
        if method not in ARGUMENTS:
            raise Refused("unknown_method")
        required, optional = (names.split() for names in ARGUMENTS[method])
        missing = [name for name in required if arguments.get(name) in (None, "")]
        if missing:
            lines = tuple(f"[ERROR] missing required field: {name}" for name in missing)
            raise Refused("invalid_arguments", details=lines)
        unknown = sorted(arguments.keys() - set(required) - set(optional) - {"token", "team_id"})
        self.remarks += [f"unknown argument: {name}" for name in unknown]
        self._need(SCOPES.get(method))
        return getattr(self, "_" + method.replace(".", "_"))(arguments)  # type: ignore[no-any-return]

    # ------------------------------------------------------------------ looking things up

    def _need(self, scope: str | None) -> None:
        if scope is not None and scope not in self.scopes:
            extra = {"needed": scope, "provided": ",".join(sorted(self.scopes))}
            raise Refused("missing_scope", extra=extra)

    def _channel(self, arguments: Json, *, posting: bool = False) -> SlackChannel:
        wanted = str(arguments["channel"])
        if posting and wanted in self.world.users:
            if self.world.users[wanted].deactivated:
                raise Refused("channel_not_found", fault_of="world")
            return self.world.dm_of(wanted)
        channel = self.world.channels.get(wanted)
        if channel is None:
            raise Refused("channel_not_found")
        if channel.user is not None and self.world.users[channel.user].deactivated and posting:
            raise Refused("is_archived", fault_of="world")
        if not channel.has_bot:
            raise Refused("not_in_channel", fault_of="world")
        return channel

    def _own_message(self, channel: SlackChannel, ts: str, forbidden: str) -> SlackMessage:
        message = channel.find(ts)
        if message is None:
            raise Refused("message_not_found", fault_of="world")
        if not message.by_bot:
            raise Refused(forbidden)
        return message

    # ------------------------------------------------------------------ messages

    def check_content(self, arguments: Json, *, most: int | None = None) -> tuple[str, list[Json]]:
        """Check text, blocks and metadata of something to be shown.

        Args:
            arguments: `text`, `blocks`, `metadata`, … as sent.
            most: The longest text taken; longer ones are cut when None.

        Returns:
            The text and the blocks to store.

        Raises:
            Refused: Slack would not take them.
        """
        text, blocks = arguments.get("text") or "", arguments.get("blocks") or []
        if arguments.get("markdown_text") and (text or blocks):
            raise Refused("markdown_text_conflict")
        text = text or arguments.get("markdown_text") or ""
        if not isinstance(text, str):
            raise Refused(
                "invalid_arguments", details=("[ERROR] must be a string [json-pointer:/text]",)
            )
        if isinstance(blocks, str):
            raise Refused("invalid_blocks_format")
        if not text.strip() and not blocks and not arguments.get("attachments"):
            raise Refused("no_text")
        if most is not None and len(text) > most:
            raise Refused("msg_too_long")
        if blocks:
            report = check_blocks(blocks, "message")
            if report.messages:
                raise Refused("invalid_blocks", details=tuple(report.messages))
            if report.too_long:
                raise Refused("msg_blocks_too_long")
            if not text:
                self.remarks.append(
                    "no text beside the blocks, for notifications and screen readers"
                )
        self._check_metadata(arguments.get("metadata"))
        return text[:MAX_TEXT], self.world.with_ids(blocks)

    @staticmethod
    def _check_metadata(metadata: Any) -> None:
        if metadata is None or metadata == "":
            return
        if not isinstance(metadata, dict):
            raise Refused("invalid_metadata_format")
        payload = metadata.get("event_payload")
        if not isinstance(metadata.get("event_type"), str) or not isinstance(payload, dict):
            raise Refused("invalid_metadata_schema")
        if len(json.dumps(metadata).encode()) > MAX_METADATA_BYTES:
            raise Refused("metadata_too_large")

    def _chat_postMessage(self, arguments: Json) -> Json:  # noqa: N802 - Slack's name
        channel = self._channel(arguments, posting=True)
        text, blocks = self.check_content(arguments)
        thread = arguments.get("thread_ts")
        if thread and channel.find(str(thread)) is None:
            raise Refused("cannot_reply_to_message")
        message = SlackMessage(
            ts=self.world.stamp(),
            user=self.identity["bot_user"],
            text=text,
            blocks=blocks,
            by_bot=True,
            thread_ts=thread,
            metadata=arguments.get("metadata") or None,
            state=initial_state(blocks),
            client_msg_id=arguments.get("client_msg_id"),
        )
        channel.messages.append(message)
        self.post_event(self.message_event(channel, message))
        return {"channel": channel.id, "ts": message.ts, "message": self.as_json(message)}

    def _chat_update(self, arguments: Json) -> Json:
        channel = self._channel(arguments)
        message = self._own_message(channel, str(arguments["ts"]), "cant_update_message")
        text, blocks = self.check_content(arguments, most=MAX_UPDATE_TEXT)
        previous = self.as_json(message)
        kept = {(b, a): v for b, held in message.state.items() for a, v in held.items()}
        message.text, message.blocks, message.edited = text, blocks, True
        message.state = keep_state(initial_state(blocks), kept)
        if "metadata" in arguments:
            message.metadata = arguments["metadata"] or None
        changed = self.message_event(channel, message)
        changed = {
            **{k: changed[k] for k in ("type", "channel", "channel_type")},
            "subtype": "message_changed",
            "hidden": True,
            "ts": self.world.stamp(),
            "message": self.as_json(message),
            "previous_message": previous,
        }
        self.post_event({**changed, "event_ts": changed["ts"]})
        return {
            "channel": channel.id,
            "ts": message.ts,
            "text": text,
            "message": self.as_json(message),
        }

    def _chat_delete(self, arguments: Json) -> Json:
        channel = self._channel(arguments)
        message = self._own_message(channel, str(arguments["ts"]), "cant_delete_message")
        channel.messages.remove(message)
        return {"channel": channel.id, "ts": message.ts}

    def _chat_postEphemeral(self, arguments: Json) -> Json:  # noqa: N802 - Slack's name
        channel = self._channel(arguments)
        if arguments["user"] not in channel.members:
            raise Refused("user_not_in_channel")
        text, blocks = self.check_content(arguments)
        message = self.post_ephemeral(channel, str(arguments["user"]), text, blocks)
        return {"message_ts": message.ts}

    def post_ephemeral(
        self, channel: SlackChannel, user: str, text: str, blocks: list[Json]
    ) -> SlackMessage:
        """Show something to one person only; `blocks` already checked and with ids."""
        message = SlackMessage(
            ts=self.world.stamp(),
            user=self.identity["bot_user"],
            text=text,
            blocks=blocks,
            by_bot=True,
            visible_to=user,
            state=initial_state(blocks),
        )
        channel.messages.append(message)
        return message

    def as_json(self, message: SlackMessage, *, metadata: bool = False) -> Json:
        """A message as Slack writes it in answers, payloads and history."""
        out: Json = {
            "type": "message",
            "user": message.user,
            "ts": message.ts,
            "text": message.text,
        }
        out["team"] = self.identity["team_id"]
        if message.by_bot:
            out |= {"bot_id": self.identity["bot_id"], "app_id": self.identity["app_id"]}
        if message.blocks:
            out["blocks"] = message.blocks
        if message.thread_ts:
            out["thread_ts"] = message.thread_ts
        if message.client_msg_id:
            out["client_msg_id"] = message.client_msg_id
        if message.edited:
            out["edited"] = {"user": message.user, "ts": message.ts}
        if message.files:
            out["files"] = [self._file_json(self.world.files[f]) for f in message.files]
        if message.reactions:
            bot = self.identity["bot_user"]
            out["reactions"] = [{"name": n, "users": [bot], "count": 1} for n in message.reactions]
        if metadata and message.metadata:
            out["metadata"] = message.metadata
        return out

    def message_event(self, channel: SlackChannel, message: SlackMessage) -> Json:
        """A message as the Events API tells it."""
        kind = "im" if channel.user is not None else "channel"
        told = {"channel": channel.id, "channel_type": kind, "event_ts": message.ts}
        return {**self.as_json(message), **told}

    # ------------------------------------------------------------------ conversations

    def _conversations_open(self, arguments: Json) -> Json:
        if bool(arguments.get("users")) == bool(arguments.get("channel")):
            raise Refused(
                "users_list_not_supplied" if not arguments.get("users") else "invalid_arguments"
            )
        if arguments.get("channel"):
            channel = self._channel(arguments)
        else:
            names = arguments["users"]
            people = names.split(",") if isinstance(names, str) else list(names)
            if len(people) != 1:
                raise Refused("not_enough_users" if not people else "missing_scope")
            user = self.world.users.get(people[0])
            if user is None:
                raise Refused("user_not_found")
            if user.deactivated:
                raise Refused("user_disabled", fault_of="world")
            channel = self.world.dm_of(user.id)
        if flag(arguments, "return_im"):
            return {
                "channel": {"id": channel.id, "is_im": True, "user": channel.user, "is_open": True}
            }
        return {"channel": {"id": channel.id}}

    def _conversations_history(self, arguments: Json) -> Json:
        channel = self._channel(arguments)
        self._need(READ_SCOPES[channel.id[0]])
        found = [
            m for m in channel.messages if m.visible_to is None and m.thread_ts in (None, m.ts)
        ]
        return self._page(arguments, found[::-1])

    def _conversations_replies(self, arguments: Json) -> Json:
        channel = self._channel(arguments)
        self._need(READ_SCOPES[channel.id[0]])
        parent = channel.find(str(arguments["ts"]))
        if parent is None:
            raise Refused("thread_not_found", fault_of="world")
        top = parent.thread_ts or parent.ts
        found = [m for m in channel.messages if m.visible_to is None and top in (m.ts, m.thread_ts)]
        return self._page(arguments, found)

    def _page(self, arguments: Json, messages: list[SlackMessage]) -> Json:
        oldest, latest = (
            float(arguments.get("oldest") or 0),
            float(arguments.get("latest") or "inf"),
        )
        inclusive = flag(arguments, "inclusive")
        within = [
            m
            for m in messages
            if oldest < float(m.ts) < latest or (inclusive and float(m.ts) in (oldest, latest))
        ]
        limit = int(arguments.get("limit") or 100)
        if not 1 <= limit <= MAX_HISTORY:
            raise Refused("invalid_limit")
        start = int(arguments.get("cursor") or 0)
        shown = within[start : start + limit]
        more = len(within) > start + limit
        full = flag(arguments, "include_all_metadata")
        return {
            "messages": [self.as_json(m, metadata=full) for m in shown],
            "has_more": more,
            "response_metadata": {"next_cursor": str(start + limit) if more else ""},
        }

    def _conversations_info(self, arguments: Json) -> Json:
        channel = self._channel(arguments)
        self._need(INFO_SCOPES[channel.id[0]])
        about: Json = {"id": channel.id, "is_im": channel.user is not None, "is_archived": False}
        about |= {"user": channel.user} if channel.user is not None else {"name": channel.name}
        if channel.user is None:
            about |= {
                "is_channel": True,
                "is_member": channel.has_bot,
                "is_private": channel.id[0] == "G",
            }
        return {"channel": about}

    # ------------------------------------------------------------------ people, files, the rest

    def _auth_test(self, _: Json) -> Json:
        about = self.identity
        return {
            "url": f"https://{about['team_domain']}.slack.com/",
            "team": about["team_name"],
            "user": "cordee",
            "team_id": about["team_id"],
            "user_id": about["bot_user"],
            "bot_id": about["bot_id"],
            "is_enterprise_install": False,
        }

    def _team_info(self, _: Json) -> Json:
        about = self.identity
        names = {"name": about["team_name"], "domain": about["team_domain"]}
        return {"team": {"id": about["team_id"], **names}}

    def _users_info(self, arguments: Json) -> Json:
        user = self.world.users.get(str(arguments["user"]))
        if user is None:
            raise Refused("user_not_found")
        found = user.profile(self.world.now(), self.identity["team_id"])
        if flag(arguments, "include_locale"):
            found["locale"] = user.locale
        if "users:read.email" not in self.scopes:
            found["profile"].pop("email", None)
        return {"user": found}

    def _users_lookupByEmail(self, arguments: Json) -> Json:  # noqa: N802 - Slack's name
        wanted = str(arguments["email"]).lower()
        for user in self.world.users.values():
            if user.email is not None and user.email.lower() == wanted and not user.deactivated:
                return {"user": user.profile(self.world.now(), self.identity["team_id"])}
        raise Refused("users_not_found", fault_of="world")

    def _files_getUploadURLExternal(self, arguments: Json) -> Json:  # noqa: N802 - Slack's name
        length = str(arguments["length"])
        if not length.isdigit() or int(length) < 1:
            raise Refused(
                "invalid_arguments", details=("[ERROR] length must be a positive number of bytes",)
            )
        file = SlackFile(self.world.next_id("F"), str(arguments["filename"]), int(length))
        file.alt = str(arguments.get("alt_txt") or "")
        self.world.files[file.id] = file
        return {"file_id": file.id}

    def _files_completeUploadExternal(self, arguments: Json) -> Json:  # noqa: N802 - Slack's name
        listed = arguments["files"]
        if not isinstance(listed, list) or not listed:
            raise Refused(
                "invalid_arguments", details=("[ERROR] files must be a list of {id, title}",)
            )
        files = []
        for entry in listed:
            file = self.world.files.get(entry.get("id", "")) if isinstance(entry, dict) else None
            if file is None or file.content is None:
                raise Refused("file_not_found")
            file.title = entry.get("title") or file.filename
            files.append(file)
        if arguments.get("channel_id"):
            channel = self._channel({"channel": arguments["channel_id"]})
            comment = str(arguments.get("initial_comment") or "")
            message = SlackMessage(
                self.world.stamp(), self.identity["bot_user"], comment, by_bot=True
            )
            message.thread_ts = arguments.get("thread_ts")
            message.files = [f.id for f in files]
            for file in files:
                file.shared_in.append(channel.id)
            channel.messages.append(message)
            self.post_event({**self.message_event(channel, message), "subtype": "file_share"})
        return {"files": [self._file_json(f) for f in files]}

    def _files_delete(self, arguments: Json) -> Json:
        """The file, and with it the messages that are nothing but it."""
        file = self.world.files.pop(str(arguments["file"]), None)
        if file is None:
            raise Refused("file_not_found", fault_of="world")
        for channel in map(self.world.channels.__getitem__, file.shared_in):
            for message in [one for one in channel.messages if file.id in one.files]:
                message.files.remove(file.id)
                if not message.files:
                    channel.messages.remove(message)
        return {}

    @staticmethod
    def _file_json(file: SlackFile) -> Json:
        about = {"id": file.id, "title": file.title, "name": file.filename}
        return {**about, "size": file.length, "channels": file.shared_in}

    def _reactions_add(self, arguments: Json) -> Json:
        channel = self._channel(arguments)
        message = channel.find(str(arguments["timestamp"]))
        if message is None:
            raise Refused("message_not_found", fault_of="world")
        name = str(arguments["name"])
        if not re.fullmatch(r"[a-z0-9_+'-]{1,100}(::skin-tone-[2-6])?", name):
            raise Refused("invalid_name")
        if name in message.reactions:
            raise Refused("already_reacted", fault_of="world")
        message.reactions.append(name)
        return {}
