"""Dialogues in storage: opening them, taking a turn in them, and what their completion means.

The engine says where a person stands; this module keeps the answers, sends the messages, and calls
what was registered for the kind of dialogue once it is complete. What a questionnaire asks is the
programme file's affair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from bot import access, distress
from bot.commands.registry import past
from bot.dialogue import engine, wording
from bot.dialogue.engine import (
    Ask,
    Cancel,
    Cancelled,
    Completed,
    Confirm,
    Done,
    Given,
    Input,
    Noted,
    NotUnderstood,
    Output,
    Pick,
    Rejected,
    Resume,
    Review,
    State,
    Submit,
    Toggle,
    Value,
)
from bot.dialogue.questionnaire import Localised, Question, Questionnaire, fold
from bot.dialogue.tokens import ActToken, DialogueToken, FormToken, RunToken, encode
from bot.errors import NotAllowed
from bot.events import FormValue, Pressed
from bot.i18n import Words, words
from bot.messages import Choice, Form, Line, Message
from bot.policy import Who, declare, policy, policy_of
from bot.programmes.schema import Programme, Watched
from bot.turn import Scene, Turn
from storage.tables import Conversation, Person, Stray

Completion = Callable[[Turn, Conversation, Mapping[str, Given]], None]
COMPLETIONS: dict[str, Completion] = {}
ANSWERED: dict[str, Completion] = {}
OPENED: dict[str, Callable[[Turn, Conversation], bool]] = {}
FREE_WORDS: set[str] = set()
FREE_WORDS_MAX = 1500  # characters


def on_completed(kind: str, *, who: Who = "member") -> Callable[[Completion], Completion]:
    """Register what the completion of a kind of dialogue means; `checkin:…` is kind `checkin`.

    Args:
        kind: Of the dialogue.
        who: Who may take part, besides whose dialogue it is; read again at each answer.
    """
    declare(f"dialogue:{kind}", policy(who, scope="object", where="private"))

    def register(run: Completion) -> Completion:
        COMPLETIONS[kind] = run
        return run

    return register


def on_answered(kind: str) -> Callable[[Completion], Completion]:
    """Register what every answer of a kind of dialogue means at once, before it is complete."""

    def register(run: Completion) -> Completion:
        ANSWERED[kind] = run
        return run

    return register


def may_reopen(kind: str) -> Callable[[Callable[[Turn, Conversation], bool]], Any]:
    """Register whether a finished dialogue of a kind may be taken up again to change an answer."""

    def register(
        rule: Callable[[Turn, Conversation], bool],
    ) -> Callable[[Turn, Conversation], bool]:
        OPENED[kind] = rule
        return rule

    return register


def free_words(kind: str) -> None:
    """Register a kind of dialogue that no file has: one question of ours, `words-<kind>`."""
    FREE_WORDS.add(kind)


def family(kind: str) -> str:
    """`checkin:monthly` → `checkin`."""
    return kind.partition(":")[0]


def questionnaire(programme: Programme, kind: str) -> Questionnaire:
    """The questions of a kind of dialogue, from today's file.

    Raises:
        NotAllowed: The file no longer has them.
    """
    found = programme.questionnaire(kind)
    if found is None and family(kind) in FREE_WORDS:
        return _words_only(family(kind), programme.register)
    if found is None:
        raise NotAllowed(f"{programme.id} has no {kind}")
    return found


@cache
def _words_only(kind: str, register: str) -> Questionnaire:
    fr, en = (words(lang, register, "UTC")(f"words-{kind}") for lang in ("fr", "en"))
    asked = Question(
        id="words",
        kind="text",
        max=FREE_WORDS_MAX,
        sensitive=True,
        text=Localised(fr=fr, en=en),
    )
    return Questionnaire(review=False, questions=(asked,))


def begin(
    scene: Scene,
    person: Person,
    programme: Programme,
    kind: str,
    *,
    about_id: int | None = None,
    answers: Mapping[str, Value] | None = None,
    last: Mapping[str, Value] | None = None,
    closes_at: datetime | None = None,
) -> tuple[Conversation, list[Message]]:
    """Open a dialogue and word its first question.

    Args:
        scene: The cause.
        person: With whom.
        programme: Whose questions.
        kind: Which questions: `intake`, `report:quarterly`, …
        about_id: The pair, check-in or report it is about.
        answers: Known beforehand: not asked again, but shown in the summary.
        last: Answers of the last round; those the file marks `suggest_last` are offered again.
        closes_at: Answers are taken until then.

    Returns:
        The conversation and its first messages, for the caller to send.

    Raises:
        NotAllowed: This kind of dialogue has no policy, or the file no longer asks it.
    """
    policy_of(f"dialogue:{family(kind)}")
    qs = questionnaire(programme, kind)
    today = scene.today(person, programme)
    offered = engine.suggestions(qs, last or {}, today=today)
    state = State(answers=dict(answers or {}), suggested=offered)
    talk = scene.uow.talks.start(
        person.id,
        programme.id,
        kind,
        state=state.to_json(),
        digest=programme.digest,
        now=scene.now,
        about_id=about_id,
        closes_at=closes_at,
    )
    if not _amid(scene, person):
        person.focus_id = talk.id
    if person.relay_id is not None or person.words_for is not None:
        # What comes next may answer this: it is no letter, and no note.
        person.relay_id = person.words_for = person.relay_until = None
    _, outputs = engine.standing(qs, state)
    said = _worded(scene, person, programme, talk, qs, state, outputs)
    page = engine.current_page(qs, state)
    if said and page is not None and len(qs.questions) > 1:  # the moment to choose form or chat
        label = scene.words(person, programme)("answer-in-form")
        said[0] = replace(said[0], form=Choice(label, encode(FormToken(talk.id, page.number))))
    if qs.intro and said:
        intro = scene.words(person, programme).pick(qs.intro)
        said[0] = replace(said[0], text=f"{intro}\n\n{said[0].text}")
    return talk, said


AMID = timedelta(hours=1)


def _amid(scene: Scene, person: Person) -> bool:
    """Whether a prompt that falls due finds the person in the middle of another dialogue.

    What they type next is for what they are looking at; the prompt's own buttons name it anyway.
    """
    if isinstance(scene, Turn) and scene.me is person:
        return False
    talk = scene.uow.talks.get(person.focus_id) if person.focus_id else None
    return talk is not None and talk.status == "open" and scene.now - talk.updated_at < AMID


def start(turn: Turn, kind: str, **more: Any) -> Conversation:
    """Open a dialogue with the person who acted, or take up the draft they left."""
    programme = turn.programme
    draft = turn.uow.talks.latest(turn.me.id, programme.id, kind)
    unfinished = draft is not None and draft.status in ("open", "cancelled")
    if (
        draft is not None
        and unfinished
        and draft.about_id == more.get("about_id")
        and not _closed(turn, draft)
    ):
        resume(turn, draft)
        return draft
    talk, said = begin(turn, turn.me, programme, kind, **more)
    for message in said:
        turn.say(message)
    if not said:
        resume(turn, talk)  # everything was known beforehand: complete it
    return talk


def resume(turn: Turn, talk: Conversation) -> None:
    """Show where a dialogue stands, open or stopped."""
    _step(turn, talk, Resume())


def revise(turn: Turn, talk: Conversation) -> None:
    """Show a finished dialogue's answers again, each with its *Modifier*; nothing changes yet."""
    programme = turn.programme_of(talk.programme_id)
    if _closed(turn, talk) or talk.status != "done":
        resume(turn, talk)
        return
    qs = questionnaire(programme, talk.kind)
    state = engine.reopen(State.from_json(turn.uow.talks.state(talk)))
    items = tuple(
        (q, value)
        for q in engine.path(qs, state.answers)
        if (value := engine.valid(q, state.answers)) is not None
    )
    said = wording.review(Review(items), talk.id, turn.w)
    turn.say(replace(said, title=None, text=turn.w("review-again"), choices=(), quiet=()))


def answers_of(scene: Scene, talk: Conversation) -> Mapping[str, Value]:
    """The stored answers, as they were given."""
    return State.from_json(scene.uow.talks.state(talk)).answers


def profile_answers(turn: Turn) -> dict[str, Given]:
    """What the person said of themselves when they joined this programme, if they did."""
    talk = turn.uow.talks.latest(turn.me.id, turn.programme.id, "profile", status="done")
    qs = turn.programme.questionnaire("profile")
    return engine.result(qs, answers_of(turn, talk)) if talk and qs else {}


# --- what a person does ---------------------------------------------------------------------------


def pressed(turn: Turn, token: DialogueToken | FormToken) -> None:
    """A button of a dialogue."""
    talk = access.own_conversation(turn, token.conversation)
    event = turn.event
    if isinstance(token, FormToken):
        if _closed(turn, talk):
            turn.text("dialogue-closed")
        elif isinstance(event, Pressed) and event.can_open_form:
            with _taking_part(turn, talk):
                _open_form(turn, talk, token.page)
        else:
            resume(turn, talk)
        return
    act: Input = token.input
    picked = event.picked if isinstance(event, Pressed) else None
    if isinstance(act, Pick):
        _step(turn, talk, Pick(act.question, picked or ()))
    elif isinstance(act, Done) and picked is not None:
        _step(turn, talk, Pick(act.question, picked), act)
    else:
        _step(turn, talk, act)


def submitted(turn: Turn, token: FormToken, values: Mapping[str, FormValue]) -> None:
    """A form came back: errors under the fields, or on to what follows."""
    _step(turn, access.own_conversation(turn, token.conversation), Submit(values))


def said(turn: Turn, text: str) -> bool:
    """Free words: the answer to what was asked last. False when nothing is being asked."""
    talk = turn.uow.talks.get(turn.me.focus_id) if turn.me.focus_id else None
    if talk is None or not _askable(turn, talk):
        waiting = turn.uow.talks.open_ones(turn.me.id)
        talk = next((t for t in waiting if _askable(turn, t)), None)
    if talk is None:
        return False
    turn.enter(turn.programme_of(talk.programme_id))
    _step(turn, talk, engine.Said(text))
    return True


# --- one step -------------------------------------------------------------------------------------


def _closed(turn: Turn, talk: Conversation) -> bool:
    return talk.closes_at is not None and turn.now >= talk.closes_at


def _askable(turn: Turn, talk: Conversation) -> bool:
    """Whether a dialogue still waits for words: open, in time, and its questions still exist."""
    programme = turn.bot.programmes.get(talk.programme_id)
    return (
        talk.status == "open"
        and not _closed(turn, talk)
        and programme is not None
        and (programme.questionnaire(talk.kind) is not None or family(talk.kind) in FREE_WORDS)
    )


def _reopens(turn: Turn, talk: Conversation) -> bool:
    rule = OPENED.get(family(talk.kind))
    return not _closed(turn, talk) and (rule is not None and rule(turn, talk))


@contextmanager
def _taking_part(turn: Turn, talk: Conversation) -> Iterator[None]:
    """Past the policy of this kind of dialogue, in the dialogue's programme.

    Raises:
        NotAllowed: It has none, or the person no longer has the role.
    """
    with past(turn, f"dialogue:{family(talk.kind)}"):
        if turn.policy and turn.policy.of_staff and not turn.holds(talk.programme_id):
            raise NotAllowed("no longer theirs to answer")
        yield


def _step(turn: Turn, talk: Conversation, *acts: Input) -> None:
    with _taking_part(turn, talk):
        _take(turn, talk, *acts)


def _take(turn: Turn, talk: Conversation, *acts: Input) -> None:
    programme = turn.programme_of(talk.programme_id)
    turn.enter(programme)
    if _closed(turn, talk):
        turn.text("dialogue-closed")
        return
    qs = questionnaire(programme, talk.kind)
    state = State.from_json(turn.uow.talks.state(talk))
    if state.status == "done" and _reopens(turn, talk):
        state = engine.reopen(state)
    outputs: list[Output] = []
    for act in acts:
        state, outputs = engine.step(qs, state, act, today=turn.today(turn.me, programme))
        if any(isinstance(o, Rejected) for o in outputs):
            break
    turn.uow.talks.save(talk, state.to_json(), state.status, programme.digest, turn.now)
    if state.status == "open":
        if turn.me.focus_id != talk.id:  # setting a value to itself costs a flush
            turn.me.focus_id = talk.id
    elif turn.me.focus_id == talk.id:
        turn.me.focus_id = None
    if turn.in_distress and any(isinstance(o, NotUnderstood) for o in outputs):
        return  # what it was has been heard, and answered with warmth
    _answer(turn, talk, qs, state, acts[-1], outputs)


def _answer(
    turn: Turn,
    talk: Conversation,
    qs: Questionnaire,
    state: State,
    act: Input,
    outputs: Sequence[Output],
) -> None:
    """Say what one step gave, natively: old messages turn into answers, toggles stay in place."""
    programme = turn.programme
    if isinstance(act, Submit):
        faults = [o for o in outputs if isinstance(o, Rejected)]
        if faults:
            turn.answers.errors.update({o.question.id: turn.w(o.reason, **o.args) for o in faults})
            return
        page = engine.current_page(qs, state) if state.status == "open" else None
        if page is not None:  # the form goes on in place; what was sent is safe if it is closed now
            if family(talk.kind) in ANSWERED:
                ANSWERED[family(talk.kind)](turn, talk, engine.result(qs, state.answers))
            turn.answers.form = _form(turn, talk, qs, state, page)
            return
    if isinstance(act, Pick) and not any(isinstance(o, Rejected) for o in outputs):
        return  # the menu itself shows what is picked
    taken = next((o for o in outputs if isinstance(o, Noted)), None)
    if taken is not None and isinstance(turn.event, Pressed):
        turn.replace(wording.noted(taken, talk.id, turn.w))
    said = _worded(turn, turn.me, programme, talk, qs, state, outputs)
    if isinstance(act, Toggle) and any(isinstance(o, Ask) for o in outputs) and len(said) == 1:
        turn.replace(said[0])
        return
    if (
        said
        and taken is not None
        and isinstance(act, engine.Said)
        and taken.question.kind != "text"
    ):
        # Words were read as an answer: say which, so that a misunderstanding is seen at once.
        told = "✓ " + wording.shown(taken.question, taken.value, turn.w)
        said[0] = replace(said[0], text=f"{told}\n\n{said[0].text}")
    if isinstance(act, Confirm | Cancel) and state.status != "open":
        turn.replace(_summary(turn, qs, state))
    if said and (lost := next((o for o in outputs if isinstance(o, NotUnderstood)), None)):
        said[-1] = _with_team(turn, said[-1], lost.text)
    if said and state.status == "done" and _reopens(turn, talk):
        token = encode(DialogueToken(talk.id, Resume()))
        said[-1] = replace(said[-1], choices=(Choice(turn.w("edit-answers"), token),))
    for message in said:
        turn.say(message)
    done = next((o for o in outputs if isinstance(o, Completed)), None)
    if taken is not None and done is None and family(talk.kind) in ANSWERED:
        ANSWERED[family(talk.kind)](turn, talk, engine.result(qs, state.answers))
    if done is not None:
        turn.corrected = talk.snapshot is not None
        turn.answered = turn.uow.talks.snapshot(talk) or []
        turn.uow.talks.keep(talk, wording.snapshot(qs, done.answers, turn.w))
        COMPLETIONS[family(talk.kind)](turn, talk, done.answers)
    if any(isinstance(o, Completed | Cancelled) for o in outputs):
        _offer_next(turn, talk)


def _worded(
    scene: Scene,
    person: Person,
    programme: Programme,
    talk: Conversation,
    qs: Questionnaire,
    state: State,
    outputs: Sequence[Output],
) -> list[Message]:
    return wording.word(
        outputs,
        talk.id,
        scene.words(person, programme),
        today=scene.today(person, programme),
        page=engine.current_page(qs, state) if state.status == "open" else None,
    )


def _summary(turn: Turn, qs: Questionnaire, state: State) -> Message:
    """A summary that was sent or stopped: the answers, without buttons."""
    lines = [
        Line(label=turn.w.pick(q.text), text=wording.shown(q, value, turn.w))
        for q in engine.path(qs, state.answers)
        if (value := engine.valid(q, state.answers)) is not None
    ]
    key = "review-sent" if state.status == "done" else "review-kept"
    return Message(text=turn.w(key), lines=tuple(lines))


def _with_team(turn: Turn, message: Message, text: str) -> Message:
    """Words that fitted nowhere are kept, and one tap hands them to the team."""
    return replace(message, quiet=(*message.quiet, pass_on(turn, text)))


def pass_on(turn: Turn, text: str) -> Choice:
    """Keep these words and give the button that hands them to the team."""
    programme = turn.current.id if turn.current else None
    stray = turn.uow.talks.keep_stray(turn.me.id, programme, text, turn.now)
    return Choice(turn.w("pass-to-team"), encode(ActToken("pass", stray.id, 1)))


SAME_FOR = timedelta(days=1)


def passed_before(turn: Turn, text: str) -> Stray | None:
    """The same words of the same person, handed to the team within a day: one item (A-28)."""
    wanted = fold(text)
    rows = turn.uow.talks.passed_since(turn.me.id, turn.now - SAME_FOR)
    return next((row for row in rows if fold(turn.uow.talks.stray_text(row)) == wanted), None)


def _offer_next(turn: Turn, ended: Conversation) -> None:
    """Another dialogue waits: offer it, one at a time."""
    for talk in turn.uow.talks.open_ones(turn.me.id, ended.programme_id):
        if talk.id != ended.id and not _closed(turn, talk) and talk.id != turn.me.focus_id:
            turn.say(
                Message(
                    turn.w("another-waits", what=turn.w(f"dialogue-{family(talk.kind)}")),
                    choices=(Choice(turn.w("resume"), encode(DialogueToken(talk.id, Resume()))),),
                )
            )
            return


def _open_form(turn: Turn, talk: Conversation, number: int) -> None:
    programme = turn.programme
    qs = questionnaire(programme, talk.kind)
    state = State.from_json(turn.uow.talks.state(talk))
    if state.status == "done" and _reopens(turn, talk):
        state = engine.reopen(state)
    page = next((p for p in engine.pages(qs, state) if p.number == number), None)
    if page is None or state.status != "open":
        resume(turn, talk)
        return
    turn.answers.form = _form(turn, talk, qs, state, page)


def _form(
    turn: Turn, talk: Conversation, qs: Questionnaire, state: State, page: engine.Page
) -> Form:
    title = turn.w(f"dialogue-{family(talk.kind)}")
    return wording.form(qs, state, page, talk.id, turn.w, title[:1].upper() + title[1:])


def run_choice(label: str, command: str, argument: str = "", style: str = "plain") -> Choice:
    """A button that runs a command."""
    return Choice(
        label,
        encode(RunToken(command, argument)),
        "primary" if style == "primary" else "danger" if style == "danger" else "plain",
    )


def act_choice(label: str, verb: str, number: int, version: int, style: str = "plain") -> Choice:
    """A button that acts on an object as it stands now."""
    return Choice(
        label,
        encode(ActToken(verb, number, version)),
        "primary" if style == "primary" else "danger" if style == "danger" else "plain",
    )


def told(qs: Watched, answers: Mapping[str, Given], w: Words) -> tuple[Line, ...]:
    """The answers that staff are to see when some of them call for attention."""
    shown = qs.telling(answers)
    return tuple(
        Line(label=w.pick(q.text), text=for_staff(wording.shown(q, answers[q.id], w), w))
        for q in qs.questions
        if q.id in shown and q.id in answers
    )


def for_staff(text: str, w: Words) -> str:
    """What was answered; words of distress are for the safeguarding person alone (P5)."""
    return text if distress.heard(text) is None else w("words-with-guards")


def labelled(
    qs: Questionnaire, answers: Mapping[str, Given], turn: Turn
) -> list[tuple[Question, str]]:
    """Each answered question with the answer as people read it."""
    return [(q, wording.shown(q, answers[q.id], turn.w)) for q in qs.questions if q.id in answers]
