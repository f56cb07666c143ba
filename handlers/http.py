"""One aiohttp server: Slack by HTTP, Telegram's webhook, and `/health`.

It hands requests to the adapters, which check and keep them; nothing personal ever leaves by these
routes.
"""

from __future__ import annotations

from aiohttp import web

from handlers.service import Service

MAX_BODY = 2 * 1024 * 1024  # bytes; both platforms stay far below


def application(service: Service) -> web.Application:
    """The routes for what the settings turn on."""
    app = web.Application(client_max_size=MAX_BODY)

    async def answer(_request: web.Request) -> web.Response:
        return await health(service)

    app.router.add_get("/health", answer)
    if service.slack is not None:
        app.router.add_post("/slack/events", service.slack.handle_http)
    if service.telegram is not None:
        app.router.add_post("/telegram", service.telegram.handle_webhook)
    return app


async def health(service: Service) -> web.Response:
    """Whether the platforms reach us and the database answers; 503 when not."""
    state: dict[str, bool] = {"database": await service.answers()}
    if service.slack is not None:
        state["slack"] = await service.slack.connected()
    if service.telegram is not None:
        state["telegram"] = service.telegram.ready
    well = all(state.values())
    return web.json_response({"ready": well, **state}, status=200 if well else 503)


async def serve(service: Service, port: int, host: str = "0.0.0.0") -> web.AppRunner:  # noqa: S104 - a server
    """Begin to serve; `cleanup()` of the returned runner ends it."""
    runner = web.AppRunner(application(service), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner
