"""Two years of nights: nothing stays past its period, and nothing goes before.

    python -m tests.simulation.retention --days 730

Rows of every class that has a period begin, go on and end at random in two programmes with
different periods. Before each nightly purge a second opinion, which is plain Python on the rows and
no query of ours, says what has to be gone afterwards; all the rest has to be there still (P3).
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import JSON, Boolean, Date, LargeBinary, String, select

from bot.programmes.about import Retention
from storage.sealed import Sealed
from storage.tables import (
    Announcement,
    Audit,
    Base,
    Campaign,
    CampaignEntry,
    CampaignPair,
    Checkin,
    Conversation,
    Correction,
    Flag,
    HelpCall,
    Inbox,
    Interview,
    Letter,
    LinkCode,
    Meeting,
    Membership,
    Objective,
    Outbox,
    Pair,
    Person,
    Proposal,
    Rectification,
    Referral,
    Report,
    Request,
    RequestNote,
    Series,
    SeriesException,
    Stray,
    TeamLetter,
    Timer,
    Wish,
)
from storage.unit_of_work import Database, UnitOfWork
from storage.utc import Utc
from tests.empty import tables

START: Final = datetime(2026, 9, 1, 1, 30, tzinfo=UTC)
DAY: Final = timedelta(days=1)
HERE, THERE = "here", "there"
LEFT: Final = "left"  # a programme that is not among the rules: its rows stay
RULES: Final = {
    HERE: Retention(drafts=30, inbox=10, requests=200, reports=300, letters=30, safeguarding=400,
                    audit=250),
    THERE: Retention(drafts=20, inbox=45, requests=365, reports=500, letters=60, safeguarding=300,
                     audit=200),
}  # fmt: skip
SAID, REPEATS = 90, 30  # days: what was said, and how long platforms repeat a delivery
BODY: Final = b"\x01 something sealed"
SUBJECT: Final = {"checkin": Checkin, "closing": Pair, "objective": Pair}

Row = Mapping[str, Any]
Kept = dict[str, dict[int, Row]]


def shorter(by: int) -> dict[str, Retention]:
    """The same periods, so many times shorter: two years in a few weeks."""
    return {
        name: Retention(**{part: max(2, days // by) for part, days in kept.model_dump().items()})
        for name, kept in RULES.items()
    }


# --- the second opinion ---------------------------------------------------------------------------


class Opinion:
    """When each row's period is over, from the rows alone.

    Args:
        kept: All rows before the purge, by table and number.
        rules: The periods, by programme.
        now: Of the purge.
    """

    def __init__(self, kept: Kept, rules: Mapping[str, Retention], now: datetime) -> None:
        self.kept, self.rules, self.now = kept, rules, now
        self._requests: dict[int, list[Row]] = defaultdict(list)
        for row in kept["request"].values():
            self._requests[row["conversation_id"]].append(row)
        self._pairs = {row["request_id"]: row for row in kept["pair"].values()}
        self._places: dict[int, set[str]] = defaultdict(set)
        for row in kept["membership"].values():
            self._places[row["person_id"]].add(row["programme_id"])
        self._longest = {
            part: max(getattr(one, part) for one in rules.values())
            for part in ("drafts", "audit", "inbox")
        }

    def over(self, table: str, row: Row) -> bool:
        """Whether it has to be gone after this night."""
        end = self.end(table, row)
        return end is not None and end < self.now

    def end(self, table: str, row: Row) -> datetime | None:
        """When the row's time is over; None while nothing has ended it."""
        known: Callable[[Row], datetime | None] | None = getattr(self, f"_{table}", None)
        return known(row) if known else None

    def body(self, row: Row) -> datetime:
        """When what was heard has to be forgotten."""
        theirs = self._places[row["person_id"]]
        days = self._longest["inbox"]
        if theirs and theirs <= self.rules.keys():
            days = max(self.rules[one].inbox for one in theirs)
        return row["received_at"] + days * DAY  # type: ignore[no-any-return]

    def _after(self, start: datetime | None, row: Row, part: str) -> datetime | None:
        rules = self.rules.get(row["programme_id"])
        return None if rules is None or start is None else start + getattr(rules, part) * DAY

    def _pair(self, row: Row) -> datetime | None:
        ended = row["ended_at"] or row["started_at"]
        return self._after(ended if row["state"] == "closed" else None, row, "requests")

    def _request(self, row: Row) -> datetime | None:
        over = row["state"] in ("closed", "matched")
        end = self._after(row["changed_at"] if over else None, row, "requests")
        if (pair := self._pairs.get(row["id"])) is None or end is None:
            return end
        of_pair = self._pair(pair)
        return None if of_pair is None else max(end, of_pair)

    def _of_pair(self, row: Row) -> datetime | None:
        return self._pair(self.kept["pair"][row["pair_id"]])

    _series = _checkin = _meeting = _objective = _of_pair

    def _series_exception(self, row: Row) -> datetime | None:
        return self._of_pair(self.kept["series"][row["series_id"]])

    def _of_request(self, row: Row) -> datetime | None:
        return self._request(self.kept["request"][row["request_id"]])

    _proposal = _request_note = _interview = _of_request

    def _conversation(self, row: Row) -> datetime | None:
        drafted = self._after(row["updated_at"], row, "drafts")
        open_still = row["closes_at"] is not None and row["closes_at"] > self.now
        if row["snapshot"] is None and row["status"] != "done":
            drafted = None if open_still else drafted
        else:
            drafted = None
        led_to: list[datetime | None] = [drafted]
        if row["kind"] == "intake":
            mine = self._requests[row["id"]]
            if not mine:
                return None if open_still else self._after(row["updated_at"], row, "drafts")
            ends = [self._request(one) for one in mine]
            led_to.append(None if None in ends else max(one for one in ends if one))
        led_to += [
            self._report(one)
            for one in self.kept["report"].values()
            if one["conversation_id"] == row["id"]
        ]
        word = row["kind"].partition(":")[0]
        if word in SUBJECT:
            about = self.kept[SUBJECT[word].__tablename__].get(row["about_id"])
            if about is not None:
                led_to.append(self._pair(about) if word != "checkin" else self._of_pair(about))
        return min((end for end in led_to if end is not None), default=None)

    def _report(self, row: Row) -> datetime | None:
        return self._after(row["closes_at"], row, "reports")

    def _wish(self, row: Row) -> datetime | None:
        return self._after(row["updated_at"], row, "reports")

    def _free(self, start: datetime, row: Row) -> datetime | None:
        if row["programme_id"] is None:
            return start + timedelta(days=self._longest["drafts"])
        return self._after(start, row, "drafts")

    def _stray(self, row: Row) -> datetime | None:
        return self._free(row["said_at"], row)

    def _link_code(self, row: Row) -> datetime | None:
        return self._free(row["expires_at"], row)

    def _letter(self, row: Row) -> datetime | None:
        until: datetime = row["keep_until"]  # each knows it; at that very instant it goes
        return until - timedelta(microseconds=1) if row["programme_id"] in self.rules else None

    def _flag(self, row: Row) -> datetime | None:
        closed = row["state"] == "closed"
        return self._after(row["changed_at"] if closed else None, row, "safeguarding")

    def _help_call(self, row: Row) -> datetime | None:
        return self._after(row["closed_at"], row, "requests")

    def _team_letter(self, row: Row) -> datetime | None:
        return self._after(row["written_at"], row, "requests")

    def _correction(self, row: Row) -> datetime | None:
        return self._after(row["ended_at"] or row["until"], row, "requests")

    def _rectification(self, row: Row) -> datetime | None:
        return self._after(row["settled_at"] or row["asked_at"], row, "requests")

    def _referral(self, row: Row) -> datetime | None:
        over = row["state"] in ("done", "declined")
        return self._after(row["changed_at"] if over else None, row, "requests")

    def _announcement(self, row: Row) -> datetime | None:
        return self._after(row["asked_at"], row, "audit")

    def _of_campaign(self, row: Row) -> datetime | None:
        campaign = self.kept["campaign"][row["campaign_id"]]
        return self._after(campaign["closed_at"], campaign, "requests")

    _campaign_entry = _campaign_pair = _of_campaign

    def _audit(self, row: Row) -> datetime | None:
        return row["at"] + self._longest["audit"] * DAY  # type: ignore[no-any-return]

    def _inbox(self, row: Row) -> datetime | None:
        days = max(self._longest["inbox"], REPEATS)
        return None if row["state"] == "received" else row["received_at"] + days * DAY

    def _outbox(self, row: Row) -> datetime | None:
        if row["state"] in ("queued", "sending"):
            return None
        return (row["sent_at"] or row["created_at"]) + SAID * DAY  # type: ignore[no-any-return]

    def _timer(self, row: Row) -> datetime | None:
        return None if row["state"] == "pending" else row["due_at"] + SAID * DAY


# --- a life ---------------------------------------------------------------------------------------


@dataclass
class Life:
    """What begins and ends in the two programmes, by chance.

    Args:
        database: Where.
        rng: Chance.
        span: Days that things last, about.
    """

    database: Database
    rng: random.Random
    span: float
    rules: Mapping[str, Retention]
    now: datetime = START
    people: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    later: list[tuple[datetime, Callable[[UnitOfWork], None]]] = field(default_factory=list)
    count: int = 0

    def day(self) -> None:
        """Something begins, something ends."""
        with self.database.unit_of_work() as uow:
            due = [act for at, act in self.later if at <= self.now]
            self.later = [one for one in self.later if one[0] > self.now]
            for act in due:
                act(uow)
            self._begin(uow)
            uow.commit()

    def put(self, uow: UnitOfWork, entity: type[Base], **given: Any) -> Any:
        """A row of which only what matters here is said."""
        self.count += 1
        table = Base.metadata.tables[entity.__tablename__]
        for column in table.columns:
            if column.name in given or column.nullable or column.primary_key:
                continue
            if column.default is None and column.server_default is None:
                given[column.name] = self._some(column.type)
        row = entity(**given)
        uow.session.add(row)
        uow.session.flush()
        return row

    def _some(self, kind: object) -> Any:
        for sort, value in (
            (Sealed, BODY), (Utc, self.now), (LargeBinary, b"x"), (Boolean, False),
            (JSON, {}), (Date, date(2026, 9, 1)), (String, f"x{self.count}"),
        ):  # fmt: skip
            if isinstance(kind, sort):
                return value
        return self.count

    def _when(self, share: float = 1.0) -> datetime:
        return self.now + timedelta(days=self.rng.uniform(0.1, 1) * self.span * share)

    def _do(self, act: Callable[[UnitOfWork], None], share: float = 1.0) -> None:
        self.later.append((self._when(share), act))

    def _set(self, row: Any, share: float = 1.0, **values: Any) -> None:
        """This row gets these values later, `...` being that instant."""
        entity, number = type(row), row.id

        def act(uow: UnitOfWork) -> None:
            found = uow.session.get(entity, number)
            if found is not None:
                for name, value in values.items():
                    setattr(found, name, self.now if value is ... else value)

        self._do(act, share)

    def _somebody(self, uow: UnitOfWork, place: str) -> int:
        known = self.people[place]
        if len(known) > 8 and self.rng.random() < 0.8:
            return self.rng.choice(known)
        one = self.put(uow, Person, name=f"Nom {self.count}", created_at=self.now, lang="fr")
        places = [place, self.rng.choice([HERE, THERE])] if self.rng.random() < 0.3 else [place]
        for where in dict.fromkeys(places):
            self.put(uow, Membership, person_id=one.id, programme_id=where, role="mentee",
                     state="active", since=self.now)  # fmt: skip
            self.people[where].append(one.id)
        number: int = one.id
        return number

    def _begin(self, uow: UnitOfWork) -> None:
        place = self.rng.choices([HERE, THERE, LEFT], [6, 6, 1])[0]
        who = self._somebody(uow, place)
        for part in self.rng.sample(
            (self._relation, self._talks, self._words, self._care, self._house, self._report,
             self._campaign), 3,
        ):  # fmt: skip
            part(uow, place, who)

    def _talk(
        self, uow: UnitOfWork, place: str, who: int, kind: str, status: str, **more: Any
    ) -> Any:
        done = {"snapshot": BODY} if status == "done" else {}
        return self.put(uow, Conversation, programme_id=place, person_id=who, kind=kind,
                        status=status, opened_at=self.now, updated_at=self.now,
                        **{**done, **more})  # fmt: skip

    def _talks(self, uow: UnitOfWork, place: str, who: int) -> None:
        self._talk(uow, place, who, "profile", "done")
        self._talk(uow, place, who, "intake", "done")  # refused by the file: it led to nothing
        self._talk(uow, place, who, "expert", "cancelled")
        self._talk(uow, place, who, "closing", "open", closes_at=self._when())
        self._set(self._talk(uow, place, who, "intake", "open"), 0.2, updated_at=...)

    def _relation(self, uow: UnitOfWork, place: str, who: int) -> None:
        intake = self._talk(uow, place, who, "intake", "done")
        other = self._somebody(uow, place)
        for _ in range(self.rng.choice([1, 1, 2])):  # one intake may have led to several requests
            request = self.put(uow, Request, programme_id=place, person_id=who, state="open",
                               conversation_id=intake.id, created_at=self.now, changed_at=self.now,
                               kind="long_term")  # fmt: skip
            self.put(uow, Proposal, request_id=request.id, expert_id=other, rank=1)
            self.put(uow, RequestNote, request_id=request.id, person_id=who, kind="note")
            self.put(uow, Interview, request_id=request.id, interviewer_id=other)
            self._set(request, state=self.rng.choice(["closed", "closed", "team"]), changed_at=...)
        if self.rng.random() < 0.6:
            self._set(request, 0.1, state="matched", changed_at=...)
            self._pair(uow, place, who, other, request.id)

    def _pair(self, uow: UnitOfWork, place: str, who: int, other: int, request: int) -> None:
        pair = self.put(uow, Pair, programme_id=place, request_id=request, mentee_id=who,
                        mentor_id=other, state="active", started_at=self.now)  # fmt: skip
        series = self.put(uow, Series, pair_id=pair.id, person_id=other)
        self.put(uow, SeriesException, series_id=series.id, occurrence=self.now)
        checkin = self.put(uow, Checkin, series_id=series.id, pair_id=pair.id, person_id=other,
                           occurrence=self.now)  # fmt: skip
        asked = self._talk(uow, place, other, "checkin:monthly", "done", about_id=checkin.id)
        checkin.conversation_id = asked.id
        self.put(uow, Meeting, pair_id=pair.id, set_by_id=who)
        self.put(uow, Objective, pair_id=pair.id, author_id=who)
        self._talk(uow, place, who, "objective", "done", about_id=pair.id)
        self._words(uow, place, who, pair.id)
        self._set(pair, state="closed", ended_at=...)

    def _words(self, uow: UnitOfWork, place: str, who: int, pair: int | None = None) -> None:
        keep = self.rules[place].letters if place in self.rules else 30
        self.put(uow, Letter, programme_id=place, author_id=who, pair_id=pair, written_at=self.now,
                 keep_until=self.now + keep * DAY, state="sent", kind="letter")  # fmt: skip
        self.put(uow, Stray, programme_id=self.rng.choice([place, None]), person_id=who,
                 said_at=self.now)  # fmt: skip
        heard = self.put(uow, Inbox, platform="telegram", bot_account="t",
                         event_key=f"e{self.count}", received_at=self.now, person_id=who,
                         state="received", author=f"telegram:{who}")  # fmt: skip
        heard.payload = BODY
        self._set(heard, 0.01, state=self.rng.choice(["done", "rejected"]))
        said = self.put(uow, Outbox, dedup_key=f"k{self.count}", bot_account="t", chat_id="1",
                        person_id=who, created_at=self.now, not_before=self.now, state="queued",
                        payload=BODY)  # fmt: skip
        state = self.rng.choice(["sent", "sent", "failed", "cancelled", "unreachable", "queued"])
        self._set(said, 0.5, state=state, **({"sent_at": ...} if state == "sent" else {}))
        timer = self.put(uow, Timer, key=f"t{self.count}", kind="guide", due_at=self._when(),
                         state="pending")  # fmt: skip
        self._set(timer, state=self.rng.choice(["fired", "cancelled"]))

    def _care(self, uow: UnitOfWork, place: str, who: int) -> None:
        flag = self.put(uow, Flag, programme_id=place, person_id=who, state="new", kind="flag",
                        made_at=self.now, changed_at=self.now)  # fmt: skip
        self._set(flag, state=self.rng.choice(["closed", "closed", "taken"]), changed_at=...)
        call = self.put(uow, HelpCall, programme_id=place, person_id=who, state="closed",
                        asked_at=self.now)  # fmt: skip
        if self.rng.random() < 0.8:
            self._set(call, closed_at=...)
        fixed = self.put(uow, Correction, programme_id=place, person_id=who, at=self.now,
                         ended_at=self.now)  # fmt: skip
        self._set(fixed, 0.3, until=...)
        turned = self.put(uow, Referral, programme_id=place, person_id=who, state="active",
                          changed_at=self.now, begun_at=self.now)  # fmt: skip
        self._set(turned, state=self.rng.choice(["done", "declined", "active"]), changed_at=...)
        self.put(uow, TeamLetter, programme_id=place, person_id=who, written_at=self.now)
        wrong = self.put(uow, Rectification, programme_id=place, person_id=who, asked_at=self.now)
        self._set(wrong, settled_at=...)

    def _report(self, uow: UnitOfWork, place: str, who: int) -> None:
        closes = self._when()
        answers = self._talk(uow, place, who, "report:quarter", "done", closes_at=closes)
        self.put(uow, Report, programme_id=place, person_id=who, report="quarter",
                 quarter=f"Q{self.count}"[:6], opened_at=self.now, closes_at=closes, state="sent",
                 conversation_id=answers.id)  # fmt: skip
        if not uow.session.scalar(
            select(Wish.id).where(Wish.person_id == who, Wish.programme_id == place)
        ):
            wish = self.put(uow, Wish, programme_id=place, person_id=who, updated_at=self.now)
            self._set(wish, updated_at=...)

    def _house(self, uow: UnitOfWork, place: str, who: int) -> None:
        self.put(uow, Audit, at=self.now, verb="x", thing="person", thing_id=who)
        self.put(uow, Announcement, programme_id=place, author_id=who, asked_at=self.now)
        self.put(uow, LinkCode, programme_id=self.rng.choice([place, None]), person_id=who,
                 digest=f"d{self.count}", expires_at=self._when(0.2))  # fmt: skip

    def _campaign(self, uow: UnitOfWork, place: str, who: int) -> None:
        other = self._somebody(uow, place)
        if other == who:
            return
        one = self.put(uow, Campaign, programme_id=place, name=f"c{self.count}", state="closed",
                       opened_at=self.now)  # fmt: skip
        self.put(uow, CampaignEntry, campaign_id=one.id, person_id=who, role="mentee")
        self.put(uow, CampaignPair, campaign_id=one.id, mentee_id=who, mentor_id=other)
        self._set(one, closed_at=...)


# --- the nights -----------------------------------------------------------------------------------


def rows_of(uow: UnitOfWork) -> Kept:
    """Everything that is there."""
    return {
        table.name: {row["id"]: dict(row) for row in uow.session.execute(select(table)).mappings()}
        for table in Base.metadata.sorted_tables
        if "id" in table.c
    }


@dataclass
class Found:
    """What two years have shown.

    Attributes:
        nights: How many purges were looked at.
        looked: Rows looked at, all nights together.
        gone: Rows that went when they had to, by table.
        late: Rows that were there past their period.
        early: Rows that went before its end.
    """

    nights: int = 0
    looked: int = 0
    gone: Counter[str] = field(default_factory=Counter)
    late: list[str] = field(default_factory=list)
    early: list[str] = field(default_factory=list)


def _compare(found: Found, opinion: Opinion, after: Kept) -> None:
    for table, rows in opinion.kept.items():
        left = after[table].keys()
        for number, row in rows.items():
            found.looked += 1
            over, there = opinion.over(table, row), number in left
            if over and there:
                found.late.append(f"{table} {number} of {opinion.now:%Y-%m-%d}")
            elif not over and not there:
                found.early.append(f"{table} {number} of {opinion.now:%Y-%m-%d}")
            elif over:
                found.gone[table] += 1
    for number, row in opinion.kept["inbox"].items():
        if row["payload"] is None or number not in after["inbox"]:
            continue
        over = row["state"] != "received" and opinion.body(row) < opinion.now
        there = after["inbox"][number]["payload"] is not None
        if over and there:
            found.late.append(f"body {number} of {opinion.now:%Y-%m-%d}")
        elif not over and not there:
            found.early.append(f"body {number} of {opinion.now:%Y-%m-%d}")
        elif over:
            found.gone["body"] += 1


def live(days: int, seed: int, rules: Mapping[str, Retention], span: float) -> Found:
    """So many days and nights.

    Args:
        days: How many.
        seed: Of chance.
        rules: The periods.
        span: Days that things last at most before they end.
    """
    database = Database("sqlite://", "a secret for tests only")
    tables(database)
    life = Life(database, random.Random(seed), span, rules)
    found = Found()
    for day in range(days):
        life.now = START + day * DAY
        life.day()
        now = life.now + timedelta(hours=life.rng.uniform(1, 20))
        with database.unit_of_work() as uow:
            before = rows_of(uow)
        while True:
            with database.unit_of_work() as uow:
                gone = uow.purge(rules, now)
                uow.commit()
            if not gone:
                break
        with database.unit_of_work() as uow:
            _compare(found, Opinion(before, rules, now), rows_of(uow))
        found.nights += 1
    database.close()
    return found


def main(arguments: Iterable[str] | None = None) -> int:
    """Print what was found; 1 when anything stayed too long or went too early."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=730)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(None if arguments is None else list(arguments))
    found = live(asked.days, asked.seed, RULES, span=120.0)
    print(f"nights {found.nights}, rows looked at {found.looked}")
    print("went in time:", ", ".join(f"{what} {n}" for what, n in sorted(found.gone.items())))
    print(f"past their period: {len(found.late)} (bar: 0)", *found.late[:9], sep="\n  ")
    print(f"gone too early: {len(found.early)} (bar: 0)", *found.early[:9], sep="\n  ")
    return int(bool(found.late or found.early))


if __name__ == "__main__":
    sys.exit(main())
