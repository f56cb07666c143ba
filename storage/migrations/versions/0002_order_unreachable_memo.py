"""Order of an author's events, a state for who cannot be reached, what the instance remembers."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_OPEN = sa.text("state='received'")
_TWICE = sa.text("reason='perhaps twice'")
_PARKED = sa.text("state IN ('in_doubt', 'failed', 'unreachable')")
_PARKED_BEFORE = sa.text("state IN ('in_doubt', 'failed')")


def upgrade() -> None:
    op.create_table(
        "memo",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_memo")),
    )
    op.add_column("inbox", sa.Column("author", sa.String(length=80), nullable=True))
    op.create_index(
        "ix_inbox_author",
        "inbox",
        ["author", "id"],
        unique=False,
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    op.create_index(
        "ix_outbox_twice",
        "outbox",
        ["bot_account", "chat_id"],
        unique=False,
        sqlite_where=_TWICE,
        postgresql_where=_TWICE,
    )
    _parked(_PARKED)
    op.execute(
        "UPDATE outbox SET state = 'unreachable' WHERE state = 'failed' AND reason = 'unreachable'"
    )


def downgrade() -> None:
    op.execute("UPDATE outbox SET state = 'failed' WHERE state = 'unreachable'")
    _parked(_PARKED_BEFORE)
    op.drop_index("ix_outbox_twice", "outbox")
    op.drop_index("ix_inbox_author", "inbox")
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.drop_column("author")
    op.drop_table("memo")


def _parked(where: sa.TextClause) -> None:
    """The partial index over what needs staff."""
    op.drop_index("ix_outbox_parked", "outbox")
    op.create_index(
        "ix_outbox_parked",
        "outbox",
        ["id"],
        unique=False,
        sqlite_where=where,
        postgresql_where=where,
    )
