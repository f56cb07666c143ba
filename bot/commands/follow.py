"""What the team sees and does of a pair besides its check-ins: who follows it, what was said of it.

`binomes miens`, `binomes 12 suivi Claire`, `binomes formation`. The list and the
pair's page themselves are in `staff`.

Source: A-06, A-14, A-19; X-11, X-13.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot import access
from bot.commands import outcomes
from bot.commands.queue import by_name, name_of
from bot.commands.registry import may
from bot.dialogue.parsing import read_date
from bot.dialogue.questionnaire import fold
from bot.dialogues import act_choice, for_staff, run_choice
from bot.errors import NotAllowed
from bot.flows import beyond, referrals, supervision, training
from bot.flows.kept import told_of
from bot.messages import Choice, Line, Message
from bot.turn import Turn
from storage.tables import Conversation, Pair, Person

MINE = frozenset({"miens", "miennes", "mine"})
FREE = frozenset({"libres", "unfollowed"})
TRAINING = frozenset({"formation", "formations", "training"})
_GIVE = re.compile(
    r"(\d{1,18})(?:/| (?:suivi|suivie|follow|followed)(?: par| by)? ?)(.*)", re.ASCII
)
SHOWN = 20  # names to choose from


def handled(turn: Turn, args: str) -> bool:
    """Whether these words after `binomes` were about something of this module."""
    first, _, rest = args.partition(" ")
    if fold(first) in TRAINING:
        _training(turn, rest.strip())
        return True
    found = _GIVE.fullmatch(args)
    if found is None:
        return False
    pair = access.staff_pair(turn, int(found[1]))
    if not turn.holds_all(pair.programme_id):
        raise NotAllowed("they follow it, the team says who does")
    if not found[2]:
        _choose(turn, pair)
        return True
    person = _of_team(turn, pair, found[2])
    if person is None:
        turn.say(Message(turn.w("supervise-unknown")), here=True)
    else:
        supervision.give(turn, pair, person)
    return True


def _of_team(turn: Turn, pair: Pair, words: str) -> Person | None:
    """Somebody who may follow a pair, by number (`34`, as our buttons say) or by name."""
    if words.isdecimal():
        found = turn.uow.people.get(int(words)) if len(words) < 19 else None
    else:
        found = by_name(supervision.followers(turn, pair), words)
    return found if found is not None and supervision.may_follow(turn, found, pair) else None


def _choose(turn: Turn, pair: Pair) -> None:
    turn.say(
        Message(
            turn.w("supervise-whom", number=pair.id),
            choices=tuple(
                run_choice(p.name or "—", "binomes", f"{pair.id}/{p.id}")
                for p in supervision.followers(turn, pair)[:SHOWN]
            ),
        ),
        here=True,
    )


def _training(turn: Turn, words: str) -> None:
    """Who has yet to follow the training; with a name and perhaps a date, write it down."""
    w = turn.w
    if turn.programme.pair.training is None:
        turn.say(Message(w("staff-no-training")), here=True)
        return
    if words:
        name, _, day = words.partition(",")
        person = turn.uow.people.find(name.strip(), turn.programme.id)
        today = turn.today(turn.me, turn.programme)
        done_on = read_date(day.strip(), today, "past") if day.strip() else today
        if person is None or done_on is None or done_on > today:
            turn.say(Message(w("staff-training-usage")), here=True)
            return
        row = turn.uow.care.write_training(
            person.id, turn.programme.id, "declared", done_on=done_on, now=turn.now
        )
        training.confirmed(turn, person, row)
        return
    mentors = turn.uow.people.with_role(turn.programme.id, "mentor")
    known = turn.uow.care.trained(turn.programme.id, [p.id for p in mentors])
    waiting = [p for p in mentors if p.id not in known or known[p.id].state != "confirmed"]
    lines = tuple(
        Line(
            label=p.name or "—",
            text=w("training-is-declared" if p.id in known else "training-is-missing"),
            choice=act_choice(w("training-confirm"), "training-confirm", known[p.id].id, 1)
            if p.id in known
            else None,
        )
        for p in waiting[:SHOWN]
    )
    done = len(mentors) - len(waiting)
    turn.say(
        Message(
            title=w("training-title"),
            text=w("staff-training-text", done=done, total=len(mentors)),
            lines=lines,
            note=w("staff-more", n=len(waiting) - SHOWN)
            if len(waiting) > SHOWN
            else w("staff-training-usage"),
        ),
        here=True,
    )


def of_mine(turn: Turn, args: str, live: Sequence[Pair]) -> Sequence[Pair]:
    """The pairs to list: for `miens` mine; else all, mine first, then those who did not meet.

    For `libres` those that nobody follows, the oldest first. A supervisor who is not of the team
    has no others than theirs.
    """
    if fold(args) in FREE and turn.holds_all(turn.programme.id):
        return supervision.unfollowed(turn, live)
    mine = fold(args) in MINE or not turn.holds_all(turn.programme.id)
    wanted = [p for p in live if p.supervisor_id == turn.me.id] if mine else live
    return sorted(
        wanted, key=lambda p: (p.supervisor_id != turn.me.id, -p.missed_in_a_row, p.started_at)
    )


def none(turn: Turn, args: str, every: Sequence[Pair]) -> Message:
    """What is said when there is no pair to list."""
    whole = turn.holds_all(turn.programme.id)
    if whole and every and fold(args) in FREE:
        return Message(turn.w("staff-no-pairs-free"))
    return Message(turn.w("staff-no-pairs-mine" if every or not whole else "staff-no-pairs"))


def supervisor_of(turn: Turn, pair: Pair) -> str:
    """Who follows a pair, for a list."""
    person = supervision.supervisor(turn, pair)
    return (person.name or "—") if person is not None else turn.w("supervisor-none")


def lines(turn: Turn, pair: Pair) -> list[Line]:
    """Who follows it, and what its mentor said is beyond their role."""
    w = turn.w
    found = [Line(label=w("supervisor-label"), text=supervisor_of(turn, pair))]
    if pair.request_id is not None:  # one made by hand was judged by whoever made it
        found.append(_judged(turn, pair.request_id))
    found += [
        Line(
            label=referrals.label(turn.programme, row.kind, w),
            text=referrals.state(turn.programme, row, w),
            choice=run_choice(w("staff-open"), "orientations", str(row.id))
            if may(turn, "orientations")
            else None,
        )
        for row in turn.uow.care.referrals(pair.programme_id, person_id=pair.mentee_id)
        if row.pair_id == pair.id
    ]
    for row in turn.uow.care.beyond_of(pair.id):
        by = turn.uow.people.get(row.answered_by_id) if row.answered_by_id else None
        said = w(
            f"staff-beyond-is-{row.state}",
            when=w.day(row.said_at),
            name=(by.name if by else None) or "—",
        )
        found.append(Line(label=w("staff-beyond-label"), text=said))
    for talk in reversed(turn.uow.talks.about("beyond", pair.id)):
        label = w("staff-beyond-words", when=w.day(talk.opened_at))
        found.extend(Line(label=label, text=text) for text in _words(turn, talk))
    found.extend(told_of(turn, pair))
    if said := outcomes.compared(turn, turn.programme, pair, w):
        found.append(Line(label=w("expectations-label"), text=said))
    for talk in turn.uow.talks.about("followup", pair.id):
        kept = turn.uow.talks.snapshot(talk) or []
        said = "\n".join(f"{a['question']} {for_staff(str(a['label']), w)}" for a in kept)
        if said:
            found.append(Line(label=w("followup-label", when=w.day(talk.opened_at)), text=said))
    for kind in ("leaving:end", "leaving:change"):
        for talk in turn.uow.talks.about(kind, pair.id):
            found.extend(Line(label=w("pair-why-label"), text=t) for t in _words(turn, talk))
    return found


def _judged(turn: Turn, request_id: int) -> Line:
    """Whether the team has said that it can help, and who said so (A-14)."""
    w = turn.w
    last = turn.uow.casework.last_decision(request_id)
    said = w("staff-not-judged")
    if last is not None and last.kind == "feasible":
        said = w("staff-note-feasible", name=name_of(turn, last.by_id), when=w.day(last.said_at))
    return Line(label=w("staff-judge"), text=said)


def _words(turn: Turn, talk: Conversation) -> list[str]:
    """What somebody wrote to the team in a dialogue of theirs."""
    kept = turn.uow.talks.snapshot(talk) or []
    return [for_staff(str(answer["label"]), turn.w) for answer in kept]


def choices(turn: Turn, pair: Pair) -> list[Choice]:
    """Follow it, give it to somebody; say that a mentor was answered."""
    w = turn.w
    found = [beyond.done(w, row) for row in turn.uow.care.beyond_of(pair.id) if row.state == "open"]
    if pair.state == "closed" or not turn.holds_all(pair.programme_id):
        return found
    if supervision.supervisor(turn, pair) is None:
        found.append(act_choice(w("supervise-me"), "supervise", pair.id, pair.version))
    found.append(run_choice(w("supervise-other"), "binomes", f"{pair.id}/"))
    if pair.state != "proposed" and may(turn, "orientations"):
        found.append(run_choice(w("staff-refer"), "orientations", f"binome/{pair.id}"))
    return found
