"""What laureates choose to show, what staff do with companies: who may, once, in private."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot.bot import Bot
from bot.dialogue.questionnaire import Label
from bot.dialogue.tokens import RunToken, encode
from bot.events import Commanded
from bot.partners import shown
from bot.programmes.about import Body
from bot.programmes.schema import Programme
from handlers.local.screens import plain
from handlers.menus import verbs_of
from storage.tables import Audit, Consent, Outbox, Partner, PartnerLink, PartnerQuestion
from tests.stand import CLAIRE, Heard, Stand, button, programme, told

DAY = timedelta(days=1)
OPENS = datetime(2026, 10, 1, 8, tzinfo=UTC)
ADDRESS = "https://cordee.exemple.invalid"
INES, MALO, PAUL = "ines", "malo", "paul"
WISHING = {
    "studies": "well", "studies_more": "", "mentor": "monthly", "project": "clear",
    "project_more": "", "commitment": "4", "action": "", "situation": "studying",
    "wish": "internship", "call": "no",
}  # fmt: skip
WISH = {
    "wish_field": "conseil", "wish_place": "Lille", "wish_start": "2027-04-01", "wish_months": "6",
}  # fmt: skip
NOTHING = {**WISHING, "wish": "none"}
LENT = Body(id="relations", name=Label(fr="les relations", en="the relations"),
            may=("partenaires",))  # fmt: skip
ASKED = "Et les entreprises ?"


def rules_of(here: Programme) -> Any:
    assert here.partners is not None
    return here.partners


def opened(**changes: Any) -> Stand:
    """Emergence on the day its report opens, with two laureates and a mentor."""
    made = Stand((programme("emergence", **changes),), now=OPENS - DAY)
    made.bot.public_url = ADDRESS
    made.command(CLAIRE, "menu")
    made.join(INES, "Inès Ferrat")
    made.join(MALO, "Malo Kerven")
    made.join(PAUL, "Paul Sorel", role="mentor")
    made.days(2)
    return made


@pytest.fixture
def stand() -> Stand:
    return opened()


def report(stand: Stand, account: str, answers: dict[str, str]) -> list[Heard]:
    """Fill in the report that is open, as forms."""
    heard = stand.command(account, "rapport")
    form = next(one.message.form for one in heard if one.message.form)
    said = stand.submit(account, form.token, answers)
    if not said:  # the second page opened in the same breath
        page = f"{form.token.rpartition(':')[0]}:2"
        said = stand.submit(account, page, {**WISH, "call": answers["call"]})
    return said + stand.press(account, button(said, account, "Envoyer"))


def titles(heard: list[Heard], account: str) -> list[str]:
    return [plain(one.message.title or "") for one in told(heard, account)]


def fields(stand: Stand, account: str) -> set[str]:
    """What is shown of somebody now."""
    here = stand.bot.programmes["emergence"]
    with stand.work() as uow:
        rows = shown(uow, here, stand.now).rows
    return next((set(row.fields) for row in rows if row.person_id == stand.ids[account]), set())


def press(stand: Stand, heard: list[Heard], account: str, label: str) -> list[Heard]:
    """A button of a line, or under the message."""
    for one in reversed(told(heard, account)):
        lines = {line.choice.label: line.choice.token for line in one.message.lines if line.choice}
        token = {plain(said): it for said, it in {**lines, **one.choices}.items()}.get(label)
        if token is not None:
            return stand.press(account, token)
    raise AssertionError(f"no [{label}]")


# --- the laureate ---------------------------------------------------------------------------------


def test_one_is_asked_once_after_a_report_with_a_wish(stand: Stand) -> None:
    assert ASKED not in titles(report(stand, MALO, NOTHING), MALO)
    assert titles(report(stand, INES, WISHING), INES).count(ASKED) == 1
    assert fields(stand, INES) == set()
    stand.now = datetime(2027, 1, 4, 9, tzinfo=UTC)
    stand.fire()
    assert ASKED not in titles(report(stand, INES, WISHING), INES)
    assert titles(report(stand, MALO, WISHING), MALO).count(ASKED) == 1


def test_who_has_looked_at_it_by_themselves_is_not_asked(stand: Stand) -> None:
    stand.command(INES, "entreprises")
    assert ASKED not in titles(report(stand, INES, WISHING), INES)


def test_another_text_is_asked_about_again_and_shows_nothing_meanwhile(stand: Stand) -> None:
    report(stand, INES, WISHING)
    list_ = stand.command(INES, "entreprises")
    press(stand, list_, INES, "Montrer : Lieu")
    assert fields(stand, INES) == {"place"}
    other = rules_of(stand.programmes[0]).model_copy(update={"version": "2027-01"})
    stand.run(programme("emergence", partners=other))
    assert fields(stand, INES) == set()
    again = stand.command(INES, "entreprises")
    assert "a changé" in again[0].text or "ont changé" in again[0].text
    press(stand, list_, INES, "Montrer : Lieu")  # a button of the older text
    press(stand, list_, INES, "Tout montrer")
    assert fields(stand, INES) == set()
    press(stand, again, INES, "Montrer : Lieu")
    assert fields(stand, INES) == {"place"}


def test_all_can_be_shown_and_taken_back_at_once(stand: Stand) -> None:
    report(stand, INES, WISHING)
    heard = stand.command(INES, "entreprises", "+ lieu")
    heard = press(stand, heard, INES, "Tout montrer")
    assert len(fields(stand, INES)) == 7  # no year of entry, no school
    assert "Tout montrer" not in heard[-1].choices
    heard = press(stand, heard, INES, "Retirer : Nom")
    assert "name" not in fields(stand, INES)
    press(stand, heard, INES, "Ne rien montrer")
    assert fields(stand, INES) == set()
    with stand.work() as uow:
        standing = select(Consent).where(
            Consent.purpose.startswith("partner."), Consent.withdrawn_at.is_(None)
        )
        assert uow.session.scalars(standing).all() == []


def test_words_that_name_no_field_change_nothing(stand: Stand) -> None:
    report(stand, INES, WISHING)
    for words in ("+", "+ adresse", "+*", "- rien", "+12345678"):
        assert "peuvent voir de toi" in stand.command(INES, "entreprises", words)[0].text
        assert fields(stand, INES) == set()


def test_a_minor_is_neither_asked_nor_shown(stand: Stand) -> None:
    """Nor may they show themselves, whatever button they have kept."""
    kept = encode(RunToken("entreprises", "+*"))
    list_ = stand.command(INES, "entreprises")
    press(stand, list_, INES, "Tout montrer")
    with stand.work() as uow:
        for account in (INES, MALO):
            uow.people.get(stand.ids[account]).born_on = date(2009, 1, 1)  # type: ignore[union-attr]
    assert ASKED not in titles(report(stand, MALO, WISHING), MALO)
    with stand.work() as uow:
        asked = uow.session.scalars(select(PartnerQuestion.person_id)).all()
        assert stand.ids[MALO] not in asked
    assert "aucun mineur" in stand.press(MALO, kept)[0].text
    assert "aucun mineur" in stand.command(INES, "entreprises")[0].text
    assert fields(stand, INES) == set()


def test_a_programme_of_pupils_shows_nobody() -> None:
    """Without a date of birth somebody is a minor where the programme takes minors."""
    emergence, pupils = programme("emergence"), programme("rencontres-lycee")
    about = emergence.about.model_copy(update={"platforms": ("slack", "telegram")})
    one = Stand((programme("emergence", minors=pupils.minors, about=about),))
    assert one.programmes[0].partners == emergence.partners
    one.join(INES, "Inès Ferrat")
    with one.work() as uow:
        uow.safety.record_guardian(
            one.ids[INES], "emergence", joint=True, proof="letter", reference="1", by=1, now=one.now
        )
    assert "aucun mineur" in one.command(INES, "entreprises")[0].text


def test_who_is_no_laureate_has_nothing_to_settle(stand: Stand) -> None:
    assert "seuls les lauréats" in stand.command(PAUL, "entreprises")[0].text


def test_one_sees_which_companies_looked_and_finds_it_among_ones_data(stand: Stand) -> None:
    report(stand, INES, WISHING)
    stand.command(INES, "entreprises", "+ lieu")
    with stand.work() as uow:
        made = uow.partners.add("emergence", "Atelier Nord", by=1, now=stand.now)
        link = uow.partners.link(made.id, "d", by=1, now=stand.now, expires_at=stand.now + DAY)
        assert link is not None
        seen = {stand.ids[INES]: ("place", "gone_since")}
        uow.partners.note_views(made.id, link.id, seen, stand.now)
    [heard] = stand.command(INES, "entreprises", "vues")
    assert "Atelier Nord a vu : Lieu et gone_since" in plain(heard.text)
    [reads] = stand.command(INES, "mes-donnees", "lectures")
    assert "Atelier Nord (entreprise partenaire) · ce que tu lui montres : Lieu" in plain(
        reads.text
    )
    [agreements] = stand.command(INES, "mes-donnees", "accords")
    assert "Montrer aux entreprises : Lieu" in plain(agreements.text)
    press(stand, [agreements], INES, "Retirer")
    assert fields(stand, INES) == set()
    assert "Personne n’a ouvert" not in reads.text
    assert stand.command(MALO, "entreprises", "vues")[0].text.endswith("jusqu’ici.")


# --- the team -------------------------------------------------------------------------------------


def add(stand: Stand, name: str = "Atelier Nord") -> list[Heard]:
    stand.press(CLAIRE, encode(RunToken("partenaires", "+")))
    return stand.say(CLAIRE, name)


def link(stand: Stand) -> str:
    """A company and the code of its link."""
    heard = press(stand, add(stand), CLAIRE, "Faire un lien")
    address, _, code = heard[0].message.text.partition("#")
    assert address == f"{ADDRESS}/partner"
    return code


def test_of_a_code_only_the_digest_is_kept(stand: Stand) -> None:
    code = link(stand)
    assert len(code) == 22  # 128 bits
    with stand.work() as uow:
        [row] = uow.session.scalars(select(PartnerLink))
        assert row.digest == hashlib.sha256(code.encode()).hexdigest()
        assert row.expires_at == stand.now + 60 * DAY
        assert row.created_by is not None
        for note in uow.session.scalars(select(Audit)):
            assert code not in json.dumps(note.detail)
        for message in uow.session.scalars(select(Outbox)):
            assert code.encode() not in (message.payload or b"")  # sealed until it is sent
    assert code not in "".join(one.text for one in stand.command(CLAIRE, "partenaires", "#1"))


def test_a_code_goes_to_the_private_chat_only(stand: Stand) -> None:
    """Whoever asks in a channel, and even with an answer in place at hand, is answered apart."""
    add(stand)
    with stand.work() as uow:
        number = uow.session.scalars(select(Partner.id)).one()
    before = stand.does(Commanded, CLAIRE, name="partenaires", args=f"#{number}", private=False,
                        reply_url="https://hooks.exemple.invalid/1")  # fmt: skip
    press(stand, before, CLAIRE, "Faire un lien")
    with stand.work() as uow:
        rows = uow.session.scalars(select(Outbox).order_by(Outbox.id.desc()).limit(2)).all()
        assert {row.op for row in rows} == {"post"}
        assert {row.target for row in rows} == {None}


def test_an_old_button_makes_and_takes_back_nothing(stand: Stand) -> None:
    shown_ = add(stand)
    first = press(stand, shown_, CLAIRE, "Faire un lien")
    again = press(stand, shown_, CLAIRE, "Faire un lien")
    assert "#" in first[0].text
    assert "rien n’a changé" in again[0].text
    page = stand.command(CLAIRE, "partenaires", "#1")
    press(stand, page, CLAIRE, "Remplacer le lien")
    stale = press(stand, page, CLAIRE, "Retirer le lien")
    assert "rien n’a changé" in stale[0].text
    with stand.work() as uow:
        ends = [row.revoked_at is None for row in uow.session.scalars(select(PartnerLink))]
        assert sorted(ends) == [False, True]
    page = stand.command(CLAIRE, "partenaires", "#1")
    assert "ne s’ouvre plus" in press(stand, page, CLAIRE, "Retirer le lien")[0].text


def test_a_closed_company_is_gone_for_good(stand: Stand) -> None:
    page = add(stand)
    sure = press(stand, page, CLAIRE, "Fermer")
    assert len(sure[0].choices) == 2
    closed = press(stand, sure, CLAIRE, "Fermer")
    assert "elle ne voit plus rien" in closed[0].text
    for heard in (
        press(stand, sure, CLAIRE, "Fermer"),
        press(stand, page, CLAIRE, "Fermer"),
        press(stand, page, CLAIRE, "Faire un lien"),
        stand.command(CLAIRE, "partenaires", "#1"),
    ):
        assert "elle ne voit plus rien" in heard[0].text
    assert "Aucune entreprise dans la liste" in stand.command(CLAIRE, "partenaires")[0].text
    with stand.work() as uow:
        assert uow.session.scalars(select(PartnerLink)).all() == []


def test_a_name_has_letters_and_is_in_the_list_once(stand: Stand) -> None:
    for bad in ("x", "?" * 5, "a" * 101):
        assert "de 2 à 100 caractères" in add(stand, bad)[0].text
    add(stand, "Atelier  Nord\n")
    assert "déjà dans la liste" in add(stand, "ATELIER NORD")[0].text
    with stand.work() as uow:
        assert uow.session.scalars(select(Partner.name)).all() == ["Atelier Nord"]


def test_without_an_address_no_link_is_made(stand: Stand) -> None:
    stand.bot.public_url = None
    heard = press(stand, add(stand), CLAIRE, "Faire un lien")
    assert "CORDEE_PUBLIC_URL" in heard[0].text
    with stand.work() as uow:
        assert uow.session.scalars(select(PartnerLink)).all() == []


@pytest.mark.parametrize("role", ["supervisor", "teacher", "safeguarding", "mentee", "mentor"])
def test_only_the_team_has_to_do_with_companies(stand: Stand, role: str) -> None:
    page = add(stand)
    stand.join("other", "Une autre", role=role)
    nothing = stand.command("other", "proposer", "987")
    assert [h.text for h in stand.command("other", "partenaires")] == [h.text for h in nothing]
    for label in ("Faire un lien", "Fermer"):
        heard = stand.press("other", page[-1].choices[label])
        assert [h.text for h in heard] == [h.text for h in nothing]
    with stand.work() as uow:
        assert uow.session.scalars(select(PartnerLink)).all() == []


def test_a_body_that_was_lent_it_may(stand: Stand) -> None:
    one = opened(bodies=(LENT,))
    one.join("other", "Une autre", role="relations")
    one.press("other", encode(RunToken("partenaires", "+")))
    page = one.say("other", "Atelier Nord")
    assert "#" in press(one, page, "other", "Faire un lien")[0].text


def test_whoever_lost_the_role_adds_no_company_with_words_asked_for_before(stand: Stand) -> None:
    stand.join("other", "Une autre", role="staff")
    stand.press("other", encode(RunToken("partenaires", "+")))
    with stand.work() as uow:
        uow.people.enrol(stand.ids["other"], "emergence", "staff", now=stand.now, state="ended")
    stand.say("other", "Atelier Nord")
    with stand.work() as uow:
        assert uow.session.scalars(select(Partner)).all() == []


def test_the_log_says_who_saw_whom_and_is_a_harmless_file(stand: Stand) -> None:
    report(stand, INES, WISHING)
    assert "Personne n’a encore été vu" in stand.command(CLAIRE, "partenaires", "journal")[0].text
    add(stand, "=1+1 Nord")
    with stand.work() as uow:
        made = uow.session.scalars(select(Partner)).one()
        link = uow.partners.link(made.id, "d", by=1, now=stand.now, expires_at=stand.now + DAY)
        assert link is not None
        uow.partners.note_views(made.id, link.id, {stand.ids[INES]: ("place",)}, stand.now)
    [log] = stand.command(CLAIRE, "partenaires", "journal")
    assert "=1+1 Nord · Inès Ferrat · Lieu" in log.text
    [sent] = press(stand, [log], CLAIRE, "Journal en fichier")
    assert sent.message.file is not None
    rows = sent.message.file.content.decode("utf-8-sig").splitlines()
    assert rows[0] == "Vu le;Entreprise;Nom;Rubriques"
    assert rows[1].endswith(";'=1+1 Nord;Inès Ferrat;Lieu")
    assert "1 fiche vue en 30 jours" in stand.command(CLAIRE, "partenaires")[0].text
    stand.now += 31 * DAY
    assert "0 fiche vue en 30 jours" in stand.command(CLAIRE, "partenaires")[0].text
    [reads] = stand.command(INES, "mes-donnees", "lectures")
    assert "le journal des entreprises" in reads.text


# --- where there are none -------------------------------------------------------------------------


def test_a_programme_without_companies_says_so_and_lists_nothing() -> None:
    one = Stand((programme(),))
    one.command(CLAIRE, "menu")
    one.join(INES, "Inès Ferrat")
    for account, name in ((INES, "entreprises"), (CLAIRE, "partenaires")):
        assert "pas d’entreprise partenaire" in one.command(account, name)[0].text
        assert name not in one.command(account, "aide")[0].text
    with_them = opened()
    assert "entreprises" in with_them.command(INES, "aide")[0].text
    assert "partenaires" in with_them.command(CLAIRE, "aide")[0].text
    both: dict[str, Programme] = {p.id: p for p in (one.programmes[0], with_them.programmes[0])}
    assert "partenaires" in verbs_of({"emergence": {"staff"}}, both)
    assert "partenaires" not in verbs_of({"ax-accompagnement": {"staff"}}, both)


def test_a_bot_for_a_copy_knows_the_address_too() -> None:
    bot = Bot({})
    bot.public_url = ADDRESS
    assert bot.apart().public_url == ADDRESS
