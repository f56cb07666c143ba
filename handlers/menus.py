"""What the platforms list of the bot: command menus, and Slack's manifest, from the registry."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import bot.bot  # noqa: F401 - importing it fills the registry
from bot.commands.registry import listed
from bot.errors import SettingsError
from bot.i18n import words
from bot.programmes.schema import Programme
from bot.settings import Settings
from handlers.slack.manifest import Texts, app_manifest


def manifest_for(settings: Settings, lang: str) -> dict[str, Any]:
    """Slack's app manifest, in a language, for the way in that the settings choose."""
    w = words(lang)
    distributed = bool(settings.slack_client_id)
    socket = bool(settings.slack_app_token.get_secret_value())
    socket = socket or not (settings.cordee_public_url or distributed)
    if distributed and not settings.cordee_public_url:
        raise SettingsError("OAuth needs an address to come back to.", "Set CORDEE_PUBLIC_URL.")
    return app_manifest(
        [name for name, _ in menu_entries(lang, staff=False)],
        settings.cordee_public_url,
        socket_mode=socket,
        distributed=distributed,
        texts=Texts("Cordée", w("app-description"), w("app-command")),
    )


def menu_entries(
    lang: str, *, staff: bool, only: Collection[str] | None = None
) -> list[tuple[str, str]]:
    """(name, description) of the listed commands, for everybody or for staff besides.

    Args:
        lang: Language of both.
        staff: Those that a role is needed for, instead of everybody's.
        only: Of these names.
    """
    w = words(lang)
    return [
        (entry.called(lang), w(entry.summary))
        for entry in listed()
        if entry.policy.of_staff == staff and (only is None or entry.name in only)
    ]


def verbs_of(
    places: Mapping[str, Collection[str]], programmes: Mapping[str, Programme]
) -> frozenset[str]:
    """The listed commands that roles, by programme, open to somebody."""
    return frozenset(
        entry.name
        for entry in listed()
        for place, roles in places.items()
        if entry.policy.of_staff
        and entry.policy.admits(roles, programmes.get(place))
        and entry.is_of(programmes.get(place))
    )
