"""The register of what is kept about people: each table and column, why, for how long, who sees it.

It is read from the schema itself and from the programmes' files, so that it cannot say anything
else. This module holds no list of fields, and knows nobody's data.

Source: GDPR 5, 13, 30; quality, section 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import Column, Table

from bot.i18n import Words
from bot.programmes.about import Retention
from bot.programmes.schema import Programme
from storage.sealed import Sealed
from storage.tables import Base
from storage.unit_of_work import OUTBOX_DAYS


def label(w: Words, column: Column[object]) -> str | None:
    """What a field is called for people; None for one that only the program reads."""
    table, name = column.table.name, column.name
    if w.has(f"field-{table}-{name}"):
        return w(f"field-{table}-{name}")
    return w(f"field-{name}") if w.has(f"field-{name}") else None


def unlabelled(w: Words) -> list[str]:
    """Columns that somebody may see and that have no name for people."""
    return [
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if column.info["privacy"] != "internal" and label(w, column) is None
    ]


def written(programmes: Iterable[Programme], w: Words) -> str:
    """The register as a page of Markdown."""
    lines = [f"# {w('register-title')}", "", w("register-intro"), ""]
    lines += [f"## {w('register-programmes')}", ""]
    for programme in programmes:
        lines += _programme(programme, w)
    lines += [f"## {w('register-tables')}", ""]
    for table in sorted(Base.metadata.tables.values(), key=lambda t: t.name):
        lines += _table(table, w)
    return "\n".join(lines).rstrip() + "\n"


def _programme(programme: Programme, w: Words) -> Iterator[str]:
    contact = programme.contact
    yield from (f"### {w.pick(programme.name)} (`{programme.id}`)", "")
    asked = w("register-contact", contact.days, name=w.team(contact))
    yield from (f"{asked} {contact.address or ''}".rstrip(), "")
    yield from (f"| {w('register-periods')} | |", "|---|---|")
    for name in Retention.model_fields:
        days = w("register-days", getattr(programme.retention, name))
        yield f"| {w(f'period-{name}')} | {days} |"
    yield ""


def _table(table: Table, w: Words) -> Iterator[str]:
    why, ground, kept = (table.info[name] for name in ("purpose", "basis", "kept"))
    yield from (f"### {w(f'data-{table.name}')} (`{table.name}`)", "")
    if ground == "none":
        yield f"- {w('register-nobody')}"
    yield f"- **{w('register-why')}** · {w(f'purpose-{why}')}"
    yield f"- **{w('register-ground')}** · {w(f'basis-{ground}')}"
    yield f"- **{w('register-long')}** · {w(f'kept-{kept}', OUTBOX_DAYS)}"
    yield ""
    shown = [(column, named) for column in table.columns if (named := label(w, column))]
    if shown:
        yield f"| {w('register-field')} | {w('register-means')} | {w('register-who')} |"
        yield "|---|---|---|"
        for column, named in shown:
            who = w(f"privacy-{column.info['privacy']}")
            sealed = f" ({w('register-sealed')})" if isinstance(column.type, Sealed) else ""
            yield f"| `{column.name}` | {named}{sealed} | {who} |"
        yield ""
    rest = [f"`{column.name}`" for column in table.columns if label(w, column) is None]
    if rest:
        yield from (f"*{w('register-service')}* · {', '.join(rest)}", "")
