"""Parents' words, checks of mentors, letters kept, and what was reported."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from storage.sealed import Sealed

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)


def _table(name: str, *parts: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("programme_id", sa.String(length=20), nullable=False),
        *parts,
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
        sqlite_autoincrement=True,
    )


def _points_at(table: str, column: str, other: str, gone: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}_{other}"), ondelete=gone
    )


def upgrade() -> None:
    op.add_column("person", sa.Column("born_on", sa.Date(), nullable=True))
    _table(
        "guardian",
        sa.Column("person_id", _ID, nullable=False),
        sa.Column("joint", sa.Integer(), nullable=False),
        sa.Column("proof", sa.String(length=16), nullable=False),
        sa.Column("reference", Sealed(), nullable=False),
        sa.Column("recorded_by_id", _ID, nullable=True),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.Column("revoked_by_id", _ID, nullable=True),
        sa.Column("revoked_at", _TIME, nullable=True),
        _points_at("guardian", "person_id", "person", "CASCADE"),
    )
    _table(
        "mentor_check",
        sa.Column("person_id", _ID, nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("until", _TIME, nullable=False),
        sa.Column("checked_by_id", _ID, nullable=True),
        sa.Column("recorded_at", _TIME, nullable=False),
        _points_at("mentor_check", "person_id", "person", "CASCADE"),
    )
    _table(
        "letter",
        sa.Column("author_id", _ID, nullable=False),
        sa.Column("pair_id", _ID, nullable=True),
        sa.Column("request_id", _ID, nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("why", sa.String(length=16), nullable=True),
        sa.Column("text", Sealed(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("written_at", _TIME, nullable=False),
        sa.Column("settled_by_id", _ID, nullable=True),
        sa.Column("settled_at", _TIME, nullable=True),
        sa.Column("keep_until", _TIME, nullable=False),
        _points_at("letter", "author_id", "person", "CASCADE"),
        _points_at("letter", "pair_id", "pair", "SET NULL"),
        _points_at("letter", "request_id", "request", "CASCADE"),
    )
    _table(
        "flag",
        sa.Column("person_id", _ID, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("theme", sa.String(length=16), nullable=True),
        sa.Column("about_id", _ID, nullable=True),
        sa.Column("quoted", Sealed(), nullable=False),
        sa.Column("words", Sealed(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("made_at", _TIME, nullable=False),
        sa.Column("handled_by_id", _ID, nullable=True),
        sa.Column("changed_at", _TIME, nullable=False),
        _points_at("flag", "person_id", "person", "CASCADE"),
    )
    for table, *columns in (
        ("guardian", "person_id"),
        ("guardian", "programme_id"),
        ("mentor_check", "person_id"),
        ("letter", "author_id"),
        ("letter", "pair_id"),
        ("letter", "request_id"),
        ("flag", "person_id"),
        ("flag", "programme_id"),
    ):
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)
    op.create_index("ix_mentor_check_until", "mentor_check", ["programme_id", "until"])
    op.create_index("ix_letter_keep", "letter", ["programme_id", "keep_until"])


def downgrade() -> None:
    for table in ("flag", "letter", "mentor_check", "guardian"):
        op.drop_table(table)
    op.drop_column("person", "born_on")
