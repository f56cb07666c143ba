"""What the triage reads and keeps, on both databases."""

from datetime import timedelta

from bot.programmes.load import load
from bot.triage.gather import everybody
from storage.tables import Checkin, Meeting, Pair, Series
from storage.unit_of_work import Database, UnitOfWork
from tests.stores import NOON, somebody

EMERGENCE = load("emergence")
HERE = EMERGENCE.id
DAY = timedelta(days=1)


def laureate(database: Database, account: str, name: str, *, role: str = "mentee") -> int:
    person = somebody(database, account).person_id
    with database.unit_of_work() as uow:
        found = uow.people.get(person)
        assert found is not None
        found.name = name
        uow.people.enrol(person, HERE, role, now=NOON - 300 * DAY)
        uow.commit()
    return person


def report(uow: UnitOfWork, person: int, quarter: str, ago: int, answers: dict[str, object]) -> int:
    """A report of which the window has closed; sent, unless there are no answers."""
    opened = NOON - ago * DAY
    row = uow.reports.open(
        person, HERE, "quarterly", quarter, opened_at=opened, closes_at=opened + 21 * DAY
    )
    assert row is not None
    if answers:
        kept = [{"id": q, "question": q, "label": str(a), "value": a} for q, a in answers.items()]
        uow.reports.keep(row, kept, opened + DAY)
    else:
        row.state = "missed"
    return row.id


def kinds(uow: UnitOfWork) -> dict[str, list[str]]:
    found = everybody(uow, EMERGENCE, NOON)
    return {one.member.name: sorted(s.kind for s in one.entry.signs) for one in found}


def test_everything_that_is_known_is_read(database: Database) -> None:
    ines, malo = laureate(database, "1", "Inès"), laureate(database, "2", "Malo")
    paul = laureate(database, "3", "Paul", role="mentor")
    with database.unit_of_work() as uow:
        report(uow, ines, "2026T2", 95, {"studies": "well", "commitment": 4})
        report(uow, ines, "2026T3", 30, {"studies": "hard", "commitment": 2})
        report(uow, malo, "2026T3", 30, {})
        pair = uow.pairs.add(
            Pair(programme_id=HERE, mentee_id=ines, mentor_id=paul, started_at=NOON - 90 * DAY)
        )
        pair.missed_in_a_row = 2
        series = uow.pairs.add_series(
            Series(pair_id=pair.id, person_id=paul, rhythm="checkin", rrule="FREQ=MONTHLY",
                   dtstart_local="2026-07-07T18:30:00", zone="Europe/Paris")
        )  # fmt: skip
        uow.pairs.add_checkin(
            Checkin(series_id=series.id, pair_id=pair.id, person_id=paul, met="no",
                    occurrence=NOON - 2 * DAY, state="answered", answered_at=NOON - DAY)
        )  # fmt: skip
        stray = uow.talks.keep_stray(malo, HERE, "un mot", NOON - 3 * DAY)
        stray.passed_at = NOON - 2 * DAY
        uow.commit()
    with database.unit_of_work() as uow:
        assert kinds(uow) == {
            "Inès": ["alert", "fell", "low", "mentor", "new", "no_meeting"],
            "Malo": ["missed", "words"],
        }


def test_meetings_that_both_call_missed_are_a_sign_up_to_the_last_one_held(
    database: Database,
) -> None:
    """E-09; of other pairs, of long ago and those called off count for nothing."""
    ines, malo = laureate(database, "1", "Inès"), laureate(database, "2", "Malo")
    paul = laureate(database, "3", "Paul", role="mentor")
    with database.unit_of_work() as uow:
        for mentee, held in ((ines, 40), (malo, 5)):
            pair = uow.pairs.add(
                Pair(programme_id=HERE, mentee_id=mentee, mentor_id=paul,
                     started_at=NOON - 300 * DAY)
            )  # fmt: skip
            missed = (250, 50, 30, 10)
            for state, ago in (("held", held), *(("missed", n) for n in missed), ("cancelled", 2)):
                uow.session.add(
                    Meeting(pair_id=pair.id, set_by_id=paul, state=state,
                            starts_at=NOON - ago * DAY)
                )  # fmt: skip
        uow.commit()
    with database.unit_of_work() as uow:
        ((name, found),) = [
            (one.member.name, one.entry.signs) for one in everybody(uow, EMERGENCE, NOON)
        ]
        assert name == "Inès"
        (sign,) = found
        assert (sign.kind, sign.since) == ("no_meeting", NOON - 30 * DAY)
        assert sign.about == {"n": 2, "mentor": paul, "planned": True}


def test_an_answer_whose_key_is_gone_is_no_sign_and_no_fault(database: Database) -> None:
    ines = laureate(database, "1", "Inès")
    with database.unit_of_work() as uow:
        report(uow, ines, "2026T3", 30, {"studies": "hard"})
        uow.commit()
    with database.unit_of_work() as uow:
        uow.session.connection().exec_driver_sql("DELETE FROM person_key")
        assert kinds(uow) == {}


def test_one_decision_of_each_kind_is_in_force(database: Database) -> None:
    ines = laureate(database, "1", "Inès")
    of = {"why": "vu", "signs": ["a"], "by_id": 9, "now": NOON, "until": NOON + DAY}
    with database.unit_of_work() as uow:
        decide = uow.triage.decide
        first = decide(ines, HERE, "place", "seen", instead_of=0, **of)  # type: ignore[arg-type]
        assert first
        assert decide(ines, HERE, "place", "lower", instead_of=0, **of) is None  # type: ignore[arg-type]
        level = decide(ines, HERE, "level", "close", instead_of=0, **of)  # type: ignore[arg-type]
        second = decide(ines, HERE, "place", "lower", instead_of=first, **of)  # type: ignore[arg-type]
        assert decide(ines, HERE, "place", "higher", instead_of=first, **of) is None  # type: ignore[arg-type]
        uow.commit()
    with database.unit_of_work() as uow:
        now = {one.id: (one.value, one.why, one.signs) for one in uow.triage.decisions(HERE)}
        assert now == {
            level: ("close", "vu", frozenset("a")), second: ("lower", "vu", frozenset("a")),
        }  # fmt: skip
        assert len(uow.triage.decisions(HERE, ines, history=True)) == 3
        assert not uow.triage.end(second or 0, ines + 1, 9, NOON)  # somebody else's
        assert uow.triage.end(second or 0, ines, 9, NOON)
        assert not uow.triage.end(second or 0, ines, 9, NOON)


def test_one_call_at_a_time(database: Database) -> None:
    ines = laureate(database, "1", "Inès")
    with database.unit_of_work() as uow:
        call = uow.triage.call(ines, HERE, "", now=NOON, due_at=NOON + DAY)
        assert call is not None
        assert uow.triage.call(ines, HERE, "", now=NOON, due_at=NOON + DAY) is None
        assert uow.triage.move_call(call, 1, "taken", taken_by_id=9)
        assert not uow.triage.move_call(call, 1, "closed")
        assert uow.triage.call(ines, HERE, "", now=NOON, due_at=NOON + DAY) is None
        assert uow.triage.move_call(call, 2, "closed", closed_at=NOON)
        assert uow.triage.live_call(ines, HERE) is None
        assert uow.triage.call(ines, HERE, "mots", now=NOON, due_at=NOON + DAY) is not None
        uow.commit()
