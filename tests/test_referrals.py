"""Turning to others: who is told, what moves it, and that it counts as a success."""

from __future__ import annotations

import pytest

from bot.dialogue.tokens import ActToken, encode
from storage.tables import Pair, Referral
from tests.stand import CLAIRE, Stand, button, programme, told
from tests.test_pairs import LEA, MARC, stand


def row(one: Stand) -> Referral:
    with one.work() as uow:
        found = uow.session.query(Referral).one()
        uow.session.expunge(found)
        return found


def proposed(one: Stand, number: int, kind: str = "coach") -> str:
    """The team orients Léa; the token of her yes."""
    heard = one.command(CLAIRE, "orientations", f"binome {number} {kind}")
    assert told(heard, CLAIRE, "proposé à Léa Martin")
    assert not told(heard, MARC)
    return button(heard, LEA, "Oui, volontiers")


# --- three ways in --------------------------------------------------------------------------------


def test_the_team_proposes_the_person_agrees_and_the_pair_goes_on() -> None:
    one, number = stand()
    yes = proposed(one, number)
    heard = one.press(LEA, yes)
    assert told(heard, CLAIRE, "Léa Martin est d’accord")
    assert (row(one).state, row(one).origin) == ("agreed", "staff")
    assert row(one).owner_id == one.ids[CLAIRE]
    assert one.get_pair(number).state == "active"
    assert not told(one.press(LEA, yes), CLAIRE)  # pressed twice
    assert told(one.command(CLAIRE, "orientations", f"binome/{number}/coach"), CLAIRE, "déjà")


def alone() -> Stand:
    """Léa is followed, and has neither a pair nor a request."""
    one = Stand((programme("emergence"),))
    one.join(CLAIRE, "Claire", role="staff")
    one.join(LEA, "Léa Martin")
    return one


def test_the_team_proposes_it_from_the_page_of_somebody_with_neither_pair_nor_request() -> None:
    """A-17: at any moment."""
    one = alone()
    heard = one.command(CLAIRE, "a-voir", str(one.ids[LEA]))
    heard = one.press(CLAIRE, button(heard, CLAIRE, "Orienter"))
    heard = one.press(CLAIRE, button(heard, CLAIRE, "Un coach"))
    assert told(heard, CLAIRE, "proposé à Léa Martin")
    one.press(LEA, button(heard, LEA, "Oui, volontiers"))
    found = row(one)
    assert (found.state, found.origin, found.owner_id) == ("agreed", "staff", one.ids[CLAIRE])
    assert (found.pair_id, found.request_id) == (None, None)
    assert not told(one.command(LEA, "orientations", f"personne {one.ids[LEA]} coach"), CLAIRE)


def test_from_the_page_of_somebody_with_a_pair_it_stands_beside_it() -> None:
    one, number = stand()
    one.command(CLAIRE, "orientations", f"personne {one.ids[LEA]} coach")
    assert row(one).pair_id == number
    heard = one.command(CLAIRE, "orientations", f"personne {one.ids[MARC]} coach")
    assert not told(heard, MARC)  # a mentor is not followed


def test_whoever_is_followed_asks_for_it_with_neither_pair_nor_request() -> None:
    one = alone()
    heard = one.press(LEA, button(one.command(LEA, "rdv"), LEA, "Coach, test"))
    assert heard[0].message.note is None  # there is no pair to go on beside it
    heard = one.press(LEA, button(heard, LEA, "Un coach"))
    assert told(heard, CLAIRE, "Léa Martin")
    found = row(one)
    assert (found.state, found.origin, found.pair_id) == ("agreed", "mentee", None)
    one.join(MARC, "Marc Aubier", role="mentor")
    assert not one.command(MARC, "rdv")[0].choices
    assert not told(one.command(MARC, "orienter", "moi/coach"), CLAIRE)


def test_a_mentor_suggests_and_the_person_learns_it_from_the_team_alone() -> None:
    one, number = stand()
    heard = one.command(MARC, "orienter", f"{number}/test")
    assert told(heard, CLAIRE, "Léa Martin gagnerait à se tourner vers d’autres, pense Marc Aubier")
    assert not told(heard, LEA)
    hidden = encode(ActToken("referral-yes", row(one).id, row(one).version))
    assert not told(one.press(LEA, hidden), CLAIRE)  # not theirs before it is told to them
    with one.work() as uow:
        (hers,) = uow.privacy.export_person(one.ids[LEA])["referral"]
    assert "origin" not in hers
    heard = one.command(CLAIRE, "orientations", str(row(one).id))
    heard = one.press(CLAIRE, button(heard, CLAIRE, "En parler à la personne"))
    (word,) = told(heard, LEA)
    assert "Marc" not in word.text
    one.press(LEA, button(heard, LEA, "Non merci"))
    assert row(one).state == "declined"


def test_who_wishes_for_what_their_mentor_suggested_is_heard_and_promised_an_answer() -> None:
    one, number = stand()
    heard = one.command(MARC, "orienter", f"{number}/coach")
    listed = one.command(CLAIRE, "orientations")
    assert told(listed, CLAIRE, "Suggérée (accompagnateur), pas encore dite")
    put = button(one.command(CLAIRE, "orientations", "1"), CLAIRE, "En parler à la personne")
    one.days(3)
    heard = one.command(LEA, "orienter", f"{number}/coach")
    assert told(heard, LEA, "au plus tard le vendredi 11 septembre")
    assert told(heard, CLAIRE, "Léa Martin souhaite de l’aide au-delà d’un bénévole")
    assert not told(heard, MARC)
    assert (row(one).state, row(one).origin) == ("agreed", "mentee")
    assert told(one.command(CLAIRE, "promesses"), CLAIRE, "vendredi 11 septembre")
    assert not told(one.press(CLAIRE, put), LEA)  # asked already: not put to her any more
    assert told(one.days(8), CLAIRE, "dépassé")
    assert told(one.days(21), CLAIRE, "depuis 3 semaines")


def test_who_asks_again_sees_where_it_stands_and_is_promised_nothing_new() -> None:
    one, number = stand()
    yes = proposed(one, number)
    again = one.command(LEA, "orienter", f"{number}/coach")
    assert button(again, LEA, "Oui, volontiers") == yes
    one.press(LEA, yes)
    again = one.command(LEA, "orienter", f"{number}/coach")
    assert told(again, LEA, "déjà noté")
    heard = one.press(LEA, button(again, LEA, "C’est en cours"))
    assert told(heard, CLAIRE, "commencé")
    again = one.command(LEA, "orienter", f"{number}/coach")
    assert told(again, LEA, "en cours depuis")
    assert not told(again, CLAIRE)
    assert not told(again, LEA, "au plus tard")


def test_the_person_asks_for_it_and_the_team_is_reminded_until_it_moves() -> None:
    one, number = stand()
    assert told(one.command(LEA, "orienter", str(number)), LEA, "Un travail de groupe")
    heard = one.command(LEA, "orienter", f"{number}/group")
    assert told(heard, CLAIRE, "Léa Martin souhaite de l’aide au-delà d’un bénévole")
    assert not told(heard, MARC)
    assert told(one.days(21), CLAIRE, "depuis 3 semaines")
    heard = one.days(7.1)
    asked = told(heard, LEA, "Où en es-tu")
    assert len(asked) == 1
    assert told(one.days(14), CLAIRE, "depuis 6 semaines")
    heard = one.press(LEA, button(asked, LEA, "C’est en cours"))
    assert told(heard, CLAIRE, "c’est commencé")
    asked = told(one.days(28.1), LEA, "Où en es-tu")
    assert "Pas encore" not in asked[0].choices
    one.press(LEA, button(asked, LEA, "C’est fait"))
    assert row(one).state == "done"
    later = one.days(60)
    assert not told(later, CLAIRE, "n’a bougé")
    assert not told(later, LEA, "Où en es-tu")


def test_not_yet_is_asked_again_and_an_old_button_is_harmless() -> None:
    one, number = stand()
    one.command(LEA, "orienter", f"{number}/bilan")
    first = told(one.days(28.1), LEA, "Où en es-tu")
    one.press(LEA, button(first, LEA, "Pas encore"))
    assert told(one.days(28.1), LEA, "Où en es-tu")
    heard = one.command(CLAIRE, "orientations", "1")
    one.press(CLAIRE, button(heard, CLAIRE, "C’est commencé"))
    assert told(one.press(LEA, button(first, LEA, "Pas encore")), LEA, "plus d’effet")
    assert row(one).state == "underway"


def test_a_request_can_be_oriented_before_any_pair() -> None:
    one, _ = stand()
    with one.work() as uow:
        talk = uow.talks.start(
            one.ids[LEA], "ax-accompagnement", "intake", state={}, digest="d", now=one.now
        )
        request = uow.requests.add(
            one.ids[LEA], "ax-accompagnement", talk.id, kind="long_term",
            shared={}, features={}, now=one.now, due_at=None,
        )  # fmt: skip
        wanted = request.id
    heard = one.command(CLAIRE, "orientations", f"demande {wanted}")
    assert told(heard, CLAIRE, "Vers quoi orienter Léa Martin")
    heard = one.command(CLAIRE, "orientations", f"demande/{wanted}/bilan")
    assert "Votre binôme continue" not in str(told(heard, LEA)[0].message.note)
    assert (row(one).request_id, row(one).pair_id) == (wanted, None)


# --- who may --------------------------------------------------------------------------------------


@pytest.mark.parametrize("args", ["7", "7/coach", "r7", "r7/coach", "x", "", "1/astrology"])
def test_nobody_orients_what_is_not_theirs(args: str) -> None:
    one, _ = stand()
    assert not told(one.command(LEA, "orienter", args), CLAIRE)
    with one.work() as uow:
        assert uow.session.query(Referral).count() == 0


def test_only_the_team_sees_and_moves_them() -> None:
    one, number = stand()
    proposed(one, number)
    assert not told(one.command(MARC, "orientations", "1"), MARC, "coach")
    for verb in ("start", "done", "stop", "mine", "close", "show"):
        for who in (MARC, LEA):
            one.press(who, encode(ActToken(f"referral-{verb}", 1, 1)))
    for verb in ("yes", "no", "begun", "over", "wait"):
        one.press(MARC, encode(ActToken(f"referral-{verb}", 1, 1)))
    assert row(one).state == "suggested"


# --- a note, the end, erasure ---------------------------------------------------------------------


def test_a_note_is_sealed_for_the_person_and_goes_with_them() -> None:
    one, number = stand()
    one.press(LEA, proposed(one, number))
    heard = one.command(CLAIRE, "orientations", "1 note Vu avec Mme Roy, trois séances")
    assert told(heard, CLAIRE, "Mme Roy")
    assert b"Roy" not in (row(one).note or b"")
    with one.work() as uow:
        (hers,) = uow.privacy.export_person(one.ids[LEA])["referral"]
        assert "Mme Roy" in hers["note"]
        uow.privacy.erase_person(one.ids[LEA], one.now)
        uow.session.flush()
        assert uow.session.query(Referral).count() == 0
        assert not uow.timers.list(kind="referral-idle")


def test_it_stays_when_the_mentor_is_erased() -> None:
    one, number = stand()
    one.press(LEA, proposed(one, number))
    one.command(MARC, "effacer-oui")
    assert (row(one).state, row(one).pair_id) == ("agreed", None)


def test_a_pair_closed_by_referral_is_a_success_in_the_figures() -> None:
    one, number = stand()
    one.press(LEA, proposed(one, number))
    heard = one.command(CLAIRE, "orientations", "1")
    close = button(heard, CLAIRE, "Clore le binôme, orienté")
    one.days(2)
    heard = one.press(CLAIRE, close)
    assert told(heard, CLAIRE, "c’est une réussite")
    assert not any("oriente" in h.text or "coach" in h.text for h in told(heard, MARC))
    assert one.get_pair(number).outcome == "referred"
    tables = [h.message.table for h in one.command(CLAIRE, "statistiques") if h.message.table]
    rows = [r for t in tables for r in t.rows]
    assert ("Vers un professionnel", "1") in rows
    assert ("Réussites, parmi eux", "1") in rows
    assert told(one.press(CLAIRE, close), CLAIRE, "Orientation n° 1")  # pressed twice


@pytest.mark.parametrize("agreed", [True, False])
def test_ending_early_counts_as_referred_only_once_they_agreed(agreed: bool) -> None:
    one, number = stand()
    yes = proposed(one, number)
    if agreed:
        one.press(LEA, yes)
    one.press(LEA, encode(ActToken("pair-stop-yes", number, one.get_pair(number).version)))
    assert one.get_pair(number).outcome == ("referred" if agreed else "ended")


def test_saying_so_in_the_closing_questions_counts_too() -> None:
    one, number = stand()
    heard = one.days(190)
    assert one.get_pair(number).outcome == "term"
    heard = one.command(LEA, "reprendre")
    for answer in ("4", "Une ou deux", "5", "4", "Je me tourne vers un professionnel"):
        heard = one.say(LEA, answer)
    heard = one.press(LEA, button(heard, LEA, "Passer"))
    one.press(LEA, button(heard, LEA, "Envoyer"))
    with one.work() as uow:
        assert uow.session.query(Pair).one().outcome == "referred"
