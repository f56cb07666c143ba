"""The words that experts are found by."""

import unicodedata
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_CHUNK = 500
_COLUMNS = ("name", "promo", "job", "employer", "sector", "city", "country", "topics")
_SMALL = frozenset(
    [
        "a",
        "au",
        "aux",
        "d",
        "de",
        "des",
        "du",
        "en",
        "et",
        "l",
        "la",
        "le",
        "les",
        "of",
        "the",
        "and",
        "in",
        "un",
        "une",
    ]
)


def _bytewise(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    words = op.create_table(
        "directory_word",
        sa.Column("word", _bytewise(32), nullable=False),
        sa.Column("name", _bytewise(40), nullable=False),
        sa.Column(
            "person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("fields", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["person.id"],
            name=op.f("fk_directory_word_person_id_person"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("word", "name", "person_id", name=op.f("pk_directory_word")),
        sqlite_with_rowid=False,
    )
    _fill(words)
    op.create_index("ix_directory_word_person", "directory_word", ["person_id", "word", "fields"])


def downgrade() -> None:
    op.drop_table("directory_word")


def _fill(words: sa.Table) -> None:
    """What the directory writes from now on, as it is at this revision."""
    connection = op.get_bind()
    person = sa.table("person", *map(sa.column, ("id", "name", "promo")))
    expert = sa.table("expert", *map(sa.column, ("person_id", *_COLUMNS[2:])))
    last = 0
    while True:
        rows = connection.execute(
            sa.select(person.c.id, *((person if n < 2 else expert).c[name]
                                     for n, name in enumerate(_COLUMNS)))
            .join_from(expert, person, person.c.id == expert.c.person_id)
            .where(person.c.id > last)
            .order_by(person.c.id)
            .limit(_CHUNK)
        ).all()  # fmt: skip
        if not rows:
            return
        last = rows[-1][0]
        connection.execute(words.insert(), [made for row in rows for made in _words(*row)])


def _words(person_id: int, *texts: Any) -> list[dict[str, Any]]:
    found = {"": 255}
    for bit, text in enumerate(texts):
        for word in _fold(text):
            if bit == 0 or (len(word) > 1 and word not in _SMALL):
                found[word[:32]] = found.get(word[:32], 0) | 1 << bit
    name = " ".join(_fold(texts[0]))[:40] or "~"
    return [
        {"word": word, "name": name, "person_id": person_id, "fields": fields}
        for word, fields in found.items()
    ]


def _fold(text: Any) -> list[str]:
    opened = str(text or "").casefold().replace("œ", "oe").replace("æ", "ae")
    plain = unicodedata.normalize("NFKD", opened)
    return "".join(c if c.isalnum() else " " for c in plain if not unicodedata.combining(c)).split()
