"""The short form of `make mutation`: what it would plant, and what it leaves out, fit the code."""

import re

import pytest

from tests.mutation.mutants import ROOT, equivalents, mutants, sample
from tests.mutation.score import GROUPS


@pytest.mark.parametrize("path", sorted({one.place.partition(": ")[0] for one in equivalents()}))
def test_what_is_listed_as_equivalent_is_still_there(path: str) -> None:
    """A line that has changed since must be looked at again."""
    functions = {
        one.place.partition(": ")[2] for one in equivalents() if one.place.startswith(path)
    }
    planted = mutants(path, sorted(functions))
    stale = [
        f"{one.place}: {one.now}"
        for one in equivalents()
        if one.place.startswith(f"{path}: ") and not any(one.is_(mutant) for mutant in planted)
    ]
    assert stale == []


def test_each_is_listed_once_with_its_reason() -> None:
    listed = [(one.place, one.was, one.now) for one in equivalents()]
    assert len(listed) == len(set(listed))
    assert all(len(one.why) > 10 for one in equivalents())


def test_what_is_under_a_decorator_is_planted_too() -> None:
    """The library alone leaves it out; half of what guards people's data would go untried."""
    places = {one.place for one in mutants("storage/sealed.py")}
    assert "storage/sealed.py: Sealed.process_bind_param" in places  # @override


def test_a_share_is_the_same_whatever_else_is_asked_for() -> None:
    sample(0.3, 5)
    try:
        alone = mutants("storage/inbox.py", ("InboxStore.purge",))
        among = [one for one in mutants("storage/inbox.py") if one in alone]
        assert alone == among
        assert len(alone) > 0
    finally:
        sample(1.0, 1)
    assert len(alone) < len(mutants("storage/inbox.py", ("InboxStore.purge",)))


@pytest.mark.parametrize("name", GROUPS)
def test_a_group_names_what_there_is(name: str) -> None:
    group = GROUPS[name]
    for path, functions in group.files.items():
        code = (ROOT / path).read_text("utf-8")
        for pattern in functions:
            name = re.escape(pattern.rpartition(".")[2]).replace(r"\*", r"\w+")
            assert re.search(rf"def {name}\(", code), f"{path}: {pattern}"
    for test in group.tests:
        assert (ROOT / test.partition("::")[0]).exists(), test
