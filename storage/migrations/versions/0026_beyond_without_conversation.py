"""In which conversation somebody said that it is beyond them is not kept: nothing reads it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0026"
down_revision: str | None = "0025"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    # for a while 0009 made the table without it
    columns = sa.inspect(op.get_bind()).get_columns("beyond")
    if any(one["name"] == "conversation_id" for one in columns):
        with op.batch_alter_table("beyond", table_kwargs={"sqlite_autoincrement": True}) as batch:
            batch.drop_column("conversation_id")


def downgrade() -> None:
    op.add_column("beyond", sa.Column("conversation_id", _BIG, nullable=True))
