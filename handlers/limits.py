"""How often somebody may ask: a count per source over the last minute, in memory, bounded.

Each process counts for itself, and a start forgets; what is asked for has to be safe without. It
refuses to know what is asked, and keeps no address longer than the minute it is counted for.

Source: quality rules, S6 (60 requests a minute); ASVS 2.4.1.
"""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict, deque
from collections.abc import Iterable
from datetime import datetime
from typing import Final

SOURCES: Final = 4096  # that many at once; beyond, who was quiet longest is forgotten
NETWORK: Final = 64  # bits of an IPv6 address that one subscriber has


class Limiter:
    """Lets each source do something so many times in any stretch of so many seconds.

    Args:
        most: How many times.
        seconds: In which stretch.
        sources: How many are remembered.
    """

    def __init__(self, most: int, seconds: int = 60, sources: int = SOURCES) -> None:
        self._most, self._seconds, self._sources = most, seconds, sources
        self._noted: OrderedDict[str, deque[float]] = OrderedDict()

    def __len__(self) -> int:
        """How many sources are remembered."""
        return len(self._noted)

    def wait(self, source: str, now: datetime) -> int:
        """In how many seconds this source may again; 0: at once."""
        at = now.timestamp()
        stamps = self._noted.get(source, deque())
        # A clock that was set back must not lock anybody out until it has caught up.
        while stamps and not at - self._seconds < stamps[0] <= at:
            stamps.popleft()
        if not stamps:
            self._noted.pop(source, None)
        if len(stamps) < self._most:
            return 0
        return max(1, math.ceil(stamps[0] + self._seconds - at))

    def note(self, source: str, now: datetime) -> None:
        """Count one time."""
        self._noted.setdefault(source, deque(maxlen=self._most)).append(now.timestamp())
        self._noted.move_to_end(source)
        while len(self._noted) > self._sources:
            self._noted.popitem(last=False)

    def take(self, source: str, now: datetime) -> int:
        """Count one time if it may; else in how many seconds it may."""
        seconds = self.wait(source, now)
        if not seconds:
            self.note(source, now)
        return seconds


def source_of(peer: str | None, forwarded: Iterable[str], proxies: int) -> str:
    """Who asks, as far as our own proxies can be believed.

    Args:
        peer: The other end of the connection; None: a Unix socket.
        forwarded: The values of X-Forwarded-For, in their order.
        proxies: How many proxies stand before us. Each adds whom it heard at the end; what is
            further in front was written by whoever asked.
    """
    said = [part.strip() for value in forwarded for part in value.split(",")]
    found = said[-proxies] if 0 < proxies <= len(said) else ""
    return _network(found) or _network(peer or "") or "here"


def _network(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, NETWORK), strict=False))
