"""A pupil's request: it never stays with nobody, whatever becomes of the adults once shown."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.asking import act, proposals, request, states
from tests.stand import CLAIRE, Heard, Stand, button, told
from tests.test_minors import BEGIN, GUARD, MENTOR, PUPIL, check, lycee, parents

INES, HUGO = "31", "32"
EXPERTS = {MENTOR: "Karim Belaïd", INES: "Inès Moreau", HUGO: "Hugo Blin"}


def asked(*experts: str) -> Stand:
    """Lina has asked Karim; whoever else was shown is checked until the 5th only, Hugo longer."""
    stand = Stand((lycee(),), now=BEGIN)
    stand.command(CLAIRE, "menu")
    stand.join(PUPIL, "Lina Morel")
    stand.join(GUARD, "Nadia Roux", role="safeguarding")
    for account in (MENTOR, *experts):
        stand.join(account, EXPERTS[account], role="mentor")
        with stand.work() as uow:
            uow.people.consent(
                stand.ids[account], "rencontres-lycee", "charter", text=("2026-11", ""), now=BEGIN
            )
            card = {"consenting": True, "capacity": 2, "job": "sage-femme", "bio": "santé"}
            uow.directory.save(stand.ids[account], BEGIN, card)
    parents(stand)
    check(stand)
    for account in experts:
        until = "05/09/2026" if account == INES else "30/06/2027"
        stand.command(CLAIRE, "mineurs", f"verifie {EXPERTS[account]} {until} entretien")
    stand.command(PUPIL, "demande")
    for words in ("sage-femme, santé", "Comment devient-on sage-femme ?"):
        stand.say(PUPIL, words)
    heard = stand.say(PUPIL, "3")
    heard = stand.press(PUPIL, button(heard, PUPIL, "mon nom"))
    stand.press(PUPIL, button(heard, PUPIL, "Envoyer"))
    assert set(states(stand).values()) == {"shown"}
    one = proposals(stand)[stand.ids[MENTOR]]
    act(stand, PUPIL, "ask", one.id, one.version)
    return stand


def declined(stand: Stand) -> list[Heard]:
    stand.until(datetime(2026, 9, 6, 5, 0, tzinfo=UTC))
    one = proposals(stand)[stand.ids[MENTOR]]
    return act(stand, MENTOR, "decline", one.id, one.version)


def test_when_nobody_shown_may_be_asked_any_more_the_team_has_it() -> None:
    stand = asked(INES)
    heard = declined(stand)
    assert request(stand).state == "team"
    assert told(heard, PUPIL, "Karim Belaïd")
    assert told(heard, PUPIL, "équipe")
    assert not told(heard, INES)
    assert told(heard, CLAIRE)


@pytest.mark.parametrize("experts", [(INES, HUGO), (HUGO, INES)])
def test_who_may_not_be_asked_any_more_is_passed_over(experts: tuple[str, str]) -> None:
    stand = asked(*experts)
    heard = declined(stand)
    assert states(stand)[HUGO] == "asked"
    assert request(stand).state == "asked"
    assert told(heard, PUPIL, "Hugo Blin")
    assert not told(heard, INES)
