"""The app manifest: what an administrator pastes into Slack to create the app.

The texts are handed in; this module knows which scopes, events and switches the adapter needs, and
why none of them can be left out.

Source: docs.slack.dev/reference/app-manifest; platform facts, "Scopes for Cordée" and "App Home".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from handlers.slack.render import one_line, shorten

COMMAND: Final = "/cordee"
PATH: Final = "/slack/events"
SCOPES: Final = (
    "app_mentions:read",  # a knock at the door in a channel
    "channels:history",  # looking up a doubtful send there
    "channels:read",
    "chat:write",
    "commands",
    "files:write",  # exports for staff
    "groups:history",
    "im:history",  # what people write, and looking up a doubtful send
    "im:write",
    "users:read",
    "users:read.email",  # linking an account to the directory
)
EVENTS: Final = ("app_home_opened", "app_mention", "message.im")
LIFE: Final = ("app_uninstalled", "tokens_revoked")  # of an app that others install by OAuth
INSTALL: Final = "/slack/install"
REDIRECT: Final = "/slack/oauth_redirect"
MAX_NAME: Final = 35
MAX_DESCRIPTION: Final = 140
MAX_HINT: Final = 1000


@dataclass(frozen=True, slots=True)
class Texts:
    """What people read of the app in Slack.

    Attributes:
        name: Of the app and of the bot.
        description: One sentence.
        command: What the slash command does, one sentence.
    """

    name: str
    description: str
    command: str


def app_manifest(
    commands: Iterable[str],
    base_url: str | None,
    *,
    socket_mode: bool,
    texts: Texts,
    distributed: bool = False,
) -> dict[str, Any]:
    """Write the manifest.

    Args:
        commands: The verbs of `/cordee`, shown as its usage hint.
        base_url: Where our HTTP port is reached from outside; not needed with Socket Mode.
        socket_mode: Whether Slack's payloads come through sockets.
        texts: In the language of the workspace.
        distributed: Whether workspaces install it by OAuth; with the address they come back to, and
            the events that say that they have removed it.

    Returns:
        The manifest, to be written as JSON.

    Raises:
        ValueError: HTTP, or OAuth, without a public address.
    """
    if not base_url and (distributed or not socket_mode):
        raise ValueError("HTTP mode and OAuth need the public address")
    url = {} if socket_mode or base_url is None else {"url": base_url.rstrip("/") + PATH}
    request = {"request_url": url["url"]} if url else {}
    name = shorten(one_line(texts.name), MAX_NAME)
    back = [base_url.rstrip("/") + REDIRECT] if distributed and base_url else []
    return {
        "display_information": {
            "name": name,
            "description": shorten(one_line(texts.description), MAX_DESCRIPTION),
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,  # else nobody can write to the bot
            },
            "bot_user": {"display_name": name, "always_online": True},
            "slash_commands": [
                {
                    "command": COMMAND,
                    "description": shorten(one_line(texts.command), MAX_DESCRIPTION),
                    "usage_hint": shorten(" | ".join(commands), MAX_HINT),
                    "should_escape": False,
                    **url,
                }
            ],
        },
        "oauth_config": {
            **({"redirect_urls": back} if back else {}),
            "scopes": {"bot": list(SCOPES)},
        },
        "settings": {
            "event_subscriptions": {
                "bot_events": sorted(EVENTS + LIFE if distributed else EVENTS),
                **request,
            },
            "interactivity": {"is_enabled": True, **request},
            "org_deploy_enabled": False,
            "socket_mode_enabled": socket_mode,
            "token_rotation_enabled": False,
        },
    }
