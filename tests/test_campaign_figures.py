"""The campaigns year by year and the words of applications: for staff there, and nobody else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from bot import pictures
from bot.aside import AGAIN, MOST_TRIES
from bot.commands.campaign_figures import Past, cohort, read_past
from bot.i18n import NNBSP
from bot.messages import Table
from storage.tables import Campaign, CampaignEntry, Person, Request
from storage.timers import DueTimer
from tests.campaign_world import MENTORAT, PROMO, Run
from tests.stand import CLAIRE, Heard, Stand, programme, told

HISTORY = "112 X16 (2017), 143 X17, 124 X18, 142 X19, 190 X20"
OTHER = "ax-accompagnement"
drawn = pytest.mark.skipif(not pictures.available(), reason="missing: the extra graphiques")


def stand() -> Stand:
    return Stand((programme(MENTORAT),))


def rows(heard: list[Heard]) -> list[tuple[str, ...]]:
    tables = [one.message.table for one in heard if one.message.table is not None]
    assert all(one.to == CLAIRE for one in heard)
    assert len(tables) == 1
    assert isinstance(tables[0], Table)
    return list(tables[0].rows)


def apply(run: Run, *texts: str, job: str = "") -> list[int]:
    """Students who applied with these words."""
    made = []
    with run.stand.work() as uow:
        for n, text in enumerate(texts):
            person = Person(name=f"Élève {n}", promo=PROMO, lang="fr", created_at=run.stand.now)
            uow.session.add(person)
            uow.session.flush()
            request = uow.requests.add(
                person.id, MENTORAT, 0, kind="long_term", shared={}, now=run.stand.now, due_at=None,
                features={"text": [text], "sector": ["secteur énergie"], "job": [job]},
            )  # fmt: skip
            uow.campaigns.apply(run.campaign, person.id, request.id, run.stand.now)
            made.append(person.id)
    return made


def words(run: Run, args: str = "") -> dict[str, int]:
    heard = run.stand.command(CLAIRE, "campagne", f"mots {args}")
    if told(heard, CLAIRE, "candidatures à lire") or told(heard, CLAIRE, "Aucun mot n’est commun"):
        return {}
    return {word: int(people) for word, people in rows(heard)}


# --- the years ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("112 X16 (2017)", Past(2017, [2016], 112, None)),
        ("143 x17", Past(2018, [2017], 143, None)),
        ("2021 : 190 binômes X20, 240 volontaires", Past(2021, [2020], 190, 240)),
        ("2021 190", Past(2021, [], 190, None)),
        ("3 X98 X99", Past(2000, [1998, 1999], 3, None)),
        ("X20", None),
        ("2021", None),
        ("190", None),
        ("2021 190 240", None),
        ("2099 12 X98", None),
        ("190 X20 (1234)", None),
        ("-3 X20", None),
        ("1e9 X20", None),
        ("999999999999999999999 X20", None),
        ("١٢ X20", None),
        ("<b>12</b> X20", None),
        ("( ) :", None),
    ],
)
def test_figures_of_a_year_are_read_as_they_are_written(said: str, read: Past | None) -> None:
    assert read_past(said, 1, 2026) == read


def test_the_years_before_stand_beside_each_other() -> None:
    here = stand()
    heard = here.command(CLAIRE, "campagne", f"passé {HISTORY}, 240 volontaires")
    assert rows(heard) == [
        ("2017", "X16", "—", "112", "—"),
        ("2018", "X17", "—", "143", f"+27,7{NNBSP}%"),
        ("2019", "X18", "—", "124", f"-13,3{NNBSP}%"),
        ("2020", "X19", "—", "142", f"+14,5{NNBSP}%"),
        ("2021", "X20", "240", "190", f"+33,8{NNBSP}%"),
    ]
    assert rows(here.command(CLAIRE, "campagne", "passé 143 X17 (2018)"))[1][3] == "143"
    corrected = rows(here.command(CLAIRE, "campagne", "passé 150 X17"))
    assert corrected[1] == ("2018", "X17", "—", "150", f"+33,9{NNBSP}%")
    assert len(corrected) == 5
    here.command(CLAIRE, "campagne", "passé oublier 2019")
    after = rows(here.command(CLAIRE, "campaign", "series"))
    assert [row[0] for row in after] == ["2017", "2018", "2020", "2021"]
    assert after[2][4] == "—"  # not against the year before the year before


def test_one_unclear_year_and_nothing_is_noted() -> None:
    here = stand()
    heard = here.command(CLAIRE, "campagne", "passé 112 X16, beaucoup X17")
    assert told(heard, CLAIRE, "beaucoup X17")
    assert told(here.command(CLAIRE, "campagne", "serie"), CLAIRE, "Aucune campagne n’est encore")


def test_a_campaign_that_closes_adds_its_own_two_counts_and_keeps_them() -> None:
    run = Run.begin(5, 9, capacity=1)
    run.stand.command(CLAIRE, "campagne", "passé 4 X24 (2025)")
    assert len(rows(run.stand.command(CLAIRE, "campagne", "serie"))) == 1
    run.draft()
    run.publish()
    run.answer("accept", sorted(run.pairs("proposed"))[:3])
    heard = run.stand.command(CLAIRE, "campagne", "fermer")
    run.stand.press(CLAIRE, heard[-1].choices["Oui, la clore"])
    said = rows(run.stand.command(CLAIRE, "campagne", "serie"))
    assert said == [
        ("2025", "X24", "—", "4", "—"),
        ("2026", "X25", "5", "3", f"-25,0{NNBSP}%"),
    ]
    heard = run.stand.command(CLAIRE, "campagne", "passé 99 X25 (2026), 5 X24")
    assert told(heard, CLAIRE, "ces chiffres viennent de la campagne elle-même")
    assert rows(heard) == [
        ("2025", "X24", "—", "5", "—"),
        ("2026", "X25", "5", "3", f"-40,0{NNBSP}%"),
    ]
    run.stand.command(CLAIRE, "campagne", "passé oublier 2026")
    assert rows(run.stand.command(CLAIRE, "campagne", "serie"))[1][3] == "3"


def test_years_before_are_no_campaign_to_clone() -> None:
    run = Run.begin(0, 1)
    run.stand.command(CLAIRE, "campagne", f"passé {HISTORY}")
    heard = run.stand.command(CLAIRE, "campagne", "fermer")
    run.stand.press(CLAIRE, heard[-1].choices["Oui, la clore"])
    assert told(run.stand.command(CLAIRE, "campagne", "cloner 2027"), CLAIRE, "promotion 2026")


def test_a_cohort_is_said_as_the_school_says_it() -> None:
    assert cohort([2009, 2008]) == "X08 X09"
    assert cohort([]) == "—"


# --- the words ------------------------------------------------------------------------------------


def test_only_typed_words_of_this_campaign_count() -> None:
    run = Run.begin(0, 1)
    apply(run, "L’énergie solaire", "les énergies", "mon énergie", job="chercheuse")
    assert words(run) == {"chercheuse": 3, "énergie": 3}  # no sector, for that was chosen
    with run.stand.work() as uow:
        other = uow.campaigns.open(
            MENTORAT, "2020", year=2020, promos=[2019], seed=1, now=run.stand.now
        )
        assert other is not None
        uow.campaigns.move(other, other.version, "closed", closed_at=run.stand.now)
    assert words(run, "2020") == {}
    assert words(run, "2026") == {"chercheuse": 3, "énergie": 3}


def test_who_took_it_back_or_was_erased_is_not_counted() -> None:
    run = Run.begin(0, 1)
    people = apply(run, *["stage"] * 5)
    assert words(run) == {"stage": 5}
    with run.stand.work() as uow:
        request = uow.requests.live(people[0], MENTORAT)
        assert request is not None
        uow.requests.move(request, request.version, "closed", now=run.stand.now)
    assert words(run) == {"stage": 4}
    with run.stand.work() as uow:
        uow.privacy.erase_person(people[1], run.stand.now)
    assert words(run) == {"stage": 3}
    with run.stand.work() as uow:
        uow.privacy.erase_person(people[2], run.stand.now)
    assert words(run) == {}


def test_closing_the_campaign_leaves_its_words() -> None:
    run = Run.begin(0, 1)
    apply(run, *["stage"] * 4)
    with run.stand.work() as uow:
        first = uow.session.scalars(select(Request)).first()
        assert first is not None
        uow.requests.move(first, first.version, "closed", now=run.stand.now)
    run.stand.now += timedelta(days=1)
    heard = run.stand.command(CLAIRE, "campagne", "fermer")
    run.stand.press(CLAIRE, heard[-1].choices["Oui, la clore"])
    assert words(run) == words(run, "2026") == {"stage": 3}


def test_nobody_s_name_is_a_word() -> None:
    run = Run.begin(0, 1)
    apply(run, *["Merci à Zoé Prune, de la marine"] * 3)
    assert words(run) == {"Zoé": 3, "Prune": 3, "marine": 3}
    with run.stand.work() as uow:
        uow.session.add(Person(name="ZOE Le Prune", lang="fr", created_at=run.stand.now))
    assert words(run) == {"marine": 3}


def test_fewer_than_three_people_show_nothing() -> None:
    run = Run.begin(0, 1)
    apply(run, "stage stage stage", "stage")
    assert words(run) == {}
    apply(run, "autre")
    assert words(run) == {}


def test_the_table_is_of_the_words_most_said_and_counts_the_rest() -> None:
    run = Run.begin(0, 1)
    made = [a + b for a in "bcdfgk" for b in ("alot", "irap", "ovul", "udok", "emif", "anuz")]
    apply(run, *[" ".join(made)] * 3, made[-1])
    heard = run.stand.command(CLAIRE, "campagne", "mots")
    assert len(rows(heard)) == 30
    assert rows(heard)[0] == (made[-1], "4")
    assert "Et 6 autres mots." in (heard[0].message.note or "")


# --- who may --------------------------------------------------------------------------------------


@pytest.mark.parametrize("args", ["serie", "mots", f"passé {HISTORY}", "passé oublier 2017"])
@pytest.mark.parametrize("who", ["mentee", "mentor", "staff elsewhere", "nobody"])
def test_only_the_staff_of_the_programme_may_ask(args: str, who: str) -> None:
    run = Run.begin(0, 1)
    run.stand.run(run.stand.programmes[0], programme(OTHER))
    apply(run, *["stage secret"] * 3)
    run.stand.command(CLAIRE, "programme", MENTORAT)
    run.stand.command(CLAIRE, "campagne", "passé 77 X16")
    account = "42"
    if who != "nobody":
        number = run.stand.join(account, "Paul", role="mentee" if "staff" in who else who)
        if "staff" in who:
            with run.stand.work() as uow:
                uow.people.enrol(number, OTHER, "staff", now=run.stand.now)
    before = figures(run)
    heard = run.stand.command(account, "campagne", args)
    for one in (*heard, *run.stand.fire()):
        assert one.message.table is None
        assert one.message.file is None
        assert "77" not in one.text
        assert "secret" not in one.text
    assert figures(run) == before


def figures(run: Run) -> list[tuple[str, int | None]]:
    with run.stand.work() as uow:
        return [(c.name, c.pairs) for c in uow.session.scalars(select(Campaign)).all()]


# --- pictures -------------------------------------------------------------------------------------


def asked(run: Run, args: str) -> DueTimer:
    """Ask, and take what is then to be drawn."""
    run.stand.command(CLAIRE, "campagne", args)
    return run.stand.wanted("campaign-picture")


def answered(run: Run, timer: DueTimer) -> list[Heard]:
    """What is said once it is drawn."""
    return run.stand.beside(timer) or []


@drawn
def test_a_picture_comes_with_words_for_who_does_not_see_it() -> None:
    run = Run.begin(0, 1)
    apply(run, *["L’énergie, un stage"] * 3, "stage")
    [one] = answered(run, asked(run, "mots"))
    assert one.to == CLAIRE
    file = one.message.file
    assert file is not None
    assert file.is_picture
    assert file.alt == "stage (4) et énergie (3)"
    assert file.content.startswith(b"\x89PNG")
    [one] = answered(run, asked(run, f"passé {HISTORY}"))
    assert one.message.file is not None
    assert one.message.file.alt.endswith("et 2021 X20\u00a0: 190 binômes")
    assert f"190 binômes, +33,8{NNBSP}%" in one.text


@drawn
def test_who_is_no_longer_staff_gets_no_picture() -> None:
    run = Run.begin(0, 1)
    apply(run, *["stage"] * 3)
    timer = asked(run, "mots")
    with run.stand.work() as uow:
        for role in ("staff", "owner"):
            uow.people.enrol(
                timer.payload["person"], MENTORAT, role, now=run.stand.now, state="ended"
            )
    assert answered(run, timer) == []


@drawn
def test_whoever_is_erased_meanwhile_is_not_in_the_picture() -> None:
    run = Run.begin(0, 1)
    people = apply(run, *["stage"] * 3)
    timer = asked(run, "mots")
    with run.stand.work() as uow:
        uow.privacy.erase_person(people[0], run.stand.now)
        assert not uow.session.scalars(
            select(CampaignEntry).where(CampaignEntry.person_id == people[0])
        ).all()
    assert answered(run, timer) == []


@drawn
def test_a_picture_that_never_comes_is_given_up_in_words() -> None:
    run = Run.begin(0, 1)
    apply(run, *["stage"] * 3)
    asked(run, "mots")
    heard = run.stand.until(run.stand.now + MOST_TRIES * AGAIN)
    assert len(told(heard, CLAIRE, "j’ai essayé trois fois")) == 1
    assert run.stand.until(run.stand.now + 2 * AGAIN) == []


def test_without_the_extra_the_table_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "NEEDS", ("matplotlib", "no_such_package"))
    run = Run.begin(0, 1)
    apply(run, *["stage"] * 3)
    heard = run.stand.command(CLAIRE, "campagne", "mots")
    assert rows(heard) == [("stage", "3")]
    assert "l’extra « graphiques » n’est pas installé".replace("« ", "«\u00a0").replace(
        " »", f"{NNBSP}»"
    ) in (heard[0].message.note or "")
    assert run.stand.fire() == []
