"""Who asked the team for help, and what the team decided about whom it looks at first."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)


def _table(name: str, *parts: sa.schema.SchemaItem) -> None:
    """A table about a person, found by person and by programme."""
    op.create_table(
        name,
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("person_id", _ID, nullable=False),
        sa.Column("programme_id", sa.String(length=20), nullable=False),
        *parts,
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f(f"fk_{name}_person_id_person"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
        sqlite_autoincrement=True,
    )  # fmt: skip
    for column in ("person_id", "programme_id"):
        op.create_index(op.f(f"ix_{name}_{column}"), name, [column])


def upgrade() -> None:
    _table(
        "help_call",
        sa.Column("words", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("asked_at", _TIME, nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("taken_by_id", _ID, nullable=True),
        sa.Column("taken_at", _TIME, nullable=True),
        sa.Column("closed_at", _TIME, nullable=True),
    )
    live = sa.text("state<>'closed'")
    op.create_index(
        "uq_help_call_live", "help_call", ["person_id", "programme_id"],
        unique=True, sqlite_where=live, postgresql_where=live,
    )  # fmt: skip
    _table(
        "correction",
        sa.Column("about", sa.String(length=8), nullable=False),
        sa.Column("value", sa.String(length=8), nullable=False),
        sa.Column("why", sa.LargeBinary(), nullable=False),
        sa.Column("signs", sa.LargeBinary(), nullable=True),
        sa.Column("by_id", _ID, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("until", _TIME, nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("ended_by_id", _ID, nullable=True),
    )
    now = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_correction_now", "correction", ["person_id", "programme_id", "about"],
        unique=True, sqlite_where=now, postgresql_where=now,
    )  # fmt: skip


def downgrade() -> None:
    for table in ("correction", "help_call"):
        op.drop_table(table)
