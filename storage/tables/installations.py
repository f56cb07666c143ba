"""Where the Slack app is installed, and installations that have begun."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped

from storage.sealed import Sealed
from storage.tables.base import Base, c
from storage.utc import Utc


class SlackInstallation(Base, purpose="run", basis="none", kept="house"):
    """A workspace that installed the app by itself (OAuth); its token goes when the app does."""

    __tablename__ = "slack_installation"
    team_id: Mapped[str] = c(String(32), "the workspace, T1", primary_key=True)
    name: Mapped[str] = c(String(200), "what the workspace is called")
    bot_id: Mapped[str] = c(String(32), "the app's bot there, B1")
    bot_user: Mapped[str] = c(String(32), "the bot's user id there, U1")
    scopes: Mapped[list[str]] = c(JSON, "what the token may do", default=list)
    token: Mapped[bytes | None] = c(
        Sealed, "the bot's token, sealed with the instance's key; none once the app is gone"
    )
    installed_at: Mapped[datetime] = c(Utc, "when, the last time")
    removed_at: Mapped[datetime | None] = c(Utc, "when the app went, or its token died")
    reason: Mapped[str | None] = c(String(40), "how we know: app_uninstalled, invalid_auth, ...")


class OAuthState(Base, purpose="run", basis="none", kept="house"):
    """An installation begun in a browser: it can be finished once, and within minutes."""

    __tablename__ = "oauth_state"
    digest: Mapped[str] = c(String(64), "SHA-256 of the state in the address", primary_key=True)
    expires_at: Mapped[datetime] = c(Utc, "not valid from then on", index=True)
