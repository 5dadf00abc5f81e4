"""Thousands of deliveries of every kind, written straight into the ledger."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from homing import timestamps
from homing.delivery import Reference
from homing.items import to_dynamodb
from homing.retry.classification import Category, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homing_cli.client.target import Target

_BATCH = 25
_THREADS = 8
# Of ten deliveries: how each ended, after how many attempts, and what the last one met.
KINDS = (
    *[(Status.DELIVERED, 1, Category.SUCCESS)] * 6,
    (Status.DELIVERED, 2, Category.SUCCESS),
    (Status.MAX_RETRIES_EXCEEDED, 3, Category.TIMEOUT),
    (Status.FAILED, 1, Category.GONE),
    (Status.RETRY_SCHEDULED, 1, Category.SERVER_ERROR),
)
SENDERS = ("billing", "crm", "shop")
ENDPOINTS = 20


def seed(target: Target, count: int) -> None:
    """Write so many records, one for each `seed-<number>`; the higher, the longer ago."""
    client = target.client("dynamodb")
    table = target.outputs["LedgerTable"]
    now = datetime.now(UTC)
    with ThreadPoolExecutor(_THREADS) as pool:
        batches = [range(at, min(at + _BATCH, count)) for at in range(0, count, _BATCH)]
        list(pool.map(lambda numbers: _write(client, table, numbers, now), batches))


def _write(client: Any, table: str, numbers: range, now: datetime) -> None:
    puts = [{"PutRequest": {"Item": _typed(record(number, now))}} for number in numbers]
    left: Any = {table: puts}
    while left:
        left = client.batch_write_item(RequestItems=left).get("UnprocessedItems")


def _typed(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: to_dynamodb(value) for name, value in item.items()}


def record(number: int, now: datetime) -> dict[str, Any]:
    """Make one record."""
    status, attempts, last = KINDS[number % len(KINDS)]
    at = now - timedelta(seconds=number)
    reference = Reference(
        message_id=f"seed-{number:05d}",
        sender_id=SENDERS[number % len(SENDERS)],
        timestamp=timestamps.to_text(at),
        target_url=f"https://shop-{number % ENDPOINTS}.example.com/hooks",
        correlation_id=f"cart-{number:05d}",
        created_at=timestamps.to_text(at),
    )
    made: dict[str, Any] = {
        **{k: v for k, v in reference.to_document().items() if k != "deliveryId"},
        "status": status.value,
        "attempts": attempts,
        "retryHistory": [
            _entry(reference, n, at, last if n == attempts - 1 else Category.SERVER_ERROR)
            for n in range(attempts)
        ],
        "lastUpdatedAt": timestamps.to_text(at),
        "ttl": int((now + timedelta(days=30)).timestamp()),
    }
    if status is Status.DELIVERED:
        return made | {"deliveredAt": timestamps.to_text(at)}
    due = now + timedelta(hours=2, seconds=number)
    attention_at = timestamps.to_text(due if status is Status.RETRY_SCHEDULED else at)
    if status is Status.RETRY_SCHEDULED:
        made |= {"nextRetryAt": attention_at}
    partition = f"{status.value}#{reference.delivery_id[0]}"
    return made | {"attention": partition, "attentionAt": attention_at}


def _entry(reference: Reference, number: int, at: datetime, category: Category) -> dict[str, Any]:
    status = {Category.SUCCESS: 200, Category.GONE: 410, Category.SERVER_ERROR: 503}.get(category)
    reason = f"HTTP {status}" if status else "timed out after 15 s in total"
    return {
        "attemptNumber": number,
        "timestamp": timestamps.to_text(at - timedelta(milliseconds=10 * (5 - number))),
        "errorCategory": category.value,
        "errorDetails": {"message": reason},
        "responseTime": 40 + 7 * number,
        "httpStatus": status,
        "correlationId": reference.correlation_id,
    }
