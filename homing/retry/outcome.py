"""The outcome of an attempt, as a value: expected failures are not exceptions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self


class OutcomeKind(StrEnum):
    """The kind of an `outcome` of `Deliver`; each has its own fields (docs/architecture.md).

    Outcomes of all kinds but `ATTEMPTED` are in `homing.retry.not_attempted`.
    """

    ATTEMPTED = "ATTEMPTED"
    POSTPONED = "POSTPONED"
    SUPERSEDED = "SUPERSEDED"


class ErrorKind(StrEnum):
    """The kind of error because of which an attempt got no response."""

    DNS = "DNS"
    CONNECT = "CONNECT"
    RESET = "RESET"
    TLS = "TLS"
    TIMEOUT = "TIMEOUT"
    PROTOCOL = "PROTOCOL"
    BLOCKED = "BLOCKED"
    DISABLED = "DISABLED"
    INTERNAL = "INTERNAL"


@dataclass(frozen=True, slots=True)
class AttemptError:
    """Why there was no response.

    Args:
        kind: the kind of error.
        message: a sentence for people, which the sender of the message may see.
        detail: a reason that only the log contains, not the delivery document; None if there is
            none.
    """

    kind: ErrorKind
    message: str
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one HTTP request.

    Args:
        timestamp: when the outcome was observed, in ISO 8601 with milliseconds.
        response_time: from the start of the attempt to its outcome, in milliseconds.
        http_status: the response's status code, or None without a response.
        retry_after: the raw `Retry-After` header, or None.
        response_body: the first 4 KiB of the response body.
        error: why there was no response; None if there was one.
        target_url: the URL of the request, if the endpoint's URL has changed since the delivery was
            accepted; otherwise None.
    """

    timestamp: str
    response_time: int
    http_status: int | None = None
    retry_after: str | None = None
    response_body: str = ""
    error: AttemptError | None = None
    target_url: str | None = None

    def to_document(self) -> dict[str, Any]:
        """Return the `outcome` of the delivery document (docs/architecture.md)."""
        error = self.error
        went = {} if self.target_url is None else {"targetUrl": self.target_url}
        return {
            "kind": OutcomeKind.ATTEMPTED,
            "timestamp": self.timestamp,
            "responseTime": self.response_time,
            "httpStatus": self.http_status,
            "retryAfter": self.retry_after,
            "responseBody": self.response_body,
            "error": None if error is None else {"kind": error.kind, "message": error.message},
            **went,
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Return the outcome that a delivery document contains; its kind must be `ATTEMPTED`."""
        error = document["error"]
        return cls(
            timestamp=document["timestamp"],
            response_time=document["responseTime"],
            http_status=document["httpStatus"],
            retry_after=document["retryAfter"],
            response_body=document["responseBody"],
            error=error and AttemptError(ErrorKind(error["kind"]), error["message"]),
            target_url=document.get("targetUrl"),
        )


def unsent(kind: ErrorKind, message: str, timestamp: str) -> Outcome:
    """Return the outcome of an attempt that ended before anything was sent."""
    return Outcome(timestamp, 0, error=AttemptError(kind, message))
