"""Partner companies, their links, whom they were shown, and who was asked about it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _id() -> sa.Column[int]:
    return sa.Column("id", _ID, autoincrement=True, nullable=False)


def _when(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _of(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{target}")
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=name, ondelete="CASCADE")


def upgrade() -> None:
    op.create_table(
        "partner",
        _id(),
        sa.Column("programme_id", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        _when("created_at"),
        sa.Column("created_by", _ID, nullable=True),
        _when("closed_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "partner_link",
        _id(),
        sa.Column("partner_id", _ID, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        _when("created_at"),
        sa.Column("created_by", _ID, nullable=True),
        _when("expires_at"),
        _when("revoked_at", nullable=True),
        _of("partner_link", "partner_id", "partner"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_link")),
        sa.UniqueConstraint("digest", name=op.f("uq_partner_link_digest")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "partner_view",
        _id(),
        sa.Column("partner_id", _ID, nullable=False),
        sa.Column("link_id", _ID, nullable=False),
        sa.Column("person_id", _ID, nullable=False),
        _when("at"),
        sa.Column("fields", sa.Text(), nullable=False),
        _of("partner_view", "partner_id", "partner"),
        _of("partner_view", "link_id", "partner_link"),
        _of("partner_view", "person_id", "person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_view")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "partner_question",
        _id(),
        sa.Column("person_id", _ID, nullable=False),
        sa.Column("programme_id", sa.String(length=20), nullable=False),
        sa.Column("text_digest", sa.String(length=64), nullable=False),
        _when("asked_at"),
        _of("partner_question", "person_id", "person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_question")),
        sa.UniqueConstraint(
            "person_id",
            "programme_id",
            "text_digest",
            name=op.f("uq_partner_question_person_id_programme_id_text_digest"),
        ),
        sqlite_autoincrement=True,
    )
    for table, column in (
        ("partner", "programme_id"),
        ("partner_link", "partner_id"),
        ("partner_view", "partner_id"),
        ("partner_view", "link_id"),
        ("partner_view", "person_id"),
        ("partner_view", "at"),
        ("partner_question", "person_id"),
    ):
        op.create_index(f"ix_{table}_{column}", table, [column])


def downgrade() -> None:
    for table in ("partner_question", "partner_view", "partner_link", "partner"):
        op.drop_table(table)
