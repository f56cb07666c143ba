"""Who was erased, as numbers that mean nothing any more: what keeps a backup from undoing it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped

from storage.tables.base import Base, BigId, c, id_
from storage.utc import Utc


class Erasure(Base, purpose="account", basis="duty", kept="house"):
    """Somebody was erased: repeated in every backup that is older, and after one is put back."""

    __tablename__ = "erasure"
    id: Mapped[int] = id_()
    gone_id: Mapped[int] = c(BigId, "number the person had; it is never given again", index=True)
    at: Mapped[datetime] = c(Utc, "erased")
    cleared_at: Mapped[datetime | None] = c(
        Utc, "nothing is left in the files and backups but what is still being taken back"
    )
    swept_at: Mapped[datetime | None] = c(Utc, "nothing is left at all")
