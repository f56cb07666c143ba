"""Whoever leaves: nothing of theirs is still said, and nobody is left waiting for them."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from storage.tables import Outbox, Pair
from tests.asking import INES, LEA, MARC, ask, asks, expert, stand, states
from tests.stand import CLAIRE, Stand, told


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
