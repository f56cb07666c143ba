"""Who a programme is: how it speaks, whom people ask, how long things are kept, who works on it.

The beginning of a programme file. This module does not know what the programme does.
"""

from __future__ import annotations

import hashlib
from datetime import date, time
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, StringConstraints, field_validator

from bot.dialogue.questionnaire import Data, Label, Localised
from bot.programmes.protection import Platform
from bot.rhythm import SATURDAY, holidays_of_france

ProgrammeId = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=20)
]


Workspace = Annotated[str, StringConstraints(pattern=r"^[TE][A-Z0-9]+$", max_length=20)]


class Contact(Data):
    """Whom people ask, and how soon they are answered."""

    name: Label
    """As in « … te répond »: with its article where it has one."""
    address: str | None = Field(default=None, max_length=320)
    days: int = Field(ge=1, le=60)
    """Working days until an answer."""


class Quiet(Data):
    """Local hours in which nobody is prompted; `from` later than `to` is a night."""

    begin: time = Field(default=time(20), alias="from")
    end: time = Field(default=time(8), alias="to")

    @property
    def hours(self) -> tuple[time, time]:
        """As `bot.rhythm.into_waking_hours` takes them."""
        return self.begin, self.end


class DaysOff(Data):
    """`[programme.days_off]`: when the team does not work, beside Saturdays and Sundays."""

    public: Literal["france", "none"] = "france"
    """Whose public holidays are kept."""
    also: tuple[date, ...] = Field(default=(), max_length=100)
    """Further days: a bridge, a closing, the holidays of another country."""

    def works(self, day: date) -> bool:
        """Whether the team works on a day."""
        if day.weekday() >= SATURDAY or day in self.also:
            return False
        return self.public == "none" or day not in holidays_of_france(day.year)


class Retention(Data):
    """For how many days each class of data is kept. Source: GDPR 5(1)e."""

    drafts: int = Field(default=30, ge=1)
    """Dialogues stopped or left, from the last turn."""
    inbox: int = Field(default=30, ge=1)
    """Bodies of what platforms delivered."""
    requests: int = Field(default=365, ge=1)
    """Requests and pairs, from their end."""
    reports: int = Field(default=1095, ge=1)
    """Reports, from the closing of their window."""
    letters: int = Field(default=30, ge=1)
    """What the sides of a pair wrote to each other, so that it can be reported."""
    safeguarding: int = Field(default=1095, ge=1)
    """The same where one of them is a minor, and what was reported."""
    audit: int = Field(default=365, ge=1)


class Privacy(Data):
    """What people are told before they agree, beside periods and contact (GDPR 13).

    Each goes on after « Qui · », « Pourquoi · », « Qui lit · ».
    """

    controller: Localised
    """Who answers for the data: the association, the school."""
    purpose: Localised
    readers: Localised | None = None


class About(Data):
    """`[programme]`: who it is and how it speaks."""

    id: ProgrammeId
    name: Label
    register_: Literal["tu", "vous"] = Field(alias="register")
    zone: str = "Europe/Paris"
    page: str | None = Field(default=None, pattern=r"^https?://\S+$", max_length=500)
    """Address of the programme's page, given by the help command (A-27)."""
    contact: Contact
    notice: Localised
    """The first words: what speaks, and what it does."""
    privacy: Privacy | None = None
    """Without it, the contact stands for who answers for the data."""
    platforms: tuple[Platform, ...] | None = Field(default=None, min_length=1)
    """Where it may be used; by default everywhere, where minors are on Slack only."""
    workspaces: tuple[Workspace, ...] = ()
    """Of Slack only these: for everybody else there is no such programme. Empty: all."""
    quiet: Quiet = Quiet()
    days_off: DaysOff = DaysOff()
    """Days that are no working days for deadlines and digests."""
    retention: Retention = Retention()
    readers: Literal["team", "name"] = "team"
    """How people are told who of the team read their answers: as the team, or by name."""

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f'no time zone "{zone}"; write for example Europe/Paris') from error
        return zone


class Agreed(Data):
    """A text that people agree to; another version or other words are asked about again."""

    version: str = Field(min_length=1, max_length=32)
    text: Localised

    @property
    def digest(self) -> str:
        """Of its words in both languages; how the file breaks its lines does not count."""
        said = "\0".join(" ".join(each.split()) for each in (self.text.fr, self.text.en))
        return hashlib.sha256(said.encode()).hexdigest()

    @property
    def read(self) -> tuple[str, str]:
        """As an agreement records it (`storage.people.Text`)."""
        return self.version, self.digest


class Consent(Agreed):
    """What is agreed to before anything but the account's id is stored."""


class Role(Data):
    """What a role is called here, and how one comes to it."""

    label: Label
    plural: Label
    enrol: Literal["open", "staff"] = "staff"
    """open: by one's own word in the chat; staff: by invitation or import only."""
    capacity: int = Field(default=1, ge=1, le=50)
    """mentor: mentees at most, until the person says otherwise."""


_STAFF: Final = Role(
    label=Label(fr="équipe", en="staff"), plural=Label(fr="équipe", en="staff"), enrol="staff"
)


class Roles(Data):
    """The roles; the ids are fixed, the words are the programme's."""

    mentee: Role
    mentor: Role
    staff: Role = _STAFF

    def of(self, role: str) -> Role:
        """The role called mentee, mentor or staff; staff for any other (an owner is staff)."""
        return {"mentee": self.mentee, "mentor": self.mentor}.get(role, self.staff)


RoleId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=16)]
FIXED_ROLES: Final = ("mentee", "mentor", "staff", "owner")


class Body(Data):
    """People who work on the programme beside its own team, with rights of their own (X-12).

    The ids supervisor, teacher and safeguarding stand for the roles of that name, which every
    programme has: an entry gives them further verbs.
    """

    id: RoleId
    """The role that an owner gives with `roles`."""
    name: Label
    may: tuple[str, ...] = ()
    """Verbs of the team, by their French names; their buttons come with them."""

    @field_validator("id")
    @classmethod
    def _of_its_own(cls, role: str) -> str:
        if role in FIXED_ROLES:
            raise ValueError(f'"{role}" is a role of its own; choose another id')
        return role
