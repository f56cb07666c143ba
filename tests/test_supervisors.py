"""A supervisor sees, hears of and answers in the pairs they follow, and in no other."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from bot.dialogue.tokens import ActToken, encode
from bot.i18n import words
from bot.messages import Message
from bot.programmes.about import Body
from storage.rectifications import READ
from storage.tables import Audit, Beyond
from tests.asking import GONE, INES, LEA, MARC, NAMES, TOM
from tests.stand import CLAIRE, Heard, Stand, button, programme, told

SUE, SAM, OUT = "31", "32", "33"
LENT = ("binomes", "exporter")


def lent(role: str) -> Body:
    name = words("fr")("role-supervisor")
    return Body.model_validate({"id": role, "name": {"fr": name, "en": name}, "may": LENT})


def two_pairs(*bodies: Body) -> Stand:
    """Léa and Marc, followed by Sue; Tom and Inès, followed by Sam; neither of the team."""
    one = Stand((programme(bodies=bodies),))
    one.join(CLAIRE, "Claire", role="owner")
    for account, name in ((LEA, "Léa Martin"), (TOM, "Tom Blanc")):
        one.join(account, name)
    for account in (MARC, INES):
        one.join(account, NAMES[account], role="mentor")
    for account, name in ((SUE, "Sue Roy"), (SAM, "Sam Roy")):
        one.join(account, name, role="supervisor")
    one.pair(LEA, MARC)
    one.pair(TOM, INES)
    one.command(CLAIRE, "binomes", "1 suivi Sue")
    one.command(CLAIRE, "binomes", "2 suivi Sam")
    return one


def beyond(one: Stand, mentor: str) -> list[Heard]:
    number = {MARC: 1, INES: 2}[mentor]
    return one.press(mentor, encode(ActToken("beyond-yes", number, 1)))


def cells(message: Message) -> list[str]:
    return [cell for row in (message.table.rows if message.table else ()) for cell in row]


def test_whoever_is_given_a_pair_hears_of_it_and_may_look_at_it() -> None:
    one = two_pairs()
    heard = one.command(CLAIRE, "binomes", "1 suivi Sam")
    assert told(heard, SAM, "Léa Martin et Marc Aubier")
    assert told(one.press(SAM, button(heard, SAM, "Voir le binôme")), SAM, "Binôme n° 1")
    assert told(one.command(SUE, "binomes", "1"), SUE, GONE)


@pytest.mark.parametrize("bodies", [(), (lent("supervisor"),)], ids=["by default", "lent"])
def test_the_list_has_their_own_pairs_only(bodies: tuple[Body, ...]) -> None:
    one = two_pairs(*bodies)
    for args in ("", "miens"):
        (mine,) = told(one.command(SUE, "binomes", args), SUE)
        assert "Léa Martin" in cells(mine.message)
        assert "Tom Blanc" not in cells(mine.message)
        assert mine.choices == {}
    (team,) = told(one.command(CLAIRE, "binomes"), CLAIRE)
    assert {"Léa Martin", "Tom Blanc"} <= set(cells(team.message))
    assert len(team.choices) == 2


@pytest.mark.parametrize("bodies", [(), (lent("supervisor"),)], ids=["by default", "lent"])
def test_another_s_pair_and_what_is_for_the_team_look_like_nothing(
    bodies: tuple[Body, ...],
) -> None:
    one = two_pairs(*bodies)
    for args in ("2", "2 suivi Sue", "2/", "1 suivi Sam", "1/", "Tom Blanc, Marc Aubier", "99"):
        assert told(one.command(SUE, "binomes", args), SUE, GONE), args
    assert (one.get_pair(1).supervisor_id, one.get_pair(2).supervisor_id) == (
        one.ids[SUE],
        one.ids[SAM],
    )


def test_the_page_is_the_team_s_and_reading_it_is_written_down() -> None:
    one = two_pairs()
    one.days(22)
    (asked,) = one.asked(1, LEA)
    one.command(LEA, "reprendre", str(asked.conversation_id))
    one.say(LEA, "Oui")
    (mine,) = told(one.command(SUE, "binomes", "1"), SUE)
    (team,) = told(one.command(CLAIRE, "binomes", "1"), CLAIRE)
    assert "Léa Martin" in mine.text
    assert "Léa Martin oui" in mine.text
    assert mine.text == team.text
    assert (mine.choices, len(team.choices)) == ({}, 3)
    with one.work() as uow:
        by_her = select(Audit).where(Audit.actor_id == one.ids[SUE], Audit.verb == READ)
        read = {row.thing_id for row in uow.session.scalars(by_her)}
        assert read == {one.ids[LEA], one.ids[MARC]}


def test_what_a_mentor_says_is_beyond_them_goes_to_the_one_who_follows_the_pair() -> None:
    one = two_pairs()
    heard = beyond(one, MARC)
    assert told(heard, SUE, "Marc Aubier")
    assert not told(heard, SAM)
    assert not told(heard, CLAIRE)
    answered = button(heard, SUE, "Réponse donnée")
    assert told(one.press(SAM, answered), SAM, GONE)
    assert told(one.press(SUE, answered), MARC, "Sue Roy")
    with one.work() as uow:
        assert uow.session.query(Beyond).one().state == "answered"


def test_what_waited_too_long_goes_to_the_team_and_still_to_them() -> None:
    one = two_pairs()
    beyond(one, MARC)
    with one.work() as uow:
        uow.people.enrol(one.ids[CLAIRE], one.programmes[0].id, "staff", now=one.now)
    heard = one.days(8)
    assert told(heard, SUE, "Marc Aubier")
    assert told(heard, CLAIRE, "Marc Aubier")
    assert not told(heard, SAM, "Marc Aubier")


def test_a_role_that_ended_gives_the_alerts_back_to_the_team() -> None:
    one = two_pairs()
    with one.work() as uow:
        here = one.programmes[0].id
        uow.people.enrol(one.ids[CLAIRE], here, "staff", now=one.now)
        uow.people.enrol(one.ids[SUE], here, "supervisor", now=one.now, state="ended")
    heard = beyond(one, MARC)
    assert told(heard, CLAIRE, "Marc Aubier")
    assert not told(heard, SUE)
    assert told(one.command(SUE, "binomes"), SUE, GONE)


def test_lent_the_verb_they_end_their_own_pair_and_no_other() -> None:
    one = two_pairs(lent("supervisor"))
    assert told(one.press(SUE, encode(ActToken("staff-end-pair", 2, 1))), SUE, GONE)
    assert told(one.press(SUE, encode(ActToken("supervise", 2, 1))), SUE, GONE)
    shown = one.command(SUE, "binomes", "1")
    one.press(SUE, button(shown, SUE, "Terminer"))
    assert [one.get_pair(n).state for n in (1, 2)] == ["closing", "active"]


def test_not_lent_it_they_end_none() -> None:
    one = two_pairs()
    assert told(one.press(SUE, encode(ActToken("staff-end-pair", 1, 1))), SUE, GONE)
    assert one.get_pair(1).state == "active"


def test_a_file_of_all_pairs_is_not_for_a_supervisor() -> None:
    one = two_pairs(lent("supervisor"))
    assert told(one.command(SUE, "exporter", "binomes"), SUE, GONE)


def test_another_body_that_is_lent_pairs_sees_them_all_and_may_follow_one() -> None:
    one = two_pairs(lent("soie"))
    one.join(OUT, "Olga Roy", role="soie")
    (shown,) = told(one.command(OUT, "binomes"), OUT)
    assert {"Léa Martin", "Tom Blanc"} <= set(cells(shown.message))
    assert told(one.command(CLAIRE, "binomes", "2 suivi Olga"), OUT, "Tom Blanc et Inès Moreau")
    assert told(beyond(one, INES), OUT, "Inès Moreau")


def test_who_followed_it_hears_who_does_now() -> None:
    one = two_pairs()
    heard = one.command(CLAIRE, "binomes", "1 suivi Sam")
    assert told(heard, SUE, "Le binôme n° 1 est suivi par Sam Roy")
    assert told(heard, SAM, "Léa Martin")
