"""What a due timer comes to when its programme is away, its subject is gone, or nobody knows it."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from bot import followup
from bot.errors import NotAllowed
from bot.turn import Scene
from storage.timers import DueTimer
from tests.stand import Stand, programme


def planned(one: Stand, kind: str) -> None:
    with one.work() as uow:
        uow.timers.put(key=f"{kind}:7", kind=kind, subject_id=7, due_at=one.now, payload={"n": 1})


def test_a_timer_of_no_known_kind_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    one = Stand((programme(),))
    planned(one, "mystery")
    with caplog.at_level(logging.WARNING):
        assert one.fire() == []
    assert "unknown kind" in caplog.text
    with one.work() as uow:
        assert not uow.timers.list(kind="mystery")


def test_half_of_what_a_timer_means_is_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def half(scene: Scene, timer: DueTimer) -> None:
        scene.uow.timers.put(key="other:1", kind="other", subject_id=1, due_at=scene.now)
        raise NotAllowed("erased")

    monkeypatch.setitem(followup.MEANINGS, "half", half)
    one = Stand((programme(),))
    planned(one, "half")
    one.fire()
    with one.work() as uow:
        assert not uow.timers.list(kind="other")
        assert not uow.timers.list(kind="half")


def test_a_timer_waits_for_its_programme_with_what_it_carries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def of_emergence(scene: Scene, timer: DueTimer) -> None:
        scene.uow.timers.put(key="done:1", kind="done", subject_id=1, due_at=scene.now)
        scene.programme_of("emergence")

    monkeypatch.setitem(followup.MEANINGS, "theirs", of_emergence)
    monkeypatch.setitem(followup.MEANINGS, "done", lambda scene, timer: None)
    one = Stand((programme(),))
    planned(one, "theirs")
    one.fire()
    for day in (1, 2):
        with one.work() as uow:
            (waiting,) = uow.timers.list(kind="theirs")
            assert waiting.due_at == one.now + timedelta(days=1), day
            assert waiting.payload == {"n": 1}
            assert not uow.timers.list(kind="done")
        one.now += timedelta(days=1)
        if day == 1:
            one.fire()
    one.run(programme(), programme("emergence"))
    with one.work() as uow:
        for timer in uow.timers.due(one.now, 10):
            if timer.kind == "theirs":
                uow.timers.fire(timer)
                one.bot.fire(uow, timer, one.now)
        assert not uow.timers.list(kind="theirs")
        assert uow.timers.list(kind="done")
