"""The times of the delivery protocol, and the one rule that binds them.

Nothing is done here; who leases, sends and recovers by these times is `scheduling.lane`.

Source: delivery protocol, "Outbound, transaction by transaction".
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Protocol:
    """The times of the protocol, in seconds.

    Attributes:
        ttl: Length of a lease.
        http_timeout: How long a platform has to answer; less than half of `ttl`.
        quiet: Silence after taking over from somebody, while their rate window drains.
        margin: How long after its deadline a send may still arrive.
        sweep: How often lost claims are looked for.
        poll: How often to look for rows of other processes; None: there are none.
    """

    ttl: float = 12.0
    http_timeout: float = 5.0
    quiet: float = 1.0
    margin: float = 1.0
    sweep: float = 60.0
    poll: float | None = None

    def __post_init__(self) -> None:
        """Refuse times that would let two senders overlap.

        Raises:
            ValueError: The platform's time is not less than half of the lease.
        """
        if self.http_timeout >= self.ttl / 2:
            raise ValueError("the time-out must be less than half of the lease")
