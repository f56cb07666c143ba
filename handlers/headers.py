"""What every answer of the HTTP port says to a browser, errors and platforms' routes included.

Nothing is kept, framed, guessed or told to another site; a page that needs more than nothing says
so in a policy of its own, by digests of its script and style. This module does not know what is
served.

Source: ASVS 3.4 and 14.3; quality rules, S6 ("headers on 100 % of routes").
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import Final

from aiohttp import hdrs, web


def digest_of(text: str) -> str:
    """An inline script or style as a content policy names it."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def content_policy(*, style: str = "", script: str = "", forms: bool = False) -> str:
    """The policy of a page that has these, inline, and sends its forms back to us or to nobody."""
    allowed = {
        "script-src": digest_of(script) if script else "",
        "connect-src": "'self'" if script and forms else "",
        "style-src": digest_of(style) if style else "",
        "img-src": "data:" if style else "",  # an empty icon: else the browser asks for one
    }
    parts = ["default-src 'none'", *(f"{name} {what}" for name, what in allowed.items() if what)]
    back = "'self'" if forms else "'none'"
    return "; ".join([*parts, "base-uri 'none'", f"form-action {back}", "frame-ancestors 'none'"])


HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": content_policy(),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(),"
        " microphone=(), payment=(), usb=()"
    ),
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}


def protect(app: web.Application) -> None:
    """Put the headers on whatever the application answers; what a page set itself stands."""

    async def put(_request: web.Request, response: web.StreamResponse) -> None:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.pop(hdrs.SERVER, None)  # which versions run here is nobody's business

    app.on_response_prepare.append(put)
