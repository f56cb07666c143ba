"""More time, training, too much of it, and what remains months after."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.dialogue.tokens import ActToken, encode
from bot.programmes.care import Extension, Limits, PairRules, Training
from bot.programmes.load import load
from bot.programmes.schema import Programme
from bot.rhythm import months_later
from storage.tables import Extension as Proposed
from storage.tables import FollowUp, Meeting
from tests.stand import CLAIRE, Stand, button, programme, told
from tests.test_pairs import LEA, MARC, places, stand

HOW = {"fr": "Une heure, en ligne.", "en": "One hour, online."}


def ruled(**rules: Any) -> Programme:
    """The preset with these rules for its pairs."""
    found: PairRules = load("ax-accompagnement").pair.model_copy(update=rules)
    return programme(pair=found)


# --- more time ------------------------------------------------------------------------------------


def asked_at_the_end(one: Stand) -> tuple[dict[str, str], dict[str, str]]:
    """Both are asked three weeks before: Léa's and Marc's buttons."""
    heard = one.days(161)
    (hers,) = told(heard, LEA, "continuer 3 mois")
    (his,) = told(heard, MARC, "continuer 3 mois")
    return hers.choices, his.choices


@pytest.mark.parametrize("first", [LEA, MARC])
def test_it_goes_on_once_both_have_said_yes_in_whichever_order(first: str) -> None:
    one, number = stand()
    before = one.get_pair(number).ends_at
    assert before is not None
    hers, his = asked_at_the_end(one)
    buttons = {LEA: hers["Oui, continuer"], MARC: his["Oui, continuer"]}
    second = MARC if first == LEA else LEA
    heard = one.press(first, buttons[first])
    assert told(heard, first, "n’a pas encore répondu")
    assert not told(heard, second)
    one.press(first, buttons[first])  # twice is once
    assert one.get_pair(number).ends_at == before
    heard = one.press(second, buttons[second])
    for account in (LEA, MARC):
        assert told(heard, account, "Vous continuez ensemble")
    assert told(heard, CLAIRE, "d’un commun accord")
    until = months_later(before, 3, "Europe/Paris")
    assert one.get_pair(number).ends_at == until
    assert not told(one.press(second, buttons[second]), CLAIRE)  # no second extension
    assert one.get_pair(number).ends_at == until
    later = one.until(before + timedelta(days=40))
    assert told(later, LEA, "Vous êtes-vous parlé")  # the rhythm follows
    assert not told(later, LEA, "s’achève ici")
    assert told(one.until(until + timedelta(hours=1)), LEA, "s’achève ici")


def test_a_no_is_neutral_and_ends_the_matter() -> None:
    one, number = stand()
    hers, his = asked_at_the_end(one)
    one.press(LEA, hers["Oui, continuer"])
    heard = one.press(MARC, his["Non, s’arrêter là"])
    words = {told(heard, account)[0].text for account in (LEA, MARC)}
    assert len(words) == 1
    assert "comme prévu" in words.pop()
    one.press(MARC, his["Oui, continuer"])
    end = one.get_pair(number).ends_at
    assert end is not None
    assert told(one.until(end + timedelta(hours=1)), LEA, "s’achève ici")


def test_one_side_proposes_and_the_other_answers() -> None:
    one, number = stand()
    assert "Prolonger" not in one.command(LEA, "rdv")[0].choices  # too early
    one.days(125)
    wish = button(one.command(LEA, "rdv"), LEA, "Prolonger")
    heard = one.press(LEA, wish)
    (word,) = told(heard, MARC, "aimerait continuer 3 mois")
    heard = one.press(MARC, word.choices["Oui, continuer"])
    assert told(heard, LEA, "Vous continuez ensemble")
    assert one.get_pair(number).state == "active"


def test_whoever_had_a_no_asks_neither_again_nor_does_the_bot() -> None:
    """For that end; the side that said no may still think better of it, once."""
    one, number = stand()
    one.days(125)
    wish = button(one.command(LEA, "rdv"), LEA, "Prolonger")
    (word,) = told(one.press(LEA, wish), MARC, "aimerait continuer")
    one.press(MARC, word.choices["Non, s’arrêter là"])
    assert "Prolonger" not in one.command(LEA, "rdv")[0].choices
    heard = one.press(LEA, wish)
    assert told(heard, LEA, "comme prévu")
    assert not told(heard, MARC)
    end = one.get_pair(number).ends_at
    assert end is not None
    assert not told(one.until(end - timedelta(days=2)), LEA, "continuer")
    heard = one.press(MARC, button(one.command(MARC, "rdv"), MARC, "Prolonger"))
    (word,) = told(heard, LEA, "aimerait continuer")
    one.press(LEA, word.choices["Non, s’arrêter là"])
    assert "Prolonger" not in one.command(MARC, "rdv")[0].choices


def test_after_a_no_and_more_months_all_the_same_one_may_ask_for_the_next_end() -> None:
    one, _ = stand(ruled(extension=Extension(months=3, max_months=18)))
    one.days(125)
    wish = button(one.command(LEA, "rdv"), LEA, "Prolonger")
    (word,) = told(one.press(LEA, wish), MARC, "aimerait continuer")
    one.press(MARC, word.choices["Non, s’arrêter là"])
    heard = one.press(MARC, button(one.command(MARC, "rdv"), MARC, "Prolonger"))
    (word,) = told(heard, LEA, "aimerait continuer")
    one.press(LEA, word.choices["Oui, continuer"])
    one.days(90)
    assert told(one.press(LEA, wish), MARC, "aimerait continuer")


def test_a_yes_after_the_end_comes_too_late() -> None:
    one, number = stand()
    hers, his = asked_at_the_end(one)
    one.press(LEA, hers["Oui, continuer"])
    one.days(30)
    one.press(MARC, his["Oui, continuer"])
    assert one.get_pair(number).state in ("closing", "closed")


def test_the_cap_holds_and_no_rule_means_no_extension() -> None:
    one, number = stand(ruled(extension=Extension(months=3, max_months=8)))
    heard = one.days(185)
    assert not told(heard, LEA, "continuer")
    one, number = stand(ruled(extension=None))
    assert not told(one.days(165), LEA, "continuer")
    one.press(LEA, encode(ActToken("extend", number, 1)))
    with one.work() as uow:
        assert uow.session.query(Proposed).count() == 0


def test_a_second_tap_wishes_for_more_months_once() -> None:
    one, number = stand()
    one.days(140)
    taps = [one.press(LEA, encode(ActToken("extend", number, 1))) for _ in range(2)]
    assert [len(told(heard, MARC)) for heard in taps] == [1, 0]
    assert all(told(heard, LEA) for heard in taps)


def test_a_stranger_cannot_say_yes() -> None:
    one, number = stand()
    hers, _ = asked_at_the_end(one)
    one.press(LEA, hers["Oui, continuer"])
    one.join("15", "Zoé", role="mentor")
    one.press("15", hers["Oui, continuer"])
    assert one.get_pair(number).ends_at == months_later(
        one.get_pair(number).started_at, 6, "Europe/Paris"
    )


# --- training -------------------------------------------------------------------------------------


def untrained() -> Stand:
    """A mentor who has accepted the charter, in a programme that requires a training."""
    one = Stand((ruled(training=Training(text=HOW, link="https://formation.example/")),))
    one.join(CLAIRE, "Claire", role="staff")
    one.join(LEA, "Léa Martin")
    one.join(MARC, "Marc Aubier", role="mentor")
    with one.work() as uow:
        uow.directory.save(
            one.ids[MARC], one.now, {"consenting": True, "capacity": 1, "helps": ["long_term"]}
        )
        uow.people.consent(
            one.ids[MARC], "ax-accompagnement", "charter", text=("2026-11", ""), now=one.now
        )
    return one


def test_nobody_is_introduced_before_the_training_is_confirmed() -> None:
    one = untrained()
    heard = one.command(CLAIRE, "binomes", "Léa Martin, Marc Aubier")
    assert not told(heard, LEA)
    yes = button(heard, MARC, "J’accepte")
    (word,) = told(one.press(MARC, yes), MARC, "il y a une formation à suivre")
    assert "Une heure, en ligne." in word.text
    assert any(c.url == "https://formation.example/" for c in word.message.choices)
    assert one.get_pair(1).state == "proposed"
    heard = one.press(MARC, button([word], MARC, "Je l’ai suivie"))
    assert told(heard, CLAIRE, "dit avoir suivi")
    assert told(one.press(MARC, yes), MARC, "l’équipe le confirme bientôt")
    listed = one.command(CLAIRE, "binomes", "formation")
    assert told(listed, CLAIRE, "Dit l’avoir suivie")
    confirm = button(heard, CLAIRE, "Confirmer")
    assert told(one.press(CLAIRE, confirm), MARC, "Ta formation est notée")
    assert told(one.press(CLAIRE, confirm), CLAIRE, "déjà confirmée")
    assert told(one.press(MARC, yes), LEA, "Marc Aubier")
    assert one.get_pair(1).state == "active"


def test_who_waits_for_the_team_to_confirm_is_not_taken_for_silent() -> None:
    one = untrained()
    heard = one.command(CLAIRE, "binomes", "Léa Martin, Marc Aubier")
    heard = one.press(MARC, button(heard, MARC, "J’accepte"))
    one.press(MARC, button(heard, MARC, "Je l’ai suivie"))
    heard = one.days(30)
    assert not told(heard, MARC)
    assert one.get_pair(1).state == "proposed"
    assert told(heard, CLAIRE, "Réponses promises")
    heard = one.command(CLAIRE, "binomes", "formation Marc Aubier")
    yes = button(heard, MARC, "J’accepte")
    assert [h.message.note for h in told(heard, MARC, "te propose")] == [
        "Réponse attendue au plus tard le jeudi 8 octobre. Un non n’a pas besoin de raison."
    ]
    assert told(one.press(MARC, yes), LEA, "Votre binôme est formé")
    assert not told(one.days(9), CLAIRE, "abandonné")


def test_a_pair_whose_mentor_stays_silent_after_the_training_is_called_off() -> None:
    one = untrained()
    heard = one.command(CLAIRE, "binomes", "Léa Martin, Marc Aubier")
    heard = one.press(MARC, button(heard, MARC, "J’accepte"))
    one.press(MARC, button(heard, MARC, "Je l’ai suivie"))
    one.command(CLAIRE, "binomes", "formation Marc Aubier")
    assert not told(one.days(6.9), CLAIRE, "n’a pas répondu à temps")
    assert told(one.days(0.2), CLAIRE, "n’a pas répondu à temps")


def test_the_team_writes_a_training_down_with_its_date() -> None:
    one = untrained()
    assert told(one.command(CLAIRE, "binomes", "formation"), CLAIRE, "Pas encore suivie")
    heard = one.command(CLAIRE, "binomes", "formation Marc Aubier, 12/06/2026")
    assert told(heard, CLAIRE, "suivie le 12 juin 2026")
    for bad in ("formation Personne", "formation Marc Aubier, 12/06/2030"):
        assert told(one.command(CLAIRE, "binomes", bad), CLAIRE, "Pour noter une formation")
    assert told(one.command(CLAIRE, "binomes", "Léa Martin, Marc Aubier"), LEA, "Marc Aubier")


def test_only_the_team_confirms_and_only_for_oneself_one_declares() -> None:
    one = untrained()
    one.press(LEA, encode(ActToken("training-done", one.ids[MARC], 1)))
    one.press(MARC, encode(ActToken("training-done", one.ids[MARC], 1)))
    one.press(MARC, encode(ActToken("training-confirm", 1, 1)))
    with one.work() as uow:
        row = uow.care.training(one.ids[MARC], "ax-accompagnement")
        assert row is not None
        assert row.state == "declared"


def test_it_is_not_asked_of_who_accompanies_already() -> None:
    one, number = stand()
    one.run(ruled(training=Training(text=HOW)))
    assert one.get_pair(number).state == "active"
    assert told(one.command(MARC, "rdv"), MARC, "Binôme avec Léa Martin")
    assert places(one) == 1


# --- too much -------------------------------------------------------------------------------------


def meet(one: Stand, number: int, at: datetime, minutes: int = 60) -> None:
    with one.work() as uow:
        uow.pairs.add_meeting(
            Meeting(pair_id=number, set_by_id=one.ids[LEA], starts_at=at, minutes=minutes)
        )


def test_too_many_meetings_are_told_once_a_month() -> None:
    one, number = stand(ruled(limits=Limits(meetings=2)))
    for day in (3, 8, 12):
        meet(one, number, one.now + timedelta(days=day))
    heard = one.days(31)
    assert len(told(heard, CLAIRE, "3 rendez-vous en trente jours")) == 1
    assert not told(heard, MARC, "bénévole")
    assert not told(one.days(31), CLAIRE, "rendez-vous en trente jours")


def test_too_many_hours_and_too_many_months_are_told_step_by_step() -> None:
    one, number = stand(ruled(limits=Limits(hours=4, months=3), extension=None))
    meet(one, number, one.now + timedelta(days=5), minutes=300)
    heard = one.days(175)
    assert len(told(heard, CLAIRE, "5 heures ensemble")) == 1
    assert len(told(heard, CLAIRE, "dure depuis 3 mois")) == 1
    assert len(told(heard, CLAIRE, "dure depuis 4 mois")) == 1


def test_a_limit_written_later_counts_for_pairs_that_go_on() -> None:
    one, number = stand(ruled(limits=Limits()))
    one.days(10)
    one.run(ruled(limits=Limits(meetings=1)))
    one.run(ruled(limits=Limits(meetings=1)))
    meet(one, number, one.now + timedelta(days=1))
    meet(one, number, one.now + timedelta(days=2))
    assert len(told(one.days(25), CLAIRE, "2 rendez-vous")) == 1


# --- months after ---------------------------------------------------------------------------------


def test_three_months_later_one_short_questionnaire_comes_once() -> None:
    one, number = stand()
    heard = one.days(181 + 93)
    (asked,) = told(heard, LEA, "Trois mois ont passé")
    assert not told(heard, MARC, "Trois mois ont passé")
    one.say(LEA, "5")
    heard = one.say(LEA, "équipe")
    assert told(heard, LEA, "Merci de l’avoir dit")
    assert told(heard, CLAIRE, "quelques mois après")
    assert told(one.command(CLAIRE, "binomes", str(number)), CLAIRE, "Avances-tu par toi-même")
    assert told(one.press(LEA, button([asked], LEA, "Ne plus")), LEA, "plus d’effet")


def test_who_wants_no_more_of_it_is_left_in_peace() -> None:
    one, _ = stand()
    heard = one.days(181 + 93)
    one.press(LEA, button(heard, LEA, "Ne plus me le demander"))
    with one.work() as uow:
        assert uow.session.query(FollowUp).one().state == "refused"
        assert not [t for t in uow.talks.open_ones(one.ids[LEA]) if t.kind == "followup"]
    with one.work() as uow:
        uow.directory.take_place(one.ids[MARC], one.now)
    one.pair(LEA, MARC)
    assert not told(one.days(181 + 93), LEA, "Trois mois ont passé")


def test_who_was_erased_or_changed_mentor_is_not_asked() -> None:
    one, number = stand()
    one.days(182)
    one.command(LEA, "effacer-oui")
    with one.work() as uow:
        assert not uow.timers.list(kind="followup")
    one, number = stand()
    version = one.get_pair(number).version
    one.press(LEA, encode(ActToken("pair-change-yes", number, version)))
    assert not told(one.days(100), LEA, "Trois mois ont passé")


# --- expected and found ---------------------------------------------------------------------------


def ended(one: Stand, count: int) -> None:
    """So many pairs whose mentees expected and found something."""
    here = one.programmes[0]
    for n in range(count):
        account = str(100 + n)
        one.join(account, f"Élève {n}")
        with one.work() as uow:
            mentee = one.ids[account]
            talk = uow.talks.start(mentee, here.id, "intake", state={}, digest="d", now=one.now)
            answer = {"id": "expects", "question": "q", "label": "l", "share": True}
            uow.talks.keep(talk, [{**answer, "value": ["confidence", "contacts"]}])
            talk.status = "done"
            request = uow.requests.add(
                mentee, here.id, talk.id, kind="long_term", shared={}, features={},
                now=one.now, due_at=None,
            )  # fmt: skip
        pair = one.pair(account, MARC)
        with one.work() as uow:
            row = uow.pairs.get(pair)
            assert row is not None
            row.request_id = request.id
        one.press(account, encode(ActToken("pair-stop-yes", pair, one.get_pair(pair).version)))
        with one.work() as uow:
            (closing,) = [t for t in uow.talks.about("closing", pair) if t.person_id == mentee]
            answer = {"id": "found", "question": "q", "label": "l", "share": False}
            uow.talks.keep(closing, [{**answer, "value": ["confidence", "relation"]}])


def test_what_was_expected_is_set_beside_what_was_found() -> None:
    one = Stand((programme("ax-mentorat"),))
    one.join(CLAIRE, "Claire", role="staff")
    one.join(MARC, "Marc Aubier", role="mentor")
    ended(one, 2)
    (page,) = told(one.command(CLAIRE, "binomes", "1"), CLAIRE, "Attendu et trouvé")
    assert "✓ Confiance en soi, attendu et trouvé" in page.text
    assert "· Contacts, notamment pour trouver un stage, attendu" in page.text
    assert "+ Relation humaine, trouvé en plus" in page.text
    assert not told(one.command(CLAIRE, "statistiques"), CLAIRE, "Ce qui était attendu")  # too few
    ended(one, 1)
    (said,) = told(one.command(CLAIRE, "statistiques"), CLAIRE, "Ce qui était attendu")
    assert said.message.table is not None
    rows = {row[0]: row[1:] for row in said.message.table.rows}
    assert rows["Confiance en soi"] == ("3", "3")
    assert "Élève" not in str(said.message)


def test_questions_that_are_compared_have_the_same_options() -> None:
    here = load("ax-mentorat")
    assert here.closing is not None
    data = here.model_dump(by_alias=True)
    data["closing"]["expectations"] = {"asked": "expects", "found": "words"}
    with pytest.raises(ValueError, match="many question"):
        Programme.model_validate(data)
