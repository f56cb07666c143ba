"""The team's desk for minors: the parents' word, the mentors' checks, and nothing of what is said.

What staff record is who saw what, when, and where the proof is kept; the proof itself stays where
it is. What follows from it is worked out by `bot.minors` at each turn.

Source: P4; J-02, J-19; quality rules, section 4.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Final

from bot import lifecycle, minors
from bot.commands.registry import command
from bot.dialogue.parsing import read_date
from bot.dialogue.questionnaire import fold
from bot.dialogues import run_choice
from bot.flows import endings, holds, offers, pairs
from bot.followup import due
from bot.messages import Line, Message
from bot.programmes.protection import OF_AGE, Minors
from bot.rhythm import into_waking_hours, to_utc
from bot.turn import Scene, Turn
from storage.sending import ANNOUNCED
from storage.tables import MentorCheck, Pair, Person
from storage.timers import DueTimer
from storage.words import number

SHOWN = 12
YOUNGEST = 6  # years: a younger one is a mistyped date
_RECORD: Final = re.compile(r"(.+?)\s+(\d{1,2}[/.]\d{1,2}[/.]\d{4}|\d{4}-\d\d-\d\d)(?:\s+(.*))?")
_PARENTS: Final = frozenset({"parents", "parent"})
_CHECKS: Final = frozenset({"verifie", "verifier", "verification", "checked", "check"})
_PROOFS: Final = {
    "papier": "paper", "formulaire": "paper", "paper": "paper",
    "courriel": "email", "mail": "email", "email": "email",
    "rencontre": "meeting", "entretien": "meeting", "meeting": "meeting",
    "autre": "other", "other": "other",
}  # fmt: skip
_JOINT: Final = frozenset({"conjoint", "conjointe", "joint"})


@command("mineurs", alias="minors", who="staff", where="private", section="minors")
def mineurs(turn: Turn, args: str) -> None:
    """Who waits for the parents, who is checked; `parents …`, `verifie …` record it."""
    rules = turn.programme.minors
    if rules is None:
        turn.text("minors-none-here")
        return
    verb, _, rest = args.strip().partition(" ")
    if fold(verb) in _PARENTS:
        _parents(turn, rules, rest.strip())
    elif fold(verb) in _CHECKS:
        _check(turn, rest.strip())
    else:
        turn.say(_desk(turn, rules, number(verb.removeprefix(".")) or 0))


def _desk(turn: Turn, rules: Minors, after: int) -> Message:
    """Both lists, so many of each; `after` leaves out as many of both, as the last page had."""
    w, programme = turn.w, turn.programme
    waiting = []
    for pupil in turn.uow.people.with_role(programme.id, "mentee"):
        lacking = minors.missing(turn, pupil, programme)
        if lacking is not None:
            text = w(f"minors-lacks-{lacking}", years=rules.joint_under)
            waiting.append(Line(label=f"{pupil.name or '—'} (#{pupil.id})", text=text))
    mentors = []
    for mentor in turn.uow.people.with_role(programme.id, "mentor"):
        check = turn.uow.safety.mentor_check(mentor.id, programme.id)
        if check is None:
            text = w("minors-unchecked")
        elif check.until <= turn.now:
            text = w("minors-check-over", when=w.day(_last_day(check)))
        else:
            text = w("minors-checked", when=w.day(_last_day(check)), kind=check.kind)
        mentors.append(Line(label=f"{mentor.name or '—'} (#{mentor.id})", text=text))
    end = after + SHOWN
    more = max(len(waiting), len(mentors)) > end
    return Message(
        title=w("minors-title"),
        text=w("minors-text", pupils=len(waiting), mentors=len(mentors)),
        lines=(*waiting[after:end], *mentors[after:end]),
        choices=(run_choice(w("staff-next"), "mineurs", f".{end}"),) if more else (),
        note=w("minors-how"),
    )


def _last_day(check: MentorCheck) -> datetime:
    return check.until - timedelta(hours=12)


# --- the parents' word ----------------------------------------------------------------------------


def _parents(turn: Turn, rules: Minors, args: str) -> None:
    """`parents #12 14/05/2010 papier classeur B`; `parents - #12` takes it back."""
    if args.startswith("-"):
        pupil = turn.uow.people.find(args[1:].strip(), turn.programme.id)
        if pupil is None:
            turn.text("staff-nobody-found")
        else:
            _revoke(turn, pupil)
        return
    found = _RECORD.fullmatch(args)
    if found is None:
        turn.text("minors-parents-usage")
        return
    pupil = turn.uow.people.find(found[1], turn.programme.id)
    born = _date(turn, found[2])
    if pupil is None:
        turn.text("staff-nobody-found")
        return
    if born is None:
        turn.text("minors-bad-birth")
        return
    before = pupil.born_on
    pupil.born_on = born
    years = minors.age(turn, pupil, turn.programme) or 0
    if not YOUNGEST <= years < 100:
        pupil.born_on = before
        turn.text("minors-bad-birth")
        return
    if years >= OF_AGE:
        turn.note("birth-recorded", "person", pupil.id)
        turn.text("minors-of-age", name=pupil.name or "—")
        _go_ahead(turn, pupil)
        return
    words = (found[3] or "").split()
    proof = _PROOFS.get(fold(words[0])) if words else None
    joint = any(fold(word) in _JOINT for word in words)
    reference = " ".join(word for word in words[1:] if fold(word) not in _JOINT)
    if proof is None or not reference:
        pupil.born_on = before
        turn.text("minors-parents-usage")
        return
    if years < rules.joint_under and not joint:
        pupil.born_on = before
        turn.text("minors-joint-needed", years=rules.joint_under, name=pupil.name or "—")
        return
    turn.uow.safety.record_guardian(
        pupil.id,
        turn.programme.id,
        joint=joint,
        proof=proof,
        reference=reference,
        by=turn.me.id,
        now=turn.now,
    )
    turn.note("guardian-recorded", "person", pupil.id, proof=proof, joint=int(joint))
    turn.text("minors-recorded", name=pupil.name or "—")
    _go_ahead(turn, pupil)


def _date(turn: Turn, text: str) -> date | None:
    day = read_date(text, turn.today(turn.me, turn.programme), "past")
    return day if day is not None and day <= turn.today(turn.me, turn.programme) else None


def _go_ahead(turn: Turn, pupil: Person) -> None:
    """Nothing is missing any more: the pupil hears it, and goes on with one tap."""
    if not turn.uow.people.belongs(pupil.id, turn.programme.id):
        return
    w = turn.words(pupil, turn.programme)
    turn.show(
        pupil,
        Message(
            w("minor-may-begin", name=pairs.first_name(pupil)),
            choices=(run_choice(w("minor-begin"), "commencer", style="primary"),),
        ),
        what="minor-begins",
    )


def _revoke(turn: Turn, pupil: Person) -> None:
    """The parents take their word back: everything stops at once, both sides hear it, no reason."""
    programme = turn.programme
    if not turn.uow.safety.revoke_guardian(pupil.id, programme.id, by=turn.me.id, now=turn.now):
        turn.text("minors-nothing-to-revoke", name=pupil.name or "—")
        return
    turn.note("guardian-revoked", "person", pupil.id)
    request = turn.uow.requests.live(pupil.id, programme.id)
    if request is not None:
        offers.take_back(turn, request)
        state = lifecycle.move(lifecycle.REQUEST, request.state, "withdraw")
        turn.uow.requests.move(request, request.version, state, now=turn.now)
        turn.uow.timers.cancel("request-stale", request.id)
    for pair in turn.uow.pairs.of_person(pupil.id, programme.id, ended=True):
        if pair.state == "proposed":
            pairs.call_off(turn, pair)
        elif pair.state != "closed":
            _stop(turn, pair, pupil)
    for talk in turn.uow.talks.open_ones(pupil.id, programme.id):
        talk.status = "cancelled"
    turn.uow.outbox.cancel(f"{ANNOUNCED}{programme.id}:", to=pupil.id)
    pupil.focus_id = pupil.relay_id = pupil.words_for = None
    w = turn.words(pupil, programme)
    turn.show(
        pupil,
        Message(w("minor-stopped", name=w.team(programme.contact))),
        what="minor-stopped",
    )
    turn.text("minors-revoked", name=pupil.name or "—")


def _stop(turn: Turn, pair: Pair, pupil: Person) -> None:
    began = pair.state in ("active", "paused")
    if not turn.uow.pairs.move(
        pair, pair.version, lifecycle.move(lifecycle.PAIR, pair.state, "close"), ended_at=turn.now
    ):
        return
    if began:  # a pair that is closing has given its place back
        endings.stop(turn, pair)
    turn.uow.timers.cancel("pair-closed", pair.id)
    partner = turn.person(pair.mentor_id if pupil.id == pair.mentee_id else pair.mentee_id)
    w = turn.words(partner, turn.programme)
    turn.show(
        partner,
        Message(w("partner-left", name=w.team(turn.programme.contact))),
        what=f"left-{pair.id}",
    )


# --- checks of mentors ----------------------------------------------------------------------------


def _check(turn: Turn, args: str) -> None:
    """`verifie marc@exemple.fr 30/06/2027 extrait de casier B3`."""
    found = _RECORD.fullmatch(args)
    kind = (found[3] or "").strip() if found else ""
    if found is None or not kind:
        turn.text("minors-check-usage")
        return
    programme = turn.programme
    mentor = turn.uow.people.find(found[1], programme.id)
    today = turn.today(turn.me, programme)
    day = read_date(found[2], today, "future")
    if mentor is None:
        turn.text("staff-nobody-found")
        return
    if mentor.id == turn.me.id:
        turn.text("minors-check-by-another")
        return
    if day is None or day < today:
        turn.text("answer-not-future")
        return
    until = to_utc(datetime.combine(day + timedelta(days=1), time(0)), programme.zone)
    check = turn.uow.safety.record_check(
        mentor.id, programme.id, kind=kind[:80], until=until, by=turn.me.id, now=turn.now
    )
    rules = programme.minors
    if rules is not None:
        early = until - timedelta(days=rules.check_notice_days)
        for timer, at in (("check-ends", early), ("check-over", until)):
            turn.uow.timers.put(
                key=f"{timer}:{check.id}", kind=timer, subject_id=check.id, due_at=max(at, turn.now)
            )
    turn.note("mentor-checked", "person", mentor.id)
    turn.text(
        "minors-check-recorded",
        holds.release_unchecked(turn, programme, mentor.id),
        name=mentor.name or "—",
        when=turn.w.day(_last_day(check)),
    )


def _latest(scene: Scene, timer: DueTimer) -> tuple[MentorCheck, Person] | None:
    """The check the timer is about, unless a newer one has taken its place."""
    check = scene.uow.safety.check(timer.subject_id)
    if check is None:
        return None
    last = scene.uow.safety.mentor_check(check.person_id, check.programme_id)
    return (check, scene.person(check.person_id)) if last is check else None


@due("check-ends")
def check_ends(scene: Scene, timer: DueTimer) -> None:
    """A check ends soon: the team has time to renew it."""
    _tell_team(scene, timer, "staff-check-ends")


@due("check-over")
def check_over(scene: Scene, timer: DueTimer) -> None:
    """A check is over: minors' requests are taken back, letters wait, and the team knows."""
    found = _latest(scene, timer)
    if found is None:
        return
    check, mentor = found
    offers.free_all(scene, mentor.id, programme_id=check.programme_id)
    _tell_team(scene, timer, "staff-check-over")


def _tell_team(scene: Scene, timer: DueTimer, key: str) -> None:
    found = _latest(scene, timer)
    if found is None:
        return
    check, mentor = found
    programme = scene.programme_of(check.programme_id)
    scene.tell_staff(
        programme,
        lambda w: Message(
            w(key, name=mentor.name or "—", when=w.day(_last_day(check))),
            choices=(run_choice(w("minors-see"), "mineurs"),),
        ),
        key=timer.key,
        verb="mineurs",
        not_before=into_waking_hours(scene.now, programme.zone, programme.quiet),
    )
