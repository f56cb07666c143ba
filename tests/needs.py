"""What a test may need from the machine, and what happens without it.

A missing program is said by name: the test is skipped on a person's machine and fails where
`CI=true`, so that a green run in CI has run everything. This module does not know what the
programs are used for.
"""

import os
from pathlib import Path
from typing import Final, NoReturn

import pytest

CHROMIUM: Final = (Path("/usr/bin/chromium"), Path("/usr/bin/chromium-browser"))

CHROMIUM_ARGS: Final = (
    "--no-sandbox",  # Chromium's sandbox refuses to run as root, as CI does
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",  # no host but ours is ever asked
    "--disable-component-update",
    "--disable-sync",
)
"""Arguments for a headless Chromium that stays on this machine."""


def missing(what: str) -> NoReturn:
    """Skip the test, or fail it where `CI=true`.

    Args:
        what: The missing program and how to get it, as a person would like to read it.

    Raises:
        pytest.skip.Exception: On a person's machine.
        pytest.fail.Exception: In CI.
    """
    if os.environ.get("CI") == "true":
        pytest.fail(f"missing in CI: {what}", pytrace=False)
    pytest.skip(f"missing: {what}")


def chromium_path() -> Path:
    """The machine's Chromium, for Playwright's `executable_path`; skips or fails without one."""
    for path in CHROMIUM:
        if path.exists():
            return path
    missing("Chromium, /usr/bin/chromium (Debian: apt-get install chromium)")
