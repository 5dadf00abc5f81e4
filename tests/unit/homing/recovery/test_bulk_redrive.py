"""Bulk redrives: each failed delivery is redriven once, counted once and followed (moto)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from homing.items import from_dynamodb, to_dynamodb
from homing.ledger.delivery_filter import DeliveryFilter
from homing.ledger.delivery_index import DeliveryIndex
from homing.ledger.table import Ledger
from homing.ledger.updates import cause
from homing.recovery.bulk_redrive import REDRIVABLE, BulkRedrive, Phase, too_long
from homing.recovery.bulk_redrives import BulkRedrives
from homing.recovery.bulk_runner import BulkRunner
from homing.recovery.interventions import Interventions
from homing.recovery.redrives_table import RedrivesTable
from homing.retry.classification import Category, Status
from homing.timestamps import to_text

if TYPE_CHECKING:
    from homing.delivery import Delivery, Reference

NOW = datetime(2025, 12, 29, 12, tzinfo=UTC)
FAILED_AT = NOW - timedelta(hours=1)
ID = "nightly"
CRM = DeliveryFilter(statuses=(Status.FAILED,), sender_id="default", endpoint_id="crm")


class BrokenOffError(Exception):
    """Raised in place of a crash of the function."""


class Workflow:
    """A state machine that records which executions were started."""

    def __init__(self) -> None:
        self.started: dict[str, str] = {}

    def start(self, name: str, document: str) -> bool:
        is_new = name not in self.started
        self.started.setdefault(name, document)
        return is_new

    def describe(self, name: str) -> None:
        return None


@dataclass
class HeldMessage:
    body: str


@dataclass
class DeadLetters:
    """A dead-letter queue that hides what was received."""

    visible: list[HeldMessage] = field(default_factory=list)
    hidden: list[HeldMessage] = field(default_factory=list)

    def receive(self, _: int) -> list[HeldMessage]:
        received, self.visible = self.visible[:10], self.visible[10:]
        self.hidden += received
        return received

    def delete(self, message: HeldMessage) -> None:
        self.hidden.remove(message)


class Bench:
    """A ledger with failed deliveries, and a runner whose clock advances when it sleeps."""

    def __init__(self, table: Any, delivery: Delivery) -> None:
        self.table = table
        self.delivery = delivery
        self.now = NOW
        self.slept: list[float] = []
        self.workflow: Any = Workflow()
        self.told: list[str] = []
        watchdog: Any = SimpleNamespace(run=self.told.append)
        self.dead_letters: Any = DeadLetters()
        table.client.create_table(
            TableName="redrives",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")
            ],
        )
        self.redrives = RedrivesTable("redrives", table.client)
        self.ledger = Ledger(table.name, table.client)
        self.bulk = BulkRedrives(self.redrives, DeliveryIndex(table.name, table.client), watchdog)

    def runner(self, **changes: Any) -> BulkRunner:
        made = BulkRunner(
            redrives=self.redrives,
            index=self.bulk.index,
            ledger=self.ledger,
            interventions=Interventions(self.ledger, self.workflow, lambda _: True),
            dead_letters=self.dead_letters,
            clock=lambda: self.now,
            sleep=self.sleep,
        )
        return replace(made, **changes)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)

    def reference(self, number: int, endpoint_id: str = "crm") -> Reference:
        return replace(
            self.delivery.reference, message_id=f"order-{number}", endpoint_id=endpoint_id
        )

    def fail(self, number: int, endpoint_id: str = "crm", *, kept: bool = True) -> Reference:
        """Write the record of a delivery that failed in the express path."""
        reference = self.reference(number, endpoint_id)
        delivery = replace(self.delivery, reference=reference)
        at = to_text(FAILED_AT + timedelta(seconds=number))
        partition = f"FAILED#{reference.delivery_id[0]}"
        named = reference.to_document()
        body = json.dumps(delivery.to_document())
        item = {
            **{name: named[name] for name in ("pk", "sk", "messageId", "senderId", "timestamp")},
            **{name: named[name] for name in ("targetUrl", "correlationId", "createdAt")},
            "status": "FAILED",
            "attempts": 1,
            "retryHistory": [],
            "lastUpdatedAt": at,
            "ttl": delivery.expires_at,
            "attention": partition,
            "senderAttention": f"default#{partition}",
            "attentionAt": at,
            "endpointId": endpoint_id,
            "cause": cause(Category.GONE, "HTTP 410"),
            **({"deadLetter": body} if kept else {}),
        }
        self.table.client.put_item(
            TableName=self.table.name,
            Item={name: to_dynamodb(value) for name, value in item.items()},
        )
        self.dead_letters.visible.append(HeldMessage(body))
        return reference

    def set(self, reference: Reference, **attributes: Any) -> None:
        """Change the record of a delivery."""
        item = self.item(reference) | attributes
        self.table.client.put_item(
            TableName=self.table.name,
            Item={name: to_dynamodb(value) for name, value in item.items()},
        )

    def item(self, reference: Reference) -> dict[str, Any]:
        (found,) = (
            item for item in map(from_dynamodb, self.table.items()) if item["pk"] == reference.pk
        )
        return found

    def begin(self, rate: float = 2) -> BulkRedrive:
        matched = sum(group.count for group in self.bulk.preview(CRM, self.now))
        return self.bulk.begin(ID, CRM, rate, matched=matched, now=self.now)

    def step(self, runner: BulkRunner | None = None) -> BulkRedrive:
        (runner or self.runner()).step(ID, lambda: True)
        found = self.redrives.find(ID)
        assert found is not None
        return found


@pytest.fixture
def bench(ledger_table: Any, delivery: Delivery) -> Bench:
    return Bench(ledger_table, delivery)


def test_all_that_match_are_redriven_at_the_rate_and_followed_until_each_has_ended(
    bench: Bench,
) -> None:
    crm = [bench.fail(number) for number in range(5)]
    other = bench.fail(9, "shop")
    assert bench.begin().matched == 5
    assert bench.told == [ID]
    seen = bench.step()
    assert (seen.phase, seen.redriven, seen.waiting) == (Phase.FOLLOWING, 5, 5)
    assert sum(bench.slept) == 5 / 2
    assert bench.workflow.started.keys() == {f"{one.delivery_id}-1" for one in crm}
    assert bench.item(other)["status"] == "FAILED"
    for one in crm[:3]:
        bench.set(one, status="DELIVERED")
    bench.set(crm[3], status="MAX_RETRIES_EXCEEDED")
    seen = bench.step()
    assert (seen.phase, seen.delivered, seen.failed, seen.waiting) == (Phase.FOLLOWING, 3, 1, 1)
    bench.set(crm[4], status="CANCELLED")
    seen = bench.step()
    assert (seen.phase, seen.delivered, seen.failed, seen.waiting) == (Phase.ENDED, 3, 1, 0)
    assert bench.runner().step(ID, lambda: True) is None


def test_what_fails_again_is_not_redriven_again(bench: Bench) -> None:
    one = bench.fail(1)
    bench.begin()
    bench.step()
    at = to_text(bench.now)
    partition = f"FAILED#{one.delivery_id[0]}"
    bench.set(
        one,
        status="FAILED",
        lastUpdatedAt=at,
        attentionAt=at,
        attention=partition,
        senderAttention=f"default#{partition}",
    )
    seen = bench.step()
    assert (seen.phase, seen.redriven, seen.failed) == (Phase.ENDED, 1, 1)
    assert len(bench.workflow.started) == 1


@pytest.mark.parametrize("broken_at", range(1, 5))
def test_a_step_that_breaks_off_anywhere_is_repeated_without_a_second_redrive_or_count(
    bench: Bench, broken_at: int
) -> None:
    """It may stop after each of four steps: the chunk, a redrive, the results, the progress."""
    for number in range(3):
        bench.fail(number)
    bench.begin(rate=100)
    calls = 0

    class Breaking(RedrivesTable):
        def _count(self) -> None:
            nonlocal calls
            calls += 1
            if calls == broken_at:
                raise BrokenOffError

        def save_chunk(self, *arguments: Any) -> None:
            super().save_chunk(*arguments)
            self._count()

        def save(self, *arguments: Any, **named: Any) -> bool:
            self._count()
            return super().save(*arguments, **named)

    runner = bench.runner(redrives=Breaking("redrives", bench.table.client))
    with pytest.raises(BrokenOffError):
        runner.step(ID, lambda: True)
    for number in range(3):
        bench.step()
        bench.set(bench.reference(number), status="DELIVERED")
    seen = bench.step()
    assert (seen.phase, seen.redriven, seen.delivered) == (Phase.ENDED, 3, 3)
    assert len(bench.workflow.started) == 3


def test_a_redrive_that_broke_off_before_its_execution_was_started_is_completed(
    bench: Bench,
) -> None:
    bench.fail(1)
    bench.begin()

    class Refusing(Workflow):
        def start(self, name: str, document: str) -> bool:
            raise BrokenOffError

    interventions: Any = Interventions(bench.ledger, Refusing(), lambda _: True)  # type: ignore[arg-type]
    with pytest.raises(BrokenOffError):
        bench.step(bench.runner(interventions=interventions))
    assert bench.step().redriven == 1
    assert len(bench.workflow.started) == 1


def test_a_stop_leaves_the_rest_and_follows_what_was_redriven(bench: Bench) -> None:
    for number in range(6):
        bench.fail(number)
    bench.begin(rate=1)

    def stop_in_time(seconds: float) -> None:
        bench.sleep(seconds)
        bench.redrives.stop(ID)

    seen = bench.step(bench.runner(sleep=stop_in_time))
    assert seen.is_stopped
    assert (seen.phase, seen.redriven, seen.matched) == (Phase.FOLLOWING, 2, 6)
    stopped = bench.redrives.stop(ID)
    assert stopped is not None
    assert stopped.is_stopped


def test_a_delivery_without_its_payload_is_counted_and_left(bench: Bench) -> None:
    bench.fail(1, kept=False)
    bench.begin()
    seen = bench.step()
    assert (seen.phase, seen.redriven, seen.not_redriven) == (Phase.ENDED, 0, 1)


def test_the_dead_letters_of_what_has_gone_on_are_deleted_and_no_others(bench: Bench) -> None:
    gone_on, unstarted, other = bench.fail(1), bench.fail(2), bench.fail(3, "shop")
    bench.begin()
    bench.step()
    bench.set(gone_on, status="DELIVERED")
    bench.now += timedelta(minutes=1)  # the second still waits for its first attempt
    assert bench.step().is_swept
    left = {json.loads(one.body)["reference"]["messageId"] for one in bench.dead_letters.hidden}
    assert left == {unstarted.message_id, other.message_id}


def test_a_run_waits_for_the_ends_and_keeps_others_from_running_meanwhile(bench: Bench) -> None:
    one = bench.fail(1)
    bench.begin()
    others: list[bool] = []

    def sleep(seconds: float) -> None:
        now = int(bench.now.timestamp())
        others.append(bench.redrives.hold(ID, now, now + 60))
        if seconds == 1:  # in the pause before it reads the status of the redriven deliveries
            bench.set(one, status="DELIVERED")
        bench.sleep(seconds)

    bench.runner(sleep=sleep).run(ID, lambda: True, 600)
    found = bench.redrives.find(ID)
    assert found is not None
    assert (found.phase, found.delivered) == (Phase.ENDED, 1)
    assert others
    assert not any(others)


def test_what_a_run_has_not_ended_the_watchdog_resumes_whoever_held_it(bench: Bench) -> None:
    bench.fail(1)
    bench.begin()
    now = int(bench.now.timestamp())
    assert bench.redrives.hold(ID, now, now + 600)  # by a run that was interrupted
    bench.runner().resume(lambda: True, 600)
    assert bench.workflow.started == {}
    bench.now += timedelta(seconds=601)
    bench.runner().resume(lambda: True, 600)
    assert len(bench.workflow.started) == 1
    assert bench.redrives.open() == [ID]


def test_a_repeated_request_begins_nothing_new(bench: Bench) -> None:
    bench.fail(1)
    first = bench.begin()
    bench.now += timedelta(seconds=5)
    assert bench.begin() == first


def test_a_preview_counts_by_endpoint_and_cause_and_changes_nothing(bench: Bench) -> None:
    for number in range(3):
        bench.fail(number)
    bench.fail(4, "shop")
    groups = bench.bulk.preview(replace(CRM, endpoint_id=None), NOW)
    assert [(group.values["endpoint"], group.count) for group in groups] == [
        ("crm", 3),
        ("shop", 1),
    ]
    assert bench.redrives.newest(5) == []


def test_the_pause_grows_with_age_and_what_never_ends_is_followed_for_two_weeks() -> None:
    made = BulkRedrive.begun(ID, replace(CRM, statuses=REDRIVABLE), 10, 300, NOW)
    waiting = replace(made, phase=Phase.FOLLOWING, redriven=1, is_swept=True)
    ages = (timedelta(0), timedelta(minutes=10), timedelta(days=10))
    assert [waiting.pause(NOW + age) for age in ages] == [2, 60, 1800]
    assert not waiting.is_over(NOW + timedelta(days=13))
    assert waiting.is_over(NOW + timedelta(days=14))
    assert too_long(300_000, 1)
    assert not too_long(300_000, 10)
    assert BulkRedrive.from_item(waiting.to_item()) == waiting
