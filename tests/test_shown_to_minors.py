"""What a minor and an adult read of each other's names and cards leads nobody outside (P4)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from bot.contacts import find
from bot.events import Author, Submitted
from bot.importer import read_sheet
from storage.tables import Flag
from tests.stand import CLAIRE, Heard, Stand, button, programme, told
from tests.test_minors import BEGIN, GUARD, MENTOR, PUPIL, check, paired, parents
from tests.test_minors import stand as stand  # noqa: PLC0414 - the fixture

HIDDEN = ("06 12", "insta", "karim.b_92", "snap", "lina.m_07", "appelle")


def leaks(heard: list[Heard], to: str) -> list[str]:
    """What somebody saw of it, invitations for the calendar too."""
    seen = []
    for one in heard:
        if one.to == to:
            file = one.message.file.content.decode() if one.message.file else ""
            seen += [one.text, " ".join(one.choices), file]
    return [word for word in HIDDEN for text in seen if word in text]


def write(stand: Stand, account: str, name: str | None = None, **card: Any) -> None:
    """As an import, or a programme where nobody minds, writes it."""
    with stand.work() as uow:
        person = uow.people.get(stand.ids[account])
        assert person is not None
        if name is not None:
            person.name = name
        if card:
            card = {"consenting": True, "capacity": 3, **card}
            uow.directory.save(person.id, stand.now, card)


def on_line(heard: list[Heard], label: str) -> str:
    """The token of a button beside a line that the pupil was shown."""
    lines = [line for one in told(heard, PUPIL) for line in one.message.lines if line.choice]
    return next(line.choice.token for line in lines if line.choice and line.choice.label == label)


def proposed(stand: Stand) -> list[Heard]:
    """The pupil asks, and is proposed the mentor."""
    stand.command(PUPIL, "profil")
    for words in ("Lina Morel", "En première"):
        stand.say(PUPIL, words)
    stand.command(PUPIL, "demande")
    for words in ("sage-femme, santé", "Pourquoi ?", "3", "Mes questions et mon nom"):
        heard = stand.say(PUPIL, words)
    return stand.press(PUPIL, button(heard, PUPIL, "Envoyer"))


# --- not taken ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["Karim 06 12 34 56 78", "Karim Belaïd insta karim.b_92", "karim@exemple.invalid"]
)
def test_a_name_with_an_address_is_not_taken_and_the_rest_stays(stand: Stand, name: str) -> None:
    stand.command(MENTOR, "profil")
    heard = stand.say(MENTOR, name)
    assert told(heard, MENTOR, "les coordonnées ne s’échangent pas")
    assert told(heard, MENTOR, "Comment t’appelles-tu")
    stand.say(MENTOR, "Karim Belaïd")
    heard = stand.say(MENTOR, "Je travaille")
    assert told(heard, MENTOR, "profil est enregistré")
    with stand.work() as uow:
        person = uow.people.get(stand.ids[MENTOR])
        assert person is not None
        assert person.name == "Karim Belaïd"


def test_a_form_says_so_under_its_field(stand: Stand) -> None:
    heard = stand.command(MENTOR, "profil")
    form = next(one.message.form for one in heard if one.message.form)
    author = Author("telegram", MENTOR, "telegram:9", "fr")
    values = {"name": "Karim 06 12 34 56 78", "who": "working"}
    sent = Submitted(id="form", author=author, at=stand.now, token=form.token, values=values)
    with stand.work() as uow:
        ack = stand.bot.handle(uow, sent, stand.now)
    assert ack is not None
    assert "ne s’échangent pas" in ack.errors["name"]
    stand.submit(MENTOR, form.token, {"name": "Karim Belaïd", "who": "working"})
    with stand.work() as uow:
        talk = uow.talks.latest(stand.ids[MENTOR], "rencontres-lycee", "profile", status="done")
        assert talk is not None


def test_a_card_with_an_address_is_not_taken(stand: Stand) -> None:
    stand.command(MENTOR, "carte")
    for words in ("Sage-femme, appelle-moi au 06 12 34 56 78", "insta karim.b_92"):
        assert told(stand.say(MENTOR, words), MENTOR, "Quel est ton métier")
    stand.say(MENTOR, "Sage-femme")
    assert told(stand.say(MENTOR, "santé, voir karim.example.com"), MENTOR, "Dans quel domaine")


def test_an_answer_from_before_is_asked_again(stand: Stand) -> None:
    """A draft, or a profile of a programme that has only now become one for minors."""
    stand.command(MENTOR, "profil")
    with stand.work() as uow:
        (talk,) = uow.talks.open_ones(stand.ids[MENTOR])
        state = dict(uow.talks.state(talk))
        state["answers"] = {"name": "Karim 06 12 34 56 78"}
        uow.talks.save(talk, state, "open", "x", stand.now)
    heard = stand.command(MENTOR, "profil")
    assert told(heard, MENTOR, "Comment t’appelles-tu")


def test_an_import_names_the_cells() -> None:
    head = "id;email;prenom;nom;poste;bio;programme;role\n"
    rows = (
        "1;a@x.invalid;Karim;Belaïd 06 12 34 56 78;Sage-femme;ok;rencontres-lycee;mentor\n"
        "2;b@x.invalid;Zoé;Roy;Ingénieure;écris-moi : zoe@x.invalid;rencontres-lycee;mentor\n"
        "3;c@x.invalid;Tom;Lac 06 12 34 56 78;Ingénieur;;emergence;mentor\n"
    )
    sheet = read_sheet(
        (head + rows).encode(),
        programmes=("rencontres-lycee", "emergence"),
        minors=("rencontres-lycee",),
    )
    assert [(p.line, p.column, p.problem_id) for p in sheet.problems] == [
        (2, "nom", "import-contacts"),
        (3, "bio", "import-contacts"),
    ]


@pytest.mark.parametrize(
    "text", ["Marie-Claire Rue", "Jean du Chemin", "Max Direct", "Anne Télémaque", "Numa Roux",
             "Nguyen Thi Hong", "O'Connor Sean", "Discord Martin", "Community manager Instagram",
             "Développeur .NET", "A fondé deux start-up de l’énergie solaire"]
)  # fmt: skip
def test_names_and_cards_as_people_have_them_pass(text: str) -> None:
    assert not find(text)


# --- and not shown --------------------------------------------------------------------------------


def test_a_card_from_elsewhere_is_shown_without_it(stand: Stand) -> None:
    parents(stand)
    check(stand)
    write(
        stand,
        MENTOR,
        "Karim Belaïd insta karim.b_92",
        job="Sage-femme, appelle-moi au 06 12 34 56 78",
        sector="santé",
        bio="sage-femme, santé : insta karim.b_92",
    )
    found = stand.command(PUPIL, "experts", "Karim")
    assert told(found, PUPIL, "santé")
    assert not leaks(found, PUPIL)
    heard = proposed(stand)
    assert told(heard, PUPIL, "Karim Belaïd")
    assert not leaks(heard, PUPIL)
    write(stand, PUPIL, "Lina Morel snap lina.m_07")
    heard = stand.press(PUPIL, on_line(heard, "Demander à Karim"))
    assert told(heard, MENTOR, "Lina Morel")
    assert not leaks(heard, MENTOR)
    heard = stand.press(MENTOR, button(heard, MENTOR, "Accepter"))
    heard = stand.press(MENTOR, button(heard, MENTOR, "accepte la charte"))
    for account in (PUPIL, MENTOR):
        assert told(heard, account, "binôme est formé")
        assert not leaks(heard, account)


def test_a_name_changed_elsewhere_is_cut_in_all_that_a_pair_reads(stand: Stand) -> None:
    paired(stand)
    write(stand, MENTOR, "Karim 06 12 34 56 78", job="Sage-femme", city="Lyon")
    write(stand, PUPIL, "Lina, snap lina.m_07")
    for account, other, name in ((PUPIL, MENTOR, "Lina"), (MENTOR, PUPIL, "Karim")):
        heard = stand.command(account, "ecrire", "Bonjour")
        assert told(heard, other, f"{name} t’écrit")
        for words in ("mardi 18h30", ""):
            heard += stand.command(account, "rdv", words)
        heard += stand.command(account, "menu")
        heard += stand.say(account, "mardi prochain à 19h")
        for reader in (PUPIL, MENTOR):
            assert not leaks(heard, reader)
    later = stand.days(100)
    for reader in (PUPIL, MENTOR):
        assert told(later, reader)
        assert not leaks(later, reader)


def test_a_programme_of_adults_shows_names_as_they_are() -> None:
    """Nothing changes where no minor is."""
    stand = Stand((programme(),), now=BEGIN)
    stand.join(PUPIL, "Léa")
    stand.join(MENTOR, "Marc karim.b_92@exemple.invalid", role="mentor")
    stand.pair(PUPIL, MENTOR)
    assert told(stand.command(MENTOR, "ecrire", "Bonjour"), PUPIL, "exemple.invalid t’écrit")


# --- « Signaler » ---------------------------------------------------------------------------------


def flags(stand: Stand) -> list[tuple[int, int | None, str]]:
    with stand.work() as uow:
        return [
            (flag.person_id, flag.about_id, uow.safety.quoted(flag)[0])
            for flag in uow.session.scalars(select(Flag).order_by(Flag.id))
        ]


def test_a_minor_reports_a_card_wherever_it_is_shown(stand: Stand) -> None:
    parents(stand)
    check(stand)
    write(stand, MENTOR, job="Sage-femme, appelle-moi au 06 12 34 56 78", sector="santé")
    found = stand.command(PUPIL, "experts", "Karim")
    heard = stand.press(PUPIL, on_line(found, "Signaler"))
    assert told(heard, GUARD, "06 12 34 56 78")  # whole: it is for them to judge
    assert not told(heard, MENTOR)
    heard = proposed(stand)
    stand.press(PUPIL, button(heard, PUPIL, "Signaler · Karim"))
    heard = stand.command(CLAIRE, "binomes", "Lina Morel, Karim Belaïd")
    heard = stand.press(MENTOR, button(heard, MENTOR, "accepte"))
    heard = stand.press(PUPIL, button(heard, PUPIL, "Signaler"))
    assert told(heard, PUPIL, "transmis")
    assert {flag[:2] for flag in flags(stand)} == {(stand.ids[PUPIL], stand.ids[MENTOR])}
    assert len(flags(stand)) == 1  # the same card


def test_nobody_reports_a_card_they_are_not_shown(stand: Stand) -> None:
    parents(stand)
    write(stand, MENTOR, job="Sage-femme", consenting=False)
    for number in (stand.ids[MENTOR], 999, 10**18):
        stand.press(PUPIL, f"x:flag-expert:{number}:1")
    assert not flags(stand)


# --- checked mentors only -------------------------------------------------------------------------


def test_a_minor_finds_checked_mentors_only(stand: Stand) -> None:
    parents(stand)
    write(stand, MENTOR, job="Sage-femme")
    assert not told(stand.command(PUPIL, "experts", "Sage-femme"), PUPIL, "Karim")
    assert told(stand.command(CLAIRE, "annuaire", "Sage-femme"), CLAIRE, "Karim")
    check(stand)
    assert told(stand.command(PUPIL, "experts", "Sage-femme"), PUPIL, "Karim")


def test_nobody_records_their_own_check(stand: Stand) -> None:
    with stand.work() as uow:
        uow.people.enrol(stand.ids["50"], "rencontres-lycee", "mentor", now=stand.now)
    heard = stand.command("50", "mineurs", "verifie Paul Petit 30/06/2027 moi-même")
    assert told(heard, "50", "sa propre vérification")
    with stand.work() as uow:
        assert uow.safety.mentor_check(stand.ids["50"], "rencontres-lycee") is None
    heard = stand.command(CLAIRE, "mineurs", "verifie Paul Petit 30/06/2027 casier")
    assert told(heard, CLAIRE, "Vérification notée")
