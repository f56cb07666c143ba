"""`campagne audit`: whether a campaign serves groups of people alike, as far as the file asks.

A group is who gave the same answer to a profile question that the programme marks `audit`. Such an
answer is never part of a score. Nobody is named, and no group of fewer than five is told, nor one
that could be worked out from the others.

Source: matching goals D (audit by group).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bot.commands.campaign_publish import current
from bot.dialogue.questionnaire import Question
from bot.dialogues import answers_of
from bot.messages import Line, Message
from bot.turn import Turn
from storage.tables import Campaign

LEAST: Final = 5


@dataclass(frozen=True, slots=True)
class Group:
    """One group.

    Attributes:
        people: How many.
        mean: Mean points of those with a mentor; None: nobody has one.
        without: How many have none.
    """

    people: int
    mean: int | None
    without: int


def groups(answers: Mapping[int, str], points: Mapping[int, int | None]) -> dict[str, Group]:
    """The groups that may be told, by answer.

    Args:
        answers: By person; who gave none is in no group.
        points: By person; None: without a mentor. Who is not named is left out.
    """
    members: dict[str, list[int | None]] = {}
    for person, answer in answers.items():
        if person in points:
            members.setdefault(answer, []).append(points[person])
    told = sorted(members, key=lambda answer: (-len(members[answer]), answer))
    hidden = 0
    while told and (len(members[told[-1]]) < LEAST or 0 < hidden < LEAST):
        hidden += len(members[told.pop()])
    found = {}
    for answer in told:
        given = [p for p in members[answer] if p is not None]
        size = len(members[answer])
        mean = round(sum(given) / len(given)) if given else None
        found[answer] = Group(size, mean, size - len(given))
    return found


def show(turn: Turn, rest: str) -> None:
    """`audit`: mean points and who has nobody, by group."""
    w, campaign, profile = turn.w, current(turn), turn.programme.profile
    asked = [q for q in profile.questions if q.audit] if profile else []
    if not asked:
        turn.say(Message(w("campaign-audit-none")), here=True)
        return
    points = _points(turn, campaign)
    if not points:
        turn.say(Message(w("campaign-no-draft")), here=True)
        return
    lines = [line for question in asked for line in _lines(turn, question, points)]
    turn.say(
        Message(
            title=w("campaign-audit-title", name=campaign.name),
            text=w("campaign-audit-text", least=LEAST),
            lines=tuple(lines),
        ),
        here=True,
    )


def _points(turn: Turn, campaign: Campaign) -> dict[int, int | None]:
    """Of who has a mentor, in the draft or by now; None for who is left without."""
    rows = turn.uow.campaigns.pairs(campaign.id, "draft", "proposed", "accepted")
    entries = turn.uow.campaigns.entries(campaign.id, "mentee")
    found: dict[int, int | None] = {e.person_id: None for e in entries if e.why}
    found.update((r.mentee_id, r.score) for r in rows if r.drafted or r.state == "accepted")
    return found


def _lines(turn: Turn, question: Question, points: Mapping[int, int | None]) -> list[Line]:
    w, programme = turn.w, turn.programme
    answers = {}
    for talk in turn.uow.talks.newest(points, programme.id, "profile"):
        given = answers_of(turn, talk).get(question.id)
        if isinstance(given, str):
            answers[talk.person_id] = given
    lines = []
    told = groups(answers, points)
    for option in question.options:
        if (one := told.get(option.value)) is None:
            continue
        said = w("campaign-audit-people", n=one.people)
        if one.mean is not None:
            said += " · " + w("campaign-audit-mean", points=one.mean)
        said += " · " + w("campaign-audit-without", without=one.without)
        lines.append(Line(label=w.pick(option.label), text=said))
    if not lines:
        lines = [Line(text=w("campaign-audit-few", question=w.pick(question.text)))]
    return lines
