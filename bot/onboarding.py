"""Arriving.

The first message, consent, the menu of what is one's own, linking accounts, choosing a programme.

Consent is asked before anything is stored beyond the account's id (GDPR 5, 13). The menu and
Slack's App Home show the same sections from the same function; the team's desk is `bot/desk.py`.
"""

from __future__ import annotations

import re
from datetime import timedelta

from bot import consents, desk, dialogues, minors
from bot.commands import directory
from bot.commands.registry import COMMANDS, command, find, near
from bot.dialogue.engine import Resume
from bot.dialogue.questionnaire import fold
from bot.dialogue.tokens import DialogueToken, encode
from bot.dialogues import family, run_choice
from bot.events import Said
from bot.flows import joining, offers, pairs, profiles
from bot.i18n import LANGUAGES, words
from bot.messages import Choice, Home, Message
from bot.turn import Turn

LINK_MINUTES = 15
_FITS = re.compile(r"[!-?A-~]{0,18}", re.ASCII)


def agreed(turn: Turn) -> bool:
    """Whether the person has agreed to be stored in this programme (its staff need not)."""
    return turn.current is not None and turn.agreed_in(turn.current.id)


def welcome(turn: Turn) -> None:
    """Who we are, why, how long, whom to ask; and the question of consent."""
    if turn.current is None:
        choose_programme(turn)
        return
    turn.look_at(turn.current)
    turn.say(_welcome(turn))


def _welcome(turn: Turn) -> Message:
    programme = turn.programme
    w = turn.w
    if not turn.lives_in(programme):
        return Message(
            title=w.pick(programme.name),
            text=w(
                "programme-elsewhere",
                place=w.all([one.capitalize() for one in programme.platforms]),
                name=w.team(programme.contact),
            ),
        )
    if turn.consented_in(programme.id) and not turn.agreed_in(programme.id):
        return joining.waiting(turn)
    if turn.has_lapsed(programme.id):
        unheard = isinstance(turn.event, Said)
        return consents.question(turn, turn.me, programme, w, unheard=unheard)
    other = "en" if w.lang == "fr" else "fr"
    return Message(
        title=w.pick(programme.name),
        text=consents.informed(programme, w) + "\n\n" + w.pick(programme.consent.text),
        choices=consents.choices(programme, w),
        quiet=(run_choice(w(f"speak-{other}"), "langue", f"{other}.{programme.id}"),),
    )


def _spoken(programme_id: str, turn: Turn) -> str:
    """A programme and the language spoken: nothing of a guest is kept, so buttons carry it."""
    return f"{programme_id}.{turn.w.lang}"


def heard(turn: Turn, args: str) -> str:
    """What a button of a guest carries: the programme; the language is spoken from here on."""
    programme_id, lang, _ = (*args.split("."), "", "")[:3]
    if lang in LANGUAGES and not turn.known:
        turn.as_guest(lang)
    return programme_id


def choose_programme(turn: Turn, then: tuple[str, str] | None = None) -> None:
    """Several programmes live here: which one?

    Args:
        turn: Whose.
        then: The command, with its argument, that waits for the choice.
    """
    w = turn.w
    if not turn.programmes:  # each is another workspace's
        turn.text("not-found")
        return
    # What does not fit a button is asked for again.
    kept = then[1] if then and _FITS.fullmatch(then[1]) else ""
    turn.say(
        Message(
            w("programme-which"),
            choices=tuple(
                run_choice(w.pick(p.name), then[0], f"{kept}@{p.id}")
                if then
                else run_choice(w.pick(p.name), "programme", _spoken(p.id, turn))
                for p in turn.programmes.values()
            ),
            quiet=(
                run_choice(
                    w("speak-en" if w.lang == "fr" else "speak-fr"),
                    "langue",
                    "en" if w.lang == "fr" else "fr",
                ),
            ),
        )
    )


def answered_in_words(turn: Turn, text: str) -> bool:
    """The first choices, typed instead of pressed: programme, consent, role. False for other words.

    Nothing is kept about a guest, so there is no dialogue yet in which words could be an answer.
    """
    said = fold(text)
    if turn.current is None or not turn.consented_in(turn.current.id):
        for programme in turn.programmes.values():
            if said in {fold(programme.id), fold(programme.name.fr), fold(programme.name.en)}:
                turn.current = programme
                welcome(turn)
                return True
    if turn.current is None:
        return False
    if not turn.consented_in(turn.current.id):
        yes = {fold(words(lang)("consent-yes")) for lang in LANGUAGES}
        yes |= {fold(words(lang)("word-yes")) for lang in LANGUAGES}
        shown = turn.bot.guests.get(turn.author.account) == turn.current.id
        if turn.has_lapsed(turn.current.id) or not shown:
            return False  # a word said to something else than the text
        if said in yes:
            accord(turn, consents.argument(turn.current, turn.w.lang))
        return said in yes
    if not turn.uow.people.belongs(turn.me.id, turn.current.id):
        for role in ("mentee", "mentor"):
            label = turn.current.roles.of(role).label
            if any(fold(one) in said for one in (label.fr, label.en)):
                COMMANDS["role"].run(turn, role)
                return True
    return False


@command("accord", alias="consent", who="anyone", listed=False)
def accord(turn: Turn, args: str) -> None:
    """Yes: stored from now on, and on to joining; never a yes to another programme than named."""
    named = heard(turn, args)
    programme = turn.programmes.get(named) if named else turn.current
    if programme is None:
        choose_programme(turn)
        return
    if not turn.lives_in(programme):
        turn.current = programme
        turn.say(_welcome(turn))
        return
    turn.current = programme
    first = not turn.uow.people.consented_anywhere(turn.me.id)
    again = turn.has_lapsed(programme.id)
    read = args.split(".")[2:]
    if again if not read else not programme.consent.digest.startswith(read[0]):
        welcome(turn)  # a button of an older text
        return
    turn.uow.people.consent(
        turn.me.id, programme.id, "storage", text=programme.consent.read, now=turn.now
    )
    turn.me.programme_id = programme.id
    if first:
        turn.use_language(turn.w.lang)
        # Else they say what they want to be called, unless the team must know who waits for it.
        if programme.minors is not None or not profiles.asks(programme, "name"):
            turn.me.name = turn.me.name or turn.author.name
    turn.replace(Message(turn.w("consent-noted")))
    turn.note("consent", "person", turn.me.id, programme=programme.id)
    if again:
        _go_on(turn)
        return
    if _waiting_for_expert(turn):
        return
    if turn.uow.talks.open_ones(turn.me.id, programme.id):  # asked before they had agreed
        COMMANDS["reprendre"].run(turn, "")
    elif not profiles.go_on(turn):
        menu(turn, "")


def _go_on(turn: Turn) -> None:
    """Agreed to a new text: what waited for it is said, and what was being done goes on."""
    if not agreed(turn):
        turn.say(_welcome(turn))
        return
    released = 0 if turn.me.paused_at else consents.release(turn, turn.me)
    talk = turn.uow.talks.get(turn.me.focus_id) if turn.me.focus_id else None
    begun = talk is not None and talk.status == "open" and bool(dialogues.answers_of(turn, talk))
    if begun or not released:
        _where_i_was(turn)


@command("plus-tard", alias="later", who="anyone", listed=False)
def later(turn: Turn, args: str) -> None:
    """No, or not now: nothing is kept."""
    turn.current = turn.programmes.get(heard(turn, args)) or turn.current
    if agreed(turn):  # typed, or an old button: nothing to refuse any more
        menu(turn, "")
        return
    lapsed = turn.current is not None and turn.has_lapsed(turn.current.id)
    declined = Message(turn.w("consent-declined-changed" if lapsed else "consent-declined"))
    if not turn.replace(declined):
        turn.say(declined)
    if turn.current is not None:
        turn.text("consent-declined-later", name=turn.w.team(turn.current.contact))


def opened(turn: Turn, payload: str) -> None:
    """`/start`, with what the link carried: a one-time code, a programme, or nothing."""
    if payload in turn.programmes:
        turn.enter(turn.programmes[payload])
    elif payload and (wanted := find(payload)) and wanted.listed:
        if agreed(turn):
            wanted.run(turn, "")
            return
    elif payload and not use_code(turn, payload):
        turn.text("code-invalid")
    elif payload and agreed(turn):
        _where_i_was(turn)
        return
    if agreed(turn):
        menu(turn, "")
    else:
        welcome(turn)


def use_code(turn: Turn, code: str) -> bool:
    """Link this account to the person the code was made for. False when the code is no good."""
    mine = turn.me
    meant = turn.uow.people.code_owner(code.strip(), now=turn.now)
    if meant == mine.id:
        turn.text("link-same")  # the code stays good for the account it is meant for
        return True
    if meant is not None and (
        turn.uow.people.programmes_of(mine.id) or turn.uow.people.consented_anywhere(mine.id)
    ):
        turn.text("link-has-own")
        return True
    used = turn.uow.people.use_code(code.strip(), now=turn.now)
    if used is None:
        return False
    owner = turn.person(used.person_id)
    turn.identity.person_id = owner.id
    turn.uow.session.flush()
    turn.uow.people.forget(mine)
    owner.reply_on = turn.author.platform
    turn.me = owner
    if used.programme_id in turn.programmes:
        owner.programme_id = used.programme_id
    turn.current = turn.programmes.get(owner.programme_id or "") or turn.current
    turn.note("linked", "person", owner.id, platform=turn.author.platform)
    turn.text("link-done", name=pairs.first_name(owner))
    if agreed(turn):  # else it comes after the consent
        _waiting_for_expert(turn)
    return True


def _where_i_was(turn: Turn) -> None:
    """Somebody came over from their other platform: what was asked there, else the menu."""
    talk = turn.uow.talks.get(turn.me.focus_id) if turn.me.focus_id else None
    if talk is not None and talk.status == "open":
        COMMANDS["reprendre"].run(turn, "silent")
    else:
        menu(turn, "")


def _waiting_for_expert(turn: Turn) -> bool:
    """An expert joined because of a request: it is shown at once. False when none waits."""
    waits = False
    for proposal in turn.uow.requests.asked_of(turn.me.id):
        request = turn.uow.requests.get(proposal.request_id)
        if request is not None and request.programme_id in turn.programmes:
            turn.say(offers.offer(turn, request, proposal))
            waits = True
    return waits


@command("lier", alias="link", who="anyone")
def lier(turn: Turn, args: str) -> None:
    """A code for my other platform, or the code I was given there."""
    if args:
        if not use_code(turn, args):
            turn.text("code-invalid")
        elif agreed(turn):
            _where_i_was(turn)
        else:
            welcome(turn)
        return
    if not agreed(turn):
        welcome(turn)
        return
    if len(turn.programme.platforms) == 1:
        turn.text("programme-one-place", place=turn.programme.platforms[0].capitalize())
        return
    code = turn.uow.people.make_code(
        turn.me.id,
        now=turn.now,
        valid=timedelta(minutes=LINK_MINUTES),
        programme_id=turn.programme.id,
    )
    link = turn.bot.deep_link(code)
    there = link is not None and turn.author.platform == "slack"
    turn.say(
        Message(
            turn.w("link-code-telegram" if there else "link-code", code=code, minutes=LINK_MINUTES),
            choices=(Choice(turn.w("link-open"), url=link),) if there and link else (),
        )
    )


@command("langue", alias="language", who="anyone")
def langue(turn: Turn, args: str) -> None:
    """Français or English; what was being asked is shown again."""
    wanted, _, programme_id = args.strip().lower().partition(".")
    wanted = wanted[:2]
    if wanted not in ("fr", "en"):
        turn.say(
            Message(
                turn.w("language-which"),
                choices=(
                    run_choice("Français", "langue", "fr"),
                    run_choice("English", "langue", "en"),
                ),
            )
        )
        return
    if not turn.known:
        turn.as_guest(wanted)
        turn.current = turn.programmes.get(programme_id) or turn.current
    else:
        turn.use_language(wanted)
    if not agreed(turn):
        if turn.current is not None:
            shown = _welcome(turn)
            if not turn.replace(shown):  # typed, or pressed where nothing can be changed
                turn.say(shown)
        else:
            choose_programme(turn)
        return
    turn.text("language-set")
    COMMANDS["reprendre"].run(turn, "silent")


# --- what is mine ---------------------------------------------------------------------------------


@command("menu", alias="home", who="member")
def menu(turn: Turn, args: str) -> None:
    """Everything of mine, in one message."""
    for section in sections(turn):
        turn.say(section)


def home(turn: Turn) -> None:
    """Slack's App Home: the same sections, and the programme's figures for who may read them."""
    found = [*sections(turn), *desk.board(turn)] if agreed(turn) else [_guest_home(turn)]
    turn.tell(
        turn.me,
        Home(tuple(found)),
        key=f"home:{turn.event.id}",
        identity=turn.identity,
    )


def _guest_home(turn: Turn) -> Message:
    if turn.current is not None:
        return _welcome(turn)
    w = turn.w
    return Message(
        w("programme-which"),
        choices=tuple(
            run_choice(w.pick(p.name), "programme", _spoken(p.id, turn))
            for p in turn.programmes.values()
        ),
    )


def sections(turn: Turn) -> list[Message]:
    """What is theirs, as messages: what waits, requests, pairs, reports; then the team's desk."""
    w = turn.w
    programme = turn.programme
    choices: list[Choice] = []
    lines: list[str] = []
    for talk in turn.uow.talks.waiting(turn.me.id, turn.now)[:3]:
        if talk.programme_id == programme.id:
            what = w(f"dialogue-{family(talk.kind)}")
            choices.append(
                Choice(
                    w("resume-what", what=what), encode(DialogueToken(talk.id, Resume())), "primary"
                )
            )
    for proposal in turn.uow.requests.asked_of(turn.me.id, programme.id):
        asked = turn.uow.requests.get(proposal.request_id)
        if asked is not None:
            lines.append(w("menu-offer", name=offers.known_from(turn, asked, w)))
    request = turn.uow.requests.live(turn.me.id, programme.id)
    if request is not None:
        lines.append(w(f"menu-request-{request.state}"))
        choices.append(run_choice(w("menu-my-request"), "demande"))
    elif programme.intake is not None and "mentor" not in turn.roles:
        choices.append(run_choice(w("menu-ask"), "demande"))
    for pair in turn.uow.pairs.of_person(turn.me.id, programme.id):
        other = pair.mentor_id if pair.mentee_id == turn.me.id else pair.mentee_id
        lines.append(w("menu-pair", name=minors.called(turn.person(other), programme)))
    if turn.uow.pairs.of_person(turn.me.id, programme.id):
        choices.append(run_choice(w("menu-pairs"), "rdv"))
    report = turn.uow.reports.latest(turn.me.id, programme.id)
    if report is not None and report.closes_at > turn.now:
        lines.append(w(f"menu-report-{report.state}", quarter=report.quarter))
        choices.append(run_choice(w("menu-report"), "rapport"))
    elif any(rules.to in turn.roles for rules in programme.reports):
        choices.append(run_choice(w("menu-report"), "rapport"))
    card = turn.uow.directory.get(turn.me.id)
    if programme.expert is not None and (card or programme.roles.mentor.enrol == "open"):
        key = "menu-my-card" if card else "menu-help-others"
        choices.append(run_choice(w(key), "experts"))
    searches = programme.expert is not None and turn.roles
    mine = Message(
        title=w.pick(programme.name),
        text="\n".join(lines) or w("menu-nothing"),
        choices=tuple(choices),
        quiet=(
            run_choice(w("menu-profile"), "profil"),
            *((run_choice(w("menu-search"), "experts", directory.HOW),) if searches else ()),
            *((run_choice(w("menu-help-me"), "besoin"),) if "mentee" in turn.roles else ()),
            run_choice(w("menu-help"), "aide"),
        ),
    )
    return [mine, *desk.lines(turn)]


def unknown_command(turn: Turn, name: str) -> None:
    """A verb we have not: say so, with what may have been meant, and what there is."""
    w = turn.w
    meant = [run_choice(one.called(w.lang), one.name) for one in near(turn, name)]
    turn.say(
        Message(
            w("command-unknown-near" if meant else "command-unknown", name=name[:40]),
            choices=(*meant, run_choice(w("menu-help"), "aide")),
        ),
        here=True,
    )


def stray(turn: Turn, text: str) -> None:
    """Words that answer nothing: kept, offered to the team, and three ways on."""
    w = turn.w
    programme = turn.programme
    before = dialogues.passed_before(turn, text)
    if before is not None and before.passed_at is not None:
        team, when = w.team(programme.contact), w.moment(before.passed_at)
        turn.say(
            Message(
                w("passed-twice", name=team, when=when), choices=(run_choice(w("menu"), "menu"),)
            )
        )
        return
    choices = [dialogues.pass_on(turn, text)]
    if programme.intake is not None:
        choices.append(run_choice(w("menu-my-request"), "demande"))
    choices.append(run_choice(w("menu"), "menu"))
    turn.say(Message(w("words-without-question"), choices=tuple(choices)))
