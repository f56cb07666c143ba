"""How many planted faults the tests notice, group by group, against the bar of each.

    .venv/bin/python -m tests.mutation.score                    # every group, all of it
    .venv/bin/python -m tests.mutation.score sealing access
    .venv/bin/python -m tests.mutation.score core --share 0.05 --seed 1
    .venv/bin/python -m tests.mutation.score access --only '*own_pair*'

A fault counts as noticed when a test fails, or runs far longer than without it. One that nothing
notices is either in the list of equivalents (`equivalents.toml`, with its reason) or is printed.
Each group is worked in a copy under `build/mutation/`.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from typing import Final

import mutmut.__main__ as engine
from mutmut import configuration
from mutmut.stats import status_by_exit_code

from tests.mutation.mutants import ROOT, Mutant, equivalents, mutants, prepare, sample

FLOWS: Final = ROOT / "bot" / "flows"
WORK: Final = ROOT / "build" / "mutation"
NOTICED: Final = frozenset({"killed", "timeout", "segfault"})
# The two that look for what was never raised collect the garbage after each test: half of the time.
PYTEST: Final = [
    *("-p", "tests.mutation.fresh"),
    *("-p", "no:cacheprovider", "-p", "no:xdist"),
    *("-p", "no:unraisableexception", "-p", "no:threadexception"),
    *("-m", "not postgres and not browser and not slow"),
    "--hypothesis-profile=mutation",
]

RANKED_BY_LOAD: Final = (
    "what_lies_between_costs_what_lies_between",
    "who_carries_more_comes_later_by_so_many_points",
    "who_was_shown_often_comes_after_equals_and_before_the_others",
)
RANKED_BY_MEANING: Final = (
    "a_meaning_is_found_where_no_word_and_no_field_is_shared",
    "without_a_vector_an_expert_is_ranked_by_words",
    "the_order_of_the_rows_changes_nothing",
    "filters_hold_and_reasons_are_true_in_any_directory",
    "a_matrix_has_the_scores_of_the_ranking",
    "who_shares_only_the_kind_of_help_has_no_points",
    "reasons_of_many_pairs_are_those_of_each_alone",
)
# The tests of the flows beside the conversations: a minute in all, so they are asked first.
BESIDE: Final = (
    *("afterwards", "announcements", "arriving", "bodies", "campaign_figures", "campaigns"),
    *("checkins", "classes", "consents", "differing", "digests", "flags", "followup", "gaps"),
    *("groups", "interviews", "kept", "leaving", "minor_desk", "minor_requests", "minors"),
    *("not_asked", "offer", "pairs", "partings", "promises", "queue", "referrals"),
    *("referrals_lent", "reports", "requests", "rights", "roles", "supervisors", "team"),
    *("team_letters", "telegram_request", "timers", "triage", "triage_beside"),
)


@dataclass(frozen=True, slots=True)
class Group:
    """Files whose faults are to be noticed, and the tests that are to notice them.

    Attributes:
        bar: Per cent, of those that are not listed as equivalent.
        files: Path to patterns of the functions in it that count; none means all.
        tests: What pytest is given; of these, only those that reach the function are run.
    """

    bar: float
    files: dict[str, tuple[str, ...]]
    tests: tuple[str, ...]


GROUPS: Final = {
    "sealing": Group(
        100,
        {"storage/sealed.py": (), "storage/vault.py": ()},
        ("tests/test_sealing.py", "tests/test_vault.py"),
    ),
    "escaping": Group(
        100,
        {
            "handlers/slack/render.py": (
                *("clean", "one_line", "escape", "_plain", "_label", "_has_meaning"),
                *("line_text", "_in_full", "fallback", "caption", "toast"),
            ),
            "handlers/slack/inbound.py": ("unescape",),
            "handlers/telegram/text.py": (
                *("clean", "flat", "visible", "units", "_with_code"),
                *("Rich.__init__", "Rich.text", "Rich.add", "Rich.finish", "Rich._pressable"),
            ),
            "bot/exporter.py": (),
            "bot/cells.py": ("clean",),
        },
        ("tests/test_escaping.py",),
    ),
    "retention": Group(
        100,
        {
            "storage/retention.py": ("Purge.*",),
            "storage/privacy.py": ("Privacy.end_talks",),
            "storage/unit_of_work.py": ("UnitOfWork.purge",),
            "storage/inbox.py": ("InboxStore.purge",),
            "storage/outbox.py": ("OutboxStore.purge",),
            "storage/timers.py": ("TimerStore.purge",),
        },
        ("tests/test_retention.py", "tests/test_two_years.py"),
    ),
    "access": Group(
        100,
        {"bot/access.py": (), "bot/policy.py": ()},
        ("tests/test_access.py", "tests/test_policy.py", "tests/test_own_side.py"),
    ),
    "dialogue": Group(
        85,
        {f"bot/dialogue/{n}.py": () for n in ("engine", "parsing", "questionnaire", "tokens")},
        tuple(f"tests/test_{n}.py" for n in ("engine", "parsing", "questionnaire", "tokens")),
    ),
    "matching": Group(
        85,
        {f"bot/matching/{n}.py": () for n in ("assign", "features", "score", "text")},
        (
            *(f"tests/test_{n}.py" for n in ("assign", "matching_score", "matching_text")),
            *(f"tests/test_load.py::test_{n}" for n in RANKED_BY_LOAD),
            *(f"tests/test_sense.py::test_{n}" for n in RANKED_BY_MEANING),
        ),
    ),
    "rules": Group(
        85,
        {f"bot/{n}.py": () for n in ("rhythm", "triage/score")},
        tuple(f"tests/test_{n}.py" for n in ("rhythm", "triage_score")),
    ),
    "protection": Group(
        85,
        {f"bot/{n}.py": () for n in ("minors", "contacts", "distress", "consents")},
        tuple(
            f"tests/test_{n}.py"
            for n in (
                *("minors", "minor_desk", "minor_requests", "unseen_words", "split_contacts"),
                *("flags", "consents", "first_message", "interviews", "retention", "contacts"),
                *("shown_to_minors", "companies", "partner_page", "arriving"),
            )
        ),
    ),
    "flows": Group(
        85,
        {
            **{path.relative_to(ROOT).as_posix(): () for path in sorted(FLOWS.glob("[a-z]*.py"))},
            **{f"bot/{n}.py": () for n in ("bot", "dialogues", "turn", "triage/gather")},
        },
        ("tests/transcripts", *(f"tests/test_{n}.py" for n in BESIDE)),
    ),
}


def wanted(group: Group) -> list[Mutant]:
    """The faults of a group, in the order of its files."""
    return [one for path, functions in group.files.items() for one in mutants(path, functions)]


def run(name: str, group: Group, chosen: list[Mutant]) -> dict[str, str]:
    """Plant each fault, run its tests, and say what became of it, by its name."""
    folder = WORK / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for entry in ROOT.iterdir():
        if entry.name not in (".git", ".venv", "build"):
            (folder / entry.name).symlink_to(entry)
    os.chdir(folder)
    configuration.reset_config()
    config = configuration.config()
    config.only_mutate[:] = list(group.files)
    config.pytest_add_cli_args_test_selection[:] = list(group.tests)
    config.pytest_add_cli_args[:] = PYTEST
    prepare(n.rpartition(".")[2] for names in group.files.values() for n in names or ("*",))
    engine._run([one.name for one in chosen], 1)
    found: dict[str, str] = {}
    for path in group.files:
        codes = json.loads((folder / "mutants" / f"{path}.meta").read_text("utf-8"))
        found |= {k: status_by_exit_code[v] for k, v in codes["exit_code_by_key"].items()}
    return found


def report(name: str, group: Group, chosen: list[Mutant], states: dict[str, str]) -> bool:
    """Print the score and what nothing noticed; whether the bar is reached."""
    listed = equivalents()
    missed = [one for one in chosen if states[one.name] not in NOTICED]
    same = [one for one in missed if any(e.is_(one) for e in listed)]
    holes = [one for one in missed if one not in same]
    for one in holes:
        sys.stdout.write(f"\n{one.place}  ({one.name}, {states[one.name]})\n")
        sys.stdout.write("".join(f"  - {line}\n" for line in one.was.splitlines()))
        sys.stdout.write("".join(f"  + {line}\n" for line in one.now.splitlines()))
    counted = len(chosen) - len(same)
    score = 100 * (counted - len(holes)) / counted if counted else 100.0
    kinds = ", ".join(f"{n} {k}" for k, n in Counter(states[c.name] for c in chosen).most_common())
    sys.stdout.write(
        f"\n{name}: {score:.1f} % of {counted} faults noticed, bar {group.bar:.0f} %; "
        f"{len(same)} equivalent; {kinds}\n"
    )
    return score >= group.bar


def main() -> int:
    """Work through the groups asked for; 1 when one is under its bar."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("groups", nargs="*", help=", ".join(GROUPS))
    parser.add_argument("--share", type=float, default=1.0, help="of the faults, drawn by lot")
    parser.add_argument("--seed", type=int, default=1, help="of the lot")
    parser.add_argument("--only", default="*", help="pattern of names of faults")
    given = parser.parse_args()
    names = given.groups or list(GROUPS)
    if len(names) > 1:  # a process of its own for each: what was loaded for one stays loaded
        options = [f"--share={given.share}", f"--seed={given.seed}", f"--only={given.only}"]
        own = [sys.executable, "-m", "tests.mutation.score"]
        return max([subprocess.call([*own, name, *options]) for name in names])
    sample(given.share, given.seed)
    group = GROUPS[names[0]]
    chosen = [one for one in wanted(group) if fnmatch.fnmatch(one.name, given.only)]
    return int(not report(names[0], group, chosen, run(names[0], group, chosen)))


if __name__ == "__main__":
    sys.exit(main())
