"""Nothing forged or replayed is taken; the long form is `make forged`."""

from __future__ import annotations

import hmac
from typing import Any

import pytest

from handlers.telegram import adapter
from tests.authorisation.forged import attack


async def test_nothing_forged_or_replayed_is_taken() -> None:
    figures = await attack(300)
    assert figures.faults == []
    assert figures.requests == 300
    assert len(figures.by_kind) == 12


async def test_the_proof_finds_a_door_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def always(*_: Any) -> bool:
        return True

    monkeypatch.setattr("slack_sdk.signature.SignatureVerifier.is_valid", always)
    assert any(f.startswith("slack: body: answered 200") for f in (await attack(150)).faults)


async def test_the_proof_finds_a_secret_that_is_not_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Open:
        def compare_digest(self, one: bytes, other: bytes) -> bool:
            return bool(one and other) or hmac.compare_digest(one, other)

    monkeypatch.setattr(adapter, "hmac", Open())
    assert any("telegram: secret: answered 200" in f for f in (await attack(100)).faults)
