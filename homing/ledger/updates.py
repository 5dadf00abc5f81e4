"""The updates of the ledger, as the arguments of UpdateItem without the table name.

Two other updates are made by states of the workflow definition, `RecordDelivered` and
`RecordFailure`. The parts that they share with those here are constants of this module;
tests/unit/homing/ledger/test_updates.py compares the copies in the definition with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from homing.delivery import document_text
from homing.items import to_dynamodb
from homing.ledger.compaction import redriven_history
from homing.ledger.generation import generation_of
from homing.ledger.record import EXPRESS_PATH
from homing.retry.classification import Status
from homing.timestamps import from_text, to_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homing.delivery import Reference
    from homing.ledger.claim import AttemptClaim
    from homing.ledger.record import Record
    from homing.retry.classification import Verdict
    from homing.retry.outcome import Outcome

# `status`, `timestamp` and `ttl` are reserved words of DynamoDB's expressions.
NAMES = {"#status": "status", "#timestamp": "timestamp", "#ttl": "ttl"}

# An optional attribute that a message lacks is stored as null, since the expression is fixed and
# cannot leave the attribute out.
IDENTITY = (
    "messageId = :messageId, senderId = :senderId, #timestamp = :timestamp, "
    "targetUrl = :targetUrl, correlationId = :correlationId, createdAt = :createdAt, "
    "endpointId = :endpointId, eventType = :eventType"
)

# The place of a delivery in its line. To keep records small, a delivery that is in no line does not
# have this attribute. The workflow definition passes the value `:line` in any case, and DynamoDB
# refuses values that no expression uses, so the condition uses it.
LINE = ", line = :line"
LINE_CONDITION = "(attribute_not_exists(line) OR line = :line)"

# What every update that records an attempt sets, regardless of the outcome of the attempt.
ATTEMPT = (
    f"{IDENTITY}, #status = :status, attempts = :attempts, "
    "retryHistory = list_append(if_not_exists(retryHistory, :none), :entry), lastUpdatedAt = :now"
)

# The keys of the two sparse indexes (homing.ledger.delivery_index), and the attribute from which
# lists show the latest attempt, since the indexes do not contain `retryHistory`.
ATTENTION = "attention = :attention, senderAttention = :senderAttention"
CAUSE = "cause = :cause"
UNLISTED = "attention, senderAttention, attentionAt, cause"

# `attempts` may be less than the attempt number: an earlier attempt is missing from the record if
# it could not be recorded. Still, of two executions that make the same attempt, only one can record
# it. A record has `nextRetryAt` only while the delivery waits for an attempt, so the record of an
# ended delivery is final (docs/decisions/0057).
DUE_CONDITION = (
    "(attribute_not_exists(attempts) OR "
    "(attempts <= :attemptNumber AND attribute_exists(nextRetryAt)))"
)

# The record of a waiting delivery names the execution that has the delivery. Only that execution
# may continue, or one of a later generation if the attempt is not claimed yet
# (docs/decisions/0057). No record contains the name that the express path uses. So the express path
# can record a retry or a failure only if no execution has the delivery.
OWNER_CONDITION = (
    "(attribute_not_exists(executionName) OR executionName = :executionName"
    " OR (generation < :generation"
    " AND (attribute_not_exists(claimedAttempt) OR claimedAttempt < :attemptNumber)))"
)
ATTEMPT_CONDITION = f"{OWNER_CONDITION} AND {DUE_CONDITION}"

# An attempt that has succeeded is recorded as delivered no matter which execution has the delivery,
# unless the delivery has been moved to a later generation.
DELIVERED_CONDITION = (
    f"(attribute_not_exists(generation) OR generation <= :generation) AND {DUE_CONDITION}"
)

CLAIM_CONDITION = f"attribute_exists(pk) AND {ATTEMPT_CONDITION}"

# A record from a previous acceptance of the message is replaced (docs/decisions/0022).
OWN_CONDITION = "attribute_not_exists(pk) OR createdAt < :createdAt"


@dataclass(frozen=True, slots=True)
class Retry:
    """A failed attempt and the retry that follows it, to be recorded.

    Args:
        reference: the delivery.
        attempt_number: the attempt that failed, counted from 0.
        entry: the entry of that attempt in `retryHistory` (`retry_entry`).
        expires_at: when the record may be deleted, epoch seconds.
        generation: the generation of the execution that records the attempt.
        execution_name: the name of that execution; `EXPRESS_PATH` for the express path.
    """

    reference: Reference
    attempt_number: int
    entry: Mapping[str, Any]
    expires_at: int
    generation: int = 0
    execution_name: str = EXPRESS_PATH

    @property
    def owner(self) -> str:
        """The name of the execution that makes the retry.

        After a first attempt in the express path, that is the delivery's Standard execution.
        """
        is_express = self.execution_name == EXPRESS_PATH
        return self.reference.delivery_id if is_express else self.execution_name


def retry_entry(
    reference: Reference,
    attempt_number: int,
    outcome: Outcome,
    verdict: Verdict,
    backoff: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the `retryHistory` entry of a failed attempt.

    Args:
        reference: the delivery.
        attempt_number: the attempt, counted from 0.
        outcome: the outcome of the attempt.
        verdict: the verdict on the outcome.
        backoff: the `backoff` of the delivery document (`homing.retry.plan.plan_retry`).
    """
    entry = {
        "attemptNumber": attempt_number,
        "timestamp": outcome.timestamp,
        "errorCategory": verdict.category.value,
        "errorDetails": {"message": verdict.reason},
        "responseTime": outcome.response_time,
        "httpStatus": outcome.http_status,
        "retryDelaySeconds": backoff["retryDelaySeconds"],
        "exponentialDelay": backoff["exponentialDelay"],
        "jitterApplied": backoff["jitterApplied"],
        "nextRetryTimestamp": backoff["nextRetryAt"],
        "correlationId": reference.correlation_id,
    }
    if backoff["retryAfterSeconds"] is not None:
        entry["retryAfterSeconds"] = backoff["retryAfterSeconds"]
    if outcome.target_url is not None:
        entry["targetUrl"] = outcome.target_url
    return entry


def retry_update(retry: Retry) -> dict[str, Any]:
    """Return the update that records a failed attempt and the retry that follows it."""
    entry = retry.entry
    return _update(
        retry.reference,
        f"SET {ATTEMPT}, nextRetryAt = :nextRetryAt, "
        "executionName = :owner, generation = :generation, "
        f"{ATTENTION}, attentionAt = :nextRetryAt, {CAUSE}, #ttl = :ttl",
        ATTEMPT_CONDITION,
        {
            ":status": Status.RETRY_SCHEDULED.value,
            ":generation": retry.generation,
            ":executionName": retry.execution_name,
            ":owner": retry.owner,
            ":attemptNumber": retry.attempt_number,
            ":attempts": retry.attempt_number + 1,
            ":nextRetryAt": entry["nextRetryTimestamp"],
            ":now": entry["timestamp"],
            **_attention(Status.RETRY_SCHEDULED, retry.reference),
            ":cause": cause(entry["errorCategory"], entry["errorDetails"]["message"]),
            ":ttl": retry.expires_at,
            ":none": [],
            ":entry": [dict(entry)],
        },
    )


def owned_item(reference: Reference, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ledger item that assigns a delivery to its execution before the next attempt.

    Args:
        reference: the delivery.
        document: the input of the execution, which is named after the delivery.
    """
    due_at = to_text(from_text(document["dueAt"]))
    return {
        "pk": reference.pk,
        "sk": reference.sk,
        **_attributes(_identity(reference)),
        **({} if reference.line is None else {"line": reference.line}),
        "status": Status.QUEUED.value,
        "attempts": document["attemptNumber"],
        "retryHistory": [],
        "nextRetryAt": due_at,
        "lastUpdatedAt": reference.created_at,
        "ttl": document["expiresAt"],
        "generation": 0,
        "executionName": reference.delivery_id,
        **_attributes(_attention(Status.QUEUED, reference)),
        "attentionAt": due_at,
    }


def own_put(reference: Reference, item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of PutItem that assign a delivery without a record to its execution."""
    return {
        "Item": to_dynamodb(item)["M"],
        "ConditionExpression": OWN_CONDITION,
        "ExpressionAttributeValues": {":createdAt": {"S": reference.created_at}},
    }


def claim_update(reference: Reference, claim: AttemptClaim) -> dict[str, Any]:
    """Return the update that claims an attempt.

    DynamoDB's response to the update contains the record. The update leaves `nextRetryAt`
    unchanged: this is still the time at which the attempt was due before it was postponed.
    """
    values = {
        ":generation": claim.generation,
        ":executionName": claim.execution_name,
        ":attemptNumber": claim.attempt_number,
        ":ttl": claim.expires_at,
    }
    return {
        "Key": key_of(reference),
        "UpdateExpression": "SET #ttl = :ttl, generation = :generation, "
        "executionName = :executionName, claimedAttempt = :attemptNumber",
        "ConditionExpression": CLAIM_CONDITION,
        "ExpressionAttributeNames": {"#ttl": "ttl"},
        "ExpressionAttributeValues": {name: to_dynamodb(value) for name, value in values.items()},
        "ReturnValues": "ALL_NEW",
    }


def keep_dead_letter_update(reference: Reference, dead_letter: str) -> dict[str, Any]:
    """Return the update that stores a dead letter in the record of a failed delivery."""
    return {
        "Key": key_of(reference),
        "UpdateExpression": "SET deadLetter = :deadLetter",
        "ConditionExpression": "#status = :failed OR #status = :exceeded",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": {
            ":deadLetter": {"S": dead_letter},
            ":failed": {"S": Status.FAILED.value},
            ":exceeded": {"S": Status.MAX_RETRIES_EXCEEDED.value},
        },
    }


def redrive_update(
    reference: Reference,
    seen: Record | None,
    document: Mapping[str, Any],
    execution_name: str,
    at: str,
) -> dict[str, Any]:
    """Return the update that moves a delivery to its next generation, if its record is unchanged.

    `attempts` starts again from 0. Earlier attempts stay in `retryHistory`
    (`homing.ledger.compaction`), and the status before the redrive is appended to `redriveHistory`.
    `redrivenFrom` names the previous execution: until the new one is started, only the previous one
    has the payload.

    Args:
        reference: the delivery.
        seen: the delivery's record as the caller has read it; None if there was none.
        document: the delivery document of the new generation.
        execution_name: the execution that the caller will start with this document.
        at: the time, in ISO 8601.
    """
    history = redriven_history(seen, at)
    condition, seen_values = _as_seen(seen)
    return _update(
        reference,
        f"SET {IDENTITY}, #status = :status, attempts = :attempts, nextRetryAt = :now, "
        "generation = :generation, executionName = :executionName, "
        "redrivenFrom = :redrivenFrom, #ttl = :ttl, "
        f"lastUpdatedAt = :now, {', '.join(f'{name} = :{name}' for name in history)}, "
        f"{ATTENTION}, attentionAt = :now "
        "REMOVE maxRetriesExceeded, maxRetriesExceededAt, claimedAttempt",
        condition,
        {
            ":status": Status.QUEUED.value,
            ":attempts": 0,
            ":now": at,
            ":generation": document["generation"],
            ":executionName": execution_name,
            **_attention(Status.QUEUED, reference),
            ":redrivenFrom": (seen and seen.execution_name) or reference.delivery_id,
            ":ttl": document["expiresAt"],
            **{f":{name}": value for name, value in history.items()},
            **seen_values,
        },
    )


def take_up_update(
    reference: Reference,
    seen: Record,
    document: Mapping[str, Any],
    execution_name: str,
    at: str,
) -> dict[str, Any]:
    """Return the update that moves a waiting delivery to the next generation.

    If the previous execution has claimed an attempt, the claim is removed. Until the new execution
    starts, only the previous one (`redrivenFrom`) has the payload.

    Args:
        reference: the delivery.
        seen: the delivery's record as the caller has read it.
        document: the delivery document of the next generation.
        execution_name: the execution that the caller will start with this document.
        at: the time, in ISO 8601.
    """
    condition, seen_values = _as_seen(seen)
    return _update_as(
        reference,
        "SET generation = :generation, executionName = :executionName, "
        "redrivenFrom = :redrivenFrom, #ttl = :ttl, attentionAt = :now REMOVE claimedAttempt",
        condition,
        {
            ":generation": document["generation"],
            ":executionName": execution_name,
            ":redrivenFrom": seen.execution_name,
            ":ttl": document["expiresAt"],
            ":now": at,
            **seen_values,
        },
    )


def look_again_update(reference: Reference, seen: Record, at: str) -> dict[str, Any]:
    """Return the update that makes the watchdog check a record again at a later time."""
    condition, seen_values = _as_seen(seen)
    return _update_as(reference, "SET attentionAt = :at", condition, {":at": at, **seen_values})


def settled_update(reference: Reference, seen: Record) -> dict[str, Any]:
    """Return the update after which the watchdog no longer checks a record."""
    condition, seen_values = _as_seen(seen)
    return _update_as(reference, f"REMOVE {UNLISTED}", condition, seen_values)


def list_failure_update(reference: Reference, seen: Record) -> dict[str, Any]:
    """Return the update that indexes a delivery as failed once its dead letter is sent.

    Until then the index lists it among the waiting deliveries, where the watchdog finds it.
    """
    condition, seen_values = _as_seen(seen)
    return _update_as(
        reference,
        f"SET {ATTENTION}, attentionAt = lastUpdatedAt",
        condition,
        {**_attention(seen.status, reference), **seen_values},
    )


def cancel_update(reference: Reference, at: str, expires_at: int) -> dict[str, Any]:
    """Return the update that cancels a delivery, unless it has ended."""
    return _update(
        reference,
        f"SET {IDENTITY}, #status = :status, lastUpdatedAt = :now, "
        f"{ATTENTION}, attentionAt = :now, "
        "retryHistory = if_not_exists(retryHistory, :none), "
        "attempts = if_not_exists(attempts, :zero), #ttl = if_not_exists(#ttl, :ttl) "
        "REMOVE nextRetryAt",
        "attribute_not_exists(attempts) OR "
        "(attribute_exists(nextRetryAt) AND createdAt = :createdAt)",
        {
            ":status": Status.CANCELLED.value,
            **_attention(Status.CANCELLED, reference),
            ":now": at,
            ":none": [],
            ":zero": 0,
            ":ttl": expires_at,
        },
    )


def dead_letter_update(
    reference: Reference, dead_letter: Mapping[str, Any], execution_name: str, at: str
) -> dict[str, Any]:
    """Return the update that records the failure of a waiting delivery, with its dead letter.

    Args:
        reference: the delivery.
        dead_letter: the delivery document, with a verdict.
        execution_name: the execution that waits.
        at: the time, in ISO 8601.
    """
    return _update(
        reference,
        f"SET {IDENTITY}, #status = :status, lastUpdatedAt = :now, deadLetter = :deadLetter, "
        f"{ATTENTION}, attentionAt = :now, {CAUSE}, "
        "retryHistory = if_not_exists(retryHistory, :none), "
        "attempts = if_not_exists(attempts, :zero), #ttl = if_not_exists(#ttl, :ttl) "
        "REMOVE nextRetryAt",
        f"{OWNER_CONDITION} AND "
        "(attribute_not_exists(pk) OR (attribute_exists(nextRetryAt) AND createdAt = :createdAt))",
        {
            ":status": Status.FAILED.value,
            ":now": at,
            ":none": [],
            ":zero": 0,
            ":ttl": dead_letter["expiresAt"],
            ":deadLetter": document_text(dead_letter),
            **_attention(Status.FAILED, reference),
            ":cause": cause(dead_letter["verdict"]["category"], dead_letter["verdict"]["reason"]),
            ":executionName": execution_name,
            ":generation": generation_of(dead_letter),
            ":attemptNumber": dead_letter["attemptNumber"],
        },
    )


def key_of(reference: Reference) -> dict[str, Any]:
    """Return the key of a delivery's item."""
    return {"pk": {"S": reference.pk}, "sk": {"S": reference.sk}}


def _update(
    reference: Reference, expression: str, condition: str, values: Mapping[str, Any]
) -> dict[str, Any]:
    every = {**_identity(reference), **values}
    if reference.line is not None:
        expression = expression.replace(IDENTITY, f"{IDENTITY}{LINE}", 1)
        every[":line"] = reference.line
    return {
        "Key": key_of(reference),
        "UpdateExpression": expression,
        "ConditionExpression": condition,
        "ExpressionAttributeNames": dict(NAMES),
        "ExpressionAttributeValues": {name: to_dynamodb(value) for name, value in every.items()},
    }


def _update_as(
    reference: Reference, expression: str, condition: str, values: Mapping[str, Any]
) -> dict[str, Any]:
    """Return an update of an existing record that leaves its identifying attributes unchanged."""
    names = {name: real for name, real in NAMES.items() if name in f"{expression} {condition}"}
    return {
        "Key": key_of(reference),
        "UpdateExpression": expression,
        "ConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": {name: to_dynamodb(value) for name, value in values.items()},
    }


def _identity(reference: Reference) -> dict[str, str | None]:
    """Return the values of the attributes that identify the record."""
    return {
        ":messageId": reference.message_id,
        ":senderId": reference.sender_id,
        ":timestamp": reference.timestamp,
        ":targetUrl": reference.target_url,
        ":correlationId": reference.correlation_id,
        ":createdAt": reference.created_at,
        ":endpointId": reference.endpoint_id,
        ":eventType": reference.event_type,
    }


def cause(category: str, reason: str) -> dict[str, str]:
    """Return the attribute `cause`: what lists of deliveries show about the latest attempt."""
    return {"category": category, "reason": reason}


def _attributes(values: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return the values of an expression, with the key `messageId` instead of `:messageId`."""
    return {name[1:]: value for name, value in values.items()}


def _attention(status: Status, reference: Reference) -> dict[str, str]:
    """Return a delivery's partition keys in the indexes `attention` and `senderAttention`.

    In each index, the deliveries of a status are spread over sixteen partitions.
    """
    partition = f"{status}#{reference.delivery_id[0]}"
    return {":attention": partition, ":senderAttention": f"{reference.sender_id}#{partition}"}


def _as_seen(seen: Record | None) -> tuple[str, dict[str, Any]]:
    """Return the condition that a record is unchanged, and the values used in the condition."""
    if seen is None:
        return "attribute_not_exists(pk)", {}
    condition = "#status = :seenStatus AND attempts = :seenAttempts AND "
    values = {":seenStatus": seen.status.value, ":seenAttempts": seen.attempts}
    if seen.stored_generation is None:
        return f"{condition}attribute_not_exists(generation)", values
    return (
        f"{condition}generation = :seenGeneration",
        {**values, ":seenGeneration": seen.stored_generation},
    )
