"""How large the ledger record of a delivery can become; DynamoDB's limit is 400 KB."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from homing.delivery import Reference
from homing.ledger.generation import execution_name
from homing.ledger.table import Ledger, RecordResult
from homing.ledger.updates import Retry, retry_entry
from homing.reception.message import MAX_DOCUMENT_BYTES
from homing.retry.classification import MAX_REASON_LENGTH, Category, Decision, Status, Verdict
from homing.retry.outcome import Outcome
from homing.retry.policy import MAX_ATTEMPTS_LIMIT
from homing.targets.target_url import MAX_URL_LENGTH
from simulation.deployed.clients import DynamoDB
from simulation.services.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

EXPIRES_AT = 1_769_515_200
NOON = "2025-12-28T12:00:00.000Z"
LONGEST = Reference(
    "m" * 128, "s" * 128, NOON, "https://example.com/".ljust(MAX_URL_LENGTH, "x"), "c" * 128, NOON
)
REDRIVES = 12


def record_run(ledger: Ledger, generation: int, target_url: str | None) -> None:
    """Record all attempts of one run, each with the longest possible entry."""
    backoff = {
        "exponentialDelay": 3600.125,
        "jitterApplied": 3600.125,
        "retryAfterSeconds": 86_400,
        "retryDelaySeconds": 86_400,
        "nextRetryAt": NOON,
    }
    for attempt in range(MAX_ATTEMPTS_LIMIT):
        outcome = Outcome(NOON, 60_000 + attempt, 503, target_url=target_url)
        reason = "é" * MAX_REASON_LENGTH
        verdict = Verdict(
            Decision.RETRY, Category.NETWORK_ERROR, reason, Status.MAX_RETRIES_EXCEEDED
        )
        entry = retry_entry(LONGEST, attempt, outcome, verdict, backoff)
        name = execution_name(LONGEST.delivery_id, generation)
        retry = Retry(LONGEST, attempt, entry, EXPIRES_AT, generation, name)
        assert ledger.record_retry(retry).result is RecordResult.RECORDED


def size(item: dict[str, Any]) -> int:
    """Return the size of an item as typed JSON, which is more than DynamoDB counts."""
    return len(json.dumps(item, ensure_ascii=False).encode())


class TableClient:
    """A DynamoDB client of one simulated table, which another test compares with moto.

    moto copies and measures the whole item at every update.
    """

    exceptions = DynamoDB.exceptions

    def __init__(self) -> None:
        self._table = Table(("pk", "sk"))

    def update_item(self, **arguments: Any) -> dict[str, Any]:
        return self._table.update_item(arguments)

    def get_item(self, **arguments: Any) -> dict[str, Any]:
        return self._table.get_item(arguments)

    def items(self) -> list[dict[str, Any]]:
        return list(self._table.items.values())


def run(target_url: str | None = None) -> Iterator[int]:
    """Yield the size of one record at the end of each of its runs."""
    client: Any = TableClient()
    ledger = Ledger("ledger", client)
    for generation in range(REDRIVES):
        record_run(ledger, generation, target_url)
        (item,) = client.items()
        yield size(item)
        document = {"generation": generation + 1, "expiresAt": EXPIRES_AT}
        name = execution_name(LONGEST.delivery_id, generation + 1)
        at = datetime(2025, 12, 28, 13, generation, tzinfo=UTC).isoformat()
        assert ledger.redrive(LONGEST, ledger.read(LONGEST), document, name, at=at)


def test_a_record_of_the_most_attempts_stays_small_however_often_it_is_redriven() -> None:
    first, second, *later = run()
    assert first < 25_000
    assert second < 45_000
    assert max(later) < second + REDRIVES * 250  # an entry of `redriveHistory` for each redrive


def test_with_the_largest_dead_letter_it_still_fits_into_an_item() -> None:
    """The dead letter of a failed first attempt is a delivery document (decision 0054).

    Every attempt went to an endpoint that had moved to a URL of maximum length.
    """
    moved = "https://moved.example/".ljust(MAX_URL_LENGTH, "x")
    assert max(run(moved)) + MAX_DOCUMENT_BYTES < 400 * 1024
