"""The two sides do not say the same of a meeting: whoever follows the pair is told, once."""

from __future__ import annotations

from collections.abc import Callable

from tests.asking import INES, LEA, MARC, TOM
from tests.stand import CLAIRE, Heard, Stand, button, told
from tests.test_bodies import SUE
from tests.test_kept import NO, OFF, YES, met, slip, stand

DIFFER = "ne disent pas la même chose"


def differ(one: Stand, words: str = "jeudi 18h30") -> list[Heard]:
    """Léa says yes, Marc no; what is heard in the four days after."""
    asked = met(one, words)
    one.press(LEA, button(asked, LEA, YES))
    one.press(MARC, button(asked, MARC, NO))
    return one.days(4)


def lines(heard: list[Heard], to: str) -> list[str]:
    return [
        line.text for one in told(heard, to) for line in one.message.lines if DIFFER in line.text
    ]


def test_the_team_is_told_once_in_its_digest_and_neither_side_is() -> None:
    one = stand()
    heard = differ(one)
    assert len(lines(heard, CLAIRE)) == 1
    [said] = [one for one in told(heard, CLAIRE) if one.key.startswith("digest:")]
    assert [line.label for line in said.message.lines] == ["Léa Martin · Marc Aubier"]
    for account in (LEA, MARC, TOM, INES):
        assert not lines(heard, account)
    assert not lines(one.days(10), CLAIRE)


def test_a_supervisor_hears_of_their_pair_alone_and_the_team_does_not() -> None:
    one = stand()
    one.join(SUE, "Sue Roy", role="supervisor")
    with one.work() as uow:
        pair = uow.pairs.get(1)
        assert pair is not None
        pair.supervisor_id = one.ids[SUE]
    heard = differ(one)
    assert len(lines(heard, SUE)) == 1
    assert not lines(heard, CLAIRE)
    [said] = [found for found in told(heard, SUE) if found.key.startswith("digest:")]
    assert said.message.title == "Les binômes que tu suis"
    [line] = said.message.lines
    assert line.choice is not None
    assert told(one.press(SUE, line.choice.token), SUE, "diffèrent")


def test_who_corrects_a_slip_before_the_digest_is_not_spoken_of() -> None:
    one = stand()
    slip(one)
    assert not lines(one.days(5), CLAIRE)


def test_told_once_however_often_they_say_otherwise() -> None:
    one = stand()
    asked = met(one)
    one.press(LEA, button(asked, LEA, YES))
    said = one.press(MARC, button(asked, MARC, NO))
    assert len(lines(one.days(4), CLAIRE)) == 1
    said = one.press(MARC, button(said, MARC, "Corriger"))
    one.press(MARC, button(said, MARC, OFF))
    assert not lines(one.days(5), CLAIRE)


def test_one_side_alone_is_no_difference() -> None:
    one = stand()
    asked = met(one)
    one.press(LEA, button(asked, LEA, NO))
    assert not lines(one.days(5), CLAIRE)


def test_a_process_that_starts_again_plans_the_digest() -> None:
    one = stand()
    asked = met(one)
    one.press(LEA, button(asked, LEA, YES))
    one.press(MARC, button(asked, MARC, NO))
    with one.work() as uow:
        for timer in uow.timers.list(kind="digest", limit=10):
            uow.timers.cancel_key(timer.key)
    again: Callable[..., None] = one.run
    one.now = one.now.replace(hour=20)
    again(*one.programmes)
    assert len(lines(one.days(4), CLAIRE)) == 1
