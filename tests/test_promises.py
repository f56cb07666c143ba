"""Answers promised by a date: the team is told again until they are given, and a list has them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.dialogue.questionnaire import Label
from bot.dialogue.tokens import ActToken, encode
from bot.programmes.care import Training
from tests.asking import LEA, MARC, TOM, stand
from tests.stand import CLAIRE, Heard, Stand, button, programme, told

LATE = "dépassé"
TRAINING = Training(text=Label(fr="Deux heures, sur l’écoute.", en="Two hours."))


def correction(one: Stand) -> list[Heard]:
    return one.command(TOM, "mes-donnees", "corriger mon école est fausse")


def words(one: Stand) -> list[Heard]:
    heard = one.say(TOM, "bonjour, une question sur mon dossier de bourse")
    return one.press(TOM, button(heard, TOM, "ransmettre"))


def coach(one: Stand) -> list[Heard]:
    number = one.pair(TOM, MARC)
    return one.command(TOM, "orienter", f"{number}/coach")


def reminders(heard: list[Heard]) -> list[Heard]:
    return told(heard, CLAIRE, LATE)


def opened(one: Stand) -> list[Heard]:
    """What the list leads to."""
    listed = one.command(CLAIRE, "promesses")
    [line] = [line for said in listed for line in said.message.lines]
    assert line.choice is not None
    return one.press(CLAIRE, line.choice.token)


@pytest.mark.parametrize(
    ("promised", "shows", "settled"),
    [
        (correction, "mon école est fausse", "C’est corrigé"),
        (words, "mon dossier de bourse", "C’est répondu"),
        (coach, "coach", "commencé"),
    ],
)
def test_the_team_hears_of_a_promise_until_it_is_kept(
    promised: Callable[[Stand], list[Heard]], shows: str, settled: str
) -> None:
    one = stand(MARC)
    promised(one)
    assert not reminders(one.days(6))  # Tuesday and five working days
    due = reminders(one.days(1.5))
    assert len(due) == 1
    assert "Tom Blanc" in due[0].text
    assert shows not in due[0].text.casefold() or promised is coach
    assert len(reminders(one.days(7))) == 5  # once each working day
    page = opened(one)
    assert shows in page[-1].text.casefold() or shows in page[-1].text
    one.press(CLAIRE, button(page, CLAIRE, settled))
    assert not reminders(one.days(14))
    assert told(one.command(CLAIRE, "promesses"), CLAIRE, "Personne n’attend")


def test_a_promise_kept_in_time_is_not_spoken_of() -> None:
    one = stand()
    heard = words(one)
    one.press(CLAIRE, button(heard, CLAIRE, "C’est répondu"))
    assert not reminders(one.days(20))


def test_a_later_promise_is_looked_at_after_an_earlier_one_was_kept() -> None:
    one = stand()
    heard = words(one)
    one.days(2)
    correction(one)
    one.press(CLAIRE, button(heard, CLAIRE, "C’est répondu"))
    assert len(reminders(one.days(9))) == 2


def test_a_note_and_a_name_are_no_answer_yet() -> None:
    one = stand(MARC)
    coach(one)
    one.command(CLAIRE, "orientations", "1 note Appelée lundi")
    one.press(CLAIRE, button(one.command(CLAIRE, "orientations", "1"), CLAIRE, "Je m’en occupe"))
    assert reminders(one.days(9))
    page = one.command(CLAIRE, "orientations", "1")
    one.press(CLAIRE, button(page, CLAIRE, "Laisser de côté"))
    assert not reminders(one.days(14))


def test_a_training_is_promised_to_be_confirmed_until_it_is() -> None:
    rules = programme().pair.model_copy(update={"training": TRAINING})
    one = stand(MARC, here=programme(pair=rules))
    heard = one.press(MARC, encode(ActToken("training-done", one.ids[MARC], 1)))
    assert told(heard, MARC, "le confirme au plus tard le mardi 8 septembre")
    assert "Marc Aubier" in reminders(one.days(8))[0].text
    page = opened(one)
    heard = one.press(CLAIRE, button(page, CLAIRE, "Confirmer la formation"))
    assert told(heard, MARC, "Ta formation est notée")
    assert not reminders(one.days(14))
    page = one.command(CLAIRE, "promesses", "training.1")
    assert told(page, CLAIRE, "déjà confirmée")
    assert not page[-1].choices


def test_who_wants_to_join_is_listed_once_the_team_knows_of_them() -> None:
    asked = programme("ax-accompagnement")
    mentor = asked.roles.mentor.model_copy(update={"enrol": "approved"})
    roles = asked.roles.model_copy(update={"mentor": mentor})
    one = stand(here=programme("ax-accompagnement", roles=roles, profile=None))
    one.command(TOM, "role", "mentor")
    assert reminders(one.days(8))
    page = opened(one)
    assert told(page, CLAIRE, "Tom Blanc")
    heard = one.press(CLAIRE, button(page, CLAIRE, "ccueillir"))
    assert told(heard, TOM)
    assert not reminders(one.days(14))


def test_what_was_promised_before_is_looked_at_from_the_start_on() -> None:
    one = stand()
    words(one)
    with one.work() as uow:
        for timer in uow.timers.list(kind="promises"):
            uow.timers.cancel_key(timer.key)
    one.run(*one.programmes)
    assert reminders(one.days(8))


def test_nobody_else_opens_or_settles_them() -> None:
    one = stand()
    heard = words(one)
    done = button(heard, CLAIRE, "C’est répondu")
    for account in (LEA, TOM):
        assert told(one.press(account, done), account, "Je ne trouve pas")
        assert not told(one.command(account, "promesses", "words.1"), account, "bourse")
    assert told(one.command(CLAIRE, "promesses", "words.99"), CLAIRE, "Je ne trouve pas")
    assert reminders(one.days(8))
