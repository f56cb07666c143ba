"""A pair ends early or changes hands without blame; its supervisor and mentor speak to the team."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from bot.dialogue.tokens import ActToken, encode
from storage.tables import Beyond, Pair, Request
from tests.stand import CLAIRE, Stand, button, programme, told
from tests.test_pairs import LEA, MARC, places, stand

SAM = "14"


def with_request() -> tuple[Stand, int]:
    """Léa and Marc, whose pair came from her request."""
    one, number = stand()
    one.join(SAM, "Samir Adda", role="staff")
    with one.work() as uow:
        pair = uow.pairs.get(number)
        assert pair is not None
        talk = uow.talks.start(
            one.ids[LEA], "ax-accompagnement", "intake", state={}, digest="d", now=one.now
        )
        talk.status = "done"
        request = uow.requests.add(
            one.ids[LEA], "ax-accompagnement", talk.id, kind="long_term",
            shared={}, features={}, now=one.now, due_at=None,
        )  # fmt: skip
        sent = uow.requests.propose(request.id, one.ids[MARC], rank=1, reasons=["r"], now=one.now)
        uow.requests.move_proposal(sent, sent.version, "accepted", asked_at=one.now)
        uow.requests.move(request, request.version, "matched", now=one.now)
        pair.request_id = request.id
    return one, number


def request_of(one: Stand) -> Request:
    with one.work() as uow:
        found = uow.session.query(Request).one()
        uow.session.expunge(found)
        return found


def token(one: Stand, verb: str, number: int) -> str:
    return encode(ActToken(verb, number, one.get_pair(number).version))


# --- another mentor -------------------------------------------------------------------------------


def test_the_mentor_hands_over_and_the_mentee_hears_only_that_it_ends() -> None:
    one, number = with_request()
    press = token(one, "pair-change-yes", number)
    heard = one.press(MARC, press)
    (word,) = told(heard, LEA)
    assert word.text.startswith("Ton binôme avec Marc s’achève ici.")
    assert "Voir qui pourrait m’aider" in word.choices
    assert "relais" not in word.text
    assert told(heard, CLAIRE, "souhaité par Marc Aubier")
    assert (one.get_pair(number).state, one.get_pair(number).outcome) == ("closed", "changed")
    assert (request_of(one).state, places(one)) == ("team", 0)
    assert request_of(one).due_at is not None
    assert told(one.press(MARC, press), MARC, "terminé")  # pressed twice
    assert (request_of(one).state, places(one)) == ("team", 0)
    assert not told(one.days(30), LEA)  # no check-in and no closing questions any more


def test_the_mentor_one_had_is_not_proposed_again() -> None:
    one, number = with_request()
    one.press(LEA, token(one, "pair-change-yes", number))
    with one.work() as uow:
        left = uow.directory.eligible(one.now, mentee_id=one.ids[LEA])
    assert one.ids[MARC] not in left


@pytest.mark.parametrize("who", [LEA, MARC])
def test_without_a_request_another_mentor_is_promised_by_a_date(who: str) -> None:
    one, number = stand()
    heard = one.press(who, token(one, "pair-change", number))
    assert not told(heard, who, "ta demande")
    assert told(heard, who, "l’équipe Carrières de l’AX cherche avec toi") or who == MARC
    heard = one.press(who, token(one, "pair-change-yes", number))
    assert told(heard, LEA, "cherche avec toi quelqu’un d’autre")
    assert told(heard, LEA, "au plus tard le mardi 8 septembre")
    assert not told(heard, MARC, "au plus tard")
    assert told(heard, CLAIRE, "à l’équipe de former le suivant")
    assert told(heard, CLAIRE, "réponse promise pour le mardi 8 septembre")
    assert len(told(one.days(14), CLAIRE, "dépassé")) == 6  # each working day from then on
    listed = one.command(CLAIRE, "promesses")
    assert told(listed, CLAIRE, "Un nouveau binôme à former")


def test_another_mentor_is_spoken_of_until_there_is_one() -> None:
    one, number = stand()
    one.press(LEA, token(one, "pair-change-yes", number))
    one.join(SAM, "Samir Adda", role="mentor")
    waits = one.pair(LEA, SAM, charter=False)  # the mentor has not said yes
    assert one.get_pair(waits).state == "proposed"
    assert told(one.command(CLAIRE, "promesses"), CLAIRE, "Léa Martin")
    one.press(SAM, token(one, "pair-agree", waits))
    assert told(one.command(CLAIRE, "promesses"), CLAIRE, "Personne n’attend")
    assert not told(one.days(21), CLAIRE, "dépassé")


def test_the_team_says_that_another_mentor_is_settled_otherwise() -> None:
    one, number = stand()
    one.press(LEA, token(one, "pair-change-yes", number))
    (waits,) = one.command(CLAIRE, "promesses")[0].message.lines
    assert waits.choice is not None
    for stranger in (LEA, MARC):
        assert told(one.press(stranger, waits.choice.token), stranger, "Je ne trouve pas")
    page = one.press(CLAIRE, waits.choice.token)
    assert told(page, CLAIRE, "Un nouveau binôme pour Léa Martin")
    done = button(page, CLAIRE, "réglé autrement")
    assert told(one.press(MARC, done), MARC, "Je ne trouve pas")
    heard = one.press(CLAIRE, done)
    assert not told(heard, LEA)
    assert told(one.press(CLAIRE, waits.choice.token), CLAIRE, "plus rien à répondre")
    assert not told(one.days(21), CLAIRE, "dépassé")


def test_who_loses_a_mentor_who_leaves_is_promised_another() -> None:
    one, _ = stand()
    heard = one.command(MARC, "effacer-oui")
    (word,) = told(heard, LEA)
    assert "a quitté le programme" in word.text
    assert "au plus tard le mardi 8 septembre" in word.text
    assert told(heard, CLAIRE, "Un nouveau binôme à former")
    assert told(one.days(8), CLAIRE, "dépassé")


def test_who_came_with_a_request_has_it_open_again_when_the_mentor_leaves() -> None:
    one, _ = with_request()
    heard = one.command(MARC, "effacer-oui")
    assert told(heard, LEA, "ta demande est de nouveau chez l’équipe")
    assert told(heard, CLAIRE, "confiée à l’équipe")
    assert request_of(one).state == "team"
    assert told(one.command(CLAIRE, "promesses"), CLAIRE, "Personne n’attend")


def test_nothing_is_promised_when_the_mentee_leaves() -> None:
    one, _ = stand()
    heard = one.command(LEA, "effacer-oui")
    assert not told(heard, MARC, "au plus tard")
    assert told(one.command(CLAIRE, "promesses"), CLAIRE, "Personne n’attend")


def test_who_has_asked_anew_keeps_the_new_request() -> None:
    one, number = with_request()
    with one.work() as uow:
        talk = uow.talks.start(
            one.ids[LEA], "ax-accompagnement", "intake", state={}, digest="d", now=one.now
        )
        uow.requests.add(
            one.ids[LEA], "ax-accompagnement", talk.id, kind="one_off",
            shared={}, features={}, now=one.now, due_at=None,
        )  # fmt: skip
    one.press(LEA, token(one, "pair-change-yes", number))
    with one.work() as uow:
        states = [r.state for r in uow.session.scalars(select(Request).order_by(Request.id))]
    assert states == ["matched", "open"]


# --- the end, with or without a reason ------------------------------------------------------------


def test_a_reason_is_for_the_team_alone() -> None:
    one, number = stand()
    heard = one.press(LEA, token(one, "pair-stop-why", number))
    assert told(heard, LEA, "Elle seule le lira")
    assert one.get_pair(number).state == "active"  # nothing has ended yet
    heard = one.say(LEA, "Je déménage.")
    assert told(heard, CLAIRE, "Je déménage.")
    assert not any("déménage" in one_.text for one_ in told(heard, MARC))
    assert one.get_pair(number).outcome == "ended"
    assert told(one.command(CLAIRE, "binomes", str(number)), CLAIRE, "Je déménage.")


def test_a_reason_written_when_it_is_over_still_reaches_the_team() -> None:
    one, number = stand()
    one.press(LEA, token(one, "pair-stop-why", number))
    one.press(MARC, token(one, "pair-stop-yes", number))
    with one.work() as uow:
        talk = uow.talks.latest(one.ids[LEA], "ax-accompagnement", "leaving:end")
        person = uow.people.get(one.ids[LEA])
        assert talk is not None
        assert person is not None
        person.focus_id = talk.id  # she goes on with what she was writing
    heard = one.say(LEA, "Je déménage.")
    assert told(heard, CLAIRE, "Je déménage.")
    assert told(heard, LEA, "terminé")


def test_the_planned_end_is_a_term() -> None:
    one, number = stand()
    one.days(190)
    assert one.get_pair(number).outcome == "term"


# --- beyond my role -------------------------------------------------------------------------------


def test_the_mentee_can_neither_say_it_nor_learn_of_it() -> None:
    one, number = stand()
    assert "hors de mon rôle" not in str(one.command(LEA, "rdv"))
    for verb in ("beyond", "beyond-yes", "beyond-words"):
        assert not told(one.press(LEA, token(one, verb, number)), CLAIRE)
    heard = one.press(MARC, token(one, "beyond-yes", number))
    assert told(heard, CLAIRE, "hors de son rôle")
    assert told(heard, MARC, "au plus tard le mardi 8 septembre")
    assert not told(heard, LEA)
    with one.work() as uow:
        hers = uow.privacy.export_person(one.ids[LEA])
        his = uow.privacy.export_person(one.ids[MARC])
    assert hers["beyond"] == []
    assert len(his["beyond"]) == 1


def test_all_the_words_a_mentor_ever_wrote_stay_in_view_of_the_team() -> None:
    one, number = stand()
    said = ("Elle m’écrit tous les jours.", "Et encore ce soir.", "Cela recommence.")
    for words in said:
        one.press(MARC, token(one, "beyond-words", number))
        heard = one.say(MARC, words)
        assert told(heard, CLAIRE, words)
        if words == said[1]:
            one.press(CLAIRE, button(heard, CLAIRE, "Réponse donnée"))
        one.days(1)
    (page,) = told(one.command(CLAIRE, "binomes", str(number)), CLAIRE)
    found = [(line.label, line.text) for line in page.message.lines if line.text in said]
    days = ("3 sept. 2026", "2 sept. 2026", "1er sept. 2026")
    assert found == [
        (f"Hors de mon rôle, mots du {day}", words)
        for day, words in zip(days, said[::-1], strict=True)
    ]
    assert not any(words in str(one.command(LEA, "rdv")) for words in said)


def test_said_twice_is_one_matter_and_one_answer_ends_it() -> None:
    one, number = stand()
    press = token(one, "beyond-yes", number)
    heard = one.press(MARC, press)
    assert not told(one.press(MARC, press), CLAIRE)
    done = button(heard, CLAIRE, "Réponse donnée")
    late = one.days(7)
    assert told(late, CLAIRE, "attend une réponse depuis 7 jours")
    assert told(one.days(7), CLAIRE, "attend une réponse depuis 14 jours")
    assert told(one.press(CLAIRE, done), MARC, "Claire a noté t’avoir répondu")
    assert told(one.press(CLAIRE, done), CLAIRE, "a déjà répondu")
    assert not told(one.days(15), CLAIRE, "attend une réponse")
    with one.work() as uow:
        assert uow.session.query(Beyond).one().answered_by_id == one.ids[CLAIRE]


def test_it_is_gone_with_the_mentor() -> None:
    one, number = stand()
    one.press(MARC, token(one, "beyond-words", number))
    one.say(MARC, "C’est lourd.")
    one.command(MARC, "effacer-oui")
    with one.work() as uow:
        assert uow.session.query(Beyond).count() == 0
        assert not uow.timers.list(kind="beyond-due")


# --- who follows it -------------------------------------------------------------------------------


def test_a_pair_follows_the_owner_of_its_request_else_nobody() -> None:
    one, number = stand()
    assert one.get_pair(number).supervisor_id is None
    take = encode(ActToken("supervise", number, 1))
    one.join(SAM, "Samir Adda", role="staff")
    assert told(one.press(SAM, take), SAM, "suivi par toi")
    assert told(one.press(CLAIRE, take), CLAIRE, "suivi par Samir Adda")
    assert one.get_pair(number).supervisor_id == one.ids[SAM]
    assert not told(one.press(MARC, take), MARC, "suivi")  # not of the team


def test_only_the_supervisor_is_told_until_they_leave_the_team() -> None:
    one, number = stand()
    one.join(SAM, "Samir Adda", role="staff")
    heard = one.command(CLAIRE, "binomes", f"{number} suivi Samir")
    assert told(heard, SAM, "Claire te confie")
    heard = one.press(MARC, token(one, "beyond-yes", number))
    assert told(heard, SAM, "hors de son rôle")
    assert not told(heard, CLAIRE)
    assert told(one.command(SAM, "binomes", "miens"), SAM, "1 binôme")
    assert told(one.command(CLAIRE, "binomes", "miens"), CLAIRE, "Tu ne suis aucun binôme")
    with one.work() as uow:
        uow.people.enrol(one.ids[SAM], "ax-accompagnement", "staff", now=one.now, state="ended")
    assert told(one.press(MARC, token(one, "pair-stop-yes", number)), CLAIRE, "avant son terme")


def test_only_staff_can_be_given_a_pair() -> None:
    one, number = stand()
    for words in (f"{number} suivi Marc", f"{number}/{one.ids[MARC]}", f"{number} suivi Personne"):
        assert told(one.command(CLAIRE, "binomes", words), CLAIRE, "Personne de l’équipe")
    assert told(one.command(CLAIRE, "binomes", f"{number}/"), CLAIRE, "À qui confier")
    with one.work() as uow:
        assert uow.session.query(Pair).one().supervisor_id is None


def test_made_by_hand_it_is_followed_by_who_made_it() -> None:
    one = Stand((programme("emergence"),))
    one.join(CLAIRE, "Claire", role="staff")
    one.join(LEA, "Léa Martin")
    one.join(MARC, "Marc Aubier", role="mentor")
    one.command(CLAIRE, "binomes", "Léa Martin, Marc Aubier")
    assert one.get_pair(1).supervisor_id == one.ids[CLAIRE]
