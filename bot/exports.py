"""What the team may take away as a file: requests, pairs, reports, wishes, a page at a time.

Headings and states are in the reader's language. A file of many rows is made beside the turns: read
in short pages, between which people are answered, written in a thread, with a message that says how
far it is and can stop it. Every cell is made harmless by `bot/exporter.py`; who may ask is for
`bot/commands/office.py`.

Source: E-10, E-12; M-17; quality, S7.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from bot import access
from bot.aside import Answer, Next, Work, asker, beside, put, reply
from bot.dialogues import act_choice, for_staff
from bot.exporter import Cell, write_csv, write_xlsx
from bot.i18n import Words
from bot.messages import File, Message
from bot.programmes.schema import Programme
from bot.turn import Scene, Turn
from storage.groups import Group
from storage.tables import Identity, Pair, Report, Request, Wish
from storage.timers import DueTimer

MOST: Final = 300  # characters of what is asked for
AT_ONCE: Final = 2000  # rows that a turn may write itself
PAGE: Final = 250  # rows read between two answers to people
STEP: Final = 20  # per cent between two words on how far it is
MIMES: Final = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

Some = TypeVar("Some", Request, Pair, Report, Wish)
Heads = tuple[str, ...]
Cells = tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file.

    Attributes:
        number: Its own.
        cells: What it holds.
        about: Whom it is about: without them there is no row.
        answers: By question, if it has any.
        names: Who else is named in it, and in which cell.
    """

    number: int
    cells: Cells
    about: tuple[int, ...]
    answers: dict[str, str] = field(default_factory=dict)
    names: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Among:
    """Which rows come next: those after a number, of part of the people if one is named."""

    after: int
    group: Group | None

    def page(self, entity: type[Some], scene: Scene, programme: Programme) -> Sequence[Some]:
        """A page of them, by number."""
        return scene.uow.numbers.among(self.group).page(entity, programme.id, self.after, PAGE)


@dataclass(frozen=True, slots=True)
class Kind:
    """A file that can be had.

    Attributes:
        entity: The table whose rows it has.
        heads: Its headings.
        page: Some rows of it.
    """

    entity: type[Request] | type[Pair] | type[Report] | type[Wish]
    heads: Callable[[Words], Heads]
    page: Callable[[Scene, Programme, Words, Among], list[Row]]


def _requests(scene: Scene, programme: Programme, w: Words, among: Among) -> list[Row]:
    some = among.page(Request, scene, programme)
    names = scene.uow.people.names(r.person_id for r in some)
    kinds = {"one_off": w("export-one-off"), "long_term": w("export-long-term")}
    return [
        Row(
            r.id,
            (
                r.id, names.get(r.person_id) or "—", kinds.get(r.kind, r.kind),
                w(f"export-request-{r.state}"), r.created_at, r.changed_at, r.due_at,
            ),
            (r.person_id,),
        )
        for r in some
    ]  # fmt: skip


def _request_heads(w: Words) -> Heads:
    return (
        w("head-number"), w("head-mentee"), w("head-kind"), w("head-state"), w("head-created"),
        w("head-changed"), w("head-due"),
    )  # fmt: skip


def _pairs(scene: Scene, programme: Programme, w: Words, among: Among) -> list[Row]:
    some = among.page(Pair, scene, programme)
    names = scene.uow.people.names(
        n for p in some for n in (p.mentee_id, p.mentor_id, p.supervisor_id) if n
    )
    kinds = {"one_off": w("export-one-off"), "long_term": w("export-long-term")}
    return [
        Row(
            p.id,
            (
                p.id, names.get(p.mentee_id) or "—", names.get(p.mentor_id) or "—",
                kinds.get(p.kind, p.kind), w(f"export-pair-{p.state}"), p.started_at, p.ends_at,
                p.ended_at, p.missed_in_a_row,
                w(f"export-outcome-{p.outcome}") if p.outcome else None,
                names.get(p.supervisor_id) if p.supervisor_id else None,
            ),
            (p.mentee_id, p.mentor_id),
            names=((p.supervisor_id, -1),) if p.supervisor_id else (),
        )
        for p in some
    ]  # fmt: skip


def _pair_heads(w: Words) -> Heads:
    return (
        w("head-number"), w("head-mentee"), w("head-mentor"), w("head-kind"), w("head-state"),
        w("head-started"), w("head-ends"), w("head-ended"), w("head-missed"), w("head-outcome"),
        w("head-supervisor"),
    )  # fmt: skip


def _reports(scene: Scene, programme: Programme, w: Words, among: Among) -> list[Row]:
    """One row a report, one column a question: old versions of the form stay comparable (E-10)."""
    some = among.page(Report, scene, programme)
    names = scene.uow.people.names(r.person_id for r in some)
    return [
        Row(
            r.id,
            (
                r.quarter, names.get(r.person_id) or "—", w(f"export-report-{r.state}"),
                r.sent_at,
            ),
            (r.person_id,),
            {
                str(a["id"]): for_staff(str(a["label"]), w)
                for a in scene.uow.reports.answers(r) or []
            },
        )
        for r in some
    ]  # fmt: skip


def _report_heads(w: Words) -> Heads:
    return (
        w("head-quarter"), w("head-name"), w("head-state"), w("head-sent"),
    )  # fmt: skip


def _wishes(scene: Scene, programme: Programme, w: Words, among: Among) -> list[Row]:
    some = among.page(Wish, scene, programme)
    names = scene.uow.people.names(x.person_id for x in some)
    labels = _wish_labels(programme, w)
    return [
        Row(
            x.id,
            (
                names.get(x.person_id) or "—", labels.get(x.kind, x.kind),
                x.field and for_staff(x.field, w), x.place and for_staff(x.place, w),
                x.start_on, x.months, x.updated_at,
            ),
            (x.person_id,),
        )
        for x in some
    ]  # fmt: skip


def _wish_labels(programme: Programme, w: Words) -> dict[str, str]:
    """What the options of the question about the wish are called."""
    return {
        option.value: w.pick(option.label)
        for rules in programme.reports
        if rules.wish is not None
        for question in rules.questions
        if question.id == rules.wish.kind
        for option in question.options
    }


def _wish_heads(w: Words) -> Heads:
    return (
        w("head-name"), w("head-kind"), w("head-field"), w("head-place"), w("head-start"),
        w("head-months"), w("head-updated"),
    )  # fmt: skip


KINDS: Final = {
    "demandes": Kind(Request, _request_heads, _requests),
    "binomes": Kind(Pair, _pair_heads, _pairs),
    "rapports": Kind(Report, _report_heads, _reports),
    "souhaits": Kind(Wish, _wish_heads, _wishes),
}
CONFIDED: Final = ("rapports", "souhaits")  # to the team, not to one's own mentor
ALIASES: Final = {
    "requests": "demandes",
    "pairs": "binomes",
    "reports": "rapports",
    "wishes": "souhaits",
}


@dataclass
class Export:
    """A file on its way.

    Attributes:
        name: Which.
        form: csv or xlsx.
        total: How many rows there were when it was asked for.
        group: Of whom; None: of everybody.
        rows: Those read so far.
        told: Per cent that people were told.
        noted: Those of whom it is noted that this was read.
        last: Number of the last row read.
        left: Rows left out: of people whom the reader is paired with.
    """

    name: str
    form: str
    total: int
    group: Group | None = None
    rows: list[Row] = field(default_factory=list)
    told: int = 0
    noted: set[int] = field(default_factory=set)
    last: int = 0
    left: int = 0

    def read(self, scene: Scene, programme: Programme, w: Words, reader: int) -> bool:
        """Read a page more, and note that it is read; False when that was the last."""
        some = KINDS[self.name].page(scene, programme, w, Among(self.last, self.group))
        self.last = some[-1].number if some else self.last
        own = access.close_to(scene, reader) - {reader} if self.name in CONFIDED else ()
        kept = [row for row in some if not own or own.isdisjoint(row.about)]
        self.left += len(some) - len(kept)
        self.rows += kept
        new = {person for row in kept for person in row.about} - self.noted
        scene.note_reads(f"export-{self.name}", ((reader, one) for one in sorted(new)), programme)
        self.noted |= new
        return len(some) == PAGE

    def without_gone(self, scene: Scene) -> bool:
        """Drop who was erased since their row was read; whether there was anybody."""
        named = {n for row in self.rows for n in (*row.about, *(one for one, _ in row.names))}
        gone = named - scene.uow.people.names(named).keys()
        self.rows = [_unnamed(row, gone) for row in self.rows if gone.isdisjoint(row.about)]
        return bool(gone)

    def file(self, programme: Programme, w: Words) -> File:
        """Write it."""
        questions = dict.fromkeys(q for row in self.rows for q in row.answers)
        heads = (*KINDS[self.name].heads(w), *questions)
        cells = [
            (*row.cells, *(row.answers.get(question, "") for question in questions))
            for row in self.rows
        ]
        write = write_xlsx if self.form == "xlsx" else write_csv
        name = f"{programme.id}-{self.name}.{self.form}"
        return File(name, write(heads, cells), MIMES[self.form])


def _unnamed(row: Row, gone: Collection[int]) -> Row:
    cells = list(row.cells)
    for person, place in row.names:
        if person in gone:
            cells[place] = None
    return replace(row, cells=tuple(cells))


def message(export: Export, programme: Programme, w: Words) -> Message:
    """The file, and how many rows it has."""
    return Message(
        w("staff-export-done", n=len(export.rows)),
        file=export.file(programme, w),
        note=w("staff-export-left", export.left) if export.left else None,
    )


# --- beside the turns -----------------------------------------------------------------------------


def begin(turn: Turn, export: Export) -> None:
    """Have it made beside the turns, and say how it gets on."""
    turn.tell(
        turn.me,
        _progress(turn.w, export, turn.me.id),
        key=f"export-begun:{turn.event.id}",
        identity=turn.identity,
    )
    schools, employers = (
        (json.dumps(names) for names in (export.group.schools, export.group.employers))
        if export.group
        else (None, None)
    )
    put(turn, "export", turn.me.id, name=export.name, form=export.form, total=export.total,
        schools=schools, employers=employers, said=f"export-begun:{turn.event.id}")  # fmt: skip


def _progress(w: Words, export: Export, asker_id: int) -> Message:
    share = min(len(export.rows) / max(export.total, 1), 1)
    return Message(
        w("export-under-way", export.total, share=w.percent(share)),
        quiet=(act_choice(w("export-stop"), "export-stop", asker_id, 1, "danger"),),
    )


@beside("export")
def read(scene: Scene, timer: DueTimer) -> Work | None:
    """Read the first page; the others come one by one."""
    asked = timer.payload
    group = None
    if asked.get("schools") is not None:
        group = Group(*(tuple(json.loads(asked[names])) for names in ("schools", "employers")))
    export = Export(asked["name"], asked["form"], int(asked["total"]), group)
    return _some(scene, timer, export)


def _some(scene: Scene, timer: DueTimer, export: Export) -> Work | None:
    """Read a page, for whoever asked and may still know it; None once it was stopped."""
    person = asker(scene, timer)
    if person is None or not scene.uow.timers.is_pending(timer.key):
        return None
    programme = scene.programme_of(timer.payload["programme"])
    w = scene.words(person, programme)
    if export.read(scene, programme, w, person.id):
        _say_how_far(scene, timer, export, w)
        return lambda: Next(lambda later: _some(later, timer, export))

    def work() -> Answer:
        made = message(export, programme, w)
        return lambda later: _done(later, timer, export, made)

    return work


def _say_how_far(scene: Scene, timer: DueTimer, export: Export, w: Words) -> None:
    """Now and then, in the message that said it was begun."""
    percent = 100 * len(export.rows) // max(export.total, 1)
    if percent < export.told + STEP:
        return
    export.told = percent - percent % STEP
    _edit(scene, timer, f"{export.told}", _progress(w, export, int(timer.payload["person"])))


def _done(scene: Scene, timer: DueTimer, export: Export, made: Message) -> None:
    programme = scene.programme_of(timer.payload["programme"])
    person = asker(scene, timer)
    if person is None:
        return
    w = scene.words(person, programme)
    if export.without_gone(scene):
        made = message(export, programme, w)
    _edit(scene, timer, "done", Message(w("export-ready")))
    reply(scene, timer, lambda _: made)


def _edit(scene: Scene, timer: DueTimer, step: str, new: Message) -> None:
    person, said = asker(scene, timer), timer.payload["said"]
    shown = scene.uow.outbox.sent_as(said)
    if person is not None and shown is not None:
        scene.tell(
            person, new, key=f"{said}:{step}", op="edit", target=shown,
            identity=scene.uow.session.get(Identity, timer.payload["identity"]),
        )  # fmt: skip
