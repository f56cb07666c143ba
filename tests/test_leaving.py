"""Whoever leaves: nothing of theirs is still said, and nobody is left waiting for them."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from storage.tables import Outbox
from tests.asking import LEA, MARC, stand
from tests.stand import CLAIRE, Stand


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
