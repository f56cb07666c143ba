"""What every table is made with: the metadata, and columns that say what they mean."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Integer,
    MetaData,
    String,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

BigId = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """The metadata, with every constraint named (Alembic needs the names on SQLite)."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def c(kind: Any, meaning: str, privacy: str = "internal", **more: Any) -> Mapped[Any]:
    """A column with its meaning and its class of privacy."""
    column: Mapped[Any] = mapped_column(kind, doc=meaning, info={"privacy": privacy}, **more)
    return column


def id_() -> Mapped[Any]:
    """The number of a row, never given twice."""
    return c(BigId, "our number for it", primary_key=True, autoincrement=True)


def person_(meaning: str, **more: Any) -> Mapped[Any]:
    """The number of a person; the row goes when they are erased."""
    return c(ForeignKey("person.id", ondelete="CASCADE"), meaning, index=True, **more)


def bytewise(length: int) -> String:
    """Text whose order is that of its bytes, whatever the database's own language."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")
