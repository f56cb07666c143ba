"""What a message is, in words, and which programme it belongs to: told by its key alone.

The content of a message is never looked at, so that staff may be shown what was or will be said to
whom without reading it. Who may see the result is decided by those who call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from bot.i18n import Words
from bot.programmes.schema import Programme
from storage.subjects import Subject, programmes_of, subjects
from storage.unit_of_work import UnitOfWork

_CHECKIN, _PAIR, _REPORT, _REQUEST = "checkin", "pair", "report", "request"


class _About(NamedTuple):
    """How a key is read.

    Attributes:
        kind: The message id is `kind-<kind>`.
        thing: What its number stands for (`storage.subjects`); `programme`: its first word is one.
        last: The number is the last one, not the first.
    """

    kind: str
    thing: str | None = None
    last: bool = False


KEYS: Final[Mapping[str, _About]] = {
    # the calendar
    "checkin": _About("checkin", _CHECKIN),
    "checkin-remind": _About("checkin-reminder", _CHECKIN),
    "report": _About("report", _REPORT),
    "report-remind": _About("report-reminder", _REPORT, last=True),
    "report-remind-now": _About("report-reminder", _REPORT, last=True),
    "report-close": _About("report-closed", "programme"),
    "announce": _About("announcement", "programme"),
    "guide": _About("guide", _PAIR),
    "pair-ended": _About("pair-ended", _PAIR),
    "closing": _About("closing", _PAIR),
    # pairs
    "intro": _About("intro", _PAIR),
    "pair-offer": _About("pair-offer", _PAIR),
    "pair-nudge": _About("pair-reminder", _PAIR),
    "pair-off": _About("pair-news", _PAIR),
    "partner-left": _About("pair-news", _PAIR),
    "pair-changed": _About("pair-news", _PAIR),
    "beyond-answered": _About("pair-news", "beyond"),
    "extension": _About("pair-news", _PAIR),
    "extended": _About("pair-news"),
    "training-confirmed": _About("pair-news"),
    "followup": _About("followup", _PAIR),
    "referral": _About("referral", "referral"),
    "referral-ask": _About("referral", "referral"),
    "meeting-ask": _About("meeting-ask"),
    "objective": _About("pair-news", "objective"),
    "objective-agreed": _About("pair-news"),
    "email": _About("pair-news"),
    "letter": _About("letter"),
    "released": _About("letter"),
    "letter-refused": _About("letter"),
    "minor-begins": _About("request-news"),
    "minor-stopped": _About("pair-news"),
    # requests
    "offer": _About("offer", "proposal"),
    "proposal-nudge": _About("offer-reminder", "proposal"),
    "offer-later": _About("request-news", "proposal"),
    "withdrawn": _About("request-news", "proposal"),
    "lapsed": _About("request-news", "proposal"),
    "by-hand": _About("request-news", "proposal"),
    "request-stale": _About("request-reminder", _REQUEST),
    "request-team": _About("request-news", _REQUEST),
    "request-closed": _About("request-news"),
    "request-reopened": _About("request-news"),
    "sent-by-team": _About("request-news"),
    "refused": _About("request-news", "proposal"),
    "campaign-opened": _About("request-news", "campaign"),
    "campaign-proposed": _About("request-news", "proposal"),
    "campaign-waiting": _About("request-news", "campaign"),
    "campaign-closed": _About("request-news", "campaign"),
    "help-news": _About("request-news", "help_call"),
    "team-letter": _About("letter"),
    "feasible": _About("request-news", _REQUEST),
    "interview-told": _About("request-news"),
    "interview-off": _About("request-news"),
    "interview-other": _About("request-news"),
    # for the team
    "campaign-short": _About("staff", "campaign"),
    "campaign-declined": _About("staff", "campaign"),
    "checkin-alert": _About("staff", _CHECKIN),
    "announce-reach": _About("staff", "programme"),
    "no-meeting": _About("staff", _PAIR),
    "pair-made": _About("staff", _PAIR),
    "pair-declined": _About("staff", _PAIR),
    "pair-lapsed": _About("staff", _PAIR),
    "closing-alert": _About("staff", "dialogue"),
    "pair-left": _About("staff", _PAIR),
    "proposed-left": _About("staff", _PAIR),
    "supervised": _About("staff"),
    "supervised-passed": _About("staff"),
    "beyond": _About("staff", "beyond"),
    "beyond-due": _About("staff", "beyond"),
    "pair-extended": _About("staff", _PAIR),
    "overrun": _About("staff", _PAIR),
    "training": _About("staff"),
    "followup-alert": _About("staff", "dialogue"),
    "referral-news": _About("staff", "referral"),
    "referral-owner": _About("staff"),
    "report-alert": _About("staff", _REPORT),
    "invite": _About("staff", _REQUEST),
    "staff-request-handed": _About("staff", _REQUEST),
    "request-claim": _About("staff", _REQUEST),
    "request-due": _About("staff", _REQUEST),
    "request-freed": _About("staff", _REQUEST),
    "request-gone": _About("staff", _REQUEST),
    "request-handed-over": _About("staff"),
    "request-noted": _About("staff"),
    "interview": _About("staff"),
    "interview-answer": _About("staff"),
    "interview-over": _About("staff"),
    "digest": _About("digest", "programme"),
    "counters": _About("counters", "programme"),
    "counters-edit": _About("counters", "programme"),
    "counters-away": _About("staff", "programme"),
    "stray": _About("staff", "stray"),
    "rectification": _About("staff"),
    "promises": _About("staff", "programme"),
    "help-call": _About("staff", "help_call"),
    "triage": _About("staff", "programme"),
    "triage-handed": _About("staff"),
    "team-answer": _About("staff"),
    "parked": _About("parked", "programme"),
    "minor-waits": _About("staff"),
    "check-ends": _About("staff"),
    "check-over": _About("staff"),
    "held": _About("staff"),
    "flag": _About("staff"),
    "flag-waits": _About("staff"),
    "seated": _About("staff", "programme"),
    "ownerless": _About("staff", "programme"),
    # answers
    "consent": _About("consent", "programme"),
    "reply": _About("answer"),
    "corrected": _About("answer"),
    "home": _About("answer"),
    "failed": _About("answer"),
    "agenda": _About("answer"),
    "announce-try": _About("answer"),
    "campaign-draft": _About("answer"),
    "export": _About("answer"),
    "export-begun": _About("answer"),
    "campaign-picture": _About("answer"),
    "statistics-picture": _About("answer"),
    "twin": _About("answer"),
    "join": _About("answer"),
}
_OTHER: Final = _About("other")
_STAFF: Final = _About("staff")
KINDS: Final = frozenset(about.kind for about in (*KEYS.values(), _OTHER, _STAFF))


def _read(key: str) -> _About:
    name = key.partition(":")[0]
    if name == "join" and ":staff" in key:
        return _About("staff", "member")
    known = KEYS.get(name)
    if known is None:
        return _STAFF if ":staff" in key else _OTHER
    return known


def _number(about: _About, key: str) -> int | None:
    parts = key.removesuffix(":other").split(":")[1:]
    if about.thing is None or not parts:
        return None
    wanted = parts[-1] if about.last else parts[0]
    return int(wanted) if wanted.isdecimal() else None


class Kinds:
    """What messages are.

    Args:
        uow: Where the things they are about are; read at once, here.
        programmes: By id; the names of rhythms and reports are in them.
        keys: Of the messages.
    """

    def __init__(
        self, uow: UnitOfWork, programmes: Mapping[str, Programme], keys: Iterable[str]
    ) -> None:
        self._programmes = programmes
        wanted: dict[str, set[int]] = {}
        for key in keys:
            about = _read(key)
            number = _number(about, key)
            if number is not None and about.thing is not None:
                wanted.setdefault(about.thing, set()).add(number)
        self._things = {
            thing: subjects(uow.session, thing, numbers) for thing, numbers in wanted.items()
        }
        sides = {
            side
            for found in self._things.values()
            for subject in found.values()
            for side in (subject.mentee_id, subject.mentor_id)
            if side is not None
        }
        self._names = uow.people.names(sides) if sides else {}

    def _subject(self, key: str) -> Subject | None:
        about = _read(key)
        if about.thing == "programme":
            parts = key.split(":")
            return Subject(parts[1] if len(parts) > 1 else None)
        return self._things.get(about.thing or "", {}).get(_number(about, key) or 0)

    def programme(self, key: str) -> str | None:
        """The programme a message belongs to, when its key tells."""
        subject = self._subject(key)
        return subject.programme_id if subject else None

    def words(self, key: str, w: Words) -> str:
        """What a message is, for people."""
        subject = self._subject(key) or Subject(None)
        programme = self._programmes.get(subject.programme_id or "")
        name = ""
        if programme is not None and subject.name is not None:
            of_file = programme.rhythm(subject.name) or programme.report(subject.name)
            name = w.pick(of_file.name) if of_file else subject.name
        sides = [s for s in (subject.mentee_id, subject.mentor_id) if s is not None]
        who = w.all([self._names.get(side) or "—" for side in sides]) if sides else "—"
        return w(
            f"kind-{_read(key).kind}", who=who, name=name or "—", quarter=subject.quarter or "—"
        )


def belonging(
    uow: UnitOfWork, kinds: Kinds, messages: Iterable[tuple[str, int | None]]
) -> dict[tuple[str, int | None], frozenset[str]]:
    """The programmes whose staff may know of messages: the one a key tells, else the person's.

    Args:
        uow: Where people's roles are.
        kinds: Made with these keys.
        messages: Key and person of each.
    """
    told = {(key, person): kinds.programme(key) for key, person in messages}
    unknown = {person for (_, person), found in told.items() if found is None and person}
    roles = programmes_of(uow.session, unknown)
    return {
        each: frozenset({found}) if found is not None else frozenset(roles.get(each[1] or 0, ()))
        for each, found in told.items()
    }
