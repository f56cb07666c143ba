"""`make bench-matching`: how well and how fast experts are found; exit code 1 when a bar is missed.

    python -m tests.bench_matching [quality] [speed] [matrix] [million] [campaign] [large] [rival]
        [rematch] [--quick]

Beside each figure stands the baseline of the same run: SQLite FTS5 on French stems, a bare product
of numpy, a bare call of the encoder. `OPENBLAS_NUM_THREADS=1`, as the program itself sets it. The
large directories are invented and their vectors drawn by lot: times are real, their rankings mean
nothing. Quality is that of `tests/data` (on which nothing was ever tuned) and, when it lies beside
the checkout, of the development data.

Source: matching goals F.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import sqlite3
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from bot.encoder import WITHOUT, encoder
from bot.expert_index import wish_of
from bot.importer import read_sheet
from bot.matching import Index, Wish
from bot.matching.sense import Encoder, Floats32, Sense, meanings
from bot.matching.text import stems
from handlers.local.people import invented
from storage.directory import Profile
from tests import bench_campaign
from tests.bench import Figure, machine, quantile, show, verdict
from tests.bench_people import PEOPLE, WIDTH, Lot, crowd, drawn

PARTS = ("quality", "speed", "matrix", "million", "campaign", "large", "rival", "rematch")
UNSEEN = Path(__file__).parent / "data"
DEVELOPMENT = Path(__file__).resolve().parents[2] / "shared" / "data"
WISHES = 200
MENTEES, MENTORS = 10_000, 12_000
GRADUATES, ELIGIBLE = 1_000_000, 50_000
_TEXTS = ("job", "sector", "employer", "bio")


# --- quality --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Judged:
    """A small directory with wishes and grades.

    Attributes:
        people: Their profiles.
        names: What the grades call them, by id.
        free: Who may be proposed.
        queries: `id`, `text`, `choices`, `relevant`.
    """

    people: list[Profile]
    names: dict[int, str]
    free: list[int]
    queries: list[dict[str, Any]]


def judged(directory: Path, queries: Path) -> Judged:
    """Read a directory as the import does, and the wishes with their grades."""
    people, names, free = [], {}, []
    for number, row in enumerate(read_sheet(directory.read_bytes()).rows, start=1):
        expert = dict(row.entry.expert or {})
        content = {n: tuple(v) if isinstance(v, list) else v for n, v in expert.items()}
        known: dict[str, Any] = {n: v for n, v in content.items() if n in Profile._fields}
        promo = row.entry.person["promo"]
        blank = Profile(number, promo, "", "", "", "", "", "", (), "", (), (), (), "")
        people.append(blank._replace(**known))
        names[number] = row.entry.person["external_id"]
        place = expert["outside_load"] < expert["capacity"]
        if expert["available"] and expert["consenting"] and place:
            free.append(number)
    lines = queries.read_text("utf-8").splitlines()
    return Judged(people, names, free, [json.loads(line) for line in lines])


def _gain(grades: Sequence[int]) -> float:
    return sum((2.0**grade - 1) / math.log2(place + 2) for place, grade in enumerate(grades))


def quality(
    data: Judged, ranked: Mapping[str, Sequence[str]], only: Collection[str] | None
) -> tuple[float, float, int]:
    """Of rankings: nDCG@3, recall@10, people who must not be there; as the scorer has them."""
    ndcg, recall, violations = [], [], 0
    for query in data.queries:
        grades = dict(query["relevant"])
        found = ranked[query["id"]]
        if only is not None:
            violations += sum(name not in only for name in found[:10])
            grades = {name: grade for name, grade in grades.items() if name in only}
            if max(grades.values(), default=0) < 2:
                continue
        best = _gain(sorted(grades.values(), reverse=True)[:3])
        ndcg.append(_gain([grades.get(name, 0) for name in found[:3]]) / best)
        good = {name for name, grade in grades.items() if grade >= 2}
        recall.append(len(good & {*found[:10]}) / min(10, len(good)))
    return sum(ndcg) / len(ndcg), sum(recall) / len(recall), violations


def full_text(rows: Sequence[Sequence[str]]) -> sqlite3.Connection:
    """SQLite FTS5 over texts that are stemmed already."""
    base = sqlite3.connect(":memory:")
    base.execute("CREATE VIRTUAL TABLE t USING fts5(job, sector, employer, bio, content='')")
    numbered = ((number, *row) for number, row in enumerate(rows, start=1))
    base.executemany(
        "INSERT INTO t (rowid, job, sector, employer, bio) VALUES (?,?,?,?,?)", numbered
    )
    return base


def stemmed(person: Profile) -> list[str]:
    """The texts of a profile as FTS5 gets them."""
    return [" ".join(stems(getattr(person, name))) for name in _TEXTS]


def match(text: str) -> str:
    """A wish as FTS5 takes it: any of its stems."""
    return " OR ".join(f'"{one}"' for one in dict.fromkeys(stems(text))) or '"-"'


def measure_quality(engine: Encoder | None, name: str, data: Judged) -> list[Figure]:
    """Text alone, with choices, without the encoder, and FTS5 beside."""
    base = full_text([stemmed(person) for person in data.people])
    order = "SELECT rowid FROM t WHERE t MATCH ? ORDER BY bm25(t) LIMIT 10"
    fts = {
        q["id"]: [data.names[i] for (i,) in base.execute(order, (match(q["text"]),))]
        for q in data.queries
    }
    baseline, recall, _ = quality(data, fts, None)
    found = [Figure(f"{name}: FTS5 on French stems", f"{baseline:.3f} / {recall:.3f}")]
    free = {data.names[i] for i in data.free}

    def judge(index: Index, choices: bool, eligible: bool) -> tuple[float, float, int]:
        ranked = {}
        for q in data.queries:
            wish = wish_of(q["text"], q["choices"] if choices else {})
            best = index.rank(wish, 10, only=data.free if eligible else None)
            ranked[q["id"]] = [data.names[one.person_id] for one in best]
        return quality(data, ranked, free if eligible else None)

    ndcg, recall, _ = judge(Index(data.people), False, False)
    found.append(
        Figure(f"{name}: words alone", f"{ndcg:.3f} / {recall:.3f}", ">= 0.62", ndcg >= 0.62)
    )
    if engine is None:
        return found
    kept = dict(zip((p.person_id for p in data.people), meanings(data.people, engine), strict=True))
    index = Index(data.people, Sense(engine), kept)
    ndcg, recall, _ = judge(index, False, False)
    ratio = ndcg / baseline
    chosen, reached, violations = judge(index, True, True)
    return [
        *found,
        Figure(f"{name}: with the encoder", f"{ndcg:.3f} / {recall:.3f}", ">= 0.75", ndcg >= 0.75),
        Figure(f"{name}: … against FTS5", f"{ratio:.2f} x", ">= 1.45 x", ratio >= 1.45),
        Figure(f"{name}: with choices, eligible", f"{chosen:.3f} / {reached:.3f}",
               ">= 0.78 / 0.90", chosen >= 0.78 and reached >= 0.90),
        Figure(f"{name}: … who must not be there", str(violations), "0", violations == 0),
    ]  # fmt: skip


# --- speed ----------------------------------------------------------------------------------------


def wishes(count: int) -> list[Wish]:
    """Wishes of several lengths, two thirds with choices."""
    rng = Random(7)
    plain = ("travailler dans le vin", "quitter le labo", "partir en Afrique faire des barages")
    found = []
    for number, row in enumerate(r for r in invented(4 * count, seed=11) if r["bio"]):
        text = rng.choice(plain) if number % 2 else f"{row['poste']}, {row['bio']}"
        choices = {"secteurs": [row["secteur"]], "structures": [row["structure"]],
                   "zones": ["Afrique"], "situation": "début de carrière"}  # fmt: skip
        found.append(wish_of(text, choices if number % 3 else {}))
    return found[:count]


def near(index: Index, some: Sequence[Wish]) -> Floats32:
    """Vectors of wishes that are near to somebody: those of some profiles."""
    assert index._meanings is not None
    vectors = index._meanings.vectors
    return np.array([vectors[7 * place % len(vectors)] for place in range(len(some))])


def timed(calls: Sequence[Callable[[int], object]], times: int) -> list[list[float]]:
    """Milliseconds of each call: one beside the other, the best of three, so that noise is less."""
    found: list[list[float]] = [[] for _ in calls]
    for number in range(times):
        best = [math.inf] * len(calls)
        for _ in range(3):
            for place, call in enumerate(calls):
                start = time.perf_counter()
                call(number)
                best[place] = min(best[place], 1000 * (time.perf_counter() - start))
        for wall, walls in zip(best, found, strict=True):
            walls.append(wall)
    return found


def _ms(walls: Sequence[float]) -> str:
    return f"{quantile(walls, 0.5):.2f} / {quantile(walls, 0.95):.2f} ms"


def measure_speed(engine: Encoder | None, people: int) -> list[Figure]:
    """A proposal with reasons beside the bare product, and beside the bare encoder."""
    index = Index(crowd(people), Sense(engine or Lot()), drawn(people))
    assert index._meanings is not None
    vectors = index._meanings.vectors.copy()
    asked = wishes(WISHES)
    vector = near(index, asked)
    only = [number for number in range(1, people + 1) if number % 10]
    ids = np.array(only)
    dot, ours, listed = timed(
        [
            lambda n: vectors @ vector[n],
            lambda n: index.propose(asked[n], only=ids, meaning=vector[n]),
            lambda n: index.propose(asked[n], only=only, meaning=vector[n]),
        ],
        WISHES,
    )
    p95, ratio = quantile(ours, 0.95), quantile(ours, 0.95) / quantile(dot, 0.95)
    found = [
        Figure(f"{people}: bare product, p50 / p95", _ms(dot)),
        Figure(f"{people}: proposal with reasons", _ms(ours), "<= 5 ms", p95 <= 5),
        Figure(f"{people}: … against the product", f"{ratio:.2f} x", "<= 3 x", ratio <= 3),
        Figure(f"{people}: … with ids as a list", _ms(listed)),
    ]
    if engine is None:
        return found
    sense = Sense(engine)
    sense.wishes(["d'abord les poids"])
    bare, whole = timed(
        [
            lambda n: engine.encode([asked[n].words], wishes=True),
            lambda n: index.propose(asked[n], only=ids),
        ],
        WISHES // 4,
    )
    ratio = quantile(whole, 0.95) / quantile(bare, 0.95)
    return [
        *found,
        Figure(f"{people}: bare encoder", _ms(bare)),
        Figure(f"{people}: proposal from words to reasons", _ms(whole)),
        Figure(f"{people}: … against the encoder", f"{ratio:.2f} x", "<= 1.5 x", ratio <= 1.5),
    ]


def measure_matrix(mentees: int, mentors: int) -> list[Figure]:
    """All scores of a campaign, the wishes' vectors known."""
    index = Index(crowd(mentors), Sense(Lot()), drawn(mentors))
    few = wishes(min(mentees, 500))
    asked = list(islice(cycle(few), mentees))
    vector = np.resize(near(index, few), (mentees, WIDTH))
    start, used = time.perf_counter(), time.process_time()
    found = index.matrix(index.ask(asked, meaning=vector), range(1, mentors + 1))
    wall, cpu = time.perf_counter() - start, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    apart = 0
    for row in range(0, mentees, max(1, mentees // 5)):
        for one in index.rank(asked[row], 100, meaning=vector[row]):
            apart = max(apart, abs(int(found[row, one.person_id - 1]) - round(1000 * one.score)))
    title = f"{mentees} x {mentors}"
    return [
        Figure(f"{title}: all scores", f"{wall:.1f} s, processor {cpu:.1f} s", "<= 8 s", wall <= 8),
        Figure(f"{title}: peak memory", f"{peak:.0f} MiB", "<= 1024 MiB", peak <= 1024),
        Figure(f"{title}: apart from `rank`, of 1000", str(apart), "<= 1", apart <= 1),
    ]


def measure_million(people: int, eligible: int) -> list[Figure]:
    """Those eligible out of a million, beside FTS5 over the million."""
    share = people // eligible
    texts = [stemmed(person) for person in crowd(min(people, PEOPLE))]
    base = full_text(list(islice(cycle(texts), people)))
    index = Index(crowd(eligible), Sense(Lot()), drawn(eligible))
    asked = wishes(WISHES)
    vector = near(index, asked)
    order = f"SELECT rowid FROM t WHERE t MATCH ? AND rowid % {share} = 0 ORDER BY bm25(t) LIMIT 60"
    ids = np.arange(1, eligible + 1)
    times = WISHES // 2
    theirs, ours = timed(
        [
            lambda n: base.execute(order, (match(asked[n].words),)).fetchall(),
            lambda n: index.propose(asked[n], only=ids, meaning=vector[n]),
        ],
        times,
    )
    p95, ratio = quantile(ours, 0.95), quantile(theirs, 0.95) / quantile(ours, 0.95)
    title = f"{people}, {eligible} eligible"
    return [
        Figure(f"{title}: FTS5, p50 / p95", _ms(theirs)),
        Figure(f"{title}: proposal", _ms(ours), "<= 20 ms", p95 <= 20),
        Figure(f"{title}: … faster than FTS5", f"{ratio:.1f} x", ">= 10 x", ratio >= 10),
    ]


def main() -> int:
    """Measure, print, and say by the exit code whether every bar is kept."""
    options = argparse.ArgumentParser(prog="python -m tests.bench_matching")
    options.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all by default")
    options.add_argument("--quick", action="store_true", help="small: only whether it runs")
    chosen = options.parse_args()
    if unknown := {*chosen.parts} - {*PARTS}:
        options.error(f"unknown: {', '.join(sorted(unknown))}")
    parts, small = chosen.parts or PARTS, chosen.quick
    print(machine())
    engine = encoder()
    if engine is None:
        print(WITHOUT)
    figures: list[Figure] = []

    def add(found: list[Figure]) -> None:
        show(found)
        sys.stdout.flush()
        figures.extend(found)

    if "quality" in parts:
        print("nDCG@3 / recall@10")
        add(measure_quality(engine, "unseen", judged(
            UNSEEN / "unseen_directory.csv", UNSEEN / "unseen_queries.jsonl")))  # fmt: skip
        if DEVELOPMENT.is_dir():
            add(measure_quality(engine, "development", judged(
                DEVELOPMENT / "dev_directory.csv", DEVELOPMENT / "dev_queries.jsonl")))  # fmt: skip
        else:
            print("the development data is not there: left out")
    if "speed" in parts:
        add(measure_speed(engine, 300 if small else PEOPLE))
    if "matrix" in parts:
        add(measure_matrix(20 if small else MENTEES, 50 if small else MENTORS))
    if "million" in parts:
        add(measure_million(2_000 if small else GRADUATES, 100 if small else ELIGIBLE))
    if "campaign" in parts:
        add(bench_campaign.measure_campaign(None if small else engine, *(
            (20, 30) if small else (190, 250))))  # fmt: skip
    if "large" in parts:
        add(bench_campaign.measure_large(*((40, 60) if small else (MENTEES, MENTORS))))
    if "rival" in parts:
        add(bench_campaign.measure_rivals((10,) if small else (190, 500)))
    if "rematch" in parts:
        add(bench_campaign.measure_rematch(*((20, 30, 1) if small else (190, 250, 7))))
    return verdict(figures, quick=small)


if __name__ == "__main__":
    sys.exit(main())
