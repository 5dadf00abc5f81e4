"""Thousands of deliveries of every kind to forty endpoints, written directly to the tables."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from homing import timestamps
from homing.delivery import Reference
from homing.endpoints.endpoint import Endpoint
from homing.items import to_dynamodb
from homing.ledger.updates import cause
from homing.retry.classification import Category, Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from homing_cli.client.target import Target

_BATCH = 25
_THREADS = 8
# Of ten deliveries: how each ended, after how many attempts, and the result of the last.
KINDS = (
    *[(Status.DELIVERED, 1, Category.SUCCESS)] * 6,
    (Status.DELIVERED, 2, Category.SUCCESS),
    (Status.MAX_RETRIES_EXCEEDED, 3, Category.TIMEOUT),
    (Status.FAILED, 1, Category.GONE),
    (Status.RETRY_SCHEDULED, 1, Category.SERVER_ERROR),
)
SENDERS = ("billing", "crm", "forum", "shop", "stock")
ENDPOINTS = 40
_HTTP_STATUSES = {Category.SUCCESS: 200, Category.GONE: 410, Category.SERVER_ERROR: 503}
_EVENT_TYPES = ("order.created", "order.paid", "invoice.sent")


def seed(target: Target, count: int) -> None:
    """Write the endpoints and this many records. Of `seed-<number>`, higher numbers are older."""
    client = target.client("dynamodb")
    now = datetime.now(UTC)
    made = [endpoint(number, now).to_item() for number in range(ENDPOINTS)]
    for at in range(0, ENDPOINTS, _BATCH):
        _write(client, target.outputs["EndpointsTable"], made[at : at + _BATCH])
    table = target.outputs["LedgerTable"]
    with ThreadPoolExecutor(_THREADS) as pool:
        batches = [range(at, min(at + _BATCH, count)) for at in range(0, count, _BATCH)]
        list(pool.map(lambda each: _write(client, table, [record(n, now) for n in each]), batches))


def _write(client: Any, table: str, items: Sequence[Mapping[str, Any]]) -> None:
    left: Any = {table: [{"PutRequest": {"Item": _typed(item)}} for item in items]}
    while left:
        left = client.batch_write_item(RequestItems=left).get("UnprocessedItems")


def _typed(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: to_dynamodb(value) for name, value in item.items()}


def sender_of(number: int) -> str:
    """Return the sender of an endpoint; all senders have equally many."""
    return SENDERS[number % ENDPOINTS * len(SENDERS) // ENDPOINTS]


def endpoint(number: int, now: datetime) -> Endpoint:
    """Return an endpoint. All its deliveries are of one kind, so it works, or fails in one way."""
    status, _, last = KINDS[number % len(KINDS)]
    at = timestamps.to_text(now - timedelta(days=1))
    works, is_gone = status is Status.DELIVERED, last is Category.GONE
    return Endpoint(
        sender_id=sender_of(number),
        endpoint_id=f"shop-{number}",
        url=f"https://shop-{number}.example.com/hooks",
        created_at=at,
        updated_at=at,
        enabled=not is_gone,
        disabled_at=at if is_gone else None,
        disabled_reason="it answered 410" if is_gone else None,
        failing_since=None if works else timestamps.to_text(now - timedelta(hours=3)),
    )


def record(number: int, now: datetime) -> dict[str, Any]:
    """Return one ledger record."""
    status, attempts, last = KINDS[number % len(KINDS)]
    at = now - timedelta(seconds=number)
    reference = Reference(
        message_id=f"seed-{number:05d}",
        sender_id=sender_of(number),
        timestamp=timestamps.to_text(at),
        target_url=f"https://shop-{number % ENDPOINTS}.example.com/hooks",
        correlation_id=f"cart-{number:05d}",
        created_at=timestamps.to_text(at),
        endpoint_id=f"shop-{number % ENDPOINTS}",
        event_type=_EVENT_TYPES[number % len(_EVENT_TYPES)],
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
    return made | {
        "attention": partition,
        "senderAttention": f"{reference.sender_id}#{partition}",
        "attentionAt": attention_at,
        "cause": cause(last.value, _reason(last)),
    }


def _entry(reference: Reference, number: int, at: datetime, category: Category) -> dict[str, Any]:
    return {
        "attemptNumber": number,
        "timestamp": timestamps.to_text(at - timedelta(milliseconds=10 * (5 - number))),
        "errorCategory": category.value,
        "errorDetails": {"message": _reason(category)},
        "responseTime": 40 + 7 * number,
        "httpStatus": _HTTP_STATUSES.get(category),
        "correlationId": reference.correlation_id,
    }


def _reason(category: Category) -> str:
    status = _HTTP_STATUSES.get(category)
    return f"HTTP {status}" if status else "timed out after 15 s in total"
