"""What every test stands on: no network, the same examples each time, a database when asked.

Fixtures of one field live in a module of their own under `tests/`, listed in `pytest_plugins`.
"""

import gc
import ipaddress
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests import needs
from tests.empty import Shelf
from tests.postgres import PgServer, running_server

pytest_plugins: list[str] = [
    "tests.stores",
    "tests.fakes_slack",
    "tests.fakes_telegram",
    "tests.chat",
    "tests.partner_world",
]

COLLECTED_EVERY: Final = 60.0  # seconds
_collected = 0.0
PROXIES: Final = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")
for _name in PROXIES:  # before any library reads them: a proxy would hide a call to the outside
    os.environ.pop(_name, None)
    os.environ.pop(_name.upper(), None)

_EVERYWHERE: Final[dict[str, Any]] = {
    "deadline": None,  # two cores shared with a browser and a database: time proves nothing
    "suppress_health_check": [HealthCheck.too_slow],
}
settings.register_profile("dev", **_EVERYWHERE)
settings.register_profile("ci", derandomize=True, database=None, print_blob=True, **_EVERYWHERE)
# A planted fault is noticed by any example, the same each time; nobody asks for the smallest.
_ANY: Final[dict[str, Any]] = {"phases": (Phase.explicit, Phase.generate), "database": None}
settings.register_profile("mutation", derandomize=True, **_ANY, **_EVERYWHERE)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "dev")


class NetworkForbiddenError(AssertionError):
    """A test tried to leave this machine."""


def _stays_here(host: object) -> bool:
    """Whether a host, as the socket functions take it, is this machine."""
    if isinstance(host, bytes):
        host = host.decode()
    if host in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host).partition("%")[0]).is_loopback
    except ValueError:
        return False


def _refuse_outside(address: object) -> None:
    """Let Unix sockets (a path) and loopback (a tuple) through, nothing else."""
    if isinstance(address, tuple) and not _stays_here(address[0]):
        raise NetworkForbiddenError(f"network is forbidden in tests: {address[0]}")


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Iterator[None]:
    """Forbid every connection and every name look-up that leaves this machine."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex
    getaddrinfo = socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        _refuse_outside(address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        _refuse_outside(address)
        return connect_ex(self, address)

    def guarded_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        _refuse_outside((host,))
        return getaddrinfo(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        yield


@pytest.fixture(scope="session")
def pg_server() -> Iterator[PgServer]:
    """One private PostgreSQL server per test process, started when first asked for."""
    with running_server() as server:
        yield server


@pytest.fixture
def pg_url(pg_server: PgServer) -> Iterator[str]:
    """The address (`postgresql+psycopg://…`) of a fresh empty database, dropped afterwards."""
    url = pg_server.create()
    yield url.render_as_string(hide_password=False)
    pg_server.drop(url)


@pytest.fixture(scope="session")
def pg_shelf(pg_server: PgServer) -> Shelf:
    """The databases of this process that go from test to test."""
    return Shelf(pg_server)


@pytest.fixture
def pg_tables(pg_shelf: Shelf) -> Iterator[str]:
    """The address of a database with every table and no row; for what changes rows only."""
    url = pg_shelf.take()
    yield url.render_as_string(hide_password=False)
    pg_shelf.give_back(url)


@pytest.fixture(scope="session")
def chromium_path() -> Path:
    """The machine's Chromium; start it headless with `tests.needs.CHROMIUM_ARGS`."""
    return needs.chromium_path()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs PostgreSQL or Chromium, from the fixtures it asks for."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if "pg_server" in fixtures:
            item.add_marker("postgres")
        if "chromium_path" in fixtures:
            item.add_marker("browser")


def pytest_configure() -> None:
    """Nothing that is loaded or collected is thrown away before the tests begin."""
    gc.disable()


def pytest_collection_finish() -> None:
    """What is loaded by now stays to the end: the collector need not look at it again and again.

    Nor does it look at all that the tests left in the midst of one: that takes seconds on a busy
    machine, and Slack waits for three.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 1_000_000)
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_runtest_logfinish() -> None:
    """Between two tests, now and then, the collector looks at everything."""
    global _collected  # noqa: PLW0603
    if time.monotonic() - _collected > COLLECTED_EVERY:
        gc.collect()
        _collected = time.monotonic()
