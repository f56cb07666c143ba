"""Whether words handed to the team were answered; of those there are, nobody knows: they count."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0023"
down_revision: str | None = "0022"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("stray", sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE stray SET settled_at = passed_at")


def downgrade() -> None:
    with op.batch_alter_table("stray") as batch:
        batch.drop_column("settled_at")
