"""What is reported, and words of distress: told at once to who is named for it, and nobody else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from bot.dialogue.tokens import ActToken, encode
from bot.events import Author, Said
from bot.flows import flags
from storage.outbox import HELD
from storage.tables import Flag, Identity, Letter, Outbox
from tests.stand import CLAIRE, Heard, Stand, button, programme, told

LEA, MARC, GUARD, OTHER = "20", "30", "40", "50"
DATA = Path(__file__).parent / "data"
NIGHT = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)


@pytest.fixture
def stand() -> Stand:
    """A pair of adults at three in the morning, staff, and a safeguarding person."""
    stand = Stand((programme(),), now=NIGHT)
    stand.command(CLAIRE, "menu")
    for account, name, role in (
        (LEA, "Léa Martin", "mentee"),
        (MARC, "Marc Aubier", "mentor"),
        (GUARD, "Nadia Roux", "safeguarding"),
        (OTHER, "Paul Petit", "staff"),
    ):
        stand.join(account, name, role=role)
    stand.pair(LEA, MARC)
    return stand


def count(stand: Stand) -> int:
    with stand.work() as uow:
        return uow.session.scalar(select(func.count()).select_from(Flag)) or 0


def unreachable(stand: Stand, account: str) -> None:
    with stand.work() as uow:
        uow.session.execute(
            update(Identity).where(Identity.account == account).values(reachable=False)
        )


def lectures(stand: Stand, account: str) -> str:
    """Who opened what of theirs."""
    return "\n".join(one.text for one in stand.command(account, "mes-donnees", "lectures"))


# --- words of distress ----------------------------------------------------------------------------


def test_explicit_words_reach_the_safeguarding_person_at_once_and_nobody_else(
    stand: Stand,
) -> None:
    """P5: every unseen sentence, at night, in a private message due now."""
    for line in (DATA / "distress_unseen.txt").read_text("utf-8").splitlines():
        heard = stand.say(LEA, line)
        assert told(heard, GUARD, line), line
        assert told(heard, LEA, "3114"), line
        assert {one.to for one in heard} == {GUARD, LEA}, line
    with stand.work() as uow:
        rows = uow.session.scalars(select(Outbox).where(Outbox.dedup_key.startswith("flag:")))
        assert {(row.op, row.not_before) for row in rows} == {("post", NIGHT)}


def test_everyday_words_alarm_nobody(stand: Stand) -> None:
    everyday = (DATA / "everyday_dev.txt").read_text("utf-8").splitlines()
    heard = [one for line in everyday for one in stand.say(LEA, line)]
    assert not told(heard, GUARD)
    assert count(stand) == 0


@pytest.mark.parametrize("where", ["letter", "command", "answer"])
def test_it_is_heard_wherever_it_is_written(stand: Stand, where: str) -> None:
    words = "je n’ai plus envie de vivre"
    if where == "command":
        heard = stand.command(LEA, "ecrire", words)
    elif where == "letter":
        stand.press(LEA, button(stand.command(LEA, "rdv"), LEA, "Écrire à Marc"))
        heard = stand.say(LEA, words)
    else:
        stand.command(LEA, "profil")
        heard = stand.say(LEA, words)
    assert told(heard, GUARD, words)
    assert told(heard, LEA, "3114")
    assert not told(heard, CLAIRE)
    assert not told(heard, OTHER)


def test_words_that_fit_nowhere_are_not_offered_to_the_team(stand: Stand) -> None:
    heard = stand.say(LEA, "je veux mourir")
    assert not [one for one in heard if "Transmettre à l’équipe" in one.choices]


def test_it_is_heard_once_where_the_bot_itself_fails_at_first(stand: Stand) -> None:
    words = "j’ai envie d’en finir avec la vie"
    author = Author("telegram", LEA, "telegram:9", "fr")
    event = Said(id="e-x", author=author, at=stand.now, text=words)
    with stand.work() as uow:
        stand.bot.failed(uow, event, "AB12", stand.now)
    heard = stand.news()
    assert told(heard, LEA, "AB12")
    assert told(heard, LEA, "3114")
    assert told(heard, GUARD, words)
    assert not told(heard, OTHER, words)
    with stand.work() as uow:
        stand.bot.handle(uow, event, stand.now)
    assert not told(stand.news(), LEA, "Je n’ai pas")
    assert count(stand) == 1


def test_a_failure_at_hearing_does_not_silence_the_rest(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> bool:
        raise RuntimeError("planted")

    monkeypatch.setattr(flags, "listen", broken)
    event = Said(id="e-x", author=Author("telegram", LEA, "telegram:9"), at=stand.now, text="?")
    with stand.work() as uow:
        stand.bot.failed(uow, event, "AB12", stand.now)
    assert told(stand.news(), LEA, "AB12")


def test_a_guest_gets_the_numbers_and_nothing_is_kept(stand: Stand) -> None:
    heard = stand.say("77", "je veux mourir")
    assert told(heard, "77", "3114")
    assert not told(heard, GUARD)
    assert count(stand) == 0


def test_the_owner_stands_in_until_somebody_is_named(stand: Stand) -> None:
    with stand.work() as uow:
        uow.people.enrol(
            stand.ids[GUARD], "ax-accompagnement", "safeguarding", now=stand.now, state="ended"
        )
    heard = stand.say(LEA, "je veux mourir")
    assert told(heard, CLAIRE, "je veux mourir")
    assert not told(heard, OTHER)


def test_when_nobody_named_can_be_reached_the_owner_hears_that_something_waits(
    stand: Stand,
) -> None:
    unreachable(stand, GUARD)
    heard = stand.say(LEA, "je veux mourir")
    assert told(heard, CLAIRE, "Un signalement attend")
    assert not told(heard, CLAIRE, "mourir")
    assert not told(heard, OTHER)
    assert told(heard, LEA, "3114")
    assert not told(heard, LEA, "prévenue")  # nobody was, and nobody is promised


def held(stand: Stand) -> set[str]:
    """The kinds of what waits until somebody is back from their pause."""
    with stand.work() as uow:
        rows = uow.session.scalars(select(Outbox).where(Outbox.not_before >= HELD))
        return {row.dedup_key.partition(":")[0] for row in rows}


def test_a_report_and_its_reminders_reach_a_safeguarding_person_who_paused(stand: Stand) -> None:
    assert told(stand.command(GUARD, "pause"), GUARD, "Les signalements t’arrivent quand même")
    assert not told(stand.command(OTHER, "pause"), OTHER, "signalements")
    assert told(stand.say(LEA, "je veux mourir"), GUARD, "je veux mourir")
    assert told(stand.days(1.5), GUARD, "attend toujours")
    assert held(stand) == set()


@pytest.mark.parametrize("paused", [False, True])
def test_what_is_for_a_supervisor_who_paused_is_for_the_team(stand: Stand, *, paused: bool) -> None:
    """A-14, A-19: who follows a pair is told when they are back; somebody hears it now."""
    stand.join("60", "Sofia Kaya", role="staff")
    with stand.work() as uow:
        pair = uow.pairs.get(1)
        assert pair is not None
        uow.pairs.supervise(pair, None, stand.ids[OTHER])
    if paused:
        stand.command(OTHER, "pause")
    heard = stand.press(MARC, encode(ActToken("beyond-yes", 1, 1)))
    assert told(heard, OTHER, "Léa Martin")
    assert bool(told(heard, "60", "Léa Martin")) is paused
    assert held(stand) == ({"beyond"} if paused else set())


def test_it_is_heard_in_an_answer_that_is_refused(stand: Stand) -> None:
    """What is refused is undone; not what it tells of its writer."""
    stand.press(MARC, encode(ActToken("pair-stop-why", 1, 1)))
    with stand.work() as uow:
        pair = uow.pairs.get(1)
        assert pair is not None
        pair.mentor_id = stand.ids[OTHER]
    heard = stand.say(MARC, "je veux mourir")
    assert told(heard, GUARD, "je veux mourir")
    assert told(heard, MARC, "3114")
    assert not told(heard, MARC, "Je ne trouve pas cela")
    assert count(stand) == 1


def test_a_question_that_is_gone_from_the_file_does_not_stand_in_the_way_of_help(
    stand: Stand,
) -> None:
    stand.press(LEA, encode(ActToken("objective", 1, 1)))
    stand.run(programme(objective=None))
    assert button(stand.say(LEA, "j’ai besoin d’aide"), LEA, "Prévenir")


# --- « Signaler » ---------------------------------------------------------------------------------


def letter(stand: Stand, author: str, words: str) -> list[Heard]:
    return stand.command(author, "ecrire", words)


@pytest.mark.parametrize("author", [LEA, MARC])
def test_each_side_reports_a_letter_with_one_tap(stand: Stand, author: str) -> None:
    other = MARC if author == LEA else LEA
    token = button(letter(stand, author, "Tu es nul."), other, "Signaler")
    heard = stand.press(other, token)
    assert told(heard, GUARD, "Tu es nul.")
    assert told(heard, other, "3114")
    assert {one.to for one in heard} == {GUARD, other}
    assert told(heard, other, "à Nadia")
    heard = stand.press(other, button(heard, other, "Ajouter"))
    heard = stand.say(other, "Et ce n’est pas la première fois.")
    assert told(heard, GUARD, "pas la première fois")
    assert {one.to for one in heard} == {GUARD, other}
    stand.press(other, token)
    assert count(stand) == 1  # the same letter again: the same report


def test_a_report_that_reached_nobody_does_not_say_that_somebody_has_it(stand: Stand) -> None:
    unreachable(stand, GUARD)
    heard = stand.press(MARC, button(letter(stand, LEA, "Tu es nul."), MARC, "Signaler"))
    assert not told(heard, MARC, "Nadia")
    assert told(heard, MARC, "C’est gardé")
    assert told(heard, CLAIRE, "Un signalement attend")
    assert told(stand.command(GUARD, "protection", "1"), GUARD, "Tu es nul.")


def test_only_who_got_a_letter_reports_it_and_only_who_is_named_sees_it(stand: Stand) -> None:
    heard = letter(stand, LEA, "Bonjour Marc")
    token = button(heard, MARC, "Signaler")
    for intruder in (LEA, OTHER, CLAIRE, "77"):
        stand.press(intruder, token)
    assert count(stand) == 0
    heard = stand.press(MARC, token)
    take = button(heard, GUARD, "Je m’en occupe")
    for intruder in (LEA, MARC, OTHER, CLAIRE):
        stand.press(intruder, take)
        assert not told(stand.command(intruder, "protection", "1"), intruder, "Bonjour Marc")
        assert not told(stand.command(intruder, "protection"), intruder, "Signalement")
    with stand.work() as uow:
        flag = uow.safety.flag(1)
        assert flag is not None
        assert flag.state == "new"
    assert told(stand.command(GUARD, "protection", "1"), GUARD, "Bonjour Marc")


def test_a_report_is_told_again_until_somebody_takes_it(stand: Stand) -> None:
    heard = stand.press(MARC, button(letter(stand, LEA, "Bonjour"), MARC, "Signaler"))
    token = button(heard, GUARD, "Je m’en occupe")
    again = stand.days(3.5)
    assert len(told(again, GUARD, "attend toujours")) == 3
    assert told(stand.press(GUARD, button(again, GUARD, "Voir le signalement")), GUARD, "Bonjour")
    assert told(stand.press(GUARD, token), GUARD, "s’en occupe")
    assert not told(stand.days(3), GUARD, "attend toujours")
    heard = stand.press(GUARD, token)  # the old button again
    heard = stand.press(GUARD, button(heard, GUARD, "C’est traité"))
    assert told(heard, GUARD, "Traité par Nadia Roux")
    assert told(stand.command(GUARD, "protection"), GUARD, "ouverts\u00a0: 0")


def test_a_letter_between_adults_is_forgotten_after_its_time(stand: Stand) -> None:
    number = stand.press(MARC, button(letter(stand, LEA, "Bonjour"), MARC, "Signaler"))
    assert number
    rules = {"ax-accompagnement": stand.bot.programmes["ax-accompagnement"].retention}
    for days, kept in ((29, 1), (30, 0)):
        with stand.work() as uow:
            while uow.retention.some(rules, stand.now + timedelta(days=days)):
                pass
            assert uow.session.scalar(select(func.count()).select_from(Letter)) == kept
    assert count(stand) == 1  # still open
    heard = stand.press(MARC, encode(ActToken("flag", 1, 1)))
    assert told(heard, MARC)
    assert not told(heard, GUARD)


def test_an_objective_can_be_reported(stand: Stand) -> None:
    stand.press(LEA, encode(ActToken("objective", 1, 1)))
    heard = stand.say(LEA, "Changer de poste")
    while not told(heard, MARC):
        heard = stand.press(LEA, button(heard, LEA, "Envoyer"))
    heard = stand.press(MARC, button(heard, MARC, "Signaler"))
    assert told(heard, GUARD, "Changer de poste")


# --- nobody looks after a report of themselves ----------------------------------------------------


def role(stand: Stand, account: str, name: str, state: str = "active") -> None:
    with stand.work() as uow:
        who = uow.people.by_account("telegram", account)
        assert who is not None
        uow.people.enrol(who.person_id, "ax-accompagnement", name, now=stand.now, state=state)


def told_of_waiting(stand: Stand) -> list[Heard]:
    return [one for one in stand.days(1.5) if one.key.startswith("flag-waits:")]


@pytest.mark.parametrize("deputy", [True, False])
def test_a_report_of_the_safeguarding_person_is_for_the_others(
    stand: Stand, *, deputy: bool
) -> None:
    """Their deputy, else the owners; the one it is about neither hears of it nor opens it."""
    role(stand, MARC, "safeguarding")
    if not deputy:
        role(stand, GUARD, "safeguarding", "ended")
    taker, other = (GUARD, CLAIRE) if deputy else (CLAIRE, GUARD)
    heard = stand.press(LEA, button(letter(stand, MARC, "Viens chez moi."), LEA, "Signaler"))
    assert {one.to for one in heard} == {taker, LEA}
    assert not told(heard, LEA, "à Marc")
    take = button(heard, taker, "Je m’en occupe")
    for nobody in (MARC, other, OTHER):
        stand.press(nobody, take)
        assert not told(stand.command(nobody, "protection", "1"), nobody, "Viens chez moi")
    assert told(stand.command(MARC, "protection"), MARC, "ouverts\u00a0: 0")
    assert {one.to for one in told_of_waiting(stand)} == {taker}
    assert told(stand.command(taker, "protection", "1"), taker, "Viens chez moi")
    assert told(stand.press(taker, take), taker, "s’en occupe")


def test_a_report_of_the_only_one_there_is_kept_and_nobody_is_promised(stand: Stand) -> None:
    role(stand, GUARD, "safeguarding", "ended")
    role(stand, CLAIRE, "owner", "ended")
    role(stand, MARC, "owner")
    heard = stand.press(LEA, button(letter(stand, MARC, "Viens chez moi."), LEA, "Signaler"))
    assert {one.to for one in heard} == {LEA}
    assert told(heard, LEA, "C’est gardé")
    assert told(heard, LEA, "3114")
    role(stand, GUARD, "safeguarding")
    assert told(stand.days(1.5), GUARD, "attend toujours")


def test_a_safeguarding_person_in_distress_is_heard_by_somebody_else(stand: Stand) -> None:
    heard = stand.say(GUARD, "je veux mourir")
    assert told(heard, CLAIRE, "je veux mourir")
    assert len(told(heard, GUARD)) == 1
    assert told(heard, GUARD, "vient d’être prévenue")
    assert count(stand) == 1


# --- the rest of the team reads none of it --------------------------------------------------------

W = "je n’en peux plus, je veux mourir"


def needs(stand: Stand) -> tuple[list[Heard], str]:
    return [*stand.command(LEA, "besoin", W), *stand.command(LEA, "besoin", f"vite, {W}")], "a-voir"


def leaves(stand: Stand) -> tuple[list[Heard], str]:
    stand.press(LEA, encode(ActToken("pair-stop-why", 1, 1)))
    return stand.say(LEA, W), "binomes"


def is_beyond(stand: Stand) -> tuple[list[Heard], str]:
    stand.press(MARC, encode(ActToken("beyond-words", 1, 1)))
    return stand.say(MARC, W), "binomes"


def corrects(stand: Stand) -> tuple[list[Heard], str]:
    return stand.command(LEA, "mes-donnees", f"corriger {W}"), ""


@pytest.mark.parametrize("way", [needs, leaves, is_beyond, corrects])
def test_what_is_said_to_the_team_in_distress_is_for_the_safeguarding_person(
    stand: Stand, way: Callable[[Stand], tuple[list[Heard], str]]
) -> None:
    """P5: told at once, shown on the page afterwards, and to nobody else."""
    heard, page = way(stand)
    assert told(heard, GUARD, W)
    number = 1 if page == "binomes" else stand.ids[LEA]
    shown = stand.command(CLAIRE, page, str(number)) if page else []
    for account in (CLAIRE, OTHER):
        assert not told(heard + shown, account, "mourir")
    assert told(heard, OTHER, "confiés à la personne chargée de la protection")
    assert not page or told(shown, CLAIRE, "confiés à la personne chargée de la protection")


# --- who has read it ------------------------------------------------------------------------------


def test_whoever_is_told_a_report_has_read_it_and_the_reported_do_not_learn_of_it(
    stand: Stand,
) -> None:
    heard = stand.command(MARC, "ecrire", "Bonjour")
    assert "Personne n’a ouvert" in lectures(stand, LEA)
    stand.press(LEA, button(heard, LEA, "Signaler"))
    assert "la personne chargée de la protection · des mots qui lui" in lectures(stand, LEA)
    assert "la personne chargée de la protection · des mots que" in lectures(stand, MARC)
    for word in ("signal", "Léa"):
        assert word not in lectures(stand, MARC).casefold()
    before = lectures(stand, LEA).count(" · ")
    stand.command(GUARD, "protection", "1")
    assert lectures(stand, LEA).count(" · ") == before + 1


def test_a_card_that_staff_open_is_read_by_them(stand: Stand) -> None:
    with stand.work() as uow:
        uow.directory.save(stand.ids[MARC], stand.now, {"job": "Ingénieur", "consenting": False})
    stand.command(CLAIRE, "annuaire", f"#{stand.ids[MARC]}")
    assert "ta fiche dans l’annuaire" in lectures(stand, MARC)


# --- whoever is reported erases themselves --------------------------------------------------------


def test_a_report_stays_whole_when_whoever_it_is_about_erases_themselves(stand: Stand) -> None:
    """GDPR 17(3)(e): the name and the words stay with the report, and go with it."""
    heard = stand.command(MARC, "ecrire", "Tu portais quoi hier soir ?")
    stand.command(MARC, "ecrire", "Une autre lettre")
    stand.press(LEA, button(heard, LEA, "Signaler"))
    with stand.work() as uow:  # not delivered yet
        alert = uow.session.scalars(
            select(Outbox).where(Outbox.dedup_key.startswith("flag:1:guard"))
        ).one()
        assert alert.state == "queued"
        alert_id = alert.id
    heard = stand.command(MARC, "effacer")
    assert told(heard, MARC, "gardé par la personne chargée de la protection")
    heard = stand.command(MARC, "effacer-oui")
    assert told(heard, GUARD, "Marc Aubier a tout effacé")
    assert not told(heard, CLAIRE, "signal")
    with stand.work() as uow:
        row = uow.session.get(Outbox, alert_id)
        assert row is not None
        assert (row.state, row.payload is not None) == ("queued", True)
    heard = stand.command(GUARD, "protection", "1")
    assert told(heard, GUARD, "un message de Marc Aubier")
    assert told(heard, GUARD, "Tu portais quoi")
    with stand.work() as uow:
        assert not uow.session.scalars(select(Letter)).all()
        exported = str(uow.privacy.export_person(stand.ids[LEA])["flag"])
        assert "about_name" not in exported


def test_a_closed_report_keeps_nobody(stand: Stand) -> None:
    heard = stand.command(MARC, "ecrire", "Bonjour")
    heard = stand.press(LEA, button(heard, LEA, "Signaler"))
    stand.press(GUARD, button(heard, GUARD, "traité"))
    heard = stand.command(MARC, "effacer-oui")
    assert not told(heard, GUARD, "tout effacé")
    assert not told(stand.command(GUARD, "protection", "1"), GUARD, "Marc")


def test_a_first_name_alone_is_taken_back_from_those_they_were_with(stand: Stand) -> None:
    stand.command(MARC, "ecrire", "Merci, à bientôt")
    stand.command(LEA, "ecrire", "Léandre est un autre nom")
    stand.command(OTHER, "contact")
    stand.command(LEA, "effacer-oui")
    with stand.work() as uow:
        rows = uow.session.scalars(select(Outbox).where(Outbox.payload.is_not(None))).all()
        said = [(row.person_id, uow.vault.open(uow.session, row.person_id, row.payload))
                for row in rows if row.person_id == stand.ids[MARC] and row.payload]  # fmt: skip
    assert said
    assert not [one for _, one in said if "Léa " in str(one) or "Léa." in str(one)]
    assert any("quitté" in str(one) for _, one in said)
