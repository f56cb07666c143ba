"""A teacher sees the pupils of the classes they were given, facts only, and nobody else's."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from storage.rectifications import READ
from storage.tables import Audit, ClassPlace
from tests.asking import GONE, LEA, MARC, NAMES, TOM, asks
from tests.stand import CLAIRE, Stand, button, programme, told

ROY, PETIT, EVE = "41", "42", "43"
WISH = "Comment entrer dans la finance durable et investissement ?"


def school() -> Stand:
    """Léa and Tom in 2de 4 with Mme Roy, Ève in 1re B with M. Petit, and Marc whom Léa meets."""
    plain = programme()
    rules = plain.pair.model_copy(update={"ask_after_meetings": True})
    one = Stand((programme(pair=rules),))
    one.join(CLAIRE, "Claire", role="staff")
    for account, name in ((LEA, "Léa Martin"), (TOM, "Tom Blanc"), (EVE, "Ève Lopez")):
        one.join(account, name)
    one.join(MARC, NAMES[MARC], role="mentor")
    one.join(ROY, "Mme Roy", role="teacher")
    one.join(PETIT, "M. Petit", role="teacher")
    one.command(CLAIRE, "classe", "2de 4 + Léa Martin, Tom Blanc; Mme Roy")
    one.command(CLAIRE, "classe", "1re B + Ève Lopez, M. Petit")
    return one


def test_a_teacher_sees_their_own_class_and_no_other() -> None:
    one = school()
    for typed in ("", "2de 4", "2DE-4", "2de-4"):
        (shown,) = told(one.command(ROY, "classe", typed), ROY)
        assert [line.label for line in shown.message.lines] == ["Léa Martin", "Tom Blanc"]
        assert "Ève" not in shown.text
    for typed in ("1re B", "1re-b", "9e 9", "2de 4 + Ève Lopez", "2de 4 - Tom Blanc"):
        assert told(one.command(ROY, "classe", typed), ROY, GONE), typed
    assert len(told(one.command(ROY, "classe"), ROY, "Tom Blanc")) == 1


def test_everybody_but_teachers_and_the_team_is_refused() -> None:
    one = school()
    for account in (LEA, MARC):
        for typed in ("", "2de 4", "2de 4 + Ève Lopez"):
            assert told(one.command(account, "classe", typed), account, GONE)


def test_the_team_sees_every_class_and_a_teacher_of_none_is_told_so() -> None:
    one = school()
    listed = one.command(CLAIRE, "classe")
    assert told(one.press(CLAIRE, button(listed, CLAIRE, "1re B · 1")), CLAIRE, "Ève Lopez")
    assert told(one.command(CLAIRE, "classe", "2de 4 - Mme Roy"), CLAIRE, "pas encore d’enseignant")
    assert told(one.command(ROY, "classe"), ROY, "Aucune classe")
    assert told(one.command(ROY, "classe", "2de 4"), ROY, GONE)


def test_the_role_taken_away_closes_the_class() -> None:
    one = school()
    with one.work() as uow:
        here = one.programmes[0].id
        uow.people.enrol(one.ids[ROY], here, "teacher", now=one.now, state="ended")
    assert told(one.command(ROY, "classe", "2de 4"), ROY, GONE)


def test_how_far_each_pupil_has_got_and_no_word_of_theirs() -> None:
    one = school()

    def step(name: str) -> str:
        (shown,) = told(one.command(ROY, "classe"), ROY)
        assert WISH not in shown.text
        assert NAMES[MARC] not in shown.text
        return next(line.text for line in shown.message.lines if line.label == name)

    assert step("Léa Martin") == "pas encore de demande"
    asks(one, wish=WISH)
    assert step("Léa Martin").startswith("demande")
    one.pair(TOM, MARC)
    assert step("Tom Blanc") == "en relation"
    one.command(TOM, "rdv", "jeudi 18h30")
    assert "prochain rendez-vous" in step("Tom Blanc")
    asked = one.days(4)
    one.press(TOM, button(asked, TOM, "Oui"))
    assert step("Tom Blanc").endswith("1 a eu lieu")
    one.press(MARC, button(asked, MARC, "Non"))
    assert step("Tom Blanc").endswith("1 où les deux réponses diffèrent")
    with one.work() as uow:
        pair = uow.pairs.get(1)
        assert pair is not None
        uow.pairs.move(pair, pair.version, "closed")
        uow.people.enrol(one.ids[LEA], one.programmes[0].id, "mentee", now=one.now, state="ended")
    assert step("Tom Blanc").startswith("mise en relation terminée")
    with pytest.raises(StopIteration):
        step("Léa Martin")


def test_each_pupil_can_see_who_opened_the_page() -> None:
    one = school()
    one.command(ROY, "classe")
    with one.work() as uow:
        rows = uow.session.scalars(
            select(Audit).where(Audit.verb == READ, Audit.actor_id == one.ids[ROY])
        ).all()
        assert {row.thing_id for row in rows} == {one.ids[LEA], one.ids[TOM]}
    assert told(one.command(LEA, "mes-donnees", "lectures"), LEA, "la page de ta classe")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("2de 4 + Nobody", "Introuvable"),
        ("2de 4 + Marc Aubier", "Introuvable"),
        ("une classe au nom trop long + Ève Lopez", "nom de classe"),
        ("<b> + Ève Lopez", "nom de classe"),
    ],
)
def test_what_can_t_be_done_is_said_and_changes_nothing(typed: str, said: str) -> None:
    one = school()
    assert told(one.command(CLAIRE, "classe", typed), CLAIRE, said)
    with one.work() as uow:
        assert uow.session.query(ClassPlace).count() == 5


def test_the_last_to_leave_ends_the_class() -> None:
    one = school()
    assert told(
        one.command(CLAIRE, "classe", "1re B - Ève Lopez, M. Petit"), CLAIRE, "n’existe plus"
    )
    with one.work() as uow:
        assert {row.name for row in uow.session.query(ClassPlace)} == {"2de 4"}


def test_whoever_is_erased_is_in_no_class() -> None:
    one = school()
    with one.work() as uow:
        uow.privacy.erase_person(one.ids[TOM], one.now)
    (shown,) = told(one.command(ROY, "classe"), ROY)
    assert [line.label for line in shown.message.lines] == ["Léa Martin"]
