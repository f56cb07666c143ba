"""What can be planted where, and what of it changes nothing.

The faults are mutmut's: a comparison turned, a number one higher, an argument left out, a text
changed. By itself mutmut leaves every decorated function alone, which is most of what guards
people's data (`bot/access.py`); here those are mutated too, under their decorators. This module
runs no test.
"""

from __future__ import annotations

import difflib
import fnmatch
import random
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import libcst as cst
from mutmut.mutation import file_mutation
from mutmut.mutation.file_mutation import Mutation, MutationVisitor, OuterFunctionProvider
from mutmut.utils.format_utils import get_mutant_name, is_mutated_method_name

ROOT: Final = Path(__file__).resolve().parents[2]
EQUIVALENTS: Final = Path(__file__).with_name("equivalents.toml")
_ENTERED: Final = ("staticmethod", "classmethod")  # mutmut knows what to do with these

_asked: list[str] = []
_share: list[float] = [1.0, 1]  # of the faults, and the seed of the lot
_skip = MutationVisitor._skip_node_and_children
_arrange = file_mutation.function_trampoline_arrangement
_find = file_mutation.create_mutations


def _decorated(node: cst.CSTNode) -> bool:
    """Whether this is a function that mutmut would leave alone for its decorators."""
    if not isinstance(node, cst.FunctionDef) or not node.decorators:
        return False
    first = node.decorators[0].decorator
    known = isinstance(first, cst.Name) and first.value in _ENTERED
    return len(node.decorators) > 1 or not known


def _left_out(self: MutationVisitor, node: cst.CSTNode) -> bool:
    """What is not mutated: functions nobody asked for; but no decorated one for being that."""
    if isinstance(node, cst.FunctionDef):
        outermost = self.get_metadata(OuterFunctionProvider, node, None) is node
        if outermost and not any(fnmatch.fnmatch(node.name.value, one) for one in _asked):
            return True
    return _skip(self, node.with_changes(decorators=()) if _decorated(node) else node)


def _bare_copies(
    function: cst.FunctionDef, mutants: Iterable[Mutation], class_name: str | None
) -> tuple[Sequence[Any], Sequence[Any], Sequence[Any], Sequence[str]]:
    """Decorate only what chooses among the copies of a function, not each copy."""
    declared, nodes, assigned, names = _arrange(function, mutants, class_name)
    if _decorated(function):
        bare = [cast(cst.FunctionDef, one).with_changes(decorators=()) for one in nodes[1:]]
        nodes = [nodes[0], *bare]
    return declared, nodes, assigned, names


def _some(
    filename: str,
    code: str,
    covered_lines: set[int] | None = None,
    coverage_excluded_lines: set[int] | None = None,
) -> tuple[cst.Module, list[Mutation], set[str], set[str]]:
    """The faults of a file, or a share of them drawn by lot: always the same ones.

    Each function has a lot of its own, so that it is the same whatever else was asked for.
    """
    module, found, *ignored = _find(filename, code, covered_lines, coverage_excluded_lines)
    share, seed = _share
    lots: dict[str, random.Random] = {}
    drawn = []
    for one in found:
        inside = one.contained_by_top_level_function
        name = inside.name.value if isinstance(inside, cst.FunctionDef) else ""
        lot = lots.setdefault(name, random.Random(f"{seed} {filename} {name}"))
        if lot.random() < share:
            drawn.append(one)
    return module, drawn, ignored[0], ignored[1]


def sample(share: float, seed: int) -> None:
    """Plant only a share of the faults, drawn by lot; in this process only."""
    _share[:] = [share, seed]


def prepare(functions: Iterable[str] = ("*",)) -> None:
    """Have mutmut take decorated functions too, and of all only these; in this process only.

    Args:
        functions: Patterns of names, without the class.
    """
    _asked[:] = functions
    file_mutation.MutationVisitor._skip_node_and_children = _left_out  # type: ignore[method-assign]
    file_mutation.create_mutations = _some
    file_mutation.function_trampoline_arrangement = _bare_copies


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault.

    Attributes:
        name: As mutmut calls it (`bot.access.x_own_pair__mutmut_3`).
        place: File and function, `bot/access.py: own_pair`.
        was: The lines of the function that differ, without their indentation.
        now: What stands there instead.
    """

    name: str
    place: str
    was: str
    now: str


def mutants(path: str, functions: Sequence[str] = ()) -> list[Mutant]:
    """Every fault that can be planted into a file, or into these functions of it, in its order.

    Args:
        path: Below the root.
        functions: Patterns, `clean` or `Rich.*`; none means all.
    """
    prepare(one.rpartition(".")[2] for one in functions or ("*",))
    module = file_mutation.mutate_file_contents(path, (ROOT / path).read_text("utf-8")).code
    copies: dict[str, list[str]] = {}
    for node in _functions(cst.parse_module(module)):
        name = node.name.value
        if is_mutated_method_name(name):
            body = node.with_changes(name=cst.Name("f"), decorators=(), leading_lines=())
            copies[name] = [x.strip() for x in cst.Module([body]).code.splitlines() if x.strip()]
    found = []
    for name, lines in copies.items():
        stem = name.partition("__mutmut_")[0]
        if name.endswith("__mutmut_orig"):
            continue
        was, now = _differing(copies[f"{stem}__mutmut_orig"], lines)
        function = stem.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
        found.append(Mutant(get_mutant_name(Path(path), name), f"{path}: {function}", was, now))
    return found


def _functions(module: cst.Module) -> Iterable[cst.FunctionDef]:
    for node in module.body:
        if isinstance(node, cst.FunctionDef):
            yield node
        elif isinstance(node, cst.ClassDef):
            yield from (n for n in node.body.body if isinstance(n, cst.FunctionDef))


def _differing(before: list[str], after: list[str]) -> tuple[str, str]:
    """The lines of either that the other has not."""
    was: list[str] = []
    now: list[str] = []
    steps = difflib.SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes()
    for step, a, b, c, d in steps:
        if step != "equal":
            was += before[a:b]
            now += after[c:d]
    return "\n".join(was), "\n".join(now)


@dataclass(frozen=True, slots=True)
class Equivalent:
    """A fault that changes nothing anybody could notice, with the reason why."""

    place: str
    was: str
    now: str
    why: str

    def is_(self, mutant: Mutant) -> bool:
        """Whether this is the one."""
        return (self.place, self.was, self.now) == (mutant.place, mutant.was, mutant.now)


def equivalents() -> list[Equivalent]:
    """The list: `equivalents.toml`, one table for each reason."""
    listed = tomllib.loads(EQUIVALENTS.read_text("utf-8"))["equivalent"]
    return [
        Equivalent(one["place"], one["was"].strip(), now.strip(), one["why"])
        for one in listed
        for now in one["now"]
    ]
