"""Which changes of a delivery's record cause an event, and which ones invoke the function.

The records are written as on AWS: by the updates of the ledger and of the definition.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from ministack.services.lambda_svc import _match_esm_filter

from homing.ledger import updates
from homing.ledger.claim import AttemptClaim
from homing.ledger.generation import redriven
from homing.ledger.table import Ledger
from homing.operational_events.deliveries import delivery_events, delivery_patterns
from homing.operational_events.event import Change
from homing.routing.operators import read_json
from homing.routing.pattern import compile_pattern
from homing.timestamps import from_text
from simulation.workflow.definition import delivery_document
from simulation.workflow.templates import compile_template

if TYPE_CHECKING:
    from homing.delivery import Delivery, Reference
    from homing.operational_events.event import OperationalEvent

STATES = delivery_document()["States"]
VERDICTS = {
    "failed": {"status": "FAILED", "category": "GONE", "reason": "HTTP 410"},
    "exceeded": {
        "status": "MAX_RETRIES_EXCEEDED",
        "category": "SERVER_ERROR",
        "reason": "HTTP 500",
    },
    "delivered": {"status": "DELIVERED", "category": "SUCCESS", "reason": "HTTP 200"},
}
ENDS = {"failed": "RecordFailure", "exceeded": "RecordFailure", "delivered": "RecordDelivered"}


@dataclass
class Story:
    """A delivery in a ledger, and the records in the ledger's stream."""

    table: Any
    delivery: Delivery
    stream: list[dict[str, Any]] = field(default_factory=list)
    minute: int = 0
    verdict: dict[str, str] = field(default_factory=dict)

    @property
    def at(self) -> str:
        return f"2025-12-28T12:{self.minute:02}:00.000Z"

    @property
    def reference(self) -> Reference:
        return self.delivery.reference

    @property
    def owner(self) -> str:
        return self.reference.delivery_id

    @property
    def document(self) -> dict[str, Any]:
        return self.delivery.to_document()

    def run(self, steps: str) -> list[Change]:
        for step in steps.split():
            self.minute += 1
            before = self._item()
            self._do(step)
            after = self._item()
            assert after != before, step
            images = {"OldImage": before, "NewImage": after}
            arn = "arn:aws:dynamodb:us-east-1:123456789012:table/ledger/stream/2025"
            self.stream.append(
                {
                    "eventSourceARN": arn,
                    "dynamodb": {name: each for name, each in images.items() if each},
                }
            )
        return [Change.from_record(each) for each in self.stream]

    def _item(self) -> Any:
        key = updates.key_of(self.reference)
        return self.table.client.get_item(TableName="ledger", Key=key).get("Item")

    def _do(self, step: str) -> None:
        reference, ledger = self.reference, Ledger("ledger", self.table.client)
        match step:
            case "own":
                assert ledger.own(reference, self.document) is None
                return
            case "redrive":
                document = redriven(self.document, self.delivery.generation + 1, from_text(self.at))
                seen = ledger.read(reference)
                update = updates.redrive_update(reference, seen, document, self.owner, self.at)
                self._go_on(0, self.delivery.generation + 1)
            case "retry":
                update = updates.retry_update(self._retry())
                self._go_on(self.delivery.attempt_number + 1, self.delivery.generation)
            case "claim":
                number, generation = self.delivery.attempt_number, self.delivery.generation
                claim = AttemptClaim(
                    number, self.owner, generation, self.delivery.due_at, self.delivery.expires_at
                )
                update = updates.claim_update(reference, claim)
            case "kept":
                update = updates.keep_dead_letter_update(reference, json.dumps(self.document))
            case "drained":
                verdict = {"category": "INTERNAL_ERROR", "reason": "drained"}
                dead_letter = {**self.document, "verdict": verdict}
                update = updates.dead_letter_update(reference, dead_letter, self.owner, self.at)
            case "cancelled":
                update = updates.cancel_update(reference, self.at, self.delivery.expires_at)
            case _:
                update = self._by_definition(ENDS.get(step, "ListFailure"), step)
        self.table.client.update_item(**{"TableName": "ledger", **update})

    def _go_on(self, attempt_number: int, generation: int) -> None:
        self.delivery = replace(self.delivery, attempt_number=attempt_number, generation=generation)

    def _retry(self) -> updates.Retry:
        entry = {
            "timestamp": self.at,
            "errorCategory": "SERVER_ERROR",
            "errorDetails": {"message": "HTTP 503"},
            "nextRetryTimestamp": "2025-12-28T13:00:00.000Z",
        }
        number, generation = self.delivery.attempt_number, self.delivery.generation
        return updates.Retry(
            self.reference, number, entry, self.delivery.expires_at, generation, self.owner
        )

    def _by_definition(self, state: str, step: str) -> Any:
        self.verdict = VERDICTS.get(step, self.verdict)
        outcome = {"timestamp": self.at, "responseTime": 12, "httpStatus": 200}
        states = {
            "input": {**self.document, "outcome": outcome, "verdict": self.verdict},
            "context": {"Execution": {"Name": self.owner}},
        }
        return {**compile_template(STATES[state]["Arguments"])(states), "TableName": "ledger"}


@pytest.fixture
def story(ledger_table: Any, delivery: Delivery) -> Story:
    return Story(ledger_table, delivery)


def told(changes: list[Change], *, delivered: bool = False) -> list[OperationalEvent]:
    return [each for change in changes for each in delivery_events(change, delivered=delivered)]


def names(events: list[OperationalEvent]) -> str:
    return ", ".join(each.kind.removeprefix("Delivery ") for each in events)


def is_seen(record: dict[str, Any], *, delivered: bool) -> bool:
    """Return whether Lambda passes a record to the function, by our matcher and the emulator's."""
    patterns = delivery_patterns(delivered=delivered)
    ours = any(
        compile_pattern(json.dumps(each)).matches(read_json(json.dumps(record)))
        for each in patterns
    )
    assert ours == any(_match_esm_filter(record, each) for each in patterns)
    return ours


WITHOUT_EVENTS = [
    "delivered",
    "own delivered",
    "retry claim delivered",
    "own claim retry claim delivered",
    "own claim cancelled",
    "retry cancelled",
]
HISTORIES = {
    "failed": "Failed",
    "failed kept": "Failed",
    "retry claim failed listed": "Failed",
    "retry claim retry claim delivered": "Failing, Recovered",
    "retry claim retry claim retry claim delivered": "Failing, Recovered",
    "retry claim retry claim exceeded listed": "Failing, Failed",
    "retry claim retry cancelled": "Failing",
    "own drained": "Failed",
    "retry drained": "Failed",
    "failed kept redrive claim delivered": "Failed, Recovered",
    "retry claim retry claim exceeded listed redrive claim delivered": "Failing, Failed, Recovered",
    "exceeded redrive claim retry claim retry claim exceeded": "Failed, Failing, Failed",
}


@pytest.mark.parametrize(("steps", "expected"), HISTORIES.items())
def test_a_delivery_that_keeps_failing_makes_events(
    story: Story, steps: str, expected: str
) -> None:
    assert names(told(story.run(steps))) == expected


@pytest.mark.parametrize("steps", WITHOUT_EVENTS)
def test_what_does_not_fail_twice_costs_nothing(story: Story, steps: str) -> None:
    """A change that no pattern matches invokes no function."""
    assert told(story.run(steps)) == []
    assert not any(is_seen(record, delivered=False) for record in story.stream)


@pytest.mark.parametrize("delivered", [False, True])
@pytest.mark.parametrize("steps", [*HISTORIES, *WITHOUT_EVENTS])
def test_every_change_that_makes_an_event_passes_the_filter(
    story: Story, steps: str, *, delivered: bool
) -> None:
    changes = story.run(steps)
    makes = [bool(delivery_events(each, delivered=delivered)) for each in changes]
    passes = [is_seen(record, delivered=delivered) for record in story.stream]
    assert all(passed for made, passed in zip(makes, passes, strict=True) if made)


def test_lambda_takes_five_patterns_for_a_stream() -> None:
    assert all(len(delivery_patterns(delivered=each)) <= 5 for each in (True, False))


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("delivered", "Delivered"),
        ("retry claim delivered", "Delivered"),
        ("retry claim retry claim delivered", "Failing, Recovered, Delivered"),
        ("failed", "Failed"),
    ],
)
def test_by_a_setting_every_delivery_that_succeeds_makes_an_event(
    story: Story, steps: str, expected: str
) -> None:
    assert names(told(story.run(steps), delivered=True)) == expected


def test_an_event_has_ids_and_a_reason_and_no_payload(story: Story) -> None:
    named = replace(story.reference, endpoint_id="orders", event_type="order.paid")
    story.delivery = replace(story.delivery, reference=named)
    failing, failed = told(story.run("retry claim retry claim exceeded"))
    ids = {
        "deliveryId": named.delivery_id,
        "messageId": "order-1841",
        "senderId": "default",
        "correlationId": "trace-7",
        "endpointId": "orders",
        "eventType": "order.paid",
        "targetUrl": "https://example.com/hooks",
        "generation": 0,
    }
    assert failing.detail == ids | {
        "status": "RETRY_SCHEDULED",
        "attempts": 2,
        "category": "SERVER_ERROR",
        "reason": "HTTP 503",
        "timestamp": failing.at,
        "nextRetryAt": "2025-12-28T13:00:00.000Z",
    }
    assert failed.detail == ids | {
        "status": "MAX_RETRIES_EXCEEDED",
        "attempts": 3,
        "category": "SERVER_ERROR",
        "reason": "HTTP 500",
        "timestamp": failed.at,
    }
    assert failed.at == "2025-12-28T12:05:00.000Z"


def test_a_delivery_that_an_operator_has_taken_out_says_so(story: Story) -> None:
    (event,) = told(story.run("retry drained"))
    assert (event.detail["category"], event.detail["reason"]) == ("INTERNAL_ERROR", "drained")


@pytest.mark.parametrize("event_type", ["homing.smoke", "homing.Delivery Failed"])
def test_a_message_about_homing_itself_makes_no_events(story: Story, event_type: str) -> None:
    named = replace(story.reference, event_type=event_type)
    story.delivery = replace(story.delivery, reference=named)
    assert told(story.run("retry claim retry claim exceeded"), delivered=True) == []


def test_a_record_that_expires_makes_no_event(story: Story) -> None:
    story.run("failed")
    record = story.stream[0]
    gone = {**record, "dynamodb": {"OldImage": record["dynamodb"]["NewImage"]}}
    assert told([Change.from_record(gone)]) == []
    assert not is_seen(gone, delivered=True)


def test_a_message_that_is_accepted_again_makes_its_own_events(story: Story) -> None:
    """The record of the previous acceptance is replaced without an event."""
    story.run("failed")
    later = replace(story.reference, created_at="2026-02-28T12:00:00.000Z")
    story.delivery = replace(story.delivery, reference=later, due_at="2026-02-28T12:00:00Z")
    assert names(told(story.run("own claim failed"))) == "Failed, Failed"
