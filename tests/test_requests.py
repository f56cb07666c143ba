"""A request in each of its states, pressed by each of those it concerns."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from bot.dialogue.questionnaire import Label
from bot.programmes.care import Training
from storage.tables import Request
from tests.asking import (
    GONE,
    INES,
    LEA,
    MARC,
    NAMES,
    PAUL,
    TOM,
    ZOE,
    act,
    answer,
    ask,
    asks,
    expert,
    in_state,
    proposals,
    request,
    sheet,
    stand,
    states,
    stranger,
    timers,
)
from tests.stand import CLAIRE, Stand, button, programme, told

# --- the mentee's buttons -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "verb", "said", "after"),
    [
        ("proposed", "stop-asking", "Voici les personnes à qui tu peux demander", "proposed"),
        ("proposed", "others", "Je n’ai personne d’autre", "team"),
        ("asked", "others", "Ta demande est chez Marc Aubier", "asked"),
        ("asked", "team", "ta demande est confiée", "team"),
        ("asked", "withdraw", "Ta demande est retirée", "closed"),
        ("team", "team", "Ta demande est entre les mains", "team"),
        ("team", "others", "Ta demande est entre les mains", "team"),
        ("team", "stop-asking", "Ta demande est entre les mains", "team"),
        ("team", "withdraw", "Ta demande est retirée", "closed"),
        ("matched", "others", "ton binôme est formé", "matched"),
        ("matched", "withdraw", "ton binôme est formé", "matched"),
        ("matched", "stop-asking", "ton binôme est formé", "matched"),
        ("closed", "others", "Cette demande est close", "closed"),
        ("closed", "withdraw", "Cette demande est close", "closed"),
        ("closed", "stop-asking", "Cette demande est close", "closed"),
    ],
)
def test_a_button_of_the_mentee_in_each_state(state: str, verb: str, said: str, after: str) -> None:
    one = in_state(state)
    heard = act(one, LEA, verb)
    assert told(heard, LEA, said)
    assert request(one).state == after
    withdrawn = state == "asked" and after != "asked"
    assert bool(told(heard, MARC, "a été reprise")) == withdrawn
    assert bool({"proposal-due", "proposal-nudge"} & timers(one)) == (after == "asked")


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ("Je ne sais pas du tout, finance ou investissement, n’importe quoi", "Tu ne sais pas"),
        ("L’investissement, mais surtout pas la finance durable", "je lis mal un"),
    ],
)
def test_a_doubt_is_asked_about_and_nobody_is_searched_for(wish: str, said: str) -> None:
    one = stand(MARC)
    heard = asks(one, wish=wish)
    assert told(heard, LEA, said)
    assert (request(one).state, proposals(one)) == ("open", {})
    assert told(one.command(LEA, "demande"), LEA, said)
    shown = one.press(LEA, button(heard, LEA, "Voir quelques personnes"))
    assert told(shown, LEA, "Marc Aubier")
    assert request(one).state == "proposed"


def test_a_doubt_is_the_teams_by_a_button_or_when_nothing_comes() -> None:
    one = stand(MARC)
    heard = asks(one, wish="Je ne sais pas")
    assert told(one.press(LEA, button(heard, LEA, "Demander à l’équipe")), LEA, "est confiée")
    assert request(one).state == "team"
    other = stand(MARC)
    asks(other, wish="Je ne sais pas")
    heard = other.days(14)
    assert len(told(heard, LEA, "ta demande est confiée")) == 1
    assert request(other).state == "team"


@pytest.mark.parametrize("state", ["matched", "closed"])
def test_asking_too_late_says_where_the_request_stands(state: str) -> None:
    one = in_state(state)
    before = states(one)
    assert told(ask(one, INES), LEA, "formé" if state == "matched" else "close")
    assert states(one) == before


def test_a_second_tap_asks_nobody_twice() -> None:
    one = in_state("asked")
    heard = ask(one, MARC)
    assert told(heard, LEA, "Ta demande est chez Marc Aubier")
    assert not told(heard, MARC)
    assert not told(ask(one, INES), INES)
    assert states(one) == {MARC: "asked", INES: "shown"}


def test_choosing_oneself_takes_back_what_was_sent_and_shows_somebody_else() -> None:
    one = stand(MARC, INES, PAUL, ZOE)
    asks(one)
    (left,) = set(NAMES) - states(one).keys()
    first = next(iter(states(one)))
    ask(one, first)
    heard = act(one, LEA, "stop-asking")
    assert told(heard, first, "a été reprise")
    assert told(heard, LEA, NAMES[left])
    assert (states(one)[first], request(one).state) == ("withdrawn", "proposed")


def test_choosing_oneself_brings_back_who_was_shown_when_nobody_else_fits() -> None:
    one = stand(MARC, INES)
    asks(one)
    ask(one, MARC)
    heard = act(one, LEA, "stop-asking")
    assert told(heard, LEA, NAMES[INES])
    assert states(one) == {MARC: "withdrawn", INES: "shown"}
    assert request(one).state == "proposed"


def test_somebody_no_longer_free_is_not_asked_and_others_are_shown() -> None:
    one = stand(MARC, INES, PAUL, ZOE)
    asks(one)
    (left,) = set(NAMES) - states(one).keys()
    first = next(iter(states(one)))
    with one.work() as uow:
        uow.directory.take_place(one.ids[first], one.now)
    heard = ask(one, first)
    assert told(heard, LEA, "n’a plus de place en ce moment")
    assert told(heard, LEA, NAMES[left])
    assert not told(heard, first)
    assert request(one).state == "proposed"


def test_somebody_no_longer_free_while_the_team_has_the_request() -> None:
    one = in_state("team")
    with one.work() as uow:
        uow.directory.pause(one.ids[MARC], one.now)
    heard = ask(one, MARC)
    assert told(heard, LEA, "Marc n’a plus de place")
    assert told(heard, LEA, "entre les mains")
    assert request(one).state == "team"


def test_nobody_but_the_mentee_presses_the_mentees_buttons() -> None:
    one = in_state("proposed")
    for verb in ("others", "team", "ask", "withdraw", "revise", "stop-asking"):
        assert told(act(one, TOM, verb), TOM, GONE)
        assert told(act(one, LEA, verb, 99), LEA, GONE)
    assert request(one).state == "proposed"


def test_nobody_fits_and_the_team_has_it_at_once() -> None:
    one = stand()
    heard = asks(one)
    assert told(heard, LEA, "Je n’ai trouvé personne")
    assert told(heard, CLAIRE, "Demande n° 1 (Léa Martin)")
    assert request(one).state == "team"
    assert told(one.command(LEA, "demande"), LEA, "entre les mains")


def test_the_rule_of_the_file_refuses_before_a_request_exists() -> None:
    one = stand(MARC)
    one.command(LEA, "demande")
    heard = one.say(LEA, "Élève, avant la dernière année")
    heard = one.press(LEA, button(heard, LEA, "Envoyer"))
    assert told(heard, LEA, "s’ouvre en dernière année d’études")
    with one.work() as uow:
        assert not uow.session.scalars(select(Request)).all()
    assert told(one.command(CLAIRE, "demandes"), CLAIRE, "Aucune demande en attente")


def test_a_programme_without_requests_says_who_forms_the_pairs() -> None:
    one = stand(here=programme("emergence"))
    assert told(one.command(LEA, "demande"), LEA, "l’équipe forme les binômes")


def test_changing_a_request_takes_it_back_only_once_it_is_sent_again() -> None:
    one = in_state("asked")
    heard = act(one, LEA, "revise")
    assert told(heard, LEA, "Voici tes réponses")
    assert not told(heard, MARC)
    edit = next(
        line.choice.token
        for line in told(heard, LEA)[0].message.lines
        if line.choice is not None and "Que puis-je montrer" in (line.label or "")
    )
    heard = one.press(LEA, edit)
    heard = one.press(LEA, button(heard, LEA, "sans mon nom"))
    assert states(one)[MARC] == "asked"
    heard = one.press(LEA, button(heard, LEA, "Envoyer"))
    assert told(heard, MARC, "a été reprise")
    assert request(one).state == "proposed"
    assert states(one) == {MARC: "shown", INES: "shown"}
    heard = ask(one, MARC)
    assert told(heard, MARC, "finance durable")
    assert not told(heard, MARC, "Léa")


def test_a_request_withdrawn_while_it_is_changed_leaves_nothing_open() -> None:
    one = in_state("proposed")
    heard = act(one, LEA, "revise")
    line = next(x for x in told(heard, LEA)[0].message.lines if x.choice is not None)
    assert line.choice is not None
    one.press(LEA, line.choice.token)
    act(one, LEA, "withdraw")
    with one.work() as uow:
        assert not uow.talks.open_ones(one.ids[LEA])
    assert told(one.command(LEA, "demande"), LEA, "Où en es-tu")


def test_an_idle_request_is_recalled_once_and_a_later_step_recalls_nothing() -> None:
    one = in_state("proposed")
    heard = one.days(14)
    assert len(told(heard, LEA, "Ces personnes pourraient toujours t’aider")) == 1
    assert len(told(heard, CLAIRE, "aucune n’est encore sollicitée")) == 1
    two = in_state("asked")
    assert not told(two.days(6), LEA, "Ces personnes")


# --- the expert's answers -------------------------------------------------------------------------


def test_the_charter_comes_before_the_yes_and_takes_no_place() -> None:
    one = stand()
    expert(one, MARC, charter=False)
    asks(one)
    ask(one, MARC)
    heard = answer(one, MARC, "accept")
    assert told(heard, MARC, "la charte")
    assert request(one).state == "asked"
    heard = one.press(MARC, button(heard, MARC, "J’accepte la charte"))
    assert told(heard, LEA, "Marc Aubier")
    assert request(one).state == "matched"
    assert timers(one) == set()


def test_a_yes_twice_makes_one_pair() -> None:
    one = in_state("matched")
    assert told(answer(one, MARC, "accept"), MARC, "Tu as déjà accepté")
    assert told(answer(one, MARC, "decline"), MARC, "Tu as déjà accepté")
    assert told(answer(one, MARC, "decline-pause"), MARC, "Tu as déjà accepté")
    with one.work() as uow:
        assert len(uow.pairs.of_programme(one.programmes[0].id)) == 1
        assert uow.directory.get(one.ids[MARC]).places_taken == 1  # type: ignore[union-attr]


@pytest.mark.parametrize("verb", ["accept", "decline", "decline-pause"])
def test_an_answer_after_the_request_was_taken_back(verb: str) -> None:
    one = in_state("asked")
    act(one, LEA, "withdraw")
    heard = answer(one, MARC, verb)
    assert told(heard, MARC, "a été reprise")
    assert not told(heard, LEA)
    assert request(one).state == "closed"
    with one.work() as uow:
        assert uow.directory.is_free(one.ids[MARC], one.now)


def test_a_button_of_an_earlier_sending_decides_nothing() -> None:
    one = in_state("asked")
    old = proposals(one)[one.ids[MARC]]
    act(one, LEA, "stop-asking")
    ask(one, MARC)
    heard = act(one, MARC, "accept", old.id, old.version)
    assert told(heard, MARC, "Ce bouton n’a plus d’effet")
    assert request(one).state == "asked"


def test_an_answer_by_somebody_else_is_none() -> None:
    one = in_state("asked")
    mine = proposals(one)
    for verb in ("accept", "charter", "decline", "decline-pause"):
        assert told(act(one, INES, verb, mine[one.ids[MARC]].id, 2), INES, GONE)
        assert told(act(one, INES, verb, mine[one.ids[INES]].id, 1), INES, GONE)  # never sent
    assert states(one) == {MARC: "asked", INES: "shown"}


def test_a_yes_without_a_place_left_goes_to_the_next() -> None:
    one = in_state("asked")
    with one.work() as uow:
        uow.directory.take_place(one.ids[MARC], one.now)
    heard = answer(one, MARC, "accept")
    assert told(heard, MARC, "Toutes tes places sont prises")
    assert told(heard, LEA, "maintenant chez Inès Moreau")
    assert told(heard, INES, "Une demande pour toi")
    assert states(one) == {MARC: "declined", INES: "asked"}


def test_the_last_place_taken_frees_everybody_else_who_waited() -> None:
    one = in_state("asked")
    asks(one, TOM)
    ask(one, MARC, of=2, by=TOM)
    heard = answer(one, MARC, "accept")
    assert told(heard, TOM, "Marc Aubier ne peut pas cette fois")
    assert request(one).state == "matched"
    assert states(one, 2)[MARC] == "declined"
    assert request(one, 2).state == "asked"  # with Inès now
    assert told(heard, INES, "Tom Blanc")


def test_a_card_made_by_somebody_in_a_pair_has_that_place_taken() -> None:
    one = stand()
    one.join(MARC, NAMES[MARC], role="mentor")
    first = one.pair(TOM, MARC)
    with one.work() as uow:
        card = uow.directory.save(one.ids[MARC], one.now, sheet())
        assert (card.places_taken, card.capacity) == (1, 1)
    asks(one)
    assert one.ids[MARC] not in proposals(one)  # the only place is taken
    act(one, TOM, "pair-stop-yes", first, one.get_pair(first).version)
    with one.work() as uow:
        assert uow.directory.is_free(one.ids[MARC], one.now)


def test_no_goes_to_the_next_and_then_to_the_team() -> None:
    one = in_state("asked")
    heard = answer(one, MARC, "decline")
    assert told(heard, MARC, "C’est noté")
    assert told(heard, LEA, "maintenant chez Inès Moreau")
    heard = answer(one, INES, "decline")
    assert told(heard, LEA, "Inès Moreau ne peut pas cette fois")
    assert told(heard, LEA, "Pas de oui cette fois-ci")
    assert told(heard, CLAIRE, "confiée à l’équipe")
    assert request(one).state == "team"
    assert told(answer(one, INES, "decline"), INES, "Tu as déjà répondu")
    assert told(ask(one, INES), LEA, "entre les mains")  # a no is a no


def test_after_as_many_as_the_file_allows_the_team_has_it() -> None:
    here = programme()
    few = here.proposals.model_copy(update={"max_asked": 1})
    one = stand(MARC, INES, here=programme(proposals=few))
    asks(one)
    ask(one, MARC)
    heard = answer(one, MARC, "decline")
    assert not told(heard, INES)
    assert told(heard, LEA, "Pas de oui")
    assert states(one) == {MARC: "declined", INES: "shown"}


def test_no_and_a_pause_frees_all_and_brings_no_other() -> None:
    one = in_state("asked")
    asks(one, TOM)
    ask(one, MARC, of=2, by=TOM)
    heard = answer(one, MARC, "decline-pause")
    assert told(heard, MARC, "aucune demande ne t’arrivera")
    assert told(heard, LEA, "Marc Aubier ne peut pas")
    assert told(heard, TOM, "Marc Aubier ne peut pas")
    with one.work() as uow:
        assert not uow.directory.is_free(one.ids[MARC], one.now)


def test_silence_is_recalled_once_then_the_next_is_asked_and_a_late_yes_changes_nothing() -> None:
    one = in_state("asked")
    heard = one.days(4)
    assert len(told(heard, MARC, "Petit rappel")) == 1
    heard = one.days(3.1)
    assert told(heard, MARC, "Le délai est passé")
    assert told(heard, LEA, "n’a pas pu répondre à temps")
    assert told(heard, INES, "Une demande pour toi")
    assert told(answer(one, MARC, "accept"), MARC, "Le délai est passé")
    assert states(one) == {MARC: "lapsed", INES: "asked"}


def test_after_a_yes_no_timer_speaks() -> None:
    one = in_state("asked")
    answer(one, MARC, "accept")
    heard = one.days(8)
    assert not told(heard, MARC, "Petit rappel : une personne")
    assert not told(heard, MARC, "Le délai est passé")
    assert request(one).state == "matched"


def test_a_timer_of_an_earlier_sending_says_nothing() -> None:
    one = in_state("asked")
    with one.work() as uow:
        for kind in ("proposal-nudge", "proposal-due", "request-stale"):
            for number, version in ((1, 99), (98, 1)):
                key = f"{kind}:old:{number}"
                uow.timers.put(
                    key=key, kind=kind, subject_id=number, due_at=one.now, version=version
                )
    assert not one.fire()
    assert request(one).state == "asked"


# --- experts the bot cannot write to --------------------------------------------------------------


def test_an_expert_without_an_account_is_invited_by_the_team() -> None:
    one = stand()
    one.ids["yves"] = stranger(one)
    asks(one)
    heard = ask(one, "yves")
    (invitation,) = told(heard, CLAIRE, "Yves Montoux")
    assert "yves@exemple.invalid" in invitation.text
    assert told(heard, LEA, "qui n’est pas encore ici")
    assert told(one.days(8), LEA, "n’a pas pu répondre à temps")


def test_an_expert_who_cannot_be_reached_gets_no_code_that_opens_their_account() -> None:
    one = stand(MARC)
    with one.work() as uow:
        for identity in uow.people.identities(one.ids[MARC]):
            identity.reachable = False
    asks(one)
    heard = ask(one, MARC)
    assert told(heard, CLAIRE, "je ne peux pas lui écrire")
    assert not told(heard, MARC)
    assert request(one).state == "asked"


def test_a_change_sent_after_the_yes_changes_nothing() -> None:
    one = in_state("asked")
    heard = act(one, LEA, "revise")
    (edit,) = [
        line.choice.token
        for line in told(heard, LEA)[0].message.lines
        if line.choice is not None and "Que puis-je montrer" in (line.label or "")
    ]
    heard = one.press(LEA, edit)
    heard = one.press(LEA, button(heard, LEA, "sans mon nom"))
    answer(one, MARC, "accept")
    heard = one.press(LEA, button(heard, LEA, "Envoyer"))
    assert told(heard, LEA, "ton binôme est formé")
    assert not told(heard, MARC)
    assert (request(one).state, states(one)[MARC]) == ("matched", "accepted")
    with one.work() as uow:
        found = uow.requests.get(1)
        assert found is not None
        assert uow.requests.shared(found)["named"] is True


def test_a_charter_that_the_file_no_longer_has_is_no_obstacle() -> None:
    one = stand()
    expert(one, MARC, charter=False)
    asks(one)
    ask(one, MARC)
    heard = answer(one, MARC, "accept")
    token = button(heard, MARC, "J’accepte la charte")
    here = programme()
    one.run(programme(pair=here.pair.model_copy(update={"charter": None})))
    assert told(one.press(MARC, token), LEA, "Marc Aubier")
    assert request(one).state == "matched"
    with one.work() as uow:
        assert "charter" not in uow.people.consents(one.ids[MARC], here.id)


def test_a_request_is_read_in_words_among_one_s_own_data() -> None:
    one = stand(MARC)
    asks(one)
    heard = one.command(LEA, "mes-donnees", "request")
    assert told(heard, LEA, "Comment entrer dans la finance durable et investissement ?")


# --- the training of the mentor -------------------------------------------------------------------


def declared() -> Stand:
    """Marc would accept Léa's request, and says that he has followed the training asked for."""
    rules = programme().pair.model_copy(
        update={"training": Training(text=Label(fr="Deux heures.", en="Two hours."))}
    )
    one = stand(MARC, INES, here=programme(pair=rules))
    asks(one)
    ask(one, MARC)
    heard = answer(one, MARC, "accept")
    one.press(MARC, button(heard, MARC, "suivie"))
    return one


def test_an_expert_whose_training_is_to_be_confirmed_is_not_taken_for_silent() -> None:
    one = declared()
    heard = one.days(9)
    assert not told(heard, MARC)
    assert not told(heard, LEA, "à temps")
    assert told(heard, LEA, "jusqu’au mardi 15 septembre")
    assert (request(one).state, states(one)[MARC]) == ("asked", "asked")
    one.days(4.9)  # the new deadline is today
    heard = one.command(CLAIRE, "binomes", "formation Marc Aubier")
    assert told(heard, LEA, "jusqu’au samedi 19 septembre")
    yes = button(heard, MARC, "Accepter")
    one.days(3)
    assert told(one.press(MARC, yes), LEA, "Votre binôme est formé")
    assert not told(one.days(9), LEA, "à temps")


def test_silence_after_the_training_lapses_as_ever() -> None:
    one = declared()
    heard = one.command(CLAIRE, "binomes", "formation Marc Aubier")
    assert not told(heard, LEA)  # there is time enough
    heard = one.days(7.1)
    assert told(heard, MARC, "Petit rappel")
    assert told(heard, LEA, "à temps")
