"""What a programme file may say: everything in which one programme differs from another.

A programme is texts, roles, questionnaires, rhythms and figures; nothing here acts. This module
does not know who takes part, what is stored, or what a due rhythm causes. `load` reads files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from functools import cached_property
from typing import Annotated, Final, Literal, Self

from pydantic import (
    Field,
    PrivateAttr,
    field_validator,
    model_validator,
)

from bot.dialogue.questionnaire import (
    Data,
    FileFaults,
    Id,
    Label,
    Localised,
    Question,
    Questionnaire,
    did_you_mean,
)
from bot.programmes.about import About, Body, Consent, Contact, Retention, Roles
from bot.programmes.campaign import CampaignRules
from bot.programmes.care import Expectations, Guide, PairRules, Referrals, Side
from bot.programmes.matching import Matching
from bot.programmes.meaning import (
    FEATURES,
    HELPS,
    SHOWN_TO_OTHERS,
    STRUCTURES,
    faults_of_fill,
)
from bot.programmes.partners import Partners
from bot.programmes.protection import Emergency, Minors, Platform
from bot.programmes.queue import QueueRules
from bot.programmes.triage import Triage
from bot.rhythm import check_rule, working_days_later

Help = Literal["one_off", "referent", "long_term"]
Month = Annotated[int, Field(ge=1, le=12)]
Place = tuple[str | int, ...]
Fault = tuple[Place, str]


class Refuse(Data):
    """Requests that this programme can't take, and what is said then (A-02)."""

    when: Mapping[str, tuple[str | int, ...]] = Field(min_length=1)
    """Refused when one of these questions has one of these answers."""
    text: Localised

    def applies(self, answers: Mapping[str, object]) -> bool:
        """Whether these answers are refused."""
        return _meets(self.when, answers)


_NO_CAMPAIGN: Final = (
    "a campaign makes all its pairs at once, and may not wait for each mentor's check and each"
    " parent's agreement: drop [campaign] or [minors]"
)
_NO_OPEN_MENTOR: Final = (
    "with [minors] a pupil must not become an adult by one tap: mentors need the team's yes,"
    ' enrol = "staff"'
)
SHOWN: Final = ("all", "unnamed", "words")
"""What a mentee may choose to show to the expert asked: every answer the file marks as shareable;
the same without their name; only what they wrote in their own words, without their name."""


class Intake(Questionnaire):
    """What a request says."""

    refuse: Refuse | None = None
    shown: Id | None = None
    """The choice question that says what the expert may see; its options are of `SHOWN`."""
    counted: tuple[Id, ...] = Field(default=(), max_length=3)
    """Choice or many questions by whose answers the team's figures count requests (A-26)."""

    @model_validator(mode="after")
    def _check_counted(self) -> Self:
        for name in self.counted:
            question = self.question(name)
            kind = "many" if question is not None and question.kind == "many" else "choice"
            _raise(_refers(self, "counted", name, kind))
        return self

    @model_validator(mode="after")
    def _check_shown(self) -> Self:
        _raise(_refers(self, "shown", self.shown, "choice"))
        question = self.question(self.shown or "")
        for option in question.options if question else ():
            if option.value not in SHOWN:
                hint = did_you_mean(option.value, SHOWN)
                raise FileFaults([(("shown",), f'"{option.value}" is nothing to show{hint}')])
        return self

    @model_validator(mode="after")
    def _check_refuse(self) -> Self:
        wanted = self.refuse.when.items() if self.refuse else ()
        _raise(f for name, values in wanted for f in _wants(self, ("refuse", "when"), name, values))
        return self


class Proposals(Data):
    """What happens between a request and an acceptance."""

    deadline_days: int = Field(default=7, ge=1, le=60)
    """Days an expert has to answer, then the next choice is offered."""
    nudge_days: int = Field(default=3, ge=1, le=60)
    """Days after which an expert is reminded once."""
    max_asked: int = Field(default=3, ge=1, le=20)
    """Experts one request may ask, one after the other, before the team takes over."""

    @model_validator(mode="after")
    def _nudge_first(self) -> Self:
        if self.nudge_days >= self.deadline_days:
            raise ValueError("nudge_days has to be less than deadline_days")
        return self


class Watched(Questionnaire):
    """A questionnaire some of whose answers call for staff."""

    alert_staff: Mapping[str, tuple[str | int, ...]] = Field(default_factory=dict)
    """Staff are told when one of these questions gets one of these answers."""

    def alerts(self, answers: Mapping[str, object]) -> bool:
        """Whether these answers are to be told to staff."""
        return _meets(self.alert_staff, answers)

    def telling(self, answers: Mapping[str, object]) -> frozenset[str]:
        """The questions whose answers staff are shown then: what calls for them, what weighs."""
        called = {
            name for name, wanted in self.alert_staff.items() if _meets({name: wanted}, answers)
        }
        return frozenset(called | {q.id for q in self.questions if q.sensitive})

    @model_validator(mode="after")
    def _check_alerts(self) -> Self:
        wanted = self.alert_staff.items()
        _raise(f for name, values in wanted for f in _wants(self, ("alert_staff",), name, values))
        return self


class Rhythm(Watched):
    """A check-in: questions that come back to one or both sides of each pair."""

    id: Id
    kind: Literal["checkin"] = "checkin"
    name: Label
    review: bool = False
    to: tuple[Side, ...] = Field(min_length=1)
    pairs: tuple[Literal["long_term", "one_off"], ...] = ("long_term",)
    """Kinds of pair that it follows."""
    rrule: str
    at: time
    """Local time of the person asked."""
    first_after_days: int = Field(default=7, ge=0, le=366)
    """No occurrence before that many days after the pair began."""
    remind_after_days: int | None = Field(default=None, ge=1, le=60)
    close_after_days: int | None = Field(default=None, ge=1, le=366)
    """Answers are taken until then; by default until the next occurrence."""
    met: Id | None = None
    """The choice question that says whether they met; its option `yes` means they did."""
    next_on: Id | None = None
    """The date question that gives the next meeting."""
    alert_after_missed: int | None = Field(default=None, ge=1, le=20)
    """Staff are told after that many rounds in a row without a meeting."""

    @field_validator("rrule")
    @classmethod
    def _plain_rule(cls, rule: str) -> str:
        check_rule(rule)
        return rule

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        _raise(self._name_faults())
        return self

    def _name_faults(self) -> Iterable[Fault]:
        yield from _refers(self, "met", self.met, "choice")
        yield from _refers(self, "next_on", self.next_on, "date")
        met = self.question(self.met or "")
        if met is not None and met.option("yes") is None:
            yield ("met",), f'the question "{self.met}" needs an option "yes"'
        if self.alert_after_missed and not self.met:
            yield ("alert_after_missed",), "say with 'met = \"…\"' which question tells a meeting"


class Closing(Watched):
    """Questions at the end of a relation."""

    to: tuple[Side, ...] = ("mentee", "mentor")
    referred: Mapping[str, tuple[str | int, ...]] = Field(default_factory=dict)
    """One of these answers says that the person turned to a professional: a success (A-21)."""
    expectations: Expectations | None = None

    def turned(self, answers: Mapping[str, object]) -> bool:
        """Whether these answers say so."""
        return _meets(self.referred, answers)

    @model_validator(mode="after")
    def _check_referred(self) -> Self:
        wanted = self.referred.items()
        _raise(f for name, values in wanted for f in _wants(self, ("referred",), name, values))
        return self


class FollowUp(Watched):
    """Questions some months after the end: what it has become (A-06)."""

    to: tuple[Side, ...] = ("mentee",)
    months: int = Field(default=3, ge=1, le=24)
    """After the end of a pair."""
    open_days: int = Field(default=30, ge=1, le=90)
    counted: tuple[Id, ...] = ()
    """Choice and scale questions whose answers the figures show."""

    @model_validator(mode="after")
    def _check_counted(self) -> Self:
        for index, name in enumerate(self.counted):
            _raise(_refers(self, "counted", name, below=()))
            if self.by_id[name].kind not in {"choice", "scale"}:
                raise FileFaults([(("counted", index), f'"{name}" is no choice or scale question')])
        return self


class Wish(Data):
    """Which questions of a report make up the wish for an internship or job (E-12)."""

    kind: Id
    """A choice question; its option `none` means that nothing is wished for."""
    field: Id | None = None
    place: Id | None = None
    start_on: Id | None = None
    months: Id | None = None


class Report(Watched):
    """A quarterly report."""

    id: Id
    name: Label
    to: Literal["mentee", "mentor"] = "mentee"
    months: tuple[Month, ...] = Field(min_length=1, max_length=4)
    day: int = Field(default=1, ge=1, le=31)
    at: time
    """Local time of the person asked."""
    open_days: int = Field(default=21, ge=1, le=90)
    reminders_after_days: tuple[int, ...] = Field(default=(7, 14), max_length=5)
    wish: Wish | None = None

    @model_validator(mode="after")
    def _check_parts(self) -> Self:
        _raise(self._part_faults())
        return self

    def _part_faults(self) -> Iterable[Fault]:
        quarters = [(month - 1) // 3 for month in self.months]
        if len(set(quarters)) != len(quarters):
            yield ("months",), "a report is kept by quarter: at most one month of each quarter"
        days = self.reminders_after_days
        if list(days) != sorted(set(days)) or (
            days and not 0 < days[0] <= days[-1] < self.open_days
        ):
            yield (
                ("reminders_after_days",),
                f"write growing numbers of days from 1 to {self.open_days - 1}",
            )
        if self.wish is not None:
            yield from _refers(self, "kind", self.wish.kind, "choice", below=("wish",))
            yield from _refers(self, "field", self.wish.field, below=("wish",))
            yield from _refers(self, "place", self.wish.place, below=("wish",))
            yield from _refers(self, "start_on", self.wish.start_on, "date", below=("wish",))
            yield from _refers(self, "months", self.wish.months, "choice", below=("wish",))
            months = self.question(self.wish.months or "")
            if months and not all(o.value.isdecimal() for o in months.options):
                yield ("wish", "months"), "its options have to be whole numbers of months"


class Programme(Data):
    """A whole programme file. Sections that are absent are services it does not offer."""

    about: About = Field(alias="programme")
    consent: Consent
    roles: Roles
    bodies: tuple[Body, ...] = ()
    profile: Questionnaire | None = None
    """Asked when someone joins, whatever the role."""
    intake: Intake | None = None
    """What a request says; without it pairs are made by staff only."""
    expert: Questionnaire | None = None
    """How someone registers as expert or mentor in the chat."""
    matching: Matching = Matching()
    proposals: Proposals = Proposals()
    queue: QueueRules = QueueRules()
    """How requests are taken on by the team (A-15)."""
    pair: PairRules = PairRules()
    campaign: CampaignRules | None = None
    """Mentors are given by a yearly campaign (X-01); without it, on demand."""
    objective: Questionnaire | None = None
    """The objective one side writes and the other approves (A-18): its first text question."""
    minors: Minors | None = None
    """Its mentees may be minors: what is asked before anything begins (P4)."""
    emergency: Emergency = Emergency()
    """The numbers given to whoever is in distress."""
    rhythms: tuple[Rhythm, ...] = ()
    closing: Closing | None = None
    followup: FollowUp | None = None
    guides: tuple[Guide, ...] = ()
    referrals: Referrals = Referrals()
    """Turning to a coach, a test, an assessment or a group (A-17)."""
    reports: tuple[Report, ...] = ()
    triage: Triage = Triage()
    """Whom the team is shown first, and why (E-09)."""
    partners: Partners | None = None
    """What companies may see of whoever agrees to it (E-13); without it there are none here."""
    _file: str = PrivateAttr(default="")
    _digest: str = PrivateAttr(default="")

    @property
    def id(self) -> str:
        """Its id, as in the name of a preset."""
        return self.about.id

    @property
    def name(self) -> Label:
        """What people call it."""
        return self.about.name

    @property
    def register(self) -> Literal["tu", "vous"]:
        """How the bot's own words address people (A-29)."""
        return self.about.register_

    @property
    def zone(self) -> str:
        """IANA name of its time zone, for people who gave none."""
        return self.about.zone

    @property
    def contact(self) -> Contact:
        """Whom people ask."""
        return self.about.contact

    @property
    def page(self) -> str | None:
        """Address of its page."""
        return self.about.page

    @property
    def platforms(self) -> tuple[Platform, ...]:
        """Where it may be used: as the file says; else everywhere, but minors on Slack only.

        Telegram offers no contract for what a bot exchanges there.
        """
        return self.about.platforms or (
            ("slack", "telegram") if self.minors is None else ("slack",)
        )

    @property
    def quiet(self) -> tuple[time, time]:
        """Local hours (from, to) without prompts."""
        return self.about.quiet.hours

    def works(self, day: date) -> bool:
        """Whether its team works on a day."""
        return self.about.days_off.works(day)

    def working_days_later(self, at: datetime, days: int) -> datetime:
        """The same local time so many of its team's working days later."""
        return working_days_later(at, days, self.zone, self.works)

    @property
    def retention(self) -> Retention:
        """How long each class of data is kept."""
        return self.about.retention

    @property
    def file(self) -> str:
        """The file it was read from."""
        return self._file

    @property
    def digest(self) -> str:
        """SHA-256 of the file, in hexadecimal: which version an answer was given to."""
        return self._digest

    def read_from(self, file: str, digest: str) -> Self:
        """Remember where it came from; called once, by the reader of files."""
        self._file, self._digest = file, digest
        return self

    def rhythm(self, name: str) -> Rhythm | None:
        """The rhythm of that id, if there is one."""
        return next((r for r in self.rhythms if r.id == name), None)

    def report(self, name: str) -> Report | None:
        """The report of that id, if there is one."""
        return next((r for r in self.reports if r.id == name), None)

    @cached_property
    def questionnaires(self) -> Mapping[str, Questionnaire]:
        """Every questionnaire by the kind of its conversations.

        profile, intake, expert, objective, closing, followup, `checkin:<rhythm>`,
        `report:<report>`. Where minors are, what people write of themselves holds no contact data.
        """
        found: dict[str, Questionnaire | None] = {
            "profile": self._of_people(self.profile),
            "intake": self.intake,
            "expert": self._of_people(self.expert),
            "objective": self.objective,
            "closing": self.closing,
            "followup": self.followup,
            **{f"checkin:{r.id}": r for r in self.rhythms},
            **{f"report:{r.id}": r for r in self.reports},
        }
        return {kind: qs for kind, qs in found.items() if qs is not None}

    def _of_people(self, qs: Questionnaire | None) -> Questionnaire | None:
        """Questions whose answers others are shown, refusing contact data where minors are (P4)."""
        if qs is None or self.minors is None:
            return qs
        questions = [
            q.model_copy(update={"no_contacts": True}) if q.fill in SHOWN_TO_OTHERS else q
            for q in qs.questions
        ]
        return type(qs).model_validate({**dict(qs), "questions": questions})

    def questionnaire(self, kind: str) -> Questionnaire | None:
        """The questionnaire of conversations of that kind, in today's file."""
        return self.questionnaires.get(kind)

    @model_validator(mode="after")
    def _check_whole(self) -> Self:
        _raise(self._whole_faults())
        return self

    def _whole_faults(self) -> Iterable[Fault]:
        yield from _unique("rhythms", [r.id for r in self.rhythms])
        yield from _unique("reports", [r.id for r in self.reports])
        yield from _unique("bodies", [body.id for body in self.bodies])
        yield from self.triage.faults(self.reports)
        if self.partners:
            yield from self.partners.faults(self.reports, self.triage)
        for section, qs in (("profile", self.profile), ("expert", self.expert)):
            for index, question in enumerate(qs.questions if qs else ()):
                if question.fill is not None:
                    for message in faults_of_fill(question):
                        yield (section, "questions", index), message
            yield from _filled_twice(section, qs)
        for kind, qs in self.questionnaires.items():
            yield from _misused_labels(kind, qs, self._place(kind))
        if self.campaign and self.intake is None:
            yield ("campaign",), "people apply with the questions of [intake]: add them"
        if self.campaign and self.queue.feasible_first:
            yield ("queue", "feasible_first"), "a campaign proposes by itself: drop it"
        if self.closing and self.closing.expectations:
            differs = _differing(self.intake, self.closing, self.closing.expectations)
            if differs:
                yield ("closing", "expectations"), differs
        if self.campaign and self.minors:
            yield ("minors",), _NO_CAMPAIGN
        if self.minors and self.roles.mentor.enrol == "open":
            yield ("roles", "mentor", "enrol"), _NO_OPEN_MENTOR
        if self.objective and not any(q.kind == "text" for q in self.objective.questions):
            yield ("objective",), "it needs a text question, which holds the objective"

    def _place(self, kind: str) -> Place:
        name, _, part = kind.partition(":")
        if name == "checkin":
            return ("rhythms", [r.id for r in self.rhythms].index(part))
        if name == "report":
            return ("reports", [r.id for r in self.reports].index(part))
        return (name,)


def _meets(wanted: Mapping[str, tuple[str | int, ...]], answers: Mapping[str, object]) -> bool:
    return any(
        answer in values or (isinstance(answer, tuple) and bool(set(answer) & set(values)))
        for name, values in wanted.items()
        if (answer := answers.get(name)) is not None
    )


def _differing(intake: Intake | None, closing: Closing, named: Expectations) -> str | None:
    """What is wrong with the two questions that are to be compared."""
    asked = intake.question(named.asked) if intake else None
    found = closing.question(named.found)
    if asked is None or found is None or {asked.kind, found.kind} != {"many"}:
        return "name a many question of [intake] and one of [closing]"
    if [o.value for o in asked.options] != [o.value for o in found.options]:
        return f'"{named.asked}" and "{named.found}" need the same options in the same order'
    return None


def _raise(faults: Iterable[Fault]) -> None:
    found = list(faults)
    if found:
        raise FileFaults(found)


def _unique(section: str, names: list[str]) -> Iterable[Fault]:
    for index, name in enumerate(names):
        if name in names[:index]:
            yield (section, index, "id"), f'the id "{name}" is used twice'


def _filled_twice(section: str, qs: Questionnaire | None) -> Iterable[Fault]:
    # Questions that exclude each other may fill the same column; two without a `when` can't.
    seen: set[str] = set()
    for index, question in enumerate(qs.questions if qs else ()):
        if question.fill and not question.when:
            if question.fill in seen:
                yield (section, "questions", index), f'"{question.fill}" is filled twice'
            seen.add(question.fill)


def _misused_labels(kind: str, qs: Questionnaire, place: Place) -> Iterable[Fault]:
    for index, question in enumerate(qs.questions):
        here = (*place, "questions", index)
        if question.fill is not None and kind not in {"profile", "expert"}:
            yield here, "'fill' belongs to questions of [profile] or [expert]"
        if question.audit and (kind != "profile" or question.kind != "choice" or question.feature):
            yield here, "'audit' belongs to a choice question of [profile] that is no feature"
        if question.feature is not None:
            if kind not in {"profile", "intake"}:
                yield here, "'feature' belongs to questions of [intake] or [profile]"
            if question.feature not in FEATURES:
                hint = did_you_mean(question.feature, FEATURES)
                yield here, f'no matching feature "{question.feature}"{hint}'
            yield from ((here, m) for m in _bad_matches(question))
        elif question.fill is None and any(o.match is not None for o in question.options):
            yield here, "'match' of an option needs the question's 'feature' or 'fill'"


def _bad_matches(question: Question) -> Iterable[str]:
    known = {"structure": STRUCTURES, "help_kind": HELPS}.get(question.feature or "")
    for option in question.options if known else ():
        for value in option.stands_for:
            if known and value not in known:
                hint = did_you_mean(value, known)
                yield f'"{value}" is no {question.feature}{hint}'


def _refers(
    qs: Questionnaire, key: str, name: str | None, kind: str | None = None, below: Place = ()
) -> Iterable[Fault]:
    if name is None:
        return
    question = qs.question(name)
    if question is None:
        yield (*below, key), f'no question "{name}"{did_you_mean(name, qs.by_id)}'
    elif kind and question.kind != kind:
        yield (*below, key), f'"{name}" has to be a {kind} question, not a {question.kind}'


def _wants(
    qs: Questionnaire, key: Place, name: str, values: tuple[str | int, ...]
) -> Iterable[Fault]:
    question = qs.question(name)
    if question is None:
        yield key, f'no question "{name}"{did_you_mean(name, qs.by_id)}'
        return
    low, high = question.bounds
    for value in values:
        if question.kind == "scale" and isinstance(value, int) and low <= value <= high:
            continue
        if isinstance(value, str) and question.option(value):
            continue
        hint = did_you_mean(str(value), (o.value for o in question.options))
        yield key, f'"{value}" is no answer to "{name}"{hint}'
