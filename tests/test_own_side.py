"""Somebody of the team who is a mentor or a mentee too: what is theirs is for the others to see."""

from __future__ import annotations

import pytest

from bot.dialogue.tokens import ActToken, RunToken, encode
from bot.programmes.care import Training
from storage.tables import Wish
from tests.asking import GONE, act, asks, request
from tests.asking import stand as asking
from tests.stand import CLAIRE, Heard, Stand, button, programme, told
from tests.test_afterwards import HOW, ruled
from tests.test_pairs import BOB, LEA, MARC, stand

OMAR = "3"
FEAR = "Il me fait peur, ses remarques sont déplacées."


def of_the_team(one: Stand, *accounts: str, role: str = "staff") -> None:
    with one.work() as uow:
        for account in accounts:
            uow.people.enrol(one.ids[account], one.programmes[0].id, role, now=one.now)


def changes(one: Stand) -> list[Heard]:
    """Léa asks for another mentor and writes why."""
    heard = one.command(LEA, "rdv")
    heard = one.press(LEA, button(heard, LEA, "Terminer"))
    heard = one.press(LEA, button(heard, LEA, "Demander quelqu"))
    heard = one.press(LEA, button(heard, LEA, "dire pourquoi"))
    return one.say(LEA, FEAR)


def test_a_mentor_of_the_team_does_not_read_why_they_are_left() -> None:
    one, _ = stand()
    of_the_team(one, MARC)
    heard = changes(one)
    assert told(heard, CLAIRE, FEAR)
    assert not told(heard, MARC, FEAR)


def test_a_mentor_cannot_follow_their_own_pair() -> None:
    one, number = stand()
    of_the_team(one, MARC)
    heard = one.command(CLAIRE, "binomes", f"{number} suivi Marc")
    assert told(heard, CLAIRE, "ne porte ce nom")
    assert one.get_pair(number).supervisor_id is None
    choose = one.command(CLAIRE, "binomes", f"{number} suivi ")
    assert not any("Marc" in label for h in choose for label in h.choices)
    with one.work() as uow:  # written before they took part in it
        pair = uow.pairs.get(number)
        assert pair is not None
        pair.supervisor_id = one.ids[MARC]
    heard = changes(one)
    assert (bool(told(heard, CLAIRE, FEAR)), told(heard, MARC, FEAR)) == (True, [])


def test_a_mentee_of_the_team_does_not_hear_what_is_beyond_the_mentor() -> None:
    one, number = stand()
    of_the_team(one, LEA)
    heard = one.command(MARC, "rdv")
    heard = one.press(MARC, button(heard, MARC, "hors de mon"))
    heard = one.press(MARC, button(heard, MARC, "Prévenir"))
    assert told(heard, CLAIRE, "hors de son rôle")
    assert not told(heard, LEA)
    heard = one.command(MARC, "orienter", f"{number}/test")
    assert told(heard, CLAIRE)
    assert not told(heard, LEA)
    assert "Léa" not in one.command(LEA, "orientations")[-1].text
    for press in ("orientations", "binomes"):
        assert one.command(LEA, press, "1")[-1].text.startswith(GONE)
    assert told(one.command(LEA, "binomes"), LEA, "Aucun binôme")


def test_whoever_asks_is_not_their_own_team() -> None:
    one = asking()
    of_the_team(one, LEA)
    one.join(OMAR, "Omar", role="staff")
    heard = asks(one)
    assert told(heard, OMAR, "Léa Martin")
    assert not told(heard, LEA, "à prendre")
    act(one, CLAIRE, "note")
    one.say(CLAIRE, "Elle me paraît fragile, à ménager.")
    hand = encode(RunToken("confier", f"1-{one.ids[LEA]}"))
    assert one.command(LEA, "demandes", "1")[-1].text.startswith(GONE)
    assert act(one, LEA, "claim", 1, 0)[-1].text.startswith(GONE)
    assert one.press(CLAIRE, hand)[-1].text.startswith(GONE)
    assert request(one).owner_id is None
    assert not told(one.command(LEA, "demandes"), LEA, "n° 1")
    heard = one.days(40)
    assert told(heard, OMAR, "n° 1")
    assert not [h for h in told(heard, LEA) if "claim" in "".join(h.choices.values())]


def test_a_page_of_oneself_is_not_for_oneself() -> None:
    one = asking()
    of_the_team(one, LEA)
    assert one.command(LEA, "a-voir", str(one.ids[LEA]))[-1].text.startswith(GONE)


@pytest.mark.parametrize("owner", [True, False])
def test_where_they_are_the_whole_team_an_owner_hears_or_they_that_something_waits(
    owner: bool,
) -> None:
    one, _ = stand()
    with one.work() as uow:
        for row in uow.people.programmes_of(one.ids[CLAIRE]):
            row.state = "ended"
    of_the_team(one, MARC)
    if owner:
        one.join(BOB, "Bob", role="owner")
    heard = changes(one)
    assert not told(heard, MARC, FEAR)
    assert bool(told(heard, BOB, FEAR)) == owner
    assert bool(told(heard, MARC, "C’est à quelqu’un d’autre de le lire")) != owner


def test_a_call_for_help_is_not_for_whom_one_is_paired_with() -> None:
    one, _ = stand(programme(triage=programme("emergence").triage))
    of_the_team(one, MARC)
    heard = one.command(LEA, "besoin", FEAR)
    heard += one.press(LEA, button(heard, LEA, "Oui")) if not told(heard, CLAIRE) else []
    [word] = told(heard, CLAIRE, "Léa Martin")
    assert not told(heard, MARC)
    take = next(iter(word.choices.values()))
    assert one.press(MARC, take)[-1].text.startswith(GONE)
    assert not told(one.press(CLAIRE, take), MARC)
    assert told(one.command(CLAIRE, "a-voir"), CLAIRE, "Léa Martin")
    assert not told(one.command(MARC, "a-voir"), MARC, "Léa Martin")
    assert one.command(MARC, "a-voir", str(one.ids[LEA]))[-1].text.startswith(GONE)


def test_words_handed_to_the_team_are_not_for_whom_one_is_paired_with() -> None:
    one, _ = stand()
    of_the_team(one, MARC)
    heard = one.say(LEA, FEAR)
    heard = one.press(LEA, button(heard, LEA, "Transmettre"))
    [word] = told(heard, CLAIRE, FEAR)
    assert not told(heard, MARC)
    done = word.choices["C’est répondu"]
    assert one.press(MARC, done)[-1].text.startswith(GONE)
    assert told(one.press(CLAIRE, done), CLAIRE)


def test_a_correction_is_not_for_whom_one_is_paired_with() -> None:
    one, _ = stand()
    of_the_team(one, MARC)
    heard = one.command(LEA, "mes-donnees", "corriger Marc a fait noter que je suis en retard")
    assert told(heard, CLAIRE, "en retard")
    assert not told(heard, MARC)
    assert told(one.command(CLAIRE, "promesses"), CLAIRE, "Léa Martin")
    assert not told(one.command(MARC, "promesses"), MARC, "Léa Martin")
    late = one.days(14)
    assert told(late, CLAIRE, "Léa Martin")
    assert not told(late, MARC, "Léa Martin")


def test_words_that_nobody_of_the_team_may_read_are_not_said_to_be_passed_on() -> None:
    one, _ = stand()
    with one.work() as uow:
        for row in uow.people.programmes_of(one.ids[CLAIRE]):
            row.state = "ended"
    of_the_team(one, MARC)
    heard = one.say(LEA, FEAR)
    heard = one.press(LEA, button(heard, LEA, "Transmettre"))
    assert told(heard, MARC, "C’est à quelqu’un d’autre de le lire")
    assert not told(heard, LEA, "C’est transmis")


def test_nobody_confirms_their_own_training() -> None:
    one = Stand((ruled(training=Training(text=HOW)),))
    one.join(CLAIRE, "Claire", role="staff")
    one.join(MARC, "Marc Aubier", role="mentor")
    of_the_team(one, MARC)
    heard = one.press(MARC, encode(ActToken("training-done", one.ids[MARC], 1)))
    [asked] = told(heard, CLAIRE, "dit avoir suivi")
    assert not told(heard, MARC, "dit avoir suivi")
    confirm = next(iter(asked.choices.values()))
    assert one.press(MARC, confirm)[-1].text.startswith(GONE)
    assert told(one.press(CLAIRE, confirm), CLAIRE)


def test_the_digest_says_nothing_of_ones_own_request() -> None:
    one = asking()
    of_the_team(one, LEA)
    asks(one)
    heard = one.days(3)
    assert told(heard, CLAIRE, "Léa Martin")
    assert not [h for h in told(heard, LEA) if "Léa Martin" in h.text]


def test_a_file_of_what_was_confided_leaves_out_ones_own_mentee() -> None:
    one = Stand((programme("emergence"),))
    one.join(CLAIRE, "Claire", role="staff")
    for account, name in ((LEA, "Léa Martin"), (BOB, "Bob Petit")):
        one.join(account, name)
    one.join(MARC, "Marc Aubier", role="mentor")
    of_the_team(one, MARC)
    one.pair(LEA, MARC)
    with one.work() as uow:
        for account in (LEA, BOB):
            row = Wish(person_id=one.ids[account], programme_id="emergence", kind="job",
                       field="conseil", updated_at=one.now)  # fmt: skip
            uow.session.add(row)
    for account, names, left in (
        (CLAIRE, {"Léa Martin", "Bob Petit"}, False),
        (MARC, {"Bob Petit"}, True),
    ):
        [made] = told(one.command(account, "exporter", "souhaits"), account)
        assert made.message.file is not None
        text = made.message.file.content.decode("utf-8-sig")
        assert {name for name in ("Léa Martin", "Bob Petit") if name in text} == names
        assert bool(made.message.note) == left


def test_a_mentor_one_had_does_not_read_it_either() -> None:
    one, _ = stand()
    of_the_team(one, MARC)
    changes(one)
    heard = one.say(LEA, "Avec Marc, ce n’était plus possible.")
    heard = one.press(LEA, button(heard, LEA, "Transmettre"))
    [word] = told(heard, CLAIRE, "plus possible")
    assert not told(heard, MARC)
    assert one.press(MARC, word.choices["C’est répondu"])[-1].text.startswith(GONE)
