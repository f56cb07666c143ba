"""The pass that a company's browser holds for half an hour: which link it came by, and until when.

Signed, not sealed: there is nothing to hide in it. That it is in time says nothing of whether the
link still is good; who reads it has to look. This module does not know what a link opens.

Source: S6; ASVS 7.2 (short sessions, nothing but a reference in them).
"""

from __future__ import annotations

import hmac
import re
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

LASTS: Final = timedelta(minutes=30)
_SHAPE: Final = re.compile(r"([0-9]{1,18})\.([0-9]{1,11})\.([0-9a-f]{64})", re.ASCII)


class Passes:
    """Writes passes and reads them.

    Args:
        secret: The instance's own; the key is derived from it, for this alone.
    """

    def __init__(self, secret: str) -> None:
        self._key = HKDF(SHA256(), 32, None, b"cordee partner pass v1").derive(secret.encode())

    def write(self, link: int, until: datetime) -> str:
        """A pass for who came by this link."""
        said = f"{link}.{int(until.timestamp())}"
        return f"{said}.{self._signature(said)}"

    def read(self, given: str, now: datetime) -> tuple[int, int] | None:
        """The link, and for how many seconds still; None when it is not ours or is over."""
        found = _SHAPE.fullmatch(given)
        if found is None:
            return None
        link, until, signature = found.groups()
        if not hmac.compare_digest(signature, self._signature(f"{link}.{until}")):
            return None
        left = int(until) - int(now.timestamp())
        return (int(link), left) if 0 < left <= LASTS.total_seconds() else None

    def _signature(self, said: str) -> str:
        return hmac.new(self._key, said.encode(), sha256).hexdigest()
