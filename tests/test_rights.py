"""What people are given of what is kept, and who is said to have read it."""

import json

import pytest
from sqlalchemy import func, select

from bot.errors import CordeeError
from handlers.readings import readings
from storage.outbox import HELD
from storage.rectifications import READ, Rectifications
from storage.tables import LinkCode, PersonKey, Rectification
from storage.unit_of_work import Database
from tests.erasure import Planted, plant
from tests.stores import NOON, payload, somebody
from tests.test_erasure import settings
from tests.test_privacy import AX, DAY, purge, world

OURS = {"outbox", "directory_word", "expert_vector", PersonKey.__tablename__}
"""Said to them, or made from what they have in the export anyway."""
OF_TWO = {"proposal", "pair", "meeting", "objective", "campaign_pair"}
PAPERS = {"expert.folded"}
INBOX = "inbox.payload"  # what was given up is sealed for the instance until it is purged


def test_the_export_has_every_text_of_theirs_and_none_of_others(database: Database) -> None:
    them, planted = world(database), Planted()
    with database.unit_of_work() as uow:
        for person in (them.mentee, them.expert):
            uow.directory.save(person, NOON, {"job": "x"})
            uow.talks.keep_stray(person, AX, "mots", NOON)
            uow.reports.set_wish(person, AX, kind="job", field="f", place="p", start_on=None,
                                 months=None, now=NOON)  # fmt: skip
        plant(uow, them.mentee, planted)
        mine = dict(planted.words)
        plant(uow, them.expert, planted)
        uow.commit()
    with database.unit_of_work() as uow:
        given = json.dumps(uow.privacy.export_person(them.mentee), default=str)
    theirs = {word: place for word, place in planted.words.items() if word not in mine}
    assert len(mine) > 20
    missing = [
        place
        for word, place in mine.items()
        if word.decode("latin-1") not in given
        and place.partition(".")[0] not in OURS | OF_TWO
        and place not in {*PAPERS, INBOX}
    ]
    assert not missing
    foreign = [
        place
        for word, place in theirs.items()
        if word.decode("latin-1") in given and place.partition(".")[0] not in OF_TWO
    ]
    assert not foreign


def test_who_read_what_is_known_by_number_and_by_address(lite: Database) -> None:
    url = lite.url.render_as_string(hide_password=False)
    them = world(lite)
    with lite.unit_of_work() as uow:
        uow.people.get(them.mentee).email = "lea@exemple.invalid"  # type: ignore[union-attr]
        uow.people.get(them.expert).name = "Claire"  # type: ignore[union-attr]
        uow.people.note(READ, "person", them.mentee, actor_id=them.expert, now=NOON,
                        what="request", number=them.request, programme=AX)  # fmt: skip
        uow.commit()
    for name in (str(them.mentee), "LEA@exemple.invalid"):
        [one] = readings(settings(url), name)
        assert (one.at, one.name) == (NOON, f"Claire (#{them.expert})")
        assert one.detail["number"] == them.request
    assert readings(settings(url), str(them.mentor)) == []
    with pytest.raises(CordeeError, match="Nobody"):
        readings(settings(url), "personne@exemple.invalid")


def test_what_is_held_waits_until_they_are_back(database: Database) -> None:
    them = world(database)
    with database.unit_of_work() as uow:
        identity = uow.people.identities(them.mentee)[0]
        uow.outbox.put(key="news:1", identity=identity, payload=payload("x"), now=NOON,
                       not_before=HELD)  # fmt: skip
        uow.commit()
    with database.unit_of_work() as uow:
        assert uow.outbox.release(them.mentor, NOON) == 0
        assert uow.outbox.release(them.mentee, NOON) == 1
        assert uow.outbox.release(them.mentee, NOON) == 0
        assert uow.outbox.touched


def test_codes_corrections_and_guests_go_after_their_time(database: Database) -> None:
    them, guest = world(database), somebody(database, "99").person_id
    with database.unit_of_work() as uow:
        uow.people.make_code(them.mentee, now=NOON, valid=DAY, programme_id=AX)
        Rectifications(uow.session, uow.vault).ask(them.mentee, AX, "mon école", NOON)
        uow.commit()

    def left() -> tuple[int, int, bool]:
        with database.unit_of_work() as uow:
            codes, wishes = (
                uow.session.scalar(select(func.count()).select_from(entity)) or 0
                for entity in (LinkCode, Rectification)
            )
            return codes, wishes, uow.people.get(guest) is not None

    purge(database, NOON + 29 * DAY)
    assert left() == (1, 1, True)
    purge(database, NOON + 32 * DAY)
    assert left() == (0, 1, False)
    purge(database, NOON + 366 * DAY)
    assert left() == (0, 0, False)
    with database.unit_of_work() as uow:
        assert uow.people.get(them.mentee) is not None
