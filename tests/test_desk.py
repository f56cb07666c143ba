"""The team's desk: who sees the figures there, and what looking costs."""

from __future__ import annotations

from typing import Any, Final

import pytest
from sqlalchemy import event

from bot.dialogue.questionnaire import Label
from bot.events import Opened
from bot.programmes.about import Body
from tests.stand import Stand, programme
from tests.stores import NOON
from tests.test_arriving import home, runs, slack
from tests.test_statistics import AX, ELSEWHERE, World

READERS: Final = Body(id="lecture", name=Label(fr="la lecture", en="the readers"),
                      may=("statistiques",))  # fmt: skip
QUEUE: Final = Body(id="file", name=Label(fr="la file", en="the queue"), may=("demandes",))
FIGURES: Final = "Chiffres · Depuis le premier jour"


def stand() -> Stand:
    """Two programmes; the first lends its figures to one body, its queue to another."""
    one = Stand((programme(bodies=(READERS, QUEUE)), programme("emergence")))
    one.now = NOON
    one.bot.first_staff = frozenset()
    return one


def enrol(one: Stand, account: str, *roles: tuple[str, str]) -> None:
    """Somebody on Slack who is in the first programme now, with these roles."""
    slack(one, Opened, account, surface="home")
    with one.work() as uow:
        identity = uow.people.by_account("slack", f"T1/{account}")
        assert identity is not None
        person = uow.people.get(identity.person_id)
        assert person is not None
        person.programme_id = AX
        for where, role in roles:
            uow.people.enrol(person.id, where, role, now=one.now)
        if all(role == "mentee" for _, role in roles):
            uow.people.consent(person.id, AX, "storage", text=("2026-11", ""), now=one.now)


def titles(one: Stand, account: str) -> list[str]:
    return [section.title for section in home(one, account) if section.title]


@pytest.mark.parametrize(
    ("roles", "desk", "figures"),
    [
        (((AX, "staff"),), True, True),
        (((AX, "owner"),), True, True),
        (((AX, "lecture"),), True, True),
        (((AX, "file"),), True, False),
        (((AX, "safeguarding"),), False, False),
        (((AX, "mentee"), (ELSEWHERE, "staff")), False, False),
        (((AX, "mentee"),), False, False),
    ],
)
def test_the_figures_are_for_whoever_may_read_them_in_this_programme(
    roles: tuple[tuple[str, str], ...], desk: bool, figures: bool
) -> None:
    one = stand()
    if roles[0] == (AX, "mentee"):  # being staff elsewhere does not stand for agreeing here
        enrol(one, "U1", (AX, "mentee"))
    enrol(one, "U1", *roles)
    assert ("Le bureau de l’équipe" in titles(one, "U1")) is desk
    assert (FIGURES in titles(one, "U1")) is figures
    said = "\n".join(section.text for section in home(one, "U1"))
    assert ("Binômes en cours" in said) is figures
    assert ("Confiées à l’équipe" in said) is (desk and roles != ((AX, "lecture"),))


def test_the_figures_of_other_programmes_are_a_button_away_for_whoever_may_read_them() -> None:
    one = stand()
    enrol(one, "U1", (AX, "staff"))
    enrol(one, "U2", (AX, "staff"), (ELSEWHERE, "staff"))
    elsewhere = runs("statistiques", f"@{ELSEWHERE}")
    tokens = {a: [c.token for s in home(one, a) for c in s.choices] for a in ("U1", "U2")}
    assert elsewhere not in tokens["U1"]
    assert elsewhere in tokens["U2"]


def looks(one: Stand) -> int:
    """Statements of opening the App Home, once everything has been seen before."""
    said: list[str] = []

    def note(*what: Any) -> None:
        said.append(what[2])

    slack(one, Opened, "U1", surface="home")
    event.listen(one.database.engine, "before_cursor_execute", note)
    slack(one, Opened, "U1", surface="home")
    event.remove(one.database.engine, "before_cursor_execute", note)
    return len(said)


def test_opening_costs_as_many_statements_whatever_there_is() -> None:
    one = stand()
    enrol(one, "U1", (AX, "staff"), (ELSEWHERE, "staff"))
    before = looks(one)
    with one.work() as uow:
        World(uow, 5, 60)
    assert looks(one) == before
    tables = [section.table for section in home(one, "U1") if section.table]
    [quarters] = [table for table in tables if table.columns[0] == "Trim."]
    shown = {row[0] for row in quarters.rows}
    assert "2026T3" in shown
    assert shown <= {"2026T3", "2026T4"}  # this one has hardly begun
    assert before < 40
