"""A tiny load balancer on the loopback: each request goes to the next process that takes it.

As any balancer does, it tries the next one when a connection is refused, and only then: what was
handed over is not repeated. Refuses to know what is in a request.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count

from aiohttp import ClientConnectorError, ClientError, ClientSession, ClientTimeout, web

HOP = frozenset({"host", "content-length", "transfer-encoding", "connection", "keep-alive"})


class Front:
    """Listens on one port and hands on.

    Args:
        ports: The ports of the processes behind it, asked anew for each request.
    """

    def __init__(self, ports: Callable[[], Sequence[int]]) -> None:
        self._ports = ports
        self._turn = count()
        self._runner: web.AppRunner | None = None
        self._http: ClientSession | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen on a free port."""
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._pass)
        self._http = ClientSession(timeout=ClientTimeout(total=30))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close."""
        if self._runner is not None:
            await self._runner.cleanup()
        if self._http is not None:
            await self._http.close()

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {k: v for k, v in request.headers.items() if k.lower() not in HOP}
        ports = list(self._ports())
        first = next(self._turn)
        assert self._http is not None
        for place in range(len(ports)):
            port = ports[(first + place) % len(ports)]
            url = f"http://127.0.0.1:{port}{request.path_qs}"
            try:
                async with self._http.request(
                    request.method, url, data=body, headers=headers
                ) as answer:
                    kept = {k: v for k, v in answer.headers.items() if k.lower() not in HOP}
                    content = await answer.read()
                    return web.Response(status=answer.status, body=content, headers=kept)
            except ClientConnectorError:
                continue
            except (ClientError, TimeoutError):
                return web.Response(status=502)
        return web.Response(status=503)
