"""Who gives and takes roles, who is told, and what stays behind in the audit."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from bot.dialogue.questionnaire import Label
from bot.dialogue.tokens import RunToken, encode
from bot.events import Author
from bot.i18n import LANGUAGES, words
from bot.programmes.about import Body
from handlers.menus import verbs_of
from storage.tables import Audit, Identity, Person
from tests.asking import GONE, LEA, TOM, ask, asks, in_state, stand, stranger
from tests.stand import CLAIRE, Heard, Stand, button, programme, told

SOIE = Body(id="soie", name=Label(fr="le SOIE", en="the SOIE"), may=("demandes",))


def owned() -> Stand:
    """A stand whose owner is Claire, with another body of staff."""
    one = stand(here=programme(bodies=(SOIE,)))
    with one.work() as uow:
        uow.people.enrol(one.ids[CLAIRE], one.programmes[0].id, "owner", now=one.now)
    return one


def roles_of(one: Stand, account: str) -> frozenset[str]:
    with one.work() as uow:
        return uow.people.roles(one.ids[account], one.programmes[0].id)


@pytest.mark.parametrize(
    ("typed", "role"),
    [
        ("Tom Blanc", "staff"),
        ("Tom Blanc équipe", "staff"),
        ("Tom Blanc Responsable", "owner"),
        ("Tom Blanc suivi des binômes", "supervisor"),
        ("Tom Blanc teacher", "teacher"),
        ("Tom Blanc protection", "safeguarding"),
        ("Tom Blanc soie", "soie"),
        ("Tom Blanc the soie", "soie"),
        ("12@exemple.invalid enseignant", "teacher"),
    ],
)
def test_a_role_is_given_by_its_name_told_and_kept_in_the_audit(typed: str, role: str) -> None:
    one = owned()
    heard = one.command(CLAIRE, "roles", f"+ {typed}")
    assert roles_of(one, TOM) == {"mentee", role}
    assert told(heard, CLAIRE, "Tom Blanc")
    assert told(heard, TOM, "Tu as maintenant un rôle")
    assert told(one.command(CLAIRE, "roles", f"- {typed}"), TOM, "Tu n’as plus ce rôle")
    assert roles_of(one, TOM) == {"mentee"}
    with one.work() as uow:
        about = (Audit.verb == "role", Audit.thing_id == one.ids[TOM])
        kept = uow.session.scalars(select(Audit).where(*about).order_by(Audit.id))
        assert [(row.actor_id, row.thing_id, row.detail) for row in kept] == [
            (
                one.ids[CLAIRE],
                one.ids[TOM],
                {"role": role, "given": given, "programme": one.programmes[0].id},
            )
            for given in (1, 0)
        ]


def test_what_changes_nothing_is_not_told_again() -> None:
    one = owned()
    one.command(CLAIRE, "roles", "+ Tom Blanc")
    assert not told(one.command(CLAIRE, "roles", "+ Tom Blanc"), TOM)
    one.command(CLAIRE, "roles", "- Tom Blanc")
    assert not told(one.command(CLAIRE, "roles", "- Tom Blanc"), TOM)


@pytest.mark.parametrize("role", ["", " staff", " owner"])
def test_the_last_owner_stays(role: str) -> None:
    one = owned()
    assert told(one.command(CLAIRE, "roles", f"- Claire{role}"), CLAIRE, "on ne se retire pas")
    assert {"staff", "owner"} <= roles_of(one, CLAIRE)


def test_an_owner_may_lay_down_another_role_of_their_own() -> None:
    one = owned()
    one.command(CLAIRE, "roles", "+ Claire protection")
    assert "safeguarding" in roles_of(one, CLAIRE)
    one.command(CLAIRE, "roles", "- Claire protection")
    assert "safeguarding" not in roles_of(one, CLAIRE)


@pytest.mark.parametrize("role", ["staff", "supervisor", "teacher", "safeguarding", "soie"])
def test_nobody_but_an_owner_gives_roles_and_each_counts_at_once(role: str) -> None:
    one = owned()
    one.command(CLAIRE, "roles", f"+ Tom Blanc {role}")
    assert told(one.command(TOM, "roles"), TOM, GONE)
    assert told(one.command(TOM, "roles", "+ Tom Blanc owner"), TOM, GONE)
    assert told(one.command(TOM, "roles", "- Claire"), TOM, GONE)
    assert "owner" not in roles_of(one, TOM)
    before = bool(told(one.command(TOM, "demandes"), TOM, GONE))
    assert before == (role not in ("staff", "soie"))
    one.command(CLAIRE, "roles", f"- Tom Blanc {role}")
    assert told(one.command(TOM, "demandes"), TOM, GONE)


def test_the_button_that_comes_with_a_role_shows_what_it_allows() -> None:
    one = owned()
    heard = one.command(CLAIRE, "roles", "+ Tom Blanc soie")
    (aid,) = told(one.press(TOM, button(heard, TOM, "Aide")), TOM, "/demandes")
    assert "/binomes" not in aid.text


def test_the_menu_of_a_chat_has_what_the_roles_there_open() -> None:
    here = programme(bodies=(SOIE,))
    programmes = {here.id: here}
    assert verbs_of({here.id: {"soie"}}, programmes) == {"demandes"}
    assert verbs_of({here.id: {"mentee", "safeguarding"}}, programmes).isdisjoint({"demandes"})
    assert "roles" not in verbs_of({here.id: {"staff"}}, programmes)
    assert {"roles", "demandes"} <= verbs_of({here.id: {"owner"}}, programmes)
    assert verbs_of({"elsewhere": {"soie"}}, programmes) == frozenset()


def test_every_role_has_a_name_in_each_language() -> None:
    assert {words(lang)("role-supervisor") for lang in LANGUAGES} == {
        "suivi des binômes",
        "supervisor",
    }


def test_a_role_taken_away_in_the_middle_of_a_list_refuses_its_buttons() -> None:
    one = in_state("team")
    with one.work() as uow:
        uow.people.enrol(one.ids[TOM], one.programmes[0].id, "staff", now=one.now)
    token = encode(RunToken("demandes", "1"))
    assert told(one.press(TOM, token), TOM, "Léa")
    with one.work() as uow:
        uow.people.enrol(one.ids[TOM], one.programmes[0].id, "staff", now=one.now, state="ended")
    assert told(one.press(TOM, token), TOM, GONE)
    assert told(one.press(LEA, token), LEA, GONE)


# --- the accounts of the settings -----------------------------------------------------------------


def house() -> Stand:
    """Claire came by the settings; a day later Tom is an owner too. Léa has no such role."""
    one = Stand((programme(),))
    one.join(CLAIRE, "Claire")
    one.join(LEA, "Léa Martin")
    one.now += timedelta(days=1)
    one.join(TOM, "Tom Blanc")
    with one.work() as uow:
        uow.people.enrol(
            one.ids[CLAIRE], one.programmes[0].id, "mentee", now=one.now, state="ended"
        )
        for role in ("owner", "staff"):
            uow.people.enrol(one.ids[TOM], one.programmes[0].id, role, now=one.now)
    return one


def offices_of(one: Stand, account: str, platform: str = "telegram") -> set[str] | None:
    """The roles that an account has now; None for one that is not known."""
    with one.work() as uow:
        identity = uow.people.by_account(platform, account)
        if identity is None:
            return None
        return {m.role for m in uow.people.programmes_of(identity.person_id)}


def restart(one: Stand, account: str = CLAIRE) -> list[Heard]:
    with one.work() as uow:
        one.bot.seat(uow, Author("telegram", account, "telegram:9", "fr", "Claire"), one.now)
    return one.news()


def test_whoever_lost_the_roles_does_not_get_them_back_by_erasing_everything() -> None:
    one = house()
    one.command(TOM, "roles", "- Claire")
    one.command(CLAIRE, "effacer-oui")
    one.say(CLAIRE, "bonjour")
    assert offices_of(one, CLAIRE) == set()
    assert told(one.command(CLAIRE, "roles"), CLAIRE, GONE)
    restart(one)
    assert offices_of(one, CLAIRE) == set()


def test_a_restart_makes_nobody_of_who_erased_everything() -> None:
    one = house()
    one.command(CLAIRE, "effacer-oui")
    restart(one)
    assert offices_of(one, CLAIRE) is None


def test_nights_and_a_restart_leave_a_lost_role_lost() -> None:
    one = house()
    one.command(TOM, "roles", "- Claire")
    for days in (31, 400, 1200):
        one.now += timedelta(days=days)
        with one.work() as uow:
            while uow.retention.some({p.id: p.retention for p in one.programmes}, one.now):
                pass
        restart(one)
        assert not offices_of(one, CLAIRE)


def test_a_code_of_somebody_else_gives_neither_of_them_a_seat() -> None:
    one = house()
    one.command(TOM, "roles", "- Claire")
    one.command(CLAIRE, "effacer-oui")
    with one.work() as uow:
        code = uow.people.make_code(one.ids[LEA], now=one.now, valid=timedelta(days=1))
    assert told(one.command(CLAIRE, "lier", code), CLAIRE, "C’est fait")
    one.say(CLAIRE, "bonjour")
    assert offices_of(one, CLAIRE) == offices_of(one, LEA) == {"mentee"}


def test_an_account_linked_to_a_record_before_it_was_named_seats_nobody() -> None:
    one = house()
    with one.work() as uow:
        code = uow.people.make_code(one.ids[LEA], now=one.now, valid=timedelta(days=1))
    one.command("77", "lier", code)
    one.bot.first_staff = frozenset({("telegram", "77")})
    one.say("77", "bonjour")
    restart(one, "77")
    assert offices_of(one, "77") == {"mentee"}


def test_somebody_with_two_accounts_is_seated_when_both_are_named() -> None:
    one = house()
    with one.work() as uow:
        uow.people.add_identity(
            one.ids[LEA], platform="slack", account="T1/U1", bot_account="slack:T1", now=one.now
        )
    one.bot.first_staff = frozenset({("telegram", LEA)})
    one.say(LEA, "bonjour")
    assert offices_of(one, LEA) == {"mentee"}
    one.bot.first_staff = frozenset({("telegram", LEA), ("slack", "T1/U1")})
    one.say(LEA, "bonjour")
    assert offices_of(one, LEA) == {"mentee", "staff", "owner"}


def test_a_seat_is_in_the_audit_and_the_owners_there_hear_of_it() -> None:
    one = house()
    one.bot.first_staff = frozenset({("telegram", LEA)})
    one.now += timedelta(hours=1)
    heard = restart(one, LEA)
    [said] = told(heard, TOM, "Léa Martin est maintenant responsable")
    assert f"roles - #{one.ids[LEA]}" in said.text
    assert told(heard, CLAIRE, "Léa Martin est maintenant responsable")
    assert not told(heard, LEA)
    with one.work() as uow:
        kept = uow.session.scalars(select(Audit).where(Audit.thing_id == one.ids[LEA]))
        roles = [(row.actor_id, row.detail["role"]) for row in kept if row.verb == "role"]
    assert roles == [(None, "staff"), (None, "owner")]
    assert not told(restart(one, LEA), TOM)


def test_a_new_programme_seats_who_is_an_owner_still_and_nobody_else() -> None:
    one = house()
    one.run(*one.programmes, programme("emergence"))
    restart(one)
    with one.work() as uow:
        assert uow.people.roles(one.ids[CLAIRE], "emergence") == {"staff", "owner"}
    other = house()
    other.command(TOM, "roles", "- Claire")
    other.run(*other.programmes, programme("emergence"))
    restart(other)
    assert not offices_of(other, CLAIRE)


def test_who_lost_the_roles_is_named_again_on_the_machine_itself() -> None:
    """What `cordee owner` does counts, and is not given a second time by the settings."""
    one = house()
    one.command(CLAIRE, "effacer-oui")
    one.say(CLAIRE, "bonjour")
    with one.work() as uow:
        again = uow.people.by_account("telegram", CLAIRE)
        assert again is not None
        for role in ("owner", "staff"):
            uow.people.enrol(again.person_id, one.programmes[0].id, role, now=one.now)
    assert told(one.command(CLAIRE, "roles"), CLAIRE, "Les rôles dans ce programme")


# --- somebody who has no account yet --------------------------------------------------------------


def directory(one: Stand, role: str | None = None, name: str = "Odile Garde") -> int:
    """Somebody of the programme who was imported and has no account."""
    with one.work() as uow:
        person = Person(name=name, email="odile@exemple.invalid", lang="fr", created_at=one.now)
        uow.session.add(person)
        uow.session.flush()
        for each in ("mentor", role):
            if each is not None:
                uow.people.enrol(person.id, one.programmes[0].id, each, now=one.now)
        return person.id


def code_in(heard: list[Heard]) -> str:
    [found] = re.findall(r"lier ([\w-]{22})", "\n".join(one.text for one in heard))
    return str(found)


@pytest.mark.parametrize("role", ["owner", "staff", "safeguarding", "soie"])
def test_no_role_for_somebody_whose_account_nobody_knows(role: str) -> None:
    one = owned()
    number = directory(one)
    for who in ("odile@exemple.invalid", f"#{number}", "Odile"):
        [said] = told(one.command(CLAIRE, "roles", f"+ {who} {role}"), CLAIRE)
        assert "Odile Garde n’a pas encore de compte ici" in said.text
    with one.work() as uow:
        assert uow.people.roles(number, one.programmes[0].id) == {"mentor"}


@pytest.mark.parametrize("role", ["owner", "staff", "supervisor", "safeguarding", "soie"])
def test_who_has_a_role_of_the_team_is_invited_by_an_owner_alone(role: str) -> None:
    """An imported colleague: whoever has the code in hand could act as them."""
    lent = Body(id="soie", name=SOIE.name, may=("inviter",))
    one = stand(here=programme(bodies=(lent,)))
    with one.work() as uow:
        uow.people.enrol(one.ids[CLAIRE], one.programmes[0].id, "owner", now=one.now)
    number = directory(one, role)
    for asker in ("staff", "soie"):
        with one.work() as uow:
            uow.people.enrol(one.ids[TOM], one.programmes[0].id, asker, now=one.now)
        [said] = told(one.command(TOM, "inviter", f"#{number}"), TOM)
        assert "Odile Garde a un rôle dans une équipe" in said.text
        with one.work() as uow:
            uow.people.enrol(one.ids[TOM], one.programmes[0].id, asker, now=one.now, state="ended")
    code = code_in(told(one.command(CLAIRE, "inviter", f"#{number}"), CLAIRE))
    assert told(one.command("66", "lier", code), "66", "C’est fait")
    assert offices_of(one, "66") == {"mentor", role}


def test_an_owner_elsewhere_is_no_owner_there() -> None:
    one = owned()
    number = directory(one, "safeguarding")
    with one.work() as uow:
        uow.people.enrol(number, "emergence", "owner", now=one.now)
    assert told(one.command(CLAIRE, "inviter", f"#{number}"), CLAIRE, "a un rôle dans une équipe")


def test_a_code_made_before_the_role_opens_nothing() -> None:
    one = owned()
    number = directory(one)
    code = code_in(told(one.command(CLAIRE, "inviter", f"#{number}"), CLAIRE))
    with one.work() as uow:
        uow.people.enrol(number, one.programmes[0].id, "safeguarding", now=one.now)
    assert told(one.command("66", "lier", code), "66", "pas valable")
    assert not offices_of(one, "66")


def test_the_team_gets_no_code_for_an_expert_with_a_role_of_the_team() -> None:
    one = stand()
    number = stranger(one)
    with one.work() as uow:
        uow.people.enrol(number, one.programmes[0].id, "safeguarding", now=one.now)
    asks(one)
    one.ids["?"] = number
    said = [h for h in ask(one, "?") if "Yves Montoux" in h.text and h.to == CLAIRE]
    assert said
    assert "seule une personne responsable" in said[0].text
    assert "lier" not in said[0].text


# --- people of another programme ------------------------------------------------------------------


def next_door() -> tuple[Stand, int]:
    """Claire owns one programme; Samira is in the other only."""
    one = Stand((programme(), programme("emergence")))
    one.join(CLAIRE, "Claire")
    one.bot.first_staff = frozenset()
    with one.work() as uow:
        uow.people.enrol(one.ids[CLAIRE], "emergence", "owner", now=one.now, state="ended")
        identity = uow.people.meet(
            platform="telegram", account="77", bot_account="telegram:9", lang="fr", now=one.now
        )
        person = uow.people.get(identity.person_id)
        assert person is not None
        person.name, person.email = "Samira Sow", "samira@exemple.invalid"
        uow.people.enrol(person.id, "emergence", "mentee", now=one.now)
        return one, person.id


def test_a_number_or_an_account_of_another_programme_is_nobody() -> None:
    one, number = next_door()
    for who in (f"#{number}", "telegram:77", "Samira Sow", "#9999", "personne@exemple.invalid"):
        [said] = one.command(CLAIRE, "roles", f"+ {who} supervisor")
        assert (said.to, said.text) == (CLAIRE, "Personne n’a été trouvé.")
    with one.work() as uow:
        assert not uow.people.roles(number, one.programmes[0].id)


def test_whoever_is_known_by_their_exact_address_may_come_from_another_programme() -> None:
    one, _ = next_door()
    heard = one.command(CLAIRE, "roles", "+ samira@exemple.invalid supervisor")
    assert told(heard, CLAIRE, "Samira Sow")
    assert told(heard, "77", "Tu as maintenant un rôle")


def test_an_address_without_an_account_outside_the_programme_is_nobody() -> None:
    one, number = next_door()
    with one.work() as uow:
        uow.session.execute(delete(Identity).where(Identity.person_id == number))
    heard = one.command(CLAIRE, "roles", "+ samira@exemple.invalid supervisor")
    assert [said.text for said in heard] == ["Personne n’a été trouvé."]
