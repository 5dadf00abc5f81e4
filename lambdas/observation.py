"""What handlers tell the world: structured logs and, in the same lines, CloudWatch metrics.

One `delivery.attempted` event per attempt carries everything there is to say about it: ids, which
attempt of how many, status, duration, verdict, reason and the delay to the next. Its metrics ride
in the same line in CloudWatch's embedded metric format, so an attempt costs one log event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from homing.classification import Decision

if TYPE_CHECKING:
    from collections.abc import Callable

    from homing.classification import Verdict
    from homing.delivery import Reference
    from homing.lane import Settled
    from homing.outcome import Outcome

logger = Logger()
metrics = Metrics()


def log_attempt(
    reference: Reference,
    outcome: Outcome,
    verdict: Verdict,
    *,
    attempt: int,
    max_attempts: int,
    next_delay_seconds: float | None = None,
) -> None:
    """Log the one `delivery.attempted` event of an attempt, with its metrics.

    Args:
        reference: the delivery.
        outcome: what the attempt observed.
        verdict: what Homing makes of it.
        attempt: which attempt it was, counted from 1.
        max_attempts: how many the policy allows.
        next_delay_seconds: the delay to the next attempt, None where there is none.
    """
    metrics.add_metric("AttemptMade", MetricUnit.Count, 1)
    metrics.add_metric("AttemptLatency", MetricUnit.Milliseconds, outcome.response_time)
    metrics.add_metric(_metric_of(verdict), MetricUnit.Count, 1)
    _log(
        logger.info,
        "delivery.attempted",
        deliveryId=reference.delivery_id,
        messageId=reference.message_id,
        senderId=reference.sender_id,
        correlationId=reference.correlation_id,
        targetUrl=reference.target_url,
        attempt=attempt,
        maxAttempts=max_attempts,
        httpStatus=outcome.http_status,
        durationMs=outcome.response_time,
        verdict=verdict.decision,
        category=verdict.category,
        status=verdict.status,
        reason=verdict.reason,
        nextDelaySeconds=next_delay_seconds,
    )


def log_unrecorded(reference: Reference, *, attempt: int, reason: str) -> None:
    """Log that an attempt is missing from the ledger, and count it for the alarm."""
    metrics.add_metric("LedgerWriteFailed", MetricUnit.Count, 1)
    _log(
        logger.error,  # so that the alarm's metric is there at any log level
        "ledger.unrecorded",
        deliveryId=reference.delivery_id,
        messageId=reference.message_id,
        senderId=reference.sender_id,
        correlationId=reference.correlation_id,
        attempt=attempt,
        reason=reason,
    )


def log_settled(reference: Reference, settled: Settled, *, queue_message_id: str) -> None:
    """Log how a queue message was settled."""
    logger.info(
        "dispatch.settled",
        deliveryId=reference.delivery_id,
        messageId=reference.message_id,
        senderId=reference.sender_id,
        correlationId=reference.correlation_id,
        settled=settled,
        queueMessageId=queue_message_id,
    )


def log_message(event: str, metric: str, **fields: Any) -> None:
    """Log what became of a request to take in a message, and count it.

    Args:
        event: `message.accepted`, `message.repeated`, `message.rejected` or `message.failed`.
        metric: the CloudWatch metric that counts it.
        fields: ids and field names; never the payload.
    """
    metrics.add_metric(metric, MetricUnit.Count, 1)
    _log(logger.info, event, **fields)


def _metric_of(verdict: Verdict) -> str:
    if verdict.decision is Decision.DELIVERED:
        return "Delivered"
    return "DeliveryFailed" if verdict.is_final else "RetryScheduled"


def _log(write: Callable[..., None], event: str, **fields: Any) -> None:
    embedded = metrics.serialize_metric_set()
    metrics.clear_metrics()
    write(event, **fields, **embedded)
