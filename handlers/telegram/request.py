"""How the library reaches the Bot API: by aiohttp, which serves the rest of the program anyway.

The library's own way costs several times as much processor for each call. One call is one request:
nothing is repeated, no redirection is followed. What an answer means is the library's affair.

Source: `telegram.request.BaseRequest`, the place the library has for this.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from telegram.error import NetworkError, TimedOut
from telegram.request import BaseRequest, RequestData
from typing_extensions import override

WRITE_SECONDS: Final = 20.0  # for a document
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
IDLE_SECONDS: Final = 5.0  # a connection not used for longer might be closed over there


class AiohttpRequest(BaseRequest):
    """Connections to one server.

    Args:
        base_url: Of the Bot API: whether there is a proxy before it is found out once.
        connections: How many at most.
        connect_timeout: Seconds to get a connection, if a call says nothing else.
        read_timeout: Seconds of silence to wait for an answer, likewise.
    """

    __slots__ = ("_connect_timeout", "_connections", "_proxy", "_read_timeout", "_session")

    def __init__(
        self,
        base_url: str,
        *,
        connections: int,
        connect_timeout: float = 5.0,
        read_timeout: float = 5.0,
    ) -> None:
        self._connections = connections
        self._connect_timeout, self._read_timeout = connect_timeout, read_timeout
        self._proxy = proxy_for(base_url)
        self._session: aiohttp.ClientSession | None = None

    @property
    @override
    def read_timeout(self) -> float:
        return self._read_timeout

    @override
    async def initialize(self) -> None:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._connections, keepalive_timeout=IDLE_SECONDS
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": self.USER_AGENT},
            )

    @override
    async def shutdown(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    @override
    async def do_request(  # the library's signature
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE,
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        if self._session is None:
            raise RuntimeError("not initialised")
        connect = _given(connect_timeout, self._connect_timeout)
        read = _given(read_timeout, self._read_timeout)
        write = _given(write_timeout, WRITE_SECONDS)
        timeout = aiohttp.ClientTimeout(connect + write + read, connect=connect, sock_read=read)
        try:
            async with self._session.request(
                method,
                url,
                data=_form(request_data),
                headers=_FORM if request_data and not request_data.contains_files else None,
                timeout=timeout,
                proxy=self._proxy,
                allow_redirects=False,
            ) as answer:
                return answer.status, await answer.read()
        # No texts: they quote the address, which holds the token.
        except TimeoutError as error:
            raise TimedOut from error
        except (aiohttp.ClientError, OSError) as error:
            raise NetworkError(type(error).__name__) from error


def _given(value: object, otherwise: float) -> float:
    """What a call asks for in particular; the library marks by an object that it asks nothing."""
    return value if isinstance(value, float | int) else otherwise


def _form(data: RequestData | None) -> aiohttp.FormData | bytes | None:
    if data is None:
        return None
    if not data.contains_files:
        return data.url_encoded_parameters().encode()
    form = aiohttp.FormData(data.json_parameters, quote_fields=False)
    for name, (filename, content, mime) in data.multipart_data.items():
        # As a stream: of large raw bytes aiohttp warns that they hold up the event loop.
        stream = BytesIO(content) if isinstance(content, bytes) else content
        form.add_field(name, stream, filename=filename, content_type=mime)
    return form


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for an address, if any."""
    parts = urlsplit(url)
    if proxy_bypass(parts.hostname or ""):
        return None
    proxies = getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")
