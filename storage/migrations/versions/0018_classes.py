"""Whether meetings took place, as each side says; classes of a school."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _of(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name, ondelete="CASCADE")


def upgrade() -> None:
    op.create_table(
        "meeting_word",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("meeting_id", _BIG, nullable=False),
        sa.Column("person_id", _BIG, nullable=False),
        sa.Column("said", sa.String(length=16), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        _of("meeting_word", "meeting_id", "meeting"),
        _of("meeting_word", "person_id", "person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meeting_word")),
        sa.UniqueConstraint(
            "meeting_id", "person_id", name=op.f("uq_meeting_word_meeting_id_person_id")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_meeting_word_meeting_id"), "meeting_word", ["meeting_id"])
    op.create_index(op.f("ix_meeting_word_person_id"), "meeting_word", ["person_id"])
    op.create_table(
        "class_place",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("programme_id", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("person_id", _BIG, nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        _of("class_place", "person_id", "person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_class_place")),
        sa.UniqueConstraint(
            "programme_id",
            "key",
            "person_id",
            name=op.f("uq_class_place_programme_id_key_person_id"),
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_class_place_person_id"), "class_place", ["person_id"])


def downgrade() -> None:
    op.drop_table("class_place")
    op.drop_table("meeting_word")
