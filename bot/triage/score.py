"""From what is known of people to signs, and from signs to an order: pure, the same every time.

Signs add up; one more never lowers anybody. What the team decided comes before the sum, but never
hides what is new and strong. This module has no words and no names: it cannot judge anybody, and
the sum is for nobody's eyes.

Source: E-09; what peers' users ask for, 6 and 7 (fair, visible, corrected; never a bare number).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final, Literal

from bot.programmes.schema import Report
from bot.programmes.triage import Level, Triage

Position = Literal["higher", "lower", "seen"]
POSITIONS: Final[tuple[Position, ...]] = ("higher", "lower", "seen")
LEFT: Final = timedelta(days=7)
"""A report begun and not touched for so long was left."""
NEVER: Final = datetime.max.replace(tzinfo=UTC)
HIGHEST: Final = 3
"""The group of those whom the team placed higher, with or without a sign."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A report that was sent.

    Attributes:
        report: Its id in the programme file.
        values: Question → answer.
        labels: Question → answer as the person read it.
    """

    id: int
    report: str
    quarter: str
    sent_at: datetime
    values: Mapping[str, object]
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Missed:
    """Reports in a row that were not sent, up to the newest whose window is over."""

    report: str
    quarters: tuple[str, ...]
    since: datetime


@dataclass(frozen=True, slots=True)
class Half:
    """A report begun and not sent; its window is open."""

    report: str
    quarter: str
    touched_at: datetime


@dataclass(frozen=True, slots=True)
class Alert:
    """An answer of a check-in that the programme file tells staff of."""

    checkin: int
    rhythm: str
    question: str
    value: object
    by_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Apart:
    """Times in a row that a pair did not meet.

    Attributes:
        times: Rounds, as their check-ins say.
        planned: They are meetings with a date instead, which both sides call missed.
    """

    pair: int
    mentor_id: int
    times: int
    since: datetime
    planned: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A call for help that is not over."""

    id: int
    asked_at: datetime
    taken_by: int | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one person.

    Attributes:
        level: Of their follow-up.
        since: When they joined.
        seen_at: When they were last heard; none without an account.
        reachable: Whether some account can be written to.
        prompts: How often they were written to since they were last heard.
        asked_at: The first of these times.
        sent: Reports, newest first; for each id the last two.
        unanswered: Check-ins in a row left without an answer, and the first of them.
        words: Number and instant of words handed to the team.
        requests: Number and date of requests that wait for the team.
    """

    person: int
    level: Level
    since: datetime
    seen_at: datetime | None = None
    reachable: bool = True
    prompts: int = 0
    sent: tuple[Sent, ...] = ()
    missed: tuple[Missed, ...] = ()
    half: tuple[Half, ...] = ()
    unanswered: int = 0
    unanswered_since: datetime | None = None
    apart: tuple[Apart, ...] = ()
    alerts: tuple[Alert, ...] = ()
    calls: tuple[Call, ...] = ()
    words: tuple[tuple[int, datetime], ...] = ()
    requests: tuple[tuple[int, datetime], ...] = ()


@dataclass(frozen=True, slots=True)
class Sign:
    """A reason to look at somebody.

    Attributes:
        kind: Which weight it has, a field of `bot.programmes.triage.Weights`.
        key: What it is about: the same thing has the same key, something new another.
        points: What it weighs here.
        since: When it began.
        about: What the words for it need: numbers, ids and labels.
    """

    kind: str
    key: str
    points: int
    since: datetime
    about: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Correction:
    """What the team decided about somebody's place.

    Attributes:
        signs: Keys of the signs there were then.
        until: No effect from then on.
    """

    position: Position
    signs: frozenset[str]
    until: datetime | None = None


# --- signs ----------------------------------------------------------------------------------------


def signs(
    rules: Triage, reports: Sequence[Report], facts: Facts, now: datetime
) -> tuple[Sign, ...]:
    """Every sign that weighs something, the heaviest first.

    Args:
        rules: Of the programme file.
        reports: Of the programme file.
        facts: What is known.
        now: UTC.
    """
    found = [
        *_calls(rules, facts),
        *_answers(rules, reports, facts),
        *_reports(rules, facts, now),
        *_pairs(rules, facts),
        *_presence(rules, facts, now),
    ]
    weighing = [sign for sign in found if sign.points > 0]
    return tuple(sorted(weighing, key=lambda sign: (-sign.points, sign.since, sign.key)))


def _calls(rules: Triage, facts: Facts) -> Iterator[Sign]:
    weights = rules.weights
    for call in facts.calls:
        if call.taken_by is None:
            yield Sign("help", f"help:{call.id}", weights.help, call.asked_at)
        else:
            about = {"taker": call.taken_by}
            key = f"help:{call.id}"  # taken is no news
            yield Sign("help_taken", key, weights.help_taken, call.asked_at, about)
    for number, at in facts.words:
        yield Sign("words", f"words:{number}", weights.words, at)
    for number, at in facts.requests:
        yield Sign("request", f"request:{number}", weights.request, at, {"number": number})


def _answers(rules: Triage, reports: Sequence[Report], facts: Facts) -> Iterator[Sign]:
    """The last report sent, and how it differs from the one before."""
    for report in reports:
        sent = [one for one in facts.sent if one.report == report.id]
        if not sent:
            continue
        last, before = sent[0], sent[1] if len(sent) > 1 else None
        for question in report.questions:
            value = last.values.get(question.id)
            if value is None:
                continue
            points = rules.points(report, question, value)
            if not points and question.kind != "scale":
                continue  # nor can it be new, then
            earlier = before.values.get(question.id) if before else None
            of = f"{report.id}:{last.quarter}:{question.id}"
            about = {
                "report": report.id,
                "question": question.id,
                "value": value,
                "label": last.labels.get(question.id, ""),
                "quarter": last.quarter,
            }
            if points:
                kind = "low" if question.kind == "scale" else "alert"
                yield Sign(kind, f"answer:{of}:{value}", points, last.sent_at, about)
            if before is None or earlier is None:
                continue
            about = {**about, "before": before.quarter, "was": earlier}
            if question.kind == "scale":
                fallen = _fallen(earlier, value)
                weight = rules.weights.fell * fallen
                yield Sign("fell", f"fell:{of}:{value}", weight, last.sent_at, about)
            elif points > rules.points(report, question, earlier):
                yield Sign("new", f"new:{of}:{value}", rules.weights.new, last.sent_at, about)


def _fallen(before: object, value: object) -> int:
    return max(before - value, 0) if isinstance(before, int) and isinstance(value, int) else 0


def _reports(rules: Triage, facts: Facts, now: datetime) -> Iterator[Sign]:
    weights = rules.weights
    for gap in facts.missed:
        newest = gap.quarters[0]
        about = {"report": gap.report, "quarter": newest, "n": len(gap.quarters)}
        points = weights.missed * len(gap.quarters)
        yield Sign("missed", f"missed:{gap.report}:{newest}", points, gap.since, about)
    for half in facts.half:
        if now - half.touched_at >= LEFT:
            about = {"report": half.report, "quarter": half.quarter}
            key = f"half:{half.report}:{half.quarter}"
            yield Sign("half", key, weights.half, half.touched_at, about)


def _pairs(rules: Triage, facts: Facts) -> Iterator[Sign]:
    weights = rules.weights
    if facts.unanswered:
        points = weights.unanswered * facts.unanswered
        since = facts.unanswered_since or facts.since
        key = f"unanswered:{since:%Y-%m-%d}"
        yield Sign("unanswered", key, points, since, {"n": facts.unanswered})
    for pair in _apart(facts):
        what = "missed_meeting" if pair.planned else "no_meeting"
        key = f"{what}:{pair.pair}:{pair.times}"
        about = {"n": pair.times, "mentor": pair.mentor_id, "planned": pair.planned}
        yield Sign("no_meeting", key, weights.no_meeting * pair.times, pair.since, about)
    for alert in facts.alerts:
        own = alert.by_id == facts.person
        yield Sign(
            "alert" if own else "mentor",
            f"checkin:{alert.checkin}:{alert.question}:{alert.value}",
            weights.alert if own else weights.mentor,
            alert.at,
            {
                "rhythm": alert.rhythm,
                "question": alert.question,
                "value": alert.value,
                "mentor": alert.by_id,
            },
        )


def _apart(facts: Facts) -> Iterable[Apart]:
    """From two on; of a pair, whichever tells of more: a missed meeting may lie in a round."""
    most: dict[int, Apart] = {}
    for one in facts.apart:
        if one.times > 1 and (one.pair not in most or one.times > most[one.pair].times):
            most[one.pair] = one
    return most.values()


def _presence(rules: Triage, facts: Facts, now: datetime) -> Iterator[Sign]:
    weights = rules.weights
    if not facts.reachable:
        yield Sign("unreachable", "unreachable", weights.unreachable, facts.seen_at or facts.since)
    elif facts.seen_at is not None and facts.prompts:
        silent = (now - facts.seen_at).days
        if silent >= rules.silent_days.of(facts.level):
            about = {"n": silent // 7, "prompts": facts.prompts}
            key = f"silence:{facts.seen_at:%Y-%m-%d}"
            yield Sign("silence", key, weights.silence, facts.seen_at, about)
    if facts.level == "close":
        yield Sign("close", "close", weights.close, facts.since)


# --- order ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """Somebody in the list.

    Attributes:
        person: Their number.
        signs: Why, the heaviest first.
        correction: What the team decided, while it lasts.
        strong: What new signs have to weigh to end its effect.
    """

    person: int
    signs: tuple[Sign, ...]
    correction: Correction | None = None
    strong: int = 0

    @property
    def points(self) -> int:
        """The sum; never shown."""
        return sum(sign.points for sign in self.signs)

    @cached_property
    def fresh(self) -> tuple[Sign, ...]:
        """The signs that were not there when the team decided."""
        if self.correction is None:
            return ()
        return tuple(sign for sign in self.signs if sign.key not in self.correction.signs)

    @property
    def raised(self) -> bool:
        """Whether something new and strong shows through a correction downwards."""
        lowered = self.correction is not None and self.correction.position != "higher"
        return lowered and sum(sign.points for sign in self.fresh) >= max(self.strong, 1)

    @property
    def group(self) -> int:
        """Larger comes first: higher, then everybody, then lower, then seen."""
        if self.correction is None or self.raised:
            return 2
        return {"higher": HIGHEST, "lower": 1, "seen": 0}[self.correction.position]

    @property
    def key(self) -> tuple[int, int, datetime, int]:
        """Smaller comes first; among equals whoever has waited longest, then the older number."""
        since = min((sign.since for sign in self.signs), default=NEVER)
        return (-self.group, -self.points, since, self.person)


def ranked(entries: Iterable[Entry]) -> list[Entry]:
    """Those who have a sign or were placed higher, in the order in which to look at them."""
    shown = (entry for entry in entries if entry.signs or entry.group == HIGHEST)
    return sorted(shown, key=lambda entry: entry.key)


def first(entries: Sequence[Entry], most: int, strong: int) -> list[int]:
    """Whom the team should have looked at by now: the head of the list, without what it settled."""
    head = (e for e in entries if e.group >= 2 and (e.group == HIGHEST or e.points >= strong))
    return [entry.person for entry, _ in zip(head, range(most), strict=False)]
