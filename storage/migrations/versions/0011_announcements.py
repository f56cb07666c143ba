"""Announcements to segments, and who wants none."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "news",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("person_id", _ID, nullable=False),
        sa.Column("programme_id", sa.String(length=20), nullable=False),
        sa.Column("muted_at", _TIME, nullable=True),
        sa.Column("next_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_news_person_id_person"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_news")),
        sa.UniqueConstraint(
            "person_id", "programme_id", name=op.f("uq_news_person_id_programme_id")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_news_person_id"), "news", ["person_id"])
    op.create_table(
        "announcement",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("programme_id", sa.String(length=20), nullable=False),
        sa.Column("author_id", _ID, nullable=False),
        sa.Column("segment", sa.JSON(), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        *(
            sa.Column(name, _TIME, nullable=name != "asked_at")
            for name in ("asked_at", "begun_at", "done_at")
        ),
        *(
            sa.Column(name, sa.Integer(), nullable=name == "reached")
            for name in ("told", "muted", "unreachable", "reached")
        ),
        sa.ForeignKeyConstraint(
            ["author_id"],
            ["person.id"],
            name=op.f("fk_announcement_author_id_person"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_announcement")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_announcement_author_id"), "announcement", ["author_id"])
    op.create_index(op.f("ix_announcement_programme_id"), "announcement", ["programme_id"])


def downgrade() -> None:
    op.drop_table("announcement")
    op.drop_table("news")
