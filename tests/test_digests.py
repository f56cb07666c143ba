"""One message in the morning, one at day's end: what waits, and nothing for nothing."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from bot.commands.digests import on_working_days
from bot.dialogue.tokens import ActToken, RunToken, encode
from bot.programmes.queue import QueueRules
from bot.programmes.schema import Programme
from tests.asking import LEA, MARC, TOM, answer, ask, asks, stand
from tests.stand import CLAIRE, Heard, Stand, button, programme, told

PAULE = "2"
PARIS = "Europe/Paris"
WISH = "Comment entrer dans la finance durable et investissement ?"


def here(**rules: object) -> Programme:
    return programme(queue=QueueRules(**rules))


def digests(heard: list[Heard], account: str) -> list[Heard]:
    return [one for one in told(heard, account) if one.key.startswith("digest:")]


def team(*experts: str, **rules: object) -> Stand:
    """Claire and Paule; it is Tuesday 1 September, nine o'clock in Paris."""
    one = stand(*experts, here=here(**rules))
    one.join(PAULE, "Paule", role="staff")
    return one


def test_nothing_is_said_when_nothing_waits() -> None:
    one = team()
    assert one.days(10) == []


def test_the_evening_tells_what_is_new_and_the_morning_all_that_waits() -> None:
    one = team()
    asks(one)
    [evening] = digests(one.until(datetime(2026, 9, 1, 15, 31, tzinfo=UTC)), CLAIRE)
    assert evening.message.title == "La file, du nouveau depuis ce matin"
    assert "1 nouvelle demande" in evening.text
    assert "1 à prendre en charge" in evening.text
    assert "Léa Martin" in evening.text
    [morning] = digests(one.until(datetime(2026, 9, 2, 15, 31, tzinfo=UTC)), CLAIRE)
    assert morning.message.title == "La file, ce matin"  # the second evening had no news
    assert "nouvelle" not in morning.text
    assert one.press(CLAIRE, button([morning], CLAIRE, "Les miennes"))
    assert told(one.press(CLAIRE, morning.message.lines[0].choice.token), CLAIRE, WISH)  # type: ignore[union-attr]


def test_nothing_that_somebody_wrote_is_in_it() -> None:
    one = team()
    asks(one)
    one.press(CLAIRE, encode(ActToken("note", 1, 1)))
    one.say(CLAIRE, "une note confidentielle")
    heard = digests(one.days(20), CLAIRE)
    assert heard
    for said in heard:
        assert WISH not in said.text
        assert "confidentielle" not in said.text
        assert "Léa" not in (said.message.notice or "")


def test_each_reads_what_is_theirs() -> None:
    one = team(MARC)
    asks(one)
    ask(one, MARC)
    one.press(CLAIRE, encode(ActToken("claim", 1, 0)))
    asks(one, TOM, wish="Que faire après une thèse de philosophie médiévale ?")
    one.press(PAULE, encode(ActToken("claim", 2, 0)))
    one.press(CLAIRE, encode(RunToken("entretien", f"2-{one.ids[CLAIRE]}")))
    heard = one.until(datetime(2026, 9, 2, 6, 31, tzinfo=UTC))
    [claire] = digests(heard, CLAIRE)[1:]
    assert "1 à ton nom" in claire.text
    assert "1 chez un expert" in claire.text
    assert "1 entretien demandé" in claire.text
    [paule] = digests(heard, PAULE)[1:]
    assert "entretien" not in paule.text
    assert "Tom Blanc" in paule.text


def test_a_request_that_only_waits_for_its_expert_wakes_nobody() -> None:
    one = team(MARC)
    asks(one)
    ask(one, MARC)
    one.press(CLAIRE, encode(ActToken("claim", 1, 0)))
    one.until(datetime(2026, 9, 1, 16, tzinfo=UTC))
    assert not digests(one.until(datetime(2026, 9, 3, 16, tzinfo=UTC)), CLAIRE)


def test_weekends_are_quiet() -> None:
    one = team()
    one.until(datetime(2026, 9, 4, 16, tzinfo=UTC))  # Friday evening
    asks(one)
    assert not digests(one.until(datetime(2026, 9, 7, 6, 29, tzinfo=UTC)), CLAIRE)
    [monday] = digests(one.until(datetime(2026, 9, 7, 6, 31, tzinfo=UTC)), CLAIRE)
    assert "1 nouvelle demande" in monday.text


@pytest.mark.parametrize(("first", "last"), [((2026, 10, 19), (2026, 10, 31)),
                                             ((2028, 3, 20), (2028, 4, 1))])  # fmt: skip
def test_the_clock_may_change(first: tuple[int, int, int], last: tuple[int, int, int]) -> None:
    one = team()
    one.now = datetime(*first, 5, tzinfo=UTC)
    one.run(*one.programmes)
    asks(one)
    with one.work() as uow:  # late from the start: something to say each morning
        uow.requests.get(1).due_at = one.now  # type: ignore[union-attr]
    heard = digests(one.until(datetime(*last, tzinfo=UTC)), PAULE)
    mornings = [said for said in heard if said.message.title == "La file, ce matin"]
    local = [
        datetime.strptime(said.key.split(":")[2], "%Y%m%dT%H%M")
        .replace(tzinfo=UTC)
        .astimezone(ZoneInfo(PARIS))
        for said in mornings
    ]
    assert {at.time() for at in local} == {time(8, 30)}
    assert [at.weekday() for at in local] == [0, 1, 2, 3, 4] * 2


def test_what_an_outage_swallowed_is_not_said_late() -> None:
    one = team()
    asks(one)
    one.now = datetime(2026, 9, 5, 12, tzinfo=UTC)  # four days without a process: a Saturday
    one.run(*one.programmes)
    heard = one.fire()
    assert not digests(heard, CLAIRE)
    assert len(digests(one.until(datetime(2026, 9, 7, 7, tzinfo=UTC)), CLAIRE)) == 1


def test_a_morning_missed_by_hours_is_still_said_before_the_evening() -> None:
    one = team()
    asks(one)
    one.until(datetime(2026, 9, 1, 16, tzinfo=UTC))
    one.now = datetime(2026, 9, 2, 11, tzinfo=UTC)
    [late] = digests(one.fire(), CLAIRE)
    assert late.message.title == "La file, ce matin"


def test_other_times_in_the_file_count_at_once() -> None:
    one = team()
    asks(one)
    one.run(here(digests=(time(12),)))
    assert not digests(one.until(datetime(2026, 9, 1, 9, 59, tzinfo=UTC)), CLAIRE)
    assert digests(one.until(datetime(2026, 9, 1, 10, 1, tzinfo=UTC)), CLAIRE)
    one.run(here(digests=()))
    assert not digests(one.days(7), CLAIRE)


def test_an_order_that_goes_back_is_refused() -> None:
    with pytest.raises(ValueError, match="growing"):
        QueueRules(digests=(time(17), time(8)))


def test_the_calendar_is_that_of_the_zone() -> None:
    noon = datetime(2026, 10, 23, 12, tzinfo=UTC)  # the Friday before the clock goes back
    at = on_working_days(here(), (time(8, 30),), noon)
    assert [moment.hour for moment in at if moment.day in (23, 26)] == [6, 7]


# --- the same words twice -------------------------------------------------------------------------


def test_the_same_words_twice_in_a_day_are_one_item() -> None:
    one = team()
    heard = one.say(LEA, "Je ne sais plus à qui parler")
    old = button(heard, LEA, "Transmettre")
    again = one.say(LEA, "je ne sais plus à qui parler !")  # before it was passed on
    assert told(one.press(LEA, old), CLAIRE)
    heard = one.press(LEA, button(again, LEA, "Transmettre"))
    assert told(heard, LEA, "déjà chez l’équipe")
    assert not told(heard, CLAIRE)
    heard = one.say(LEA, "Je ne sais plus à qui parler")
    assert told(heard, LEA, "Pas besoin de l’écrire deux fois")
    assert told(one.say(LEA, "Autre chose"), LEA, "d’un geste")
    assert told(one.say(TOM, "Je ne sais plus à qui parler"), TOM, "d’un geste")
    one.days(1.1)
    assert told(one.say(LEA, "Je ne sais plus à qui parler"), LEA, "d’un geste")


# --- pairs that nobody follows --------------------------------------------------------------------


def meets(one: Stand) -> None:
    """Léa and Marc, by her own choice."""
    asks(one)
    ask(one, MARC)
    answer(one, MARC, "accept")
    assert one.get_pair(1).supervisor_id is None


def test_pairs_that_nobody_follows_are_counted_each_morning_until_somebody_does() -> None:
    one = team(MARC)
    one.join("31", "Olga Sup", role="supervisor")
    meets(one)
    heard = one.days(2.5)
    mornings = digests(heard, CLAIRE)
    assert ["1 binôme que personne ne suit" in said.text for said in mornings] == [True, True]
    assert not digests(heard, "31")
    heard = one.press(CLAIRE, button(mornings, CLAIRE, "Binômes à suivre"))
    assert heard[-1].message.table is not None
    assert [row[0] for row in heard[-1].message.table.rows] == ["1"]
    one.press(PAULE, encode(ActToken("supervise", 1, 1)))
    assert not digests(one.days(3), CLAIRE)
    heard = one.press(CLAIRE, button(mornings, CLAIRE, "Binômes à suivre"))
    assert told(heard, CLAIRE, "suivi par quelqu’un")


def test_where_no_pair_is_followed_nobody_is_told_of_it() -> None:
    one = team(MARC)
    meets(one)
    assert not digests(one.days(5), CLAIRE)
