"""« À voir en premier » and calls for help, without platforms."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, func, select

from bot.programmes.triage import Triage
from bot.triage.gather import everybody
from bot.triage.morning import look_again
from bot.turn import Scene
from storage.tables import Audit, Correction, HelpCall, Timer
from tests.stand import CLAIRE, Heard, Stand, button, programme, told

DAY = timedelta(days=1)
OPENS = datetime(2026, 10, 1, 8, tzinfo=UTC)
WELL = {
    "studies": "well", "studies_more": "", "mentor": "monthly", "project": "clear",
    "project_more": "", "commitment": "4", "action": "", "situation": "studying", "wish": "none",
    "call": "no",
}  # fmt: skip
HARD = {**WELL, "studies": "hard", "project": "stuck", "commitment": "2", "call": "yes"}
SOFIA = "2"


@pytest.fixture
def stand() -> Stand:
    """Emergence, the day before the report opens, with two laureates and a second of the team."""
    made = Stand((programme("emergence"),), now=OPENS - 3 * DAY)
    made.command(CLAIRE, "menu")
    made.join("ines", "Inès Ferrat")
    made.join("malo", "Malo Kerven")
    made.join(SOFIA, "Sofia", role="staff")
    return made


def answer(stand: Stand, account: str, answers: dict[str, str]) -> list[Heard]:
    """Fill in the report that is open, as a form."""
    heard = stand.command(account, "rapport")
    form = next(one.message.form for one in heard if one.message.form)
    said = stand.submit(account, form.token, answers)
    return said + stand.press(account, button(said, account, "Envoyer"))


def listed(stand: Stand, account: str = CLAIRE) -> list[tuple[str, str]]:
    """Name and reasons of everybody in the list."""
    (heard,) = told(stand.command(account, "a-voir"), account)
    return [(line.label or "", line.text) for line in heard.message.lines]


def test_answers_side_by_side_keep_words_of_distress_from_the_team(stand: Stand) -> None:
    """P5: they are for the safeguarding person alone, weeks later too."""
    stand.join("40", "Nadia Roux", role="safeguarding")
    stand.until(OPENS + DAY)
    said = answer(stand, "ines", {**HARD, "studies_more": "j’ai envie de mourir"})
    assert told(said, "40", "mourir")
    (heard,) = told(stand.command(CLAIRE, "a-voir", f"{stand.ids['ines']}.answers"), CLAIRE)
    assert "mourir" not in heard.text
    assert "confiés à la personne chargée" in heard.text


def page(stand: Stand, who: str, account: str = CLAIRE) -> Heard:
    return told(stand.command(account, "a-voir", str(stand.ids[who])), account)[-1]


def notes(stand: Stand, verb: str) -> list[tuple[str, int | None, int | None]]:
    with stand.work() as uow:
        rows = uow.session.scalars(select(Audit).where(Audit.verb == verb).order_by(Audit.id))
        return [(row.thing, row.thing_id, row.actor_id) for row in rows]


# --- the list -------------------------------------------------------------------------------------


def test_reasons_are_words_and_everybody_else_is_refused(stand: Stand) -> None:
    assert listed(stand) == []
    stand.until(OPENS + DAY)
    answer(stand, "ines", HARD)
    ((name, reasons),) = listed(stand)
    assert name == "Inès Ferrat"
    assert "Comment se passent tes études\u202f? C’est difficile (2026T3)" in reasons
    assert "2 sur 5" in reasons
    for args in ("", str(stand.ids["ines"]), "poids", "fichier"):
        (refused,) = stand.command("ines", "a-voir", args)
        assert "Je ne trouve pas cela" in refused.text
        assert "Inès" not in refused.text


def test_people_of_nobody_s_programme_are_not_found(stand: Stand) -> None:
    stand.join("paul", "Paul Sorel", role="mentor")
    for who in (str(stand.ids["paul"]), "999999", "99999999999999999999999", "Paul Sorel", "Zoé"):
        for args in ("", " vu 3 parce que", ".answers", ".history"):
            (heard,) = stand.command(CLAIRE, "a-voir", who + args)
            assert "Je ne trouve pas cela" in heard.text, who + args


@contextmanager
def statements(stand: Stand) -> Iterator[list[str]]:
    """The statements that run meanwhile."""
    seen: list[str] = []

    def note(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        seen.append(statement)

    event.listen(stand.database.engine, "before_cursor_execute", note)
    yield seen
    event.remove(stand.database.engine, "before_cursor_execute", note)


def test_the_number_of_statements_does_not_grow_with_the_people(stand: Stand) -> None:
    def count() -> int:
        with stand.work() as uow, statements(stand) as seen:
            everybody(uow, stand.programmes[0], stand.now)
        return len(seen)

    for number in range(10):
        stand.join(f"p{number}", f"Personne {number}")
    stand.until(OPENS + DAY)
    few = count()
    for number in range(10):
        answer(stand, f"p{number}", HARD)
        decide(stand, f"p{number}", "haut un mot")
        stand.command(f"p{number}", "besoin", "oui")
    assert count() == few <= 10


def test_a_page_has_six_and_the_last_one_stays_in_bounds(stand: Stand) -> None:
    for number in range(8):
        stand.join(f"p{number}", f"Personne {number}")
        stand.command(f"p{number}", "besoin", "oui")
    (first,) = told(stand.command(CLAIRE, "a-voir"), CLAIRE)
    assert len(first.message.lines) == 6
    following = stand.press(CLAIRE, button([first], CLAIRE, "Suite"))
    assert len(following[-1].message.lines) == 2
    far = stand.press(CLAIRE, "r:a-voir:~99")
    assert [line.label for line in far[-1].message.lines] == ["Personne 6", "Personne 7"]


def test_the_file_has_everybody_with_reasons_and_without_figures(stand: Stand) -> None:
    stand.until(OPENS + DAY)
    answer(stand, "ines", HARD)
    heard = told(stand.command(CLAIRE, "a-voir", "fichier"), CLAIRE)
    file = heard[-1].message.file
    assert file is not None
    (row,) = csv.DictReader(io.StringIO(file.content.decode("utf-8-sig")), delimiter=";")
    assert row["name"] == "Inès Ferrat"
    assert "J’aimerais de l’aide" in row["reasons"]
    assert set(row) == {"number", "name", "follow_up", "correction", "until", "reasons"}
    assert notes(stand, "exported")


# --- what the team decides ------------------------------------------------------------------------


def decide(stand: Stand, who: str, args: str, account: str = CLAIRE) -> list[Heard]:
    return stand.command(account, "a-voir", f"{stand.ids[who]} {args}")


def test_a_decision_needs_a_reason_and_keeps_it_sealed(stand: Stand) -> None:
    stand.until(OPENS + DAY)
    answer(stand, "ines", HARD)
    asked = decide(stand, "ines", "vu")
    assert "Pourquoi" in asked[-1].text
    with stand.work() as uow:
        assert not uow.session.scalar(select(func.count()).select_from(Correction))
    decide(stand, "ines", "vu 14 appelée lundi, ça va mieux")
    shown = page(stand, "ines", SOFIA).text
    assert "appelée lundi, ça va mieux" in shown
    with stand.work() as uow:
        row = uow.session.scalars(select(Correction)).one()
        assert row.until == stand.now + 14 * DAY
        assert b"lundi" not in row.why
        assert row.signs is not None
        assert b"quarterly" not in row.signs
    stand.until(stand.now + 14 * DAY)
    ((name, _),) = listed(stand)[:1]
    assert name == "Inès Ferrat"  # it has run out


@pytest.mark.parametrize("verb", ["plus haut", "Plus  haut", "plus-haut", "haut"])
def test_whoever_was_put_higher_is_in_the_list_without_a_sign_too(stand: Stand, verb: str) -> None:
    assert told(stand.command(CLAIRE, "a-voir"), CLAIRE, "Personne n’a de signe")
    decide(stand, "malo", f"{verb} 14 sa mère a appelé")
    (heard,) = told(stand.command(CLAIRE, "a-voir"), CLAIRE)
    assert "1 personne à regarder" in heard.text
    assert "Malo Kerven · à voir plus haut" in heard.text
    assert "– Aucun signe en ce moment\n– « sa mère a appelé »" in heard.text
    file = stand.command(CLAIRE, "a-voir", "fichier")[-1].message.file
    assert file is not None
    assert "sa mère a appelé" in file.content.decode("utf-8-sig")
    stand.now += 14 * DAY
    assert told(stand.command(CLAIRE, "a-voir"), CLAIRE, "Personne n’a de signe")


@pytest.mark.parametrize("days", ["0", "367", "99999"])
def test_a_length_out_of_bounds_is_said_and_nothing_kept(stand: Stand, days: str) -> None:
    heard = decide(stand, "ines", f"vu {days} appelée")
    assert "de 1 à 366 jours" in heard[-1].text
    assert "500" in decide(stand, "ines", "vu " + "x" * 501)[-1].text
    with stand.work() as uow:
        assert not uow.session.scalar(select(func.count()).select_from(Correction))


def test_of_two_who_decide_at_once_the_first_wins(stand: Stand) -> None:
    asked = stand.press(CLAIRE, f"r:a-voir:{stand.ids['ines']}.higher")
    token = button(asked, CLAIRE, "Décidé en équipe")
    stand.press(SOFIA, f"r:a-voir:{stand.ids['ines']}.lower.known.0")
    heard = stand.press(CLAIRE, token)
    assert any("entre-temps" in one.text for one in heard)
    again = stand.press(SOFIA, f"r:a-voir:{stand.ids['ines']}.lower.known.0")  # a second press
    assert any("entre-temps" in one.text for one in again)
    with stand.work() as uow:
        (row,) = uow.session.scalars(select(Correction))
        assert row.value == "lower"


def test_taken_back_it_stays_in_the_history(stand: Stand) -> None:
    stand.until(OPENS + DAY)
    answer(stand, "ines", HARD)
    decide(stand, "ines", "bas déjà connu")
    heard = decide(stand, "ines", "annuler", SOFIA)
    assert any("annulée" in one.text for one in heard)
    assert any("entre-temps" in one.text for one in decide(stand, "ines", "annuler", SOFIA))
    assert "Correction" not in page(stand, "ines").text
    (history,) = told(stand.command(CLAIRE, "a-voir", f"{stand.ids['ines']}.history"), CLAIRE)
    assert "déjà connu" in history.text
    assert "jusqu’au" in history.text


def test_the_level_is_shown_kept_and_changes_when_silence_begins(stand: Stand) -> None:
    stand.until(OPENS + 22 * DAY)  # the report was missed, nothing heard for 25 days
    assert all("Pas de nouvelles" not in reasons for _, reasons in listed(stand))
    decide(stand, "malo", "rapproché période difficile")
    stand.until(OPENS + 30 * DAY)
    found = dict(listed(stand))
    assert "Pas de nouvelles" in found["Malo Kerven · suivi rapproché"]
    assert "Pas de nouvelles" not in found["Inès Ferrat"]
    decide(stand, "malo", "léger tout va bien")
    assert "Pas de nouvelles" not in dict(listed(stand))["Malo Kerven · suivi léger"]
    with stand.work() as uow:
        rows = uow.session.scalars(select(Correction).order_by(Correction.id)).all()
        assert [(row.value, row.ended_at is None) for row in rows] == [
            ("close", False), ("light", True),
        ]  # fmt: skip


# --- signs of others ------------------------------------------------------------------------------


def test_a_mentor_s_answer_is_a_sign_while_it_is_recent(stand: Stand) -> None:
    stand.join("paul", "Paul Sorel", role="mentor")
    number = stand.pair("ines", "paul")
    heard = stand.until(datetime(2026, 11, 4, 12, tzinfo=UTC))
    stand.press("paul", button(heard, "paul", "Non, je n’arrive pas"))
    assert "Paul Sorel" in dict(listed(stand))["Inès Ferrat"]
    assert stand.asked(number, "paul")[-1].met == "no"
    stand.now += 46 * DAY
    assert "Paul Sorel" not in dict(listed(stand)).get("Inès Ferrat", "")


def test_an_answer_that_lies_in_the_dialogue_only_is_a_sign_too() -> None:
    preset = programme("emergence")
    asks = preset.rhythms[0].model_copy(update={"alert_staff": {"how": (1, 2)}})
    stand = Stand((programme("emergence", rhythms=(asks,)),), now=OPENS)
    stand.command(CLAIRE, "menu")
    stand.join("ines", "Inès Ferrat")
    stand.join("paul", "Paul Sorel", role="mentor")
    stand.pair("ines", "paul")
    heard = stand.until(datetime(2026, 11, 4, 12, tzinfo=UTC))
    said = stand.press("paul", button(heard, "paul", "Oui"))
    assert "Paul Sorel" not in dict(listed(stand)).get("Inès Ferrat", "")
    stand.press("paul", button(said, "paul", "2"))
    assert "Comment était-ce\u202f? 2 sur 5" in dict(listed(stand))["Inès Ferrat"]


# --- a call for help ------------------------------------------------------------------------------


def ask(stand: Stand, words: str = "oui") -> list[Heard]:
    return stand.command("ines", "besoin", words)


def calls(stand: Stand) -> list[HelpCall]:
    with stand.work() as uow:
        rows = list(uow.session.scalars(select(HelpCall).order_by(HelpCall.id)))
        uow.session.expunge_all()
        return rows


@pytest.mark.parametrize(
    "words", ["j’ai besoin d’aide", "J'AI BESOIN D'AIDE !", "au secours", "I need help"]
)
def test_the_words_alone_are_understood_even_amid_questions(stand: Stand, words: str) -> None:
    stand.until(OPENS + DAY)
    before = stand.command("ines", "rapport")
    heard = stand.say("ines", words)
    assert "Prévenir l’équipe" in "".join(label for one in heard for label in one.choices)
    assert heard[-1].message.choices == before[-1].message.choices  # the question is there again
    assert not calls(stand)
    told_now = stand.press("ines", button(heard, "ines", "Prévenir l’équipe"))
    assert {one.to for one in told_now} == {"ines", CLAIRE, SOFIA}
    (call,) = calls(stand)
    assert call.state == "open"


def test_words_of_a_letter_begun_are_for_the_mentor(stand: Stand) -> None:
    stand.join("paul", "Paul Sorel", role="mentor")
    stand.pair("ines", "paul")
    stand.command("ines", "ecrire")
    heard = stand.say("ines", "J’ai besoin d’aide")
    assert told(heard, "paul", "J’ai besoin d’aide")


def test_what_is_said_is_for_the_team_and_out_of_the_notification(stand: Stand) -> None:
    heard = ask(stand, "deux écoles, je ne sais pas")
    (said,) = told(heard, CLAIRE)
    assert "deux écoles" in said.text
    assert said.message.notice == "Une demande d’aide"
    (call,) = calls(stand)
    assert call.words is not None
    assert b"coles" not in call.words
    ask(stand, "et ma bourse")
    assert "et ma bourse" in page(stand, "ines").text
    assert len(calls(stand)) == 1


def test_a_guest_is_told_whom_to_write_to_and_nothing_is_kept(stand: Stand) -> None:
    heard = stand.command("guest", "besoin", "au secours")
    assert "l’équipe Emergence" in heard[0].text
    assert not calls(stand)


def test_the_first_who_takes_it_has_it_and_the_person_hears_who(stand: Stand) -> None:
    heard = ask(stand)
    mine, hers = (button(heard, who, "Je m’en occupe") for who in (CLAIRE, SOFIA))
    said = stand.press(SOFIA, hers)
    assert told(said, "ines", "Sofia")
    assert told(said, CLAIRE, "Sofia")
    late = stand.press(CLAIRE, mine)
    assert "Sofia" in late[-1].text
    (call,) = calls(stand)
    assert (call.state, call.taken_by_id) == ("taken", stand.ids[SOFIA])
    assert "Sofia s’en occupe" in dict(listed(stand))["Inès Ferrat"]
    done = stand.press(SOFIA, button(said, SOFIA, "C’est réglé"))
    assert told(done, "ines", "Sofia")
    assert calls(stand)[0].state == "closed"
    assert not told(stand.press(SOFIA, button(said, SOFIA, "C’est réglé")), "ines")


def test_one_that_is_taken_is_reminded_of_until_it_is_settled(stand: Stand) -> None:
    """A-15: the taker at the promised date, the team from the next working day on."""
    stand.press(SOFIA, button(ask(stand), SOFIA, "Je m’en occupe"))
    (call,) = calls(stand)
    early = stand.until(call.due_at - timedelta(minutes=1))
    assert not told(early, CLAIRE, "aide")
    assert not told(early, SOFIA, "aide")
    at_last = stand.until(call.due_at + timedelta(hours=1))
    (mine,) = told(at_last, SOFIA, "tu t’en occupes")
    assert not told(at_last, CLAIRE, "aide")
    later = stand.days(14)
    for who in (CLAIRE, SOFIA):
        assert len(told(later, who, "pas encore réglée")) == 10  # working days
    assert not told(later, "ines", "aide")
    done = stand.press(SOFIA, mine.choices["C’est réglé"])
    assert told(done, "ines", "a eu sa réponse")
    assert not told(stand.days(14), CLAIRE, "réglé")


def test_one_taken_late_is_reminded_of_the_next_working_day(stand: Stand) -> None:
    heard = ask(stand)
    stand.days(10)
    stand.press(SOFIA, button(heard, SOFIA, "Je m’en occupe"))
    assert not told(stand.days(0.9), SOFIA, "tu t’en occupes")
    assert told(stand.days(3), SOFIA, "tu t’en occupes")


def test_the_team_is_reminded_when_the_taker_cannot_be_reached(stand: Stand) -> None:
    stand.press(SOFIA, button(ask(stand), SOFIA, "Je m’en occupe"))
    with stand.work() as uow:
        for identity in uow.people.identities(stand.ids[SOFIA]):
            identity.reachable = False
    (call,) = calls(stand)
    assert told(stand.until(call.due_at + timedelta(hours=1)), CLAIRE, "pas encore réglée")


def test_when_nobody_takes_it_the_team_and_then_the_person_hear_it(stand: Stand) -> None:
    ask(stand)
    (call,) = calls(stand)
    before = stand.until(call.due_at - timedelta(minutes=1))
    assert told(before, CLAIRE, "personne ne s’en occupe encore")
    assert not told(before, "ines")
    at_last = stand.until(call.due_at + timedelta(hours=1))
    assert told(at_last, CLAIRE, "attend toujours")
    assert told(at_last, "ines", "à la date promise")
    later = stand.days(20)
    assert len(told(later, CLAIRE, "attend toujours")) == 20  # « puis chaque jour », says the guide
    assert not told(later, "ines", "à la date promise")
    assert "personne ne s’en occupe" in dict(listed(stand))["Inès Ferrat"]


def test_no_need_any_more(stand: Stand) -> None:
    heard = ask(stand)
    token = button(heard, "ines", "plus la peine")
    (refused,) = stand.press("malo", token)
    assert "Je ne trouve pas" in refused.text
    assert told(stand.press("ines", token), CLAIRE, "n’a plus besoin")
    assert not told(stand.press("ines", token), CLAIRE)
    assert calls(stand)[0].state == "closed"
    ask(stand)
    assert [call.state for call in calls(stand)] == ["closed", "open"]


@pytest.mark.parametrize("verb", ["help-take", "help-close"])
def test_a_call_is_the_team_s_only(stand: Stand, verb: str) -> None:
    ask(stand)
    for token in (f"x:{verb}:1:1", f"x:{verb}:999:1"):
        (refused,) = stand.press("malo", token)
        assert "Je ne trouve pas" in refused.text
    assert calls(stand)[0].state == "open"


# --- privacy --------------------------------------------------------------------------------------


def test_all_of_it_goes_with_the_person_and_is_given_to_them_before(stand: Stand) -> None:
    ask(stand, "deux écoles")
    decide(stand, "ines", "haut elle hésite")
    with stand.work() as uow:
        data = uow.privacy.export_person(stand.ids["ines"])
    assert data["help_call"][0]["words"] == ["deux écoles"]
    assert data["correction"][0]["why"] == "elle hésite"
    with stand.work() as uow:
        uow.privacy.erase_person(stand.ids["ines"], stand.now)
    assert not calls(stand)
    with stand.work() as uow:
        assert not uow.session.scalar(select(func.count()).select_from(Correction))
        waiting = select(func.count()).where(Timer.kind == "help-call", Timer.state == "pending")
        assert not uow.session.scalar(waiting)
    assert not told(stand.days(10), CLAIRE, "attend toujours")


def test_what_is_over_is_purged_and_what_is_in_force_stays(stand: Stand) -> None:
    ask(stand)
    stand.press("ines", button(ask(stand), "ines", "plus la peine"))
    ask(stand)
    decide(stand, "ines", "vu 5 appelée")
    decide(stand, "ines", "léger tout va bien")
    with stand.work() as uow:
        rules = {"emergence": stand.programmes[0].retention}
        while uow.purge(rules, stand.now + 400 * DAY):
            pass
    assert [call.state for call in calls(stand)] == ["open"]
    with stand.work() as uow:
        assert [row.value for row in uow.session.scalars(select(Correction))] == ["light"]


# --- the morning word -----------------------------------------------------------------------------


def test_one_word_in_the_morning_when_somebody_new_comes_first(stand: Stand) -> None:
    stand.until(OPENS + timedelta(hours=1))
    answer(stand, "ines", HARD)
    answer(stand, "malo", WELL)
    heard = stand.until(OPENS + 2 * DAY)
    (word,) = told(heard, CLAIRE, "À voir en premier")
    assert "1 personne" in word.text
    assert "Inès" not in word.text
    answer_again = stand.command("malo", "rapport")  # something happens, nobody new comes first
    assert answer_again
    with stand.work() as uow:
        look_again(Scene(stand.bot, uow, stand.now), stand.programmes[0])
    assert not told(stand.days(4), CLAIRE, "À voir en premier")
    ask(stand)  # she was first already
    assert not told(stand.days(4), CLAIRE, "À voir en premier")
    stand.command("malo", "besoin", "oui")
    assert len(told(stand.days(4), CLAIRE, "À voir en premier")) == 1


def test_a_programme_without_an_hour_has_no_morning_word() -> None:
    here = programme("emergence", triage=Triage())
    stand = Stand((here,), now=OPENS - DAY)
    stand.command(CLAIRE, "menu")
    stand.join("ines", "Inès Ferrat")
    ask(stand)
    assert not told(stand.days(5), CLAIRE, "À voir en premier")
