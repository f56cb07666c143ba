"""« À voir en premier » where many are followed: the same list, worked out beside the turns."""

from __future__ import annotations

import pytest

from bot.commands import triage
from bot.triage import gather
from bot.triage.morning import LATER
from storage.timers import DueTimer
from tests.stand import CLAIRE, Heard, Stand, button, told
from tests.test_triage import HARD, OPENS, WELL, answer, listed, notes, stand

__all__ = ["stand"]


@pytest.fixture
def many(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> Stand:
    """Two laureates with signs, and the order too much for a turn."""
    stand.until(OPENS)
    answer(stand, "ines", HARD)
    answer(stand, "malo", {**WELL, "studies": "hard"})
    monkeypatch.setattr(gather, "AT_ONCE", 1)
    return stand


def wished(one: Stand, said: str = "") -> tuple[list[Heard], DueTimer]:
    """What the team asks for, and what is answered at once."""
    taken: list[DueTimer] = []
    one.bot.aside = taken.append
    heard = (
        one.press(CLAIRE, said) if said.startswith("r:") else one.command(CLAIRE, "a-voir", said)
    )
    heard += one.fire()
    [timer] = [timer for timer in taken if timer.kind == "triage-list"]
    return heard, timer


def worked(one: Stand, timer: DueTimer, *, meanwhile: str | None = None) -> list[Heard]:
    """Read, weighed when the transaction is over, and told."""

    def erase() -> None:
        if meanwhile is not None:
            with one.work() as uow:
                uow.privacy.erase_person(one.ids[meanwhile], one.now)
            one.news()

    return one.beside(timer, erase) or []


def test_the_list_is_the_same_and_noted_as_read(
    many: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, timer = wished(many)
    assert len(heard) == 1
    assert told(heard, CLAIRE, "la liste suit")
    before = len(notes(many, "read"))
    [said] = worked(many, timer)
    assert said.to == CLAIRE
    assert len(notes(many, "read")) > before
    monkeypatch.setattr(gather, "AT_ONCE", 1000)
    assert [(line.label, line.text) for line in said.message.lines] == listed(many)
    assert [line.label for line in said.message.lines] == ["Inès Ferrat", "Malo Kerven"]


def test_a_page_and_the_file_are_asked_for_in_the_same_way(
    many: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(triage, "SHOWN", 1)
    _, timer = wished(many, "~2")
    [said] = worked(many, timer)
    assert [line.label for line in said.message.lines] == ["Malo Kerven"]
    _, timer = wished(many, button([said], CLAIRE, "Précédent"))
    [said] = worked(many, timer)
    assert [line.label for line in said.message.lines] == ["Inès Ferrat"]
    _, timer = wished(many, "fichier")
    [said] = worked(many, timer)
    assert said.message.file is not None
    assert "Inès Ferrat" in said.message.file.content.decode()
    assert notes(many, "exported")


def test_who_was_erased_meanwhile_is_in_no_list(many: Stand) -> None:
    _, timer = wished(many)
    [said] = worked(many, timer, meanwhile="ines")
    assert [line.label for line in said.message.lines] == ["Malo Kerven"]
    assert not told([said], CLAIRE, "Inès")


@pytest.mark.parametrize("when", [1, 2])
def test_who_was_erased_while_the_file_was_written_is_not_in_it(many: Stand, when: int) -> None:
    _, timer = wished(many, "fichier")
    steps: list[int] = []

    def erase() -> None:
        steps.append(1)
        if len(steps) == when:  # after the weighing, after the writing
            with many.work() as uow:
                uow.privacy.erase_person(many.ids["ines"], many.now)
            many.news()

    [said] = many.beside(timer, erase) or []
    assert len(steps) == 2
    assert said.message.file is not None
    content = said.message.file.content.decode()
    assert "Inès" not in content
    assert "Malo Kerven" in content
    assert "1 " in said.text


def test_the_file_says_the_same_as_one_made_at_once(
    many: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, timer = wished(many, "fichier")
    [beside] = worked(many, timer)
    monkeypatch.setattr(gather, "AT_ONCE", 1000)
    [at_once] = told(many.command(CLAIRE, "a-voir", "fichier"), CLAIRE)
    assert beside.message == at_once.message
    assert beside.message.file is not None
    assert beside.message.file.content.count(b"\n") == 3


def test_who_is_of_the_team_no_longer_is_told_nothing(many: Stand) -> None:
    _, timer = wished(many)
    with many.work() as uow:
        for role in ("staff", "owner"):
            uow.people.enrol(
                timer.payload["person"], "emergence", role, now=many.now, state="ended"
            )
    assert worked(many, timer) == []


def test_the_morning_word_is_worked_out_beside_too_and_is_the_same(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[DueTimer] = []
    stand.until(OPENS)
    answer(stand, "ines", HARD)
    monkeypatch.setattr(gather, "AT_ONCE", 1)
    stand.bot.aside = taken.append
    heard = stand.days(1) + stand.fire()
    assert not [one for one in heard if "r:a-voir" in "".join(one.choices.values())]
    [timer] = [timer for timer in taken if timer.kind == LATER]
    said = worked(stand, timer)
    [word] = [one for one in said if one.to == CLAIRE]
    assert button([word], CLAIRE, "Voir").startswith("r:a-voir")
    assert not worked(stand, timer)  # nobody new since


def test_a_rehearsal_works_it_out_at_once(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    stand.until(OPENS)
    answer(stand, "ines", HARD)
    monkeypatch.setattr(gather, "AT_ONCE", 1)
    heard = stand.days(1)
    assert [one.to for one in heard if "r:a-voir" in "".join(one.choices.values())]
