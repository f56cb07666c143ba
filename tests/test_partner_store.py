"""Companies, their links, what they see of whom, what is written down: on both databases."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta

from sqlalchemy import event, select

from bot.partners import Sheet, agreed_fields, shown, would_show
from storage.tables import Identity, Partner, PartnerLink, PartnerQuestion, PartnerView
from storage.unit_of_work import Database, UnitOfWork
from tests.stand import programme
from tests.stores import NOON, somebody

HERE = programme("emergence")
assert HERE.partners is not None
RULES = HERE.partners
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
EVERY = tuple(field.id for field in RULES.fields)


def laureate(database: Database, account: str, name: str, *fields: str) -> int:
    """Somebody of the programme with a wish and a report, who agreed to show these fields."""
    person = somebody(database, account).person_id
    with database.unit_of_work() as uow:
        found = uow.people.get(person)
        assert found is not None
        found.name, found.promo, found.school = name, 2024, "Audencia"
        uow.people.enrol(person, HERE.id, "mentee", now=NOON)
        uow.people.consent(person, HERE.id, "storage", text=HERE.consent.read, now=NOON)
        agree(uow, person, *fields)
        uow.reports.set_wish(
            person, HERE.id, kind="internship", field="Conseil", place="Lille",
            start_on=date(2027, 4, 1), months=6, now=NOON,
        )  # fmt: skip
        for quarter, value in (("2026T2", "job"), ("2026T3", "studying")):
            report = uow.reports.open(
                person, HERE.id, "quarterly", quarter, opened_at=NOON, closes_at=NOON + DAY
            )
            assert report is not None
            said = [
                {"id": "situation", "question": "?", "label": "autrefois", "value": value},
                {"id": "studies_more", "question": "?", "label": "un secret", "value": "un secret"},
            ]
            uow.reports.keep(report, said, NOON)
        uow.commit()
    return person


def agree(uow: UnitOfWork, person: int, *fields: str) -> None:
    for name in fields:
        field = RULES.field(name)
        assert field is not None
        text = RULES.asked(field)
        uow.people.consent(person, HERE.id, field.purpose, text=text, now=NOON)


def sheet(database: Database) -> Sheet:
    with database.unit_of_work() as uow:
        return shown(uow, HERE, NOON)


def people(database: Database) -> set[int]:
    return {row.person_id for row in sheet(database).rows}


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """The statements run meanwhile."""
    found: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        found.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


# --- what may be seen -----------------------------------------------------------------------------


def test_only_the_fields_agreed_to_are_there(database: Database) -> None:
    ines = laureate(database, "1", "Inès", *EVERY)
    malo = laureate(database, "2", "Malo", "school", "place")
    laureate(database, "3", "Yanis")
    found = sheet(database)
    assert [column.fr for column in found.columns] == [f.label.fr for f in RULES.fields]
    rows = {row.person_id: row for row in found.rows}
    assert rows.keys() == {ines, malo}
    french = {n: [cell and cell.fr for cell in row.cells] for n, row in rows.items()}
    assert french[ines] == [
        "Inès", "2024", "Audencia", "En études", "Un stage", "Conseil", "Lille", "1er avr. 2027",
        "Six mois",
    ]  # fmt: skip
    assert french[malo] == [None, None, "Audencia", None, None, None, "Lille", None, None]
    assert rows[malo].fields == ("school", "place")
    english = [cell and cell.en for cell in rows[ines].cells]
    assert english[3:5] == ["Studying", "An internship"]
    assert english[7] == "1 Apr 2027"


def test_rows_stand_in_the_order_of_what_they_show(database: Database) -> None:
    """Nothing is told by a place: who shows no name does not stand where their name would be."""
    zoe = laureate(database, "1", "Zoé", "name")
    alma = laureate(database, "2", "Alma", "place")
    emile = laureate(database, "3", "Émile", "name")
    assert [row.person_id for row in sheet(database).rows] == [emile, zoe, alma]


def test_it_takes_as_many_statements_for_three_as_for_one(database: Database) -> None:
    laureate(database, "1", "Inès", *EVERY)
    with counted(database) as one:
        sheet(database)
    for n in (2, 3):
        laureate(database, str(n), f"Lauréat {n}", *EVERY)
    with counted(database) as three:
        assert len(sheet(database).rows) == 3
    assert len(three) == len(one) <= 8


def test_what_is_taken_back_is_gone_at_the_next_look(database: Database) -> None:
    ines = laureate(database, "1", "Inès", "name", "place")
    with database.unit_of_work() as uow:
        uow.people.withdraw(ines, HERE.id, "partner.name", now=NOON)
        uow.commit()
    [row] = sheet(database).rows
    assert row.fields == ("place",)
    with database.unit_of_work() as uow:
        uow.people.withdraw(ines, HERE.id, "partner.place", now=NOON)
        uow.commit()
    assert not people(database)


def test_another_text_is_shown_to_nobody_until_it_was_agreed_to(database: Database) -> None:
    ines = laureate(database, "1", "Inès", *EVERY)
    other = HERE.model_copy(update={"partners": RULES.model_copy(update={"version": "2027-01"})})
    lapsed = HERE.model_copy(
        update={"consent": HERE.consent.model_copy(update={"version": "2027-01"})}
    )
    with database.unit_of_work() as uow:
        assert shown(uow, other, NOON).rows == ()
        assert agreed_fields(uow, ines, other) == frozenset()
        assert shown(uow, lapsed, NOON).rows == ()
        assert agreed_fields(uow, ines, HERE) == set(EVERY)


def test_minors_are_never_there(database: Database) -> None:
    """On the day they come of age they are, in their own time zone."""
    ines = laureate(database, "1", "Inès", *EVERY)
    tomorrow = date(2008, 10, 7)
    for born, zone, there in (
        (tomorrow, None, False), (tomorrow, "Pacific/Auckland", True),
        (date(2008, 10, 6), None, True), (None, None, True),
    ):  # fmt: skip
        with database.unit_of_work() as uow:
            person = uow.people.get(ines)
            assert person is not None
            person.born_on, person.zone = born, zone
            uow.commit()
        assert (ines in people(database)) is there
    pupils = HERE.model_copy(update={"minors": programme("rencontres-lycee").minors})
    with database.unit_of_work() as uow:
        assert shown(uow, pupils, NOON).rows == ()


def test_who_left_paused_or_cannot_be_reached_is_not_there(database: Database) -> None:
    ines = laureate(database, "1", "Inès", *EVERY)
    assert people(database) == {ines}
    with database.unit_of_work() as uow:
        uow.people.get(ines).paused_at = NOON  # type: ignore[union-attr]
        assert shown(uow, HERE, NOON).rows == ()
    with database.unit_of_work() as uow:
        for account in uow.session.scalars(select(Identity).where(Identity.person_id == ines)):
            account.reachable = False
        assert shown(uow, HERE, NOON).rows == ()
    with database.unit_of_work() as uow:
        uow.people.enrol(ines, HERE.id, "mentee", now=NOON, state="ended")
        assert shown(uow, HERE, NOON).rows == ()
    with database.unit_of_work() as uow:
        uow.privacy.erase_person(ines, NOON)
        assert shown(uow, HERE, NOON).rows == ()
    assert people(database) == {ines}


def test_who_wishes_for_nothing_shows_no_wish(database: Database) -> None:
    ines = laureate(database, "1", "Inès", "wish", "place")
    with database.unit_of_work() as uow:
        uow.reports.set_wish(
            ines, HERE.id, kind=None, field="", place="", start_on=None, months=None, now=NOON
        )
        uow.commit()
    assert not people(database)


def test_one_is_shown_what_each_field_would_show(database: Database) -> None:
    ines = laureate(database, "1", "Inès")
    with database.unit_of_work() as uow:
        person = uow.people.get(ines)
        assert person is not None
        found = would_show(uow, HERE, person)
        assert {name: cell.fr for name, cell in found.items() if cell} == {
            "name": "Inès", "promo": "2024", "school": "Audencia", "situation": "En études",
            "wish": "Un stage", "domain": "Conseil", "place": "Lille", "start": "1er avr. 2027",
            "length": "Six mois",
        }  # fmt: skip
        assert would_show(uow, programme("ax-mentorat"), person) == {}


# --- links ----------------------------------------------------------------------------------------


def digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


def company(uow: UnitOfWork, code: str, name: str = "Atelier Nord") -> Partner:
    made = uow.partners.add(HERE.id, name, by=1, now=NOON)
    uow.partners.link(made.id, digest(code), by=1, now=NOON, expires_at=NOON + 60 * DAY)
    return made


def test_a_link_opens_until_its_last_second(database: Database) -> None:
    with database.unit_of_work() as uow:
        made = company(uow, "one")
        assert uow.partners.by_digest(digest("other"), NOON) is None
        found = uow.partners.by_digest(digest("one"), NOON)
        assert found is not None
        assert found.partner.id == made.id
        last = NOON + 60 * DAY - SECOND
        assert uow.partners.standing(found.link.id, last) is not None
        assert uow.partners.standing(found.link.id, last + SECOND) is None
        assert uow.partners.by_digest(digest("one"), last + SECOND) is None
        assert uow.partners.ends(HERE.id, NOON) == {made.id: NOON + 60 * DAY}


def test_a_new_link_takes_the_old_one_back(database: Database) -> None:
    with database.unit_of_work() as uow:
        made, other = company(uow, "one"), company(uow, "far", "Banque Sud")
        expires = NOON + 60 * DAY
        uow.partners.link(made.id, digest("two"), by=1, now=NOON, expires_at=expires)
        assert uow.partners.by_digest(digest("one"), NOON) is None
        assert uow.partners.by_digest(digest("two"), NOON) is not None
        assert uow.partners.revoke(made.id, NOON) == 1
        assert uow.partners.revoke(made.id, NOON) == 0
        assert uow.partners.by_digest(digest("two"), NOON) is None
        assert uow.partners.ends(HERE.id, NOON) == {other.id: expires}


def test_a_closed_company_has_no_link_and_gets_none(database: Database) -> None:
    with database.unit_of_work() as uow:
        made = company(uow, "one")
        assert uow.partners.close(made.id, NOON)
        assert not uow.partners.close(made.id, NOON + DAY)
        assert uow.partners.by_digest(digest("one"), NOON) is None
        again = uow.partners.link(made.id, digest("b"), by=1, now=NOON, expires_at=NOON + DAY)
        assert again is None
        assert uow.partners.companies(HERE.id) == []


# --- views ----------------------------------------------------------------------------------------


def test_a_view_is_written_down_once_an_hour_and_whenever_more_is_seen(database: Database) -> None:
    ines = laureate(database, "1", "Inès")
    with database.unit_of_work() as uow:
        made = company(uow, "one")
        link = uow.session.scalars(select(PartnerLink)).one().id
        note = uow.partners.note_views
        assert note(made.id, link, {ines: ("place",)}, NOON) == 1
        assert note(made.id, link, {ines: ("place",)}, NOON + timedelta(minutes=59)) == 0
        assert note(made.id, link, {ines: ("place", "name")}, NOON + timedelta(minutes=59)) == 1
        assert note(made.id, link, {ines: ("place",)}, NOON + timedelta(hours=1)) == 1
        assert note(company(uow, "two", "Banque").id, link, {ines: ("place",)}, NOON) == 1
        assert uow.partners.counts(HERE.id, NOON - DAY)[made.id] == 3
        assert uow.partners.counts(HERE.id, NOON + timedelta(minutes=30))[made.id] == 2
        newest, *rest = uow.partners.views(HERE.id, partner_id=made.id)
        assert len(rest) == 2
        assert (newest.company, newest.name, newest.fields) == ("Atelier Nord", "Inès", ("place",))
        assert newest.at == NOON + timedelta(hours=1)
        assert len(uow.partners.views(HERE.id, person_id=ines)) == 4
        assert uow.partners.views(HERE.id, person_id=ines + 1) == []
        assert uow.partners.views("ax-mentorat") == []


def test_nobody_is_asked_twice_about_the_same_text(database: Database) -> None:
    ines = laureate(database, "1", "Inès")
    with database.unit_of_work() as uow:
        assert uow.partners.ask(ines, HERE.id, "a", NOON)
        assert not uow.partners.ask(ines, HERE.id, "a", NOON + DAY)
        assert uow.partners.ask(ines, HERE.id, "b", NOON + DAY)


def test_with_somebody_go_the_views_and_not_the_company(database: Database) -> None:
    ines, claire = laureate(database, "1", "Inès"), somebody(database, "9").person_id
    with database.unit_of_work() as uow:
        made = uow.partners.add(HERE.id, "Atelier Nord", by=claire, now=NOON)
        expires = NOON + DAY
        link = uow.partners.link(made.id, "d", by=claire, now=NOON, expires_at=expires)
        assert link is not None
        uow.partners.note_views(made.id, link.id, {ines: ("name",)}, NOON)
        uow.partners.ask(ines, HERE.id, "a", NOON)
        given = uow.privacy.export_person(ines)
        [view] = given["partner_view"]
        assert (view["fields"], view["company"]) == ("name", "Atelier Nord")
        assert len(given["partner_question"]) == 1
        assert "partner_link" not in given
        uow.commit()
    with database.unit_of_work() as uow:
        uow.privacy.erase_person(ines, NOON)
        uow.privacy.erase_person(claire, NOON)
        uow.commit()
    with database.unit_of_work() as uow:
        assert uow.session.scalars(select(PartnerView)).all() == []
        assert uow.session.scalars(select(PartnerQuestion)).all() == []
        [kept] = uow.session.scalars(select(Partner))
        [way] = uow.session.scalars(select(PartnerLink))
        assert (kept.created_by, way.created_by) == (None, None)
