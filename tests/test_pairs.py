"""A pair's life: the yes that is awaited, dates, letters, guides, the end."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from icalendar import Calendar

from bot.dialogue.tokens import ActToken, RunToken, encode
from bot.messages import File
from bot.programmes.care import Guide
from bot.programmes.schema import Programme
from storage.tables import Expert
from tests.stand import CLAIRE, Heard, Stand, button, programme, told

LEA, MARC, BOB = "11", "12", "13"


def stand(here: Programme | None = None, zone: str | None = None, **pair: Any) -> tuple[Stand, int]:
    """Léa and Marc, an expert with one place, in a pair."""
    one = Stand((here or programme(),))
    one.join(CLAIRE, "Claire", role="staff")
    one.join(LEA, "Léa Martin")
    one.join(MARC, "Marc Aubier", zone, role="mentor")
    with one.work() as uow:
        uow.directory.save(
            one.ids[MARC], one.now, {"consenting": True, "capacity": 1, "helps": ["long_term"]}
        )
        uow.directory.take_place(one.ids[MARC], one.now)
    return one, one.pair(LEA, MARC, **pair)


def by_hand(preset: str = "ax-accompagnement") -> tuple[Stand, list[Heard]]:
    """The team pairs Léa with Marc, who has not accepted the charter yet."""
    one = Stand((programme(preset),))
    one.join(CLAIRE, "Claire", role="staff")
    one.join(LEA, "Léa Martin")
    one.join(MARC, "Marc Aubier", role="mentor")
    with one.work() as uow:
        uow.directory.save(
            one.ids[MARC], one.now, {"consenting": True, "capacity": 1, "helps": ["long_term"]}
        )
    return one, one.command(CLAIRE, "binomes", "Léa Martin, Marc Aubier")


def places(one: Stand) -> int:
    with one.work() as uow:
        row = uow.session.get(Expert, one.ids[MARC])
        assert row is not None
        return row.places_taken


def pending(one: Stand, pair: int) -> set[str]:
    with one.work() as uow:
        return {t.kind for t in uow.timers.list(subject_id=pair)}


# --- a pair that waits for the mentor's yes -------------------------------------------------------


def test_the_team_hears_that_a_yes_is_awaited_and_the_mentee_nothing() -> None:
    one, heard = by_hand()
    assert told(heard, CLAIRE, "doit d’abord accepter la charte, au plus tard le mardi 8 septembre")
    assert told(heard, MARC, "L’équipe te propose un binôme")
    assert "mardi 8 septembre" in str(told(heard, MARC)[0].message.note)
    assert not told(heard, LEA)
    assert places(one) == 1
    for verb in ("write", "meeting", "objective", "pair-pause", "pair-stop", "show-email"):
        answer = one.press(LEA, encode(ActToken(verb, 1, 1)))
        assert not [h for h in answer if h.to != LEA or "Marc" in h.text]
    for verb in ("write", "meeting"):
        assert not told(one.press(MARC, encode(ActToken(verb, 1, 1))), LEA)


def test_a_mentor_who_says_nothing_is_reminded_once_then_the_place_is_free() -> None:
    one, _ = by_hand()
    heard = one.days(6.9)
    (reminder,) = told(heard, MARC, "Petit rappel")
    assert "mardi 8 septembre" in str(reminder.message.note)
    assert places(one) == 1
    heard = one.days(0.2)
    assert told(heard, MARC, "Le délai est passé")
    assert told(heard, CLAIRE, "n’a pas répondu à temps")
    assert not told(heard, LEA)
    assert one.get_pair(1).state == "closed"
    assert places(one) == 0
    assert told(one.press(MARC, button([reminder], MARC, "J’accepte")), MARC)
    assert one.get_pair(1).state == "closed"
    again = one.command(CLAIRE, "binomes", "Léa Martin, Marc Aubier")  # may be proposed again
    assert told(again, CLAIRE, "Binôme n° 2 proposé")


def test_a_yes_at_the_last_moment_begins_the_pair_and_ends_the_deadline() -> None:
    one, _ = by_hand()
    reminder = one.days(6)
    heard = one.press(MARC, button(reminder, MARC, "J’accepte"))
    assert told(heard, LEA, "Marc Aubier")
    assert one.get_pair(1).started_at == one.now
    assert not {"pair-nudge", "pair-lapse"} & pending(one, 1)
    assert not told(one.days(3), MARC, "Le délai est passé")
    assert one.get_pair(1).state == "active"
    assert told(one.press(MARC, button(reminder, MARC, "J’accepte")), MARC)  # stale, kindly


def test_a_no_frees_the_place_at_once() -> None:
    one, heard = by_hand()
    token = button(heard, MARC, "Pas cette fois")
    heard = one.press(MARC, token)
    assert told(heard, CLAIRE, "n’en a rien su")
    assert (one.get_pair(1).state, places(one)) == ("closed", 0)
    assert not {"pair-nudge", "pair-lapse"} & pending(one, 1)
    assert not told(one.press(MARC, token), CLAIRE)
    assert places(one) == 0


def test_the_team_takes_back_a_pair_that_waits() -> None:
    one, heard = by_hand()
    offer = button(heard, MARC, "J’accepte")
    end = button(one.command(CLAIRE, "binomes", "1"), CLAIRE, "Terminer")
    heard = one.press(CLAIRE, end)
    assert told(heard, CLAIRE, "abandonné avant d’avoir commencé")
    assert told(heard, MARC, "a été reprise")
    assert not told(heard, LEA)
    assert (one.get_pair(1).state, places(one)) == ("closed", 0)
    one.press(CLAIRE, end)
    one.press(MARC, offer)
    assert (one.get_pair(1).state, places(one)) == ("closed", 0)


def test_an_outage_over_nudge_and_deadline_says_only_that_it_is_over() -> None:
    one, _ = by_hand()
    one.now += timedelta(days=10)
    heard = one.fire()
    assert len(told(heard, MARC)) == 1
    assert one.get_pair(1).state == "closed"


# --- dates ----------------------------------------------------------------------------------------


def ics(heard: list[Heard], account: str) -> Any:
    (one,) = told(heard, account, "endez-vous")
    assert isinstance(one.message.file, File)
    return next(iter(Calendar.from_ical(one.message.file.content).walk("VEVENT")))


def test_a_day_without_an_hour_is_the_same_day_in_new_york() -> None:
    one, _ = stand(zone="America/New_York")
    heard = one.command(LEA, "rdv", "24/11/2026")
    for account in (LEA, MARC):
        assert told(heard, account, "mardi 24 novembre")
        assert ics(heard, account)["DTSTART"].dt == date(2026, 11, 24)
    assert told(one.command(MARC, "rdv"), MARC, "mardi 24 novembre")
    one.until(datetime(2026, 11, 25, 3, tzinfo=UTC))  # still the 24th over there, over in Paris
    assert told(one.command(MARC, "rdv"), MARC, "mardi 24 novembre")
    assert not told(one.command(LEA, "rdv"), LEA, "mardi 24 novembre")


def test_an_hour_is_each_side_s_own() -> None:
    one, _ = stand(zone="America/New_York")
    heard = one.command(LEA, "rdv", "24/11/2026 18h30")
    assert told(heard, LEA, "18\u00a0h\u00a030")
    assert told(heard, MARC, "12\u00a0h\u00a030")
    assert ics(heard, MARC)["DTSTART"].dt == datetime(2026, 11, 24, 17, 30, tzinfo=UTC)


def test_another_date_moves_what_is_to_come_and_not_what_was_held() -> None:
    one, _ = stand()
    first = ics(one.command(LEA, "rdv", "04/09/2026 18h"), LEA)
    moved = ics(one.command(MARC, "rdv", "05/09/2026"), MARC)
    assert (moved["UID"], moved["SEQUENCE"]) == (first["UID"], 1)
    again = one.command(MARC, "rdv", "05/09/2026")  # pressed twice, or on an old button
    assert not told(again, LEA)  # no news for her
    assert ics(again, MARC)["SEQUENCE"] == 1  # and he is not left without a word
    one.until(datetime(2026, 9, 5, 20, tzinfo=UTC))
    assert told(one.command(LEA, "rdv"), LEA, "samedi 5 septembre")  # today still
    one.until(datetime(2026, 9, 6, 8, tzinfo=UTC))
    assert not told(one.command(LEA, "rdv"), LEA, "septembre à")
    following = ics(one.command(LEA, "rdv", "08/09/2026 18h"), LEA)
    assert following["UID"] != first["UID"]
    one.until(datetime(2026, 9, 8, 17, 1, tzinfo=UTC))  # an hour later it is over
    assert ics(one.command(LEA, "rdv", "09/09/2026"), LEA)["UID"] != following["UID"]


def test_a_meeting_of_this_morning_is_held_once_they_say_that_they_met() -> None:
    one, pair = stand()
    first = ics(one.command(LEA, "rdv", "15/09/2026"), LEA)
    heard = one.days(14.5)
    heard = one.press(LEA, button(heard, LEA, "Oui"))
    heard = one.press(LEA, button(heard, LEA, "4"))
    heard = one.press(LEA, button(heard, LEA, "les miennes"))
    heard = one.say(LEA, "29/09/2026")
    assert ics(heard, LEA)["UID"] != first["UID"]
    with one.work() as uow:
        found = uow.pairs.next_meeting(pair, one.now - timedelta(days=3))
        assert found is not None
        assert (found.starts_at, found.sequence) == (datetime(2026, 9, 29, tzinfo=UTC), 0)


def two_mentees(one: Stand) -> int:
    one.join(BOB, "Bob Petit")
    return one.pair(BOB, MARC)


def test_a_mentor_of_two_sets_the_meeting_in_the_pair_he_pressed() -> None:
    one, alice = stand()
    bob = two_mentees(one)
    for pair, mentee, other in ((alice, LEA, BOB), (bob, BOB, LEA)):
        shown = [h for h in one.command(MARC, "rdv") if encode(ActToken("meeting", pair, 1)) in
                 h.choices.values()]  # fmt: skip
        heard = one.press(MARC, button(shown, MARC, "Fixer un rendez-vous"))
        heard = one.press(MARC, button(heard, MARC, "septembre"))
        assert told(heard, mentee, "te donne rendez-vous")
        assert not told(heard, other)


def test_words_of_a_mentor_of_two_ask_which_pair() -> None:
    one, _ = stand()
    two_mentees(one)
    heard = one.command(MARC, "rdv", "mardi 18h30")
    assert [h.to for h in heard] == [MARC]
    assert set(heard[0].choices) == {"Bob Petit", "Léa Martin"}
    heard = one.press(MARC, heard[0].choices["Léa Martin"])
    assert told(heard, LEA, "mardi 8 septembre à 18\u00a0h\u00a030")
    assert not told(heard, BOB)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("un de ces jours", "date"),
        ("01/01/2020", "passé"),
        ("1/2026-13-45", "date"),
        ("1/2020-01-01", "passé"),
    ],
)
def test_words_that_are_no_coming_date_set_nothing(words: str, said: str) -> None:
    one, _ = stand()
    heard = one.command(LEA, "rdv", words)
    assert [h.to for h in heard] == [LEA]
    assert told(heard, LEA, said)


def test_nobody_sets_a_date_in_another_s_pair_nor_in_one_that_is_over() -> None:
    one, pair = stand()
    one.join(BOB, "Bob Petit")
    one.pair(BOB, MARC)
    forged = encode(RunToken("rdv", f"{pair}/2026-11-24"))
    assert not told(one.press(BOB, forged), LEA)
    heard = one.press(CLAIRE, button(one.command(CLAIRE, "binomes", str(pair)), CLAIRE, "Terminer"))
    one.days(15)
    assert one.get_pair(pair).state == "closed"
    assert told(one.press(MARC, forged), MARC, "terminé")
    assert told(one.press(MARC, encode(ActToken("meeting", pair, 1))), MARC, "terminé")
    assert heard


# --- letters --------------------------------------------------------------------------------------


def begin_letter(one: Stand, pair: int) -> list[Heard]:
    return one.press(LEA, encode(ActToken("write", pair, 1)))


def test_a_letter_goes_across_within_the_hour_and_only_once() -> None:
    one, pair = stand()
    begin_letter(one, pair)
    one.now += timedelta(minutes=59)
    assert told(one.say(LEA, "Bonjour Marc !"), MARC, "Bonjour Marc !")
    assert not told(one.say(LEA, "Rien de plus."), MARC)


def test_words_written_an_hour_later_stay_here() -> None:
    one, pair = stand()
    begin_letter(one, pair)
    one.now += timedelta(hours=1)
    assert not told(one.say(LEA, "Mon mot de passe est sésame."), MARC)


def test_a_prompt_ends_a_letter_that_was_begun() -> None:
    one, pair = stand()
    one.until(datetime(2026, 9, 15, 7, 15, tzinfo=UTC))
    begin_letter(one, pair)
    heard = one.days(0.02)
    assert told(heard, LEA, "parlé depuis")
    heard = one.say(LEA, "non")
    assert not told(heard, MARC)
    assert told(heard, CLAIRE, "appelle l’attention")


def test_the_farewell_ends_a_letter_too() -> None:
    one, pair = stand()
    begin_letter(one, pair)
    one.press(MARC, encode(ActToken("pair-stop-yes", pair, 1)))
    assert not told(one.say(LEA, "3"), MARC)


def test_no_letter_after_all_too_long_or_to_nobody() -> None:
    one, pair = stand()
    heard = begin_letter(one, pair)
    one.press(LEA, button(heard, LEA, "Ne rien envoyer"))
    assert not told(one.say(LEA, "Bonjour"), MARC)
    begin_letter(one, pair)
    assert not told(one.say(LEA, "a" * 3001), MARC)
    assert told(one.command(LEA, "ecrire", "Bonjour Marc"), MARC, "Bonjour Marc")
    assert told(one.command(LEA, "ecrire"), LEA, "Écris-moi maintenant")
    assert told(one.command(CLAIRE, "ecrire", "Bonjour"), CLAIRE)
    two_mentees(one)
    heard = one.command(MARC, "ecrire", "Bonjour")
    assert set(heard[0].choices) == {"Bob Petit", "Léa Martin"}
    one.press(MARC, heard[0].choices["Bob Petit"])
    assert told(one.say(MARC, "Salut Bob"), BOB, "Salut Bob")


def test_a_letter_to_a_pair_that_closed_meanwhile_is_not_sent() -> None:
    one, pair = stand()
    with one.work() as uow:
        found = uow.pairs.get(pair)
        assert found is not None
        found.state = "closed"
    assert told(begin_letter(one, pair), LEA, "terminé")
    with one.work() as uow:
        person = uow.people.get(one.ids[LEA])
        assert person is not None
        person.relay_id, person.relay_until = pair, one.now + timedelta(hours=1)
    assert told(one.say(LEA, "Bonjour"), LEA, "terminé")


def test_an_address_is_shown_by_its_owner_only() -> None:
    one, pair = stand()
    heard = one.press(LEA, encode(ActToken("show-email", pair, 1)))
    assert told(heard, MARC, "11@exemple.invalid")
    heard = one.press(MARC, encode(ActToken("show-email", pair, 1)))
    assert told(heard, LEA, "12@exemple.invalid")
    assert told(one.command(LEA, "rdv"), LEA, "12@exemple.invalid")
    with one.work() as uow:
        person = uow.people.get(one.ids[LEA])
        assert person is not None
        person.email = None
    assert not told(one.press(LEA, encode(ActToken("show-email", pair, 1))), MARC)


def test_an_address_is_shown_once_and_never_outside_a_pair() -> None:
    one, pair = stand()
    assert told(one.press(LEA, encode(ActToken("show-email", pair, 1))), MARC)
    heard = one.press(LEA, encode(ActToken("show-email", pair, 1)))
    assert told(heard, LEA, "Marc")
    assert not told(heard, MARC)
    one.press(LEA, encode(ActToken("pair-change-yes", pair, 1)))
    assert one.get_pair(pair).state == "closed"
    heard = one.press(MARC, encode(ActToken("show-email", pair, 1)))
    assert told(heard, MARC, "terminé")
    assert not told(heard, LEA)
    waiting, _ = by_hand()
    for verb in ("show-email", "objective"):
        heard = waiting.press(MARC, encode(ActToken(verb, 1, 1)))
        assert told(heard, MARC, "Je ne trouve pas cela")
        assert not told(heard, LEA)


def test_an_objective_is_written_by_one_and_approved_by_the_other() -> None:
    one, pair = stand()
    heard = one.press(LEA, encode(ActToken("objective", pair, 1)))
    heard = one.say(LEA, "Trouver un premier poste dans l’énergie.")
    token = button(heard, MARC, "J’approuve")
    assert not told(one.press(LEA, token), MARC)  # one's own is not one's to approve
    heard = one.press(MARC, token)
    assert told(heard, LEA, "Trouver un premier poste")
    assert not told(one.press(MARC, token), LEA)
    assert told(one.command(LEA, "rdv"), LEA, "Trouver un premier poste")


# --- guides ---------------------------------------------------------------------------------------


def guide(month: int, to: tuple[str, ...], text: str) -> Guide:
    return Guide.model_validate({"month": month, "to": to, "text": {"fr": text, "en": text}})


def test_guides_follow_the_file_when_it_changes_its_order() -> None:
    one, _ = stand(
        programme(
            guides=(
                guide(0, ("mentor",), "Ta posture"),
                guide(1, ("mentee", "mentor"), "Le passé"),
                guide(2, ("mentee",), "Les talents"),
            )
        )
    )
    assert told(one.fire(), MARC, "Ta posture")
    one.run(
        programme(
            guides=(
                guide(2, ("mentee",), "Les talents, mieux dits"),
                guide(1, ("mentor",), "Le passé"),
                guide(1, ("mentor",), "Et une question"),
            )
        )
    )
    heard = one.until(datetime(2026, 10, 2, tzinfo=UTC))
    assert [h.message.text for h in told(heard, MARC) if h.key.startswith("guide")] == [
        "Le passé",
        "Et une question",
    ]
    heard += one.until(datetime(2026, 11, 2, tzinfo=UTC))
    assert [h.message.text for h in told(heard, LEA) if h.key.startswith("guide")] == [
        "Les talents, mieux dits"
    ]


def test_a_paused_pair_gets_no_guide() -> None:
    one, pair = stand(programme(guides=(guide(1, ("mentee",), "Le passé"),)))
    one.press(LEA, encode(ActToken("pair-pause", pair, 1)))
    assert told(one.press(LEA, encode(ActToken("pair-pause", pair, 2))), LEA, "en pause")
    assert told(one.press(LEA, encode(ActToken("pair-resume", pair, 1))), LEA, "en pause")
    assert not told(one.until(datetime(2026, 10, 2, tzinfo=UTC)), LEA, "Le passé")


# --- the end --------------------------------------------------------------------------------------


def test_the_end_comes_by_itself_with_its_questions_and_closes() -> None:
    one, pair = stand()
    heard = one.until(datetime(2027, 3, 1, 9, tzinfo=UTC))
    assert told(heard, LEA, "s’achève")
    assert told(heard, MARC, "s’achève")
    assert (one.get_pair(pair).state, places(one)) == ("closing", 0)
    assert told(one.press(LEA, encode(ActToken("pair-stop-yes", pair, 2))), LEA, "terminé")
    assert not told(one.days(10), LEA, "parlé depuis")
    one.days(5)
    assert one.get_pair(pair).state == "closed"
    assert told(one.press(LEA, encode(ActToken("pair-stop", pair, 2))), LEA, "terminé")


def test_closing_words_reach_the_team_and_close_the_pair() -> None:
    one, pair = stand()
    heard = one.press(LEA, encode(ActToken("pair-stop", pair, 1)))
    heard = one.press(LEA, button(heard, LEA, "Oui, terminer"))
    for _ in range(20):
        if one.get_pair(pair).state == "closed":
            break
        last = told(heard, LEA)[-1]
        skip = [t for label, t in last.choices.items() if label == "Passer"]
        answers = [c.token for c in last.message.choices]
        talk = [t for t in answers if ":onward:" in t]
        heard = one.press(LEA, (talk[-1:] or skip or answers)[0])
    assert one.get_pair(pair).state == "closed"
    assert told(heard, LEA, "Merci")


def test_without_a_pair_there_is_nothing_to_set() -> None:
    one, _ = stand()
    assert told(one.command(CLAIRE, "rdv"), CLAIRE)


def test_an_objective_written_when_it_is_over_is_not_said_to_be_proposed() -> None:
    one, pair = stand()
    one.press(LEA, encode(ActToken("objective", pair, 1)))
    with one.work() as uow:
        found = uow.pairs.get(pair)
        assert found is not None
        found.state = "closed"
    heard = one.say(LEA, "Trouver un stage en finance durable")
    heard = (
        one.press(LEA, button(heard, LEA, "Envoyer")) if not told(heard, LEA, "terminé") else heard
    )
    assert told(heard, LEA, "terminé")
    assert not told(heard, LEA, "C’est proposé")
    assert not told(heard, MARC)
