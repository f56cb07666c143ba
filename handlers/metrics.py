"""What the bot counts, in the text format of Prometheus.

Each service has a registry of its own: two in one process do not count into each other. A label is
a platform, an operation, an outcome, a state, a kind of timer or a sending identity of ours; never
a person, a chat or a word that was said.

Source: quality, S4.
"""

from __future__ import annotations

import platform as machine
from importlib.metadata import version
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from scheduling.sender import Doubtful, NotSent, Outcome, Sent
from storage.figures import Figures
from storage.migrate import newest

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
PLATFORMS: Final = ("slack", "telegram")
TURN_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """Counts for one service; a `scheduling.meter.Meter`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._received = self._counter("updates_received", "Updates kept", "platform")
        self._worked = self._counter("updates_worked", "Turns committed", "platform")
        self._failed = self._counter("updates_failed", "Turns that raised", "platform")
        self._turns = Histogram(
            "cordee_turn_seconds",
            "Length of a turn, from its transaction's begin to its commit",
            ["platform"],
            buckets=TURN_SECONDS,
            registry=self.registry,
        )
        self._messages = self._counter(
            "messages", "What became of calls to the platforms", "platform", "op", "outcome"
        )
        self._looked_up = self._counter(
            "lookups", "Last words of look-ups of doubtful calls", "platform", "op", "outcome"
        )
        self._fired = self._counter("timers_fired", "Timers fired", "kind")
        for platform in PLATFORMS:  # at zero from the start, so that the first one is seen
            for counter in (self._received, self._worked, self._failed, self._turns):
                counter.labels(platform)
        self._build = {
            "version": version("cordee"),
            "schema": newest() or "",
            "python": machine.python_version(),
        }

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"cordee_{name}", meaning, labels, registry=self.registry)

    # --- the meter ----------------------------------------------------------------------------

    def received(self, platform: str) -> None:
        """An update was kept."""
        self._received.labels(platform).inc()

    def worked(self, platform: str, seconds: float) -> None:
        """A turn was committed, after so many seconds."""
        self._worked.labels(platform).inc()
        self._turns.labels(platform).observe(seconds)

    def failed(self, platform: str) -> None:
        """A turn raised."""
        self._failed.labels(platform).inc()

    def answered(self, bot_account: str, op: str, outcome: Outcome) -> None:
        """A platform answered a call of ours, or did not."""
        self._messages.labels(bot_account.partition(":")[0], op, word(outcome)).inc()

    def looked_up(self, bot_account: str, op: str, outcome: Outcome) -> None:
        """A look-up had its last word."""
        self._looked_up.labels(bot_account.partition(":")[0], op, word(outcome)).inc()

    def fired(self, kind: str) -> None:
        """A timer fired."""
        self._fired.labels(kind).inc()

    # --- the page -----------------------------------------------------------------------------

    def page(
        self, figures: Figures | None, leases: dict[str, bool], platforms: dict[str, bool]
    ) -> bytes:
        """What was counted, and what stands at this instant.

        Args:
            figures: What waits; None when the database does not answer.
            leases: By sending identity, whether this process holds its lease.
            platforms: By platform, whether it reaches us.
        """
        now = CollectorRegistry()  # made anew each time: a figure that is not known is not shown

        def gauge(name: str, meaning: str, *labels: str) -> Gauge:
            return Gauge(f"cordee_{name}", meaning, labels, registry=now)

        gauge("build_info", "Version of the program, its schema, Python", *self._build).labels(
            **self._build
        ).set(1)
        gauge("database_up", "Whether the database answers").set(figures is not None)
        up = gauge("platform_up", "Whether the platform reaches us", "platform")
        for name, well in platforms.items():
            up.labels(name).set(well)
        lease = gauge("lease_held", "Whether this process sends with that token", "account")
        for account, held in leases.items():
            lease.labels(account).set(held)
        if figures is not None:
            gauge("inbox_waiting", "Updates kept and not worked yet").set(figures.heard.rows)
            gauge("inbox_lag_seconds", "Age of the oldest of them").set(
                figures.heard.since.total_seconds()
            )
            rows = gauge("outbox_rows", "Messages not settled, by state", "state")
            rows.labels("queued").set(figures.outbox.rows)
            rows.labels("sending").set(sum(figures.sending.values()))
            for state, number in figures.parked.items():
                rows.labels(state).set(number)
            lag = gauge("outbox_lag_seconds", "How long the oldest due one has waited", "account")
            for account in {*leases, *figures.queued}:
                queue = figures.queued.get(account)
                lag.labels(account).set(queue.since.total_seconds() if queue else 0)
            gauge("timers_due", "Timers due and not fired yet").set(figures.timers.rows)
            gauge("timer_lag_seconds", "Age of the oldest of them").set(
                figures.timers.since.total_seconds()
            )
        return generate_latest(self.registry) + generate_latest(now)


def word(outcome: Outcome) -> str:
    """An outcome as a label."""
    match outcome:
        case Sent():
            return "sent"
        case Doubtful():
            return "doubtful"
        case NotSent(unreachable=True):
            return "unreachable"
        case NotSent(permanent=True):
            return "failed"
        case NotSent(retry_after=None):
            return "not_sent"
        case NotSent():
            return "too_soon"
