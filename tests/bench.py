"""`make bench`: what Cordée costs, each figure beside its bar; exit code 1 when one is missed.

    python -m tests.bench [import] [propose] [start] [triage] [updates] [--profile FILE] [--quick]

Everything runs against local platforms on this machine, with invented people. Linux only: what a
child process has used is read from `/proc`. The figures last measured are in `docs/bench.md`.

Source: the main job, "What must hold at the end": import under 10 s and 300 MB, a proposal under
150 ms, ready in under 3 s, an update at most 2 times a bare handler's.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from random import Random

from bot.bot import Bot
from bot.dialogue.questionnaire import Questionnaire
from bot.experts import Experts
from bot.programmes.load import load_all
from bot.programmes.meaning import features
from bot.turn import Scene
from handlers.local.people import invented, invented_csv
from storage.unit_of_work import Database
from tests.bench_crowd import SlackCrowd, TelegramCrowd
from tests.bench_process import child, command, run
from tests.bench_triage import PEOPLE as LAUREATES
from tests.bench_triage import measure as measure_triage
from tests.bench_updates import (
    PROGRAMME,
    SECRET,
    WAYS,
    Compared,
    Cost,
    Size,
    compare,
    house,
    settings_of,
)

PEOPLE = 18_000
PROPOSALS = 200
STARTS = 5
IMPORT_SECONDS, IMPORT_BYTES = 10.0, 300 * 10**6
PROPOSAL_MS = 150.0
START_SECONDS = 3.0
RATIO = 2.0
PARTS = ("import", "propose", "start", "triage", "updates")
QUICK = Size(writers=2, typed=1, pressers=2, pressed=1, idle=0.2)


@dataclass(frozen=True)
class Figure:
    """A line of the table.

    Attributes:
        name: What.
        value: As measured, with its unit.
        bar: What it has to keep; "" for what is only told.
        kept: Whether it does.
    """

    name: str
    value: str
    bar: str = ""
    kept: bool = True


# --- the directory --------------------------------------------------------------------------------


def measure_import(folder: Path, people: int) -> tuple[list[Figure], Path]:
    """`cordee import` into a fresh file; the file, for what follows."""
    source, file = folder / "people.csv", folder / "directory.db"
    source.write_bytes(invented_csv(people))
    settings = house(f"sqlite:///{file}")
    ran = run(command("handlers.main", "import", str(source)), settings, folder)
    told = ran.out.strip().splitlines()
    title = f"import of {people} people"
    return [
        Figure(f"{title}: time", f"{ran.wall:.2f} s", f"< {IMPORT_SECONDS:.0f} s",
               ran.wall < IMPORT_SECONDS),
        Figure(f"{title}: peak memory", f"{ran.peak / 1e6:.0f} MB",
               f"< {IMPORT_BYTES / 1e6:.0f} MB", 0 < ran.peak < IMPORT_BYTES),
        Figure(f"{title}: processor", f"{ran.cpu:.2f} s"),
        Figure(f"{title}: said", told[-1] if told else ""),
    ], file  # fmt: skip


def wishes(qs: Questionnaire, count: int) -> list[dict[str, tuple[str, ...]]]:
    """What matching would read of invented people's answers to these questions."""
    rng = Random(7)
    lives = [row for row in invented(count * 2, seed=7) if row["bio"]]
    found = []
    for row in lives[:count]:
        answers: dict[str, object] = {}
        for q in qs.questions:
            values = [option.value for option in q.options]
            if q.id in ("standing", "help"):
                answers[q.id] = {"standing": "employed", "help": "long_term"}[q.id]
            elif q.when and not _asked(q.when, answers):
                continue
            elif q.kind == "many":
                answers[q.id] = tuple(rng.sample(values, rng.randint(1, min(3, len(values)))))
            elif q.kind == "choice":
                answers[q.id] = rng.choice(values)
            elif q.feature == "country":
                answers[q.id] = row["pays"]
            elif q.feature == "text":
                answers[q.id] = f"{row['poste']}, {row['secteur']}. {row['bio']}"
        found.append(features(qs, answers))
    return found


def _asked(when: Mapping[str, Sequence[str | int]], answers: Mapping[str, object]) -> bool:
    return all(answers.get(question) in values for question, values in when.items())


def measure_proposals(file: Path, count: int) -> list[Figure]:
    """Proposals out of that directory, as the bot makes them, each in a transaction of its own."""
    database = Database(f"sqlite:///{file}", SECRET)
    bot = Bot(load_all([PROGRAMME]), ())
    programme = bot.programmes[PROGRAMME]
    assert programme.intake is not None
    now = datetime.now(UTC)
    with database.unit_of_work() as uow:
        identity = uow.people.meet(
            platform="telegram", account="7", bot_account="telegram:4242", lang="fr", now=now
        )
        mentee = uow.people.get(identity.person_id)
        assert mentee is not None
        mentee.promo = 2019
        uow.commit()
    experts = Experts()
    walls, cpus, proposed = [], [], 0
    for wish in wishes(programme.intake, count):
        wall, cpu = time.perf_counter(), time.thread_time()
        with database.unit_of_work() as uow:
            person = uow.people.get(mentee.id)
            assert person is not None
            found = experts.propose(Scene(bot, uow, now), person, programme, wish)
        walls.append(1000 * (time.perf_counter() - wall))
        cpus.append(1000 * (time.thread_time() - cpu))
        proposed += len(found)
    database.close()
    p95 = quantile(walls[1:], 0.95)
    return [
        Figure("proposal: p95", f"{p95:.0f} ms", f"< {PROPOSAL_MS:.0f} ms", p95 < PROPOSAL_MS),
        Figure("proposal: p50, max", f"{quantile(walls[1:], 0.5):.0f}, {max(walls[1:]):.0f} ms"),
        Figure("proposal: processor p95", f"{quantile(cpus[1:], 0.95):.0f} ms"),
        Figure("proposal: the first, which builds the index", f"{walls[0]:.0f} ms"),
        Figure("proposal: experts proposed per wish", f"{proposed / len(walls):.2f}"),
    ]


def quantile(values: Sequence[float], part: float) -> float:
    """The value that this part of them does not pass."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0


def measure_order(folder: Path, people: int) -> list[Figure]:
    """« À voir en premier » beside the bare read of its rows."""
    found = measure_triage(folder / "triage.db", people)
    title = f"order of {people} laureates"
    both = found.held + found.beside
    return [
        Figure(
            f"{title}: in the transaction, beside it", f"{found.held:.0f}, {found.beside:.0f} ms"
        ),
        Figure(f"{title}: transaction / bare read", f"{found.held / found.bare:.1f}"),
        Figure(f"{title}: everything / bare read", f"{both / found.bare:.1f}"),
        Figure(f"{title}: bare read of the rows", f"{found.bare:.0f} ms"),
        Figure(f"{title}: people with a sign", f"{found.found}"),
    ]


# --- the running bot ------------------------------------------------------------------------------


async def measure_start(folder: Path, file: Path, times: int) -> list[Figure]:
    """From spawn to "ready", both platforms on, with that directory."""
    slack, telegram = SlackCrowd(1), TelegramCrowd(1)
    await slack.start()
    await telegram.start()
    settings = house(f"sqlite:///{file}")
    settings |= settings_of("slack-socket", slack) | settings_of("telegram-polling", telegram)
    walls, cpus, peaks = [], [], []
    try:
        for _ in range(times):
            async with child(command("handlers.main", "run"), settings, folder) as cordee:
                walls.append(cordee.ready_after)
                cpus.append(cordee.ready_cpu)
                peaks.append(cordee.peak())
                await asyncio.sleep(0.5)  # its first calls: not to be cut off in the middle
    finally:
        await telegram.stop()
        await slack.stop()
    middle = statistics.median(walls)
    return [
        Figure("start to ready: median", f"{middle:.2f} s", f"< {START_SECONDS:.0f} s",
               middle < START_SECONDS),
        Figure("start to ready: each", ", ".join(f"{wall:.2f}" for wall in walls) + " s"),
        Figure("start to ready: processor", f"{statistics.median(cpus):.2f} s"),
        Figure("start to ready: memory", f"{max(peaks) / 1e6:.0f} MB"),
    ]  # fmt: skip


def told(found: Compared, size: Size) -> list[Figure]:
    """The lines of one way in."""
    lines = []
    for kind, (ours, bare) in (("typed", found.typed), ("pressed", found.pressed)):
        ratio = ours.each / bare.each if bare.each else float("inf")
        lines += [
            Figure(f"{found.way}, {kind}: processor, ours / bare", f"{ratio:.2f}", f"≤ {RATIO:.0f}",
                   ratio <= RATIO),
            Figure(f"{found.way}, {kind}: processor of an update",
                   f"{ours.each:.2f} / {bare.each:.2f} ms"),
            Figure(f"{found.way}, {kind}: answer p50, p95", f"{_waits(ours)} / {_waits(bare)} ms"),
        ]  # fmt: skip
    idle, simple = (1000 * one / size.idle for one in found.idle)
    lines.append(Figure(f"{found.way}: idle", f"{idle:.1f} / {simple:.1f} ms per s"))
    refused = sorted(set(found.refusals))
    lines.append(
        Figure(f"{found.way}: refused", "; ".join(refused) or "nothing", "nothing", not refused)
    )
    return lines


def _waits(cost: Cost) -> str:
    return f"{1000 * quantile(cost.waits, 0.5):.0f}, {1000 * quantile(cost.waits, 0.95):.0f}"


# --- the table ------------------------------------------------------------------------------------


def machine() -> str:
    """What it was measured on."""
    names = ("slack-bolt", "python-telegram-bot", "SQLAlchemy")
    libraries = ", ".join(f"{name} {version(name)}" for name in names)
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    day = datetime.now(UTC).date().isoformat()
    return f"{day}, Python {platform.python_version()}, {cpu}, {libraries}"


def show(figures: Sequence[Figure]) -> None:
    """Print the table."""
    width = max(len(f.name) for f in figures)
    wide = max(len(f.value) for f in figures)
    for one in figures:
        verdict = ("pass" if one.kept else "FAIL") if one.bar else ""
        print(f"{one.name:<{width}}  {one.value:>{wide}}  {one.bar:<10}  {verdict}".rstrip())


async def measure(options: argparse.Namespace, folder: Path) -> list[Figure]:
    """All that was asked for, in order."""
    parts = options.parts or PARTS
    figures: list[Figure] = []

    def add(found: list[Figure]) -> None:
        show(found)
        sys.stdout.flush()
        figures.extend(found)

    if {"import", "propose", "start"} & {*parts}:
        found, file = measure_import(folder, 200 if options.quick else PEOPLE)
        add(found)
        if "propose" in parts:
            copy = folder / "proposals.db"
            shutil.copy(file, copy)
            add(measure_proposals(copy, 10 if options.quick else PROPOSALS))
        if "start" in parts:
            add(await measure_start(folder, file, 1 if options.quick else STARTS))
    if "triage" in parts:
        add(measure_order(folder, 200 if options.quick else LAUREATES))
    if "updates" in parts:
        size = QUICK if options.quick else Size()
        for way in options.way or WAYS:
            place = folder / way
            place.mkdir()
            profile = options.profile and options.profile.with_suffix(f".{way}.prof")
            add(told(await compare(way, place, size, profile), size))
    return figures


def verdict(figures: Sequence[Figure], *, quick: bool) -> int:
    """Say which bars were missed; the exit code."""
    if quick:
        print("it runs; so small a run says nothing of the bars")
        return 0
    missed = [one.name for one in figures if not one.kept]
    print(f"missed: {', '.join(missed)}" if missed else "every bar is kept")
    return 1 if missed else 0


def main() -> int:
    """Measure, print, and say by the exit code whether every bar is kept."""
    options = argparse.ArgumentParser(prog="python -m tests.bench")
    options.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all by default")
    options.add_argument("--way", action="append", choices=WAYS, help="only this way in")
    options.add_argument("--profile", type=Path, help="profile ours; FILE.<way>.prof, for pstats")
    options.add_argument("--quick", action="store_true", help="small: only whether it runs")
    chosen = options.parse_args()
    if unknown := {*chosen.parts} - {*PARTS}:
        options.error(f"unknown: {', '.join(sorted(unknown))}")
    print(machine())
    with tempfile.TemporaryDirectory(prefix="cordee-bench-") as folder:
        figures = asyncio.run(measure(chosen, Path(folder)))
    return verdict(figures, quick=chosen.quick)


if __name__ == "__main__":
    sys.exit(main())
