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
    HIGHEST,
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
        {"apart": (Apart(1, 2, 1, NOW, planned=True),)},
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
    shown = {one.person for one in entries if one.signs or one.group == HIGHEST}
    assert set(before) == shown


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
            entry(6, (), Correction("lower", known)),
            entry(8, (), Correction("higher", frozenset())),
            entry(7, (), Correction("higher", known)),
        ]
    )
    assert [one.person for one in order] == [4, 7, 8, 3, 2, 1]  # higher, also without a sign
    assert first(order, 5, strong=30) == [4, 7, 8]  # what is settled is no news, nor what is little
    assert first(order, 5, strong=10) == [4, 7, 8, 3]


def test_among_equals_whoever_has_waited_longest_comes_first() -> None:
    def waits(person: int, days: int) -> Entry:
        return entry(person, (Sign("words", f"{person}", 40, NOW - days * DAY),))

    assert [e.person for e in ranked([waits(1, 2), waits(2, 9), waits(3, 2)])] == [2, 1, 3]


def test_levels_are_three_and_closer_is_sooner() -> None:
    assert [SilentDays().of(level) for level in LEVELS] == [120, 60, 30]
    with pytest.raises(ValueError, match="close <= normal <= light"):
        SilentDays(light=10)


# --- what a sign says -----------------------------------------------------------------------------

AGO = NOW - 200 * DAY


def only(**more: object) -> Sign:
    """The one sign that these facts give."""
    (found,) = signs(RULES, EMERGENCE.reports, replace(NOBODY, **more), NOW)  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize(
    ("more", "sign"),
    [
        ({"calls": (Call(7, AGO, None),)}, Sign("help", "help:7", 100, AGO)),
        ({"calls": (Call(7, AGO, 9),)}, Sign("help_taken", "help:7", 30, AGO, {"taker": 9})),
        ({"words": ((7, AGO),)}, Sign("words", "words:7", 40, AGO)),
        ({"requests": ((7, AGO),)}, Sign("request", "request:7", 20, AGO, {"number": 7})),
        (
            {"missed": (Missed("quarterly", ("2026T4", "2026T3"), AGO),)},
            Sign(
                "missed",
                "missed:quarterly:2026T4",
                60,
                AGO,
                {"report": "quarterly", "quarter": "2026T4", "n": 2},
            ),
        ),
        (
            {"half": (Half("quarterly", "2026T4", AGO),)},
            Sign(
                "half",
                "half:quarterly:2026T4",
                10,
                AGO,
                {"report": "quarterly", "quarter": "2026T4"},
            ),
        ),
        (
            {"unanswered": 3, "unanswered_since": AGO},
            Sign("unanswered", f"unanswered:{AGO:%Y-%m-%d}", 30, AGO, {"n": 3}),
        ),
        (
            {"unanswered": 1},  # since they joined, then
            Sign("unanswered", f"unanswered:{NOBODY.since:%Y-%m-%d}", 10, NOBODY.since, {"n": 1}),
        ),
        (
            {"apart": (Apart(5, 2, 3, AGO),)},
            Sign("no_meeting", "no_meeting:5:3", 45, AGO, {"n": 3, "mentor": 2, "planned": False}),
        ),
        (  # the same weeks, told twice: whichever tells of more
            {"apart": (Apart(5, 2, 3, NOW), Apart(5, 2, 4, AGO, planned=True))},
            Sign(
                "no_meeting", "missed_meeting:5:4", 60, AGO, {"n": 4, "mentor": 2, "planned": True}
            ),
        ),
        (
            {"apart": (Apart(5, 2, 3, AGO), Apart(5, 2, 3, NOW, planned=True))},
            Sign("no_meeting", "no_meeting:5:3", 45, AGO, {"n": 3, "mentor": 2, "planned": False}),
        ),
        (
            {"alerts": (Alert(5, "checkin", "met", "no", 2, AGO),)},
            Sign(
                "mentor",
                "checkin:5:met:no",
                40,
                AGO,
                {"rhythm": "checkin", "question": "met", "value": "no", "mentor": 2},
            ),
        ),
        (
            {"seen_at": NOW - 65 * DAY, "prompts": 2},
            Sign(
                "silence",
                f"silence:{NOW - 65 * DAY:%Y-%m-%d}",
                30,
                NOW - 65 * DAY,
                {"n": 9, "prompts": 2},
            ),
        ),
        ({"reachable": False}, Sign("unreachable", "unreachable", 25, NOW - DAY)),
        (
            {"reachable": False, "seen_at": None},
            Sign("unreachable", "unreachable", 25, NOBODY.since),
        ),
        ({"level": "close"}, Sign("close", "close", 15, NOBODY.since)),
    ],
    ids=lambda value: value.kind if isinstance(value, Sign) else "",
)
def test_a_sign_says_since_when_and_what_its_words_need(
    more: Mapping[str, object], sign: Sign
) -> None:
    assert only(**more) == sign


def test_signs_of_a_report_say_what_was_answered_and_what_was_before() -> None:
    read = {"studies": "difficiles", "commitment": "3 sur 5"}
    now = replace(sent("2026T4", 2, studies="hard", commitment=3), labels=read)
    before = replace(sent("2026T3", studies="well", commitment=5), sent_at=AGO)
    found = signs(RULES, EMERGENCE.reports, replace(NOBODY, sent=(now, before)), NOW)
    studies = {
        "report": "quarterly",
        "question": "studies",
        "value": "hard",
        "label": "difficiles",
        "quarter": "2026T4",
    }
    fallen = {**studies, "question": "commitment", "value": 3, "label": "3 sur 5"}
    weights, at = RULES.weights, now.sent_at
    of = "quarterly:2026T4"
    assert {sign.kind: sign for sign in found} == {
        "alert": Sign("alert", f"answer:{of}:studies:hard", weights.alert, at, studies),
        "new": Sign(
            "new",
            f"new:{of}:studies:hard",
            weights.new,
            at,
            {**studies, "before": "2026T3", "was": "well"},
        ),
        "fell": Sign(
            "fell",
            f"fell:{of}:commitment:3",
            2 * weights.fell,
            at,
            {**fallen, "before": "2026T3", "was": 5},
        ),
    }
    unread = only(sent=(sent("2026T4", commitment=2),))
    assert unread.about["label"] == ""
    assert unread.key == f"answer:{of}:commitment:2"


def test_a_report_of_another_kind_is_not_set_beside_it() -> None:
    """Nor does a question left open hide those that come after it."""
    other = replace(sent("2026T3", studies="well"), report="other")
    only_now = sent("2026T4", 2, studies="hard", commitment=None, project="stuck")
    for reports in ((only_now, other), (other, only_now)):
        found = signs(RULES, EMERGENCE.reports, replace(NOBODY, sent=reports), NOW)
        assert [(s.kind, s.about["question"]) for s in found] == [
            ("alert", "project"),
            ("alert", "studies"),
        ]


def test_every_report_of_the_file_is_looked_at() -> None:
    of_another = EMERGENCE.reports[0].model_copy(update={"id": "other"})
    facts = replace(NOBODY, sent=(sent("2026T4", studies="hard"),))
    found = signs(RULES, (of_another, *EMERGENCE.reports), facts, NOW)
    assert [sign.about["report"] for sign in found] == ["quarterly"]


def test_a_grade_set_beside_something_else_has_not_fallen() -> None:
    """The question may have been another kind when it was answered last."""
    for was, value in (("much", 3), (5, "some")):
        facts = (sent("2026T4", 2, commitment=value), sent("2026T3", commitment=was))
        assert "fell" not in kinds(replace(NOBODY, sent=facts))


def test_the_least_that_weighs_is_one_point() -> None:
    rules = Triage(weights=Weights(close=1))
    assert kinds(replace(NOBODY, level="close"), rules) == {"close": 1}


def test_an_answer_that_was_not_there_before_is_no_news() -> None:
    before = sent("2026T3", commitment=5)
    now = sent("2026T4", 2, studies="hard", commitment=4)
    found = signs(RULES, EMERGENCE.reports, replace(NOBODY, sent=(now, before)), NOW)
    assert {(s.kind, s.about["question"]) for s in found} == {
        ("alert", "studies"),
        ("fell", "commitment"),
    }
    better = signs(
        RULES,
        EMERGENCE.reports,
        replace(NOBODY, sent=(sent("2026T4", commitment=5), sent("2026T3", commitment=4))),
        NOW,
    )
    assert better == ()


@pytest.mark.parametrize(
    ("ago", "left"), [(7 * DAY - timedelta(seconds=1), False), (7 * DAY, True)]
)
def test_a_report_is_left_after_seven_days_to_the_second(ago: timedelta, left: bool) -> None:
    facts = replace(NOBODY, half=(Half("quarterly", "2026T4", NOW - ago),))
    assert ("half" in kinds(facts)) is left


def test_whoever_cannot_be_written_to_is_not_called_silent() -> None:
    found = kinds(replace(NOBODY, reachable=False, seen_at=NOW - 90 * DAY, prompts=4))
    assert found == {"unreachable": 25}
    assert kinds(replace(NOBODY, seen_at=None, prompts=4)) == {}


def test_the_heaviest_sign_comes_first_then_the_oldest_then_by_key() -> None:
    found = signs(
        RULES,
        EMERGENCE.reports,
        replace(
            NOBODY,
            calls=(Call(1, NOW, None),),
            words=((3, NOW), (2, NOW), (1, AGO), (4, NOW - DAY)),
            requests=((1, AGO),),
        ),
        NOW,
    )
    assert [s.key for s in found] == [
        "help:1", "words:1", "words:4", "words:2", "words:3", "request:1",
    ]  # fmt: skip


def test_among_people_the_oldest_of_their_signs_counts_then_the_older_number() -> None:
    late, early = Sign("words", "a", 40, NOW), Sign("words", "b", 40, AGO)
    twice = entry(9, (late, early))
    assert twice.key == (-2, -80, AGO, 9)
    assert twice.points == 80
    assert [e.person for e in ranked([entry(2, (late,)), entry(1, (late,)), twice])] == [9, 1, 2]


def test_what_is_new_counts_against_what_was_there_when_the_team_decided() -> None:
    old, new = Sign("alert", "old", 90, NOW), Sign("words", "new", 40, NOW)
    assert entry(1, (old, new)).fresh == ()
    assert not entry(1, (old, new)).raised
    decided = entry(1, (old, new), Correction("lower", frozenset({"old"})))
    assert decided.fresh == (new,)
    assert (decided.raised, decided.group) == (True, 2)
    higher = entry(1, (old, new), Correction("higher", frozenset({"old"})))
    assert (higher.raised, higher.group) == (False, 3)
    settled = Correction("seen", frozenset({"old"}))
    assert not entry(1, (old,), settled, strong=0).raised  # nothing new is never strong
    assert entry(1, (old, Sign("half", "h", 1, NOW)), settled, strong=0).raised
    assert entry(1, (old,), settled).group == 0
    assert entry(1, (old,), Correction("lower", frozenset({"old"}))).group == 1


def test_the_head_of_the_list_is_as_long_as_asked_and_strong_or_put_higher() -> None:
    def of(person: int, points: int, correction: Correction | None = None) -> Entry:
        return entry(person, (Sign("words", f"{person}", points, NOW),), correction)

    higher = of(1, 5, Correction("higher", frozenset({"1"})))
    listed = [higher, of(2, 90), of(3, 30), of(4, 29), of(5, 30)]
    assert first(listed, 9, strong=30) == [1, 2, 3, 5]
    assert first(listed, 2, strong=30) == [1, 2]
    assert first(listed, 0, strong=30) == []
