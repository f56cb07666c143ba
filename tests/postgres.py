"""A private PostgreSQL for the tests: started on first need, gone with the process.

In this order: the server that `CORDEE_TEST_PG_DSN` names; the server programs of the machine
(Debian's `/usr/lib/postgresql/*/bin`, or the `PATH`); else the test is skipped by name, or fails
where `CI=true`. This module does not know Cordée's tables: it hands out empty databases.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL, make_url

from tests.needs import missing

START_SECONDS: Final = 20.0
UNPRIVILEGED: Final = ("postgres", "nobody")  # PostgreSQL refuses to run as root
SOCKET_BYTES: Final = 107  # sockaddr_un's limit, the name of the socket included


@dataclass(frozen=True)
class PgServer:
    """A running server on which we may create databases.

    Attributes:
        url: SQLAlchemy address of the maintenance database.
        restart: Ends it, sessions and all, and starts it again; None where it is not ours to end.
    """

    url: URL
    restart: Callable[[], None] | None = None

    def create(self, template: str = "template0") -> URL:
        """Make a database with a name of its own.

        Args:
            template: The database to copy; nobody may be connected to it. The default is empty.

        Returns:
            Its address, with the driver: `postgresql+psycopg://…`.
        """
        name = f"cordee_{os.getpid()}_{time.monotonic_ns()}"
        self._run(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8'").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        return self.url.set(database=name)

    def drop(self, url: URL) -> None:
        """Remove a database made by `create`, and whoever is still connected to it."""
        self._run(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(
                sql.Identifier(url.database or "")
            )
        )

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(libpq(self.url), autocommit=True) as connection:
            connection.execute(statement)


def libpq(url: URL) -> str:
    """The same address without SQLAlchemy's driver name, as psycopg itself reads it."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


@contextmanager
def running_server() -> Iterator[PgServer]:
    """A server for the length of the block; skips or fails the test when none can be had.

    Yields:
        The server of `CORDEE_TEST_PG_DSN`, left running afterwards, or a private one.

    Raises:
        RuntimeError: The server programs are there and do not work.
    """
    if dsn := os.environ.get("CORDEE_TEST_PG_DSN"):
        yield PgServer(make_url(dsn).set(drivername="postgresql+psycopg"))
        return
    bin_dir = _server_programs()
    # A short path: TMPDIR may be deep, and a Unix socket's path may not.
    with tempfile.TemporaryDirectory(
        prefix="cordee-pg-", dir="/tmp", ignore_cleanup_errors=True
    ) as tmp:
        folder = Path(tmp)
        socket = folder / ".s.PGSQL.5432"
        if len(os.fsencode(socket)) > SOCKET_BYTES:
            missing(f"a temporary folder with a path short enough for a Unix socket, not {tmp}")
        as_user = _drop_root(folder)
        data, log = folder / "data", folder / "log"
        _initdb([*as_user, str(bin_dir / "initdb")], data)
        url = URL.create(
            "postgresql+psycopg", username="postgres", database="postgres", query={"host": tmp}
        )
        command = [*as_user, str(bin_dir / "postgres"), *_options(data, folder)]
        with ExitStack() as stack:
            output = stack.enter_context(log.open("ab"))
            running: list[subprocess.Popen[bytes]] = []

            def start() -> None:
                server = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd=folder,
                )
                running.append(stack.enter_context(server))
                _wait(server, url, log)

            def restart() -> None:
                running[-1].send_signal(signal.SIGINT)  # ends sessions, not transactions committed
                running[-1].wait(START_SECONDS)
                start()

            try:
                start()
                yield PgServer(url, restart)
            finally:
                if running:
                    running[-1].send_signal(signal.SIGQUIT)  # at once: nothing here is kept


def _server_programs() -> Path:
    """The folder of the newest server installed."""
    debian = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
    )
    if debian:
        return debian[-1].parent
    if shutil.which("postgres") and (initdb := shutil.which("initdb")):
        return Path(initdb).resolve().parent
    missing(
        "PostgreSQL's server programs initdb and postgres "
        "(Debian: apt-get install postgresql), or CORDEE_TEST_PG_DSN"
    )


def server_program(name: str) -> Path:
    """A program that comes with the server, such as `pg_dump`; skips or fails without it."""
    for place in (_server_programs() / name, Path(shutil.which(name) or "")):
        if place.is_file():
            return place
    missing(f"PostgreSQL's {name} (Debian: apt-get install postgresql)")


def _drop_root(folder: Path) -> list[str]:
    """Words that start a command as an unprivileged user, and end it when the tests die."""
    setpriv = shutil.which("setpriv")
    tied = [setpriv, "--pdeathsig", "QUIT"] if setpriv else []
    if os.geteuid() != 0:
        return tied
    if not setpriv:
        missing("setpriv, to run PostgreSQL without root's rights (Debian: util-linux)")
    for name in UNPRIVILEGED:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        os.chown(folder, user.pw_uid, user.pw_gid)
        return [*tied, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    missing(f"an unprivileged user for PostgreSQL ({' or '.join(UNPRIVILEGED)})")


def _initdb(command: list[str], data: Path) -> None:
    made = subprocess.run(
        [
            *command,
            "--no-sync",
            "--no-instructions",
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            f"--pgdata={data}",
        ],
        cwd=data.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise RuntimeError(f"initdb failed: {made.stderr.strip()}")


def _options(data: Path, folder: Path) -> list[str]:
    settings = {
        "unix_socket_directories": str(folder),
        "listen_addresses": "",  # no TCP: nobody else on the machine can reach it by accident
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "wal_recycle": "off",  # as the guide says, so that nothing erased is left in old segments
        "max_connections": "100",
        "timezone": "UTC",
    }
    return ["-D", str(data), *(f"--{name}={value}" for name, value in settings.items())]


def _wait(server: subprocess.Popen[bytes], url: URL, log: Path) -> None:
    """Return when the server answers."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            psycopg.connect(libpq(url), connect_timeout=2).close()
        except psycopg.OperationalError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"PostgreSQL did not start: {log.read_text(errors='replace').strip()}")
