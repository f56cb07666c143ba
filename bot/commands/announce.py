"""`annonce`: to whom, the words, a preview and a count, a test to oneself, then one confirmation.

Nothing is sent before the sender has seen what is received and by how many. They are named in it,
and only they can have it sent; everybody of the programme's team can see how far it came, and stop
it. A second press changes nothing.

Source: X-15, X-18, M-17.
"""

from __future__ import annotations

from typing import Final

from bot import access, awaited, segments
from bot.commands.registry import act, command
from bot.dialogues import act_choice, run_choice
from bot.errors import NotAllowed
from bot.flows import announcements as flow
from bot.lifecycle import ANNOUNCEMENT, move
from bot.messages import Choice, Line, Message
from bot.turn import Turn
from storage.announcements import Audience, Segment, key
from storage.tables import Announcement
from storage.words import number

SHOWN: Final = 5  # announcements of before


@command("annonce", alias="announce", who="staff")
def annonce(turn: Turn, args: str) -> None:
    """To whom?; `annonce mentors libres X20` for a segment, `annonce 3` for one sent before."""
    if (wanted := number(args)) is not None:
        show(turn, access.staff_announcement(turn, wanted))
        return
    if not args:
        _choose(turn)
        return
    segment = segments.read(turn, turn.programme, args)
    if segment is None:
        turn.say(Message(turn.w("announce-usage"), title=turn.w("announce-unclear")), here=True)
        return
    found = flow.audience(turn, turn.programme, segment)
    if not found.told:
        turn.say(Message(turn.w("announce-nobody")), here=True)
        return
    row = turn.uow.announcements.begin(turn.programme.id, turn.me.id, segment, turn.now)
    _ask(turn, row)


def _choose(turn: Turn) -> None:
    """The segments there are, with how many each means, and what was sent before."""
    w, programme, store = turn.w, turn.programme, turn.uow.announcements
    ready = [
        ("tous", Segment()),
        ("mentees", Segment("mentee")),
        ("mentors", Segment("mentor")),
        *([("libres", Segment("mentor", "free"))] if programme.expert else []),
        ("sans-binome", Segment("mentee", "alone")),
        *([("sans-rapport", Segment("", "silent"))] if programme.reports else []),
        *([("prochaine", Segment("", "next"))] if programme.campaign else []),
    ]
    lines: list[Line] = []
    for typed, segment in ready:
        found = flow.audience(turn, programme, segment)
        pick = run_choice(w("announce-write"), "annonce", typed) if found.told else None
        lines.append(
            Line(
                label=segments.said(turn, programme, segment, w),
                text=w("announce-people", found.told),
                choice=pick,
            )
        )
    lines += [
        Line(
            label=w("announce-title", number=row.id),
            text=w("announce-of", name=_author(turn, row), when=w.day(row.asked_at)),
            choice=run_choice(w("staff-open"), "annonce", str(row.id)),
        )
        for row in store.latest(programme.id, SHOWN)
    ]
    turn.say(
        Message(w("announce-usage"), title=w("announce-to-whom"), lines=tuple(lines)),
        here=True,
    )


def _author(turn: Turn, row: Announcement) -> str:
    return turn.person(row.author_id).name or turn.w.team(turn.programme.contact)


def _ask(turn: Turn, row: Announcement) -> None:
    """Ask for the words."""
    w = turn.w
    to = segments.said(turn, turn.programme, Segment.from_json(row.segment), w)
    awaited.ask(
        turn, "announce", row.id, w("announce-words", to=to, max=awaited.MOST),
        act_choice(w("announce-drop"), "announce-drop", row.id, row.version),
    )  # fmt: skip


@awaited.words_for("announce", own=False)
def written(turn: Turn, number_: int, text: str) -> None:
    """The words: keep them, and show what is received."""
    row = access.staff_announcement(turn, number_)
    if row.author_id != turn.me.id:
        raise NotAllowed("only its author may")
    if row.state != "writing":
        show(turn, row)
        return
    sealed = turn.uow.announcements.seal(row, text.strip())
    state = move(ANNOUNCEMENT, row.state, "write")
    if turn.uow.announcements.move(row, row.version, state, text=sealed):
        _preview(turn, row)


def _preview(turn: Turn, row: Announcement) -> None:
    """What is received, then by how many and what can be done."""
    w, programme = turn.w, turn.programme
    turn.say(flow.message(programme, turn.me, turn.uow.announcements.text(row), w))
    segment = Segment.from_json(row.segment)
    found = flow.audience(turn, programme, segment)
    choices: tuple[Choice, ...] = ()
    if found.told:
        send = w("announce-send", found.told)
        choices = (act_choice(send, "announce-send", row.id, row.version, "primary"),)
    turn.say(
        Message(
            w("announce-preview"),
            title=segments.said(turn, programme, segment, w),
            lines=_counts(turn, found),
            choices=(
                *choices,
                act_choice(w("announce-try"), "announce-try", row.id, row.version),
                act_choice(w("announce-again"), "announce-edit", row.id, row.version),
            ),
            quiet=(act_choice(w("announce-drop"), "announce-drop", row.id, row.version),),
        )
    )


def _counts(turn: Turn, found: Audience) -> tuple[Line, ...]:
    """By platform, and who is left out."""
    w = turn.w
    return (
        *(
            Line(label=name.capitalize(), text=w("announce-people", count))
            for name, count in found.reachable.items()
        ),
        *(
            (Line(label=w("announce-resting"), text=w("announce-people", found.resting)),)
            if found.resting
            else ()
        ),
        Line(label=w("announce-unreachable"), text=w("announce-people", found.unreachable)),
        Line(label=w("announce-muted"), text=w("announce-people", found.muted)),
    )


def _mine(turn: Turn, number_: int, version: int, *states: str) -> Announcement | None:
    """One's own as it was shown; where it stands now is said when it is not so any more.

    Raises:
        NotAllowed: Somebody else's.
    """
    row = access.staff_announcement(turn, number_)
    if row.author_id != turn.me.id:
        raise NotAllowed("only its author may")
    if row.version == version and row.state in states:
        return row
    show(turn, row)
    return None


@act("announce-send", who="staff", of="annonce")
def send(turn: Turn, number_: int, version: int) -> None:
    """Confirmed: it goes, a chunk at a time, from now on."""
    row = _mine(turn, number_, version, "draft")
    if row is None:
        return
    state = move(ANNOUNCEMENT, row.state, "send")
    if turn.uow.announcements.move(row, version, state, begun_at=turn.now):
        turn.uow.timers.put(
            key=f"announce:{row.id}", kind="announce", subject_id=row.id, due_at=turn.now,
            payload={"cursor": 0},
        )  # fmt: skip
        turn.note("announced", "announcement", row.id, version=row.version)
    show(turn, row)


@act("announce-try", who="staff", of="annonce")
def rehearse(turn: Turn, number_: int, version: int) -> None:
    """A test to oneself, on each of one's platforms: as it will be received there."""
    row = _mine(turn, number_, version, "draft")
    if row is None:
        return
    text = turn.uow.announcements.text(row)
    accounts = [one for one in turn.uow.people.identities(turn.me.id) if one.reachable]
    for account in accounts:
        turn.tell(
            turn.me,
            flow.message(turn.programme, turn.me, text, turn.w),
            key=f"announce-try:{turn.event.id}:{account.id}",
            identity=account,
        )
    turn.text("announce-tried", len(accounts))


@act("announce-edit", who="staff", of="annonce")
def edit(turn: Turn, number_: int, version: int) -> None:
    """Other words."""
    row = _mine(turn, number_, version, "draft")
    if row is not None and turn.uow.announcements.move(
        row, version, move(ANNOUNCEMENT, row.state, "ask"), asked_at=turn.now
    ):
        _ask(turn, row)


@act("announce-drop", who="staff", of="annonce")
def drop(turn: Turn, number_: int, version: int) -> None:
    """Nothing is sent; the words are forgotten."""
    row = _mine(turn, number_, version, "writing", "draft")
    if row is not None and turn.uow.announcements.move(
        row, version, move(ANNOUNCEMENT, row.state, "drop"), text=None, done_at=turn.now
    ):
        turn.text("announce-dropped")


@act("announce-stop", who="staff", of="annonce")
def stop(turn: Turn, number_: int, version: int) -> None:
    """Stop it where it stands: nobody more is written to, and what still waits is not sent."""
    row = access.staff_announcement(turn, number_)
    stoppable = row.state in ("sending", "sent") and row.reached is None
    if stoppable and turn.uow.announcements.move(
        row, row.version, move(ANNOUNCEMENT, row.state, "stop"), done_at=turn.now
    ):
        turn.uow.timers.cancel("announce", row.id)
        left = turn.uow.outbox.cancel(key(row, ""))
        flow.count_later(turn, row)
        turn.note("announcement-stopped", "announcement", row.id, left=left)
    show(turn, row)


def show(turn: Turn, row: Announcement) -> None:
    """Where it stands, and how far it came."""
    w, programme = turn.w, turn.programme
    segment = segments.said(turn, programme, Segment.from_json(row.segment), w)
    if row.begun_at is None:
        turn.say(Message(w(f"announce-is-{row.state}"), title=segment), here=True)
        return
    found = turn.uow.announcements.reach(row)
    waiting = row.state != "stopped" and (row.state == "sending" or found.waiting)
    turn.say(
        Message(
            w(f"announce-is-{row.state}"),
            title=w("announce-title", number=row.id),
            lines=(
                Line(label=w("announce-to"), text=segment),
                Line(label=w("announce-by"), text=_author(turn, row)),
                Line(label=w("announce-arrived"), text=w("announce-people", found.arrived)),
                Line(label=w("announce-waiting"), text=w("announce-people", found.waiting)),
                Line(label=w("announce-unreachable"), text=w("announce-people", found.unreachable)),
                Line(label=w("announce-muted"), text=w("announce-people", found.muted)),
            ),
            choices=(
                *(
                    (
                        act_choice(
                            w("announce-stop"), "announce-stop", row.id, row.version, "danger"
                        ),
                    )
                    if waiting
                    else ()
                ),
                run_choice(w("announce-refresh"), "annonce", str(row.id)),
            ),
        ),
        here=True,
    )
