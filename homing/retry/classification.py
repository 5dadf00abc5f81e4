"""Which outcomes are retried. The rules are data: the first row that matches decides."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from homing.retry.outcome import ErrorKind, Outcome
from homing.retry.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from homing.retry.not_attempted import NotAttempted
    from homing.retry.outcome import OutcomeKind


class Decision(StrEnum):
    """The decision on an outcome."""

    DELIVERED = "DELIVERED"
    RETRY = "RETRY"
    GIVE_UP = "GIVE_UP"


class Category(StrEnum):
    """The kind of an outcome, for people and for filters."""

    SUCCESS = "SUCCESS"
    TIMEOUT = "TIMEOUT"
    RATE_LIMITED = "RATE_LIMITED"
    SERVER_ERROR = "SERVER_ERROR"
    CLIENT_ERROR = "CLIENT_ERROR"
    NETWORK_ERROR = "NETWORK_ERROR"
    TLS_ERROR = "TLS_ERROR"
    INTERNAL_ERROR = "INTERNAL_ERROR"
    GONE = "GONE"
    REDIRECT = "REDIRECT"
    BLOCKED_TARGET = "BLOCKED_TARGET"
    ENDPOINT_DISABLED = "ENDPOINT_DISABLED"


class Status(StrEnum):
    """The `status` of a delivery in the ledger."""

    QUEUED = "QUEUED"
    DELIVERED = "DELIVERED"
    RETRY_SCHEDULED = "RETRY_SCHEDULED"
    FAILED = "FAILED"
    MAX_RETRIES_EXCEEDED = "MAX_RETRIES_EXCEEDED"
    CANCELLED = "CANCELLED"


_GONE = 410
# A policy without lists of statuses. It serves to decide whether an outcome counts as delivered,
# which no policy changes.
_NO_POLICY = Policy(max_attempts=1)
_MEMBERS = {Decision.RETRY: "retryOn", Decision.GIVE_UP: "giveUpOn"}

# The ledger stores the reason of every attempt, and DynamoDB bills items by size.
MAX_REASON_LENGTH = 200


@dataclass(frozen=True, slots=True)
class StatusRule:
    """The decision for all HTTP status codes from `first` to `last`, both included."""

    first: int
    last: int
    decision: Decision
    category: Category


# The rows for 2xx, 3xx and 410 follow Standard Webhooks 1.0.0. docs/retry-policy.md has this table.
STATUS_RULES: tuple[StatusRule, ...] = (
    StatusRule(200, 299, Decision.DELIVERED, Category.SUCCESS),
    StatusRule(300, 399, Decision.GIVE_UP, Category.REDIRECT),
    StatusRule(408, 408, Decision.RETRY, Category.TIMEOUT),
    StatusRule(410, 410, Decision.GIVE_UP, Category.GONE),
    StatusRule(425, 425, Decision.RETRY, Category.RATE_LIMITED),
    StatusRule(429, 429, Decision.RETRY, Category.RATE_LIMITED),
    StatusRule(400, 499, Decision.GIVE_UP, Category.CLIENT_ERROR),
    StatusRule(501, 501, Decision.GIVE_UP, Category.SERVER_ERROR),
    StatusRule(505, 505, Decision.GIVE_UP, Category.SERVER_ERROR),
    StatusRule(500, 599, Decision.RETRY, Category.SERVER_ERROR),
    # Any other number is not an HTTP status, so the response may not be from the endpoint.
    StatusRule(0, 999, Decision.RETRY, Category.NETWORK_ERROR),
)

ERROR_RULES: Mapping[ErrorKind, tuple[Decision, Category]] = MappingProxyType(
    {
        ErrorKind.DNS: (Decision.RETRY, Category.NETWORK_ERROR),
        ErrorKind.CONNECT: (Decision.RETRY, Category.NETWORK_ERROR),
        ErrorKind.RESET: (Decision.RETRY, Category.NETWORK_ERROR),
        ErrorKind.PROTOCOL: (Decision.RETRY, Category.NETWORK_ERROR),
        ErrorKind.TLS: (Decision.RETRY, Category.TLS_ERROR),
        ErrorKind.TIMEOUT: (Decision.RETRY, Category.TIMEOUT),
        ErrorKind.INTERNAL: (Decision.RETRY, Category.INTERNAL_ERROR),
        ErrorKind.BLOCKED: (Decision.GIVE_UP, Category.BLOCKED_TARGET),
        ErrorKind.DISABLED: (Decision.GIVE_UP, Category.ENDPOINT_DISABLED),
    }
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision on one outcome, and the resulting status.

    Args:
        decision: whether the message has been delivered, must be retried, or is given up.
        category: the kind of outcome.
        reason: a sentence for people.
        status: the resulting status in the ledger, which takes the limit of attempts into account.
    """

    decision: Decision
    category: Category
    reason: str
    status: Status

    @property
    def is_final(self) -> bool:
        """Whether no further attempt follows."""
        return self.status is not Status.RETRY_SCHEDULED

    def to_document(self) -> dict[str, str]:
        """Return the `verdict` of the delivery document (docs/architecture.md)."""
        return {
            "decision": self.decision,
            "category": self.category,
            "reason": self.reason,
            "status": self.status,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Return the verdict of a delivery document."""
        return cls(
            decision=Decision(document["decision"]),
            category=Category(document["category"]),
            reason=document["reason"],
            status=Status(document["status"]),
        )


def classify(outcome: Outcome, *, attempts: int, policy: Policy) -> Verdict:
    """Return the verdict on the outcome of the latest attempt, after `attempts` attempts.

    A retry is scheduled only while `attempts` < `policy.max_attempts`; after that the status is
    MAX_RETRIES_EXCEEDED. Every outcome has a verdict; nothing is raised.
    """
    if outcome.error is not None:
        decision, category = ERROR_RULES[outcome.error.kind]
        reason = outcome.error.message[:MAX_REASON_LENGTH]
    else:
        rule = _rule_for(outcome.http_status or 0)
        decision, category = decide(outcome.http_status or 0, policy), rule.category
        reason = f"HTTP {outcome.http_status}"
        if decision is not rule.decision:
            reason += f" ({_MEMBERS[decision]} of the policy)"
    status = _status_after(decision, attempts, policy.max_attempts)
    return Verdict(decision, category, reason, status)


def decide(http_status: int, policy: Policy) -> Decision:
    """Return the decision on an HTTP status: by the policy's lists, or else by `STATUS_RULES`."""
    return next(_named(http_status, policy), _rule_for(http_status).decision)


def _named(http_status: int, policy: Policy) -> Iterator[Decision]:
    """Yield the decisions from the policy's own lists: first on the status, then on its class.

    In `retry_on`, 4xx does not include 410, with which an endpoint asks for no further messages.
    """
    for entry in (str(http_status), f"{http_status // 100}xx"):
        if entry in policy.give_up_on:
            yield Decision.GIVE_UP
        elif entry in policy.retry_on and (http_status, entry) != (_GONE, "4xx"):
            yield Decision.RETRY


def outcome_document(outcome: Outcome | NotAttempted) -> dict[str, Any]:
    """Return the `outcome` of the delivery document (docs/architecture.md, Deliver).

    Its member `fallback` is a verdict without a reason, which the workflow uses if `Classify` fails
    or cannot be invoked. By this verdict, a 2xx still counts as delivered, any other outcome is a
    failure, and an attempt that was not made still counts as not made.
    """
    document = outcome.to_document()
    return {**document, "fallback": _fallback(outcome, document["kind"])}


def _fallback(outcome: Outcome | NotAttempted, kind: OutcomeKind) -> dict[str, str]:
    if not isinstance(outcome, Outcome):
        return {"status": kind}
    verdict = classify(outcome, attempts=1, policy=_NO_POLICY)
    if verdict.status is not Status.DELIVERED:
        verdict = Verdict(Decision.GIVE_UP, Category.INTERNAL_ERROR, "", Status.FAILED)
    return {name: value for name, value in verdict.to_document().items() if name != "reason"}


@cache
def _rule_for(http_status: int) -> StatusRule:
    return next(rule for rule in STATUS_RULES if rule.first <= http_status <= rule.last)


def _status_after(decision: Decision, attempts: int, max_attempts: int) -> Status:
    if decision is Decision.DELIVERED:
        return Status.DELIVERED
    if decision is Decision.GIVE_UP:
        return Status.FAILED
    return Status.RETRY_SCHEDULED if attempts < max_attempts else Status.MAX_RETRIES_EXCEEDED
