"""Who is in charge of a request since when, the team's notes on it, and interviews."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)


def _table(name: str, points: dict[str, str], *parts: sa.schema.SchemaItem) -> None:
    """A table with numbers that point at others, each looked up by them."""
    op.create_table(
        name,
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        *(sa.Column(column, _ID, nullable=False) for column in points),
        *parts,
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{other}.id"], name=op.f(f"fk_{name}_{column}_{other}"),
                ondelete="CASCADE",
            )
            for column, other in points.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
        sqlite_autoincrement=True,
    )  # fmt: skip
    for column in points:
        op.create_index(op.f(f"ix_{name}_{column}"), name, [column])


def upgrade() -> None:
    _table(
        "request_note",
        {"request_id": "request", "person_id": "person"},
        sa.Column("by_id", _ID, nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=True),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.Column("said_at", _TIME, nullable=False),
    )
    _table(
        "interview",
        {"request_id": "request", "interviewer_id": "person"},
        sa.Column("asked_by_id", _ID, nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("asked_at", _TIME, nullable=False),
        sa.Column("settled_at", _TIME, nullable=True),
        sa.UniqueConstraint(
            "request_id", "interviewer_id", name=op.f("uq_interview_request_id_interviewer_id")
        ),
    )
    op.add_column("request", sa.Column("owned_at", _TIME, nullable=True))
    op.add_column("person", sa.Column("words_for", sa.String(length=40), nullable=True))


def downgrade() -> None:
    op.drop_column("person", "words_for")
    op.drop_column("request", "owned_at")
    op.drop_table("interview")
    op.drop_table("request_note")
