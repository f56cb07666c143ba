"""A small house in which every sensitive field of everybody holds a word found nowhere else.

Two pairs of one programme, a pair of another programme, a campaign of a third, people in every role
and somebody who was erased. Rows are written as the schema has them, each with a number of its own
over all tables, so that a number means one thing only. Tables that nothing here speaks of get a row
for each pair from their columns alone: what is built later is tried without a word here.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import JSON, Boolean, Date, Integer, LargeBinary, String, Table, Text
from sqlalchemy.exc import IntegrityError, StatementError

from bot.bot import Bot
from bot.dialogue.engine import State
from bot.dialogue.questionnaire import Label, Questionnaire
from bot.messages import MESSAGE, Message
from bot.programmes.about import Body
from bot.programmes.schema import Programme
from storage.sealed import Sealed
from storage.tables import (
    Base,
    Campaign,
    CampaignEntry,
    CampaignPair,
    Checkin,
    Consent,
    Conversation,
    DirectoryWord,
    Expert,
    ExpertVector,
    Identity,
    LinkCode,
    Meeting,
    Membership,
    Objective,
    Outbox,
    Pair,
    Partner,
    PartnerLink,
    PartnerView,
    Person,
    PersonKey,
    Proposal,
    Report,
    Request,
    Series,
    Stray,
    Wish,
)
from storage.unit_of_work import Database, UnitOfWork
from storage.utc import Utc
from tests.empty import tables
from tests.stand import programme

NOW: Final = datetime(2026, 10, 6, 9, tzinfo=UTC)
FIRST, OTHER, MENTORING = "ax-accompagnement", "emergence", "ax-mentorat"
SECRET: Final = "a secret for tests only"
BODY: Final = "soie"
BODY_MAY: Final = ("demandes", "campagne")
MISSING: Final = 987_654

ROLES: Final[Mapping[str, tuple[tuple[str, str, str], ...]]] = {
    # who -> programme, role, state
    "member": ((FIRST, "mentor", "pending"),),
    "mentee": ((FIRST, "mentee", "active"), (MENTORING, "mentee", "active")),
    "mentor": ((FIRST, "mentor", "active"), (MENTORING, "mentor", "active")),
    "other mentee": ((FIRST, "mentee", "active"), (MENTORING, "mentee", "active")),
    "other mentor": ((FIRST, "mentor", "active"), (MENTORING, "mentor", "active")),
    "far mentee": ((OTHER, "mentee", "active"),),
    "far mentor": ((OTHER, "mentor", "active"),),
    "staff": ((FIRST, "staff", "active"), (MENTORING, "staff", "active")),
    "mentor of the team": ((FIRST, "mentor", "active"), (FIRST, "staff", "active")),
    "their mentee": ((FIRST, "mentee", "active"),),
    "staff before": ((FIRST, "staff", "ended"), (FIRST, "owner", "ended")),
    "far staff": ((OTHER, "staff", "active"),),
    "body": ((FIRST, BODY, "active"), (MENTORING, BODY, "active")),
    "supervisor": ((FIRST, "supervisor", "active"),),
    "teacher": ((FIRST, "teacher", "active"),),
    "safeguarding": ((FIRST, "safeguarding", "active"),),
    "owner": ((FIRST, "owner", "active"), (MENTORING, "owner", "active")),
    "far owner": ((OTHER, "owner", "active"),),
    "erased": ((FIRST, "mentee", "active"),),
    "erased mentor": ((FIRST, "mentor", "active"),),
}
GUEST: Final = "guest"
ACTORS: Final = (GUEST, *(name for name in ROLES if name != "erased mentor"))
SHOWN: Final = frozenset({"expert", "mentor", "other mentor"})
"""Experts who agreed to be shown to those who have a role in their programme."""
PAIRS: Final = (
    ("mentee", "mentor", FIRST),
    ("other mentee", "other mentor", FIRST),
    ("far mentee", "far mentor", OTHER),
    ("their mentee", "mentor of the team", FIRST),
    ("erased", "erased mentor", FIRST),
)


@dataclass(frozen=True, slots=True)
class Canary:
    """A word found in one field only.

    Attributes:
        word: The word.
        table: Where it stands.
        column: In which column.
        number: Of the row.
        privacy: What the schema says who may see the column at most.
    """

    word: str
    table: str
    column: str
    number: int
    privacy: str


@dataclass
class World:
    """The house, and what is in it.

    Attributes:
        people: Name in `ROLES` → number.
        rows: Number → table, for every row that a button or a command could name.
        gone: Numbers of rows that an erasure took.
        canaries: By word.
        unmade: Tables that nothing here speaks of and whose columns do not tell enough for a row.
    """

    database: Database
    bot: Bot
    people: dict[str, int] = field(default_factory=dict)
    rows: dict[int, str] = field(default_factory=dict)
    gone: dict[int, str] = field(default_factory=dict)
    canaries: dict[str, Canary] = field(default_factory=dict)
    unmade: set[str] = field(default_factory=set)
    words: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1001))

    def word(self, table: str, column: str, number: int, privacy: str) -> str:
        """A new word for a field: letters and figures that no catalogue and no file has."""
        made = f"Zq{next(self.words):04d}x"
        self.canaries[made] = Canary(made, table, column, number, privacy)
        return made


def programmes() -> dict[str, Programme]:
    """The three programmes; the first has another's reports and companies, and another body."""
    soie = Body(id=BODY, name=Label(fr="le SOIE", en="the SOIE"), may=BODY_MAY)
    emergence = programme(OTHER)
    first = programme(FIRST, reports=emergence.reports, partners=emergence.partners, bodies=(soie,))
    mentoring = programme(MENTORING, bodies=(soie,))
    return {p.id: p for p in (first, emergence, mentoring)}


def build(url: str = "sqlite://", kind: type[World] = World) -> World:
    """The house, committed."""
    database = Database(url, SECRET)
    tables(database)
    world = kind(database, Bot(programmes()))
    with database.unit_of_work() as uow:
        maker = _Maker(world, uow)
        for name in ROLES:
            maker.person(name)
        maker.person("expert")
        for pair in PAIRS:
            maker.pair(*pair)
        maker.campaign()
        for pair in PAIRS:
            maker.company(*pair)
        maker.rest()
        for name in ("erased", "erased mentor"):
            uow.privacy.erase_person(world.people[name], NOW)
        uow.session.flush()
        for number, table in list(world.rows.items()):
            found = uow.session.connection().exec_driver_sql(
                f'SELECT 1 FROM "{table}" WHERE rowid = {number}'
            )
            if found.first() is None:
                world.gone[number] = world.rows.pop(number)
        uow.commit()
    return world


class _Maker:
    """Writes rows, each text with a word of its own."""

    def __init__(self, world: World, uow: UnitOfWork) -> None:
        self.world = world
        self.uow = uow
        self.made: dict[str, range] = {}  # numbers of what a pair has, by its mentee

    def put(self, kind: type[Any], /, **values: Any) -> Any:
        """A row with the next number; `word` stands for a word of its own."""
        number = next(self.world.numbers)
        if "id" in kind.__table__.c:
            values["id"] = number
            self.world.rows[number] = kind.__tablename__
        else:
            number = values["person_id"]
        for name, value in values.items():
            if value is WORD:
                values[name] = self.new(kind, name, number)
        row = kind(**values)
        self.uow.session.add(row)
        self.uow.session.flush()
        return row

    def new(self, kind: type[Any], column: str, number: int) -> str:
        """A word for a column."""
        privacy = kind.__table__.c[column].info["privacy"]
        return self.world.word(kind.__tablename__, column, number, privacy)

    def seal(self, owner: int, value: object) -> bytes:
        """A value only its owner's key opens."""
        return self.uow.vault.seal(self.uow.session, owner, value)

    # --- people ---

    def person(self, name: str) -> None:
        """Somebody with an account on each platform, and their roles."""
        one = self.put(
            Person, name=WORD, external_id=WORD, school=WORD, promo=2015, lang="fr",
            created_at=NOW, reply_on="telegram", email=None,
        )  # fmt: skip
        one.email = f"{self.new(Person, 'email', one.id).lower()}@exemple.invalid"
        self.world.people[name] = one.id
        for platform, account, ours in (
            ("telegram", str(7_000_000 + one.id), "telegram:9"),
            ("slack", f"T1/U{one.id}", "slack:T1"),
        ):
            self.put(Identity, person_id=one.id, platform=platform, account=account,
                     bot_account=ours, reachable=True, seen_at=NOW)  # fmt: skip
        places = ROLES.get(name, ((FIRST, "mentor", "active"),))
        for place, role, state in places:
            self.put(Membership, person_id=one.id, programme_id=place, role=role, state=state,
                     since=NOW)  # fmt: skip
            if role in ("mentee", "mentor"):
                one.programme_id = place if place != MENTORING else one.programme_id
                for purpose in ("storage", "charter"):
                    if (purpose, place) not in self._agreed(one.id):
                        self.put(Consent, person_id=one.id, programme_id=place, purpose=purpose,
                                 text_version="2026-11", given_at=NOW)  # fmt: skip
            elif state == "active":
                one.programme_id = places[0][0]
        if any(role == "mentor" for _, role, _ in places):
            texts = ("job", "employer", "sector", "bio", "topics", "city", "country")
            card: dict[str, object] = {t: self.new(Expert, t, one.id) for t in texts}
            card |= {"capacity": 3, "consenting": name in SHOWN, "helps": ["one_off", "long_term"]}
            self.uow.directory.save(one.id, NOW, card)
            self.world.rows[one.id] = "person"

    def _agreed(self, person: int) -> set[tuple[str, str]]:
        given = self.uow.session.query(Consent).filter_by(person_id=person)
        return {(one.purpose, one.programme_id) for one in given}

    # --- what people have ---

    def talk(self, owner: int, place: str, kind: str, status: str, about: int | None = None) -> int:
        """A dialogue with a word in each text that was answered."""
        qs = self.world.bot.programmes[place].questionnaire(kind)
        assert qs is not None
        number = next(self.world.numbers)
        answers, kept = _answers(qs, lambda: self.new(Conversation, "snapshot", number))
        state = State(answers=answers, status="done" if status == "done" else "open").to_json()
        row = Conversation(
            id=number, person_id=owner, programme_id=place, kind=kind, about_id=about,
            state=self.seal(owner, state), status=status, digest="x", opened_at=NOW,
            updated_at=NOW, snapshot=self.seal(owner, kept) if status == "done" else None,
        )  # fmt: skip
        self.world.rows[number] = "conversation"
        self.uow.session.add(row)
        self.uow.session.flush()
        return number

    def request(self, mentee: int, place: str, state: str) -> Request:
        """A request that the mentee sent."""
        talk = self.talk(mentee, place, "intake", "done")
        made: Request = self.put(
            Request, programme_id=place, person_id=mentee, conversation_id=talk, state=state,
            kind="long_term", created_at=NOW, changed_at=NOW, due_at=NOW + timedelta(days=5),
        )  # fmt: skip
        shared = self.new(Request, "shared", made.id)
        made.shared = self.seal(mentee, {"named": False, "answers": [["?", shared]]})
        made.features = self.seal(mentee, {"text": self.new(Request, "features", made.id)})
        self.uow.session.flush()
        return made

    def pair(self, mentee_name: str, mentor_name: str, place: str) -> None:
        """A pair, and all that two people leave behind in half a year."""
        mentee, mentor = self.world.people[mentee_name], self.world.people[mentor_name]
        begun = next(self.world.numbers)
        if self.world.bot.programmes[place].intake is not None:
            for state, expert, asked in (("asked", mentor, NOW), ("team", mentor, None)):
                wanted = self.request(mentee, place, state)
                made = self.put(Proposal, request_id=wanted.id, expert_id=expert, rank=1,
                                reasons=[], shown_at=NOW, asked_at=asked,
                                due_at=NOW + timedelta(days=3) if asked else None,
                                state="asked" if asked else "shown")  # fmt: skip
                made.reasons = [self.new(Proposal, "reasons", made.id)]
        supervisor = self.world.people.get("supervisor") if mentee_name == "mentee" else None
        pair: Pair = self.put(Pair, programme_id=place, mentee_id=mentee, mentor_id=mentor,
                        state="active", started_at=NOW - timedelta(days=40),
                        ends_at=NOW + timedelta(days=90), supervisor_id=supervisor)  # fmt: skip
        objective = self.put(Objective, pair_id=pair.id, author_id=mentor, text=b"\x01",
                             proposed_at=NOW)  # fmt: skip
        objective.text = self.seal(mentor, self.new(Objective, "text", objective.id))
        self.put(Meeting, pair_id=pair.id, set_by_id=mentee, starts_at=NOW + timedelta(days=3))
        rules = self.world.bot.programmes[place]
        for rhythm, person in itertools.product(rules.rhythms[:1], (mentee, mentor)):
            series = self.put(Series, pair_id=pair.id, person_id=person, rhythm=rhythm.id,
                              rrule=rhythm.rrule, dtstart_local="2026-09-01T09:00:00",
                              zone="Europe/Paris")  # fmt: skip
            for days, state in ((30, "answered"), (1, "asked")):
                status = "done" if state == "answered" else "open"
                checkin = self.put(Checkin, series_id=series.id, pair_id=pair.id, person_id=person,
                                   occurrence=NOW - timedelta(days=days), state=state,
                                   met="yes" if state == "answered" else None)  # fmt: skip
                checkin.conversation_id = self.talk(
                    person, place, f"checkin:{rhythm.id}", status, checkin.id
                )
        for person in (mentee, mentor):
            if rules.closing is not None:
                self.talk(person, place, "closing", "done", pair.id)
            stray = self.put(Stray, person_id=person, programme_id=place, text=b"\x01", said_at=NOW)
            stray.passed_at = NOW if person == mentor else None
            stray.text = self.seal(person, self.new(Stray, "text", stray.id))
            if rules.profile is not None:
                self.talk(person, place, "profile", "done")
        if rules.objective is not None:
            self.talk(mentor, place, "objective", "open", pair.id)
        if rules.expert is not None:
            self.talk(mentor, place, "expert", "done")
        for quarter, state in (("2026T2", "sent"), ("2026T4", "open")):
            for report in rules.reports[:1]:
                told = self.put(Report, programme_id=place, person_id=mentee, report=report.id,
                                quarter=quarter, state=state, opened_at=NOW,
                                closes_at=NOW + timedelta(days=20),
                                sent_at=NOW if state == "sent" else None)  # fmt: skip
                told.conversation_id = self.talk(mentee, place, f"report:{report.id}", "open")
                word = self.new(Report, "answers", told.id)
                said = [{"id": "q", "question": "?", "label": word, "value": word}]
                told.answers = self.seal(mentee, said)
        self.put(Wish, person_id=mentee, programme_id=place, kind="job", field=WORD, place=WORD,
                 start_on=date(2027, 1, 1), updated_at=NOW)  # fmt: skip
        self.parked(mentee, f"checkin:{pair.id}:x")
        self.made[mentee_name] = range(begun, next(self.world.numbers))

    def parked(self, person: int, key: str) -> None:
        """A message that did not get through."""
        number = next(self.world.numbers)
        said = MESSAGE.dump_json(Message(self.new(Outbox, "payload", number)))
        self.world.rows[number] = "outbox"
        self.uow.session.add(
            Outbox(
                id=number, dedup_key=f"{key}:{number}", bot_account="telegram:9",
                chat_id=str(7_000_000 + person), person_id=person, not_before=NOW, state="failed",
                reason="chat not found", created_at=NOW,
                payload=self.uow.vault.seal_bytes(self.uow.session, person, said),
            )
        )  # fmt: skip
        self.uow.session.flush()

    def campaign(self) -> None:
        """A campaign with two volunteers and a draft."""
        here = self.put(Campaign, programme_id=MENTORING, name="2026", year=2026, promos=[2015],
                        state="matching", seed=1, opened_at=NOW)  # fmt: skip
        for mentee, mentor in (("mentee", "mentor"), ("other mentee", "other mentor")):
            wanted = self.request(self.world.people[mentee], MENTORING, "open")
            self.put(CampaignEntry, campaign_id=here.id, person_id=self.world.people[mentee],
                     role="mentee", request_id=wanted.id, entered_at=NOW)  # fmt: skip
            drafted = self.put(CampaignPair, campaign_id=here.id, score=700, reasons=[],
                     mentee_id=self.world.people[mentee],
                     mentor_id=self.world.people[mentor])  # fmt: skip
            drafted.reasons = [self.new(CampaignPair, "reasons", drafted.id)]

    def company(self, mentee: str, mentor: str, place: str) -> None:
        """A company that was shown the mentee, and the link it has."""
        made = self.put(Partner, programme_id=place, name=WORD, created_at=NOW)
        link = self.put(PartnerLink, partner_id=made.id, digest=f"{made.id:064}", created_at=NOW,
                        expires_at=NOW + timedelta(days=60))  # fmt: skip
        self.put(PartnerView, partner_id=made.id, link_id=link.id, fields="name", at=NOW,
                 person_id=self.world.people[mentee])  # fmt: skip

    # --- what nothing here speaks of ---

    def rest(self) -> None:
        """A row for each pair in every other table, made from what its columns say."""
        known = {entity.__tablename__ for entity in vars(_Maker)["KNOWN"]}
        for mapper in Base.registry.mappers:
            table = mapper.local_table
            assert isinstance(table, Table)
            if table.name in known or table.info["basis"] == "none":
                continue
            for mentee, mentor, place in PAIRS:
                try:
                    with self.uow.session.begin_nested():
                        self.unknown(mapper.class_, table, mentee, mentor, place)
                except (IntegrityError, StatementError):  # it wants more than columns tell
                    self.world.unmade.add(table.name)

    def unknown(self, kind: type[Any], table: Table, mentee: str, mentor: str, place: str) -> None:
        """A row of a table known by its columns only."""
        number = next(self.world.numbers)
        people = itertools.chain(
            (self.world.people[mentee], self.world.people[mentor]),
            itertools.repeat(self.world.people[mentor]),
        )
        owner = self.world.people[mentee]
        values: dict[str, Any] = {}
        for column in table.columns:
            if column.primary_key and not column.foreign_keys:
                values[column.name] = number if isinstance(column.type, Integer) else f"x{number}"
                continue
            if column.default is not None:
                continue
            target = next((key.column.table.name for key in column.foreign_keys), None)
            values[column.name] = self._value(
                kind, column, target, number, place, people, owner, mentee
            )
        self.world.rows[number] = table.name
        self.uow.session.add(kind(**values))
        self.uow.session.flush()

    def _value(
        self, kind: type[Any], column: Any, target: str | None, number: int, place: str,
        people: Iterator[int], owner: int, mentee: str,
    ) -> Any:  # fmt: skip
        if target == "person":
            return next(people)
        if target is not None:
            theirs = [n for n in self.made[mentee] if self.world.rows.get(n) == target]
            return theirs[0] if theirs else None
        if column.name == "programme_id":
            return place
        private = column.info.get("privacy", "internal") != "internal"
        text = isinstance(column.type, String | Text) and (column.type.length or 999) >= 40
        if isinstance(column.type, Sealed):
            return self.seal(owner, self.new(kind, column.name, number) if private else "x")
        if text and private:
            return self.new(kind, column.name, number)
        listed = re.match(r"[a-z_]+(?=, [a-z_])", column.doc or "")
        if listed is not None and isinstance(column.type, String):
            return listed[0]
        for wanted, value in (
            (Utc, NOW), (Date, NOW.date()), (Boolean, True), (JSON, []), (LargeBinary, b"x"),
            (String, f"x{number}"), (Text, f"x{number}"), (Integer, 1),
        ):  # fmt: skip
            if isinstance(column.type, wanted):
                return None if column.nullable else value
        return None if column.nullable else 1

    KNOWN = (
        Campaign, CampaignEntry, CampaignPair, Checkin, Consent, Conversation, DirectoryWord,
        Expert, ExpertVector, Identity, LinkCode, Meeting, Membership, Objective, Outbox, Pair,
        Partner, PartnerLink, PartnerView, Person, PersonKey, Proposal, Report, Request,
        Series, Stray, Wish,
    )  # fmt: skip


class _Word:
    """Stands for a new word in `_Maker.put`."""


WORD: Final = _Word()


def _answers(qs: Questionnaire, word: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A whole questionnaire answered: a word in each text, the first option of each choice."""
    answers: dict[str, Any] = {}
    for question in qs.questions:
        if question.kind == "text":
            answers[question.id] = word()
        elif question.kind == "choice":
            answers[question.id] = question.options[0].value
        elif question.kind == "scale":
            answers[question.id] = question.bounds[0]
    kept = [
        {"id": name, "question": "?", "label": str(value), "value": value, "share": False}
        for name, value in answers.items()
    ]
    return answers, kept
