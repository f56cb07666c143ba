"""A short form of `make retention`, and that it would notice; what is heard, by programme."""

from datetime import timedelta
from typing import Any

import pytest

from bot.programmes.about import Retention
from storage.retention import Purge
from storage.tables import Conversation, Inbox, LinkCode
from storage.unit_of_work import Database
from tests.simulation.retention import live, shorter
from tests.stores import NOON, somebody
from tests.test_privacy import AX, DAY, talk

SHORT = shorter(16)


def test_two_years_in_six_weeks_keep_every_period() -> None:
    found = live(46, seed=7, rules=SHORT, span=7.0)
    assert (found.late, found.early) == ([], [])
    assert found.looked > 5_000
    gone = {table for table, count in found.gone.items() if count}
    assert gone >= {
        "pair", "request", "report", "wish", "letter", "stray", "link_code", "conversation",
        "flag", "help_call", "correction", "rectification", "referral", "announcement", "audit",
        "campaign_entry", "inbox", "body", "proposal", "meeting", "objective",
    }  # fmt: skip


@pytest.mark.parametrize("broken", ["_purge_codes", "_purge_bodies"])
def test_what_is_forgotten_late_is_noticed(monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    monkeypatch.setattr(Purge, broken, lambda *_: 0)
    assert live(12, seed=7, rules=SHORT, span=7.0).late


def test_what_is_forgotten_early_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    strays = Purge._purge_strays

    def a_day_early(self: Purge, programme: str | None, before: Any, limit: int) -> int:
        return strays(self, programme, before + timedelta(days=1), limit)

    monkeypatch.setattr(Purge, "_purge_strays", a_day_early)
    found = live(12, seed=7, rules=SHORT, span=7.0)
    assert found.early
    assert not found.late


def run(database: Database, rules: dict[str, Retention], days: float) -> None:
    while True:
        with database.unit_of_work() as uow:
            gone = uow.purge(rules, NOON + days * DAY)
            uow.commit()
        if not gone:
            return


def test_what_was_heard_goes_with_the_most_patient_programme_of_its_author(
    database: Database,
) -> None:
    rules = {AX: Retention(inbox=5), "emergence": Retention(inbox=60)}
    people = [somebody(database, str(n)).person_id for n in (1, 2, 3)]
    with database.unit_of_work() as uow:
        for person, places in zip(people, ((AX,), (AX, "emergence"), ()), strict=True):
            for place in places:
                uow.people.enrol(person, place, "mentee", now=NOON)
            number = uow.inbox.receive(
                platform="telegram", bot_account="telegram:1", event_key=f"e{person}",
                message_key=None, payload=b"words", now=NOON,
            )  # fmt: skip
            row = uow.inbox.open(number or 0)
            assert row is not None
            uow.inbox.done(row, NOON, person, keep_body=True)
        uow.commit()

    def bodies() -> list[bool]:
        with database.unit_of_work() as uow:
            rows = uow.session.query(Inbox).order_by(Inbox.id).all()
            return [row.payload is not None for row in rows]

    run(database, rules, 5)
    assert bodies() == [True, True, True]
    run(database, rules, 6)
    assert bodies() == [False, True, True]  # its number stays: by it a repeat is known
    run(database, rules, 59)
    assert bodies() == [False, True, True]
    run(database, rules, 61)
    assert bodies() == []


def test_answers_that_led_to_no_request_are_a_draft(database: Database) -> None:
    person = somebody(database).person_id
    with database.unit_of_work() as uow:
        uow.people.enrol(person, AX, "mentee", now=NOON)
        led = talk(uow, person, "intake", status="done")
        uow.requests.add(person, AX, led.id, kind="long_term", shared={}, features={}, now=NOON,
                         due_at=None)  # fmt: skip
        refused = talk(uow, person, "intake", status="done")
        kept, gone = led.id, refused.id
        uow.commit()
    run(database, {AX: Retention()}, 31)
    with database.unit_of_work() as uow:
        assert uow.session.get(Conversation, kept) is not None
        assert uow.session.get(Conversation, gone) is None


def test_a_code_follows_the_programme_it_is_for(database: Database) -> None:
    person = somebody(database).person_id
    with database.unit_of_work() as uow:
        uow.people.enrol(person, AX, "mentee", now=NOON)
        for place in (AX, "emergence"):
            uow.people.make_code(person, now=NOON, valid=DAY, programme_id=place)
        uow.commit()
    run(database, {AX: Retention(drafts=3), "emergence": Retention(drafts=9)}, 5)
    with database.unit_of_work() as uow:
        assert [code.programme_id for code in uow.session.query(LinkCode)] == ["emergence"]
