"""`campagne comparer`: campaign against campaign, figure by figure.

A table at once and, with the extra `graphiques`, a picture a moment later. A figure that is not
known is none, and no nought: of years before Cordée there are two. What was counted among people
who have been erased since is not remembered here, and is said to be so. No campaign is called
better than another.

Source: X-09, X-17; A-21.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from bot import pictures
from bot.aside import Answer, Work, asker, beside, put, reply
from bot.i18n import Words
from bot.lifecycle import OUTCOMES, SUCCESS
from bot.messages import File, Message, Table
from bot.pictures import Panel, Panels
from bot.programmes.schema import Programme
from bot.turn import Scene, Turn
from storage.campaigns import was_imported
from storage.comparison import Held, compare
from storage.tables import Campaign
from storage.timers import DueTimer

USUAL: Final = 2  # campaigns, when none is named: this one, or the last, and the one before
MOST: Final = 4  # side by side on a telephone
_NONE: Final = "—"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Figure:
    """A line of the comparison.

    Attributes:
        title: What is counted.
        values: In words, a campaign each; `_NONE` where it is not known.
        bars: The same as lengths; a share is in per cent. None: not known.
    """

    title: str
    values: tuple[str, ...]
    bars: tuple[int | None, ...]


def show(turn: Turn, rest: str) -> None:
    """`comparer`, `comparer 2024 2026`: two to four campaigns side by side, the oldest first."""
    w, programme = turn.w, turn.programme
    every = _known(turn, programme)
    names = rest.split()
    unknown = [name for name in names if name not in {one.name for one in every}]
    chosen = [one for one in every if one.name in names] if names else every[-USUAL:]
    if unknown:
        known = w.all([one.name for one in every]) if every else _NONE
        turn.say(Message(w("compare-unknown", name=unknown[0][:40], names=known)), here=True)
        return
    if not 2 <= len(chosen) <= MOST:
        turn.say(Message(w("compare-usage", most=MOST)), here=True)
        return
    columns = (w("stats-what"), *(one.name for one in chosen))
    figures = _figures(turn, chosen, w)
    note = w("compare-note")
    if pictures.available():
        put(turn, "campaign-comparison", turn.me.id,
            campaigns=" ".join(str(one.id) for one in chosen))  # fmt: skip
    else:
        note += "\n" + w("picture-without")
    table = Table(columns, tuple((one.title, *one.values) for one in figures))
    turn.say(Message("", title=w("compare-title"), table=table, note=note), here=True)


def _known(scene: Scene, programme: Programme) -> list[Campaign]:
    """All campaigns of a programme, the oldest first; the one under way is the last."""
    campaigns = scene.uow.campaigns
    running = campaigns.current(programme.id)
    return [*campaigns.over(programme.id), *([running] if running else [])]


def _figures(scene: Scene, chosen: Sequence[Campaign], w: Words) -> list[Figure]:
    """The lines of which something is known."""
    here = [one for one in chosen if not was_imported(one)]
    counted = compare(scene.uow.session, here)
    held = [counted.get(one.id) for one in chosen]
    volunteers = [
        one.volunteers if h is None else h.volunteers for one, h in zip(chosen, held, strict=True)
    ]
    pairs = [one.pairs if h is None else h.pairs for one, h in zip(chosen, held, strict=True)]
    drafted = [h if h and h.mentors else None for h in held]
    mentors = _each(drafted, lambda h: h.mentors)
    places = _each(drafted, lambda h: h.places)
    kept = [h if h and _is_kept(h) else None for h in held]
    ended = [h if h and h.outcomes else None for h in held]
    found = [
        _count(w("compare-volunteers"), volunteers),
        _count(w("compare-mentors"), mentors),
        _share(w("compare-mentors-share"), mentors, volunteers, w),
        _count(w("compare-places"), places),
        _share(w("compare-places-share"), places, volunteers, w),
        _count(w("compare-pairs"), pairs),
        _share(w("compare-pairs-share"), pairs, volunteers, w),
        _count(w("compare-first"), _each(kept, lambda h: h.first)),
        _count(w("compare-going"), _each(kept, lambda h: h.going)),
        *(_count(w(f"outcome-{name}"), counts) for name, counts in _outcomes(ended)),
        _count(w("outcome-success"), _each(ended, _successes)),
        _met(w("compare-met"), _each(kept, lambda h: h.met), w),
        _count(w("compare-closing"), _each(ended, lambda h: h.closing)),
    ]
    return [one for one in found if any(bar is not None for bar in one.bars)]


def _each(held: Sequence[Held | None], what: Callable[[Held], T]) -> list[T | None]:
    """One thing of each campaign of which it is known."""
    return [None if one is None else what(one) for one in held]


def _outcomes(ended: Sequence[Held | None]) -> list[tuple[str, list[int | None]]]:
    """How pairs ended, in each way that occurs."""
    return [
        (name, [None if one is None else one.outcomes.get(name, 0) for one in ended])
        for name in OUTCOMES
        if any(one and one.outcomes.get(name) for one in ended)
    ]


def _is_kept(held: Held) -> bool:
    """Whether its pairs are still there to be counted; those of years ago are erased."""
    return not held.pairs or bool(held.first or held.going or held.outcomes)


def _successes(held: Held) -> int:
    return sum(n for name, n in held.outcomes.items() if name in SUCCESS)


def _count(title: str, counts: Sequence[int | None]) -> Figure:
    return Figure(title, tuple(_NONE if n is None else str(n) for n in counts), tuple(counts))


def _share(
    title: str, parts: Sequence[int | None], wholes: Sequence[int | None], w: Words
) -> Figure:
    """Each as a share of another count."""
    shares = [
        None if part is None or not whole else part / whole
        for part, whole in zip(parts, wholes, strict=True)
    ]
    return Figure(
        title,
        tuple(_NONE if share is None else w.percent(share) for share in shares),
        tuple(None if share is None else round(100 * share) for share in shares),
    )


def _met(title: str, rounds: Sequence[tuple[int, int] | None], w: Words) -> Figure:
    """Rounds with a meeting, as a share of those that were answered; of none it is not known."""
    found = [
        (met / all_, all_) if all_ else None for all_, met in (one or (0, 0) for one in rounds)
    ]
    return Figure(
        title,
        tuple(
            _NONE if one is None else w("compare-of", share=w.percent(one[0]), all=one[1])
            for one in found
        ),
        tuple(None if one is None else round(100 * one[0]) for one in found),
    )


# --- the picture ----------------------------------------------------------------------------------


@beside("campaign-comparison")
def draw(scene: Scene, timer: DueTimer) -> Work | None:
    """What is to be drawn, for whoever asked and may still know it."""
    person = asker(scene, timer)
    if person is None:
        return None
    programme = scene.programme_of(timer.payload["programme"])
    wanted = {int(number) for number in timer.payload["campaigns"].split()}
    chosen = [one for one in _known(scene, programme) if one.id in wanted]
    if len(chosen) < 2:
        return None
    w = scene.words(person, programme)
    panels = [Panel(figure.title, _bars(chosen, figure)) for figure in _figures(scene, chosen, w)]
    subtitle = w.all([one.name for one in chosen])
    picture = Panels(w("compare-title"), subtitle, panels)
    alt = w.all([f"{panel.title} {_said(panel, w)}" for panel in panels])
    name = f"{programme.id}-comparaison.png"

    def work() -> Answer:
        file = File(name, pictures.draw(picture), "image/png", alt)
        message = Message(subtitle, title=w("compare-title"), file=file)
        return lambda later: reply(later, timer, lambda _: message)

    return work


def _bars(chosen: Sequence[Campaign], figure: Figure) -> list[tuple[str, int]]:
    """Campaigns of which it is known; a share with its words, for its length is a bare number."""
    return [
        (campaign.name if value == str(bar) else f"{campaign.name} · {value}", bar)
        for campaign, value, bar in zip(chosen, figure.values, figure.bars, strict=True)
        if bar is not None
    ]


def _said(panel: Panel, w: Words) -> str:
    return w.all([f"{label} ({count})" for label, count in panel.bars])
