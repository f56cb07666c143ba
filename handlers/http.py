"""One aiohttp server: Slack by HTTP, Telegram's webhook, the companies' page, and for monitors.

It hands requests to the adapters, which check and keep them; nothing personal ever leaves by these
routes but what `handlers/partner_page.py` shows. Their policies stand in `bot/policy.py` with those
of all else that can be reached. It does not judge a lag: that is shown, and what is too much
depends on the school.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from bot.errors import NotAllowed
from bot.policy import declare, policy, policy_of
from handlers.headers import protect
from handlers.metrics import CONTENT_TYPE
from handlers.partner_page import PartnerPage
from handlers.service import Service
from handlers.slack.manifest import INSTALL, REDIRECT
from storage.figures import Figures, Waiting, figures

MAX_BODY = 2 * 1024 * 1024  # bytes; both platforms stay far below

for path in ("/health", "/health/live", "/health/ready", "/metrics", INSTALL, REDIRECT):
    declare(f"GET {path}", policy("anyone", scope="house"))
for path in ("/slack/events", "/telegram"):
    declare(f"POST {path}", policy("platform", scope="house"))


@web.middleware
async def declared(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Serve only what has a policy; the rest is as if it were not there."""
    resource = request.match_info.route.resource
    method = "GET" if request.method == "HEAD" else request.method
    if resource is not None:
        try:
            policy_of(f"{method} {resource.canonical}")
        except NotAllowed:
            raise web.HTTPNotFound from None
    return await handler(request)


def application(service: Service) -> web.Application:
    """The routes for what the settings turn on."""
    app = web.Application(client_max_size=MAX_BODY, middlewares=[declared])
    protect(app)

    async def answer(_request: web.Request) -> web.Response:
        return await health(service)

    async def ready(_request: web.Request) -> web.Response:
        well = await service.answers() and all((await _platforms(service)).values())
        return web.json_response({"ready": well}, status=200 if well else 503)

    async def metrics(_request: web.Request) -> web.Response:
        page = service.metrics.page(
            await _figures(service), leases(service), await _platforms(service)
        )
        return web.Response(body=page, headers={"Content-Type": CONTENT_TYPE})

    app.router.add_get("/health", answer)
    app.router.add_get("/health/live", live)
    app.router.add_get("/health/ready", ready)
    app.router.add_get("/metrics", metrics)
    if service.slack is not None:
        app.router.add_post("/slack/events", service.slack.handle_http)
        if service.slack.installer is not None:
            app.router.add_get(INSTALL, service.slack.installer.begin, allow_head=False)
            app.router.add_get(REDIRECT, service.slack.installer.finish, allow_head=False)
    if service.telegram is not None:
        app.router.add_post("/telegram", service.telegram.handle_webhook)
    PartnerPage(
        service.bot,
        service.database,
        service.worker,
        service.clock,
        secret=service.settings.cordee_secret_key.get_secret_value(),
        proxies=service.settings.cordee_proxies,
    ).add_to(app)
    return app


async def live(_request: web.Request) -> web.Response:
    """The process and its event loop answer; nobody else is asked."""
    return web.json_response({"live": True})


async def health(service: Service) -> web.Response:
    """Whether the platforms reach us and the database answers, 503 when not; and what waits.

    A lag turns nothing to 503: taking a slow replica away makes it no faster.
    """
    found = await _figures(service)
    well: dict[str, bool] = {"database": found is not None, **await _platforms(service)}
    answer: dict[str, Any] = {"ready": all(well.values()), **well}
    if found is not None:
        answer |= {
            "inbox": _shown(found.heard),
            "outbox": {**_shown(found.outbox), "sending": sum(found.sending.values())},
            "timers": _shown(found.timers),
            "parked": dict(found.parked),
        }
    answer["leases"] = leases(service)
    return web.json_response(answer, status=200 if answer["ready"] else 503)


def leases(service: Service) -> dict[str, bool]:
    """By sending identity, whether this process is the one that sends with it."""
    delivery = service.delivery
    if delivery is None:
        return {}
    return {account: delivery.holds(account) for account in sorted(delivery.accounts)}


async def _platforms(service: Service) -> dict[str, bool]:
    found: dict[str, bool] = {}
    if service.slack is not None:
        found["slack"] = await service.slack.connected()
        if service.token is not None and service.token.code is not None:
            found["slack_token"] = False
    if service.telegram is not None:
        found["telegram"] = service.telegram.ready
    found |= {f"{platform}_token": False for platform in service.refused}
    return found


async def _figures(service: Service) -> Figures | None:
    """What waits; None when the database does not answer."""

    def ask() -> Figures:
        with service.database.unit_of_work() as uow:
            return figures(uow.session, service.clock.now())

    try:
        return await service.worker.run(ask)
    except SQLAlchemyError:
        return None


def _shown(queue: Waiting) -> dict[str, float]:
    seconds = round(queue.since.total_seconds(), 3)
    return {"waiting": queue.rows, "due": queue.due, "lag_seconds": seconds}


EVERYWHERE: Final = "0.0.0.0"  # noqa: S104  # nosec B104 # a server; the proxy and firewall say to whom


async def serve(service: Service, port: int, host: str = EVERYWHERE) -> web.AppRunner:
    """Begin to serve; `cleanup()` of the returned runner ends it."""
    # Nobody who has to packs what they send us; unpacking it is work that anybody could give us.
    runner = web.AppRunner(application(service), access_log=None, auto_decompress=False)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner
