"""The rhythm of a pair: when each side is asked, what answers lead to, what changes in between."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import recurring_ical_events
from icalendar import Calendar, Event
from sqlalchemy import event as listeners

from bot.programmes.schema import Programme, Rhythm
from tests.stand import CLAIRE, Stand, button, programme, told

LEA, MARC, INES = "11", "12", "13"
PARIS = ZoneInfo("Europe/Paris")


def weekly(**changes: Any) -> Rhythm:
    """The preset's check-in with other figures."""
    return programme().rhythms[0].model_copy(update=changes)


def with_rhythms(*rhythms: Rhythm, months: int = 6, **changes: Any) -> Programme:
    here = programme()
    pair = here.pair.model_copy(update={"months": months})
    return programme(rhythms=rhythms, pair=pair, guides=(), **changes)


def stand(
    here: Programme | None = None, *, zones: tuple[str | None, str | None] = (None, None)
) -> tuple[Stand, int]:
    """Léa and Marc, in a pair."""
    one = Stand((here or with_rhythms(weekly()),))
    one.join(CLAIRE, "Claire", role="staff")
    one.join(LEA, "Léa Martin", zones[0])
    one.join(MARC, "Marc Aubier", zones[1], role="mentor")
    return one, one.pair(LEA, MARC)


def asked_at(one: Stand, pair: int, account: str) -> list[datetime]:
    return [c.occurrence for c in one.asked(pair, account)]


# --- an independent calendar ----------------------------------------------------------------------


def calendar(
    first: date,
    zone: str,
    rule: dict[str, Any],
    *,
    skipped: Iterable[date] = (),
    later: Iterable[date] = (),
) -> Calendar:
    """The same rhythm as a calendar program would hold it."""
    home, at = ZoneInfo(zone), time(9, 30)
    found = Calendar()
    event = Event()
    event.add("uid", "rhythm")
    event.add("dtstart", datetime.combine(first, at, home))
    event.add("duration", timedelta(minutes=15))
    event.add("rrule", rule)
    for day in skipped:
        event.add("exdate", datetime.combine(day, at, home))
    found.add_component(event)
    for day in later:
        moved = Event()
        moved.add("uid", "rhythm")
        moved.add("recurrence-id", datetime.combine(day, at, home))
        moved.add("dtstart", datetime.combine(day + timedelta(days=7), at, home))
        moved.add("duration", timedelta(minutes=15))
        found.add_component(moved)
    return found


def instants(found: Calendar, begin: datetime, end: datetime) -> list[datetime]:
    events = recurring_ical_events.of(found).between(begin, end)
    return sorted(e["DTSTART"].dt.astimezone(UTC) for e in events)


def fired(one: Stand, end: datetime, account: str) -> list[datetime]:
    """Let time pass and note when somebody was asked."""
    times: list[datetime] = []
    while True:
        with one.work() as uow:
            due = uow.timers.next_due(one.now)
        if due is None or due > end:
            one.now = end
            return times
        one.now = due
        if any(h.key.startswith("checkin:") for h in told(one.fire(), account)):
            times.append(one.now)


def test_each_side_is_asked_at_its_own_half_past_nine_over_both_clock_changes() -> None:
    weeks = weekly(rrule="FREQ=WEEKLY;BYDAY=TU", first_after_days=7)
    one, pair = stand(with_rhythms(weeks, months=9), zones=("Europe/Paris", "America/New_York"))
    begin, end = one.now, one.now + timedelta(days=245)
    heard = one.until(end)
    for account, zone in ((LEA, "Europe/Paris"), (MARC, "America/New_York")):
        expected = instants(
            calendar(date(2026, 9, 8), zone, {"freq": "weekly", "byday": "TU"}), begin, end
        )
        assert asked_at(one, pair, account) == expected
        assert len(expected) == 34
        assert len(set(at.hour for at in expected)) == 2  # noqa: C401 - two clock changes
        prompts = [h for h in told(heard, account) if h.key.startswith("checkin:")]
        assert len(prompts) == len(expected)


def test_a_year_with_a_skip_a_delay_a_pause_and_an_outage_is_that_of_a_calendar() -> None:
    one, pair = stand(with_rhythms(weekly(remind_after_days=None), months=13))
    begin = one.now
    rule = {"freq": "weekly", "interval": 3, "byday": "TU"}
    skipped, later = date(2026, 11, 17), date(2026, 12, 29)
    whole = calendar(date(2026, 9, 15), "Europe/Paris", rule, skipped=[skipped], later=[later])
    times = fired(one, datetime(2026, 11, 1, tzinfo=UTC), LEA)
    one.press(LEA, button(one.command(LEA, "rdv"), LEA, "Sauter"))
    times += fired(one, datetime(2026, 12, 10, tzinfo=UTC), LEA)
    one.press(LEA, button(one.command(LEA, "rdv"), LEA, "plus tard"))
    times += fired(one, datetime(2027, 2, 1, tzinfo=UTC), LEA)
    paused = one.now
    one.press(MARC, button(one.command(MARC, "rdv"), MARC, "pause"))
    times += fired(one, datetime(2027, 4, 1, tzinfo=UTC), LEA)
    resumed = one.now
    one.press(LEA, button(one.command(LEA, "rdv"), LEA, "Reprendre"))
    times += fired(one, datetime(2027, 5, 20, tzinfo=UTC), LEA)
    away = one.now
    one.now = back = away + timedelta(weeks=5)  # nothing ran: two occurrences went by
    assert len([h for h in told(one.fire(), LEA) if h.key.startswith("checkin:")]) == 1
    times += [back, *fired(one, begin + timedelta(days=365), LEA)]

    end = begin + timedelta(days=365)
    every = instants(whole, begin, end)
    missed = [at for at in every if away < at <= back]
    expected = [at for at in every if not (paused <= at < resumed) and not (away < at <= back)]
    assert len(missed) == 2
    assert times == sorted([*expected, back])
    assert [c.state for c in one.asked(pair, LEA)] == ["asked"] * len(times)


def test_a_delay_beyond_the_end_of_the_pair_is_no_promise() -> None:
    one, pair = stand(with_rhythms(weekly(), months=1))  # one prompt: 15 September
    shown = one.command(LEA, "rdv")
    assert told(shown, LEA, "mardi 15 septembre")
    one.days(16)
    heard = one.command(LEA, "rdv")
    assert not told(heard, LEA, "Prochain point")
    assert asked_at(one, pair, LEA) == [datetime(2026, 9, 15, 7, 30, tzinfo=UTC)]


# --- buttons --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "following"), [("Sauter", "mardi 6 octobre"), ("plus tard", "mardi 22 septembre")]
)
def test_a_double_click_acts_once(label: str, following: str) -> None:
    one, _ = stand()
    token = button(one.command(LEA, "rdv"), LEA, label)
    assert told(one.press(LEA, token), LEA, following)
    assert not told(one.press(LEA, token), LEA, "octobre")  # an old button: nothing moves
    assert told(one.command(LEA, "rdv"), LEA, following)


def test_skipping_the_next_prompt_leaves_other_rhythms_alone() -> None:
    other = weekly(id="other", rrule="FREQ=WEEKLY;BYDAY=TH")
    one, pair = stand(with_rhythms(weekly(), other))
    heard = one.press(LEA, button(one.command(LEA, "rdv"), LEA, "Sauter"))
    assert told(heard, LEA, "jeudi 17 septembre")
    one.days(17)
    assert [at.date() for at in asked_at(one, pair, LEA)] == [date(2026, 9, 17)]


def test_when_nothing_is_planned_any_more_it_says_so() -> None:
    one, _ = stand(with_rhythms(weekly(rrule="FREQ=DAILY;COUNT=1")))
    heard = one.press(LEA, button(one.command(LEA, "rdv"), LEA, "Sauter"))
    assert told(heard, LEA, "Plus aucun point")


def test_this_one_can_be_left_out_from_its_reminder() -> None:
    one, pair = stand()
    heard = one.days(19)
    token = button(heard, LEA, "Pas cette fois")
    one.press(LEA, token)
    assert [c.state for c in one.asked(pair, LEA)] == ["skipped"]
    assert one.asked(pair, MARC)[0].state == "asked"
    assert told(one.press(LEA, token), LEA)  # told that it is stale
    assert not told(one.say(LEA, "oui"), LEA, "Comment était-ce")


def test_nobody_is_reminded_of_what_they_answered_nor_after_the_pause() -> None:
    one, _ = stand()
    heard = one.days(15)
    one.press(LEA, button(heard, LEA, "Pas encore"))
    one.press(LEA, button(one.command(LEA, "rdv"), LEA, "pause"))
    assert not [h for h in one.days(6) if h.key.startswith("checkin-remind")]


# --- what answers lead to -------------------------------------------------------------------------


def test_words_for_the_team_arrive_after_the_alert_of_the_first_tap() -> None:
    one, _ = stand()
    heard = one.press(LEA, button(one.days(15), LEA, "Non, et c’est difficile"))
    assert len(told(heard, CLAIRE, "appelle l’attention")) == 1
    heard = one.say(LEA, "Il ne répond plus depuis un mois.")
    (alert,) = told(heard, CLAIRE, "un mot pour l’équipe")
    assert "Il ne répond plus depuis un mois." in alert.text
    assert not told(heard, MARC)
    assert "binomes" in alert.choices["Voir le binôme"]


def test_an_alert_without_words_comes_once() -> None:
    one, _ = stand()
    heard = one.press(LEA, button(one.days(15), LEA, "Non, et c’est difficile"))
    heard += one.press(LEA, button(heard, LEA, "Passer"))
    assert len(told(heard, CLAIRE)) == 1


def test_two_sides_of_the_globe_make_one_round() -> None:
    one, pair = stand(zones=("Pacific/Auckland", "Europe/Paris"))
    heard = one.days(15.5)
    for account in (LEA, MARC):
        said = one.press(account, button(heard, account, "Pas encore"))
        assert not told(said, CLAIRE)
    assert one.get_pair(pair).missed_in_a_row == 1
    heard = one.days(21)
    said = one.press(LEA, button(heard, LEA, "Pas encore"))
    assert told(said, CLAIRE, "2 derniers points")


def test_a_rhythm_that_asks_for_no_meeting_counts_none() -> None:
    chat = weekly(id="chat", met=None, alert_after_missed=None, alert_staff={})
    one, pair = stand(with_rhythms(chat))
    one.press(LEA, button(one.days(15), LEA, "Non, et c’est difficile"))
    one.say(LEA, "Beaucoup de travail.")
    assert [c.state for c in one.asked(pair, LEA)] == ["answered"]
    assert one.get_pair(pair).missed_in_a_row == 0


# --- the file, the zone, the process --------------------------------------------------------------


def test_another_hour_in_the_file_keeps_the_weeks() -> None:
    one, pair = stand()
    one.days(16)  # asked on 15 September; the next is 6 October
    one.run(with_rhythms(weekly(at=time(18, 0))))
    one.days(30)
    assert asked_at(one, pair, LEA)[1:] == [datetime(2026, 10, 6, 16, 0, tzinfo=UTC)]


def test_another_rule_counts_from_the_first_day_of_the_pair() -> None:
    one, pair = stand()
    one.days(3)
    one.run(with_rhythms(weekly(rrule="FREQ=WEEKLY;INTERVAL=2;BYDAY=WE", first_after_days=20)))
    one.days(45)
    days = [at.date() for at in asked_at(one, pair, LEA)]
    assert days == [date(2026, 9, 23), date(2026, 10, 7)]


def test_whoever_moves_is_not_asked_twice_on_a_day_and_keeps_what_they_skipped() -> None:
    one, pair = stand()
    one.press(LEA, button(one.command(LEA, "rdv"), LEA, "Sauter"))  # 15 September
    one.press(MARC, button(one.command(MARC, "rdv"), MARC, "plus tard"))  # to 22 September
    with one.work() as uow:
        for account in (LEA, MARC):
            person = uow.people.get(one.ids[account])
            assert person is not None
            person.zone = "America/New_York"
    one.run(*one.programmes)
    one.until(datetime(2026, 10, 6, 14, tzinfo=UTC))
    assert asked_at(one, pair, LEA) == [datetime(2026, 10, 6, 13, 30, tzinfo=UTC)]
    assert len(asked_at(one, pair, MARC)) == 2  # 22 September and 6 October
    with one.work() as uow:
        person = uow.people.get(one.ids[LEA])
        assert person is not None
        person.zone = "America/Los_Angeles"  # where half past nine is still to come
    one.run(*one.programmes)
    one.until(datetime(2026, 10, 20, tzinfo=UTC))
    assert len(asked_at(one, pair, LEA)) == 1


def test_a_rule_for_other_kinds_of_pair_is_not_theirs() -> None:
    one, pair = stand()
    one.run(with_rhythms(weekly(rrule="FREQ=DAILY", pairs=("one_off",))))
    one.days(16)
    assert len(asked_at(one, pair, LEA)) == 1  # as it began


def test_a_programme_away_for_a_day_loses_no_check_in() -> None:
    one, pair = stand()
    one.days(14)
    away = programme("emergence")
    one.run(away)
    one.days(1.2)  # its timer comes due: nothing is run here
    assert asked_at(one, pair, LEA) == []
    one.run(*one.programmes)
    one.days(1)
    assert len(asked_at(one, pair, LEA)) == 1
    one.days(21)
    assert len(asked_at(one, pair, LEA)) == 2


def test_a_rhythm_that_comes_back_to_the_file_goes_on() -> None:
    one, pair = stand()
    one.run(with_rhythms())
    one.days(15)  # its timer found no rhythm and was spent
    assert asked_at(one, pair, LEA) == []
    one.run(*one.programmes)
    one.days(21)
    assert asked_at(one, pair, LEA) == [datetime(2026, 10, 6, 7, 30, tzinfo=UTC)]
    one.run(*one.programmes)  # planning again changes nothing
    one.run(*one.programmes)
    one.days(21)
    assert len(asked_at(one, pair, LEA)) == 2


def test_planning_takes_few_statements_whatever_the_number_of_pairs() -> None:
    def statements(pairs: int) -> int:
        one = Stand((with_rhythms(weekly()),))
        one.join(MARC, "Marc", role="mentor")
        for number in range(pairs):
            one.join(str(100 + number), f"Élève {number}")
            one.pair(str(100 + number), MARC)
        seen: list[str] = []
        listeners.listen(one.database.engine, "before_cursor_execute", lambda *a: seen.append(a[2]))
        one.run(*one.programmes)
        return len(seen)

    assert statements(6) == statements(1)


def test_a_prompt_after_the_end_or_a_change_is_nobody_s() -> None:
    one, pair = stand()
    with one.work() as uow:  # timers as they were before a change: stale
        for series in uow.pairs.series_of(pair):
            series.version += 1
    one.days(16)
    assert asked_at(one, pair, LEA) == []
