"""Quarterly reports: opened, reminded and closed in short steps, once, for each and everybody."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, select

from bot.flows.reports import CHUNK
from bot.programmes.schema import Programme, Report
from storage.tables import PersonKey, Timer
from storage.tables import Report as Row
from storage.timers import DueTimer
from storage.unit_of_work import Database
from tests.asking import LEA
from tests.empty import tables
from tests.stand import CLAIRE, Heard, Stand, programme, told

SUMMER = datetime(2026, 9, 1, 7, tzinfo=UTC)
OPENING = datetime(2026, 10, 1, 8, tzinfo=UTC)  # ten o'clock in Paris
DAY = timedelta(days=1)
QUARTERLY = programme("emergence").reports[0]


def emergence(*reports: Report) -> Programme:
    return programme("emergence", reports=reports)


def changed(**how: object) -> Report:
    return QUARTERLY.model_copy(update=how)


def stand(*reports: Report, now: datetime = SUMMER) -> Stand:
    return Stand((emergence(*(reports or (QUARTERLY,))),), now)


def crowd(there: Stand, number: int) -> None:
    """So many mentees, each with an account."""
    with there.work() as uow:
        for n in range(number):
            identity = uow.people.meet(
                platform="telegram",
                account=str(1000 + n),
                bot_account="telegram:9",
                lang="fr",
                now=there.now,
            )
            uow.people.enrol(identity.person_id, "emergence", "mentee", now=there.now)
            uow.people.consent(
                identity.person_id, "emergence", "storage", text=("2026-11", ""), now=there.now
            )


def steps(there: Stand) -> Iterator[DueTimer]:
    """Fire what is due, one timer a transaction, until nothing is."""
    while True:
        with there.work() as uow:
            due = uow.timers.due(there.now, 1)
            for timer in due:
                with uow.savepoint():
                    uow.timers.fire(timer)
                    there.bot.fire(uow, timer, there.now)
        if not due:
            return
        yield due[0]


def at(there: Stand, when: datetime) -> list[Heard]:
    """Come back at that time, having been away until then; what is said."""
    there.now = when
    list(steps(there))
    return there.news()


def openings(there: Stand) -> list[tuple[str, str]]:
    with there.work() as uow:
        planned = uow.timers.list(kind="report-open")
        return [(t.payload["quarter"], f"{t.due_at:%Y-%m-%d}") for t in planned]


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    said: list[str] = []

    def note(_c: object, _cur: object, statement: str, *_more: object) -> None:
        said.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    yield said
    event.remove(database.engine, "before_cursor_execute", note)


# --- short steps ----------------------------------------------------------------------------------


def test_a_mass_goes_in_short_transactions() -> None:
    """Whoever writes to the bot meanwhile waits for one chunk, and a person costs little."""
    there = stand()
    crowd(there, 2 * CHUNK + 20)
    there.news()
    there.now = OPENING
    said: list[int] = []
    for phase, per_person in (("report-open", 12), ("report-remind", 6)):
        if phase == "report-remind":
            there.now = OPENING + 7 * DAY
        chunks = []
        turn = steps(there)
        while True:
            with counted(there.database) as statements:
                timer = next(turn, None)
            if timer is None:
                break
            assert timer.kind == phase
            chunks.append(len(there.news()))
            assert len(statements) <= per_person * CHUNK + 30, len(statements)
        assert chunks == [CHUNK, CHUNK, 20]
        said.append(sum(chunks))
    at(there, OPENING + 14 * DAY)
    there.now = OPENING + 21 * DAY
    with counted(there.database) as statements:
        assert [timer.kind for timer in steps(there)] == ["report-close"]
    assert len(statements) < 30  # whatever their number
    with there.work() as uow:
        assert set(uow.session.scalars(select(Row.state))) == {"missed"}
    assert said == [2 * CHUNK + 20] * 2


def test_a_chunk_that_is_just_full_ends_too() -> None:
    there = stand()
    crowd(there, CHUNK)
    there.news()
    assert len(at(there, OPENING)) == CHUNK
    assert len(at(there, OPENING + 7 * DAY)) == CHUNK


def test_one_recipient_s_trouble_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """Nor does the log tell what anybody wrote."""
    there = stand()
    crowd(there, 5)
    there.news()
    with there.work() as uow:
        person = uow.people.with_role("emergence", "mentee")[2]
        person.name = "Ada Byron"
        uow.vault.seal(uow.session, person.id, "x")
        uow.session.flush()
        key = uow.session.get(PersonKey, person.id)
        assert key is not None
        key.wrapped = key.wrapped[:-1] + b"\x00\x00"
        number = person.id
    with caplog.at_level(logging.DEBUG):
        assert len(at(there, OPENING)) == 4
        assert len(at(there, OPENING + 7 * DAY)) == 4
    assert f"report not opened person={number} error=Unreadable" in caplog.text
    assert "Byron" not in caplog.text
    with there.work() as uow:
        assert uow.session.scalars(select(Row.person_id)).all().count(number) == 0


def test_the_log_tells_kind_and_place_of_an_error_of_the_database(
    caplog: pytest.LogCaptureFixture,
) -> None:
    there = stand()
    crowd(there, 2)
    with there.work() as uow:
        first = uow.people.with_role("emergence", "mentee")[0].id
        uow.session.connection().exec_driver_sql(
            "CREATE TRIGGER refuse BEFORE INSERT ON conversation "
            f"WHEN NEW.person_id = {first} BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    there.news()
    with caplog.at_level(logging.DEBUG):
        assert len(at(there, OPENING)) == 1
    assert "error=IntegrityError" in caplog.text
    assert "INSERT INTO" not in caplog.text
    assert "File " in caplog.text


# --- planning -------------------------------------------------------------------------------------


def test_a_changed_day_moves_the_opening_to_come() -> None:
    there = stand()
    assert openings(there) == [("2026T3", "2026-10-01")]
    there.run(emergence(changed(day=15)))
    assert openings(there) == [("2026T3", "2026-10-15")]
    there.run(emergence(changed(months=(2, 5, 8, 11))))
    assert openings(there) == [("2026T4", "2026-11-01")]
    there.run(emergence(QUARTERLY))
    assert openings(there) == [("2026T3", "2026-10-01")]


def test_a_day_changed_after_the_opening_counts_from_the_next_quarter() -> None:
    there = stand()
    crowd(there, 1)
    at(there, OPENING)
    there.now = OPENING + DAY
    there.run(emergence(changed(day=15)))
    assert openings(there) == [("2026T4", "2027-01-15")]
    later = at(there, datetime(2026, 10, 16, 8, tzinfo=UTC))
    assert not [said for said in later if said.key.startswith("report:")]


def test_a_start_inside_the_window_opens_what_is_open() -> None:
    there = stand(now=OPENING + 5 * DAY)
    crowd(there, 1)
    there.news()
    [prompt] = at(there, there.now)
    assert "2026T3" in prompt.text
    assert openings(there) == [("2026T4", "2027-01-01")]
    there.run(*there.programmes)  # a second start does nothing more
    assert at(there, there.now) == []
    later = at(there, OPENING + 7 * DAY)
    assert len(later) == 1


def test_a_start_after_the_window_opens_nothing() -> None:
    there = stand(now=OPENING + 22 * DAY)
    crowd(there, 1)
    there.news()
    assert at(there, there.now) == []
    assert openings(there) == [("2026T4", "2027-01-01")]


def test_back_from_an_outage_there_is_one_reminder() -> None:
    there = stand()
    crowd(there, 1)
    at(there, OPENING)
    assert len(at(there, OPENING + 15 * DAY)) == 1
    assert at(there, OPENING + 16 * DAY) == []


def test_who_is_asked_late_is_not_reminded_in_the_same_breath() -> None:
    there = stand()
    crowd(there, 1)
    there.news()
    [prompt] = at(there, OPENING + 15 * DAY)
    assert prompt.key.startswith("report:")
    assert len(at(there, OPENING + 20 * DAY)) == 0


def test_away_for_the_whole_window_leaves_the_next_one() -> None:
    there = stand()
    crowd(there, 1)
    there.news()
    assert at(there, OPENING + 30 * DAY) == []
    assert openings(there) == [("2026T4", "2027-01-01")]


def test_a_report_gone_from_the_file_opens_nothing() -> None:
    there = stand()
    crowd(there, 1)
    there.news()
    there.run(emergence())
    assert at(there, OPENING) == []


# --- several reports ------------------------------------------------------------------------------


def test_each_prompt_opens_its_own_report() -> None:
    other = changed(id="second", questions=QUARTERLY.questions[-1:], wish=None, alert=())
    there = stand(QUARTERLY, other)
    ines = there.join("7", "Inès Ferrat")
    prompts = at(there, OPENING)
    assert len(prompts) == 2
    seen = []
    for prompt in prompts:
        [token] = prompt.choices.values()
        [question] = [h for h in there.press("7", token) if h.to == "7"]
        seen.append(question.message.text.split("\n")[0])
    with there.work() as uow:
        kinds = [t.kind for t in uow.talks.open_ones(ines)]
    assert sorted(kinds) == ["report:quarterly", "report:second"]
    assert len(set(seen)) == 2


def test_a_forged_number_opens_nobody_else_s_report() -> None:
    there = stand()
    there.join("7", "Inès Ferrat")
    there.join("8", "Yanis Bédard")
    [first, second] = at(there, OPENING)
    assert (first.to, second.to) == ("7", "8")
    [token] = second.choices.values()
    mine = there.press("7", token)
    with there.work() as uow:
        theirs = uow.talks.open_ones(there.ids["8"])[0].id
    assert mine
    assert all(f":{theirs}:" not in t for h in mine for t in h.choices.values())


def test_the_words_rapport_go_on_with_what_is_not_sent() -> None:
    there = stand()
    there.join("7", "Inès Ferrat")
    [before] = there.command("7", "rapport")
    assert "octobre" in before.text
    at(there, OPENING)
    [by_quarter] = there.command("7", "rapport", "2026T3")
    [asked] = there.command("7", "rapport")
    assert asked.text == by_quarter.text
    there.now = OPENING + 30 * DAY
    [missed] = there.command("7", "rapport", "pas un trimestre")
    assert "2026T3" in missed.text


# --- by hand --------------------------------------------------------------------------------------


def test_staff_remind_the_missing_once_a_day() -> None:
    there = stand()
    crowd(there, CHUNK + 1)
    there.join(CLAIRE, "Claire", role="staff")
    [nobody] = there.command(CLAIRE, "relancer")
    assert "0" in nobody.text
    at(there, OPENING)
    answer = there.command(CLAIRE, "relancer")
    assert [h.to for h in answer] == [CLAIRE]  # the others are not part of this turn
    assert str(CHUNK + 1) in answer[0].text
    reminders = at(there, there.now)
    assert len(reminders) == CHUNK + 1
    again = there.command(CLAIRE, "relancer", "2026T3")
    assert str(CHUNK + 1) not in again[0].text
    assert at(there, there.now) == []
    there.now += DAY
    there.command(CLAIRE, "relancer")
    assert len(at(there, there.now)) == CHUNK + 1


def test_the_close_tells_staff_how_many_were_sent() -> None:
    there = stand()
    crowd(there, 3)
    there.join(CLAIRE, "Claire", role="staff")
    at(there, OPENING)
    with there.work() as uow:
        report = uow.session.scalars(select(Row)).first()
        assert report is not None
        uow.reports.keep(report, [], there.now)
        assert uow.reports.answers(report) == []
    [told] = [h for h in at(there, OPENING + 21 * DAY) if h.to == CLAIRE]
    assert "1" in told.text
    assert "3" in told.text
    with there.work() as uow:
        assert sorted(uow.session.scalars(select(Row.state))) == ["missed", "missed", "sent"]


def test_an_export_asks_for_all_names_at_once() -> None:
    there = stand()
    crowd(there, 30)
    there.join(CLAIRE, "Claire", role="staff")

    def wish(kind: str | None) -> None:
        with there.work() as uow:
            for person in uow.people.with_role("emergence", "mentee"):
                uow.reports.set_wish(
                    person.id, "emergence", kind=kind, field="droit", place="Lille",
                    start_on=None, months=6, now=there.now,
                )  # fmt: skip

    wish("job")
    wish("internship")  # the newest word counts
    with counted(there.database) as statements:
        [answer] = there.command(CLAIRE, "exporter", "souhaits")
    assert len(statements) < 30
    assert answer.message.file is not None
    assert answer.message.file.content.decode().count("Un stage") == 30
    wish(None)
    [nothing] = there.command(CLAIRE, "exporter", "souhaits")
    assert nothing.message.file is None


@pytest.mark.postgres
def test_the_same_on_postgres(pg_tables: str) -> None:
    there = stand()
    there.database.close()
    there.database = Database(pg_tables, "a secret for tests only")
    tables(there.database)
    there.run(*there.programmes)
    crowd(there, CHUNK + 3)
    there.news()
    assert len(at(there, OPENING)) == CHUNK + 3
    assert len(at(there, OPENING + 15 * DAY)) == CHUNK + 3
    at(there, OPENING + 21 * DAY)
    with there.work() as uow:
        assert set(uow.session.scalars(select(Row.state))) == {"missed"}
        assert uow.reports.count_missing("emergence", QUARTERLY.id, "2026T3", SUMMER) == 0
        pending = uow.session.scalars(select(Timer.kind).where(Timer.state == "pending")).all()
    assert sorted(pending) == ["report-open", "triage"]
    there.database.close()


def test_words_of_distress_in_a_report_are_not_in_the_team_s_file() -> None:
    there = stand()
    number = there.join(LEA, "Léa Martin")
    with there.work() as uow:
        report = Row(
            programme_id="emergence", person_id=number, report="quarterly", quarter="2026T3",
            state="sent", opened_at=there.now, closes_at=there.now, sent_at=there.now,
        )  # fmt: skip
        uow.session.add(report)
        uow.session.flush()
        said = ("tout va bien", "j’ai envie de mourir")
        kept = [{"id": f"q{n}", "question": "?", "label": words} for n, words in enumerate(said)]
        uow.reports.keep(report, kept, there.now)
    there.join(CLAIRE, "Claire", role="staff")
    (answer,) = told(there.command(CLAIRE, "exporter", "rapports"), CLAIRE)
    assert answer.message.file is not None
    shown = answer.message.file.content.decode()
    assert "tout va bien" in shown
    assert "mourir" not in shown
    assert "protection" in shown
