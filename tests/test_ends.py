"""How requests and pairs ended: each request once, in the tables and in the picture."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from random import Random
from typing import Final

import pytest

from bot import pictures
from bot.lifecycle import REQUEST_ENDS
from storage.care import TAKEN
from storage.tables import Person, Referral, Request, RequestNote
from storage.unit_of_work import Database, UnitOfWork
from tests.stand import CLAIRE, button, told
from tests.stores import NOON
from tests.test_pairs import LEA, stand
from tests.test_referrals import proposed

AX: Final = "ax-accompagnement"
DAY: Final = timedelta(days=1)


def made(uow: UnitOfWork, rng: Random) -> str | None:
    """A request with a past; how it ended, as whoever made it up knows, if it is to be counted."""
    person = Person(lang="fr", created_at=NOON)
    uow.session.add(person)
    uow.session.flush()
    state = rng.choice(("open", "team", "matched", "closed", "closed", "closed"))
    where, day = rng.choice((AX, AX, "emergence")), rng.randint(0, 200)
    request = Request(
        programme_id=where, person_id=person.id, conversation_id=0, state=state,
        created_at=NOON - day * DAY, changed_at=NOON,
    )  # fmt: skip
    uow.session.add(request)
    uow.session.flush()
    referral = rng.choice((None, None, "suggested", "agreed", "underway", "done", "declined"))
    if referral is not None:
        uow.session.add(
            Referral(programme_id=where, person_id=person.id, request_id=request.id, kind="coach",
                     origin="staff", state=referral, begun_at=NOON, changed_at=NOON)
        )  # fmt: skip
    notes = rng.sample(("note", "feasible", "infeasible", "reopened", "refusal"), rng.randint(0, 4))
    for kind in notes:
        uow.session.add(
            RequestNote(request_id=request.id, person_id=person.id, kind=kind, said_at=NOON)
        )
        uow.session.flush()
    if where != AX or day > 100 or state not in ("matched", "closed"):
        return None
    if state == "matched":
        return "matched"
    if referral in TAKEN:
        return "referred"
    decisions = [kind for kind in notes if kind in ("feasible", "infeasible", "reopened")]
    return "infeasible" if decisions[-1:] == ["infeasible"] else "withdrawn"


def test_each_request_that_is_over_is_counted_once_on_both_databases(database: Database) -> None:
    with database.unit_of_work() as uow:
        rng = Random(11)
        expected = Counter(end for _ in range(150) if (end := made(uow, rng)))
        found = uow.care.request_ends(AX, NOON - 100 * DAY, NOON + DAY)
    assert found == expected
    assert set(found) == set(REQUEST_ENDS)


@pytest.mark.skipif(not pictures.available(), reason="missing: the extra graphiques")
def test_the_picture_shows_how_they_ended_and_turning_to_others_as_a_success() -> None:
    one, number = stand()
    one.press(LEA, proposed(one, number))
    heard = one.command(CLAIRE, "orientations", "1")
    one.press(CLAIRE, button(heard, CLAIRE, "Clore le binôme, orienté"))
    heard = one.command(CLAIRE, "statistiques")
    assert told(heard, CLAIRE, "Comment les binômes se sont achevés")
    drawn = one.beside(one.wanted("statistics-picture")) or ()
    [file] = [h.message.file for h in drawn if h.message.file]
    assert "Comment les binômes se sont achevés Vers un professionnel (1)" in file.alt
    assert "Réussites, parmi eux (1)" in file.alt
