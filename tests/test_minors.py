"""Minors: nothing before the parents, checked mentors only, nobody in touch outside (P4)."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from bot import minors, programmes
from bot.dialogue.tokens import ActToken, encode
from bot.errors import NotAllowed, ProgrammeError
from bot.flows import pairs
from bot.messages import Message
from bot.programmes.load import load, parse
from bot.turn import Scene
from storage.tables import (
    Base,
    Conversation,
    Flag,
    Guardian,
    Letter,
    Meeting,
    MentorCheck,
    Outbox,
    Pair,
    Person,
    Request,
)
from storage.unit_of_work import UnitOfWork
from tests.asking import GONE
from tests.stand import CLAIRE, Heard, Stand, button, programme, told

PUPIL, MENTOR, GUARD, OTHER = "20", "30", "40", "50"
BEGIN = datetime(2026, 9, 1, 7, 0, tzinfo=UTC)


def lycee() -> Any:
    """The preset, on both platforms: the stand speaks as Telegram."""
    about = load("rencontres-lycee").about
    both = about.model_copy(update={"platforms": ("slack", "telegram")})
    return programme("rencontres-lycee", about=both)


@pytest.fixture
def stand() -> Stand:
    """A pupil and a mentor who have said yes themselves, staff, and a safeguarding person."""
    stand = Stand((lycee(),), now=BEGIN)
    stand.command(CLAIRE, "menu")
    for account, name, role in (
        (PUPIL, "Lina Morel", "mentee"),
        (MENTOR, "Karim Belaïd", "mentor"),
        (GUARD, "Nadia Roux", "safeguarding"),
        (OTHER, "Paul Petit", "staff"),
    ):
        stand.join(account, name, role=role)
    return stand


def count(stand: Stand, entity: type[Base]) -> int:
    with stand.work() as uow:
        return uow.session.scalar(select(func.count()).select_from(entity)) or 0


def parents(stand: Stand, born: str = "14/05/2010", how: str = "papier classeur B") -> list[Heard]:
    return stand.command(CLAIRE, "mineurs", f"parents Lina Morel {born} {how}")


def check(stand: Stand, until: str = "30/06/2027") -> list[Heard]:
    return stand.command(CLAIRE, "mineurs", f"verifie Karim Belaïd {until} entretien et casier")


def paired(stand: Stand) -> int:
    parents(stand)
    check(stand)
    return stand.pair(PUPIL, MENTOR)


def people(stand: Stand, uow: UnitOfWork) -> tuple[Scene, Person, Person]:
    pupil, mentor = uow.people.get(stand.ids[PUPIL]), uow.people.get(stand.ids[MENTOR])
    assert pupil is not None
    assert mentor is not None
    return Scene(stand.bot, uow, stand.now), pupil, mentor


def lacks(stand: Stand) -> str | None:
    with stand.work() as uow:
        scene, pupil, _ = people(stand, uow)
        return minors.missing(scene, pupil, stand.bot.programmes["rencontres-lycee"])


# --- before the parents have agreed ---------------------------------------------------------------


def test_before_the_parents_agree_nothing_is_kept_sent_or_paired(stand: Stand) -> None:
    check(stand)
    before = count(stand, Conversation)
    for verb in ("demande", "profil", "menu", "experts", "carte", "rdv", "rapport", "commencer"):
        heard = stand.command(PUPIL, verb)
        assert told(heard, PUPIL, "accord écrit de tes parents"), verb
        assert {one.to for one in heard} <= {PUPIL, CLAIRE, OTHER}
    heard = stand.say(PUPIL, "je voudrais devenir sage-femme")
    assert told(heard, PUPIL, "accord écrit de tes parents")
    assert not told(stand.command(CLAIRE, "binomes", "Lina Morel, Karim Belaïd"), MENTOR)
    assert (count(stand, Conversation), count(stand, Request)) == (before, 0)
    assert (count(stand, Pair), count(stand, Letter)) == (0, 0)
    with stand.work() as uow:
        scene, pupil, mentor = people(stand, uow)
        with pytest.raises(NotAllowed):
            pairs.form(
                scene, None, pupil, mentor, programme=stand.bot.programmes["rencontres-lycee"]
            )


def test_whoever_waits_for_the_parents_sees_and_erases_what_is_kept(stand: Stand) -> None:
    stand.command(PUPIL, "accord", "rencontres-lycee")
    stand.command(PUPIL, "role", "mentee")
    heard = stand.command(PUPIL, "mes-donnees")
    assert told(heard, PUPIL, "Tes données")
    heard = stand.press(PUPIL, button(heard, PUPIL, "Tout effacer"))
    assert told(stand.press(PUPIL, button(heard, PUPIL, "Tout effacer")), PUPIL)
    with stand.work() as uow:
        assert uow.people.by_account("telegram", PUPIL) is None


def test_a_second_role_makes_nobody_older(stand: Stand) -> None:
    stand.press(PUPIL, "r:role:mentor")
    with stand.work() as uow:
        roles = uow.people.programmes_of(stand.ids[PUPIL])
        uow.people.enrol(stand.ids[PUPIL], "rencontres-lycee", "mentor", now=stand.now)
    assert roles
    assert lacks(stand) == "agreement"


def test_who_says_they_are_a_professional_is_asked_nothing_before_the_team_says_yes(
    stand: Stand,
) -> None:
    account = "77"
    stand.command(account, "accord", "rencontres-lycee")
    heard = stand.press(account, "r:role:mentor")
    assert told(heard, account, "confirme d’abord que tu viens comme adulte")
    asked = told(heard, CLAIRE, "souhaite rejoindre le programme comme professionnel")
    before = count(stand, Conversation)
    for words in ("Lina Morel", "profil", "carte", "menu"):
        heard = stand.say(account, words)
        assert told(heard, account, "confirme d’abord")
    for verb in ("profil", "carte"):
        stand.command(account, verb)
    assert count(stand, Conversation) == before
    heard = stand.press(CLAIRE, button(asked, CLAIRE, "Accueillir"))
    assert told(heard, account, "confirmée")


def test_a_professional_the_team_has_said_yes_to_goes_on_with_one_tap(stand: Stand) -> None:
    stand.command("77", "accord", "rencontres-lycee")
    heard = stand.press("77", "r:role:mentor")
    heard = stand.press(CLAIRE, button(heard, CLAIRE, "Accueillir"))
    heard = stand.press("77", button(heard, "77", "Commencer"))
    assert told(heard, "77", "Comment t’appelles-tu")


def test_a_programme_for_minors_lets_nobody_be_a_mentor_by_their_own_word() -> None:
    text = (Path(programmes.__file__).parent / "rencontres-lycee.toml").read_text("utf-8")
    data = tomllib.loads(text)
    assert parse(data, "x.toml").minors is not None
    data["roles"]["mentor"]["enrol"] = "open"
    with pytest.raises(ProgrammeError, match="mentors need the team's yes"):
        parse(data, "x.toml")


def test_under_fifteen_the_parents_consent_with_the_child(stand: Stand) -> None:
    heard = parents(stand, "14/05/2012")
    assert told(heard, CLAIRE, "moins de 15 ans")
    assert (lacks(stand), count(stand, Guardian)) == ("agreement", 0)
    parents(stand, "14/05/2012", "papier conjoint classeur B")
    assert lacks(stand) is None
    with stand.work() as uow:
        row = uow.safety.guardian(stand.ids[PUPIL], "rencontres-lycee")
        assert row is not None
        assert (row.joint, row.proof, uow.safety.reference(row)) == (1, "paper", "classeur B")
        assert row.recorded_by_id is not None


def test_fifteen_and_eighteen_are_what_the_calendar_says(stand: Stand) -> None:
    parents(stand)
    with stand.work() as uow:
        _, pupil, _ = people(stand, uow)
        pupil.born_on = date(2012, 5, 14)  # corrected: fourteen, and the word is not joint
    assert lacks(stand) == "joint"
    stand.now = datetime(2027, 5, 13, 21, 59, tzinfo=UTC)  # still the 13th in Paris
    assert lacks(stand) == "joint"
    stand.now = datetime(2027, 5, 13, 22, 1, tzinfo=UTC)
    assert lacks(stand) is None
    with stand.work() as uow:
        uow.safety.revoke_guardian(stand.ids[PUPIL], "rencontres-lycee", by=1, now=stand.now)
    assert lacks(stand) == "agreement"
    stand.now = datetime(2030, 5, 14, 6, 0, tzinfo=UTC)
    assert lacks(stand) is None  # of age


@pytest.mark.parametrize(
    "args", ["", "parents", "parents Lina Morel", "parents Lina Morel 14/05/2010",
             "parents Lina Morel 14/05/2010 papier", "parents Lina Morel 14/05/2010 rien ici",
             "parents Lina Morel 14/05/2030 papier là", "parents Lina Morel 1/1/1800 papier c",
             "parents - Paul Petit", "verifie Karim Belaïd 30/06/2020 vu", "verifie Karim Belaïd",
             "verifie personne 30/06/2027 casier"]
)  # fmt: skip
def test_a_mistyped_record_records_nothing(stand: Stand, args: str) -> None:
    assert told(stand.command(CLAIRE, "mineurs", args), CLAIRE)
    assert (count(stand, Guardian), count(stand, MentorCheck)) == (0, 0)
    assert lacks(stand) == "agreement"
    with stand.work() as uow:
        assert people(stand, uow)[1].born_on is None


def test_only_the_team_records(stand: Stand) -> None:
    for account in (PUPIL, MENTOR, GUARD):
        stand.command(account, "mineurs", "parents Lina Morel 14/05/2010 papier classeur B")
    assert count(stand, Guardian) == 0


def test_what_the_parents_take_back_stops_at_once(stand: Stand) -> None:
    number = paired(stand)
    heard = stand.command(CLAIRE, "mineurs", "parents - Lina Morel")
    assert told(heard, PUPIL)
    assert told(heard, MENTOR, "s’arrêtent ici")
    assert stand.get_pair(number).state == "closed"
    assert told(stand.command(PUPIL, "ecrire", "Bonjour"), PUPIL, "accord écrit de tes parents")
    assert not told(stand.command(MENTOR, "ecrire", "Bonjour"), PUPIL)
    later = stand.days(40)
    assert not told(later, PUPIL)
    assert not told(later, MENTOR)


# --- checked mentors only -------------------------------------------------------------------------


def test_who_is_not_checked_is_not_put_with_a_minor(stand: Stand) -> None:
    parents(stand)
    heard = stand.command(CLAIRE, "binomes", "Lina Morel, Karim Belaïd")
    assert count(stand, Pair) == 0
    assert not told(heard, MENTOR)
    heard = stand.command(CLAIRE, "binomes", "Karim Belaïd, Lina Morel")  # the other way round
    assert count(stand, Pair) == 0
    check(stand, "30/09/2026")
    with stand.work() as uow:
        assert uow.safety.checked("rencontres-lycee", stand.now) == {stand.ids[MENTOR]}
    stand.until(datetime(2026, 10, 1, 8, 0, tzinfo=UTC))
    with stand.work() as uow:
        assert uow.safety.checked("rencontres-lycee", stand.now) == set()
    stand.command(CLAIRE, "binomes", "Lina Morel, Karim Belaïd")
    assert count(stand, Pair) == 0


def test_when_a_check_ends_the_team_is_told_before_and_letters_wait(stand: Stand) -> None:
    parents(stand)
    check(stand, "31/10/2026")
    stand.pair(PUPIL, MENTOR)
    soon = stand.until(datetime(2026, 10, 3, 12, 0, tzinfo=UTC))
    assert told(soon, CLAIRE, "pense à la renouveler")
    over = stand.until(datetime(2026, 11, 2, 12, 0, tzinfo=UTC))
    assert told(over, CLAIRE, "terminée")
    heard = stand.command(MENTOR, "ecrire", "On se voit mardi au CDI ?")
    assert not told(heard, PUPIL)
    assert told(heard, CLAIRE, "attend")
    assert not told(heard, CLAIRE, "CDI")
    heard = check(stand, "30/06/2027")
    assert told(heard, PUPIL, "On se voit mardi au CDI ?")
    renewed = stand.until(datetime(2027, 5, 1, tzinfo=UTC))
    assert not told(renewed, CLAIRE, "terminée")


def offered(stand: Stand, until: str = "30/06/2027") -> str:
    """A pair made by the team waits for the mentor's yes; the button that says it."""
    parents(stand)
    check(stand, until)
    return button(stand.command(CLAIRE, "binomes", "Lina Morel, Karim Belaïd"), MENTOR, "accepte")


def test_a_waiting_pair_is_called_off_when_the_parents_take_it_back(stand: Stand) -> None:
    yes = offered(stand)
    heard = stand.command(CLAIRE, "mineurs", "parents - Lina Morel")
    assert told(heard, MENTOR, "a été reprise")
    assert stand.get_pair(1).state == "closed"
    heard = stand.press(MENTOR, yes)
    assert not told(heard, PUPIL)
    assert not told(heard, MENTOR, "Lina")


def test_a_yes_after_the_check_is_over_waits_for_the_next_check(stand: Stand) -> None:
    yes = offered(stand, "02/09/2026")
    later = stand.days(4)  # the nudge falls into these days, and is not said
    assert not told(later, MENTOR, "Petit rappel")
    heard = stand.press(MENTOR, yes)
    assert told(heard, MENTOR, "vérification soit à jour")
    assert not told(heard, PUPIL)
    assert stand.get_pair(1).state == "proposed"
    check(stand)
    assert told(stand.press(MENTOR, yes), PUPIL, "Karim")
    assert stand.get_pair(1).state == "active"


def test_a_yes_before_the_parents_word_is_whole_again_names_nobody(stand: Stand) -> None:
    yes = offered(stand)
    with stand.work() as uow:
        people(stand, uow)[1].born_on = date(2012, 5, 14)  # corrected: the word is not joint
    heard = stand.press(MENTOR, yes)
    assert told(heard, MENTOR, "manque encore quelque chose")
    assert not told(heard, MENTOR, "Lina")
    assert not told(heard, PUPIL)
    with stand.work() as uow:
        scene, *_ = people(stand, uow)
        pair = uow.pairs.get(1)
        assert pair is not None
        with pytest.raises(NotAllowed):
            pairs.introduce(scene, pair)


def test_whichever_side_the_pupil_is_on_the_other_one_hears_of_the_end(stand: Stand) -> None:
    parents(stand)
    check(stand)
    stand.pair(MENTOR, PUPIL)
    heard = stand.command(CLAIRE, "mineurs", "parents - Lina Morel")
    assert told(heard, MENTOR, "s’arrêtent ici")
    assert not told(heard, PUPIL, "s’arrêtent ici")


def test_once_a_check_is_over_no_meeting_is_set(stand: Stand) -> None:
    parents(stand)
    check(stand, "05/09/2026")
    number = stand.pair(PUPIL, MENTOR)
    stand.days(10)
    for account, other in ((MENTOR, PUPIL), (PUPIL, MENTOR)):
        for words in ("samedi 18h", f"{number}/2026-09-19T18:00"):
            heard = stand.command(account, "rdv", words)
            assert told(heard, account, "pas noté cette date")
            assert not told(heard, other)
    assert count(stand, Meeting) == 0
    check(stand)
    assert told(stand.command(MENTOR, "rdv", "samedi 18h"), PUPIL, "Karim Belaïd te donne")


def announced(stand: Stand, to: str) -> list[Heard]:
    """An announcement, confirmed where it may be, and what comes of it within the day."""
    stand.command(CLAIRE, "annonce", to)
    heard = stand.say(CLAIRE, "Rendez-vous mardi au CDI")
    sure = [one for one in told(heard, CLAIRE) if any("Envoyer" in c for c in one.choices)]
    return stand.press(CLAIRE, button(sure, CLAIRE, "Envoyer")) + stand.fire() if sure else heard


def test_an_announcement_is_not_for_who_waits_for_the_parents(stand: Stand) -> None:
    nobody = stand.command(CLAIRE, "annonce", "mentees")
    assert told(nobody, CLAIRE, "Personne à qui écrire")
    heard = announced(stand, "tous")
    assert told(heard, MENTOR, "au CDI")
    assert not told(heard, PUPIL)
    parents(stand)
    assert told(announced(stand, "mentees"), PUPIL, "au CDI")


def test_an_announcement_that_waits_for_the_morning_stops_with_the_parents_word(
    stand: Stand,
) -> None:
    parents(stand)
    stand.now = datetime(2026, 9, 1, 20, 0, tzinfo=UTC)
    announced(stand, "tous")
    stand.command(CLAIRE, "mineurs", "parents - Lina Morel")
    with stand.work() as uow:
        rows = uow.session.scalars(select(Outbox).where(Outbox.dedup_key.startswith("announce:")))
        assert {row.person_id: row.state for row in rows} == {
            stand.ids[PUPIL]: "cancelled",
            stand.ids[MENTOR]: "queued",
        }


def test_a_pair_that_ends_twice_gives_one_place_back(stand: Stand) -> None:
    parents(stand)
    check(stand)
    with stand.work() as uow:
        uow.people.enrol(stand.ids[OTHER], "rencontres-lycee", "mentee", now=stand.now)
        uow.directory.save(stand.ids[MENTOR], stand.now, {"consenting": True, "capacity": 2})
        uow.people.consent(
            stand.ids[MENTOR], "rencontres-lycee", "charter", text=("2026-11", ""), now=stand.now
        )
    stand.command(CLAIRE, "mineurs", "parents Paul Petit 14/05/2010 papier classeur B")
    stand.command(CLAIRE, "binomes", "Lina Morel, Karim Belaïd")
    stand.command(CLAIRE, "binomes", "Paul Petit, Karim Belaïd")
    stand.press(PUPIL, encode(ActToken("pair-stop-yes", 1, stand.get_pair(1).version)))
    assert stand.get_pair(1).state == "closing"
    stand.command(CLAIRE, "mineurs", "parents - Lina Morel")
    assert [stand.get_pair(number).state for number in (1, 2)] == ["closed", "active"]
    with stand.work() as uow:
        expert = uow.directory.get(stand.ids[MENTOR])
        assert expert is not None
        assert expert.places_taken == 1


def test_nothing_is_asked_months_after_a_pair_once_the_parents_have_withdrawn() -> None:
    after = load("ax-accompagnement").followup
    assert after is not None
    after = after.model_copy(update={"to": ("mentee", "mentor")})
    stand = Stand((lycee().model_copy(update={"followup": after}),), now=BEGIN)
    stand.command(CLAIRE, "menu")
    stand.join(PUPIL, "Lina Morel")
    stand.join(MENTOR, "Karim Belaïd", role="mentor")
    number = paired(stand)
    stand.press(PUPIL, encode(ActToken("pair-stop-yes", number, 1)))
    stand.command(CLAIRE, "mineurs", "parents - Lina Morel")
    heard = [one for one in stand.days(200) if one.key.startswith("followup:")]
    assert {one.to for one in heard} == {MENTOR}


# --- no contact data ------------------------------------------------------------------------------


def test_no_address_is_shown(stand: Stand) -> None:
    number = paired(stand)
    with stand.work() as uow:
        pair = uow.pairs.get(number)
        assert pair is not None
        pair.mentor_shows = "karim@exemple.invalid"  # from before, or an import
    for account in (PUPIL, MENTOR):
        heard = stand.press(account, encode(ActToken("show-email", number, 1)))
        assert not [one for one in heard if "exemple.invalid" in one.text]
        assert told(heard, account, "personne ne montre ses coordonnées")
    assert not told(stand.command(PUPIL, "rdv"), PUPIL, "exemple.invalid")


@pytest.mark.parametrize("author", [PUPIL, MENTOR])
def test_contact_data_wait_for_the_safeguarding_person(stand: Stand, author: str) -> None:
    paired(stand)
    other = MENTOR if author == PUPIL else PUPIL
    heard = stand.command(author, "ecrire", "Mon numéro : 06 39 98 14 15, à mardi")
    assert not told(heard, other)
    assert told(heard, author, "rien n’est perdu")
    assert told(heard, GUARD, "06 39 98 14 15")
    assert not told(heard, CLAIRE, "06 39")
    assert not told(heard, OTHER, "06 39")
    token = button(heard, GUARD, "partie masquée")
    for intruder in (CLAIRE, OTHER, author, other):  # staff and owner are not named for it
        assert not told(stand.press(intruder, token), other, "à mardi")
    heard = stand.press(GUARD, token)
    assert told(heard, other, "à mardi")
    assert not told(heard, other, "06 39")
    assert told(heard, author, "est parti")
    again = stand.press(GUARD, token)
    assert not told(again, other)
    assert told(again, GUARD, "déjà décidé")


def test_a_letter_that_does_not_pass_has_a_reason(stand: Stand) -> None:
    paired(stand)
    heard = stand.command(MENTOR, "ecrire", "viens sur discord")
    heard = stand.press(GUARD, button(heard, GUARD, "Ne pas laisser passer"))
    heard = stand.say(GUARD, "On en parle au lycée.")
    assert told(heard, MENTOR, "On en parle au lycée.")
    assert not told(heard, PUPIL)
    heard = stand.command(MENTOR, "ecrire", "viens sur discord")
    heard = stand.press(GUARD, button(heard, GUARD, "Ne pas laisser passer"))
    heard = stand.press(GUARD, button(heard, GUARD, "Pas de coordonnées ici"))
    assert told(heard, MENTOR, "coordonnées")


def test_nobody_decides_about_a_letter_of_their_own_pair(stand: Stand) -> None:
    """P4: the mentor who is named for safeguarding too; their deputy decides."""
    number = paired(stand)
    with stand.work() as uow:
        uow.people.enrol(stand.ids[MENTOR], "rencontres-lycee", "safeguarding", now=stand.now)
    for author in (PUPIL, MENTOR):
        heard = stand.command(author, "ecrire", "Mon numéro : 06 39 98 14 15")
        passes = told(heard, GUARD, "06 39 98 14 15")[-1].choices["Laisser passer"]
        assert not told(heard, MENTOR, "06 39 98 14 15")
        assert told(stand.press(MENTOR, passes), MENTOR, GONE)
    assert told(stand.command(MENTOR, "protection"), MENTOR, "retenus\u00a0: 0")
    assert told(stand.command(MENTOR, "protection", f"echanges {number}"), MENTOR, GONE)
    assert told(stand.press(GUARD, passes), PUPIL, "06 39 98 14 15")


def test_a_letter_that_passes_when_the_pair_is_over_has_not_left(stand: Stand) -> None:
    number = paired(stand)
    heard = stand.command(PUPIL, "ecrire", "Mon numéro : 06 39 98 14 15")
    passes = told(heard, GUARD)[-1].choices["Laisser passer"]
    stand.press(MENTOR, encode(ActToken("pair-change-yes", number, stand.get_pair(number).version)))
    assert stand.get_pair(number).state == "closed"
    heard = stand.press(GUARD, passes)
    assert not told(heard, MENTOR)
    assert told(heard, PUPIL, "n’est pas parti")
    assert told(heard, GUARD, "rien n’est parti")


def test_an_objective_is_looked_at_too(stand: Stand) -> None:
    number = paired(stand)
    stand.press(PUPIL, encode(ActToken("objective", number, 1)))
    heard = stand.say(PUPIL, "Parler sur insta")
    heard += stand.press(PUPIL, button(heard, PUPIL, "Envoyer")) if not told(heard, GUARD) else []
    assert not told(heard, MENTOR)
    assert told(heard, GUARD, "insta")
    heard = stand.press(GUARD, told(heard, GUARD)[-1].choices["Laisser passer"])
    assert told(heard, MENTOR, "Parler sur insta")


def test_the_team_sees_that_there_is_an_exchange_and_one_person_reads_it(stand: Stand) -> None:
    number = paired(stand)
    stand.command(PUPIL, "ecrire", "Comment tient-on la nuit ?")
    card = stand.command(CLAIRE, "binomes", str(number))
    assert told(card, CLAIRE, "1 message")
    assert not told(card, CLAIRE, "la nuit")
    for account in (CLAIRE, OTHER, PUPIL, MENTOR):
        assert not told(stand.command(account, "protection", f"echanges {number}"), account, "nuit")
    assert told(stand.command(GUARD, "protection", f"echanges {number}"), GUARD, "la nuit")
    for account in (PUPIL, MENTOR):
        heard = stand.command(account, "mes-donnees", "lectures")
        assert told(heard, account, "la personne chargée de la protection · ce que ton binôme")
    with stand.work() as uow:
        export = uow.privacy.export_person(stand.ids[MENTOR])
    assert export["letter"] == []  # whose words they are is given them


# --- platforms ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("named", "where"),
    [(None, ("slack",)), (("slack", "telegram"), ("slack", "telegram"))],
)
def test_minors_are_on_slack_alone_unless_the_file_says_otherwise(
    named: tuple[Any, ...] | None, where: tuple[str, ...]
) -> None:
    preset = Path(programmes.__file__).parent / "rencontres-lycee.toml"
    data = tomllib.loads(preset.read_text("utf-8"))
    data["programme"].pop("platforms")
    if named:
        data["programme"]["platforms"] = list(named)
    assert parse(data, preset.name).platforms == where
    data.pop("minors")
    assert parse(data, preset.name).platforms == ("slack", "telegram")


def test_a_programme_of_one_platform_is_not_spoken_of_on_the_other() -> None:
    stand = Stand((programme("rencontres-lycee"),), now=BEGIN)
    heard = stand.say(PUPIL, "bonjour") + stand.command(PUPIL, "accord", "rencontres-lycee")
    assert told(heard, PUPIL, "seulement sur Slack")
    heard = stand.command(CLAIRE, "mineurs") + stand.command(CLAIRE, "binomes")
    assert not told(heard, CLAIRE, "accords")
    assert all("seulement sur Slack" in one.text for one in heard)
    with stand.work() as uow:
        identity = uow.people.by_account("telegram", PUPIL)
        assert identity is not None
        assert not uow.people.consented_anywhere(identity.person_id)
        person = uow.people.get(identity.person_id)
        assert person is not None
        uow.people.enrol(person.id, "rencontres-lycee", "mentee", now=stand.now)
        scene = Scene(stand.bot, uow, stand.now)
        assert not scene.tell(person, Message("x"), key="x")
        uow.people.add_identity(
            person.id, platform="slack", account="T1/U9", bot_account="slack:T1", now=stand.now
        )
        assert scene.tell(person, Message("x"), key="y")
    assert [one.to for one in stand.news()] == ["U9"]


# --- with the person, and with time ---------------------------------------------------------------


def test_all_of_it_goes_with_the_person_and_with_time(stand: Stand) -> None:
    paired(stand)
    stand.command(PUPIL, "ecrire", "Bonjour")
    heard = stand.command(MENTOR, "ecrire", "je veux mourir")
    assert (count(stand, Letter), count(stand, Flag)) == (2, 1)
    stand.press(GUARD, button(heard, GUARD, "C’est traité"))
    rules = {"rencontres-lycee": stand.bot.programmes["rencontres-lycee"].retention}
    with stand.work() as uow:
        late = stand.now + timedelta(days=1096)
        while uow.retention.some(rules, late):
            pass
    assert (count(stand, Letter), count(stand, Flag)) == (0, 0)
    stand.command(MENTOR, "ecrire", "je veux mourir")
    with stand.work() as uow:
        uow.privacy.erase_person(stand.ids[MENTOR], stand.now)
    assert [count(stand, entity) for entity in (Letter, Flag, MentorCheck, Pair)] == [0, 0, 0, 0]
    with stand.work() as uow:
        kinds = {timer.kind for timer in uow.timers.list()}
    assert not kinds & {"flag-waits", "check-ends", "check-over"}
    with stand.work() as uow:
        uow.privacy.erase_person(stand.ids[PUPIL], stand.now)
    assert count(stand, Guardian) == 0
