"""The verbs everybody has, besides those of the flows.

Help, resume, my data, erase, choosing a programme.
"""

from __future__ import annotations

from bot import access, farewell, onboarding, seats
from bot.commands import leaving
from bot.commands import promises as promised
from bot.commands.registry import COMMANDS, act, command, listed, may
from bot.dialogue.engine import Resume
from bot.dialogue.tokens import DialogueToken, encode
from bot.dialogues import family, passed_before, resume, run_choice
from bot.errors import CordeeError, NotAllowed
from bot.flows import flags, offers, pairs, partings, promises, queue
from bot.messages import Choice, Line, Message
from bot.triage.morning import look_again
from bot.turn import Turn
from storage.tables import Pair
from storage.words import number

_RELOAD = frozenset({"recharger", "reload"})


@command("aide", alias="help", who="anyone", where="anywhere")
def aide(turn: Turn, args: str) -> None:
    """What I can ask of the bot, whom to ask otherwise.

    Then the question that was open, again (A-27).
    """
    w = turn.w
    prefix = "/cordee " if turn.author.platform == "slack" else "/"
    lines = []
    for entry in listed():
        if not (may(turn, entry.name) and entry.is_of(turn.current)):
            continue
        name = entry.called(w.lang)
        typed = name if turn.author.platform == "slack" else name.replace("-", "_")
        lines.append(Line(label=prefix + typed, text=w(entry.summary), command=True))
    programme = turn.current
    text = w("help-text")
    if programme is not None:
        text += "\n" + w(
            "help-contact",
            name=w.team(programme.contact),
            address=programme.contact.address or "",
            n=programme.contact.days,
        )
    if programme is not None and programme.minors is not None:
        lines += flags.numbers(programme, w)
    choices: tuple[Choice, ...] = ()
    if programme is not None and programme.page:
        choices = (Choice(w("help-page"), url=programme.page),)
    turn.say(
        Message(
            title=w("help-title"),
            text=text,
            lines=tuple(lines),
            choices=choices,
            note=w("help-account", account=f"{turn.author.platform}:{turn.author.account}"),
        ),
        here=True,
    )
    if turn.event.private and onboarding.agreed(turn):
        COMMANDS["reprendre"].run(turn, "silent")


@command("reprendre", alias="resume", who="member")
def reprendre(turn: Turn, args: str) -> None:
    """The dialogue I left, where I left it; with several, a choice."""
    if (wanted := number(args)) is not None:
        resume(turn, access.own_conversation(turn, wanted))
        return
    if args == "silent" and turn.me.focus_id is None:
        return
    waiting = [
        talk
        for talk in turn.uow.talks.waiting(turn.me.id, turn.now)
        if talk.programme_id in turn.programmes
    ]
    focus = [talk for talk in waiting if talk.id == turn.me.focus_id]
    if args == "silent":
        if focus:
            resume(turn, focus[0])
        return
    if not waiting:
        turn.say(
            Message(turn.w("nothing-to-resume"), choices=(run_choice(turn.w("menu"), "menu"),))
        )
    elif len(waiting) == 1:
        resume(turn, waiting[0])
    else:
        turn.say(
            Message(
                turn.w("resume-which"),
                choices=tuple(
                    Choice(
                        turn.w(
                            "resume-entry",
                            what=turn.w(f"dialogue-{family(t.kind)}"),
                            when=turn.w.day(t.opened_at),
                        ),
                        encode(DialogueToken(t.id, Resume())),
                    )
                    for t in waiting
                ),
            )
        )


@command("programme", alias="programme", who="anyone")
def programme(turn: Turn, args: str) -> None:
    """Go to another programme; staff: `programme recharger` reads the files again."""
    wanted = onboarding.heard(turn, args.strip())
    if wanted.lower() in _RELOAD:
        _reload(turn)
        return
    found = turn.programmes.get(wanted)
    if found is None and len(turn.programmes) == 1:
        found = turn.current
    if found is None:
        onboarding.choose_programme(turn)
        return
    turn.enter(found)
    turn.replace(Message(turn.w("programme-chosen", name=turn.w.pick(found.name))))
    if onboarding.agreed(turn):
        onboarding.menu(turn, "")
    else:
        onboarding.welcome(turn)


def _reload(turn: Turn) -> None:
    if not turn.is_staff_anywhere or turn.bot.reload is None:
        raise NotAllowed("staff only")
    try:
        fresh = turn.bot.reload()
    except CordeeError as error:
        turn.say(Message(turn.w("programme-bad", error=str(error))), here=True)
        return
    turn.bot.programmes = fresh
    turn.bot.plan(turn.uow, turn.now)
    turn.note("reloaded", "programme", None)
    turn.say(Message(turn.w("programme-reloaded", n=len(fresh))), here=True)


@command("effacer", alias="erase", who="anyone")
def effacer(turn: Turn, args: str) -> None:
    """Erase me: asked once more, then everything goes."""
    turn.say(
        Message(
            "\n\n".join([turn.w("erase-sure"), *_kept(turn), *_alone(turn)]),
            choices=(run_choice(turn.w("erase-yes"), "effacer-oui", style="danger"),),
            quiet=(run_choice(turn.w("erase-no"), "menu"),),
        )
    )


def _kept(turn: Turn) -> list[str]:
    """What is not erased at once; said to everybody, for nobody learns here of a report."""
    mine = {member.programme_id for member in turn.uow.people.programmes_of(turn.me.id)}
    named = any(turn.uow.people.with_role(programme, "safeguarding") for programme in mine)
    return [turn.w("erase-report-kept")] if named else []


def _alone(turn: Turn) -> list[str]:
    """What becomes of the programmes that have no other owner."""
    return [
        turn.w("erase-last-owner", programme=turn.w.pick(programme.name))
        for programme in seats.only_owner_of(turn, turn.me.id)
    ]


@command("effacer-oui", alias="erase-yes", who="anyone", listed=False)
def effacer_oui(turn: Turn, args: str) -> None:
    """Key destroyed, rows gone, queued messages gone; those concerned are told without a reason."""
    for pair in turn.uow.pairs.of_person(turn.me.id, ended=True):
        if pair.state == "proposed":
            _never_begins(turn, pair)
        elif pair.state != "closed":
            _leave(turn, pair)
    for programme_id in turn.bot.programmes:
        request = turn.uow.requests.live(turn.me.id, programme_id)
        if request is not None:
            offers.take_back(turn, request)
            queue.gone(turn, request)
    offers.free_all(turn, turn.me.id, how="leave")
    leaving.gone(turn, turn.me.id)
    seats.tell_ownerless(turn, turn.me.id)
    *said, end = farewell.words(turn)
    last = (*said, *_kept(turn), end), farewell.taken_back(turn), farewell.homes(turn)
    turn.uow.privacy.erase_person(turn.me.id, turn.now)
    farewell.farewell(turn, *last)


def _never_begins(turn: Turn, pair: Pair) -> None:
    """A pair that waits for its mentor's yes: the team hears that it will not be, and the mentor.

    Its mentee never knew of it.
    """
    other = turn.person(access.partner_of(turn, pair))
    if other.id == pair.mentor_id:
        pairs.call_off(turn, pair)
    rules = turn.bot.programmes.get(pair.programme_id)
    if rules is not None:
        turn.tell_staff(
            rules,
            lambda w: Message(w("staff-proposed-left", name=other.name or "—")),
            key=f"proposed-left:{pair.id}",
            verb="binomes",
        )


def _leave(turn: Turn, pair: Pair) -> None:
    """The other side and the team hear that a pair has ended; nothing waits for an answer on it."""
    if turn.me.id == pair.mentee_id and pair.state != "closing":
        turn.uow.directory.give_place(pair.mentor_id, turn.now)
    other = turn.person(access.partner_of(turn, pair))
    rules = turn.bot.programmes.get(pair.programme_id)
    w = turn.words(other, rules)
    said = Message(w("partner-left", name=w.team(rules.contact) if rules else "—"))
    then: partings.Onward | None = None
    if rules is not None and other.id == pair.mentee_id and partings.goes_on(pair):
        then = partings.onward(turn, rules, pair)
        said = then.for_mentee(rules, said.text, w)
    turn.show(other, said, what=f"left-{pair.id}")
    for kind in ("objective", "closing"):
        for talk in turn.uow.talks.about(kind, pair.id):
            talk.status = "cancelled" if talk.status == "open" else talk.status
    for checkin in turn.uow.pairs.checkins(pair.id):
        asked = turn.uow.talks.get(checkin.conversation_id or 0)
        if asked is not None and asked.status == "open":
            asked.status = "cancelled"
    if rules is not None and pair.state != "closing":
        turn.tell_staff(
            rules,
            lambda w: Message(
                w("staff-partner-left", name=other.name or "—"),
                lines=then.for_team(other)(w) if then else (),
            ),
            key=f"partner-left:{pair.id}",
            but=(other.id,),
        )


@act("pass", who="anyone")
def pass_on(turn: Turn, number: int, version: int) -> None:
    """Words that fitted nowhere go to the team, as they are."""
    stray = access.own_stray(turn, number)
    if stray.passed_at is not None:
        turn.text("passed-already")
        return
    rules = turn.bot.programmes.get(stray.programme_id or "") or turn.current
    if rules is None:
        raise NotAllowed("no programme to hand it to")
    words = turn.uow.talks.stray_text(stray)
    before = passed_before(turn, words)
    if before is not None and before.passed_at is not None:
        turn.text(
            "passed-twice", name=turn.w.team(rules.contact), when=turn.w.moment(before.passed_at)
        )
        return

    stray.programme_id = rules.id
    told = turn.tell_staff(
        rules,
        lambda w: promised.passed(turn, stray, w),
        key=f"stray:{stray.id}",
        words_of=turn.me.id,
        but=access.close_to(turn, turn.me.id),
    )
    if told:
        stray.passed_at = turn.now
        promises.made(turn, rules)
        look_again(turn, rules)
    turn.text(
        "passed-to-team" if told else "passed-kept",
        name=turn.w.team(rules.contact),
        n=rules.contact.days,
    )
