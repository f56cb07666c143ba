"""Announcements: to whom, said once, stopped, and never to who wants none."""

from __future__ import annotations

import re
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import select, update

from bot.flows.announcements import CHUNK
from bot.i18n import words
from bot.segments import read, said
from bot.turn import MASS, Scene
from storage.announcements import Segment, key
from storage.leases import LeaseStore
from storage.tables import Announcement, Audit, Expert, Identity, News, Outbox, Pair, Person, Report
from storage.unit_of_work import Database, UnitOfWork
from tests.stand import CLAIRE, Heard, Stand, button, programme, told
from tests.stores import NOON, payload, somebody

AX, MENTORAT = "ax-accompagnement", "ax-mentorat"
WORDS = "Rendez-vous jeudi à 18 h."


def stand(mentees: int = 2, mentors: int = 2, preset: str = MENTORAT) -> Stand:
    made = Stand((programme(preset),))
    for n in range(mentees):
        made.join(f"10{n}", f"Élève {n}")
    for n in range(mentors):
        made.join(f"20{n}", f"Mentor {n}", role="mentor")
    return made


def begin(here: Stand, to: str = "tous", text: str = WORDS) -> list[Heard]:
    here.command(CLAIRE, "annonce", to)
    return here.say(CLAIRE, text)


def confirm(here: Stand, heard: list[Heard]) -> list[Heard]:
    return here.press(CLAIRE, button(heard, CLAIRE, "Envoyer à"))


def received(heard: list[Heard]) -> list[str]:
    return sorted(one.to for one in heard if one.key.startswith("announce:"))


def rows(here: Stand) -> list[Outbox]:
    with here.work() as uow:
        found = uow.session.scalars(
            select(Outbox).where(Outbox.dedup_key.startswith("announce:")).order_by(Outbox.id)
        ).all()
        for row in found:
            uow.session.expunge(row)
    return list(found)


# --- from the words to the messages ---------------------------------------------------------------


def test_whoever_is_on_pause_is_counted_apart() -> None:
    here = stand()
    here.command("100", "pause", "tout")
    heard = begin(here)
    assert told(heard, CLAIRE, "En pause 1 personne")
    assert told(heard, CLAIRE)[-1].choices.get("Envoyer à 3 personnes")
    assert "En pause" not in begin(stand())[-1].text


def test_nothing_is_sent_before_it_was_seen_counted_and_confirmed() -> None:
    here = stand()
    heard = begin(here)
    preview, counts = told(heard, CLAIRE)
    assert preview.message.text == WORDS
    assert "Telegram 4 personnes" in counts.text
    assert received(here.fire()) == []
    tried = here.press(CLAIRE, button(heard, CLAIRE, "essai"))
    assert tried[0].message == preview.message  # as it will be received
    assert [one.to for one in tried] == [CLAIRE, CLAIRE]
    confirm(here, heard)
    sent = here.fire()
    assert received(sent) == ["100", "101", "200", "201"]
    assert all(one.message == preview.message for one in sent)
    assert {row.priority for row in rows(here)} == {MASS}
    with here.work() as uow:
        assert "announced" in uow.session.scalars(select(Audit.verb)).all()


def test_a_second_press_sends_nothing_twice() -> None:
    here = stand()
    heard = begin(here)
    confirm(here, heard)
    confirm(here, heard)
    sent = here.fire()
    confirm(here, heard)
    assert received(sent + here.fire()) == ["100", "101", "200", "201"]


def test_words_are_shown_as_they_are_and_only_once_asked_for() -> None:
    here = stand()
    text = "<!channel> <b>gras</b> [ici](https://exemple.invalid) @ici =1+1"
    heard = begin(here, text=text)
    assert told(heard, CLAIRE)[0].message.text == text  # plain text: the renderers escape it
    assert not told(here.say(CLAIRE, "autre chose"), CLAIRE, "Annonce de")


def test_words_that_come_too_late_or_after_a_drop_are_not_the_text() -> None:
    here = stand()
    heard = here.command(CLAIRE, "annonce", "tous")
    here.press(CLAIRE, button(heard, CLAIRE, "Ne rien envoyer"))
    assert not told(here.say(CLAIRE, WORDS), CLAIRE, "Annonce de")
    here.command(CLAIRE, "annonce", "tous")
    here.now += timedelta(hours=2)
    assert not told(here.say(CLAIRE, WORDS), CLAIRE, "Annonce de")


def test_too_long_is_said_and_the_next_words_are_taken() -> None:
    here = stand()
    heard = begin(here, text="a" * 2001)
    assert told(heard, CLAIRE, "2000")
    assert told(here.say(CLAIRE, WORDS), CLAIRE, "Annonce de")


def test_at_night_it_waits_for_the_morning() -> None:
    here = stand()
    here.now = here.now.replace(hour=21)
    confirm(here, begin(here))
    here.fire()
    assert {row.not_before.hour for row in rows(here)} == {6}  # eight in Paris


# --- chunks, stop, reach --------------------------------------------------------------------------


def many(here: Stand, number: int) -> None:
    with here.work() as uow:
        for n in range(number):
            identity = uow.people.meet(
                platform="telegram", account=str(1000 + n), bot_account="telegram:9", lang="fr",
                now=here.now,
            )  # fmt: skip
            uow.people.enrol(identity.person_id, here.programmes[0].id, "mentee", now=here.now)
            uow.people.consent(
                identity.person_id,
                here.programmes[0].id,
                "storage",
                text=("2026-11", ""),
                now=here.now,
            )


def test_a_chunk_at_a_time_everybody_is_written_to_once() -> None:
    here = stand(0, 0)
    many(here, 2 * CHUNK)  # the last chunk is full, the next one empty
    confirm(here, begin(here))
    sizes = [len(received(here.fire())) for _ in range(4)]
    assert sizes == [CHUNK, CHUNK, 0, 0]
    assert len({row.person_id for row in rows(here)}) == 2 * CHUNK


def test_it_stops_in_the_middle() -> None:
    here = stand(0, 0)
    many(here, 3 * CHUNK)
    heard = confirm(here, begin(here))
    here.fire()
    here.press(CLAIRE, button(heard, CLAIRE, "Arrêter"))
    assert received(here.days(1)) == []
    assert {row.state for row in rows(here)} == {"cancelled"}
    assert len(rows(here)) == CHUNK
    assert told(here.press(CLAIRE, button(heard, CLAIRE, "Arrêter")), CLAIRE, "arrêté")


def test_its_reach_is_kept_when_the_messages_are_forgotten() -> None:
    here = stand(3, 2)
    with here.work() as uow:
        uow.session.execute(
            update(Identity).where(Identity.account == "200").values(reachable=False)
        )
    here.command("100", "nouvelles", "non")
    confirm(here, begin(here))
    here.fire()
    numbers = [row.id for row in rows(here)]
    with here.work() as uow:
        first, second, third = numbers
        for number, state in ((first, "sent"), (second, "sent"), (third, "unreachable")):
            uow.session.execute(update(Outbox).where(Outbox.id == number).values(state=state))
    heard = here.days(2)
    assert [re.findall("[0-9]+", one.text) for one in told(heard, CLAIRE)] == [["1", "2", "2", "1"]]
    with here.work() as uow:
        uow.session.execute(update(Outbox).values(state="cancelled", dedup_key=Outbox.id))
    shown = told(here.command(CLAIRE, "annonce", "1"), CLAIRE)[0]
    assert "Arrivée 2 personnes" in shown.text
    assert "Injoignables 2 personnes" in shown.text


# --- who wants none -------------------------------------------------------------------------------


def test_no_announcements_holds_until_its_owner_says_otherwise() -> None:
    here = stand(1, 0)
    confirm(here, begin(here))
    sent = here.fire()
    here.press("100", button(sent, "100", "Ne plus recevoir"))
    with here.work() as uow:  # an import of the same person changes nothing about it
        person = uow.people.get(here.ids["100"])
        assert person is not None
        uow.people.enrol(person.id, MENTORAT, "mentee", now=here.now)
    here.join("101", "Autre")
    confirm(here, begin(here))
    assert received(here.fire()) == ["101"]
    here.command("100", "nouvelles", "oui")
    confirm(here, begin(here))
    assert received(here.fire()) == ["100", "101"]


def test_who_says_so_while_it_is_queued_does_not_get_it(database: Database) -> None:
    """Looked at when its turn comes, in the statement's own transaction: on both databases."""
    lea, max_ = somebody(database, "7"), somebody(database, "8")
    with database.unit_of_work() as uow:
        for one in (lea, max_):
            for name in (f"announce:{AX}:1:{one.person_id}", f"checkin:1:{one.person_id}"):
                uow.outbox.put(key=name, identity=one, payload=payload("x"), now=NOON)
        uow.announcements.want(lea.person_id, AX, muted_at=NOON)
        uow.announcements.want(max_.person_id, MENTORAT, muted_at=NOON)
        lease = LeaseStore(uow.session).acquire("telegram:1", "me", 600)
        assert lease is not None
        uow.commit()
    taken: list[str] = []
    for _ in range(4):
        with database.unit_of_work() as uow:
            some = uow.sending.claim(
                bot_account="telegram:1", owner="me", epoch=lease, now=NOON, seconds=10, limit=10
            )
            uow.sending.sent([(row, f"c/{row.id}") for row in some], NOON)
            taken += [row.dedup_key for row in some]
            uow.commit()
    assert sorted(taken) == sorted(
        [f"checkin:1:{lea.person_id}", f"announce:{AX}:1:{max_.person_id}",
         f"checkin:1:{max_.person_id}"]
    )  # fmt: skip


def test_only_members_of_the_team_and_only_the_author() -> None:
    here = stand()
    assert told(here.command("100", "annonce", "tous"), "100", "Je ne trouve pas")
    heard = begin(here)
    send = button(heard, CLAIRE, "Envoyer à")
    assert told(here.press("100", send), "100", "Je ne trouve pas")
    with here.work() as uow:
        uow.people.enrol(here.ids["200"], MENTORAT, "staff", now=here.now)
    assert told(here.press("200", send), "200", "Je ne trouve pas")  # it bears another name
    assert received(here.fire()) == []
    assert told(here.command("200", "annonce", "1"), "200", "rien n’est parti")


def test_the_next_campaign_is_told_to_who_asked_once() -> None:
    here = stand(1, 1)
    here.command("200", "nouvelles", "prochaine")
    here.command("200", "nouvelles", "non")
    heard = here.command(CLAIRE, "campagne", "ouvrir 2026 X24")
    assert told(heard, "200", "2026")
    assert not told(heard, "100")
    here.command(CLAIRE, "campagne", "fermer")
    with here.work() as uow:
        news = uow.announcements.news(here.ids["200"], MENTORAT)
        assert news is not None
        assert news.next_at is None


def test_an_erased_person_leaves_nothing_and_an_erased_author_stops_it() -> None:
    here = stand(0, 0)
    many(here, 2 * CHUNK)
    here.join("100", "Léa")
    here.command("100", "nouvelles", "non")
    here.command("100", "effacer-oui")
    with here.work() as uow:
        assert uow.session.scalars(select(News)).all() == []
    confirm(here, begin(here))
    here.fire()
    here.command(CLAIRE, "effacer-oui")
    assert received(here.fire()) == []
    with here.work() as uow:
        assert uow.session.scalars(select(Announcement)).all() == []


# --- segments -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("tous", Segment()),
        ("mentors", Segment("mentor")),
        ("élèves X24", Segment("mentee", promos=(2024,))),
        ("mentors libres", Segment("mentor", "free")),
        ("libres", Segment("mentor", "free")),
        ("sans-binome", Segment("mentee", "alone")),
        ("Mentors libres X98 promo:2020", Segment("mentor", "free", promos=(1998, 2020))),
        ("mentors secteur:energie", Segment("mentor", sectors=("Énergie",))),
        ('école:"école polytechnique"', Segment(schools=("École polytechnique",))),
        ("sans rapport", Segment("", "silent")),
        ("prochaine", Segment("", "next")),
        ("mentors sans binôme", None),
        ("secteur:pêche", None),
        ("campagne:1999", None),
        ("couleur:bleu", None),
        ("mentors sympas", None),
        ("", None),
        ("123456", None),
    ],
)
def test_a_segment_is_understood_or_not_used(typed: str, meant: Segment | None) -> None:
    here = stand(1, 1)
    with here.work() as uow:
        person = uow.people.get(here.ids["200"])
        assert person is not None
        person.school = "École polytechnique"
        uow.session.add(Expert(person_id=person.id, sector="Énergie", updated_at=here.now))
    with here.work() as uow:
        scene = Scene(here.bot, uow, here.now)
        found = read(scene, here.programmes[0], typed)
        assert found == meant
        if found is not None:
            assert Segment.from_json(found.to_json()) == found
            assert said(scene, here.programmes[0], found, words("fr"))


def _world(uow: UnitOfWork, seed: int) -> list[dict[str, Any]]:
    """People of all sorts, and what is true of each."""
    rng, people = Random(seed), []
    for n in range(25):
        one: dict[str, Any] = {
            "roles": {r for r in ("mentee", "mentor", "staff") if rng.random() < 0.5},
            "agreed": rng.random() < 0.8, "promo": rng.choice((None, 2019, 2020)),
            "school": rng.choice((None, "X", "HEC")), "sector": rng.choice(("", "Eau", "Droit")),
            "free": rng.random() < 0.5, "paired": rng.random() < 0.4,
            "silent": rng.random() < 0.5, "next": rng.random() < 0.3, "muted": rng.random() < 0.3,
            "accounts": {
                p: rng.random() < 0.7 for p in ("slack", "telegram") if rng.random() < 0.7
            },
            "prefers": rng.choice(("slack", "telegram")),
        }  # fmt: skip
        person = Person(lang="fr", promo=one["promo"], school=one["school"], created_at=NOON,
                        reply_on=one["prefers"])  # fmt: skip
        uow.session.add(person)
        uow.session.flush()
        one["id"] = person.id
        for role in one["roles"]:
            uow.people.enrol(person.id, AX, role, now=NOON)
        if one["agreed"]:
            uow.people.consent(person.id, AX, "storage", text=("2026-11", ""), now=NOON)
        for platform, reachable in one["accounts"].items():
            made = uow.people.add_identity(
                person.id, platform=platform, account=f"{n}", bot_account=platform, now=NOON
            )
            made.reachable = reachable
        uow.session.add(
            Expert(
                person_id=person.id, sector=one["sector"], consenting=one["free"], updated_at=NOON
            )
        )
        uow.session.add(
            Report(person_id=person.id, programme_id=AX, report="r", quarter="2026T3",
                   opened_at=NOON, closes_at=NOON + timedelta(days=1),
                   sent_at=None if one["silent"] else NOON)
        )  # fmt: skip
        uow.announcements.want(
            person.id, AX, muted_at=NOON if one["muted"] else None,
            next_at=NOON if one["next"] else None,
        )  # fmt: skip
        people.append(one)
    for one in people:
        if one["paired"]:
            other = rng.choice([p for p in people if p is not one])
            uow.session.add(
                Pair(programme_id=AX, mentee_id=one["id"], mentor_id=other["id"], started_at=NOON,
                     state=rng.choice(("proposed", "active", "paused", "closing")))
            )  # fmt: skip
    uow.session.flush()
    return people


def _matches(one: dict[str, Any], segment: Segment) -> bool:
    roles = {segment.role} if segment.role else {"mentee", "mentor"}
    standing = {
        "": True, "free": one["free"], "alone": not one["paired"], "silent": one["silent"],
        "next": one["next"],
    }  # fmt: skip
    return bool(
        one["agreed"]
        and roles & one["roles"]
        and (not segment.promos or one["promo"] in segment.promos)
        and (not segment.schools or one["school"] in segment.schools)
        and (not segment.sectors or one["sector"] in segment.sectors)
        and standing[segment.standing]
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_audience_is_what_an_independent_count_finds(lite: Database, seed: int) -> None:
    check_audiences(lite, seed)


def test_an_audience_on_both_databases(database: Database) -> None:
    check_audiences(database, 5)


def check_audiences(database: Database, seed: int) -> None:
    segments = [
        Segment(role, standing, promos, schools, sectors)
        for role in ("", "mentee", "mentor")
        for standing in ("", "free", "alone", "silent", "next")
        for promos, schools, sectors in (((), (), ()), ((2019,), (), ()), ((), ("X",), ("Eau",)))
    ]
    with database.unit_of_work() as uow:
        people = _world(uow, seed)
        for segment in segments:
            meant = [one for one in people if _matches(one, segment)]
            page = uow.announcements.page(AX, segment, NOON, after_id=0, limit=100)
            assert [person.id for person in page] == [one["id"] for one in meant]
            found = uow.announcements.audience(AX, segment, NOON)
            wanted = [one for one in meant if not one["muted"]]
            platforms: list[str] = []
            for one in wanted:
                usable = [p for p, reachable in one["accounts"].items() if reachable]
                preferred = [p for p in usable if p == one["prefers"]]
                platforms += (preferred or usable)[:1]
            assert found.muted == len(meant) - len(wanted)
            assert found.reachable == {p: platforms.count(p) for p in sorted(set(platforms))}
            assert found.unreachable == len(wanted) - len(platforms)


def test_keys_tell_the_programme() -> None:
    row = Announcement(id=3, programme_id=AX, author_id=1)
    assert key(row, 5) == f"announce:{AX}:3:5"
