"""Everything that is known of a programme's people, read in a fixed number of statements.

`read` is done inside a transaction; what it gives is opened, joined into one `Facts` a person and
weighed outside of any, in a thread where there are many people. It decides nothing about who may
see the result, and words nothing.

Source: E-06, E-09; faults seen in peers, 3.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from bot.dialogue.engine import State
from bot.dialogue.parsing import Skipped
from bot.programmes.schema import Programme, Rhythm
from bot.programmes.triage import LEVELS, Level
from bot.triage.score import (
    POSITIONS,
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
    ranked,
    signs,
)
from storage.triage import Asked, Decision, Member, QuarterReport
from storage.unit_of_work import UnitOfWork
from storage.upsert import AnyRow

QUARTERS: Final = 3  # the one that is open, the last one, and the one it is compared with
LOOKED_BACK: Final = timedelta(days=200)  # older check-ins and meetings say nothing of today
Row = TypeVar("Row")
AT_ONCE: Final = 1000  # people followed whose order a transaction may work out itself
PATIENCE: Final = timedelta(days=7)  # a check-in is unanswered from then on


@dataclass(frozen=True, slots=True)
class Seen:
    """Somebody of the list, with what else the team is shown of them.

    Attributes:
        entry: Their place, and why.
        member: Who.
        level: Of their follow-up.
        decisions: What is in force: by `place` and `level`; an expired one of `place` too.
    """

    entry: Entry
    member: Member
    level: Level
    decisions: Mapping[str, Decision]


def everybody(
    uow: UnitOfWork, programme: Programme, now: datetime, only: int | None = None
) -> list[Seen]:
    """Those who have a sign or were placed higher, in the order in which to look at them.

    Args:
        uow: The transaction.
        programme: Whose people.
        now: UTC.
        only: One of them, who is given even without a sign.
    """
    return Known(uow, programme, now, only).weighed()


def read(uow: UnitOfWork, programme: Programme, now: datetime) -> Known:
    """What `everybody` weighs, for who weighs it when the transaction is over."""
    return Known(uow, programme, now, None)


def _correction(decided: Decision | None, now: datetime) -> Correction | None:
    if decided is None or (decided.until is not None and decided.until <= now):
        return None
    position = _position(decided.value)
    return None if position is None else Correction(position, decided.signs, decided.until)


def _position(value: str) -> Position | None:
    return next((one for one in POSITIONS if one == value), None)


class Known:
    """What the store gives, by person; made inside a transaction, and needing none afterwards."""

    def __init__(
        self, uow: UnitOfWork, programme: Programme, now: datetime, only: int | None
    ) -> None:
        store, rules = uow.triage, programme.triage
        recent = now - timedelta(days=rules.recent_days)
        self.programme, self.now, self.recent, self._only = programme, now, recent, only
        self._opener = store.opener
        self.members = store.members(programme.id, only)
        self._reports = _by(store.reports(programme.id, QUARTERS, only), "person_id")
        self._pairs = _by(store.pairs(programme.id, only), "mentee_id")
        self._meetings = _by(
            store.meetings(programme.id, now - LOOKED_BACK, only),
            "mentee_id",
        )
        self._checkins = _by(
            store.checkins(
                programme.id,
                now - LOOKED_BACK,
                states=any(_hidden(rhythm) for rhythm in programme.rhythms),
                only=only,
            ),
            "mentee_id",
        )
        self._calls = _by(store.live_calls(programme.id, only), "person_id")
        self._words = _by(store.words(programme.id, recent, only), "person_id")
        self._requests = _by(store.requests(programme.id, now, only), "person_id")
        self.decisions: dict[int, dict[str, Decision]] = defaultdict(dict)
        for decision in store.decisions(programme.id, only):
            self.decisions[decision.person_id][decision.about] = decision

    def weighed(self) -> list[Seen]:
        """Those who are looked at, in order; the one that was asked for, whatever is known."""
        programme, rules = self.programme, self.programme.triage
        seen: dict[int, Seen] = {}
        for member in self.members:
            facts = self.facts(member)
            decided = self.decisions.get(member.id, {})
            entry = Entry(
                member.id,
                signs(rules, programme.reports, facts, self.now),
                _correction(decided.get("place"), self.now),
                rules.strong,
            )
            seen[member.id] = Seen(entry, member, facts.level, decided)
        if self._only is not None:
            return list(seen.values())
        return [seen[entry.person] for entry in ranked(one.entry for one in seen.values())]

    def facts(self, member: Member) -> Facts:
        """All of one person."""
        reports: Sequence[QuarterReport] = self._reports.get(member.id, ())
        checkins: Sequence[Asked] = self._checkins.get(member.id, ())
        mine = [one for one in checkins if one.person_id == member.id]
        left = _left(mine, self.now)
        prompts = [r.opened_at for r in reports] + [one.occurrence for one in mine]
        seen_at = member.seen_at
        return Facts(
            member.id,
            self._level(member.id),
            member.since,
            seen_at=seen_at,
            reachable=member.reachable > 0,
            prompts=sum(seen_at is not None and seen_at < at <= self.now for at in prompts),
            sent=tuple(self._sent(reports)),
            missed=tuple(_missed(reports, self.now)),
            half=tuple(_half(reports, self.now)),
            unanswered=len(left),
            unanswered_since=left[-1].occurrence if left else None,
            apart=(
                *(
                    Apart(row.id, row.mentor_id, row.missed_in_a_row, row.started_at)
                    for row in self._pairs.get(member.id, ())
                    if row.missed_in_a_row
                ),
                *_not_held(self._meetings.get(member.id, ())),
            ),
            alerts=tuple(self._alerts(checkins)),
            calls=tuple(
                Call(row.id, row.asked_at, row.taken_by_id if row.state == "taken" else None)
                for row in self._calls.get(member.id, ())
            ),
            words=tuple((row.id, row.passed_at) for row in self._words.get(member.id, ())),
            requests=tuple((row.id, row.created_at) for row in self._requests.get(member.id, ())),
        )

    def _level(self, person_id: int) -> Level:
        decided = self.decisions.get(person_id, {}).get("level")
        wanted = decided.value if decided else None
        return next((one for one in LEVELS if one == wanted), self.programme.triage.level)

    def _sent(self, reports: Iterable[QuarterReport]) -> Iterable[Sent]:
        """The last two of each report that were sent, opened."""
        counted: dict[str, int] = defaultdict(int)
        for one in reports:
            if one.sent_at is None or counted[one.report] == 2:
                continue
            counted[one.report] += 1
            answers = self._opener.answers(one)
            values = {str(a["id"]): _value(a["value"]) for a in answers}
            labels = {str(a["id"]): str(a["label"]) for a in answers}
            yield Sent(one.id, one.report, one.quarter, one.sent_at, values, labels)

    def _alerts(self, checkins: Iterable[Asked]) -> Iterable[Alert]:
        """What the last answered check-in of each side says that staff are told of."""
        looked: set[tuple[int, int, str]] = set()
        for one in checkins:
            part = (one.pair_id, one.person_id, one.rhythm)
            if one.state != "answered" or one.answered_at is None or part in looked:
                continue
            looked.add(part)
            rhythm = self.programme.rhythm(one.rhythm)
            if rhythm is None or one.answered_at < self.recent:
                continue
            for question, value in self._telling(rhythm, one).items():
                yield Alert(one.id, one.rhythm, question, value, one.person_id, one.answered_at)

    def _telling(self, rhythm: Rhythm, one: Asked) -> Mapping[str, object]:
        """Question → the answer that alerts."""
        answers: dict[str, object] = {rhythm.met: one.met} if rhythm.met and one.met else {}
        if _hidden(rhythm) and (state := self._opener.state_of(one)) is not None:
            kept = State.from_json(state).answers
            answers |= {q: value for q, value in kept.items() if not isinstance(value, Skipped)}
        found: dict[str, object] = {}
        for question, wanted in rhythm.alert_staff.items():
            given = answers.get(question)
            several = given if isinstance(given, tuple) else (given,)
            telling = [value for value in several if value in wanted]
            if telling:
                found[question] = telling[0]
        return found


def _hidden(rhythm: Rhythm) -> bool:
    """Whether some answer that alerts is in the dialogue only."""
    return bool(rhythm.alert_staff.keys() - {rhythm.met})


def _value(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _by(rows: Iterable[Row], name: str) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(getattr(row, name), []).append(row)
    return found


def _left(checkins: Iterable[Asked], now: datetime) -> list[Asked]:
    """The newest check-ins up to the last one that was answered or left out, newest first."""
    row = []
    for one in checkins:
        if one.state != "asked":
            break
        if one.occurrence <= now - PATIENCE:
            row.append(one)
    return row


def _not_held(meetings: Iterable[AnyRow]) -> Iterable[Apart]:
    """Of each pair, the newest meetings that both call missed, up to the last one that was held."""
    rows: dict[int, list[AnyRow]] = {}
    held: set[int] = set()
    for one in meetings:
        if one.state == "held":
            held.add(one.pair_id)
        elif one.pair_id not in held:
            rows.setdefault(one.pair_id, []).append(one)
    for pair, row in rows.items():
        yield Apart(pair, row[-1].mentor_id, len(row), row[-1].starts_at, planned=True)


def _missed(reports: Iterable[QuarterReport], now: datetime) -> Iterable[Missed]:
    rows: dict[str, list[QuarterReport]] = {}
    over: set[str] = set()
    for one in reports:
        if one.sent_at is not None:
            over.add(one.report)
        elif one.report not in over and one.closes_at <= now:
            rows.setdefault(one.report, []).append(one)
    for report, row in rows.items():
        yield Missed(report, tuple(one.quarter for one in row), row[-1].closes_at)


def _half(reports: Iterable[QuarterReport], now: datetime) -> Iterable[Half]:
    for one in reports:
        if one.sent_at is None and one.closes_at > now and one.begun_at is not None:
            yield Half(one.report, one.quarter, one.begun_at)
