"""Words between the team and those it follows, and to whom somebody is handed."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from storage.sealed import Sealed

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("correction", sa.Column("to_id", _ID, nullable=True))
    op.create_table(
        "team_letter",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("person_id", _ID, nullable=False),
        sa.Column("programme_id", sa.String(length=20), nullable=False),
        sa.Column("by_id", _ID, nullable=False),
        sa.Column("answer", sa.Boolean(), nullable=False),
        sa.Column("text", Sealed(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["person.id"],
            name=op.f("fk_team_letter_person_id_person"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_team_letter")),
        sqlite_autoincrement=True,
    )
    for column in ("person_id", "programme_id"):
        op.create_index(f"ix_team_letter_{column}", "team_letter", [column])


def downgrade() -> None:
    op.drop_table("team_letter")
    with op.batch_alter_table("correction") as batch:
        batch.drop_column("to_id")
