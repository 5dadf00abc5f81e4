"""The logs and metrics of all handlers: structured log events that contain CloudWatch metrics.

Each attempt is logged as one event, `delivery.attempted`, with ids, number and limit of attempts,
status, duration, verdict, reason and the delay to the next attempt. Its metrics are part of the
event, in CloudWatch's embedded metric format, so an attempt costs only one log event.

AWS charges for logs by the byte, and callers control much of the content, so long texts and lists
are truncated.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from json import JSONEncoder
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from homing.api.answer import event_type_of
from homing.delivery import read_delivery
from homing.errors import MalformedDeliveryError
from homing.retry.classification import Decision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from homing.delivery import Reference
    from homing.dispatch.express_path import Settled
    from homing.operational_events.event import OperationalEvent
    from homing.ordering.releasing import Advance
    from homing.reception.acceptance import Reception
    from homing.recovery.watchdog import Examined
    from homing.retry.classification import Verdict
    from homing.retry.outcome import Outcome

# The longest valid field is a target URL (`homing.targets.target_url`).
_LONGEST_TEXT = 1024
_LONGEST_TRACEBACK = 8192
_LONGEST_LIST = 20
_LONGEST_LISTED = 128
_OURS = frozenset({"_aws", "exception", "stack_trace"})
_NUMBERS = frozenset({int, float, bool})


def _bounded(value: Any, longest: int = _LONGEST_TEXT) -> Any:
    if isinstance(value, str):
        is_short = len(value) <= longest
        return value if is_short else f"{value[:longest]}… ({len(value)} characters)"
    match value:
        case list() | tuple():
            shown = [_bounded(each, _LONGEST_LISTED) for each in value[:_LONGEST_LIST]]
            left_out = len(value) - len(shown)
            return [*shown, f"… and {left_out} more"] if left_out else shown
        case dict():
            members = list(value.items())[:_LONGEST_LIST]
            return {
                _bounded(name, _LONGEST_LISTED): _bounded(each, _LONGEST_LISTED)
                for name, each in members
            }
        case _:
            return value


# This encoder saves time: Powertools would create an encoder for each event, and try to parse the
# event's name as JSON (docs/benchmarks.md, "One attempt"). It shortens the text of exceptions,
# which may quote a request.
_ENCODER = JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), default=lambda value: _bounded(str(value))
)


def _line(fields: dict[str, Any]) -> str:
    bounded = {name: value if name in _OURS else _bounded(value) for name, value in fields.items()}
    if "exception" in fields:  # a traceback, with the exception's text at its end
        bounded["exception"] = _bounded(fields["exception"], _LONGEST_TRACEBACK)
    return _ENCODER.encode(bounded)


logger = Logger(
    json_serializer=_line, json_deserializer=str, location=None, utc=True, use_rfc3339=True
)
metrics = Metrics()

_UNITS = {"AttemptLatency": MetricUnit.Milliseconds}  # all other metrics are counts


def log_attempt(
    reference: Reference,
    outcome: Outcome,
    verdict: Verdict,
    *,
    attempt: int,
    max_attempts: int,
    next_delay_seconds: float | None = None,
) -> None:
    """Log the event `delivery.attempted` for an attempt, with its metrics.

    Args:
        reference: the delivery.
        outcome: the outcome of the attempt.
        verdict: the verdict on the outcome.
        attempt: the number of the attempt, counted from 1.
        max_attempts: the maximum number of attempts, from the policy.
        next_delay_seconds: the delay before the next attempt; None if none follows.
    """
    _log(
        logging.INFO,
        "delivery.attempted",
        {"AttemptMade": 1, "AttemptLatency": outcome.response_time, _metric_of(verdict): 1},
        **reference.ids(),
        targetUrl=outcome.target_url or reference.target_url,
        attempt=attempt,
        maxAttempts=max_attempts,
        httpStatus=outcome.http_status,
        durationMs=outcome.response_time,
        decision=verdict.decision,
        category=verdict.category,
        status=verdict.status,
        reason=verdict.reason,
        nextDelaySeconds=next_delay_seconds,
    )


def log_unrecorded(reference: Reference, *, attempt: int, reason: str) -> None:
    """Log that an attempt is missing from the ledger, and count it for the alarm."""
    _log(
        logging.ERROR,  # so that every log level includes the metric, which raises an alarm
        "ledger.unrecorded",
        {"LedgerWriteFailed": 1},
        **reference.ids(),
        attempt=attempt,
        reason=reason,
    )


def log_settled(reference: Reference, settled: Settled, *, queue_message_id: str) -> None:
    """Log how `dispatch` has processed a queue message, and count deferred deliveries."""
    fields: dict[str, Any] = {
        **reference.ids(),
        "settled": settled,
        "queueMessageId": queue_message_id,
    }
    values: dict[str, float] = {"DeliveryDeferred": 1} if settled == "DEFERRED" else {}
    _log(logging.INFO, "dispatch.settled", values, **fields)


def log_unsettled(
    body: str,
    error: Exception,
    *,
    delivery_id: str | None,
    queue_message_id: str,
    redelivered_in: int | None,
) -> None:
    """Log why `dispatch` could not process a queue message, and count it for the alarm.

    Args:
        body: the body of the queue message, which contains the ids if it is a delivery document.
        error: the exception.
        delivery_id: the message group, which identifies the delivery if the body does not.
        queue_message_id: the id that SQS gave the message.
        redelivered_in: the seconds until the message is redelivered; None if the queue's visibility
            timeout applies.
    """
    fields = {"queueMessageId": queue_message_id, "redeliveredInSeconds": redelivered_in}
    about = {**fields, **_ids(body, delivery_id)}
    logger.error(
        "dispatch.failed", exc_info=error, **about, **_embedded({"DispatchFailed": 1}, _utc_now())
    )


def log_detached(
    body: str, *, delivery_id: str | None, queue_message_id: str, redelivered_in: int | None
) -> None:
    """Log that a first attempt was detached, which is not an error, and count it.

    Args:
        body: the body of the queue message.
        delivery_id: the message group.
        queue_message_id: the id that SQS gave the message.
        redelivered_in: the seconds until the message is redelivered; None if the queue's visibility
            timeout applies.
    """
    fields = {"queueMessageId": queue_message_id, "redeliveredInSeconds": redelivered_in}
    _log(
        logging.INFO,
        "dispatch.detached",
        {"DeliveryDetached": 1},
        **_ids(body, delivery_id),
        **fields,
    )


def _ids(body: str, delivery_id: str | None) -> dict[str, Any]:
    try:
        return read_delivery(body)[1].reference.ids()
    except MalformedDeliveryError:
        return {"deliveryId": delivery_id or ""}


def log_examined(one: Examined) -> None:
    """Log what the watchdog did with a delivery.

    Resumed deliveries, and those that could not be examined, are also counted.
    """
    fields: dict[str, Any] = {**one.reference.ids(), "finding": one.finding}
    if one.finding == "LOST":
        _log(logging.ERROR, "watchdog.lost", {"DeliveryLost": 1}, **fields)
    elif one.error is not None:
        embedded = _embedded({"WatchdogFailed": 1}, _utc_now())
        logger.error("watchdog.failed", exc_info=one.error, **fields, **embedded)
    elif one.finding.is_recovery:
        # An error, so that every log level includes the metric, which raises an alarm.
        _log(logging.ERROR, "watchdog.took_up", {"DeliveryTakenUp": 1}, **fields)
    else:
        logger.info("watchdog.examined", **fields)


def log_put_back(messages: int) -> None:
    """Log how many undispatched messages the watchdog put on the delivery queue again."""
    if messages:
        logger.warning("watchdog.put_back", messages=messages)


def log_events_put(events: Sequence[OperationalEvent]) -> None:
    """Log how many operational events were put on the bus, by kind."""
    if events:
        logger.info("events.put", kinds=dict(Counter(event.kind.value for event in events)))


def log_events_refused(events: int, error: Exception) -> None:
    """Log that operational events could not be put on the bus, and count them."""
    embedded = _embedded({"OperationalEventRefused": events}, _utc_now())
    logger.error("events.refused", exc_info=error, events=events, **embedded)


def log_line(line_id: str, result: Advance | Exception) -> None:
    """Log the result of advancing a line of ordered deliveries, and count blocked lines."""
    if isinstance(result, Exception):
        logger.error("line.failed", exc_info=result, line=line_id)
    elif result == "BLOCKED":
        # An error, so that every log level includes the metric, which raises an alarm.
        _log(logging.ERROR, "line.blocked", {"LineBlocked": 1}, line=line_id)
    else:
        logger.info("line.advanced", line=line_id, result=result.value)


def log_message(event: str, metric: str, *, is_fault: bool = False, **fields: Any) -> None:
    """Log an event that concerns a request, and count it.

    Args:
        event: the name of the event, such as `message.rejected` or `endpoint.changed`.
        metric: the CloudWatch metric that counts such events.
        is_fault: whether Homing or AWS failed; if so, the event is logged as an error.
        fields: further fields of the event, such as ids; never the payload.
    """
    _log(logging.ERROR if is_fault else logging.INFO, event, {metric: 1}, **fields)


def log_reception(reception: Reception, **fields: Any) -> None:
    """Log that a message was accepted, or that it is a duplicate, and count it.

    An event that goes to no endpoint is also counted as unmatched.

    Args:
        reception: the accepted message.
        fields: further fields of the event: who sent the message, or which queue message contained
            it.
    """
    event, metric = (
        ("message.duplicate", "MessageDuplicate")
        if reception.is_duplicate
        else ("message.accepted", "MessageAccepted")
    )
    idempotency = reception.idempotency
    unmatched = {} if idempotency.targets or reception.is_duplicate else {"MessageUnmatched": 1.0}
    _log(
        logging.INFO,
        event,
        {metric: 1, **unmatched},
        messageId=idempotency.message_id,
        senderId=idempotency.sender_id,
        correlationId=idempotency.correlation_id,
        **event_type_of(idempotency),
        **fields,
    )


def _metric_of(verdict: Verdict) -> str:
    if verdict.decision is Decision.DELIVERED:
        return "Delivered"
    return "DeliveryFailed" if verdict.is_final else "RetryScheduled"


def _log(level: int, event: str, values: dict[str, float], **fields: Any) -> None:
    """Write the same log event as `logger` would, with metrics, in a fifth of the time.

    For each event, `logger` looks up the caller, creates a record and fills in a template. That
    takes as long as everything else in an attempt (docs/benchmarks.md, "One attempt").
    """
    if level < logger.log_level:
        return
    now = _utc_now()
    known = {
        name: value if type(value) in _NUMBERS else _bounded(value)
        for name, value in fields.items()
        if value is not None
    }
    line = {
        "level": logging.getLevelName(level),
        "message": event,
        "timestamp": now.isoformat(timespec="milliseconds"),
        "service": logger.service,
        **known,
        **(_embedded(values, now) if values else {}),
        **_trace(),
    }
    logger.registered_handler.stream.write(_ENCODER.encode(line) + "\n")  # type: ignore[attr-defined]
    logger.registered_handler.flush()


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _embedded(values: dict[str, float], now: datetime) -> dict[str, Any]:
    """Return metrics in CloudWatch's embedded metric format."""
    embedded = _metric_set(*values)
    stamped = {**embedded["_aws"], "Timestamp": int(now.timestamp() * 1000)}
    measured = {name: [float(value)] for name, value in values.items()}
    return embedded | measured | {"_aws": stamped}


def _trace() -> dict[str, str]:
    """Return the id of the X-Ray trace, if Lambda provides one."""
    header = os.environ.get("_X_AMZN_TRACE_ID")
    return {"xray_trace_id": header.split(";")[0].removeprefix("Root=")} if header else {}


@cache
def _metric_set(*names: str) -> dict[str, Any]:
    """Return the embedded-format metadata that all events with these metrics share."""
    for name in names:
        metrics.add_metric(name, _UNITS.get(name, MetricUnit.Count), 0)
    embedded: dict[str, Any] = {**metrics.serialize_metric_set()}
    metrics.clear_metrics()
    return embedded
