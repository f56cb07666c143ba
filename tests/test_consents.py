"""A text that people agreed to has changed: what waits, for whom, and what ends the waiting."""

from datetime import timedelta

from bot.dialogue.questionnaire import Localised
from bot.messages import Message
from bot.programmes.care import Charter
from bot.programmes.schema import Programme
from bot.turn import Scene
from storage.outbox import HELD
from storage.tables import Consent, Outbox
from tests.stand import CLAIRE, Stand, button, programme, told

LEA, MARC = "11", "12"
AX, EMERGENCE = "ax-accompagnement", "emergence"
CHANGED = "accord a changé depuis"


def reworded(found: Programme, words: str = "Un autre texte") -> Programme:
    """The same version of the text, other words."""
    text = Localised(fr=words, en=words)
    return found.model_copy(update={"consent": found.consent.model_copy(update={"text": text})})


def here() -> Stand:
    one = Stand((programme(),))
    one.join(CLAIRE, "Claire", role="staff")
    one.join(LEA, "Léa Martin")
    return one


def planned(one: Stand, key: str) -> None:
    """Something that is said to Léa unasked."""
    with one.work() as uow:
        person = uow.people.get(one.ids[LEA])
        assert person is not None
        Scene(one.bot, uow, one.now).tell(person, Message("planned"), key=key)


def queue(one: Stand) -> dict[str, bool]:
    """Key → whether it is held, of what waits for Léa."""
    with one.work() as uow:
        rows = uow.session.query(Outbox).filter_by(person_id=one.ids[LEA], state="queued")
        return {
            row.dedup_key: row.not_before >= HELD
            for row in rows
            if not row.dedup_key.startswith(("reply", "home"))
        }


def given(one: Stand, purpose: str = "storage") -> list[tuple[str, bool, bool]]:
    """Version, whether its words are known, whether it still holds; in their order."""
    with one.work() as uow:
        rows = uow.session.query(Consent).filter_by(person_id=one.ids[LEA], purpose=purpose)
        return [
            (row.text_version, bool(row.text_digest), row.withdrawn_at is None)
            for row in rows.order_by(Consent.id)
        ]


def test_other_words_under_the_same_version_are_asked_about_and_the_old_yes_stays() -> None:
    one = here()
    assert not told(one.say(LEA, "bonjour"), LEA, CHANGED)
    one.run(reworded(programme()))
    heard = told(one.command(LEA, "profil"), LEA)
    assert CHANGED in heard[0].text
    assert "Un autre texte" in heard[0].text
    one.now += timedelta(days=3)
    one.press(LEA, button(heard, LEA, "D’accord"))
    assert given(one) == [("2026-11", True, True)] * 2
    assert not told(one.command(LEA, "profil"), LEA, CHANGED)
    with one.work() as uow:
        first, second = uow.people.agreements(one.ids[LEA])
        assert second.given_at - first.given_at == timedelta(days=3)
        assert first.text_digest != second.text_digest


def test_line_breaks_are_no_other_words() -> None:
    one = here()
    text = one.programmes[0].consent.text
    one.run(reworded(programme(), "x"))
    assert one.bot.programmes[AX].consent.digest != one.programmes[0].consent.digest
    broken = Localised(fr=text.fr.replace(" ", "\n  "), en=text.en)
    consent = one.programmes[0].consent.model_copy(update={"text": broken})
    one.run(programme().model_copy(update={"consent": consent}))
    assert not told(one.command(LEA, "profil"), LEA, CHANGED)


def test_what_is_said_unasked_waits_and_the_question_comes_once_a_month() -> None:
    one = here()
    one.run(reworded(programme()))
    for key in ("request-closed:1", "request-closed:2"):
        planned(one, key)
    [asked] = [key for key in queue(one) if key.startswith("consent:")]
    assert queue(one) == {"request-closed:1": True, "request-closed:2": True, asked: False}
    one.now += timedelta(days=31)
    planned(one, "request-closed:3")
    assert len([key for key in queue(one) if key.startswith("consent:")]) == 2
    one.press(LEA, button(one.command(LEA, "menu"), LEA, "D’accord"))
    assert {key: held for key, held in queue(one).items() if "closed" in key} == {
        "request-closed:1": False, "request-closed:2": False, "request-closed:3": False,
    }  # fmt: skip


def test_of_two_programmes_only_what_rests_on_the_changed_text_waits() -> None:
    one = Stand((programme(), programme(EMERGENCE)))
    one.join(LEA, "Léa Martin")
    one.command(LEA, "accord", EMERGENCE)
    with one.work() as uow:
        uow.people.enrol(one.ids[LEA], EMERGENCE, "mentee", now=one.now)
    one.run(reworded(programme()), programme(EMERGENCE))
    planned(one, f"report-close:{EMERGENCE}:1")
    planned(one, f"report-close:{AX}:1")
    found = {key: held for key, held in queue(one).items() if "close" in key}
    assert found == {f"report-close:{EMERGENCE}:1": False, f"report-close:{AX}:1": True}


def test_whoever_is_paused_hears_nothing_of_it_until_they_are_back() -> None:
    one = here()
    one.command(LEA, "pause")
    one.run(reworded(programme()))
    planned(one, "request-closed:1")
    assert queue(one) == {"request-closed:1": True}
    one.press(LEA, button(one.command(LEA, "menu"), LEA, "D’accord"))
    assert queue(one) == {"request-closed:1": True}
    one.command(LEA, "pause", "fin")
    assert queue(one) == {"request-closed:1": False}


def test_neither_a_yes_to_something_else_nor_a_button_of_the_old_text_agrees() -> None:
    one = here()
    old = one.bot.programmes[AX].consent.digest[:8]
    one.run(reworded(programme()))
    for heard in (
        one.say(LEA, "oui"),
        one.command(LEA, "accord", AX),
        one.press(LEA, f"r:accord:{AX}.fr.{old}"),
        one.press(LEA, f"r:accord:{AX}.fr"),
    ):
        assert told(heard, LEA, CHANGED)
    assert given(one) == [("2026-11", True, True)]


def test_a_yes_that_answers_nothing_is_no_agreement_of_a_newcomer() -> None:
    one = Stand((programme(),))
    assert told(one.say(LEA, "oui"), LEA, "Es-tu d’accord")
    assert not told(one.say(LEA, "oui"), LEA, "Es-tu d’accord")


def test_a_yes_to_a_programme_that_is_not_there_is_a_yes_to_none() -> None:
    def agreements() -> int:
        with one.work() as uow:
            return uow.session.query(Consent).count()

    one = here()
    before = agreements()
    one.say("77", "Bonjour")
    for token in ("r:accord:nulle-part", "r:accord:nulle-part.fr", f"r:accord:{EMERGENCE}.fr.0"):
        one.press("77", token)
    assert agreements() == before
    one.press("77", button(one.say("77", "Bonjour"), "77", "D’accord"))
    assert agreements() == before + 1


def test_nobody_of_the_team_is_asked() -> None:
    one = here()
    one.run(reworded(programme()))
    assert not told(one.command(CLAIRE, "demandes"), CLAIRE, CHANGED)


def test_words_of_distress_are_heard_all_the_same() -> None:
    one = Stand((programme(),))
    one.join(CLAIRE, "Claire", role="safeguarding")
    one.join(LEA, "Léa Martin")
    one.run(reworded(programme()))
    heard = one.say(LEA, "j’ai plus envie de vivre")
    assert told(heard, CLAIRE, "détresse")
    assert told(heard, LEA, "3114")


def test_another_charter_is_shown_before_the_next_pair() -> None:
    one = here()
    one.join(MARC, "Marc Aubier", role="mentor")
    charter = one.programmes[0].pair.charter
    assert charter is not None
    with one.work() as uow:
        uow.people.consent(one.ids[MARC], AX, "charter", text=charter.read, now=one.now)
    text = Localised(fr="Une autre charte", en="Another charter")
    rules = one.programmes[0].pair.model_copy(
        update={"charter": Charter(version=charter.version, text=text)}
    )
    one.programmes = (programme(pair=rules),)
    number = one.pair(LEA, MARC, charter=False)
    assert one.get_pair(number).state == "proposed"
