"""Who somebody is here: joining, the profile, the expert's card, pausing.

A person joins in a role the programme opens to them, or waits for the team's yes. What the profile
asks is the file's affair; `fill` says which column an answer writes.

Source: A-02 (nobody is refused but by the rule), A-23 (several roles), M-19 (self-declared expert,
pause).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from bot import consents, minors
from bot.commands import directory, leaving
from bot.commands.registry import COMMANDS, command
from bot.dialogue.engine import Given, Value
from bot.dialogues import (
    may_reopen,
    on_completed,
    profile_answers,
    questionnaire,
    revise,
    run_choice,
    start,
)
from bot.errors import ConsentMissing
from bot.flows import flags, joining, offers, pairs, reports, requests
from bot.messages import Line, Message
from bot.programmes.meaning import Column, columns
from bot.programmes.schema import Programme
from bot.turn import Turn
from storage.tables import Conversation

PERSON_COLUMNS = frozenset({"name", "email", "promo", "school"})
PAUSE_DAYS = 30
_ENDS = frozenset({"fin", "stop", "end", "off"})
_ALL = frozenset({"tout", "all"})


# --- joining --------------------------------------------------------------------------------------


@command("role", alias="role-in", who="anyone", listed=False)
def role(turn: Turn, args: str) -> None:
    """Take a role: at once where the file opens it, else the team is asked."""
    programme = turn.programme
    if not turn.lives_in(programme) or not turn.consented_in(programme.id):
        raise ConsentMissing(programme.id)
    if args not in ("mentee", "mentor"):
        turn.say(joining.choice_of_role(turn))
        return
    turn.replace(Message(turn.w("role-noted", role=turn.w.pick(programme.roles.of(args).label))))
    joining.join(turn, args)
    go_on(turn)


def go_on(turn: Turn) -> bool:
    """The next thing a newcomer has to do here; False when there is nothing.

    Profile first, then what their role brings: the expert's card, or the request.
    """
    programme = turn.programme
    roles = {
        m.role for m in turn.uow.people.programmes_of(turn.me.id) if m.programme_id == programme.id
    }
    if not roles:
        turn.say(joining.choice_of_role(turn))
        return True
    if minors.missing(turn, turn.me, programme) is not None:
        joining.tell_who_waits(turn)
        turn.say(joining.waiting(turn))
        return True
    done = turn.uow.talks
    if programme.profile and not done.latest(turn.me.id, programme.id, "profile", status="done"):
        start(turn, "profile", answers=_known(turn))
        return True
    if (
        "mentor" in roles
        and programme.expert
        and turn.uow.directory.get(turn.me.id) is None
        and not done.latest(turn.me.id, programme.id, "expert", status="done")
    ):
        start(turn, "expert")
        return True
    if (
        "mentee" in turn.roles
        and programme.intake
        and turn.uow.requests.latest(turn.me.id, programme.id) is None
        and not turn.uow.pairs.of_person(turn.me.id, programme.id)
    ):
        requests.demande(turn, "")
        return True
    return False


@command("commencer", alias="begin", who="member", listed=False)
def begin(turn: Turn, args: str) -> None:
    """On from where one had to wait."""
    if not go_on(turn):
        COMMANDS["menu"].run(turn, "")


def asks(programme: Programme, column: str) -> bool:
    """Whether the programme's profile asks for this column."""
    return programme.profile is not None and any(
        q.fill == column for q in programme.profile.questions
    )


def _known(turn: Turn) -> dict[str, Value]:
    """What the directory already told: shown in the summary, not asked again."""
    programme = turn.programme
    qs = questionnaire(programme, "profile")
    known: dict[str, Value] = {}
    for q in qs.questions:
        value = getattr(turn.me, q.fill) if q.fill in PERSON_COLUMNS else None
        if q.fill == "name" and programme.minors is not None:
            continue  # it is what the platform calls them, for the team to know who waits
        if value and q.kind in ("text", "person"):
            known[q.id] = str(value)
    return known


# --- profile --------------------------------------------------------------------------------------


@may_reopen("profile")
def _profile_changes(turn: Turn, talk: Conversation) -> bool:
    return True


@may_reopen("expert")
def _expert_changes(turn: Turn, talk: Conversation) -> bool:
    return True


@on_completed("profile")
def profile_known(turn: Turn, talk: Conversation, answers: Mapping[str, Given]) -> None:
    """Write the columns, tell the team who waits for them, go on."""
    _write(turn, columns(questionnaire(turn.programme, "profile"), answers))
    turn.text("profile-saved", name=pairs.first_name(turn.me))
    if turn.corrected:
        return
    for member in turn.uow.people.programmes_of(turn.me.id):
        if member.programme_id == turn.programme.id and member.state == "pending":
            joining.ask_team(turn, member)
    reports.welcome_late(turn, turn.me, turn.programme)
    if not go_on(turn):
        COMMANDS["menu"].run(turn, "")


def _write(turn: Turn, values: Mapping[str, Column]) -> None:
    """Columns of the person, and of the expert where there is one or becomes one."""
    for name in PERSON_COLUMNS & values.keys():
        value = values[name]
        if name == "email":
            value = str(value).lower()
            if turn.uow.people.email_taken(value, by_other_than=turn.me.id):
                turn.text("email-taken")
                continue
        setattr(turn.me, name, value)
    turn.uow.session.flush()
    rest = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if name not in PERSON_COLUMNS
    }
    if values and turn.uow.directory.get(turn.me.id) is not None:  # it holds the name too
        turn.uow.directory.save(turn.me.id, turn.now, rest)


@command("profil", alias="profile", who="member")
def profil(turn: Turn, args: str) -> None:
    """What is known of me here, each line with its own *Modifier*."""
    programme = turn.programme
    talk = turn.uow.talks.latest(turn.me.id, programme.id, "profile", status="done")
    if talk is not None:
        revise(turn, talk)
    elif programme.profile is not None:
        start(turn, "profile", answers=_known(turn))
    else:
        turn.text("profile-none")
    if turn.uow.directory.get(turn.me.id) is not None:
        _card(turn)


# --- the expert -----------------------------------------------------------------------------------


@command("experts", alias="experts", who="member", where="anywhere")
def experts(turn: Turn, args: str) -> None:
    """With words: who agreed to be shown here. Without: my card as expert, and how to search."""
    if turn.programme.expert is None:
        turn.text("no-experts-here")
    elif args == directory.HOW and turn.roles:
        turn.say(Message(directory.how(turn, "experts")), here=True)
    elif args:
        directory.show(turn, "experts", args)
    else:
        _card(turn, directory.how(turn, "experts") if turn.roles else None)


def _card(turn: Turn, note: str | None = None) -> None:
    """My card: register, change, pause."""
    if turn.programme.expert is None:
        turn.text("no-experts-here")
        return
    card = turn.uow.directory.get(turn.me.id)
    if card is None:
        turn.say(
            Message(
                turn.w("expert-none-yet"),
                choices=(run_choice(turn.w("expert-begin"), "carte", style="primary"),),
                note=note,
            )
        )
        return
    w = turn.w
    lines = [
        Line(label=w(f"expert-{name}"), text=text)
        for name, text in (
            ("job", ", ".join(p for p in (card.job, card.employer) if p)),
            ("sector", card.sector),
            ("topics", card.topics),
            ("bio", card.bio),
            (
                "places",
                w(
                    "expert-places-text",
                    taken=card.places_taken + card.outside_load,
                    capacity=card.capacity,
                ),
            ),
        )
        if text
    ]
    paused = not card.available or (card.paused_until is not None and card.paused_until > turn.now)
    pause = (
        run_choice(w("pause-end"), "pause", "fin")
        if paused
        else run_choice(w("pause-start"), "pause")
    )
    turn.say(
        Message(
            title=w("expert-title"),
            text=w(
                "expert-paused" if paused else "expert-open" if card.consenting else "expert-hidden"
            ),
            lines=tuple(lines),
            choices=(run_choice(w("edit"), "carte"), pause),
            note=note,
        )
    )


@command("carte", alias="card", who="member", listed=False)
def carte(turn: Turn, args: str) -> None:
    """Change my expert's card."""
    programme = turn.programme
    if programme.expert is None:
        turn.text("no-experts-here")
        return
    talk = turn.uow.talks.latest(turn.me.id, programme.id, "expert", status="done")
    if talk is not None:
        revise(turn, talk)
    else:
        start(turn, "expert")


@on_completed("expert")
def expert_known(turn: Turn, talk: Conversation, answers: Mapping[str, Given]) -> None:
    """The card is written: proposed from now on if they agreed to be."""
    programme = turn.programme
    values = columns(questionnaire(programme, "expert"), answers)
    if programme.profile is not None:
        values = {**columns(programme.profile, profile_answers(turn)), **values}
    values.setdefault("capacity", programme.roles.mentor.capacity)
    agreed = values.setdefault("consenting", True)
    if turn.uow.people.membership(turn.me.id, programme.id, "mentor") is None:
        joining.join(turn, "mentor")
    turn.uow.directory.save(turn.me.id, turn.now, {})
    _write(turn, values)
    if agreed:
        turn.uow.people.consent(
            turn.me.id, programme.id, "proposed", text=programme.consent.read, now=turn.now
        )
    else:
        turn.uow.people.withdraw(turn.me.id, programme.id, "proposed", now=turn.now)
    turn.text("expert-saved" if agreed else "expert-saved-hidden")
    turn.note("expert-saved", "person", turn.me.id)


@command("pause", alias="pause", who="member")
def pause(turn: Turn, args: str) -> None:
    """No requests for a while; `pause tout`, and for whoever gets none: no prompts, no news.

    Restriction of processing (GDPR 18): what would be said unasked waits until they are back.
    """
    w = turn.w
    word = args.strip().lower()
    card = turn.uow.directory.get(turn.me.id)
    if word in _ENDS:
        _back(turn, paused=card is not None)
        return
    freed = leaving.away(turn, turn.me.id)
    also = f"\n{w('pause-freed', n=freed)}" if freed else ""
    if card is not None:
        until = turn.now + timedelta(days=PAUSE_DAYS)
        turn.uow.directory.pause(turn.me.id, turn.now, None if word in _ALL else until)
        offers.free_all(turn, turn.me.id)
        if word not in _ALL:
            turn.say(
                Message(
                    w("pause-begun", when=w.weekday(until)) + also,
                    choices=(
                        run_choice(w("pause-end"), "pause", "fin"),
                        run_choice(w("pause-all"), "pause", "tout"),
                    ),
                )
            )
            return
    turn.me.paused_at = turn.me.paused_at or turn.now
    turn.note("paused", "person", turn.me.id)
    programmes = turn.bot.programmes.values()
    if any(turn.me in flags.guards(turn, programme) for programme in programmes):
        also += f"\n{w('pause-not-reports')}"
    choices = [run_choice(w("pause-end"), "pause", "fin")]
    if turn.uow.pairs.of_person(turn.me.id):
        choices.append(run_choice(w("see-pair"), "rdv"))
    turn.say(Message(w("pause-all-begun") + also, choices=tuple(choices)))


def _back(turn: Turn, *, paused: bool) -> None:
    """Whatever was paused is not any more, and what waited is said."""
    everything = turn.me.paused_at is not None
    if paused:
        turn.uow.directory.resume(turn.me.id, turn.now)
    turn.me.paused_at = None
    turn.text("pause-ended" if paused else "pause-all-ended")
    if everything:
        consents.release(turn, turn.me)
        turn.note("resumed", "person", turn.me.id)
