"""Campaigns: drafts are the best there are, pins and what-ifs exact, accepted pairs never move."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from importlib.resources import files
from itertools import permutations
from pathlib import Path
from random import Random
from typing import Literal

import numpy as np
import pytest
from pydantic import SecretStr

from bot import supply
from bot.campaigns import Board, Draft, Mentee, Mentor, Problem
from bot.commands import campaign_draft
from bot.errors import CordeeError, ProgrammeError
from bot.flows import offers
from bot.i18n import words
from bot.importer import import_people
from bot.matching import Index, Rules, Wish
from bot.matching.assign import FORBIDDEN
from bot.programmes.campaign import CampaignRules
from bot.programmes.load import parse
from bot.settings import Settings
from bot.turn import Scene
from handlers.campaigns import draft_of
from handlers.local.chat_file import parse as parse_chat
from handlers.local.script import Player
from handlers.slack.render import blocks as blocks_of
from handlers.telegram.render import render
from storage import migrate
from storage.unit_of_work import Database
from tests.campaign_world import MENTORAT, PROMO, Run, mentors_csv, rematch, students
from tests.chat import play
from tests.empty import tables
from tests.stand import CLAIRE, Heard, Stand, button, programme, told
from tests.stores import NOON, SECRET

VOICE = words("fr")
NOBODY = Index([])


# --- the board, on tables of scores ---------------------------------------------------------------


def board(table: list[list[int]], free: list[int], *, order: int = 0, **campaign: object) -> Board:
    """Mentees 1, 2, … against mentors 101, 102, … with these scores."""
    rows, columns = list(range(len(table))), list(range(len(free)))
    Random(order).shuffle(rows)
    Random(order + 1).shuffle(columns)
    given = Problem(
        [Mentee(i + 1, f"mentee {i}", Wish(promo=PROMO), VOICE) for i in rows],
        [Mentor(j + 101, f"mentor {j}", PROMO - 10, "", free[j]) for j in columns],
        frozenset(),
        Rules(),
        CampaignRules.model_validate(campaign),
        60,
        7,
    )
    return Board(given, NOBODY, np.array(table, np.int16)[np.ix_(rows, columns)])


def worth(table: list[list[int]], pairs: Mapping[int, int], penalties: tuple[int, ...]) -> int:
    load: dict[int, int] = {}
    total = 0
    for mentee, mentor in pairs.items():
        total += table[mentee - 1][mentor - 101] - penalties[load.get(mentor, 0)]
        load[mentor] = load.get(mentor, 0) + 1
    return total


def best_by_trying(table: list[list[int]], free: list[int], fixed: Mapping[int, int]) -> int:
    """The most points of all full assignments over no floor that hold the fixed pairs."""
    seats = [101 + j for j, n in enumerate(free) for _ in range(n)]
    found = []
    for chosen in set(permutations(seats, len(table))):
        pairs = {i + 1: mentor for i, mentor in enumerate(chosen)}
        allowed = all(table[i - 1][m - 101] > FORBIDDEN for i, m in pairs.items())
        if allowed and all(pairs[i] == m for i, m in fixed.items()):
            found.append(worth(table, pairs, (0, 40, 80, 120)))
    return max(found)


def some(seed: int, n: int = 4, m: int = 4) -> tuple[list[list[int]], list[int]]:
    rng = Random(seed)
    table = [[rng.choice((FORBIDDEN, *([rng.randint(0, 1000)] * 4))) for _ in range(m)]
             for _ in range(n)]  # fmt: skip
    for i in range(n):  # a full assignment there is
        table[i][i % m] = rng.randint(0, 1000)
    return table, [rng.choice((1, 2)) for _ in range(m)]


@pytest.mark.parametrize("seed", range(20))
def test_a_pinned_pair_is_kept_and_the_rest_is_the_best_there_is(seed: int) -> None:
    table, free = some(seed)
    one = board(table, free, floor=0)
    free_choice = one.draft()
    assert free_choice.objective == free_choice.bound == best_by_trying(table, free, {})
    mentee = seed % 4 + 1
    mentor = next(101 + j for j in range(4) if table[mentee - 1][j] > FORBIDDEN)
    fixed = {mentee: mentor}
    try:
        wanted = best_by_trying(table, free, fixed)
    except ValueError:  # nobody can have everybody then: somebody is left without
        assert len(one.draft(fixed).pairs) < 4
        return
    pinned = one.draft(fixed)
    assert pinned.pairs[mentee] == mentor
    assert pinned.objective == wanted == worth(table, pinned.pairs, (0, 40, 80))
    assert pinned.bound == wanted
    found = one.what_if(free_choice, mentee, mentor)
    assert found.points == free_choice.objective - wanted
    assert {m for m, _, _ in found.moved} == {
        m for m in range(1, 5) if found.draft.pairs[m] != free_choice.pairs[m]
    }


@pytest.mark.parametrize("order", range(1, 6))
def test_the_order_of_people_changes_nothing(order: int) -> None:
    rng = Random(order)
    table = [[100 * rng.randint(0, 3) for _ in range(12)] for _ in range(15)]  # full of ties
    free = [rng.choice((0, 1, 2)) for _ in range(12)]
    assert board(table, free, order=order).draft() == board(table, free).draft()


def test_who_waits_for_an_answer_changes_only_for_much_more() -> None:
    def asked(score: int) -> Draft:
        one = board([[500, score], [0, 0]], [1, 1], floor=0)
        mentees = [replace(m, waiting=101 if m.id == 1 else None) for m in one.given.mentees]
        return Board(replace(one.given, mentees=mentees), NOBODY, one.scores).draft()

    assert asked(555).pairs[1] == 101
    assert asked(555).objective == 500  # the bonus is no point
    assert asked(565).pairs[1] == 102


def test_who_cannot_be_put_together_is_told_apart() -> None:
    one = board([[500, FORBIDDEN, FORBIDDEN], [500, 1, 1]], [1, 1, 1])
    barred = Board(replace(one.given, barred=frozenset({(1, 102)})), NOBODY, one.scores)
    assert barred.refusal(1, 101) is None
    assert barred.refusal(1, 102) == "barred"
    assert barred.refusal(1, 103) == "language"
    assert barred.refusal(1, 999) == "not-in"
    pinned = [replace(m, pinned=101 if m.id == 2 else None) for m in one.given.mentees]
    full = Board(replace(one.given, mentees=pinned), NOBODY, one.scores)
    assert full.refusal(1, 101) == "full"
    assert full.draft().unmatched == {1: "places"}


# --- with people, from application to answers -----------------------------------------------------


def test_replaying_declines_never_moves_an_accepted_pair() -> None:
    rng = Random(5)
    run = Run.begin(24, 30, capacity=1, seed=5)
    declined: set[tuple[int, int]] = set()
    run.draft()
    for _ in range(3):
        kept = run.pairs("accepted")
        waiting = run.pairs("proposed")
        run.publish()
        asked = run.pairs("proposed")
        assert {m: asked[m] for m in waiting} == waiting or set(waiting) - set(asked) == set()
        people = sorted(asked)
        no = set(rng.sample(people, max(1, len(people) // 4)))
        yes = set(rng.sample(sorted(set(people) - no), len(people) // 3))
        run.answer("accept", yes)
        run.answer("decline", no)
        declined |= {(m, asked[m]) for m in no}
        accepted = run.pairs("accepted")
        assert {m: accepted[m] for m in kept} == kept
        assert {m: accepted[m] for m in yes} == {m: asked[m] for m in yes}
        found = run.draft()
        assert not declined & set(found.pairs.items())
        assert not set(found.pairs) & set(accepted)
        held = {r.mentor_id for r in run.rows() if r.state == "accepted"}
        assert not set(found.pairs.values()) & held  # one place each, and it is taken


def test_nobody_is_taken_back_who_was_asked_without_a_word_of_staff() -> None:
    run = Run.begin(12, 16, capacity=1, seed=9)
    run.draft()
    run.publish()
    asked = run.pairs("proposed")
    run.answer("decline", sorted(asked)[:3])
    run.draft()  # the draft may say otherwise: nothing is said before it is published
    assert run.pairs("proposed") == {m: asked[m] for m in sorted(asked)[3:]}


def test_a_silent_mentor_gives_the_mentee_back_to_the_campaign() -> None:
    run = Run.begin(3, 6, capacity=1)
    run.stand.command(CLAIRE, "menu")
    run.draft()
    run.publish()
    asked = run.pairs("proposed")
    heard = run.later(11)
    assert run.pairs("declined") == asked
    assert len(told(heard, CLAIRE, "des mentors n’ont pas pu dire oui")) == 1  # once a day
    again = run.draft()
    assert set(again.pairs) == set(asked)
    assert not set(again.pairs.items()) & set(asked.items())


def test_a_mentee_who_changes_the_answers_comes_back_to_the_campaign() -> None:
    run = Run.begin(2, 4, capacity=1)
    run.draft()
    run.publish()
    mentee = min(run.pairs("proposed"))
    with run.stand.work() as uow:
        request = uow.requests.live(mentee, MENTORAT)
        assert request is not None
        offers.take_back(Scene(run.stand.bot, uow, run.stand.now), request)
    assert mentee in run.pairs("withdrawn")
    assert mentee in run.draft().pairs  # and may well get the same mentor again


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("floor", [0, "auto"])
def test_after_declines_the_whole_is_nearly_as_good_as_made_afresh(
    seed: int, floor: Literal["auto"] | int
) -> None:
    """190 students, 250 mentors; a fresh one over the same floor, for the floor moves points."""
    found = rematch(190, 250, seed, floor)
    print(found)  # noqa: T201
    assert found.moved == 0
    assert found.share >= 0.995


# --- the verb -------------------------------------------------------------------------------------


def test_the_verb_is_for_staff_and_for_programmes_with_campaigns() -> None:
    run = Run.begin(1, 1)
    account = "10000"
    assert told(run.stand.command(account, "campagne"), account, "Je ne trouve pas")
    assert told(run.stand.command(CLAIRE, "campagne", "publier"), CLAIRE, "rien de nouveau")
    assert told(run.stand.command(CLAIRE, "campagne", "danser"), CLAIRE, "Ce qui peut suivre")
    assert told(run.stand.command(CLAIRE, "campagne", "paire 77"), CLAIRE, "Je ne trouve pas")
    assert told(run.stand.command(CLAIRE, "campagne", "choisir 999-888"), CLAIRE, "n’est pas libre")


@pytest.mark.parametrize(
    "verb", ["", "pourquoi", "choisir", "liberer", "interdire", "paire", "revue"]
)
@pytest.mark.parametrize(
    "rest",
    ["🙂", "9" * 40, f"{'9' * 40}-{'9' * 40}", "Léa" * 5000, "%_'; --, <b>*x*</b>", ",,", "٣"],
)
def test_whatever_staff_type_is_answered(hostile: Run, verb: str, rest: str) -> None:
    assert told(hostile.stand.command(CLAIRE, "campagne", f"{verb} {rest}"), CLAIRE)


@pytest.fixture(scope="module")
def hostile() -> Run:
    run = Run.begin(3, 4)
    run.draft()
    return run


def test_who_has_nobody_is_shown_with_the_reason() -> None:
    run = Run.begin(3, 1, capacity=1)
    heard = run.stand.command(CLAIRE, "campagne", "brouillon")
    assert told(heard, CLAIRE, "2 élèves sans mentor")
    shown = told(run.stand.command(CLAIRE, "campagne", "sans"), CLAIRE)[0]
    assert shown.text.count("Toutes les places des mentors possibles sont prises") == 2
    run.stand.command(CLAIRE, "campagne", "publier")
    heard = run.stand.command(CLAIRE, "campagne", "offre")
    assert told(heard, CLAIRE, "3 élèves attendent un mentor")
    text = told(heard, CLAIRE, "cherche encore")[0]
    assert "2009 à 2017" in text.text


def test_those_without_a_mentor_come_a_page_at_a_time() -> None:
    run = Run.begin(60, 10, capacity=1)
    run.draft()
    first = told(run.stand.command(CLAIRE, "campagne", "sans"), CLAIRE)[0]
    assert "50 élèves" in first.text
    assert "Page 1 sur 3" in first.text.replace("\u00a0", " ")
    heard = run.stand.press(CLAIRE, first.choices["Page suivante"])
    last = told(run.stand.press(CLAIRE, button(heard, CLAIRE, "Page suivante")), CLAIRE)[0]
    assert "Page suivante" not in last.choices
    shown = [first, told(heard, CLAIRE)[0], last]
    names = [line.label or "" for one in shown for line in one.message.lines]
    assert len(names) == len({*names}) == 50
    assert names == sorted(names)
    beyond = told(run.stand.command(CLAIRE, "campagne", "sans 99"), CLAIRE)[0]
    assert beyond.message.lines == last.message.lines


def test_no_student_is_shown_a_score() -> None:
    run = Run.begin(4, 8)
    found = run.draft()
    run.publish()
    said = " ".join(one.text for one in run.stand.news() if one.to != CLAIRE)
    assert not any(str(score) in said for score in found.scores.values() if score > 99)
    with run.stand.work() as uow:
        data = uow.privacy.export_person(min(found.pairs))
    assert data["campaign_pair"]
    assert all("score" not in row for row in data["campaign_pair"])


def test_a_large_draft_is_made_beside_the_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign_draft, "AT_ONCE", 0)
    path = Path(__file__).parent / "transcripts" / MENTORAT / "campagne.chat"
    script = parse_chat(path.read_text("utf-8"))
    played = play(lambda: Player(script, path.parent))
    assert not played.faults
    at_once = path.read_text("utf-8")
    assert played.text.count("Je forme les binômes") == at_once.count(": le brouillon") > 3
    assert played.text.count(": le brouillon") == at_once.count(": le brouillon")
    assert played.text.rstrip().endswith(at_once.rstrip()[-200:])


def test_only_staff_of_the_programme_publish_and_only_what_they_saw() -> None:
    run = Run.begin(2, 4, capacity=1)
    heard = run.stand.command(CLAIRE, "campagne", "brouillon")
    token = button(heard, CLAIRE, "Publier…")
    assert told(run.stand.press("10001", token), "10001", "Je ne trouve pas")
    sure = button(run.stand.press(CLAIRE, token), CLAIRE, "Publier")
    assert told(run.stand.press("10001", sure), "10001", "Je ne trouve pas")
    assert run.pairs("proposed") == {}
    run.stand.command(CLAIRE, "campagne", "brouillon")  # another draft meanwhile
    assert told(run.stand.press(CLAIRE, sure), CLAIRE, "bouton")
    assert run.pairs("proposed") == {}
    again = button(run.stand.command(CLAIRE, "campagne", "publier"), CLAIRE, "Publier")
    assert told(run.stand.press(CLAIRE, again), CLAIRE, "2 mentors sont sollicités")
    assert told(run.stand.press(CLAIRE, again), CLAIRE, "bouton")  # twice is once
    assert len(run.pairs("proposed")) == 2


@pytest.mark.parametrize("long", [False, True])
def test_the_links_for_all_mentors_without_an_account_come_in_few_messages(long: bool) -> None:
    run = Run.begin(40, 40, capacity=1)
    run.stand.bot.telegram_name = "cordee_" + 22 * "x" + "bot"  # as long as they may be
    run.draft()
    with run.stand.work() as uow:
        asked = [person for n in run.pairs("draft").values() if (person := uow.people.get(n))]
        for person in asked[1:]:
            for identity in uow.people.identities(person.id):
                uow.session.delete(identity)
        for identity in uow.people.identities(asked[0].id):
            identity.reachable = False
        if long:
            for person in asked:
                person.name = f"{person.name} {'é' * 150}"[:150]
                person.email = f"{person.id}{'m' * 200}@exemple.invalid"
        wanted = {person.email: person.name or "" for person in asked}
    run.stand.command(CLAIRE, "menu")
    run.publish()
    heard = [one.message for one in told(run.stand.news(), CLAIRE, "inviter")]
    assert len(heard) == (7 if long else 3)
    lines = [line for message in heard for line in message.lines]
    assert {line.text.partition("\n")[0]: line.label for line in lines} == wanted
    assert len(lines) == len(asked)
    assert sum("je ne peux pas lui écrire" in line.text for line in lines) == 1
    for message in heard:
        text = render(message, 1).text
        assert all(line.text in text and (line.label or "") in text for line in message.lines)
        blocks = json.dumps(blocks_of(message), ensure_ascii=False)
        assert all(json.dumps(line.text, ensure_ascii=False)[1:-1] in blocks
                   for line in message.lines)  # fmt: skip


def test_a_yes_after_the_end_counts_and_a_no_goes_to_the_team() -> None:
    run = Run.begin(2, 4, capacity=1)
    run.draft()
    run.publish()
    one, other = sorted(run.pairs("proposed"))
    sure = button(run.stand.command(CLAIRE, "campagne", "fermer"), CLAIRE, "Oui, la clore")
    assert told(
        run.stand.press(CLAIRE, sure),
        CLAIRE,
        "Volontaires : 2, binômes : 0".replace(" :", "\u00a0:"),
    )
    run.answer("accept", [one])
    heard = run.answer("decline", [other])
    assert told(heard, CLAIRE, "confiée à l’équipe")
    with run.stand.work() as uow:
        here = uow.campaigns.get(run.campaign)
        assert here is not None
        assert (here.state, here.volunteers, here.pairs) == ("closed", 2, 1)


def test_a_mentor_who_paused_after_the_draft_is_not_asked() -> None:
    run = Run.begin(2, 2, capacity=1)
    gone = run.draft().pairs
    mentee, mentor = min(gone.items())
    with run.stand.work() as uow:
        uow.directory.pause(mentor, run.stand.now)
    assert run.publish() == (1, 1, 1)
    assert mentee not in run.pairs("proposed")
    with run.stand.work() as uow:
        request = uow.requests.live(mentee, MENTORAT)
        assert request is not None
        assert request.state == "open"


def test_fewer_places_than_volunteers_are_told_once_a_day() -> None:
    run = Run.begin(2, 1, capacity=1)
    run.stand.command(CLAIRE, "menu")
    heard: list[Heard] = []
    for account in ("500", "501"):
        run.stand.join(account, f"Élève {account}")
        with run.stand.work() as uow:
            here = uow.campaigns.get(run.campaign)
            person = uow.people.get(run.stand.ids[account])
            assert here is not None
            assert person is not None
            person.promo = PROMO
        run.stand.command(account, "demande")
        for said in ("stage", "orientation de carrière"):
            run.stand.say(account, said)
        job = run.stand.say(account, "énergie")
        run.stand.press(account, button(job, account, "Passer"))
        review = run.stand.say(account, "Parler de recherche.")
        heard += run.stand.press(account, button(review, account, "Envoyer"))
    short = told(heard, CLAIRE, "volontaires sans mentor")
    assert len(short) == 1
    assert "3 volontaires" in short[0].text


def test_the_supply_says_what_is_missing_and_where_one_more_would_help() -> None:
    run = Run.begin(30, 12, capacity=1)
    run.draft()
    one = run.board()
    with run.stand.work() as uow:
        rows = uow.campaigns.entries(run.campaign, "mentor")
        gains = {e.person_id: (e.gain_pairs, e.gain_points) for e in rows}
    found = supply.measure(one.given, run.stand.programmes[0], one._index, gains)
    assert (found.waiting, found.places, found.missing) == (30, 12, 18)
    assert found.promos == (2009, 2017)
    assert found.in_range <= 12
    assert sum(s.wished for s in found.sectors) == pytest.approx(30)
    for sector in found.sectors:
        assert sector.missing == max(0, math.ceil(round(sector.wished - sector.places, 6)))
    best = found.helps_most()
    assert best[0].pairs == max(s.pairs for s in found.sectors) > 0  # each place is one pair more
    before = len(run.draft().pairs)
    mentor = max(gains, key=lambda m: gains[m])
    with run.stand.work() as uow:
        uow.directory.save(mentor, run.stand.now, {"capacity": 2})
    after = run.draft()
    assert len(after.pairs) == before + gains[mentor][0]


# --- the command line, on both databases ----------------------------------------------------------


def test_the_draft_is_the_same_on_both_databases_and_for_any_order_of_rows(
    database: Database, tmp_path: Path
) -> None:
    """Against a second database, SQLite, filled in another order."""
    said = []
    other = tables(Database(f"sqlite:///{tmp_path}/other.db", SECRET))
    for where, turned in ((database, False), (other, True)):
        _fill(where, turned=turned)
        url = where.url.render_as_string(hide_password=False)
        found = draft_of(_settings(url), MENTORAT, NOON, scores=True)
        assert found["pairs"]
        assert found["objective"] == found["bound"]
        said.append(json.dumps(found, ensure_ascii=False))
    assert said[0] == said[1]


def _fill(database: Database, *, turned: bool) -> None:
    head, *rows = mentors_csv(30).splitlines(keepends=True)
    data = head + b"".join(rows[::-1] if turned else rows)
    with database.unit_of_work() as uow:
        done = import_people(
            uow.directory, data, NOON, programme=MENTORAT,
            programmes={MENTORAT: programme(MENTORAT)}, telegram_bot="telegram:9",
        )  # fmt: skip
        assert not done.problems
        here = uow.campaigns.open(MENTORAT, "2026", year=2026, promos=[PROMO], seed=4, now=NOON)
        assert here is not None
        students(uow, here, 40, NOON, turned=turned)
        uow.commit()


def test_the_command_line_says_what_is_missing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/c.db"
    with pytest.raises(CordeeError, match="another version"):
        draft_of(_settings(url), MENTORAT, NOON)
    migrate.upgrade(url)
    with pytest.raises(CordeeError, match="No campaign is open"):
        draft_of(_settings(url), MENTORAT, NOON)
    with pytest.raises(CordeeError, match="no programme"):
        draft_of(_settings(url), "emergence", NOON)
    wishes = tmp_path / "w.jsonl"
    wishes.write_text('{"id": "A", "text": "x"}\n{"id": "A"}\n', "utf-8")
    with pytest.raises(CordeeError, match="line 2"):
        draft_of(_settings(url), MENTORAT, NOON, batch=wishes)
    wishes.write_text('{"id": "A", "text": "x", "promo": 2025}\n', "utf-8")
    found = draft_of(_settings(url), MENTORAT, NOON, batch=wishes, scores=True)
    assert found == {
        "pairs": [],
        "unmatched": [{"mentee": "A", "reason": "nobody"}],
        "objective": 0,
        "bound": 0,
        "floor": 0,
        "scores": [],
    }


def _settings(url: str) -> Settings:
    return Settings(
        cordee_programmes=(MENTORAT,),
        cordee_database_url=url,
        cordee_secret_key=SecretStr(SECRET),
    )


# --- the file -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "said"), [("X25", "la promotion 2025."), ("X25 X24", "les promotions 2024 et 2025.")]
)
def test_one_year_of_entry_or_several(typed: str, said: str) -> None:
    stand = Run.begin(1, 1).stand
    with stand.work() as uow:
        here = uow.campaigns.current(MENTORAT)
        assert here is not None
        uow.campaigns.move(here, here.version, "closed")
    assert told(stand.command(CLAIRE, "campagne", f"ouvrir 2027 {typed}"), CLAIRE, said)
    assert told(stand.command(CLAIRE, "campagne"), CLAIRE, f"({said[:-1].split(maxsplit=1)[1]})")


def test_a_later_mentee_must_not_cost_less() -> None:
    file = files("bot.programmes") / f"{MENTORAT}.toml"
    data = tomllib.loads(file.read_text("utf-8"))
    data["campaign"]["penalties"] = [0, 8, 4]
    with pytest.raises(ProgrammeError, match="has to cost"):
        parse(data, "x.toml")
    del data["campaign"]["penalties"], data["intake"]
    with pytest.raises(ProgrammeError, match="apply with the questions"):
        parse(data, "x.toml")


def test_the_year_of_study_gives_the_year_of_entry() -> None:
    """Source: X-02."""
    rules = CampaignRules(study_years=(2,))
    assert rules.promos(date(2021, 9, 15)) == [2020]  # X20 in the campaign of autumn 2021
    assert rules.promos(date(2022, 3, 1)) == [2020]
    assert CampaignRules(study_years=(2, 3)).promos(date(2021, 9, 15)) == [2020, 2019]


def test_who_is_of_another_team_gets_no_campaign() -> None:
    stand = Stand((programme("ax-accompagnement"), programme(MENTORAT)))
    stand.join("2", "Paule", role="staff")
    assert told(stand.command("2", "campagne", "ouvrir 2026 X25"), "2", "ne forme pas ses binômes")
    with stand.work() as uow:
        assert not uow.campaigns.every(MENTORAT)
