"""Corrections asked for, and people who asked not to be written to."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "rectification",
        sa.Column("id", number, autoincrement=True, nullable=False),
        sa.Column("person_id", number, nullable=False),
        sa.Column("programme_id", sa.String(length=20), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["person.id"],
            name=op.f("fk_rectification_person_id_person"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rectification")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_rectification_person_id", "rectification", ["person_id"])
    op.create_index("ix_rectification_programme_id", "rectification", ["programme_id"])
    op.add_column("person", sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("person", "paused_at")
    op.drop_table("rectification")
