"""How Alembic reaches the database: on the connection that `storage.migrate` hands over."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from storage.sealed import Sealed
from storage.tables import Base
from storage.utc import Utc

# A migration must keep meaning what it meant: it names the database's types, not our classes.
PLAIN = {Utc: "sa.DateTime(timezone=True)", Sealed: "sa.LargeBinary()"}


def render(kind: str, thing: Any, _autogen: AutogenContext) -> str | Literal[False]:
    """The Python of a column's type in a migration."""
    return PLAIN.get(type(thing), False) if kind == "type" else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite cannot alter a table: it is copied
    compare_type=True,
    render_item=render,
)
with context.begin_transaction():
    context.run_migrations()
