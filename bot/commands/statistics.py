"""`statistiques`: the programme's figures, as tables and as a picture.

The figures are those of `storage.statistics`, and no others. They are counts of people and of what
they did; an answer that few requests gave is shown only together with others. Nobody is named, and
nobody is compared.

Source: A-26, X-14, X-17; M-17.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple

from bot import groups, pictures
from bot.aside import Answer, Work, asker, beside, put, reply
from bot.commands import outcomes
from bot.commands.registry import command
from bot.dialogue.questionnaire import fold
from bot.groups import Narrowed
from bot.i18n import Words
from bot.messages import File, Message, Table
from bot.pictures import Panel, Panels
from bot.programmes.schema import Programme
from bot.rhythm import Quarter, to_local, to_utc
from bot.turn import Scene, Turn
from bot.word_count import FEWEST
from storage.groups import Group
from storage.statistics import Period, Statistics
from storage.timers import DueTimer

MONTHS: Final = 12  # of the series when no period is named
MOST: Final = 300  # characters of what is asked for
_EARLIEST: Final = 2000
_NONE: Final = "—"


class Span(NamedTuple):
    """A period as people name it.

    Attributes:
        name: `2026`, `2026T3`; empty: the last months, or from the first day.
        period: Its instants and months.
        quarters: The quarters it touches, as reports have them.
    """

    name: str
    period: Period
    quarters: list[str]


def span(said: str, zone: str, now: datetime) -> Span | None:
    """Read `2026`, `2026T3`, `tout`; nothing said is the last twelve months. None: unclear.

    Args:
        said: What was typed.
        zone: The programme's.
        now: UTC.
    """
    today = to_local(now, zone).date()
    wanted = fold(said)
    if not wanted:
        years, month = divmod(today.year * 12 + today.month - MONTHS, 12)
        return _span("", date(years, month + 1, 1), today, zone)
    if wanted in ("tout", "all"):
        return ever(zone, now)
    if re.fullmatch(r"20\d\d", wanted, re.ASCII):
        year = int(wanted)
        return _span(wanted, date(year, 1, 1), date(year, 12, 31), zone)
    try:
        quarter = Quarter.parse(said)
    except ValueError:
        return None
    return _span(str(quarter), quarter.start, quarter.end, zone)


def ever(zone: str, now: datetime) -> Span:
    """From the first day on, until today where the programme is."""
    return _span("", date(_EARLIEST, 1, 1), to_local(now, zone).date(), zone)


def lately(zone: str, now: datetime) -> Span:
    """The quarter before this one, and this one until today."""
    today = to_local(now, zone).date()
    return _span("", Quarter.last(today).start, today, zone)


def _span(name: str, first: date, last: date, zone: str) -> Span:
    begin = to_utc(datetime.combine(first, time()), zone)
    end = to_utc(datetime.combine(last + timedelta(days=1), time()), zone)
    quarters = [Quarter.of(first)]
    while quarters[-1].end < last:
        quarters.append(quarters[-1].next)
    return Span(name, Period(begin, end, first, last, zone), [str(one) for one in quarters])


def read(
    scene: Scene, programme: Programme, wanted: Span, group: Group | None = None
) -> Statistics:
    """The figures of a period; of part of the people only, if one is named."""
    numbers = scene.uow.numbers.among(group)
    return numbers.of(programme.id, wanted.period, wanted.quarters, scene.now)


@command("statistiques", alias="statistics", who="staff")
def statistiques(turn: Turn, args: str) -> None:
    """The programme's figures; `statistiques 2026`, `2026T3` or `tout` for a period.

    `école:Nancy` or `entreprise:…` beside it: of these people only (M-17).
    """
    w, programme = turn.w, turn.programme
    asked = groups.read(turn, programme, args[:MOST])
    wanted = span(asked.rest, programme.zone, turn.now)
    if asked.unknown is not None:
        turn.say(Message(w("group-unknown", said=asked.unknown[:60])), here=True)
        return
    if wanted is None:
        turn.say(Message(w("stats-usage")), here=True)
        return
    group = asked.group
    if group is not None and groups.is_small(turn, programme, group):
        turn.say(Message(w("group-small", least=groups.LEAST)), here=True)
        return
    found = read(turn, programme, wanted, group)
    title = w("stats-title", name=w.pick(programme.name), period=named(asked, wanted, w))
    ended = outcomes.tables(turn, programme, wanted.period, w, group)
    note = w("stats-note", few=FEWEST) + (f" {w('group-note')}" if group else "")
    shown = tables(found, programme, ended, w, turn.now)
    for number, (text, table) in enumerate(shown):
        last = number == len(shown) - 1
        turn.say(
            Message(
                text,
                title=title if number == 0 else None,
                table=table,
                note=note + _picture(turn, args) if last else None,
            ),
            here=True,
        )


def named(asked: Narrowed, wanted: Span, w: Words) -> str:
    """How a period is called, and the people if not all are meant."""
    when = wanted.name or (w("stats-from-first") if asked.rest else w("stats-months", MONTHS))
    return f"{when} · {groups.said(asked.group)}" if asked.group else when


def tables(
    found: Statistics,
    programme: Programme,
    ended: Sequence[tuple[str, Table]],
    w: Words,
    now: datetime,
    months: int | None = None,
) -> list[tuple[str, Table]]:
    """The figures as they are read, one table after the other, each with what it is.

    Args:
        found: The figures.
        programme: Whose.
        ended: How pairs ended, as tables.
        w: The reader's.
        now: UTC.
        months: Of the series, the last ones; by default all.
    """
    every = [
        (w("stats-now"), overview(found, programme, w, now)),
        *_answers(found, programme, w),
        (w("stats-by-month"), _months(found, months, w)),
        (w("stats-by-state"), _states(found, w)),
        *ended,
        (w("stats-by-quarter"), _quarters(found, programme, w)),
        (w("stats-by-school"), _schools(found, w)),
        (w("stats-supply"), _sectors(found, programme, w)),
    ]
    return [(text, table) for text, table in every if table is not None]


def overview(found: Statistics, programme: Programme, w: Words, now: datetime) -> Table:
    """What the period brought and what waits now, in a few lines."""
    rows: list[tuple[str, str]] = []
    if programme.intake is not None:
        rows += [
            (w("stats-requests"), str(found.requests)),
            (w("stats-waiting"), str(sum(found.waiting))),
            *waits(found, w, now),
            (w("stats-asked"), _aged(found.asked.rows, found.asked.oldest, w, now)),
        ]
    rows += [
        (w("stats-pairs-begun"), str(sum(found.pairs.values()))),
        (w("stats-pairs-going"), str(found.going)),
    ]
    return Table((w("stats-what"), w("stats-count")), tuple(rows))


def waits(found: Statistics, w: Words, now: datetime) -> list[tuple[str, str]]:
    """How long the requests that wait have done so."""
    if not sum(found.waiting):
        return []
    week, month, longer = found.waiting
    return [
        (w("stats-age-week"), str(week)),
        (w("stats-age-month"), str(month)),
        (w("stats-age-longer"), _aged(longer, found.oldest if longer else None, w, now)),
        (w("stats-overdue"), str(found.overdue)),
    ]


def _aged(count: int, oldest: datetime | None, w: Words, now: datetime) -> str:
    if oldest is None:
        return str(count)
    return w("stats-aged", count=count, age=w("age-days", max((now - oldest).days, 0)))


def _answers(found: Statistics, programme: Programme, w: Words) -> list[tuple[str, Table | None]]:
    """Requests by each counted question, the most given answer first; small counts together."""
    tables: list[tuple[str, Table | None]] = []
    for name in programme.intake.counted if programme.intake else ():
        question = programme.intake.question(name) if programme.intake else None
        given = found.answers.get(name, {})
        if question is None or not given:
            continue
        labels = {option.value: w.pick(option.label) for option in question.options}
        rows = grouped(given, labels, w)
        table = Table((w("stats-answer"), w("stats-requests-short")), tuple(rows))
        tables.append((w("stats-by-answer", question=w.pick(question.text)), table))
    return tables


def grouped(given: Mapping[str, int], labels: Mapping[str, str], w: Words) -> list[tuple[str, str]]:
    """Answers with their counts, those given by few as one; last who was not asked."""
    asked = {value: n for value, n in given.items() if value}
    large = {value: n for value, n in asked.items() if n >= FEWEST}
    rows = [
        (labels.get(value, value), str(n))
        for value, n in sorted(large.items(), key=lambda item: (-item[1], item[0]))
    ]
    if few := sum(asked.values()) - sum(large.values()):
        rows.append((w("stats-few", few=FEWEST), str(few)))
    if given.get(""):
        rows.append((w("stats-unasked"), str(given[""])))
    return rows


def _months(found: Statistics, most: int | None, w: Words) -> Table | None:
    """Requests by month: the last ones, as many as wanted."""
    rows = [(w.month(month), str(n)) for month, n in sorted(found.months.items())]
    rows = rows[-most:] if most else rows
    columns = w("stats-month"), w("stats-requests-short")
    return Table(columns, tuple(rows)) if rows else None


def _states(found: Statistics, w: Words) -> Table | None:
    """What became of the period's requests and pairs."""
    rows = [(w(f"stats-request-{state}"), str(n)) for state, n in sorted(found.states.items())] + [
        (w(f"stats-pair-{state}"), str(n)) for state, n in sorted(found.pairs.items())
    ]
    return Table((w("stats-state"), w("stats-count")), tuple(rows)) if rows else None


def _quarters(found: Statistics, programme: Programme, w: Words) -> Table | None:
    """Meetings and reports, a line a quarter."""
    met = {f"{year}T{number}": n for (year, number), n in found.meetings.items()}
    rows = []
    for quarter in sorted({*met, *found.reports}):
        held, without = met.get(quarter, (0, 0))
        sent, missed, still = found.reports.get(quarter, (0, 0, 0))
        reports = (str(sent), str(missed), str(still)) if programme.reports else ()
        rows.append((quarter, str(held), str(without), *reports))
    if not rows:
        return None
    columns = [w("stats-quarter"), w("stats-met"), w("stats-not-met")]
    if programme.reports:
        columns += [w("stats-sent"), w("stats-missed"), w("stats-open")]
    return Table(tuple(columns), tuple(rows))


def _schools(found: Statistics, w: Words) -> Table | None:
    """Requests and pairs by school, where several are told apart; those of few people together."""
    large = {one: n for one, n in found.schools.items() if sum(n) >= FEWEST}
    few = [n for one, n in found.schools.items() if one not in large]
    if len(large) < 2:
        return None
    rows = [(one, str(n[0]), str(n[1])) for one, n in large.items()]
    if few:
        requests, pairs = (str(sum(n[place] for n in few)) for place in (0, 1))
        rows.append((w("stats-few", few=FEWEST), requests, pairs))
    columns = w("stats-school"), w("stats-requests-short"), w("stats-pairs-short")
    return Table(columns, tuple(rows))


def _sectors(found: Statistics, programme: Programme, w: Words) -> Table | None:
    """Who agrees to be proposed: free, full, pausing; in all, then by sector."""
    every = found.supply
    if programme.expert is None or not every.free + every.full + every.paused:
        return None
    rows = [(w("stats-all"), str(every.free), str(every.full), str(every.paused))]
    rows += [(one.sector, str(one.free), str(one.full), str(one.paused)) for one in found.sectors]
    columns = w("stats-sector"), w("stats-free"), w("stats-full"), w("stats-paused")
    return Table(columns, tuple(rows))


# --- the picture ----------------------------------------------------------------------------------


def _picture(turn: Turn, args: str) -> str:
    """Have the picture drawn; without the extra, what is said of it."""
    if not pictures.available():
        return "\n" + turn.w("picture-without")
    put(turn, "statistics-picture", turn.me.id, said=args[:MOST])
    return ""


@beside("statistics-picture")
def draw(scene: Scene, timer: DueTimer) -> Work | None:
    """What is to be drawn, for whoever asked and may still know it."""
    person = asker(scene, timer)
    programme = scene.programme_of(timer.payload["programme"])
    if person is None:
        return None
    asked = groups.read(scene, programme, timer.payload["said"])
    wanted = span(asked.rest, programme.zone, scene.now)
    if wanted is None or asked.unknown is not None:
        return None
    w = scene.words(person, programme)
    ended = outcomes.ends(scene, programme, wanted.period, w, asked.group)
    panels = _drawn(read(scene, programme, wanted, asked.group), programme, ended, w)
    if not panels:
        return None
    subtitle = named(asked, wanted, w)
    picture = Panels(w.pick(programme.name), subtitle, panels)
    alt = w.all([f"{panel.title} {_listed(panel, w)}" for panel in panels])
    name = f"{programme.id}-{wanted.name or 'chiffres'}.png"

    def work() -> Answer:
        file = File(name, pictures.draw(picture), "image/png", alt)
        message = Message(subtitle, title=w.pick(programme.name), file=file)
        return lambda later: reply(later, timer, lambda _: message)

    return work


def _listed(panel: Panel, w: Words) -> str:
    return w.all([f"{label} ({count})" for label, count in panel.bars])


def _drawn(
    found: Statistics,
    programme: Programme,
    ended: Sequence[tuple[str, Sequence[tuple[str, int]]]],
    w: Words,
) -> list[Panel]:
    """The tables, as bars."""
    months = [(w.month(month), n) for month, n in sorted(found.months.items())[-MONTHS:]]
    panels = [Panel(w("stats-by-month"), months)]
    panels += [
        Panel(text, [(label, int(n)) for label, n in table.rows])
        for text, table in _answers(found, programme, w)
        if table is not None
    ]
    panels += [Panel(title, bars) for title, bars in ended]
    held = [
        (f"{year}T{number} · {label}", n)
        for (year, number), both in sorted(found.meetings.items())
        for label, n in zip((w("stats-met"), w("stats-not-met")), both, strict=True)
    ]
    panels.append(Panel(w("stats-meetings"), held))
    reports: Sequence[tuple[str, int]] = [
        (f"{quarter} · {label}", n)
        for quarter, counts in sorted(found.reports.items())
        for label, n in zip((w("stats-sent"), w("stats-missed")), counts, strict=False)
    ]
    panels.append(Panel(w("stats-reports"), reports))
    if programme.expert is not None:
        every = found.supply
        panels.append(
            Panel(
                w("stats-supply"),
                [
                    (w("stats-free"), every.free), (w("stats-full"), every.full),
                    (w("stats-paused"), every.paused),
                ],
            )
        )  # fmt: skip
    return [panel for panel in panels if any(count for _, count in panel.bars)]
