"""Agreements keep the text they were given to, and those to older texts stay."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_WHAT = ["person_id", "programme_id", "purpose"]
_ONE = "uq_consent_person_id_programme_id_purpose"
_STANDING = sa.text("withdrawn_at IS NULL")


def upgrade() -> None:
    with op.batch_alter_table("consent", table_kwargs={"sqlite_autoincrement": True}) as table:
        table.add_column(sa.Column("text_digest", sa.String(64), nullable=False, server_default=""))
        table.drop_constraint(op.f(_ONE), type_="unique")
    op.create_index(
        "ix_consent_standing",
        "consent",
        [*_WHAT, "text_version", "text_digest"],
        unique=True,
        sqlite_where=_STANDING,
        postgresql_where=_STANDING,
    )


def downgrade() -> None:
    op.drop_index("ix_consent_standing", "consent")
    op.execute(
        sa.text(
            "DELETE FROM consent WHERE id NOT IN "
            "(SELECT max(id) FROM consent GROUP BY person_id, programme_id, purpose)"
        )
    )
    with op.batch_alter_table("consent", table_kwargs={"sqlite_autoincrement": True}) as table:
        table.create_unique_constraint(op.f(_ONE), _WHAT)
        table.drop_column("text_digest")
