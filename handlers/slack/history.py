"""What people wrote while nobody listened, read back from the history of their private chats.

Slack delivers an event again after a moment, a minute and five minutes, and then gives up. What is
found here is what the event would have been, under the same message key: had it come after all, the
inbox has it already. Presses leave no trace in a history; the question still shows its buttons.

Source: delivery protocol, "Inbound" 4; history is Tier 3, 50 calls a minute.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack.inbound import TEXT_SUBTYPES
from handlers.slack.send import error_code

log = logging.getLogger(__name__)
PACE: Final = 1.25  # seconds between two people
PAGE: Final = 200  # messages of one person in one outage
TRIES: Final = 5
AFTER_FAILURE: Final = 30.0  # seconds


async def written(
    client: AsyncWebClient, team: str, users: Iterable[str], since: datetime, pace: float = PACE
) -> AsyncIterator[dict[str, Any]]:
    """Read what these people wrote to the bot.

    Args:
        client: Of the Web API.
        team: The workspace, `T1`.
        users: Their ids, `U1`.
        since: From then on (UTC).
        pace: Seconds between two people.

    Yields:
        Events API callbacks, each person's in the order in which they wrote.
    """
    for user in users:
        for message in await _patiently(client, user, since):
            ours = message.get("bot_id") or message.get("user") != user
            if not ours and message.get("subtype") in TEXT_SUBTYPES:
                event = {**message, "type": "message", "channel_type": "im"}
                yield {
                    "type": "event_callback",
                    "team_id": team,
                    "event_id": f"history:{event['channel']}/{event.get('ts')}",
                    "event": event,
                }
        await asyncio.sleep(pace)


async def _patiently(client: AsyncWebClient, user: str, since: datetime) -> list[dict[str, Any]]:
    """One person's messages, oldest first; none when Slack does not let us read them."""
    for _ in range(TRIES):
        try:
            return await _history(client, user, since)
        except SlackApiError as error:
            if error_code(error) not in {"ratelimited", "http 429", "internal_error"}:
                log.warning("history not read code=%s", error_code(error))
                return []
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("history not read error=%s", type(error).__name__)
        await asyncio.sleep(AFTER_FAILURE)
    return []


async def _history(client: AsyncWebClient, user: str, since: datetime) -> list[dict[str, Any]]:
    opened = await client.conversations_open(users=user)
    channel = str((opened.get("channel") or {}).get("id"))
    page = await client.conversations_history(
        channel=channel, oldest=f"{since.timestamp():.6f}", limit=PAGE
    )
    messages: list[dict[str, Any]] = page.get("messages") or []
    return [{**message, "channel": channel} for message in reversed(messages)]
