"""Campaigns: who takes part, who was put together with whom, who never is again."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)


def _table(name: str, *parts: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        *parts,
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
        sqlite_autoincrement=True,
    )


def _points_at(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}_{other}"), ondelete="CASCADE"
    )


def _once(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=op.f(f"uq_{table}_{'_'.join(columns)}"))


def upgrade() -> None:
    _table(
        "campaign",
        sa.Column("programme_id", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("promos", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=True),
        *(
            sa.Column(name, sa.Integer(), nullable=True)
            for name in ("objective", "bound", "floor", "volunteers", "pairs")
        ),
        sa.Column("opened_at", _TIME, nullable=False),
        *(
            sa.Column(name, _TIME, nullable=True)
            for name in ("drafted_at", "published_at", "closed_at")
        ),
        _once("campaign", "programme_id", "name"),
    )
    _table(
        "campaign_entry",
        sa.Column("campaign_id", _ID, nullable=False),
        sa.Column("person_id", _ID, nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("request_id", _ID, nullable=True),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.Column("why", sa.String(length=16), nullable=True),
        sa.Column("gain_pairs", sa.Integer(), nullable=False),
        sa.Column("gain_points", sa.Integer(), nullable=False),
        sa.Column("entered_at", _TIME, nullable=False),
        _points_at("campaign_entry", "campaign_id", "campaign"),
        _points_at("campaign_entry", "person_id", "person"),
        _once("campaign_entry", "campaign_id", "person_id", "role"),
    )
    _table(
        "campaign_pair",
        sa.Column("campaign_id", _ID, nullable=False),
        sa.Column("mentee_id", _ID, nullable=False),
        sa.Column("mentor_id", _ID, nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("pinned", sa.Boolean(), nullable=False),
        sa.Column("drafted", sa.Boolean(), nullable=False),
        _points_at("campaign_pair", "campaign_id", "campaign"),
        _points_at("campaign_pair", "mentee_id", "person"),
        _points_at("campaign_pair", "mentor_id", "person"),
        _once("campaign_pair", "campaign_id", "mentee_id", "mentor_id"),
    )
    _table(
        "forbidden",
        sa.Column("programme_id", sa.String(length=20), nullable=False),
        sa.Column("mentee_id", _ID, nullable=False),
        sa.Column("mentor_id", _ID, nullable=False),
        sa.Column("why", sa.String(length=16), nullable=False),
        sa.Column("since", _TIME, nullable=False),
        _points_at("forbidden", "mentee_id", "person"),
        _points_at("forbidden", "mentor_id", "person"),
        _once("forbidden", "programme_id", "mentee_id", "mentor_id"),
    )
    for table, columns in _LOOKED_UP.items():
        for column in columns:
            op.create_index(op.f(f"ix_{table}_{column}"), table, [column])


_LOOKED_UP = {
    "campaign_entry": ("person_id",),
    "campaign_pair": ("mentee_id", "mentor_id"),
    "forbidden": ("mentee_id", "mentor_id"),
}


def downgrade() -> None:
    for table in ("forbidden", "campaign_pair", "campaign_entry", "campaign"):
        op.drop_table(table)
