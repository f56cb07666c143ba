"""What is given to a person, what goes with them, and what goes by itself, on both databases."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from bot.followup import MEANINGS
from bot.programmes.about import Retention
from bot.settings import Settings
from handlers.service import Service
from scheduling.clock import FixedClock
from storage.privacy import TIMERS
from storage.tables import (
    Audit,
    Base,
    Campaign,
    CampaignEntry,
    CampaignPair,
    Checkin,
    Conversation,
    Forbidden,
    Meeting,
    Outbox,
    Pair,
    Person,
    PersonKey,
    Proposal,
    Report,
    Request,
    Series,
    Stray,
    Timer,
    Wish,
)
from storage.unit_of_work import Database, UnitOfWork
from tests.empty import tables
from tests.stores import NOON, SECRET, payload, somebody

AX = "ax-accompagnement"
DAY = timedelta(days=1)
RULES = {AX: Retention()}


def count(uow: UnitOfWork, entity: type[Base]) -> int:
    return uow.session.scalar(select(func.count()).select_from(entity)) or 0


def talk(
    uow: UnitOfWork,
    person: int,
    kind: str,
    *,
    at: datetime = NOON,
    about: int | None = None,
    status: str = "open",
    closes_at: datetime | None = None,
) -> Conversation:
    row = uow.talks.start(
        person, AX, kind, state={}, digest="d", now=at, about_id=about, closes_at=closes_at
    )
    row.status = status
    if status == "done":
        uow.talks.keep(row, [{"question": "q", "label": "l", "value": "v"}])
    uow.people.get(person).focus_id = row.id  # type: ignore[union-attr]
    return row


@dataclass
class World:
    """A mentee, her mentor, a pair with all that belongs to it, and a request still out."""

    mentee: int
    mentor: int
    expert: int
    request: int
    proposal: int
    shown: int
    pair: int
    series: int
    checkin: int
    objective: int


def world(database: Database, at: datetime = NOON) -> World:
    ids = [somebody(database, str(n)).person_id for n in (1, 2, 3)]
    mentee, mentor, expert = ids
    with database.unit_of_work() as uow:
        for person, role in ((mentee, "mentee"), (mentor, "mentor"), (expert, "mentor")):
            uow.people.enrol(person, AX, role, now=at)
            uow.people.consent(person, AX, "storage", text=("2026-11", ""), now=at)
        intake = talk(uow, mentee, "intake", at=at, status="done")
        request = uow.requests.add(
            mentee, AX, intake.id, kind="long_term", shared={"a": 1}, features={}, now=at,
            due_at=None,
        )  # fmt: skip
        sent = uow.requests.propose(request.id, expert, rank=1, reasons=["r"], now=at)
        uow.requests.move_proposal(sent, sent.version, "asked", asked_at=at)
        shown = uow.requests.propose(request.id, mentor, rank=2, reasons=["r"], now=at)
        uow.requests.move(request, request.version, "asked", now=at)
        pair = uow.pairs.add(
            Pair(programme_id=AX, mentee_id=mentee, mentor_id=mentor, started_at=at)
        )
        objective = uow.pairs.add_objective(pair.id, mentor, "change of job", at)
        series = uow.pairs.add_series(
            Series(pair_id=pair.id, person_id=mentor, rhythm="monthly", rrule="FREQ=MONTHLY",
                   dtstart_local="2026-10-06T12:00:00", zone="Europe/Paris")
        )  # fmt: skip
        uow.pairs.except_occurrence(series.id, at + 30 * DAY, None)
        checkin = uow.pairs.add_checkin(
            Checkin(series_id=series.id, pair_id=pair.id, person_id=mentor, occurrence=at)
        )
        uow.pairs.add_meeting(Meeting(pair_id=pair.id, set_by_id=mentor, starts_at=at + DAY))
        asked = talk(uow, mentor, "checkin:monthly", at=at, about=checkin.id)
        checkin.conversation_id = asked.id
        talk(uow, mentor, "objective", at=at, about=pair.id, status="done")
        for kind, subject in (
            ("proposal-due", sent.id),
            ("request-stale", request.id),
            ("pair-end", pair.id),
            ("guide", pair.id),
            ("checkin", series.id),
            ("checkin-remind", checkin.id),
        ):
            uow.timers.put(
                key=f"{kind}:{subject}:1", kind=kind, subject_id=subject, due_at=at + DAY
            )
        uow.people.get(mentor).relay_id = pair.id  # type: ignore[union-attr]
        uow.people.get(mentor).focus_id = asked.id  # type: ignore[union-attr]
        for person, key in (
            (expert, f"offer:{sent.id}:2"),
            (mentor, f"intro:{pair.id}:{mentor}"),
            (mentor, f"checkin:{checkin.id}:0"),
            (mentor, f"pair-ended:{pair.id}:{mentor}"),
            (mentor, f"intro:{pair.id + 100}:{mentor}"),
            (mentor, "left:event:1"),
            (mentee, "reply:event:1"),
        ):
            identity = uow.people.identities(person)[0]
            uow.outbox.put(key=key, identity=identity, payload=payload("x"), now=at)
        uow.commit()
    return World(
        mentee, mentor, expert, request.id, sent.id, shown.id, pair.id, series.id, checkin.id,
        objective.id,
    )  # fmt: skip


def campaign(uow: UnitOfWork, them: World, at: datetime = NOON) -> Campaign:
    """The mentee applied; her mentor was proposed, the expert drafted, and both kept apart."""
    found = uow.campaigns.open(AX, "2026", year=2026, promos=[2025], seed=1, now=at)
    assert found is not None
    uow.campaigns.apply(found.id, them.mentee, them.request, at)
    uow.campaigns.write_draft(
        found.id,
        [(them.mentee, them.mentor, 700, ["r"]), (them.mentee, them.expert, 600, ["r"])],
        [],
        [(them.mentor, 1, 0, 0), (them.expert, 1, 0, 12)],
        at,
    )
    for row in uow.campaigns.pairs(found.id):
        row.state = "proposed" if row.mentor_id == them.mentor else "draft"
    uow.campaigns.forbid(AX, them.mentee, them.mentor, "declined", at)
    uow.campaigns.forbid(AX, them.mentee, them.expert, "staff", at)
    return found


# --- erasure --------------------------------------------------------------------------------------


def test_every_kind_of_timer_has_its_subject() -> None:
    """Otherwise a timer would outlive what it is about: add the new kind to `TIMERS`."""
    alone = {kind for kind in MEANINGS if kind not in TIMERS}
    of_programmes = {"parked", "promises", "digest", "counters", "counters-edit"}
    of_programmes |= {"triage", "triage-news"}
    assert {kind for kind in alone if not kind.startswith("report-")} == of_programmes
    tables = {t.name for t in Base.metadata.tables.values()}
    assert set(TIMERS.values()) < tables


def test_no_number_of_an_erased_person_is_given_again(database: Database) -> None:
    """Keys of timers and messages are made of these numbers: the next one must not find them."""
    first = world(database)
    with database.unit_of_work() as uow:
        uow.privacy.erase_person(first.mentee, NOON)
        uow.commit()
        intake = talk(uow, first.mentor, "intake")
        request = uow.requests.add(
            first.mentor, AX, intake.id, kind="long_term", shared={}, features={}, now=NOON,
            due_at=None,
        )  # fmt: skip
        proposal = uow.requests.propose(request.id, first.expert, rank=1, reasons=[], now=NOON)
        assert request.id > first.request
        assert proposal.id > first.shown
        identity = uow.people.identities(first.expert)[0]
        key = f"offer:{proposal.id}:2"
        assert uow.outbox.put(key=key, identity=identity, payload=payload("hello"), now=NOON)


def test_with_a_mentee_goes_all_that_hangs_on_them(database: Database) -> None:
    them = world(database)
    with database.unit_of_work() as uow:
        uow.privacy.erase_person(them.mentee, NOON)
        uow.commit()
    with database.unit_of_work() as uow:
        for entity in (Request, Proposal, Pair, Series, Checkin, Meeting, Timer, Conversation):
            assert count(uow, entity) == 0, entity
        mentor = uow.people.get(them.mentor)
        assert mentor is not None
        assert (mentor.focus_id, mentor.relay_id) == (None, None)
        states = {row.dedup_key: row.state for row in uow.session.scalars(select(Outbox))}
        assert states == {
            f"offer:{them.proposal}:2": "cancelled",
            f"intro:{them.pair}:{them.mentor}": "cancelled",
            f"checkin:{them.checkin}:0": "cancelled",
            f"pair-ended:{them.pair}:{them.mentor}": "queued",  # still true
            f"intro:{them.pair + 100}:{them.mentor}": "queued",  # another pair's
            "left:event:1": "queued",
        }


def test_with_an_expert_go_the_proposals_but_not_the_request(database: Database) -> None:
    them = world(database)
    with database.unit_of_work() as uow:
        uow.privacy.erase_person(them.expert, NOON)
        uow.commit()
    with database.unit_of_work() as uow:
        assert uow.requests.get(them.request) is not None
        assert uow.requests.proposal(them.proposal) is None
        assert uow.requests.proposal(them.shown) is not None
        kinds = {timer.kind for timer in uow.timers.list()}
        assert kinds == {"request-stale", "pair-end", "guide", "checkin", "checkin-remind"}


def test_nothing_is_left_that_names_an_erased_person(database: Database) -> None:
    them = world(database)
    with database.unit_of_work() as uow:
        campaign(uow, them)
        uow.commit()
    with database.unit_of_work() as uow:
        uow.privacy.erase_person(them.mentor, NOON)
        uow.commit()
    with database.unit_of_work() as uow:
        for table in Base.metadata.sorted_tables:
            if table.name == "audit":
                continue  # numbers only
            for name in ("person_id", "author_id", "mentee_id", "mentor_id", "expert_id"):
                if name in table.c:
                    rows = select(func.count()).select_from(table)
                    assert not uow.session.scalar(rows.where(table.c[name] == them.mentor)), table
        assert uow.session.get(PersonKey, them.mentor) is None


# --- export ---------------------------------------------------------------------------------------


def test_both_sides_are_given_what_both_see(database: Database) -> None:
    them = world(database)
    with database.unit_of_work() as uow:
        mentee = uow.privacy.export_person(them.mentee)
        mentor = uow.privacy.export_person(them.mentor)
    assert [row["set_by_id"] for row in mentee["meeting"]] == [them.mentor]
    for data in (mentee, mentor):
        assert [row["text"] for row in data["objective"]] == ["change of job"]
    assert [row["series_id"] for row in mentor["series_exception"]] == [them.series]
    assert mentee["series_exception"] == []
    assert mentee["checkin"] == []  # the other side's words are the other side's
    assert [row["shared"] for row in mentee["request"]] == [{"a": 1}]


def test_an_expert_is_given_the_proposals_that_were_sent_to_them(database: Database) -> None:
    them = world(database)
    with database.unit_of_work() as uow:
        expert = uow.privacy.export_person(them.expert)
        never_asked = uow.privacy.export_person(them.mentor)
        mentee = uow.privacy.export_person(them.mentee)
    assert [row["id"] for row in expert["proposal"]] == [them.proposal]
    assert never_asked["proposal"] == []
    assert {row["id"] for row in mentee["proposal"]} == {them.proposal, them.shown}


def test_of_a_campaign_nobody_is_given_drafts_scores_or_whom_staff_keep_apart(
    database: Database,
) -> None:
    them = world(database)
    with database.unit_of_work() as uow:
        campaign(uow, them)
        given = {who: uow.privacy.export_person(who) for who in (them.mentee, them.expert)}
    mentee, expert = given[them.mentee], given[them.expert]
    assert [row["mentor_id"] for row in mentee["campaign_pair"]] == [them.mentor]
    assert "score" not in mentee["campaign_pair"][0]
    assert [row["why"] for row in mentee["forbidden"]] == ["declined"]
    assert expert["campaign_pair"] == expert["forbidden"] == []
    assert "gain_points" not in expert["campaign_entry"][0]


def test_a_campaign_keeps_its_figures_and_lets_its_people_go(database: Database) -> None:
    them = world(database)
    with database.unit_of_work() as uow:
        found = campaign(uow, them)
        uow.campaigns.move(found, found.version, "closed", closed_at=NOON, volunteers=1, pairs=0)
        uow.commit()
    purge(database, NOON + 300 * DAY)
    with database.unit_of_work() as uow:
        assert count(uow, CampaignEntry) == 3
    purge(database, NOON + 400 * DAY)
    with database.unit_of_work() as uow:
        assert count(uow, CampaignEntry) == count(uow, CampaignPair) == 0
        assert count(uow, Campaign) == 1
        assert count(uow, Forbidden) == 2  # for ever, or until one of them is erased


def test_what_an_erased_partner_had_sealed_is_given_as_gone(database: Database) -> None:
    them = world(database)
    with database.unit_of_work() as uow:
        uow.session.delete(uow.session.get(PersonKey, them.mentor))
        uow.commit()
    with database.unit_of_work() as uow:
        [objective] = uow.privacy.export_person(them.mentee)["objective"]
        assert objective["text"] is None
        assert uow.privacy.export_person(them.mentee)["person"][0].keys().isdisjoint({"folded"})


# --- retention ------------------------------------------------------------------------------------


def purge(database: Database, now: datetime, limit: int = 300) -> int:
    """As the nightly job does; how many transactions had something to do."""
    steps = 0
    while True:
        with database.unit_of_work() as uow:
            gone = uow.retention.some(RULES, now, limit)
            uow.commit()
        if not gone:
            return steps
        assert gone <= limit
        steps += 1


def end(database: Database, them: World, now: datetime) -> None:
    with database.unit_of_work() as uow:
        pair, request = uow.pairs.get(them.pair), uow.requests.get(them.request)
        assert pair is not None
        assert request is not None
        uow.pairs.move(pair, pair.version, "closed", ended_at=now)
        uow.requests.move(request, request.version, "closed", now=now)
        uow.commit()


def test_two_years_on_only_people_are_left(database: Database) -> None:
    them = world(database)
    with database.unit_of_work() as uow:
        talk(uow, them.mentee, "profile", status="done")
        talk(uow, them.mentee, "expert")
        uow.talks.keep_stray(them.mentee, AX, "words", NOON)
        uow.talks.keep_stray(them.mentee, None, "words", NOON)
        uow.people.note("seen", "person", them.mentee, actor_id=None, now=NOON)
        uow.commit()
    end(database, them, NOON)
    assert purge(database, NOON + 730 * DAY) > 0
    with database.unit_of_work() as uow:
        for entity in (Request, Proposal, Pair, Series, Checkin, Meeting, Timer, Stray, Audit):
            assert count(uow, entity) == 0, entity
        assert list(uow.session.scalars(select(Conversation.kind))) == ["profile"]
        assert count(uow, Person) == 3
        assert uow.people.roles(them.mentee, AX) == {"mentee"}
        assert "storage" in uow.people.consents(them.mentee, AX)
        assert set(uow.session.scalars(select(Person.focus_id))) == {None}
    assert purge(database, NOON + 730 * DAY) == 0


def test_nothing_goes_before_its_time(database: Database) -> None:
    them = world(database)
    with database.unit_of_work() as uow:
        uow.talks.keep_stray(them.mentee, AX, "words", NOON)
        uow.people.note("seen", "person", them.mentee, actor_id=None, now=NOON)
        before = {t: count(uow, t) for t in (Request, Pair, Conversation, Stray, Audit, Timer)}
        uow.commit()
    end(database, them, NOON)
    assert purge(database, NOON + 30 * DAY) == 0
    with database.unit_of_work() as uow:
        assert {t: count(uow, t) for t in before} == before


def test_a_draft_whose_window_is_open_waits_and_a_completed_one_is_none(
    database: Database,
) -> None:
    person = somebody(database).person_id
    with database.unit_of_work() as uow:
        open_until = talk(uow, person, "report:q", closes_at=NOON + 90 * DAY)
        reopened = talk(uow, person, "profile", status="done")
        reopened.status = "open"  # answers being changed
        talk(uow, person, "intake", status="cancelled")
        lately = talk(uow, person, "expert", at=NOON + 20 * DAY)
        kept = {open_until.id, reopened.id, lately.id}
        uow.commit()
    purge(database, NOON + 31 * DAY)
    with database.unit_of_work() as uow:
        assert set(uow.session.scalars(select(Conversation.id))) == kept
        assert uow.people.get(person).focus_id == lately.id  # type: ignore[union-attr]
    purge(database, NOON + 91 * DAY)
    with database.unit_of_work() as uow:
        assert set(uow.session.scalars(select(Conversation.id))) == {reopened.id}


def test_a_matched_request_lives_as_long_as_its_pair(database: Database) -> None:
    them = world(database)
    with database.unit_of_work() as uow:
        request, pair = uow.requests.get(them.request), uow.pairs.get(them.pair)
        assert request is not None
        assert pair is not None
        uow.requests.move(request, request.version, "matched", now=NOON)
        pair.request_id = request.id
        uow.commit()
    purge(database, NOON + 730 * DAY)
    with database.unit_of_work() as uow:
        assert uow.requests.get(them.request) is not None
        pair = uow.pairs.get(them.pair)
        assert pair is not None
        uow.pairs.move(pair, pair.version, "closed", ended_at=NOON + 730 * DAY)
        uow.commit()
    purge(database, NOON + 1000 * DAY)
    with database.unit_of_work() as uow:
        assert uow.pairs.get(them.pair) is not None
    purge(database, NOON + 1096 * DAY)
    with database.unit_of_work() as uow:
        assert uow.pairs.get(them.pair) is None
        assert uow.requests.get(them.request) is None


def test_an_intake_that_led_to_two_requests_stays_for_the_other(database: Database) -> None:
    them = world(database)
    end(database, them, NOON)
    with database.unit_of_work() as uow:
        first = uow.requests.get(them.request)
        assert first is not None
        second = uow.requests.add(
            them.mentee, AX, first.conversation_id, kind="long_term", shared={}, features={},
            now=NOON + 700 * DAY, due_at=None,
        )  # fmt: skip
        uow.commit()
    purge(database, NOON + 730 * DAY)
    with database.unit_of_work() as uow:
        assert uow.requests.get(them.request) is None
        assert uow.talks.get(second.conversation_id) is not None


def test_reports_and_wishes_go_after_their_time(database: Database) -> None:
    person = somebody(database).person_id
    with database.unit_of_work() as uow:
        for quarter, at in (("2026T3", NOON), ("2029T3", NOON + 1096 * DAY)):
            done = talk(uow, person, "report:q", at=at, status="done")
            report = uow.reports.open(
                person, AX, "q", quarter, opened_at=at, closes_at=at + 21 * DAY
            )
            assert report is not None
            report.conversation_id = done.id
        uow.reports.set_wish(
            person, AX, kind="job", field="f", place="p", start_on=None, months=None, now=NOON
        )
        uow.commit()
    purge(database, NOON + 1100 * DAY)
    with database.unit_of_work() as uow:
        assert count(uow, Report) == 2  # its window closed three weeks later
        assert count(uow, Wish) == 0
    purge(database, NOON + 1120 * DAY)
    with database.unit_of_work() as uow:
        assert list(uow.session.scalars(select(Report.quarter))) == ["2029T3"]
        assert count(uow, Conversation) == 1


def test_a_programme_left_out_of_the_settings_loses_nothing(lite: Database) -> None:
    them = world(lite)
    end(lite, them, NOON)
    with lite.unit_of_work() as uow:
        assert uow.retention.some({}, NOON + 2000 * DAY) == 0
        assert uow.retention.some({"another": Retention()}, NOON + 2000 * DAY) == 0


@pytest.mark.parametrize("limit", [1, 10])
def test_it_goes_in_short_steps(lite: Database, limit: int) -> None:
    person = somebody(lite).person_id
    with lite.unit_of_work() as uow:
        uow.people.enrol(person, AX, "mentee", now=NOON)  # no guest, who would go too
        for _ in range(25):
            talk(uow, person, "intake")
        uow.commit()
    assert purge(lite, NOON + 31 * DAY, limit) == -(-25 // limit)


def test_the_job_reads_how_long_from_the_programme_s_file(database: Database) -> None:
    """As the running process does it: by its clock, until nothing is left to do."""
    them = world(database)
    end(database, them, NOON)
    url = database.url.render_as_string(hide_password=False)
    database.close()
    clock = FixedClock(NOON + 364 * DAY)
    service = Service(
        Settings(
            cordee_database_url=url,
            cordee_programmes=(AX,),
            cordee_secret_key=SecretStr(SECRET),
            _env_file=None,
        ),
        clock=clock,
    )

    def left() -> tuple[int, int, int]:
        with service.database.unit_of_work() as uow:
            return count(uow, Pair), count(uow, Request), count(uow, Person)

    try:
        asyncio.run(service.purge())
        assert left() == (1, 1, 3)
        clock.advance(2 * DAY)
        asyncio.run(service.purge())
        assert left() == (0, 0, 3)
    finally:
        service.worker.close()
        service.database.close()


@pytest.mark.postgres
def test_a_row_that_a_turn_holds_is_left_for_later(pg_tables: str) -> None:
    database = Database(pg_tables, "secret of the tests")
    tables(database)
    person = somebody(database).person_id
    with database.unit_of_work() as uow:
        held, free = talk(uow, person, "intake").id, talk(uow, person, "intake").id
        uow.people.get(person).focus_id = None  # type: ignore[union-attr]
        uow.commit()
    with database.unit_of_work() as turn, database.unit_of_work() as job:
        turn.session.get(Conversation, held, with_for_update=True)
        assert job.retention.some(RULES, NOON + 31 * DAY) == 1
        job.commit()
        assert job.talks.get(free) is None
    database.close()
