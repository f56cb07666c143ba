"""The workspaces that have installed the Slack app, and their tokens, sealed.

The tokens are sealed with the instance's key: a copy of the database does not hold them. This store
knows no web API; what follows from an installation that is gone is in `strand`.

Source: issue "Staff who know first", Installing for real; quality rules 13.2.3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, insert, select, update

from storage.statements import Statements
from storage.tables import Identity, OAuthState, SlackInstallation
from storage.upsert import changed, table_of, upsert
from storage.vault import Vault

MOST_STATES = 1000  # installations under way at a time; more, and somebody only plays with the page
_ROW = table_of(SlackInstallation)
_STATE = table_of(OAuthState)
_PLACE = table_of(Identity)


@dataclass(frozen=True, slots=True)
class Installed:
    """An installation.

    Attributes:
        team: The workspace, `T1`.
        name: What it is called.
        bot_id: `B1`.
        bot_user: `U1`.
        scopes: What the token may do.
        token: None once the app is gone.
        installed_at: UTC.
        removed_at: UTC.
        reason: How we know that it is gone.
    """

    team: str
    name: str
    bot_id: str
    bot_user: str
    scopes: tuple[str, ...]
    token: str | None
    installed_at: datetime
    removed_at: datetime | None = None
    reason: str | None = None

    @property
    def account(self) -> str:
        """Our sending identity there."""
        return f"slack:{self.team}"


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()


class Installations:
    """The statements of installations."""

    def __init__(self, statements: Statements, vault: Vault) -> None:
        self._session = statements
        self._vault = vault

    def everything(self) -> list[Installed]:
        """Every workspace that has or had the app.

        Raises:
            storage.sealed.Unreadable: A token was sealed with another key.
        """
        return [self._read(row) for row in self._session.execute(select(*_ROW.c)).all()]

    def get(self, team: str) -> Installed | None:
        """The workspace, if it has or had the app."""
        query = select(*_ROW.c).where(_ROW.c.team_id == team)
        row = self._session.execute(query).one_or_none()
        return None if row is None else self._read(row)

    def _read(self, row: Sequence[object]) -> Installed:
        found = dict(zip((column.name for column in _ROW.c), row, strict=True))
        sealed = found.pop("token")
        token = None
        if isinstance(sealed, bytes):
            token = self._vault.open_bytes(self._session, None, sealed).decode()
        team, scopes = str(found.pop("team_id")), found.pop("scopes")
        assert isinstance(scopes, list)  # noqa: S101 - as it was written
        return Installed(team=team, scopes=tuple(scopes), token=token, **found)  # type: ignore[arg-type]  # the columns' own types

    def save(self, found: Installed) -> None:
        """Keep an installation, new or renewed; its people can be reached (again)."""
        assert found.token is not None  # noqa: S101 - as Slack gave it
        fresh = {
            "name": found.name[:200],
            "bot_id": found.bot_id,
            "bot_user": found.bot_user,
            "scopes": list(found.scopes),
            "token": self._vault.seal_bytes(self._session, None, found.token.encode()),
            "installed_at": found.installed_at,
            "removed_at": None,
            "reason": None,
        }
        statement = upsert(self._session, _ROW).values(team_id=found.team, **fresh)
        self._session.execute(
            statement.on_conflict_do_update(index_elements=["team_id"], set_=fresh)
        )
        there = (_PLACE.c.bot_account == found.account, _PLACE.c.reachable.is_(False))
        self._session.execute(update(_PLACE).where(*there).values(reachable=True))

    def remove(
        self,
        team: str,
        now: datetime,
        reason: str,
        *,
        installed_by: datetime | None = None,
        token: str | None = None,
    ) -> int | None:
        """Forget the token of a workspace; nobody there can be reached any more.

        Args:
            team: The workspace.
            now: UTC.
            reason: How we know.
            installed_by: Only if it was not installed anew since then (UTC): late news of an app
                that has come back say nothing.
            token: Only if this is still its token.

        Returns:
            How many people were reached there; None when there was nothing to remove.
        """
        query = select(*_ROW.c).where(_ROW.c.team_id == team).with_for_update()
        row = self._session.execute(query).one_or_none()
        found = None if row is None else self._read(row)
        if found is None or found.token is None or (token is not None and token != found.token):
            return None
        if installed_by is not None and found.installed_at > installed_by:
            return None
        self._session.execute(
            update(_ROW)
            .where(_ROW.c.team_id == team)
            .values(token=None, removed_at=now, reason=reason[:40])
        )
        there = (_PLACE.c.bot_account == found.account, _PLACE.c.reachable.is_(True))
        return changed(self._session, update(_PLACE).where(*there).values(reachable=False))

    # --- installations under way ----------------------------------------------------------------

    def issue(self, state: str, expires_at: datetime, now: datetime) -> bool:
        """Remember that an installation has begun; False when too many have."""
        self._session.execute(delete(_STATE).where(_STATE.c.expires_at <= now))
        if (self._session.execute(select(func.count()).select_from(_STATE)).scalar() or 0) >= (
            MOST_STATES
        ):
            return False
        self._session.execute(insert(_STATE).values(digest=_digest(state), expires_at=expires_at))
        return True

    def consume(self, state: str, now: datetime) -> bool:
        """Whether it is one of ours, still valid and not used before; from now on it is used."""
        mine = (_STATE.c.digest == _digest(state), _STATE.c.expires_at > now)
        return changed(self._session, delete(_STATE).where(*mine)) == 1
