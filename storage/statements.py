"""Statements on the transaction's connection, past the session: no objects, nothing flushed first.

For what every event does (inbox, outbox, lease, keys), where the session would cost more than the
statement. It sees what the session has flushed, and nothing that still waits there. It knows no
table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult, Executable


class Statements:
    """What a store of plain rows needs of a transaction; the named part of what a session offers.

    Args:
        connection: Of the transaction; it begins with the first statement.

    Attributes:
        info: What is remembered for as long as the transaction lasts, as a session has it.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.info: dict[Any, Any] = {}

    def execute(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> CursorResult[*tuple[Any, ...]]:
        """Run a statement."""
        return self._connection.execute(statement, parameters)

    def get_bind(self) -> Connection:
        """The connection, which knows the dialect."""
        return self._connection
