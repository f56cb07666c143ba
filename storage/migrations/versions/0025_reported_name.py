"""The name of whoever a report is about, should they erase themselves before it is dealt with."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from storage.sealed import Sealed

revision: str = "0025"
down_revision: str | None = "0024"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("flag", sa.Column("about_name", Sealed(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("flag") as batch:
        batch.drop_column("about_name")
