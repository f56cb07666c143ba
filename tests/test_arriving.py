"""Arriving and leaving: consent, programmes, links, roles, one's card, and forged tokens."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from bot.dialogue.engine import Resume
from bot.dialogue.tokens import ActToken, DialogueToken, FormToken, RunToken, encode
from bot.events import Author, Commanded, Event, Opened, Reached, Said
from bot.messages import MESSAGE, Home, Message
from storage.tables import Membership, Outbox, Stray
from tests.stand import CLAIRE, Heard, Stand, button, programme, told

LEA, MARC, BOB, ZOE = "11", "12", "13", "14"
AX, EMERGENCE = "ax-accompagnement", "emergence"
NOT_FOUND = "Je ne trouve pas cela"


def alone(**changes: Any) -> Stand:
    """One programme, nobody in it but the team."""
    one = Stand((programme(**changes),))
    one.join(CLAIRE, "Claire", role="staff")
    return one


def both() -> Stand:
    """Two programmes side by side."""
    return Stand((programme(), programme(EMERGENCE)))


def card(one: Stand, account: str, **changes: Any) -> None:
    """Somebody becomes an expert."""
    with one.work() as uow:
        values = {"consenting": True, "capacity": 1, "helps": ["long_term"], **changes}
        uow.directory.save(one.ids[account], one.now, values)


def crew(*, charter: bool = True) -> tuple[Stand, int]:
    """Léa and Marc in a pair; Bob beside them."""
    one = alone()
    one.join(LEA, "Léa Martin")
    one.join(MARC, "Marc Aubier", role="mentor")
    one.join(BOB, "Bob Petit")
    card(one, MARC)
    with one.work() as uow:
        uow.directory.take_place(one.ids[MARC], one.now)
    return one, one.pair(LEA, MARC, charter=charter)


def request(one: Stand, account: str, expert: str | None = None, here: str = AX) -> tuple[int, int]:
    """Somebody's request, in an expert's hands if one is named: numbers of both."""
    with one.work() as uow:
        mine = one.ids[account]
        made = uow.requests.add(
            mine, here, 0, kind="long_term", shared={}, features={}, now=one.now, due_at=None
        )
        if expert is None:
            return made.id, 0
        found = uow.requests.propose(
            made.id, one.ids[expert], rank=1, reasons=["même secteur"], now=one.now
        )
        uow.requests.move_proposal(
            found, found.version, "asked", asked_at=one.now, due_at=one.now + timedelta(days=5)
        )
        made.state = "asked"
        return made.id, found.id


def slack(one: Stand, kind: type[Event], account: str, **more: Any) -> list[Heard]:
    """An event on Slack."""
    author = Author("slack", f"T1/{account}", "slack:T1", "fr", f"Nom {account}")
    event = kind(id=f"s{next(one._numbers)}", author=author, at=one.now, **more)
    with one.work() as uow:
        one.bot.handle(uow, event, one.now)
    return one.news()


def home(one: Stand, account: str) -> tuple[Message, ...]:
    """What Slack's App Home shows when it is opened."""
    slack(one, Opened, account, surface="home")
    with one.work() as uow:
        row = uow.session.query(Outbox).filter_by(op="home").order_by(Outbox.id.desc()).first()
        assert row is not None
        assert row.payload is not None
        found = MESSAGE.validate_json(uow.vault.open_bytes(uow.session, row.person_id, row.payload))
    assert isinstance(found, Home)
    return found.sections


def who(one: Stand, account: str, platform: str = "telegram") -> Mapping[str, Any]:
    """What is stored of the person behind an account."""
    with one.work() as uow:
        identity = uow.people.by_account(platform, account)
        assert identity is not None
        person = uow.people.get(identity.person_id)
        assert person is not None
        roles = {(m.programme_id, m.role, m.state) for m in uow.people.programmes_of(person.id)}
        agreed = uow.people.consented_anywhere(person.id)
        found = {name: getattr(person, name) for name in ("id", "name", "email", "lang")}
        more = {"programme": person.programme_id, "reachable": identity.reachable}
        return {**found, **more, "agreed": agreed, "roles": roles}


def runs(name: str, argument: str = "") -> str:
    return encode(RunToken(name, argument))


def test_no_keeps_nothing_and_a_later_yes_in_words_is_taken() -> None:
    one = alone()
    heard = one.does(Opened, LEA)
    refusal = one.press(LEA, button(heard, LEA, "Plus tard"))
    assert told(refusal, LEA, "rien n’est gardé")
    assert told(refusal, LEA, "l’équipe Carrières de l’AX")
    assert not who(one, LEA)["agreed"]
    assert who(one, LEA)["name"] is None
    assert told(one.say(LEA, "peut-être"), LEA, "Es-tu d’accord")
    assert not who(one, LEA)["agreed"]
    heard = one.say(LEA, "oui")
    assert told(heard, LEA, "Comment souhaites-tu participer")
    assert who(one, LEA)["agreed"]
    heard = one.say(LEA, "plutôt accompagné")
    assert (AX, "mentee", "active") in who(one, LEA)["roles"]
    assert told(heard, LEA, "Comment t’appelles-tu")


def test_words_that_name_no_role_are_no_role() -> None:
    one = alone()
    one.command(LEA, "accord", AX)
    assert told(one.say(LEA, "bonjour à vous"), LEA, "Merci pour ton message")
    assert who(one, LEA)["roles"] == set()


def test_no_before_any_programme_is_chosen_names_nobody_and_after_it_the_team() -> None:
    one = both()
    heard = one.press(LEA, runs("plus-tard"))
    assert len(told(heard, LEA, "rien n’est gardé à ton sujet")) == len(heard) == 1
    heard = one.press(LEA, runs("plus-tard", "emergence.en"))
    assert told(heard, LEA, "the Emergence team")


def test_a_no_in_words_is_answered_and_after_a_yes_there_is_nothing_to_refuse() -> None:
    one = both()
    assert told(one.command(LEA, "plus-tard"), LEA, "rien n’est gardé à ton sujet")
    one.command(LEA, "accord", AX)
    heard = one.command(LEA, "plus-tard")
    assert heard
    assert not told(heard, LEA, "rien n’est gardé")


def test_who_waits_for_a_team_that_cannot_be_reached_hears_whom_to_ask() -> None:
    there = programme(EMERGENCE, profile=None)
    one = Stand((there,))
    one.command(LEA, "accord", EMERGENCE)
    role = next(r for r in ("mentee", "mentor") if there.roles.of(r).enrol != "open")
    heard = one.command(LEA, "role", role)
    assert told(heard, LEA, "personne de l’équipe n’est encore joignable")
    assert (EMERGENCE, role, "pending") in who(one, LEA)["roles"]
    one.join(CLAIRE, "Claire", role="staff")
    heard = one.command(LEA, "role", role)
    assert told(heard, LEA, "C’est transmis à")
    assert told(heard, CLAIRE)


def test_where_the_profile_asks_no_name_the_display_name_is_kept() -> None:
    one = alone(profile=None)
    one.command(LEA, "accord", AX)
    assert who(one, LEA)["name"] == "Nom 11"
    heard = one.command(LEA, "profil")
    assert told(heard, LEA, "Ce programme ne demande pas de profil")
    one = alone()
    one.command(LEA, "accord", AX)
    assert who(one, LEA)["name"] is None


def test_consent_without_a_programme_asks_which_and_in_a_second_one_keeps_the_language() -> None:
    one = both()
    heard = one.command(LEA, "accord")
    assert told(heard, LEA, "Plusieurs programmes vivent ici")
    assert not who(one, LEA)["agreed"]
    one.press(LEA, runs("accord", f"{AX}.en"))
    assert (who(one, LEA)["lang"], who(one, LEA)["programme"]) == ("en", AX)
    one.press(LEA, runs("accord", f"{EMERGENCE}.fr"))
    assert (who(one, LEA)["lang"], who(one, LEA)["programme"]) == ("en", EMERGENCE)


def test_an_expert_who_agrees_sees_the_request_that_waited() -> None:
    one = alone()
    one.join(LEA, "Léa Martin")
    with one.work() as uow:
        newcomer = uow.people.meet(
            platform="telegram", account=MARC, bot_account="telegram:9", lang="fr", now=one.now
        )
        one.ids[MARC] = newcomer.person_id
        uow.people.enrol(newcomer.person_id, AX, "mentor", now=one.now)
    card(one, MARC)
    request(one, LEA, MARC)
    heard = one.command(MARC, "accord", AX)
    assert [c for h in heard for c in h.choices.values() if c.startswith("x:accept:")]
    assert not told(heard, MARC, "Comment t’appelles-tu")
    assert told(one.command(MARC, "menu"), MARC, "Une demande attend ta réponse")


def test_what_was_asked_before_consent_is_asked_again_after_it() -> None:
    one = alone()
    with one.work() as uow:
        newcomer = uow.people.meet(
            platform="telegram", account=LEA, bot_account="telegram:9", lang="fr", now=one.now
        )
        uow.people.enrol(newcomer.person_id, AX, "mentee", now=one.now)
        uow.talks.start(
            newcomer.person_id, AX, "profile", state={"answers": {}}, digest="", now=one.now
        )
    heard = one.command(LEA, "accord", AX)
    assert told(heard, LEA, "Comment t’appelles-tu")


def test_a_guest_changes_language_and_nothing_is_stored() -> None:
    one = alone()
    heard = one.press(LEA, button(one.does(Opened, LEA), LEA, "English"))
    assert told(heard, LEA, "Do you agree")
    assert told(one.command(LEA, "langue", "English"), LEA, "Do you agree")
    assert who(one, LEA)["lang"] == "fr"  # what an account begins with
    one.press(LEA, button(heard, LEA, "I agree"))
    assert who(one, LEA)["lang"] == "en"


def test_a_programme_by_its_name_in_words_then_yes() -> None:
    one = both()
    assert told(one.say(LEA, "oui"), LEA, "Plusieurs programmes vivent ici")
    heard = one.say(LEA, "emergence")
    assert f"{EMERGENCE}.fr." in button(heard, LEA, "accord")
    heard = one.say(LEA, "Mentoring on request")
    assert f"{AX}.fr." in button(heard, LEA, "accord")
    one.say(LEA, "d’accord")
    assert who(one, LEA)["programme"] == AX


def test_the_link_of_a_programme_and_of_a_command() -> None:
    one = both()
    assert told(one.does(Opened, LEA, payload=EMERGENCE), LEA, "Emergence")
    assert told(one.does(Opened, LEA, payload="menu"), LEA, "Es-tu d’accord")
    one = alone()
    one.join(LEA, "Léa Martin")
    assert told(one.does(Opened, LEA, payload="aide"), LEA, "Ce que je peux faire")
    assert told(one.does(Opened, LEA), LEA, "Rien ne t’attend")


def code(one: Stand, account: str) -> str:
    """A fresh code of a member, as they read it."""
    return one.command(account, "lier")[-1].text.rpartition("/lier ")[2].split()[0]


def test_a_code_that_is_wrong_too_old_or_used() -> None:
    one = alone()
    one.join(LEA, "Léa Martin")
    assert told(one.does(Opened, BOB, payload="faux-code"), BOB, "n’est pas valable")
    assert told(one.command(LEA, "lier", "faux"), LEA, "n’est pas valable")
    old = code(one, LEA)
    one.now += timedelta(minutes=15)
    assert slack(one, Commanded, "U1", name="lier", args=old)[0].text.startswith("Ce code")
    fresh = code(one, LEA)
    assert told(slack(one, Commanded, "U1", name="lier", args=fresh), "U1", "C’est fait")
    assert who(one, "T1/U1", "slack")["id"] == one.ids[LEA]
    assert told(slack(one, Commanded, "U2", name="lier", args=fresh), "U2", "n’est pas valable")
    assert who(one, "T1/U2", "slack")["id"] != one.ids[LEA]


def test_a_code_for_the_same_account_and_for_one_that_has_its_own() -> None:
    one = alone()
    one.join(LEA, "Léa Martin")
    one.join(BOB, "Bob Petit")
    mine = code(one, LEA)
    assert told(one.does(Opened, LEA, payload=mine), LEA, "déjà relié")
    assert told(one.command(BOB, "lier", mine), BOB, "a déjà sa propre fiche")
    assert who(one, BOB)["id"] == one.ids[BOB]
    heard = slack(one, Opened, "U1", payload=mine)  # both left it good for whom it was made
    assert told(heard, "U1", "C’est fait")
    assert who(one, "T1/U1", "slack")["roles"] == who(one, LEA)["roles"]


def test_the_dialogue_goes_on_where_the_person_came_over() -> None:
    one = alone()
    one.join(LEA, "Léa Martin")
    one.command(LEA, "profil")
    mine = code(one, LEA)
    heard = slack(one, Commanded, "U1", name="lier", args=mine)
    assert told(heard, "U1", "promotion")


def test_an_invited_person_links_before_agreeing_and_a_guest_gets_no_code() -> None:
    one = both()
    with one.work() as uow:
        invited = uow.people.meet(
            platform="slack", account="T1/U9", bot_account="slack:T1", lang="fr", now=one.now
        )
        given = uow.people.make_code(
            invited.person_id, now=one.now, valid=timedelta(days=1), programme_id="gone"
        )
    assert told(one.command(LEA, "lier"), LEA, "Plusieurs programmes")
    heard = one.command(LEA, "lier", given)
    assert told(heard, LEA, "C’est fait")
    assert told(heard, LEA, "Plusieurs programmes")  # its programme is no longer run here
    assert who(one, LEA)["id"] == invited.person_id


def test_home_of_a_guest_a_member_and_the_team() -> None:
    one = alone()
    (guest,) = home(one, "U1")
    assert "Es-tu d’accord" in guest.text
    slack(one, Commanded, "U1", name="accord", args=AX)
    (mine,) = home(one, "U1")
    assert "Rien ne t’attend" in mine.text
    assert not who(one, "T1/U1", "slack")["roles"]
    one.bot.first_staff = frozenset({("slack", "T1/U1")})
    _, desk, *_ = home(one, "U1")
    assert desk.title == "Le bureau de l’équipe"
    assert who(one, "T1/U1", "slack")["roles"] >= {(AX, "staff", "active"), (AX, "owner", "active")}


def test_home_of_a_guest_among_several_programmes_offers_them() -> None:
    one = both()
    (guest,) = home(one, "U1")
    assert [c.token for c in guest.choices] == [
        runs("programme", f"{AX}.fr"),
        runs("programme", f"{EMERGENCE}.fr"),
    ]


def test_the_menu_of_somebody_with_everything() -> None:
    one, _ = crew()
    request(one, LEA)
    one.command(LEA, "profil")
    (menu,) = told(one.command(LEA, "menu"), LEA)
    assert "En binôme avec Marc Aubier" in menu.text
    assert {"Ma demande", "Mon binôme"} <= set(menu.choices)
    assert button([menu], LEA, "ton profil")
    (menu,) = told(one.command(MARC, "menu"), MARC)
    assert "Ma fiche d’expert" in menu.choices
    assert "Faire une demande" not in menu.choices
    one.press(LEA, runs("accord", f"{AX}.fr"))
    one.run(programme(), programme(EMERGENCE))
    one.press(LEA, runs("accord", f"{EMERGENCE}.fr"))
    (menu,) = told(one.command(LEA, "menu"), LEA)  # the draft of the other programme stays there
    assert not [label for label in menu.choices if "Reprendre" in label]
    assert "Faire une demande" not in menu.choices


def test_a_role_that_the_team_gives_is_refused_asked_again_and_given() -> None:
    one = Stand((programme(EMERGENCE, profile=None),))
    one.join(CLAIRE, "Claire", role="staff")
    one.command(LEA, "accord", EMERGENCE)
    assert told(one.command(LEA, "role", "roi"), LEA, "Comment souhaites-tu participer")
    asked = one.press(LEA, runs("role", "mentee"))
    assert told(asked, LEA, "C’est transmis à l’équipe Emergence")
    assert told(asked, CLAIRE, "souhaite rejoindre")
    no, yes = button(asked, CLAIRE, "Ne pas donner suite"), button(asked, CLAIRE, "Accueillir")
    assert told(one.press(LEA, yes), LEA, NOT_FOUND)  # nobody admits themselves
    assert told(one.press(CLAIRE, no), LEA, "ne peut pas confirmer")
    assert who(one, LEA)["roles"] == set()
    assert told(one.press(CLAIRE, yes), CLAIRE, "n’a plus d’effet")
    one.now += timedelta(days=1)
    again = one.press(LEA, runs("role", "mentee"))
    heard = one.press(CLAIRE, button(again, CLAIRE, "Accueillir"))
    assert told(heard, LEA, "ton inscription est confirmée")
    one.press(LEA, runs("role", "mentee"))
    assert who(one, LEA)["roles"] == {(EMERGENCE, "mentee", "active")}


VERBS = "withdraw ask accept write approve skip-this meeting staff-close-request staff-end-pair"


@pytest.mark.parametrize("verb", [*VERBS.split(), "admit", "pass", "no-such-act"])
def test_what_is_not_there_or_not_theirs_is_not_found(verb: str) -> None:
    one, _ = crew()
    number, _ = request(one, LEA, MARC)
    with one.work() as uow:
        uow.pairs.add_objective(1, one.ids[LEA], "changer de poste", one.now)
        uow.talks.keep_stray(one.ids[LEA], AX, "pour moi", one.now)
        before = uow.session.query(Outbox).count()
    for thing in (number, 1, 999):
        (heard,) = one.press(BOB, encode(ActToken(verb, thing, 1)))
        assert (heard.to, NOT_FOUND in heard.text) == (BOB, True)
    with one.work() as uow:
        assert uow.session.query(Outbox).count() == before + 3
        assert uow.session.query(Stray).one().passed_at is None
    assert one.get_pair(1).state == "active"


def test_tokens_and_forms_that_are_no_tokens() -> None:
    one, _ = crew()
    one.command(LEA, "profil")
    with one.work() as uow:
        hers = uow.talks.open_ones(one.ids[LEA])[0].id
    for token in ("", "x:", encode(DialogueToken(hers, Resume())), encode(FormToken(hers, 1))):
        assert told(one.press(BOB, token), BOB, NOT_FOUND)
    for token in ("rubbish", runs("menu"), encode(FormToken(hers, 1))):
        assert told(one.submit(BOB, token, {"name": "Bob"}), BOB, NOT_FOUND)
    assert told(one.command(BOB, "demandes"), BOB, NOT_FOUND)
    heard = one.command(BOB, "abracadabra")
    assert told(heard, BOB, "abracadabra")
    assert told(one.press(BOB, heard[0].choices["Aide"]), BOB, "Ce que je peux faire")


def test_words_are_handed_to_the_team_once_and_kept_when_nobody_is_there() -> None:
    one = Stand((programme(),))
    one.join(LEA, "Léa Martin")
    one.run(programme(intake=None))
    assert told(one.command(LEA, "reprendre"), LEA, "Rien n’est resté en suspens")
    heard = one.say(LEA, "je voudrais vous dire merci")
    assert "Ma demande" not in heard[-1].choices
    token = button(heard, LEA, "équipe")
    assert told(one.press(LEA, token), LEA, "personne de l’équipe n’est encore joignable")
    one.join(CLAIRE, "Claire", role="staff")
    assert told(one.press(LEA, token), CLAIRE, "je voudrais vous dire merci")
    assert [h.to for h in one.press(LEA, token)] == [LEA]


def test_reached_and_failed() -> None:
    one, _ = crew()
    assert one.does(Reached, LEA, reachable=False) == []
    assert who(one, LEA)["reachable"] is False
    assert told(one.say(LEA, "  "), LEA, "Je ne sais lire que le texte")
    assert who(one, LEA)["reachable"] is True
    event = Said(id="e-x", author=Author("telegram", LEA, "telegram:9"), at=one.now, text="?")
    with one.work() as uow:
        one.bot.failed(uow, event, "AB12", one.now)
    heard = one.news()
    assert told(heard, LEA, "AB12")
    assert told(heard, CLAIRE, "AB12")


def test_a_card_hidden_shown_and_paused_and_pauses_without_one() -> None:
    one, _ = crew()
    card(one, MARC, consenting=False, job="Ingénieur", sector="Énergie")
    hidden = one.command(MARC, "experts")
    assert told(hidden, MARC, "n’est montrée à personne")
    assert told(hidden, MARC, "Énergie")
    request(one, BOB, MARC)
    heard = one.command(MARC, "pause")
    assert told(heard, MARC, "aucune demande ne t’arrivera")
    assert told(heard, BOB)
    assert told(one.command(MARC, "experts"), MARC, "Tu es en pause")
    assert told(one.press(MARC, button(heard, MARC, "Mettre fin")), MARC, "Te revoilà")
    card(one, MARC)
    assert told(one.command(MARC, "experts"), MARC, "Ta fiche est montrée quand")
    assert told(one.command(LEA, "pause"), LEA, "je ne t’écris plus de moi-même")
    assert told(one.command(BOB, "pause"), BOB, "je ne t’écris plus de moi-même")
    assert told(one.command(BOB, "pause", "fin"), BOB, "Te revoilà")
    assert told(one.command(BOB, "experts"), BOB, "Tu n’as pas encore de fiche")
    one.run(programme(expert=None))
    for name in ("experts", "carte"):
        assert told(one.command(BOB, name), BOB, "il n’y a pas de fiche d’expert")


@pytest.mark.parametrize("state", ["proposed", "active", "paused", "closing", "closed"])
def test_erasing_tells_those_concerned_and_frees_the_place(state: str) -> None:
    one, number = crew(charter=state != "proposed")
    request(one, LEA, MARC)
    with one.work() as uow:
        pair = uow.pairs.get(number)
        assert pair is not None
        pair.state = state
    sure = one.command(LEA, "effacer")
    heard = one.press(LEA, button(sure, LEA, "Tout effacer"))
    left = bool(told(heard, MARC, "Ton binôme a quitté le programme"))
    assert left == (state in ("active", "paused", "closing"))
    assert bool(told(heard, CLAIRE, "n’a plus de binôme")) == (state in ("active", "paused"))
    with one.work() as uow:
        expert = uow.directory.get(one.ids[MARC])
        assert expert is not None
        assert expert.places_taken == (1 if state in ("closing", "closed") else 0)
        assert uow.people.get(one.ids[LEA]) is None
        assert not uow.session.query(Membership).filter_by(person_id=one.ids[LEA]).count()


def test_an_address_of_somebody_else_is_not_taken_and_the_rest_is_kept() -> None:
    here = programme()
    assert here.profile is not None
    name, promo = here.profile.questions
    mail = promo.model_copy(update={"fill": "email", "format": None})
    asks = here.profile.model_copy(update={"questions": (name, mail)})
    one = alone(profile=asks, intake=None)
    one.join(BOB, "Bob Petit")
    one.join(LEA, "Léa Martin")
    with one.work() as uow:
        person = uow.people.get(one.ids[LEA])
        assert person is not None
        person.email, person.name = None, None
    one.command(LEA, "profil")
    one.say(LEA, "Léa Durand")
    heard = one.say(LEA, "13@Exemple.invalid")
    assert told(heard, LEA, "déjà celle d’une autre fiche")
    assert told(heard, LEA, "ton profil est enregistré")
    assert (who(one, LEA)["email"], who(one, LEA)["name"]) == (None, "Léa Durand")
    lines = one.command(LEA, "profil")[0].message.lines
    one.press(LEA, [line.choice.token for line in lines if line.choice and line.choice.token][-1])
    one.say(LEA, "Lea@Exemple.invalid")
    assert who(one, LEA)["email"] == "lea@exemple.invalid"


def test_a_card_is_begun_and_then_kept_to_oneself() -> None:
    one = Stand((programme(EMERGENCE, profile=None),))
    one.join(CLAIRE, "Claire", role="staff")
    one.join(MARC, "Marc Aubier", role="mentor")
    assert told(one.command(MARC, "carte"), MARC, "Quel est ton métier")
    for words in ("Ingénieur", "passer", "Énergie", "passer", "parrainer", "passer", "Deux"):
        heard = one.say(MARC, words)
    assert told(heard, MARC, "Es-tu d’accord")
    heard = one.say(MARC, "non")
    heard = one.press(MARC, button(heard, MARC, "Envoyer"))
    assert told(heard, MARC, "n’est montrée à personne")
    with one.work() as uow:
        kept = uow.directory.get(one.ids[MARC])
        assert kept is not None
        assert (kept.sector, kept.capacity, kept.consenting) == ("Énergie", 2, False)
        assert "proposed" not in uow.people.consents(one.ids[MARC], EMERGENCE)
    assert told(one.command(MARC, "carte"), MARC, "Ingénieur")


@pytest.mark.parametrize("words", ["binômes *gras* _x_", "12@emergence", "é", "9" * 60])
def test_words_that_fit_no_button_are_left_out_of_the_choice_of_a_programme(words: str) -> None:
    one = Stand((programme(), programme("emergence")))
    one.command(CLAIRE, "aide")
    with one.work() as uow:
        identity = uow.people.by_account("telegram", CLAIRE)
        assert identity is not None
        person = uow.people.get(identity.person_id)
        assert person is not None
        person.programme_id = None
    (which,) = told(one.command(CLAIRE, "demandes", words), CLAIRE)
    assert len(which.choices) >= 2


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("demende", {"demande", "demandes"}),
        ("Chiffre", {"statistiques"}),
        ("mes_profils", {"profil"}),
        ("pauze", {"pause"}),
        ("qwxz", set()),
    ],
)
def test_a_verb_there_is_not_leads_to_what_may_have_been_meant(typed: str, meant: set[str]) -> None:
    one, _ = crew()
    one.run(programme("emergence"), *one.programmes)
    [heard] = one.command(CLAIRE, typed)
    assert f"« {typed} »" in heard.text.replace("\N{NO-BREAK SPACE}", " ").replace(
        "\N{NARROW NO-BREAK SPACE}", " "
    )
    assert meant <= {*heard.choices} - {"Aide"}
    assert ("Peut-être" in heard.text) == bool(meant)
    for label in meant:
        assert one.press(CLAIRE, heard.choices[label])


def test_nobody_is_offered_a_verb_of_the_team() -> None:
    one, _ = crew()
    for typed in ("demandess", "chiffres", "exportr", "role"):
        for heard in one.command(LEA, typed):
            assert not {"demandes", "statistiques", "exporter", "roles"} & {*heard.choices}
