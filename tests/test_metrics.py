"""What is counted: every figure that the documents promise, for each service alone, of nobody."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from handlers.http import leases
from handlers.local.stage import Stage
from handlers.metrics import Metrics, word
from scheduling.meter import Silent
from scheduling.sender import Doubtful, NotSent, Sent
from tests.test_http import ask, rename

Page = dict[str, list[tuple[Mapping[str, str], float]]]
CANARY = "canari-4711"
ACCOUNT = 7316049825  # no figure of the page is like it by chance
LABELS = {
    "platform": r"slack|telegram",
    "op": r"post|edit|replace|delete|file|ephemeral|home",
    "outcome": r"sent|doubtful|unreachable|failed|not_sent|too_soon",
    "kind": r"[a-z-]{1,32}",
    "state": r"queued|sending|in_doubt|failed|unreachable",
    "account": r"(slack:T\w+|telegram:\d+)",
    "le": r"[\d.+Inf]+",
    "version": r"[\d.]+",
    "schema": r"\d{4}",
    "python": r"[\d.]+\S*",
}


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage("sqlite://", ["emergence"], staff=["slack:T0LOCAL/UCLAIRE"])
    stage.slack.add_user("UCLAIRE", CANARY)
    stage.telegram.add_user(ACCOUNT, CANARY)
    await stage.start()
    yield stage
    await stage.stop()


def read(page: str) -> Page:
    """The samples by name."""
    found: Page = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


async def metrics(stage: Stage) -> Page:
    status, page = await ask(stage, path="/metrics")
    assert status == 200
    return read(page)


def value(page: Page, name: str, **labels: str) -> float:
    """The sum of the samples with these labels."""
    return sum(n for has, n in page[name] if labels.items() <= has.items())


async def test_a_conversation_is_counted(stage: Stage) -> None:
    await stage.telegram.press_start(ACCOUNT)
    await stage.telegram.send(ACCOUNT, f"Bonjour, {CANARY}")
    await stage.settled()
    page = await metrics(stage)
    assert value(page, "cordee_updates_received_total", platform="telegram") == 2
    assert value(page, "cordee_updates_received_total", platform="slack") == 0
    assert value(page, "cordee_updates_worked_total", platform="telegram") == 2
    assert value(page, "cordee_updates_failed_total") == 0
    assert value(page, "cordee_turn_seconds_count", platform="telegram") == 2
    assert 0 < value(page, "cordee_turn_seconds_sum", platform="telegram") < 20
    said = len([m for m in stage.telegram.messages(ACCOUNT) if m.by_bot])
    sent = value(page, "cordee_messages_total", platform="telegram", op="post", outcome="sent")
    assert sent == said > 0
    assert value(page, "cordee_inbox_waiting") == value(page, "cordee_inbox_lag_seconds") == 0
    assert value(page, "cordee_outbox_lag_seconds") == 0
    assert value(page, "cordee_build_info") == 1
    assert value(page, "cordee_database_up") == 1
    assert value(page, "cordee_platform_up") == 2


async def test_what_a_platform_answers_is_counted(stage: Stage) -> None:
    stage.telegram.fail_next("sendMessage", "429:1")
    stage.telegram.fail_next("sendMessage", "500_after")
    await stage.telegram.press_start(ACCOUNT)
    for _ in range(6):
        await stage.settled()
        stage.clock.advance(timedelta(seconds=90))
    page = await metrics(stage)
    assert value(page, "cordee_messages_total", op="post", outcome="too_soon") == 1
    assert value(page, "cordee_messages_total", op="post", outcome="doubtful") == 1
    assert value(page, "cordee_lookups_total", platform="telegram", op="post") == 1


async def test_a_turn_that_fails_is_counted(stage: Stage) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    service = stage.service
    working = service.inbox._handle
    service.inbox._handle = broken  # type: ignore[assignment]
    await stage.telegram.press_start(ACCOUNT)
    for _ in range(500):
        if value(await metrics(stage), "cordee_updates_failed_total"):
            break
        await asyncio.sleep(0.01)
    page = await metrics(stage)
    assert value(page, "cordee_updates_failed_total", platform="telegram") == 1
    stage.clock.advance(timedelta(seconds=40))
    page = await metrics(stage)
    assert value(page, "cordee_inbox_waiting") == 1
    assert value(page, "cordee_inbox_lag_seconds") == 40
    service.inbox._handle = working
    await service.inbox.sweep(timedelta(0))
    await stage.settled()
    assert value(await metrics(stage), "cordee_updates_worked_total", platform="telegram") == 1


async def test_due_timers_are_shown_and_counted(stage: Stage) -> None:
    due = await stage.service.timers.next_due()
    assert due is not None
    stage.clock.set(due + timedelta(seconds=5))
    page = await metrics(stage)
    assert value(page, "cordee_timers_due") == 1
    assert value(page, "cordee_timer_lag_seconds") == 5
    await stage.settled()
    page = await metrics(stage)
    assert value(page, "cordee_timers_due") == 0
    assert value(page, "cordee_timers_fired_total", kind="report-open") == 1


async def test_the_lease_is_shown_by_who_holds_it(stage: Stage) -> None:
    await stage.settled()
    accounts = leases(stage.service)
    assert accounts == {
        "slack:T0LOCAL": True,
        f"telegram:{stage.telegram.token.split(':')[0]}": True,
    }
    page = await metrics(stage)
    assert {has["account"]: n for has, n in page["cordee_lease_held"]} == dict.fromkeys(accounts, 1)
    assert stage.service.delivery is not None
    await stage.service.delivery.stop()
    assert set(leases(stage.service).values()) == {False}


async def test_two_services_in_one_process_count_for_themselves(stage: Stage) -> None:
    other = Stage("sqlite://", ["emergence"])
    await other.start()
    try:
        await stage.telegram.press_start(ACCOUNT)
        await stage.settled()
        assert value(await metrics(stage), "cordee_updates_received_total") == 1
        assert value(await metrics(other), "cordee_updates_received_total") == 0
    finally:
        await other.stop()


async def test_no_label_names_anybody_or_anything_said(stage: Stage) -> None:
    await stage.telegram.press_start(ACCOUNT)
    await stage.telegram.send(ACCOUNT, CANARY)
    await stage.slack.dm("UCLAIRE", CANARY)
    await stage.settled()
    _, page = await ask(stage, path="/metrics")
    _, health = await ask(stage)
    for name in (CANARY, str(ACCOUNT), "UCLAIRE"):
        assert name not in page
        assert name not in health
    for samples in (s for name, s in read(page).items() if name.startswith("cordee_")):
        for labels, _ in samples:
            for label, found in labels.items():
                assert re.fullmatch(LABELS[label], found), (label, found)


async def test_without_its_database_it_still_counts(stage: Stage) -> None:
    await stage.read(rename, "outbox", "gone")
    page = await metrics(stage)
    await stage.read(rename, "gone", "outbox")
    assert value(page, "cordee_database_up") == 0
    assert "cordee_inbox_lag_seconds" not in page
    assert "cordee_updates_received_total" in page


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (Sent("1/2"), "sent"),
        (Doubtful("timeout"), "doubtful"),
        (NotSent("blocked", unreachable=True), "unreachable"),
        (NotSent("blocked", unreachable=True, permanent=True), "unreachable"),
        (NotSent("invalid", permanent=True), "failed"),
        (NotSent("429", retry_after=0.0), "too_soon"),
        (NotSent("no connection"), "not_sent"),
    ],
)
def test_every_outcome_has_its_word(outcome: Sent | Doubtful | NotSent, said: str) -> None:
    assert word(outcome) == said


def test_nobody_below_the_rim_knows_the_format() -> None:
    root = Path(__file__).parent.parent
    for package in ("bot", "scheduling", "storage"):
        for file in (root / package).rglob("*.py"):
            assert "prometheus" not in file.read_text("utf-8"), file
    calls = {name for name in vars(Silent) if not name.startswith("_")}
    assert calls <= set(vars(Metrics))
