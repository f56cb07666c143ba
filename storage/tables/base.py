"""What every table is made with: the metadata, and columns that say what they mean.

Each table says why it is kept, on what ground and for how long; the register of what is kept about
people (`docs/registre.md`) is printed from that, and says so of every column. What these words are
called for people is for the catalogues.

Source: GDPR 5, 6, 13, 30.
"""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Integer,
    MetaData,
    String,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from typing_extensions import override

Purpose = Literal[
    "identify", "introduce", "follow", "report", "organise", "protect", "speak", "account", "run"
]
"""Why a table is kept: to know whom we talk to, to put people in touch, to follow pairs, to know
how people are and what they look for, to plan what people do together, to protect minors, to hear
and say without loss, to account for what was done and agreed, to run the house."""
Basis = Literal["consent", "interest", "duty", "none"]
"""On what ground (GDPR 6): the person's consent, a legitimate interest, a legal duty; `none` when
it is not about people."""
Kept = Literal[
    "person",
    "dialogue",
    "drafts",
    "inbox",
    "requests",
    "reports",
    "letters",
    "safeguarding",
    "audit",
    "sent",
    "house",
]
"""For how long: `person`, as long as they are here; `dialogue`, as a draft, then as what it led to;
the periods of a programme's file (`[programme.retention]`); `sent`, until said and a while longer;
`house`, as long as the instance needs it."""

BigId = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """The metadata, with every constraint named (Alembic needs the names on SQLite).

    A table says with its class why it is kept, on what ground and for how long:
    `class Wish(Base, purpose="report", basis="consent", kept="reports")`.
    """

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )

    @override
    def __init_subclass__(cls, *, purpose: Purpose, basis: Basis, kept: Kept, **more: Any) -> None:
        super().__init_subclass__(**more)
        table: Any = cls.__table__
        table.info.update(purpose=purpose, basis=basis, kept=kept)


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
