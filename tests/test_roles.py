"""Who gives and takes roles, who is told, and what stays behind in the audit."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from bot.dialogue.questionnaire import Label
from bot.dialogue.tokens import RunToken, encode
from bot.i18n import LANGUAGES, words
from bot.programmes.about import Body
from handlers.menus import verbs_of
from storage.tables import Audit
from tests.asking import GONE, LEA, TOM, in_state, stand
from tests.stand import CLAIRE, Stand, button, programme, told

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
        kept = uow.session.scalars(select(Audit).where(Audit.verb == "role").order_by(Audit.id))
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
