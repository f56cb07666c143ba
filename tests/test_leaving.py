"""Whoever leaves: nothing of theirs is still said, and nobody is left waiting for them."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from bot.dialogue.tokens import RunToken, encode
from storage.tables import Flag, HelpCall, Outbox, Pair
from tests.asking import INES, LEA, MARC, NAMES, TOM, act, ask, asks, expert, request, stand, states
from tests.stand import CLAIRE, Heard, Stand, button, programme, told
from tests.test_flags import GUARD, NIGHT
from tests.test_supervisors import SUE, beyond, two_pairs

PAULE, DEPUTY = "2", "41"


def waiting(one: Stand, account: str) -> dict[str, str]:
    """What was to be said to somebody: first word of the key → state."""
    with one.work() as uow:
        rows = uow.session.scalars(select(Outbox).where(Outbox.person_id == one.ids[account]))
        return {row.dedup_key.partition(":")[0]: row.state for row in rows}


# --- what they had written ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Léa", "Léa Martin"])
def test_a_letter_held_for_somebody_away_goes_with_its_author(name: str) -> None:
    one = stand(MARC)
    with one.work() as uow:
        uow.people.get(one.ids[LEA]).name = name  # type: ignore[union-attr]
    one.pair(LEA, MARC)
    one.command(MARC, "pause", "tout")
    one.command(LEA, "ecrire", "j'ai raté mon année")
    assert waiting(one, MARC)["letter"] == "queued"
    one.command(LEA, "effacer-oui")
    assert waiting(one, MARC)["letter"] == "cancelled"
    assert not [h for h in one.command(MARC, "pause", "fin") if "raté" in h.text]


def test_words_held_for_the_team_go_with_their_author() -> None:
    """The call for help, and what was said of it, to one of the team who is away."""
    one = stand(MARC)
    with one.work() as uow:
        uow.people.get(one.ids[LEA]).name = "Léa"  # type: ignore[union-attr]
    one.command(CLAIRE, "pause", "tout")
    one.command(LEA, "besoin", "je dors mal depuis un mois")
    assert waiting(one, CLAIRE)["help-call"] == "queued"
    one.command(LEA, "effacer-oui")
    assert waiting(one, CLAIRE)["help-call"] == "cancelled"


def test_a_letter_held_for_somebody_away_is_kept_no_longer_than_any() -> None:
    one = stand(MARC)
    one.pair(LEA, MARC)
    one.command(MARC, "pause", "tout")
    one.command(LEA, "ecrire", "à bientôt j'espère")
    rules = {here.id: here.retention for here in one.programmes}
    for days, state in ((29, "queued"), (2, "cancelled")):
        one.days(days)
        with one.work() as uow:
            while uow.retention.some(rules, one.now):
                pass
        assert waiting(one, MARC)["letter"] == state
    assert not [h for h in one.command(MARC, "pause", "fin") if "bientôt" in h.text]


# --- a first name that is another's too -----------------------------------------------------------


@pytest.mark.parametrize("first", ["Marie", "Anne-Marie"])
def test_the_news_of_who_is_asked_next_is_not_taken_for_who_left(
    monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    monkeypatch.setitem(NAMES, MARC, "Marie Aubier")
    monkeypatch.setitem(NAMES, INES, f"{first} Moreau")
    one = stand(MARC, INES)
    asks(one)
    ask(one, MARC)
    assert told(one.command(MARC, "effacer-oui"), LEA, first)
    assert waiting(one, LEA)["refused"] == "queued"


def test_what_somebody_else_of_that_name_said_is_still_said() -> None:
    one = stand()
    one.join(TOM, "Léa Petit")
    expert(one, MARC)
    one.command(MARC, "pause", "tout")
    one.pair(LEA, MARC)
    one.pair(TOM, MARC)
    one.command(TOM, "ecrire", "es-tu libre mardi ?")
    one.command(LEA, "effacer-oui")
    assert waiting(one, MARC)["letter"] == "queued"


def test_who_has_the_name_themselves_still_hears_what_is_for_them() -> None:
    one = stand()
    one.join(TOM, "Léa Blanc", role="mentor")
    one.pair(LEA, TOM)
    one.join(INES, "Inès Moreau")
    one.pair(INES, TOM)
    heard = one.command(INES, "ecrire", "Bonjour Léa")
    assert told(heard, TOM, "Bonjour Léa")
    one.command(LEA, "effacer-oui")
    assert waiting(one, TOM)["letter"] == "queued"


def test_a_name_of_blanks_only_is_erased_like_any() -> None:
    one = stand(MARC)
    one.pair(LEA, MARC)
    with one.work() as uow:
        uow.people.get(one.ids[LEA]).name = "    "  # type: ignore[union-attr]
        uow.privacy.erase_person(one.ids[LEA], one.now)
    with one.work() as uow:
        assert uow.people.get(one.ids[LEA]) is None


# --- whom they leave waiting ----------------------------------------------------------------------


def test_an_expert_who_goes_leaves_nobody_without_a_word() -> None:
    one = stand(MARC, INES)
    asks(one)
    ask(one, MARC)
    heard = one.command(MARC, "effacer-oui")
    [said] = told(heard, LEA, "n’est plus disponible")
    assert "Ta demande est maintenant chez Inès Moreau" in said.text
    assert waiting(one, LEA)["refused"] == "queued"
    assert states(one) == {INES: "asked"}


def test_the_mentor_of_a_pair_not_begun_goes_and_the_team_hears() -> None:
    one = stand()
    expert(one, MARC, charter=False)
    one.command(CLAIRE, "binomes", "Léa Martin, Marc Aubier")
    heard = one.command(MARC, "effacer-oui")
    assert told(heard, CLAIRE, "préparé pour Léa Martin n’aura pas lieu")
    assert not told(heard, LEA)
    assert waiting(one, CLAIRE)["proposed-left"] == "queued"


def test_the_mentee_of_a_pair_not_begun_goes_and_the_mentor_hears() -> None:
    one = stand()
    expert(one, MARC, charter=False)
    one.command(CLAIRE, "binomes", "Léa Martin, Marc Aubier")
    heard = one.command(LEA, "effacer-oui")
    assert told(heard, MARC, "a été reprise")
    assert told(heard, CLAIRE, "préparé pour Marc Aubier n’aura pas lieu")
    with one.work() as uow:
        assert uow.session.scalars(select(Pair)).all() == []
        card = uow.directory.get(one.ids[MARC])
        assert card is not None
        assert card.places_taken == 0


# --- somebody of the team -------------------------------------------------------------------------


def team() -> Stand:
    """Claire, who owns the programme, and Paule; Léa has asked."""
    one = stand()
    one.join(PAULE, "Paule", role="staff")
    with one.work() as uow:
        uow.people.enrol(one.ids[CLAIRE], "ax-accompagnement", "owner", now=one.now)
    one.news()
    return one


def leaves(one: Stand, how: str, account: str = PAULE, role: str = "") -> list[Heard]:
    match how:
        case "role":
            return one.command(CLAIRE, "roles", f"- #{one.ids[account]} {role}".rstrip())
        case "erased":
            return one.command(account, "effacer-oui")
        case _:
            return one.command(account, "pause", "tout")


@pytest.mark.parametrize("how", ["role", "erased", "pause"])
def test_a_call_for_help_whose_taker_leaves_waits_for_the_team_again(how: str) -> None:
    one = team()
    heard = one.command(LEA, "besoin", "je ne m'en sors plus")
    one.press(PAULE, button(heard, PAULE, "occupe"))
    one.days(20)
    heard = leaves(one, how)
    assert told(heard, CLAIRE, "la personne qui s’en occupait n’est plus là")
    assert told(heard, CLAIRE, "je ne m'en sors plus")
    assert told(heard, LEA, "quelqu’un te répond au plus tard le")
    assert not told(heard, LEA, "Paule")
    later = one.days(8)
    assert told(later, CLAIRE, "personne ne s’en occupe encore")
    assert told(later, LEA, "à la date promise")
    again = one.press(CLAIRE, button(heard, CLAIRE, "occupe"))
    assert told(again, LEA, "Claire, de l’équipe, s’occupe de ta demande d’aide")
    with one.work() as uow:
        [call] = uow.session.scalars(select(HelpCall))
        assert (call.state, call.taken_by_id) == ("taken", one.ids[CLAIRE])


def test_a_call_stays_with_its_taker_whatever_becomes_of_others() -> None:
    one = team()
    heard = one.command(LEA, "besoin", "oui")
    one.press(CLAIRE, button(heard, CLAIRE, "occupe"))
    assert not told(leaves(one, "erased"), LEA)
    with one.work() as uow:
        [call] = uow.session.scalars(select(HelpCall))
        assert call.state == "taken"


def test_the_last_owner_is_warned_and_the_team_hears_who_can_name_another() -> None:
    one = team()
    assert told(one.command(CLAIRE, "effacer"), CLAIRE, "la seule personne responsable dans")
    assert not told(one.command(PAULE, "effacer"), PAULE, "responsable")
    heard = one.command(CLAIRE, "effacer-oui")
    [said] = told(heard, PAULE, "n’a plus de personne responsable")
    assert "--programme ax-accompagnement" in said.text
    assert waiting(one, PAULE)["ownerless"] == "queued"


def test_nobody_is_warned_while_there_is_another_owner() -> None:
    one = team()
    with one.work() as uow:
        uow.people.enrol(one.ids[PAULE], "ax-accompagnement", "owner", now=one.now)
    assert not told(one.command(CLAIRE, "effacer"), CLAIRE, "responsable")
    assert not told(one.command(CLAIRE, "effacer-oui"), PAULE, "responsable")


def test_words_held_for_somebody_of_the_team_are_not_theirs_without_the_role() -> None:
    """Whatever brings them back afterwards: what waited for them is cancelled, not let go."""
    one = team()
    one.command(PAULE, "pause", "tout")
    for words in ("je dors mal", "Je perds pied, mon chef me harcèle"):
        one.command(LEA, "besoin", words)
    one.command(LEA, "mes-donnees", "corriger mon nom est Lea Martin-Roux")
    held = {"help-call", "rectification"}
    assert {waiting(one, PAULE)[key] for key in held} == {"queued"}
    leaves(one, "role")
    assert {waiting(one, PAULE)[key] for key in held} == {"cancelled"}
    assert waiting(one, CLAIRE)["help-call"] == "queued"
    one.command(PAULE, "accord", one.programmes[0].id)
    assert not told(one.command(PAULE, "pause", "fin"), PAULE, "pied")
    assert set(waiting(one, PAULE).values()) <= {"queued", "cancelled"}
    assert {waiting(one, PAULE)[key] for key in held} == {"cancelled"}


def test_who_stays_of_the_team_without_another_role_keeps_what_waits() -> None:
    one = team()
    with one.work() as uow:
        for role in ("supervisor", "safeguarding"):
            uow.people.enrol(one.ids[PAULE], "ax-accompagnement", role, now=one.now)
    one.command(PAULE, "pause", "tout")
    one.command(LEA, "besoin", "je dors mal")
    leaves(one, "role", role="supervisor")
    assert waiting(one, PAULE)["help-call"] == "queued"
    leaves(one, "role", role="staff")
    assert waiting(one, PAULE)["help-call"] == "cancelled"


def test_a_report_in_doubt_is_not_sent_again_to_who_protects_no_more() -> None:
    one = Stand((programme(),), now=NIGHT)
    one.command(CLAIRE, "menu")
    one.join(LEA, "Léa Martin")
    one.join(GUARD, "Nadia Roux", role="safeguarding")
    one.join(DEPUTY, "Odile Petit", role="safeguarding")
    one.say(LEA, "je veux mourir")
    with one.work() as uow:
        mine = Outbox.person_id == one.ids[GUARD], Outbox.dedup_key.startswith("flag:")
        uow.session.execute(update(Outbox).where(*mine).values(state="in_doubt"))
    leaves(one, "role", GUARD, "protection")
    assert waiting(one, GUARD)["flag"] == "cancelled"
    assert waiting(one, DEPUTY)["flag"] == "queued"


@pytest.mark.parametrize("how", ["role", "erased", "pause"])
def test_a_report_whose_taker_leaves_waits_for_the_others_again(how: str) -> None:
    one = Stand((programme(),), now=NIGHT)
    one.command(CLAIRE, "menu")
    one.join(LEA, "Léa Martin")
    one.join(GUARD, "Nadia Roux", role="safeguarding")
    one.join(DEPUTY, "Odile Petit", role="safeguarding")
    with one.work() as uow:
        identity = uow.people.by_account("telegram", CLAIRE)
        assert identity is not None
        one.ids[CLAIRE] = identity.person_id
    heard = one.say(LEA, "je veux mourir")
    one.press(GUARD, button(heard, GUARD, "occupe"))
    assert not told(one.days(3), DEPUTY)
    heard = leaves(one, how, GUARD, "protection")
    assert told(heard, DEPUTY, "je veux mourir")
    assert told(one.days(2), DEPUTY, "attend toujours quelqu’un")
    one.press(DEPUTY, button(heard, DEPUTY, "occupe"))
    with one.work() as uow:
        [flag] = uow.session.scalars(select(Flag))
        assert (flag.state, flag.handled_by_id) == ("taken", one.ids[DEPUTY])
    assert not told(one.days(3), DEPUTY)


def invited(one: Stand) -> list[Heard]:
    """Claire asks Paule to talk with Léa, and Léa is told to wait for her call."""
    asks(one)
    heard = one.press(CLAIRE, encode(RunToken("entretien", f"1-{one.ids[PAULE]}")))
    return one.press(PAULE, button(heard, PAULE, "sans date"))


def test_an_answer_to_an_interviewer_who_is_away_reaches_the_team() -> None:
    """And the one who answers is told who has it."""
    one = team()
    heard = invited(one)
    one.command(PAULE, "pause", "tout")
    said = one.press(LEA, button(heard, LEA, "ne me va pas"))
    assert told(said, CLAIRE, "ne convient pas")
    assert not told(said, LEA, "Paule")
    said = one.say(LEA, "plutôt jeudi soir")
    assert told(said, CLAIRE, "plutôt jeudi soir")
    assert told(said, LEA, "a bien tes mots")
    assert not told(said, LEA, "Paule")


# --- the one who asked ----------------------------------------------------------------------------


def test_who_sees_to_a_request_hears_that_it_was_taken_back() -> None:
    one = team()
    invited(one)
    act(one, CLAIRE, "claim", 1, 0)
    heard = act(one, LEA, "withdraw")
    assert request(one).state == "closed"
    for account in (CLAIRE, PAULE):
        assert told(heard, account, "Léa Martin l’a retirée")


def test_who_sees_to_a_request_hears_that_nobody_asks_any_more() -> None:
    one = team()
    invited(one)
    heard = one.command(LEA, "effacer-oui")
    for account in (CLAIRE, PAULE):
        assert told(heard, account, "Il n’y a plus rien à faire")
        assert waiting(one, account)["request-gone"] == "queued"


# --- who follows pairs, and what was taken --------------------------------------------------------


def test_who_protects_no_more_still_hears_of_the_pairs_they_follow() -> None:
    one = two_pairs()
    with one.work() as uow:
        uow.people.enrol(one.ids[SUE], one.programmes[0].id, "safeguarding", now=one.now)
    one.command(SUE, "pause", "tout")
    beyond(one, MARC)
    assert waiting(one, SUE)["beyond"] == "queued"
    one.command(CLAIRE, "roles", "- Sue Roy protection")
    assert waiting(one, SUE)["beyond"] == "queued"
    one.command(CLAIRE, "roles", "- Sue Roy")
    assert waiting(one, SUE)["beyond"] == "cancelled"


@pytest.mark.parametrize("how", ["role", "erased"])
def test_pairs_that_nobody_follows_any_more_are_counted_in_the_morning(how: str) -> None:
    one = two_pairs()
    one.join(PAULE, "Paule", role="staff")
    one.days(7)
    if how == "role":
        one.command(CLAIRE, "roles", "- Sue Roy")
    else:
        one.command(SUE, "effacer-oui")
    heard = [said for said in one.days(3) if said.key.startswith("digest")]
    assert told(heard, PAULE, "binôme")


def test_a_call_taken_when_nothing_more_was_planned_for_it_is_reminded_of() -> None:
    one = stand()
    heard = one.command(LEA, "besoin", "oui")
    one.press(CLAIRE, button(heard, CLAIRE, "occupe"))
    with one.work() as uow:
        uow.timers.cancel("help-call", 1)
    one.run(*one.programmes)
    assert [
        said for said in one.days(8) if said.key.startswith("help-call:1:") and said.to == CLAIRE
    ]
