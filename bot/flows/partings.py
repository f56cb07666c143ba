"""A pair ends before its term, or its mentee goes on with another mentor: nobody is to blame.

Either side may do both, at once and without a reason. A reason is for the team alone; the other
side hears that the pair ends, and nothing of who wished it or why. The mentee hears by when there
is news of who comes next: their request is open again, or the team promises it. Who that is, is the
affair of `requests` and of the team.

Source: A-20; what peers complain of, "a bad match must be undone without shame".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple, TypedDict

from bot import access, lifecycle
from bot.commands.registry import act
from bot.dialogue.engine import Given
from bot.dialogues import act_choice, for_staff, free_words, on_completed, run_choice, start
from bot.flows import endings, pairs, promises, requests
from bot.flows.supervision import tell_staff
from bot.i18n import Words
from bot.messages import Choice, Line, Message
from bot.programmes.schema import Programme
from bot.turn import Scene, Turn
from storage.tables import Conversation, Pair, Person, Request

LIVE = ("active", "paused")
Lines = Callable[[Words], tuple[Line, ...]]

free_words("leaving")


@act("pair-stop", who="member")
def stop_pair(turn: Turn, number: int, version: int) -> None:
    """Either side may end it, without blame (A-20): asked once more, then done."""
    pair = access.own_pair(turn, number)
    if pair.state not in LIVE:
        turn.text("pair-is-closed")
        return
    w = turn.w
    choices = [act_choice(w("pair-end-yes"), "pair-stop-yes", pair.id, pair.version, "danger")]
    if pair.kind == "long_term":
        label = w("pair-change" if turn.me.id == pair.mentee_id else "pair-pass-on")
        choices.append(act_choice(label, "pair-change", pair.id, pair.version))
    turn.say(
        Message(
            w("pair-end-sure"),
            choices=tuple(choices),
            quiet=(
                act_choice(w("pair-end-why"), "pair-stop-why", pair.id, pair.version),
                run_choice(w("pair-end-no"), "rdv"),
            ),
        )
    )


@act("pair-change", who="member")
def change_mentor(turn: Turn, number: int, version: int) -> None:
    """The mentee goes on with another mentor: asked once more, then done."""
    pair = access.own_pair(turn, number)
    if pair.state not in LIVE:
        turn.text("pair-is-closed")
        return
    w = turn.w
    if turn.me.id != pair.mentee_id:
        sure = w("pair-pass-on-sure")
    elif _request(turn, pair) is not None:
        sure = w("pair-change-sure")
    else:
        sure = w("pair-change-sure-by-team", name=w.team(turn.programme.contact))
    turn.say(
        Message(
            sure,
            choices=(
                act_choice(w("pair-change-yes"), "pair-change-yes", pair.id, pair.version),
                act_choice(w("pair-change-why"), "pair-change-why", pair.id, pair.version),
            ),
            quiet=(run_choice(w("pair-end-no"), "rdv"),),
        )
    )


@act("pair-stop-yes", who="member")
def stop_pair_now(turn: Turn, number: int, version: int) -> None:
    """End it now: closing questions to both, the place is free again."""
    _part(turn, access.own_pair(turn, number), "end")


@act("pair-change-yes", who="member")
def change_mentor_now(turn: Turn, number: int, version: int) -> None:
    """Another mentor, without a word more."""
    _part(turn, access.own_pair(turn, number), "change")


@act("pair-stop-why", who="member")
def stop_with_reason(turn: Turn, number: int, version: int) -> None:
    """A word to the team first, then it ends."""
    _ask_why(turn, access.own_pair(turn, number), "end")


@act("pair-change-why", who="member")
def change_with_reason(turn: Turn, number: int, version: int) -> None:
    """A word to the team first, then another mentor."""
    _ask_why(turn, access.own_pair(turn, number), "change")


def _ask_why(turn: Turn, pair: Pair, how: str) -> None:
    if pair.state not in LIVE:
        turn.text("pair-is-closed")
        return
    start(turn, f"leaving:{how}", about_id=pair.id)


@on_completed("leaving")
def reason_given(turn: Turn, talk: Conversation, answers: Mapping[str, Given]) -> None:
    """The reason goes to the team, whatever became of the pair in the meantime."""
    pair = access.own_pair(turn, talk.about_id or 0)
    _part(turn, pair, talk.kind.partition(":")[2], str(answers.get("words", "")))


def _part(turn: Turn, pair: Pair, how: str, why: str = "") -> None:
    """It ends, once; the team hears who wished it, and the reason if there is one."""
    if pair.state not in LIVE:
        if why:
            tell_staff(turn, pair, "staff-pair-words", **_told(turn, pair, why))
        turn.text("pair-is-closed")
        return
    if how == "change" and pair.kind == "long_term":
        turn.note("pair-changed", "pair", pair.id)
        _change(turn, pair, why)
    else:
        turn.note("pair-stopped", "pair", pair.id)
        endings.close(turn, pair, "ended")
        tell_staff(turn, pair, "staff-pair-stopped", **_told(turn, pair, why))


class _Told(TypedDict):
    """What goes with a line to the team about a pair that was left."""

    key: str
    lines: Lines
    name: str


def _told(turn: Turn, pair: Pair, why: str, then: Lines = lambda w: ()) -> _Told:
    """Who left, their reason if they gave one, and what comes then."""

    def lines(w: Words) -> tuple[Line, ...]:
        reason = (Line(label=w("pair-why-label"), text=for_staff(why, w)),) if why else ()
        return (*reason, *then(w))

    key = f"pair-left:{pair.id}:{turn.event.id}"
    return {"key": key, "lines": lines, "name": turn.me.name or "—"}


def _change(turn: Turn, pair: Pair, why: str) -> None:
    """Over for these two; the mentee's request is open again, without the mentor they had."""
    state = lifecycle.move(lifecycle.PAIR, pair.state, "close")
    if not turn.uow.pairs.move(pair, pair.version, state, ended_at=turn.now, outcome="changed"):
        turn.text("button-stale")
        return
    endings.stop(turn, pair)
    mentee, mentor = pairs.both(turn, pair)
    then = onward(turn, turn.programme, pair)
    if turn.programme.campaign is not None:
        turn.uow.campaigns.forbid(turn.programme.id, mentee.id, mentor.id, "changed", turn.now)
    for person in (mentee, mentor):
        turn.tell(
            person,
            _word(turn, pair, person, then),
            key=f"pair-changed:{pair.id}:{person.id}",
        )
    told = _told(turn, pair, why, then.for_team(mentee))
    if then.request is None:
        tell_staff(turn, pair, "staff-pair-changed-by-hand", everybody=True, **told)
    else:
        tell_staff(turn, pair, "staff-pair-changed", **told)


def _word(turn: Turn, pair: Pair, person: Person, then: Onward) -> Message:
    """What a side hears: the same whoever wished it."""
    programme = turn.programme
    w = turn.words(person, programme)
    mine = person.id == pair.mentee_id
    other = turn.person(pair.mentor_id if mine else pair.mentee_id)
    said = w("pair-ended", name=pairs.first_name(other, programme))
    if not mine:
        return Message(said)
    return then.for_mentee(programme, said, w)


class Onward(NamedTuple):
    """What comes next for the mentee of a pair that is over.

    Attributes:
        request: Theirs, open again; None: another mentor is promised to them.
        when: By when they have news (UTC).
    """

    request: Request | None
    when: datetime

    def for_mentee(self, programme: Programme, said: str, w: Words) -> Message:
        """What they hear, after these words."""
        key = "pair-next" if self.request else "pair-next-by-team"
        text = w(key, name=w.team(programme.contact), when=w.weekday(self.when))
        choices: tuple[Choice, ...] = ()
        if self.request is not None and programme.campaign is None:
            number, version = self.request.id, self.request.version
            choices = (act_choice(w("pair-next-see"), "propose-anew", number, version),)
        return Message(said + "\n" + text, choices=choices)

    def for_team(self, mentee: Person) -> Lines:
        """What the team has to do, until when."""

        def lines(w: Words) -> tuple[Line, ...]:
            label, when = mentee.name or "—", w.weekday(self.when)
            if self.request is None:
                return (Line(label=label, text=w("promise-pair", when=when)),)
            see = run_choice(w("staff-see-request"), "demandes", str(self.request.id))
            return (Line(label=label, text=w("staff-state-team", when=when), choice=see),)

        return lines


def goes_on(pair: Pair) -> bool:
    """Whether the mentee of this pair goes on with another mentor when theirs leaves."""
    return pair.kind == "long_term" and pair.state in LIVE


def onward(scene: Scene, programme: Programme, pair: Pair) -> Onward:
    """The mentee of a pair that is over is with the team again."""
    request = _request(scene, pair)
    if request is None:
        return Onward(None, promises.next_pair(scene, programme, pair.mentee_id))
    when = scene.working_days(programme)
    scene.uow.requests.move(
        request,
        request.version,
        lifecycle.move(lifecycle.REQUEST, request.state, "reopen"),
        now=scene.now,
        due_at=when,
    )
    return Onward(request, when)


def _request(scene: Scene, pair: Pair) -> Request | None:
    """The request that a pair came from, if it can be opened again."""
    request = scene.uow.requests.get(pair.request_id) if pair.request_id else None
    if request is None or request.state != "matched":
        return None
    if scene.uow.requests.live(pair.mentee_id, pair.programme_id) is not None:
        return None  # they have asked anew already
    return request


@act("propose-anew", who="member")
def propose_anew(turn: Turn, number: int, version: int) -> None:
    """Whom the mentee may ask now: those once shown and never asked as well."""
    request = access.own_request(turn, number)
    if request.state in ("open", "proposed", "team"):
        requests.show(turn, request, again=False)
    else:
        turn.say(requests.standing(turn, request))
