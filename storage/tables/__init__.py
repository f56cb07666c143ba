"""The schema.

One mapped class per table, each column with its meaning, its unit and its class of privacy.

Times are UTC. The class of privacy (`info["privacy"]`) says who may see the column's content at
most: `internal` (the program), `public` (everybody in the programme), `partner` (the other side of
a pair or of a request), `staff`, `safeguarding`
(those named for it), `self` (the person alone). Columns of type `Sealed` are unreadable
without the person's key. This module holds no query.

Source: delivery protocol (inbox, outbox, timer, sender lease); requirements A-14, A-18, A-23, E-06,
E-12.
"""

from __future__ import annotations

from storage.tables.announcements import Announcement, News
from storage.tables.base import Base
from storage.tables.campaigns import Campaign, CampaignEntry, CampaignPair, Forbidden
from storage.tables.care import Beyond, Extension, FollowUp, Referral, Training
from storage.tables.casework import Interview, RequestNote
from storage.tables.classes import ClassPlace
from storage.tables.delivery import Audit, Inbox, Memo, Outbox, SenderLease, Timer
from storage.tables.dialogues import Conversation, Stray
from storage.tables.erasures import Erasure
from storage.tables.installations import OAuthState, SlackInstallation
from storage.tables.kept import MeetingWord
from storage.tables.numbers import Tally
from storage.tables.pairs import (
    Checkin,
    Meeting,
    Objective,
    Pair,
    Proposal,
    Request,
    Series,
    SeriesException,
)
from storage.tables.partners import Partner, PartnerLink, PartnerQuestion, PartnerView
from storage.tables.people import (
    Consent,
    DirectoryWord,
    Expert,
    ExpertVector,
    Identity,
    LinkCode,
    Membership,
    Person,
    PersonKey,
)
from storage.tables.rectifications import Rectification
from storage.tables.reports import Report, Wish
from storage.tables.safeguarding import Flag, Guardian, Letter, MentorCheck
from storage.tables.team_letters import TeamLetter
from storage.tables.triage import Correction, HelpCall

__all__ = [
    "Announcement",
    "Audit",
    "Base",
    "Beyond",
    "Campaign",
    "CampaignEntry",
    "CampaignPair",
    "Checkin",
    "ClassPlace",
    "Consent",
    "Conversation",
    "Correction",
    "DirectoryWord",
    "Erasure",
    "Expert",
    "ExpertVector",
    "Extension",
    "Flag",
    "FollowUp",
    "Forbidden",
    "Guardian",
    "HelpCall",
    "Identity",
    "Inbox",
    "Interview",
    "Letter",
    "LinkCode",
    "Meeting",
    "MeetingWord",
    "Membership",
    "Memo",
    "MentorCheck",
    "News",
    "OAuthState",
    "Objective",
    "Outbox",
    "Pair",
    "Partner",
    "PartnerLink",
    "PartnerQuestion",
    "PartnerView",
    "Person",
    "PersonKey",
    "Proposal",
    "Rectification",
    "Referral",
    "Report",
    "Request",
    "RequestNote",
    "SenderLease",
    "Series",
    "SeriesException",
    "SlackInstallation",
    "Stray",
    "Tally",
    "TeamLetter",
    "Timer",
    "Training",
    "Wish",
]

# Keys of timers and messages, tokens of buttons and seals are made of our numbers. SQLite would
# give the number of a deleted last row to the next one, which would then find its keys taken.
for _table in Base.metadata.tables.values():
    if "id" in _table.c:
        _table.dialect_options["sqlite"]["autoincrement"] = True
