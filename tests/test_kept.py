"""After a meeting each side says whether it took place; where they differ the team sees it."""

from __future__ import annotations

from datetime import timedelta

from bot.dialogue.tokens import ActToken, decode
from storage.tables import Meeting, MeetingWord
from tests.asking import GONE, INES, LEA, MARC, NAMES, TOM
from tests.stand import CLAIRE, Heard, Stand, button, programme, told

YES, OFF, NO = "Oui", "Annulé ou reporté", "Non"


def stand(*, asked: bool = True) -> Stand:
    """Léa and Marc, a pair of a programme that asks after meetings; Tom and Inès beside."""
    plain = programme()
    rules = plain.pair.model_copy(update={"ask_after_meetings": asked})
    one = Stand((programme(pair=rules),))
    one.join(CLAIRE, "Claire", role="staff")
    one.join(LEA, "Léa Martin")
    one.join(TOM, "Tom Blanc")
    for account in (MARC, INES):
        one.join(account, NAMES[account], role="mentor")
    one.pair(LEA, MARC)
    one.pair(TOM, INES)
    return one


def met(one: Stand, words: str = "jeudi 18h30") -> list[Heard]:
    """Léa sets a date with Marc, and it passes: what both are asked."""
    one.command(LEA, "rdv", words)
    return [heard for heard in one.days(4) if heard.key.startswith("meeting-ask:")]


def slip(one: Stand) -> None:
    """It took place, say both; Léa by the wrong button first."""
    asked = met(one)
    one.press(MARC, button(asked, MARC, YES))
    said = one.press(LEA, button(asked, LEA, NO))
    said = one.press(LEA, button(said, LEA, "Corriger"))
    one.press(LEA, button(said, LEA, YES))


def meeting(one: Stand) -> Meeting:
    with one.work() as uow:
        found = uow.session.query(Meeting).order_by(Meeting.id.desc()).first()
        assert found is not None
        uow.session.expunge(found)
        return found


def page(one: Stand) -> str:
    (shown,) = told(one.command(CLAIRE, "binomes", "1"), CLAIRE)
    return shown.text


def test_both_are_asked_once_when_it_is_over_and_nobody_else() -> None:
    one = stand()
    one.command(LEA, "rdv", "jeudi 18h30")
    heard = one.until(meeting(one).starts_at + timedelta(minutes=59))
    assert not [h for h in heard if h.key.startswith("meeting-ask:")]
    heard = [h for h in one.days(3) if h.key.startswith("meeting-ask:")]
    assert {h.to for h in heard} == {LEA, MARC}
    assert len(heard) == 2
    assert told(heard, LEA, "Marc Aubier")
    assert list(told(heard, MARC)[0].choices) == [YES, OFF, NO]


def test_a_day_without_an_hour_is_asked_about_the_morning_after() -> None:
    one = stand()
    one.command(LEA, "rdv", "jeudi")
    day = meeting(one).starts_at
    early = one.until(day + timedelta(hours=30))  # 6 in the morning, UTC, of the day after
    heard = [h for h in one.days(1) if h.key.startswith("meeting-ask:")]
    assert {h.to for h in heard} == {LEA, MARC}
    assert not [h for h in early if h.key.startswith("meeting-ask:")]


def test_where_both_say_the_same_the_meeting_is_so() -> None:
    for label, state, words in (
        (YES, "held", "a eu lieu"),
        (OFF, "cancelled", "annulé ou reporté"),
        (NO, "missed", "n’a pas eu lieu"),
    ):
        one = stand()
        asked = met(one)
        one.press(LEA, button(asked, LEA, label))
        assert meeting(one).state == "planned"
        assert "Marc Aubier\u00a0: pas encore de réponse" in page(one)
        one.press(MARC, button(asked, MARC, label))
        assert meeting(one).state == state
        assert page(one).count(f"\u00a0: {words}") == 2
        assert "diffèrent" not in page(one)


def test_where_they_differ_the_team_sees_it_and_neither_of_the_two() -> None:
    one = stand()
    asked = met(one)
    heard = one.press(LEA, button(asked, LEA, YES))
    heard += one.press(MARC, button(asked, MARC, NO))
    assert {h.to for h in heard} == {LEA, MARC}
    assert "diffèrent" in page(one)
    assert meeting(one).state == "planned"
    assert not told(one.command(MARC, "rdv"), MARC, "a eu lieu")


def test_a_slip_is_corrected_and_counts_as_said_last() -> None:
    one = stand()
    slip(one)
    assert meeting(one).state == "held"
    with one.work() as uow:
        assert uow.session.query(MeetingWord).count() == 2


def test_pressed_twice_or_by_somebody_else_nothing_is_said() -> None:
    one = stand()
    asked = met(one)
    token = button(asked, LEA, YES)
    for _ in range(2):
        one.press(LEA, token)
    for account in (TOM, INES, CLAIRE):
        assert told(one.press(account, token), account, GONE)
    with one.work() as uow:
        assert uow.session.query(MeetingWord).count() == 1


def test_a_date_that_moved_is_asked_about_where_it_went() -> None:
    one = stand()
    one.command(LEA, "rdv", "jeudi 18h30")
    one.command(LEA, "rdv", "vendredi 18h30")
    asked = [h for h in one.days(5) if h.key.startswith("meeting-ask:")]
    assert len(asked) == 2
    token = decode(button(asked, LEA, YES))
    assert isinstance(token, ActToken)
    assert token.version == 1
    stale = button(asked, LEA, YES).rpartition(":")[0] + ":0"
    assert told(one.press(LEA, stale), LEA)
    with one.work() as uow:
        assert uow.session.query(MeetingWord).count() == 0


def test_before_it_and_long_after_nothing_can_be_said_of_it() -> None:
    one = stand()
    one.command(LEA, "rdv", "jeudi 18h30")
    asked = [h for h in one.days(4) if h.key.startswith("meeting-ask:")]
    one.days(30)
    one.press(LEA, button(asked, LEA, YES))
    one.command(LEA, "rdv", "lundi prochain 18h30")
    one.press(LEA, button(asked, LEA, YES))
    with one.work() as uow:
        assert uow.session.query(MeetingWord).count() == 0


def test_a_pair_that_ended_and_a_programme_that_does_not_ask_are_left_in_peace() -> None:
    assert met(stand(asked=False)) == []
    one = stand()
    one.command(LEA, "rdv", "jeudi 18h30")
    with one.work() as uow:
        pair = uow.pairs.get(1)
        assert pair is not None
        uow.pairs.move(pair, pair.version, "closed")
    assert [h for h in one.days(4) if h.key.startswith("meeting-ask:")] == []


def test_what_one_side_said_is_in_their_own_data_only() -> None:
    one = stand()
    asked = met(one)
    one.press(LEA, button(asked, LEA, NO))
    with one.work() as uow:
        mine = uow.privacy.export_person(one.ids[LEA])
        theirs = uow.privacy.export_person(one.ids[MARC])
    assert [row["said"] for row in mine["meeting_word"]] == ["missed"]
    assert not theirs.get("meeting_word")
