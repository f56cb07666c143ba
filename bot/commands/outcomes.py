"""How requests and pairs end, among the programme's figures: no end is a failure, nobody is named.

Turning to a professional counts as a success, like the term (A-21). What was expected is set beside
what was found, and the answers at the end beside those months after; nothing that fewer than a few
people said is shown. Which pairs count in a period is `storage.care`'s affair.

Source: A-06, A-21; X-11.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bot.i18n import Words
from bot.lifecycle import OUTCOMES, REQUEST_ENDS, REQUEST_SUCCESS, SUCCESS
from bot.messages import Table
from bot.programmes.schema import Programme
from bot.turn import Scene
from bot.word_count import FEWEST
from storage.groups import Group
from storage.statistics import Period
from storage.tables import Conversation, Pair

Answers = dict[str, object]
"""Question → value, as a finished dialogue keeps them."""


def given(scene: Scene, talk: Conversation | None) -> Answers:
    """What was answered in a dialogue; empty when it is not finished."""
    kept = (scene.uow.talks.snapshot(talk) if talk else None) or []
    return {str(answer["id"]): answer["value"] for answer in kept}


def closing_of(scene: Scene, pair: Pair, kind: str = "closing") -> Answers:
    """What the mentee answered at the end of a pair, or months after."""
    talks = [t for t in scene.uow.talks.about(kind, pair.id) if t.person_id == pair.mentee_id]
    return given(scene, talks[-1]) if talks else {}


def expectations(
    scene: Scene, programme: Programme, pair: Pair
) -> tuple[frozenset[str], frozenset[str]] | None:
    """What the mentee expected and what they found; None before both are said."""
    named = programme.closing.expectations if programme.closing else None
    request = scene.uow.requests.get(pair.request_id) if pair.request_id else None
    if named is None or request is None:
        return None
    asked = given(scene, scene.uow.talks.get(request.conversation_id)).get(named.asked)
    answers = closing_of(scene, pair)
    if not isinstance(asked, list) or not answers:
        return None
    found = answers.get(named.found)
    return frozenset(asked), frozenset(found if isinstance(found, list) else ())


def compared(scene: Scene, programme: Programme, pair: Pair, w: Words) -> str:
    """What a pair's mentee expected and found, in words; empty before both are said."""
    both = expectations(scene, programme, pair)
    named = programme.closing.expectations if programme.closing else None
    question = programme.closing.question(named.found) if programme.closing and named else None
    if both is None or question is None:
        return ""
    asked, found = both
    lines = []
    for option in question.options:
        what = w.pick(option.label)
        if option.value in asked & found:
            lines.append(w("expected-found", what=what))
        elif option.value in asked:
            lines.append(w("expected-only", what=what))
        elif option.value in found:
            lines.append(w("found-only", what=what))
    return "\n".join(lines)


def _expectations(
    scene: Scene, programme: Programme, ended: Sequence[Pair], w: Words
) -> list[tuple[str, Table]]:
    named = programme.closing.expectations if programme.closing else None
    question = programme.closing.question(named.found) if programme.closing and named else None
    if question is None:
        return []
    said = [one for p in ended if (one := expectations(scene, programme, p)) is not None]
    if len(said) < FEWEST:
        return []
    rows = []
    for option in question.options:
        asked = sum(option.value in expected for expected, _ in said)
        both = sum(option.value in expected & found for expected, found in said)
        rows.append(
            (
                w.pick(option.label),
                *(
                    (str(asked), str(both))
                    if asked >= FEWEST
                    else (w("stats-under", few=FEWEST),) * 2
                ),
            )
        )
    columns = w("stats-expectation"), w("stats-expected"), w("stats-met-too")
    return [(w("stats-expectations", n=len(said)), Table(columns, tuple(rows)))]


def _after(
    scene: Scene, programme: Programme, ended: Sequence[Pair], w: Words
) -> list[tuple[str, Table]]:
    """Each counted question: the answers at the end, and months after."""
    rules = programme.followup
    shown: list[tuple[str, Table]] = []
    for name in rules.counted if rules else ():
        question = rules.question(name) if rules else None
        later = Counter(str(v) for p in ended if (v := closing_of(scene, p, "followup").get(name)))
        if question is None or sum(later.values()) < FEWEST:
            continue
        first = Counter(str(v) for p in ended if (v := closing_of(scene, p).get(name)))
        low, high = question.bounds
        labels = {o.value: w.pick(o.label) for o in question.options} or {
            str(n): f"{n}/{high}" for n in range(low, high + 1)
        }
        rows = [(label, str(first[value]), str(later[value])) for value, label in labels.items()]
        columns = w("stats-answer"), w("stats-at-end"), w("stats-months-after")
        shown.append((w.pick(question.text), Table(columns, tuple(rows))))
    return shown


def ends(
    scene: Scene, programme: Programme, period: Period, w: Words, group: Group | None = None
) -> list[tuple[str, list[tuple[str, int]]]]:
    """How the requests of a period, and the pairs that ended in it, came to their end.

    Two statements.

    Returns:
        What is counted, and how many ended in each way; last, how many of them are successes.
    """
    care = scene.uow.care
    asked = care.request_ends(programme.id, period.begin, period.end, group)
    pairs = care.outcomes(programme.id, period.begin, period.end, group)
    found = []
    if asked:
        bars = [(w(f"request-end-{name}"), asked[name]) for name in REQUEST_ENDS if name in asked]
        good = sum(n for name, n in asked.items() if name in REQUEST_SUCCESS)
        found.append((w("stats-request-ends"), [*bars, (w("request-end-success"), good)]))
    if pairs:
        bars = [(w(f"outcome-{name}"), pairs[name]) for name in OUTCOMES if name in pairs]
        good = sum(n for name, n in pairs.items() if name in SUCCESS)
        found.append((w("stats-outcomes"), [*bars, (w("outcome-success"), good)]))
    return found


def short(
    scene: Scene, programme: Programme, period: Period, w: Words, group: Group | None = None
) -> list[tuple[str, Table]]:
    """How they ended, as tables."""
    columns = w("stats-what"), w("stats-count")
    return [
        (title, Table(columns, tuple((what, str(n)) for what, n in bars)))
        for title, bars in ends(scene, programme, period, w, group)
    ]


def tables(
    scene: Scene, programme: Programme, period: Period, w: Words, group: Group | None = None
) -> list[tuple[str, Table]]:
    """What is shown after the programme's other figures."""
    ended = scene.uow.care.ended(programme.id, period.begin, period.end, group)
    return [
        *short(scene, programme, period, w, group),
        *_expectations(scene, programme, ended, w),
        *_after(scene, programme, ended, w),
    ]
