"""How a pair ended, and what a mentor says is beyond their role."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("pair", sa.Column("outcome", sa.String(length=16), nullable=True))
    op.create_table(
        "beyond",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("pair_id", _BIG, nullable=False),
        sa.Column("author_id", _BIG, nullable=False),
        sa.Column("conversation_id", _BIG, nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by_id", _BIG, nullable=True),
        sa.ForeignKeyConstraint(
            ["author_id"],
            ["person.id"],
            name=op.f("fk_beyond_author_id_person"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["pair_id"], ["pair.id"], name=op.f("fk_beyond_pair_id_pair"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_beyond")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_beyond_pair_id"), "beyond", ["pair_id"])
    op.create_index(op.f("ix_beyond_author_id"), "beyond", ["author_id"])


def downgrade() -> None:
    op.drop_table("beyond")
    with op.batch_alter_table("pair", schema=None) as batch_op:
        batch_op.drop_column("outcome")
