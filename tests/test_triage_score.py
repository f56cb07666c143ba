"""Signs and the order they make: more never lowers, the same twice, nothing strong is hidden."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.programmes.load import load
from bot.programmes.triage import LEVELS, Level, SilentDays, Triage, Weights
from bot.triage.score import (
    Alert,
    Apart,
    Call,
    Correction,
    Entry,
    Facts,
    Half,
    Missed,
    Position,
    Sent,
    Sign,
    first,
    ranked,
    signs,
)

NOW = datetime(2027, 1, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)
EMERGENCE = load("emergence")
RULES = Triage()
NOBODY = Facts(1, "normal", NOW - 300 * DAY, seen_at=NOW - DAY)


def kinds(facts: Facts, rules: Triage = RULES) -> dict[str, int]:
    """Kind → points."""
    return {sign.kind: sign.points for sign in signs(rules, EMERGENCE.reports, facts, NOW)}


def sent(quarter: str, number: int = 1, **values: object) -> Sent:
    return Sent(number, "quarterly", quarter, NOW - 10 * DAY, values)


def test_somebody_of_whom_nothing_is_wrong_has_no_sign() -> None:
    assert kinds(NOBODY) == {}
    well = sent("2026T4", studies="well", project="clear", commitment=4, call="no")
    assert kinds(replace(NOBODY, sent=(well,))) == {}


@pytest.mark.parametrize(
    ("more", "kind", "points"),
    [
        ({"calls": (Call(1, NOW, None),)}, "help", 100),
        ({"calls": (Call(1, NOW, 9),)}, "help_taken", 30),
        ({"words": ((1, NOW),)}, "words", 40),
        ({"requests": ((1, NOW),)}, "request", 20),
        ({"sent": (sent("2026T4", studies="hard"),)}, "alert", 40),
        ({"sent": (sent("2026T4", commitment=2),)}, "low", 20),
        ({"missed": (Missed("quarterly", ("2026T4", "2026T3"), NOW),)}, "missed", 60),
        ({"half": (Half("quarterly", "2026T4", NOW - 8 * DAY),)}, "half", 10),
        ({"unanswered": 3, "unanswered_since": NOW}, "unanswered", 30),
        ({"apart": (Apart(1, 2, 2, NOW),)}, "no_meeting", 30),
        ({"alerts": (Alert(1, "checkin", "met", "no", 2, NOW),)}, "mentor", 40),
        ({"alerts": (Alert(1, "checkin", "met", "no", 1, NOW),)}, "alert", 40),
        ({"seen_at": NOW - 60 * DAY, "prompts": 1}, "silence", 30),
        ({"reachable": False}, "unreachable", 25),
        ({"level": "close"}, "close", 15),
    ],
)
def test_each_sign_weighs_what_the_file_says(
    more: Mapping[str, object], kind: str, points: int
) -> None:
    facts = replace(NOBODY, **more)  # type: ignore[arg-type]
    assert kinds(facts) == {kind: points}
    without = Triage(weights=Weights(**{kind: 0}))
    assert kinds(facts, without) == {}


@pytest.mark.parametrize(
    "more",
    [
        {"half": (Half("quarterly", "2026T4", NOW - 6 * DAY),)},  # they may be about it
        {"apart": (Apart(1, 2, 1, NOW),)},  # once is nothing
        {"seen_at": NOW - 59 * DAY, "prompts": 3},
        {"seen_at": NOW - 300 * DAY, "prompts": 0},  # nobody wrote to them
    ],
)
def test_what_is_no_sign_yet(more: Mapping[str, object]) -> None:
    assert kinds(replace(NOBODY, **more)) == {}  # type: ignore[arg-type]


def test_the_last_report_is_set_beside_the_one_before() -> None:
    before = sent("2026T3", studies="well", commitment=5, project="stuck", call="no")
    now = sent("2026T4", 2, studies="hard", commitment=3, project="stuck", call="no")
    found = {
        (s.kind, s.about["question"]): s
        for s in signs(RULES, EMERGENCE.reports, replace(NOBODY, sent=(now, before)), NOW)
    }
    assert set(found) == {
        ("alert", "studies"), ("new", "studies"), ("alert", "project"), ("fell", "commitment"),
    }  # fmt: skip
    assert found["fell", "commitment"].points == 2 * RULES.weights.fell
    assert found["new", "studies"].about["was"] == "well"
    assert found["new", "studies"].about["before"] == "2026T3"
    better = signs(RULES, EMERGENCE.reports, replace(NOBODY, sent=(before, now)), NOW)
    assert {s.kind for s in better} == {"alert"}  # only that help is still wished for


def test_a_question_the_file_weighs_weighs_nothing_else() -> None:
    rules = Triage(answers={"quarterly": {"studies": {"fair": 7}, "commitment": {"5": 3}}})
    facts = replace(NOBODY, sent=(sent("2026T4", studies="hard", commitment=1, project="stuck"),))
    assert kinds(facts, rules) == {"alert": 40}  # project, by alert_staff
    facts = replace(NOBODY, sent=(sent("2026T4", studies="fair", commitment=5),))
    assert kinds(facts, rules) == {"alert": 7, "low": 3}


@pytest.mark.parametrize(("level", "days"), [("light", 120), ("normal", 60), ("close", 30)])
def test_a_closer_follow_up_hears_silence_sooner(level: Level, days: int) -> None:
    for ago, heard in ((days - 1, False), (days, True)):
        facts = replace(NOBODY, level=level, seen_at=NOW - ago * DAY, prompts=1)
        assert ("silence" in kinds(facts)) is heard


# --- order ----------------------------------------------------------------------------------------

SIGN = st.builds(
    Sign,
    kind=st.just("words"),
    key=st.text("abcdef", min_size=1, max_size=2),
    points=st.integers(1, 120),
    since=st.integers(0, 400).map(lambda ago: NOW - ago * DAY),
)
POSITION: st.SearchStrategy[Position] = st.sampled_from(("higher", "lower", "seen"))
CORRECTION = st.builds(
    Correction, position=POSITION, signs=st.frozensets(st.text("abcdef", min_size=1, max_size=2))
)


def entry(
    person: int, found: tuple[Sign, ...], correction: Correction | None = None, strong: int = 30
) -> Entry:
    return Entry(person, found, correction, strong)


ENTRIES = st.lists(
    st.builds(
        entry,
        st.integers(1, 10**6),
        st.lists(SIGN, max_size=5, unique_by=lambda sign: sign.key).map(tuple),
        st.none() | CORRECTION,
    ),
    max_size=12,
    unique_by=lambda one: one.person,
)


@settings(max_examples=100, deadline=None)
@given(ENTRIES, st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_how_people_were_found(entries: list[Entry], random) -> None:  # type: ignore[no-untyped-def]
    before = [one.person for one in ranked(entries)]
    random.shuffle(entries)
    assert [one.person for one in ranked(entries)] == before
    assert set(before) == {one.person for one in entries if one.signs}


@settings(max_examples=100, deadline=None)
@given(ENTRIES, SIGN, st.data())
def test_one_more_sign_never_lowers_anybody(
    entries: list[Entry], sign: Sign, data: st.DataObject
) -> None:
    listed = [one for one in entries if one.signs]
    if not listed:
        return
    one = data.draw(st.sampled_from(listed))
    if sign.key in {known.key for known in one.signs}:
        return
    worse = replace(one, signs=(*one.signs, sign))
    before = [e.person for e in ranked(entries)].index(one.person)
    after = [e.person for e in ranked(worse if e is one else e for e in entries)]
    assert after.index(one.person) <= before


@pytest.mark.parametrize("position", ["lower", "seen"])
@pytest.mark.parametrize(("points", "shown"), [(29, False), (30, True)])
def test_what_is_new_and_strong_shows_through_a_correction(
    position: Position, points: int, shown: bool
) -> None:
    old, new = Sign("alert", "old", 90, NOW), Sign("words", "new", points, NOW)
    decided = Correction(position, frozenset({"old"}))
    lowered = entry(1, (old,), decided)
    assert [e.person for e in ranked([lowered, entry(2, (new,))])] == [2, 1]
    again = entry(1, (old, new), decided)
    assert again.raised is shown
    assert [e.person for e in ranked([again, entry(2, (new,))])] == ([1, 2] if shown else [2, 1])


def test_whoever_was_put_higher_comes_first_and_whoever_was_seen_last() -> None:
    little, much = Sign("half", "a", 10, NOW), Sign("help", "b", 100, NOW)
    known = frozenset({"a", "b"})
    order = ranked(
        [
            entry(1, (much,), Correction("seen", known)),
            entry(2, (much,), Correction("lower", known)),
            entry(3, (little,)),
            entry(4, (little,), Correction("higher", known)),
            entry(5, ()),
        ]
    )
    assert [one.person for one in order] == [4, 3, 2, 1]
    assert first(order, 5, strong=30) == [4]  # what is settled is no news, nor what is little
    assert first(order, 5, strong=10) == [4, 3]


def test_among_equals_whoever_has_waited_longest_comes_first() -> None:
    def waits(person: int, days: int) -> Entry:
        return entry(person, (Sign("words", f"{person}", 40, NOW - days * DAY),))

    assert [e.person for e in ranked([waits(1, 2), waits(2, 9), waits(3, 2)])] == [2, 1, 3]


def test_levels_are_three_and_closer_is_sooner() -> None:
    assert [SilentDays().of(level) for level in LEVELS] == [120, 60, 30]
    with pytest.raises(ValueError, match="close <= normal <= light"):
        SilentDays(light=10)
