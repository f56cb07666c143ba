"""A wire between the bot and PostgreSQL that can be cut, also just after a COMMIT went through.

Speaks no SQL: it looks for one word in what goes to the server. Refuses to know whose word it is.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from sqlalchemy.engine import URL

COMMIT = b"COMMIT"
SIZE = 65_536


class Wire:
    """Listens on the loopback and passes on to the server's Unix socket.

    Args:
        url: The database, by its Unix socket.

    Attributes:
        commits: How many have gone through.
        cuts: How many connections were cut.
    """

    def __init__(self, url: URL) -> None:
        self._behind = Path(str(url.query["host"])) / ".s.PGSQL.5432"
        self._url = url
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._doomed: int | None = None
        self.commits = self.cuts = 0

    @property
    def url(self) -> str:
        """The same database by this wire."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        return self._url.set(host="127.0.0.1", port=port, query={}).render_as_string(
            hide_password=False
        )

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", 0)

    async def close(self) -> None:
        """Cut everything, listen no more."""
        assert self._server is not None
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """Cut every connection, now."""
        for writer in list(self._open):
            self.cuts += 1
            writer.transport.abort()

    def cut_at_commit(self, number: int) -> None:
        """Let the n-th COMMIT from now through, and lose its answer with the connection."""
        self._doomed = self.commits + number

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            behind, ahead = await asyncio.open_unix_connection(str(self._behind))
        except OSError:
            writer.transport.abort()
            return
        self._open.add(writer)
        back = asyncio.create_task(self._answers(behind, writer))
        try:
            while data := await reader.read(SIZE):
                ahead.write(data)
                await ahead.drain()
                if COMMIT in data:
                    self.commits += 1
                    if self.commits == self._doomed:
                        back.cancel()
                        await asyncio.sleep(0.05)  # the server has it by now
                        self.cuts += 1
                        writer.transport.abort()
                        break
        except ConnectionError:
            pass
        finally:
            self._open.discard(writer)
            back.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await back
            ahead.close()
            writer.close()

    @staticmethod
    async def _answers(behind: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await behind.read(SIZE):
                writer.write(data)
                await writer.drain()
            writer.transport.abort()
