"""Another body of staff is lent referrals: it takes them on and is handed them like the team."""

from __future__ import annotations

from bot.dialogue.tokens import ActToken, encode
from tests.asking import LEA, MARC
from tests.stand import CLAIRE, Stand, button, programme, told
from tests.test_bodies import OLGA, SUE
from tests.test_bodies import stand as lent
from tests.test_referrals import row


def stand(*may: str) -> tuple[Stand, int]:
    """Léa and Marc are a pair; Olga is of a body that is lent these verbs."""
    one = lent(*may)
    return one, one.pair(LEA, MARC)


def suggested(one: Stand, number: int) -> int:
    one.command(MARC, "orienter", f"{number}/test")
    return row(one).id


def test_lent_referrals_they_take_one_on_and_what_follows_comes_to_them_alone() -> None:
    one, pair = stand("orientations")
    number = suggested(one, pair)
    shown = one.command(OLGA, "orientations", str(number))
    heard = one.press(OLGA, button(shown, OLGA, "Je m’en occupe"))
    assert row(one).owner_id == one.ids[OLGA]
    assert "En charge Olga Petit" in told(heard, OLGA)[0].text
    asked = one.press(OLGA, button(heard, OLGA, "En parler à la personne"))
    heard = one.press(LEA, button(asked, LEA, "Oui, volontiers"))
    assert told(heard, OLGA, "Léa Martin est d’accord")
    assert not told(heard, CLAIRE)
    assert told(one.days(30), OLGA, "depuis 3 semaines")


def test_the_team_hands_one_over_to_them_and_they_hand_it_back() -> None:
    one, pair = stand("orientations")
    number = suggested(one, pair)
    shown = one.command(CLAIRE, "orientations", str(number))
    asked = one.press(CLAIRE, button(shown, CLAIRE, "Confier"))
    olga = button(asked, CLAIRE, "Olga Petit")
    heard = one.press(CLAIRE, olga)
    assert told(heard, OLGA, "Claire te la confie")
    assert row(one).owner_id == one.ids[OLGA]
    again = one.press(CLAIRE, olga)  # pressed twice
    assert not told(again, OLGA)
    shown = one.press(OLGA, button(heard, OLGA, "Voir"))
    asked = one.press(OLGA, button(shown, OLGA, "Confier"))
    heard = one.press(OLGA, button(asked, OLGA, "Claire"))
    assert told(heard, CLAIRE, "Olga Petit te la confie")
    assert row(one).owner_id == one.ids[CLAIRE]


def test_who_was_in_charge_hears_that_somebody_else_took_it() -> None:
    one, pair = stand("orientations")
    number = suggested(one, pair)
    shown = one.command(OLGA, "orientations", str(number))
    take = button(shown, OLGA, "Je m’en occupe")
    shown = one.command(CLAIRE, "orientations", str(number))
    old = button(shown, CLAIRE, "Je m’en occupe")
    one.press(OLGA, take)
    one.press(CLAIRE, old)  # shown while nobody had it: takes it from nobody
    assert row(one).owner_id == one.ids[OLGA]
    shown = one.command(CLAIRE, "orientations", str(number))
    heard = one.press(CLAIRE, button(shown, CLAIRE, "Je m’en occupe"))
    assert told(heard, OLGA, "Claire s’en charge maintenant")
    assert row(one).owner_id == one.ids[CLAIRE]


def test_lent_something_else_they_can_neither_take_nor_be_handed_one() -> None:
    one, pair = stand("demandes")
    number = suggested(one, pair)
    one.press(OLGA, encode(ActToken("referral-mine", number, 0)))
    one.command(CLAIRE, "orientations", f"{number}-{one.ids[OLGA]}")
    one.command(OLGA, "orientations", f"{number}-{one.ids[CLAIRE]}")
    assert row(one).owner_id is None
    one.join(SUE, "Sue Roy", role="staff")
    one.command(CLAIRE, "orientations", f"{number}-{one.ids[SUE]}")
    assert row(one).owner_id == one.ids[SUE]


def test_who_is_of_the_body_no_longer_is_in_charge_of_nothing() -> None:
    one, pair = stand("orientations")
    number = suggested(one, pair)
    one.command(CLAIRE, "orientations", f"{number}-{one.ids[OLGA]}")
    with one.work() as uow:
        uow.people.enrol(one.ids[OLGA], programme().id, "soie", now=one.now, state="ended")
    heard = one.days(22)
    assert told(heard, CLAIRE, "n’a bougé")
    assert not told(heard, OLGA, "n’a bougé")
