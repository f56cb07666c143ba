"""Several workspaces behind one Web API: where an app is installed by OAuth, and leaves again.

Each workspace is a whole `FakeSlack` with people, messages and ids of its own; this server hands a
call to the one whose token it bears, as Slack does, and issues those tokens. It refuses what Slack
refuses: a code used twice or after ten minutes, another redirect address than the one asked with,
scopes the app does not have, a wrong client secret, a token that has died.

Source: docs.slack.dev/authentication/installing-with-oauth, /reference/methods/oauth.v2.access.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

from aiohttp import web
from typing_extensions import override

from handlers.local.fake_slack import FakeSlack
from handlers.local.ledger import Call, Json, LocalPlatform, Now, Refused, read_arguments
from handlers.local.slack_server import IDENTITY, JSON_BODY, SlackSecrets

CODE_MINUTES = 10
CLIENT_ID = "1234.5678"
CLIENT_SECRET = "9a7f3c51e0b84d26a1c5f7e9d3b20846"  # noqa: S105 - invented, for the loopback only


@dataclass
class Code:
    """A person's yes, to be exchanged once."""

    team: str
    redirect: str
    scopes: str
    born: datetime


class Workspace(FakeSlack):
    """One workspace of several: served by the organisation's server, under a path of its own."""

    org: "SlackOrg"

    @property
    @override
    def origin(self) -> str:
        return f"{self.org.origin}/{self.identity['team_id']}"


class SlackOrg(LocalPlatform):
    """Workspaces with one app among them.

    Attributes:
        workspaces: By id.
        redirects: Addresses the app may be sent back to.
        rotating: Whether the app's settings have token rotation on.
        org_wide: Whether the next installation is of a whole organisation.
        tokens: The tokens that work, and whose they are.
        dead: Tokens that no longer work, and what Slack says of them.
    """

    def __init__(
        self, now: Now, teams: Sequence[str], *, redirects: Sequence[str] = (), scopes: str = ""
    ) -> None:
        super().__init__(now)
        self.redirects = list(redirects)
        self.rotating = self.org_wide = False
        self.tokens: dict[str, str] = {}
        self.dead: dict[str, str] = {}
        self.workspaces: dict[str, Workspace] = {}
        self._codes: dict[str, Code] = {}
        self._ids = itertools.count(1)
        secrets = SlackSecrets(bot_token="")
        self._secrets = replace(secrets, scopes=scopes or secrets.scopes)
        for team in teams:
            about = {**IDENTITY, "team_id": team, "team_name": f"École {team}",
                     "team_domain": team.lower(), "bot_user": f"UBOT{team}",
                     "bot_id": f"B{team}"}  # fmt: skip
            workspace = Workspace(now, secrets=self._secrets, identity=about)
            workspace.org = self
            self.workspaces[team] = workspace

    def __getitem__(self, team: str) -> Workspace:
        return self.workspaces[team]

    @property
    def signing_secret(self) -> str:
        """What signs the requests of all of them."""
        return self._secrets.signing_secret

    @property
    def base_url(self) -> str:
        """The Web API's base."""
        return f"{self.origin}/api/"

    def listen_at(self, url: str | None) -> None:
        """Where the payloads of all workspaces go by signed HTTP."""
        for workspace in self.workspaces.values():
            workspace.request_url = url

    @override
    async def stop(self) -> None:
        for workspace in self.workspaces.values():
            await workspace.stop()
        await super().stop()

    @override
    def _routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/api/{method}", self._web_api)
        app.router.add_post("/{team}/upload/{file}", self._to_workspace)
        app.router.add_post("/{team}/response/{ticket}", self._to_workspace)

    async def _to_workspace(self, request: web.Request) -> web.StreamResponse:
        workspace = self.workspaces[request.match_info["team"]]
        if "file" in request.match_info:
            return await workspace.take_upload(request)
        return await workspace.take_response(request)

    # --- the app's side ---------------------------------------------------------------------------

    async def _web_api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        if method == "oauth.v2.access":
            arguments = await read_arguments(request, JSON_BODY)
            return self._said(method, arguments, lambda: self._access(arguments))
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token in self.tokens:
            if method == "auth.revoke":
                return self._said(method, {}, lambda: self._revoke(token))
            return await self.workspaces[self.tokens[token]].take_call(request)
        error = self.dead.get(token, "invalid_auth" if token else "not_authed")
        return self._said(method, {}, lambda: self._no(error))

    def _said(self, method: str, arguments: Json, work: Callable[[], Json]) -> web.Response:
        try:
            answer: Json = {"ok": True, **work()}
        except Refused as no:
            answer = {"ok": False, "error": no.error}
        shown = {k: v for k, v in arguments.items() if k not in {"code", "client_secret"}}
        refused = not answer["ok"]
        self.calls.append(Call(method, shown, None, self.now(), 0.0, refused))
        return web.json_response(answer)

    @staticmethod
    def _no(error: str) -> Json:
        raise Refused(error, fault_of="world")

    def _revoke(self, token: str) -> Json:
        self.dead[token] = "token_revoked"
        del self.tokens[token]
        return {"revoked": True}

    def _access(self, arguments: Json) -> Json:
        if (arguments.get("client_id"), arguments.get("client_secret")) != (
            CLIENT_ID,
            CLIENT_SECRET,
        ):
            raise Refused("bad_client_secret")
        code = self._codes.pop(str(arguments.get("code")), None)
        if code is None or self.now() - code.born > timedelta(minutes=CODE_MINUTES):
            raise Refused("invalid_code")
        if arguments.get("redirect_uri") != code.redirect:
            raise Refused("bad_redirect_uri")
        team = code.team
        workspace = self.workspaces[team]
        living = next((token for token, whose in self.tokens.items() if whose == team), None)
        token = living or f"xoxb-{team}-{next(self._ids)}"
        self.tokens[token] = team
        workspace.secrets = replace(workspace.secrets, bot_token=token)
        answer: Json = {
            "access_token": token,
            "token_type": "bot",
            "scope": code.scopes,
            "bot_user_id": workspace.identity["bot_user"],
            "app_id": workspace.identity["app_id"],
            "team": {"name": workspace.identity["team_name"], "id": team},
            "enterprise": None,
            "is_enterprise_install": False,
            "authed_user": {"id": "UADMIN"},
        }
        if self.rotating:
            answer |= {"refresh_token": f"xoxe-1-{team}", "expires_in": 43200}
        if self.org_wide:
            answer |= {"is_enterprise_install": True, "team": None,
                       "enterprise": {"id": "E1", "name": "Org"}}  # fmt: skip
        return answer

    # --- the administrators' side -----------------------------------------------------------------

    def approve(self, url: str, team: str) -> str:
        """Say yes on Slack's page.

        Args:
            url: Where the app sent the browser to.
            team: The workspace chosen there.

        Returns:
            Where Slack sends the browser back to.

        Raises:
            ValueError: Slack would show an error page instead.
        """
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        if not url.startswith(f"{self.origin}/oauth/v2/authorize?"):
            raise ValueError(f"not our page: {url}")
        if asked.get("client_id") != CLIENT_ID:
            raise ValueError("invalid_client_id")
        if asked.get("redirect_uri") not in self.redirects:
            raise ValueError("bad_redirect_uri")
        unknown = set(asked["scope"].split(",")) - set(self._secrets.scopes.split())
        if unknown or asked.get("user_scope"):
            raise ValueError(f"invalid_scope: {sorted(unknown)}")
        code = f"{next(self._ids)}.code.{team}"
        self._codes[code] = Code(team, asked["redirect_uri"], asked["scope"], self.now())
        answer = {"code": code, "state": asked.get("state", "")}
        return f"{asked['redirect_uri']}?{urlencode(answer)}"

    def kill(self, team: str, error: str = "account_inactive") -> None:
        """Let a workspace's token die without a word."""
        for token, whose in list(self.tokens.items()):
            if whose == team:
                del self.tokens[token]
                self.dead[token] = error

    async def uninstall(self, team: str) -> list[bool]:
        """Take the app out of a workspace; whether each of the two events was taken."""
        self.kill(team)
        workspace = self.workspaces[team]
        bots = {"oauth": [], "bot": [workspace.identity["bot_user"]]}
        return [
            await workspace.tell({"type": "tokens_revoked", "tokens": bots}),
            await workspace.tell({"type": "app_uninstalled"}),
        ]
