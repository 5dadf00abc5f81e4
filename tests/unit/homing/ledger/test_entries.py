"""The definition writes the same entries as `RecordRetry`, without the fields of a retry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from homing.items import from_dynamodb
from homing.ledger.updates import retry_entry
from homing.retry.classification import Category, Decision, Status, Verdict
from homing.retry.outcome import AttemptError, ErrorKind, Outcome
from simulation.workflow.definition import delivery_document
from simulation.workflow.templates import compile_template

if TYPE_CHECKING:
    from homing.delivery import Delivery

NOON = "2025-12-28T12:00:00.000Z"
MOVED = "https://new.example/hooks"
BACKOFF = {
    "exponentialDelay": 1,
    "jitterApplied": 0,
    "retryDelaySeconds": 1,
    "nextRetryAt": NOON,
    "retryAfterSeconds": None,
}
OF_A_RETRY = {"exponentialDelay", "jitterApplied", "retryDelaySeconds", "nextRetryTimestamp"}
REFUSED = AttemptError(ErrorKind.CONNECT, "refused")


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ("RecordDelivered", Outcome(NOON, 12, 200)),
        ("RecordDelivered", Outcome(NOON, 12, 200, target_url=MOVED)),
        ("RecordFailure", Outcome(NOON, 12, 404)),
        ("RecordFailure", Outcome(NOON, 12, 404, target_url=MOVED)),
        ("RecordFailure", Outcome(NOON, 12, error=REFUSED, target_url=MOVED)),
    ],
)
def test_an_entry_is_the_same_whoever_writes_it(
    delivery: Delivery, state: str, outcome: Outcome
) -> None:
    verdict = Verdict(Decision.GIVE_UP, Category.CLIENT_ERROR, "as it was", Status.FAILED)
    document = {
        **delivery.to_document(),
        "outcome": outcome.to_document(),
        "verdict": verdict.to_document(),
    }
    arguments: Any = delivery_document()["States"][state]["Arguments"]
    (entry,) = arguments["ExpressionAttributeValues"][":entry"]["L"]
    written = from_dynamodb(compile_template(entry)({"input": document})["M"])
    expected = retry_entry(delivery.reference, 0, outcome, verdict, BACKOFF)
    assert written == {name: value for name, value in expected.items() if name not in OF_A_RETRY}
    assert written.get("targetUrl") == outcome.target_url
