"""Builds, for benchmarks, the events that functions get after an attempt."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from homing.items import to_dynamodb
from homing.timestamps import to_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Event = dict[str, Any]


def delivered(documents: Iterable[Event]) -> list[Event]:
    """Return the events that `classify` gets after a response with status 200."""
    outcome = _outcome(200)
    return [document | {"outcome": outcome} for document in documents]


def failed(documents: Iterable[Event]) -> list[Event]:
    """Return the events that `compute_backoff` gets after a response with status 503."""
    verdict = {"decision": "RETRY", "category": "SERVER_ERROR", "reason": "HTTP 503"}
    verdict |= {"status": "RETRY_SCHEDULED"}
    outcome = _outcome(503)
    return [document | {"outcome": outcome, "verdict": verdict} for document in documents]


def retried(documents: Iterable[Event]) -> Iterator[Event]:
    """Yield the events that `record_retry` gets after a 503 and the computation of the backoff."""
    for document in failed(documents):
        backoff = {"exponentialDelay": 1, "jitterApplied": 0.25, "retryAfterSeconds": None}
        backoff |= {"retryDelaySeconds": 1, "nextRetryAt": document["outcome"]["timestamp"]}
        backoff["next"] = {"expiresAt": int(datetime.now(UTC).timestamp()) + 9}
        yield document | {"executionName": "bench", "backoff": backoff}


def changed(documents: Iterable[Event], ledger: str) -> Iterator[Event]:
    """Yield events of the ledger's stream, each with a change that causes an operational event.

    The change is the record of a second failed attempt.

    Args:
        documents: the deliveries.
        ledger: the name of the ledger table.
    """
    for document in documents:
        failure = {"timestamp": document["reference"]["createdAt"], "errorCategory": "SERVER_ERROR"}
        failure["errorDetails"] = {"message": "HTTP 503"}
        after = document["reference"] | {"status": "RETRY_SCHEDULED", "attempts": 2}
        after |= {"generation": 0, "lastUpdatedAt": failure["timestamp"], "ttl": 1}
        after |= {"retryHistory": [failure, failure]}
        images = {"OldImage": after | {"attempts": 1}, "NewImage": after}
        record = {
            "eventSourceARN": f"arn:aws:dynamodb:us-east-1:000000000000:table/{ledger}/stream/0",
            "dynamodb": {name: to_dynamodb(image)["M"] for name, image in images.items()},
        }
        yield {"Records": [record]}


def _outcome(status: int) -> Event:
    at = to_text(datetime.now(UTC))
    outcome = {"kind": "ATTEMPTED", "timestamp": at, "httpStatus": status, "responseTime": 12}
    return outcome | {"retryAfter": None, "responseBody": "x" * 4096, "error": None}
