"""Which messages the code speaks: read from its source, with the variables each call gives.

A message id is a literal, a choice between literals, a variable that holds one, a parameter that
callers give, or an f-string. What only the data know (`f"pair-is-{pair.state}"`) is looked up in a
table of the test's.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
SOURCES: Final = tuple(
    sorted(
        file
        for package in ("bot", "handlers", "scheduling")
        for file in (ROOT / package).rglob("*.py")
        if "local" not in file.parts  # the local platforms and their page are no part of the bot
    )
)
BUTTONS: Final = frozenset({"run_choice", "act_choice", "Choice", "_act", "_nav"})
Function = ast.FunctionDef | ast.AsyncFunctionDef


class UnknownKeyError(AssertionError):
    """A message id that neither the source nor the tables tell."""


@dataclass(frozen=True)
class Spoken:
    """One message id at one call.

    Attributes:
        key: The id.
        given: Names of the variables the call gives; None when it passes on what it got.
        label: Whether it is the label of a button.
        place: File and line.
    """

    key: str
    given: frozenset[str] | None
    label: bool
    place: str


class Source:
    """The code, and the tables for what it does not say itself.

    Args:
        families: f-string with `{}` for each variable part -> the ids it stands for.
        dynamic: Expression -> the ids it stands for.
    """

    def __init__(
        self, families: Mapping[str, Iterable[str]], dynamic: Mapping[str, Iterable[str]]
    ) -> None:
        self.families, self.dynamic = families, dynamic
        self.used: set[str] = set()  # entries of the tables that were needed
        self.trees = {f: ast.parse(f.read_text(encoding="utf-8")) for f in SOURCES}
        self.calls = [found for tree in self.trees.values() for found in _calls(tree, ())]

    def spoken(self) -> list[Spoken]:
        """Every message id of every call that speaks."""
        return [found for file, tree in self.trees.items() for found in self._of_file(file, tree)]

    def _of_file(self, file: Path, tree: ast.Module) -> Iterator[Spoken]:
        factories = {n.name for n in tree.body if isinstance(n, Function)} | {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        labels = {
            id(arg)
            for call in ast.walk(tree)
            if isinstance(call, ast.Call) and _name(call.func) in BUTTONS
            for arg in call.args
        }
        for call, around in _calls(tree, ()):
            if not call.args or not _speaks(call.func, factories):
                continue
            if around and around[-1].name == "text":
                continue  # `Turn.text` itself: its callers are looked at
            given = {k.arg for k in call.keywords if k.arg} | (
                {"n"} if len(call.args) > 1 else set()
            )
            passed_on = any(k.arg is None for k in call.keywords)
            for key in self._keys(call.args[0], around):
                yield Spoken(
                    key,
                    None if passed_on else frozenset(given),
                    id(call) in labels,
                    f"{file.relative_to(ROOT)}:{call.lineno}",
                )

    def _keys(self, node: ast.expr, around: tuple[Function, ...]) -> set[str]:
        match node:
            case ast.Constant(value=str(key)):
                return {key}
            case ast.IfExp():
                return self._keys(node.body, around) | self._keys(node.orelse, around)
            case ast.JoinedStr():
                return self._family(node, around)
            case ast.Name() if found := self._variable(node.id, around):
                return found
        return self._looked_up(self.dynamic, ast.unparse(node))

    def _looked_up(self, table: Mapping[str, Iterable[str]], name: str) -> set[str]:
        if name not in table:
            raise UnknownKeyError(f"say in the tables of the test what {name!r} stands for")
        self.used.add(name)
        return set(table[name])

    def _family(self, node: ast.JoinedStr, around: tuple[Function, ...]) -> set[str]:
        parts: list[set[str]] = []
        for part in node.values:
            if isinstance(part, ast.Constant):
                parts.append({str(part.value)})
            elif isinstance(part, ast.FormattedValue) and isinstance(part.value, ast.Name):
                parts.append(self._variable(part.value.id, around) or {"{}"})
            else:
                parts.append({"{}"})
        found: set[str] = set()
        for combined in product(*parts):
            key = "".join(combined)
            found |= self._looked_up(self.families, key) if "{}" in key else {key}
        return found

    def _variable(self, name: str, around: tuple[Function, ...]) -> set[str]:
        """What a variable holds: what the nearest function assigns to it, or callers give."""
        for depth in range(len(around), 0, -1):
            function = around[depth - 1]
            values = [
                n.value
                for n in ast.walk(function)
                if isinstance(n, ast.Assign)
                and any(isinstance(t, ast.Name) and t.id == name for t in n.targets)
            ]
            if values:
                return set().union(*(self._keys(v, around[:depth]) for v in values))
            if name in _parameters(function):
                return self._given_by_callers(function, name)
        return set()

    def _given_by_callers(self, function: Function, name: str) -> set[str]:
        parameters = [p for p in _parameters(function) if p != "self"]
        positional = [a.arg for a in function.args.args if a.arg != "self"]
        found = {
            str(d.value)
            for p, d in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
            if p.arg == name and isinstance(d, ast.Constant)
        }
        for call, around in self.calls:
            if _name(call.func) != function.name or name not in parameters:
                continue
            place = positional.index(name) if name in positional else len(call.args)
            given = [k.value for k in call.keywords if k.arg == name]
            given += call.args[place : place + 1]
            for value in given:
                branches = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
                for b in branches:
                    if isinstance(b, ast.Constant) and isinstance(b.value, str):
                        found.add(b.value)
                    elif isinstance(b, ast.JoinedStr):
                        found |= self._family(b, around)
                    elif isinstance(b, ast.Name) and self._hands_on(b.id, function, around):
                        found |= self._given_by_callers(around[-1], b.id)
        return found

    @staticmethod
    def _hands_on(name: str, function: Function, around: tuple[Function, ...]) -> bool:
        """Whether a caller only hands on what it was given itself."""
        return bool(around) and around[-1] is not function and name in _parameters(around[-1])


def _name(callee: ast.expr) -> str:
    match callee:
        case ast.Name():
            return callee.id
        case ast.Attribute():
            return callee.attr
    return ""


def _speaks(callee: ast.expr, factories: set[str]) -> bool:
    """Whether a call words a message: `w(…)`, `turn.w(…)`, `turn.text(…)`, `words(lang)(…)`."""
    match callee:
        case ast.Name(id="w" | "words"):
            return callee.id not in factories
        case ast.Attribute(attr="w", value=ast.Name(id="turn" | "self" | "scene")):
            return True
        case ast.Attribute(attr="text", value=ast.Name(id="turn")):
            return True
        case ast.Call(func=ast.Name(id="words")):
            return True
    return False


def _parameters(function: Function) -> list[str]:
    return [a.arg for a in (*function.args.args, *function.args.kwonlyargs)]


def _calls(
    node: ast.AST, around: tuple[Function, ...]
) -> Iterator[tuple[ast.Call, tuple[Function, ...]]]:
    """Every call below a node, with the functions it lies in, outermost first."""
    inside = (*around, node) if isinstance(node, Function) else around
    if isinstance(node, ast.Call):
        yield node, inside
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, inside)
