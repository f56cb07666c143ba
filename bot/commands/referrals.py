"""`orientations`: who turns to a coach, a test, an assessment or a group, followed to the end.

Without a word, those that have not come to their end, the longest unmoved first; with a number,
that one. `orientations binome 12`, `demande 5` and `personne 3` begin one. Whoever is lent them may
take one on or be handed one, as the team may.

Source: A-17, A-21, X-12.
"""

from __future__ import annotations

import re
from datetime import datetime

from bot import access
from bot.commands.queue import OFFERED
from bot.commands.registry import act, command
from bot.dialogue.questionnaire import fold
from bot.dialogues import act_choice, run_choice
from bot.errors import NotAllowed
from bot.flows import endings, referrals
from bot.messages import Choice, Line, Message
from bot.turn import Turn
from storage.care import GOING
from storage.tables import Referral
from storage.words import number

SHOWN = 20
NOTE_MAX = 1500  # characters
_NOTE = re.compile(r"(\d{1,18}) note (.+)", re.ASCII | re.DOTALL)
_HAND = re.compile(r"(\d{1,18})-(\d{1,18})?(?:-(\d{1,18}))?", re.ASCII)
_BEGIN = re.compile(
    r"(binome|demande|personne|pair|request|person)[ /](\d{1,18})(?:[ /](\w+))?", re.ASCII
)
_OF = {"pair": "binome", "request": "demande", "person": "personne"}


@command("orientations", alias="referrals", who="staff")
def orientations(turn: Turn, args: str) -> None:
    """Those under way; a number shows one, `12 note …` writes what the team knows of it."""
    if (wanted := number(args)) is not None:
        _show(turn, access.staff_referral(turn, wanted))
    elif found := _HAND.fullmatch(args):
        _hand(turn, access.staff_referral(turn, int(found[1])), found[2], found[3])
    elif found := _NOTE.fullmatch(args):
        _note(turn, access.staff_referral(turn, int(found[1])), found[2].strip())
    elif found := _BEGIN.fullmatch(_plain(args)):
        _begin(turn, _OF.get(found[1], found[1]), int(found[2]), found[3])
    elif args:
        turn.say(Message(turn.w("staff-referral-usage")), here=True)
    else:
        _list(turn)


def _plain(args: str) -> str:
    """What was typed without accents and capitals, its `/` kept: `Binôme 12` is `binome 12`."""
    return "/".join(fold(part) for part in args.split("/"))


def _list(turn: Turn) -> None:
    w = turn.w
    found = turn.uow.care.referrals(turn.programme.id, going=True)
    going = [row for row in found if turn.me.id not in access.of_referral(turn, row)]
    if not going:
        turn.say(Message(w("staff-no-referrals")), here=True)
        return
    turn.say(
        Message(
            title=w("staff-referrals-title"),
            text=w("staff-referrals-text", n=len(going)),
            lines=tuple(
                Line(
                    label=_name(turn, row),
                    text=" · ".join(
                        (
                            referrals.label(turn.programme, row.kind, w),
                            referrals.state(turn.programme, row, w),
                            _since(turn, row.changed_at),
                        )
                    ),
                    choice=run_choice(w("staff-open"), "orientations", str(row.id)),
                )
                for row in going[:SHOWN]
            ),
            note=w("staff-more", n=len(going) - SHOWN) if len(going) > SHOWN else None,
        ),
        here=True,
    )


def _name(turn: Turn, row: Referral) -> str:
    return turn.person(row.person_id).name or "—"


def _since(turn: Turn, at: datetime) -> str:
    return turn.w("age-days", n=max((turn.now - at).days, 0))


def _show(turn: Turn, row: Referral) -> None:
    w = turn.w
    owner = referrals.owner_of(turn, row)
    lines = [
        Line(label=w("column-state"), text=referrals.state(turn.programme, row, w)),
        Line(label=w("referral-origin"), text=w(f"referral-by-{row.origin}")),
        Line(label=w("pair-since-label"), text=w.day(row.begun_at)),
        Line(
            label=w("referral-owner"), text=(owner.name if owner else None) or w("supervisor-none")
        ),
    ]
    hand = run_choice(w("staff-hand-over"), "orientations", f"{row.id}-")
    if note := turn.uow.care.note(row):
        lines.append(Line(label=w("referral-note"), text=note))
    turn.say(
        Message(
            title=f"{_name(turn, row)} · {referrals.label(turn.programme, row.kind, w)}",
            text=w("referral-number", number=row.id),
            lines=tuple(lines),
            choices=tuple(_choices(turn, row)),
            quiet=(
                *((hand,) if row.state in GOING else ()),
                *((run_choice(w("see-pair"), "binomes", str(row.pair_id)),) if row.pair_id else ()),
                run_choice(w("staff-referrals-title"), "orientations"),
            ),
            note=w("referral-note-how", number=row.id),
            notice=w("referral-number", number=row.id),
        ),
        here=True,
    )


def _choices(turn: Turn, row: Referral) -> list[Choice]:
    w = turn.w
    found = []

    def offer(label: str, verb: str, style: str = "plain") -> None:
        found.append(act_choice(label, verb, row.id, row.version, style))

    if referrals.hidden(row):
        offer(w("staff-referral-show"), "referral-show", "primary")
    if row.state == "agreed":
        offer(w("staff-referral-start"), "referral-start", "primary")
    if row.state in ("agreed", "underway"):
        offer(w("staff-referral-done"), "referral-done")
    if row.state in GOING:
        offer(w("staff-referral-stop"), "referral-stop")
    owner = referrals.owner_of(turn, row)
    if row.state in GOING and (owner is None or owner.id != turn.me.id):
        of = row.owner_id or 0
        found.append(act_choice(w("staff-referral-mine"), "referral-mine", row.id, of))
    pair = turn.uow.pairs.get(row.pair_id) if row.pair_id else None
    turned = row.state not in ("suggested", "declined")
    if pair is not None and turned and pair.state in ("active", "paused"):
        offer(w("staff-referral-close"), "referral-close")
    return found


def _hand(turn: Turn, row: Referral, to: str | None, instead_of: str | None) -> None:
    """To whom, or it is done: to somebody else of the team, or of a body it lends these to."""
    w = turn.w
    owner = referrals.owner_of(turn, row)
    team = {one.id: one for one in turn.team(turn.programme, "orientations")}
    taker = team.get(number(to or "") or 0)
    if to is not None and taker is None:
        raise NotAllowed("not of the team")
    if taker is None:
        others = [one for one in team.values() if one is not owner and one.id != turn.me.id]
        others.sort(key=lambda one: (one.name or "", one.id))
        if not others:
            turn.say(Message(w("staff-no-colleague")), here=True)
            return
        turn.say(
            Message(
                w("staff-referral-whom", name=_name(turn, row)),
                choices=tuple(
                    run_choice(
                        one.name or "—", "orientations", f"{row.id}-{one.id}-{row.owner_id or 0}"
                    )
                    for one in others[:OFFERED]
                ),
                quiet=(run_choice(w("referral-open"), "orientations", str(row.id)),),
            ),
            here=True,
        )
        return
    seen = row.owner_id if instead_of is None else number(instead_of) or None
    if row.state in GOING and taker is not owner and referrals.give(turn, row, taker, seen):
        done = w("staff-referral-handed", name=_name(turn, row), owner=taker.name or "—")
        turn.say(Message(done), here=True)
        return
    _show(turn, row)


def _note(turn: Turn, row: Referral, words: str) -> None:
    if len(words) > NOTE_MAX:
        turn.text("answer-too-long", max=NOTE_MAX, length=len(words))
        return
    turn.uow.care.write_note(row, words)
    turn.note("referral-noted", "referral", row.id)
    _show(turn, row)


def _begin(turn: Turn, of: str, wanted: int, kind: str | None) -> None:
    """Choose the kind, then the person is asked whether they wish it.

    Of a person who is followed here too, with neither a pair nor a request (A-17: at any moment).
    """
    pair, request = None, None
    if of == "binome":
        pair = access.staff_pair(turn, wanted)
        person_id = pair.mentee_id
    elif of == "demande":
        request = access.staff_request(turn, wanted)
        person_id = request.person_id
    else:
        person_id = access.staff_mentee(turn, wanted).id
        theirs = turn.uow.pairs.of_person(person_id, turn.programme.id)
        pair = next((p for p in theirs if p.mentee_id == person_id and p.kind == "long_term"), None)
    if pair is not None and pair.state == "proposed":
        turn.say(Message(turn.w("staff-referral-usage")), here=True)
        return
    about = f"{of}/{wanted}"
    person = turn.person(person_id)
    w = turn.w
    if kind not in turn.programme.referrals.kinds:
        turn.say(
            Message(
                w("staff-referral-which", name=person.name or "—"),
                choices=tuple(
                    run_choice(
                        referrals.label(turn.programme, k, w), "orientations", f"{about}/{k}"
                    )
                    for k in turn.programme.referrals.kinds
                ),
                note=w("staff-referral-private"),
            ),
            here=True,
        )
        return
    row = referrals.begin(
        turn, person, str(kind), "staff", state="suggested", pair=pair, request=request
    )
    if row is None:
        turn.say(Message(w("staff-referral-there", name=person.name or "—")), here=True)
        return
    referrals.propose(turn, row)
    turn.say(Message(w("staff-referral-proposed", name=person.name or "—")), here=True)


@act("referral-show", who="staff", of="orientations")
def show(turn: Turn, number: int, version: int) -> None:
    """What a mentor suggested is put to the person."""
    row = access.staff_referral(turn, number)
    if referrals.hidden(row) and row.version == version:
        row.owner_id = turn.me.id
        referrals.propose(turn, row)
    _show(turn, row)


@act("referral-start", who="staff", of="orientations")
def start(turn: Turn, number: int, version: int) -> None:
    """It has begun."""
    _move(turn, number, version, "start")


@act("referral-done", who="staff", of="orientations")
def done(turn: Turn, number: int, version: int) -> None:
    """It is done."""
    _move(turn, number, version, "finish")


@act("referral-stop", who="staff", of="orientations")
def stop(turn: Turn, number: int, version: int) -> None:
    """Nothing comes of it; the person hears it, if they knew."""
    row = access.staff_referral(turn, number)
    person = turn.person(row.person_id)
    knew = row.shown_at is not None or row.origin == "mentee"
    if referrals.move(turn, row, version, "decline") and knew:
        w = turn.words(person, turn.programme)
        turn.tell(
            person,
            Message(w("referral-stopped", name=w.team(turn.programme.contact))),
            key=f"referral:{row.id}:{row.version}",
        )
    _show(turn, row)


def _move(turn: Turn, number: int, version: int, event: str) -> None:
    """As it now stands, whether this press moved it or somebody was quicker."""
    row = access.staff_referral(turn, number)
    referrals.move(turn, row, version, event)
    _show(turn, row)


@act("referral-mine", who="staff", of="orientations")
def mine(turn: Turn, number: int, version: int) -> None:
    """I am in charge of it, instead of whoever was when the button was shown."""
    row = access.staff_referral(turn, number)
    if row.state in GOING:
        referrals.give(turn, row, turn.me, version or None)
    _show(turn, row)


@act("referral-close", who="staff", of="orientations")
def close(turn: Turn, number: int, version: int) -> None:
    """The pair ends because its mentee turned to others: a success (A-21)."""
    row = access.staff_referral(turn, number)
    pair = turn.uow.pairs.get(row.pair_id) if row.pair_id else None
    turned = row.state not in ("suggested", "declined")
    if pair is None or not turned or pair.state not in ("active", "paused"):
        _show(turn, row)
        return
    turn.note("pair-ended-by-team", "pair", pair.id)
    endings.close(turn, pair, "referred")
    turn.say(Message(turn.w("staff-pair-referred", number=pair.id)), here=True)
