"""More months for a pair, a mentor's training, and questions months after the end."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _of(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name, ondelete="CASCADE")


def upgrade() -> None:
    op.create_table(
        "extension",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("pair_id", _BIG, nullable=False),
        sa.Column("months", sa.Integer(), nullable=False),
        sa.Column("mentee_yes", sa.Boolean(), nullable=False),
        sa.Column("mentor_yes", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        _of("extension", "pair_id", "pair"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_extension")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_extension_pair_id"), "extension", ["pair_id"])
    op.create_table(
        "training",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("person_id", _BIG, nullable=False),
        sa.Column("programme_id", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("done_on", sa.Date(), nullable=False),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by_id", _BIG, nullable=True),
        _of("training", "person_id", "person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training")),
        sa.UniqueConstraint(
            "person_id", "programme_id", name=op.f("uq_training_person_id_programme_id")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_training_person_id"), "training", ["person_id"])
    op.create_table(
        "followup",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("pair_id", _BIG, nullable=False),
        sa.Column("person_id", _BIG, nullable=False),
        sa.Column("conversation_id", _BIG, nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        _of("followup", "pair_id", "pair"),
        _of("followup", "person_id", "person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_followup")),
        sa.UniqueConstraint("pair_id", "person_id", name=op.f("uq_followup_pair_id_person_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_followup_pair_id"), "followup", ["pair_id"])
    op.create_index(op.f("ix_followup_person_id"), "followup", ["person_id"])


def downgrade() -> None:
    for table in ("followup", "training", "extension"):
        op.drop_table(table)
