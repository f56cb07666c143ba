"""Whole campaigns: from profiles to pairs with their reasons, beside other programs; see docs.

A large one is measured in a process of its own, so that its peak of memory is its own:

    python -m tests.bench_campaign 10000 12000

People and wishes are invented (`handlers/local/people.py`, seeded); the vectors of a large one are
drawn around a centre for each sector, so that many want the same few: times are real, what they
mean is not.

Source: matching goals B and F.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import operator
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import islice
from random import Random
from typing import Any

import numpy as np

from bot.campaigns import Board, Mentee, Mentor, Problem
from bot.expert_index import rules_of, wish_of
from bot.i18n import words
from bot.matching import Index, Wish
from bot.matching.assign import FORBIDDEN, Campaign, assign
from bot.matching.sense import Encoder, Floats32, Meaning, Sense, meanings
from bot.programmes.campaign import CampaignRules
from handlers.local.people import invented
from storage.directory import Profile
from tests.bench import Figure, quantile
from tests.bench_people import WIDTH, Lot, crowd
from tests.campaign_world import MENTORAT, PROMO, rematch
from tests.min_cost_flow import flow
from tests.stand import programme

ROUNDS = 9
GAP = 1e-4


def wishes(count: int, seed: int) -> list[Wish]:
    """Applications, each in words of its own, most with sectors; in the order of a lottery."""
    rng, found = Random(seed), []
    for row in islice((r for r in invented(6 * count, seed=seed) if r["bio"]), count):
        text = rng.choice((row["bio"], f"{row['poste']} : {row['bio']}", row["poste"]))
        choices = {"secteurs": [row["secteur"]], "structures": [row["structure"]]}
        one = wish_of(text, choices if rng.random() < 0.8 else {})
        found.append(Wish(one.text, one.features, PROMO))
    assert len(found) == count
    return found


def board(index: Index, people: Sequence[Profile], asked: Sequence[Wish], seed: int = 7) -> Board:
    """These mentors, with one to three places each, and these mentees."""
    voice, rng = words("fr"), Random(seed)
    return Board(
        Problem(
            [Mentee(-n, f"M{n}", one, voice) for n, one in enumerate(asked, start=1)],
            [
                Mentor(p.person_id, f"E{p.person_id}", p.promo, p.sector, rng.choice((1, 1, 2, 3)))
                for p in people
            ],
            frozenset(),
            rules_of(programme(MENTORAT).matching, seed),
            CampaignRules(),
            60,
            seed,
        ),
        index,
    )


def measure_campaign(engine: Encoder | None, mentees: int, mentors: int) -> list[Figure]:
    """Scores, floor, optimum and reasons from an index that exists; other wishes each time."""
    people = crowd(mentors)
    kept = None
    if engine is not None:
        kept = dict(zip((p.person_id for p in people), meanings(people, engine), strict=True))
    sense = Sense(engine) if engine is not None else None
    index = Index(people, sense, kept)
    boards = [board(index, people, wishes(mentees, seed=20 + n)) for n in range(ROUNDS + 1)]
    encoding = []
    for one in boards if sense is not None else ():
        start = time.perf_counter()
        index.ask([m.wish for m in one.given.mentees])
        encoding.append(time.perf_counter() - start)
    walls, used, drafts = [], [], []
    for one in boards:  # the first one warms up
        start, begun = time.perf_counter(), time.process_time()
        draft = one.draft()
        said = one.reasons(draft.pairs)
        used.append(1000 * (time.process_time() - begun))
        walls.append(1000 * (time.perf_counter() - start))
        drafts.append(draft)
        assert len(said) == len(draft.pairs)
    apart = 0
    for one, draft in zip(boards, drafts, strict=True):
        places = [m.free for m in one.given.mentors]
        best = flow(Campaign(range(mentees), range(mentors), one.scores, places), draft.floor)
        apart += abs(best[0] - len(draft.pairs)) + abs(best[1] - draft.objective)
        apart += draft.bound - draft.objective
    title, walls = f"{mentees} x {mentors}", walls[1:]
    found = [
        Figure(f"{title}: scores, floor, optimum, reasons", f"{quantile(walls, 0.5):.0f} ms",
               "<= 50 ms", quantile(walls, 0.5) <= 50),
        Figure(f"{title}: … each", ", ".join(f"{wall:.0f}" for wall in walls) + " ms"),
        Figure(f"{title}: … processor", f"{quantile(used[1:], 0.5):.0f} ms"),
        Figure(f"{title}: apart from OR-tools, and from the bound", f"{apart} points", "0",
               apart == 0),
    ]  # fmt: skip
    if engine is not None:
        batch = quantile(encoding[1:], 0.5)
        found.append(
            Figure(f"{title}: the wishes encoded before, beside the turns", f"{batch:.1f} s")
        )
    return found


# --- large ----------------------------------------------------------------------------------------


def around(sectors: Sequence[str], noise: float, seed: int) -> Floats32:
    """A unit vector for each, near to what its sector has in common."""
    rng, centres = np.random.default_rng(seed), {}
    for name in sorted({*sectors}):
        own = np.random.default_rng(sum(name.encode()))
        centres[name] = own.standard_normal(WIDTH)
    rows = np.array([centres[name] for name in sectors], np.float32)
    rows += np.float32(noise) * rng.standard_normal(rows.shape).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def large(mentees: int, mentors: int) -> dict[str, float]:
    """A whole campaign from profiles: scores, then the assignment; in seconds and MiB."""
    people = crowd(mentors)
    vectors = np.rint(900 * around([p.sector for p in people], 1.0, 3)).clip(-127, 127)
    kept = {
        p.person_id: Meaning(row[None].astype(np.int8), 1 / 900)
        for p, row in zip(people, vectors, strict=True)
    }
    index = Index(people, Sense(Lot()), kept)
    one = board(index, people, wishes(mentees, seed=31))
    asked = [m.wish for m in one.given.mentees]
    meaning = around([(w.values("sector") or ("",))[0] for w in asked], 1.5, 4)
    start, used = time.perf_counter(), time.process_time()
    scores = index.matrix(
        index.ask(asked, rules=one.given.rules, meaning=meaning),
        [m.id for m in one.given.mentors],
    )
    scored = time.perf_counter() - start
    found = Board(one.given, index, scores).draft()
    return {
        "wall": time.perf_counter() - start,
        "scored": scored,
        "processor": time.process_time() - used,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "gap": (found.bound - found.objective) / found.bound,
        "pairs": len(found.pairs),
        "objective": found.objective,
        "floor": found.floor,
    }


def measure_large(mentees: int, mentors: int) -> list[Figure]:
    """The same in a process of its own."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.bench_campaign", str(mentees), str(mentors)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    told: dict[str, float] = json.loads(ran.stdout)
    title, wall = f"{mentees} x {mentors}", told["wall"]
    return [
        Figure(f"{title}: from profiles to pairs", f"{wall:.1f} s", "<= 20 s", wall <= 20),
        Figure(f"{title}: … of which scores", f"{told['scored']:.1f} s"),
        Figure(f"{title}: … processor", f"{told['processor']:.1f} s"),
        Figure(f"{title}: peak memory", f"{told['peak']:.0f} MiB", "<= 1536 MiB",
               told["peak"] <= 1536),
        Figure(f"{title}: gap to the bound, certified", f"{100 * told['gap']:.4f} %", "<= 0.01 %",
               told["gap"] <= GAP),
        Figure(f"{title}: pairs, floor", f"{told['pairs']:.0f}, {told['floor']:.0f}"),
    ]  # fmt: skip


# --- beside mentor-match --------------------------------------------------------------------------

RIVAL = "matching"
"""What the package `mentor-match` calls itself."""
PLACES = 3
"""Connections that it gives a person at most."""


def alike(count: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """As the sample in its repository: all mentors the same, all mentees the same."""
    mentees = [{"email": f"e{n}", "grade": 0, "organisation": "Department of Mentees",
                "profession": "Policy"} for n in range(count)]  # fmt: skip
    mentors = [{"email": f"m{n}", "grade": 2, "organisation": "Department of Mentors",
                "profession": "Policy"} for n in range(count)]  # fmt: skip
    return mentees, mentors


def various(count: int, seed: int = 7) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """People of twelve organisations and fifteen professions, of all grades."""
    rng = Random(seed)

    def some(letter: str, low: int, high: int) -> list[dict[str, Any]]:
        return [
            {"email": f"{letter}{n}", "grade": rng.randint(low, high),
             "organisation": f"O{rng.randint(1, 12)}", "profession": f"P{rng.randint(1, 15)}"}
            for n in range(count)
        ]  # fmt: skip

    return some("e", 0, 7), some("m", 2, 9)


def its_rules(rule: Any, *, one_each: bool) -> list[Any]:
    """The rules of its public service, less the one about personal characteristics."""
    found = [
        rule.Disqualify(lambda m: m.mentee.organisation == m.mentor.organisation),
        rule.Disqualify(rule.Grade(2, operator.gt).evaluate),
        rule.Disqualify(rule.Grade(0, operator.le).evaluate),
        rule.Grade(1, operator.eq, {True: 10, False: 0}),
        rule.Grade(2, operator.eq, {True: 7, False: 0}),
        rule.Generic({True: 8, False: 0}, lambda m: m.mentee.profession == m.mentor.profession),
    ]
    if one_each:  # who has a mentor needs no other
        found.append(rule.Disqualify(lambda m: bool(m.mentee.mentors)))
    return found


def by_its_rules(mentees: Sequence[dict[str, Any]], mentors: Sequence[dict[str, Any]]) -> Any:
    """The points of all pairs by the same rules."""

    def column(people: Sequence[dict[str, Any]], name: str) -> Any:
        return np.array([one[name] for one in people])

    def same(name: str) -> Any:
        return column(mentees, name)[:, None] == column(mentors, name)[None, :]

    grade = column(mentors, "grade")[None, :] - column(mentees, "grade")[:, None]
    points = 10 * (grade == 1) + 7 * (grade == 2) + 8 * same("profession")
    points[same("organisation") | (grade > 2) | (grade <= 0)] = FORBIDDEN
    return points.astype(np.int16)


def measure_rival(title: str, people: tuple[list[Any], list[Any]], places: int) -> list[Figure]:
    """Everybody gets one mentor, a mentor at most `places` mentees; theirs fills a place a pass."""
    if importlib.util.find_spec(RIVAL) is None:
        return [Figure(f"{title}: mentor-match is not installed", "left out")]
    process = importlib.import_module(f"{RIVAL}.process")
    rule = importlib.import_module(f"{RIVAL}.rules.rule")
    mentee = importlib.import_module(f"{RIVAL}.mentee").Mentee
    mentor = importlib.import_module(f"{RIVAL}.mentor").Mentor
    mentees, mentors = people
    theirs_e, theirs_m = [mentee(**one) for one in mentees], [mentor(**one) for one in mentors]
    start = time.perf_counter()
    process.process_data(
        theirs_m, theirs_e, [its_rules(rule, one_each=True) for _ in range(places)]
    )
    their_time = time.perf_counter() - start
    walls = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        points = by_its_rules(mentees, mentors)
        n, m = points.shape
        found = assign(Campaign(range(n), range(m), points, [places] * m, penalties=(0,), floor=0))
        walls.append(time.perf_counter() - start)
    grid = process.generate_match_matrix(
        [mentor(**one) for one in mentors[:40]], [mentee(**one) for one in mentees],
        its_rules(rule, one_each=False),
    )  # fmt: skip
    read = [[FORBIDDEN if one.disallowed else one.score for one in row] for row in grid]
    assert np.array_equal(np.array(read).T, points[:, :40]), "these are not its rules"
    number = {one["email"]: j for j, one in enumerate(mentors)}
    pairs = [(i, number[o.email]) for i, e in enumerate(theirs_e) for o in e.mentors]
    their_total = sum(int(points[i, j]) for i, j in pairs)
    ratio = their_time / quantile(walls, 0.5)
    kept = len(found.pairs) >= len(pairs)
    points_said = f"{their_total} / {found.objective}"
    better = found.objective > their_total or found.objective == found.bound == their_total
    # Theirs takes the most points even where that leaves somebody alone; ours first leaves nobody.
    rated = Figure(f"{title}: points by its rules", points_said, "more, or both the most", better)
    if len(found.pairs) > len(pairs) and places == 1:
        rated = Figure(f"{title}: points by its rules, of fewer and of more pairs", points_said)
    return [
        Figure(f"{title}: matched, mentor-match / ours", f"{len(pairs)} / {len(found.pairs)}",
               "no less", kept),
        rated,
        Figure(f"{title}: time", f"{their_time:.2f} s / {1000 * quantile(walls, 0.5):.1f} ms"),
        Figure(f"{title}: … faster", f"{ratio:.0f} x", ">= 20 x", ratio >= 20),
    ]  # fmt: skip


def measure_rivals(sizes: Sequence[int]) -> list[Figure]:
    """Its own sample, and people who differ; several places for each mentor, then one."""
    found = measure_rival("its sample, 50 x 50", alike(50), PLACES)
    for size in sizes:
        found += measure_rival(f"{size} x {size}", various(size), PLACES)
        found += measure_rival(f"{size} x {size}, one place each", various(size), 1)
    return found


# --- after declines -------------------------------------------------------------------------------


def measure_rematch(mentees: int, mentors: int, draws: int) -> list[Figure]:
    """A tenth of the pairs declined, a fiftieth of the mentors gone, half of the rest accepted."""
    found = []
    for floor in (0, "auto"):
        all_of_them = [rematch(mentees, mentors, seed, floor) for seed in range(1, draws + 1)]
        title = f"{mentees} x {mentors}, floor {floor}"
        moved = sum(one.moved for one in all_of_them)
        same = min(one.share for one in all_of_them)
        own = [one.own_share for one in all_of_them]
        found += [
            Figure(f"{title}: accepted pairs that moved", str(moved), "0", moved == 0),
            Figure(f"{title}: least of a fresh optimum over the same floor", f"{100 * same:.2f} %",
                   ">= 99.5 %", same >= 0.995),
            Figure(f"{title}: … over whatever floor that has",
                   ", ".join(f"{100 * share:.2f}" for share in own) + " %"),
            Figure(f"{title}: floors, after declines / afresh",
                   ", ".join(f"{one.floor}/{one.own_floor}" for one in all_of_them)),
        ]  # fmt: skip
    return found


if __name__ == "__main__":
    print(json.dumps(large(int(sys.argv[1]), int(sys.argv[2]))))
