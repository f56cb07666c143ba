"""Turning to others beside a pair, and how the pairs so far ended."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "referral",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("programme_id", sa.String(length=20), nullable=False),
        sa.Column("person_id", _BIG, nullable=False),
        sa.Column("pair_id", _BIG, nullable=True),
        sa.Column("request_id", _BIG, nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("owner_id", _BIG, nullable=True),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shown_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["person.id"],
            name=op.f("fk_referral_person_id_person"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["pair_id"], ["pair.id"], name=op.f("fk_referral_pair_id_pair"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["request.id"],
            name=op.f("fk_referral_request_id_request"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referral")),
        sqlite_autoincrement=True,
    )
    for column in ("programme_id", "person_id", "pair_id", "request_id"):
        op.create_index(op.f(f"ix_referral_{column}"), "referral", [column])
    op.execute(
        "UPDATE pair SET outcome = CASE WHEN ended_at < ends_at THEN 'ended' ELSE 'term' END"
        " WHERE outcome IS NULL AND ended_at IS NOT NULL AND state IN ('closing', 'closed')"
    )


def downgrade() -> None:
    op.drop_table("referral")
