"""The ledger, as interventions change it: each change is one conditional update."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homing.delivery import document_text
from homing.items import from_dynamodb, to_dynamodb
from homing.ledger.compaction import redriven_history
from homing.ledger.generation import generation_of
from homing.retry.classification import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

    from homing.delivery import Reference

_NAMES = {"#status": "status", "#timestamp": "timestamp", "#ttl": "ttl"}
_IDENTITY = (
    "messageId = :messageId, senderId = :senderId, #timestamp = :timestamp, "
    "targetUrl = :targetUrl, correlationId = :correlationId, createdAt = :createdAt"
)


class InterventionTable:
    """The ledger table.

    Args:
        table: the table's name.
        client: a DynamoDB client.
    """

    def __init__(self, table: str, client: DynamoDBClient) -> None:
        self._table = table
        self._client = client

    def read(self, reference: Reference) -> dict[str, Any] | None:
        """Give a delivery's record as it stands now, None without one of its own (0007).

        Raises:
            BotoCoreError, ClientError: when the ledger cannot be read.
        """
        found = self._client.get_item(
            TableName=self._table, Key=_key(reference), ConsistentRead=True
        )
        record = from_dynamodb(found["Item"]) if "Item" in found else None
        return record if record and record["createdAt"] == reference.created_at else None

    def redrive(
        self,
        reference: Reference,
        seen: Mapping[str, Any] | None,
        document: Mapping[str, Any],
        execution_name: str,
        *,
        at: str,
    ) -> bool:
        """Take a delivery into the generation of `document`, if its record is as it was seen.

        `attempts` starts anew and the history stays (homing/ledger/compaction.py); what the
        delivery came to before is appended to `redriveHistory`. `redrivenFrom` is the execution
        that had it before: until the new one is started, that one keeps the payload.
        """
        history = redriven_history(seen or {}, at)
        values = {
            **_identity(reference),
            ":status": Status.QUEUED.value,
            ":attempts": 0,
            ":now": at,
            ":generation": document["generation"],
            ":executionName": execution_name,
            ":redrivenFrom": (seen or {}).get("executionName", reference.delivery_id),
            ":ttl": document["expiresAt"],
            **{f":{name}": value for name, value in history.items()},
        }
        if seen is None:
            condition = "attribute_not_exists(pk)"
        else:
            condition = "#status = :seenStatus AND attempts = :seenAttempts AND " + (
                "generation = :seenGeneration"
                if "generation" in seen
                else "attribute_not_exists(generation)"
            )
            values |= {":seenStatus": seen["status"], ":seenAttempts": seen["attempts"]}
            if "generation" in seen:
                values[":seenGeneration"] = generation_of(seen)
        return self._update(
            reference,
            f"SET {_IDENTITY}, #status = :status, attempts = :attempts, nextRetryAt = :now, "
            "generation = :generation, executionName = :executionName, "
            "redrivenFrom = :redrivenFrom, #ttl = :ttl, "
            f"lastUpdatedAt = :now, {', '.join(f'{name} = :{name}' for name in history)} "
            "REMOVE maxRetriesExceeded, maxRetriesExceededAt, claimedAttempt, "
            "attention, attentionAt",
            condition,
            values,
        )

    def cancel(self, reference: Reference, *, at: str, expires_at: int) -> bool:
        """Put an end on record, unless one stands there."""
        values = {
            **_identity(reference),
            ":status": Status.CANCELLED.value,
            ":now": at,
            ":none": [],
            ":zero": 0,
            ":ttl": expires_at,
        }
        return self._update(
            reference,
            f"SET {_IDENTITY}, #status = :status, lastUpdatedAt = :now, "
            "retryHistory = if_not_exists(retryHistory, :none), "
            "attempts = if_not_exists(attempts, :zero), #ttl = if_not_exists(#ttl, :ttl) "
            "REMOVE nextRetryAt, attention, attentionAt",
            "attribute_not_exists(attempts) OR "
            "(attribute_exists(nextRetryAt) AND createdAt = :createdAt)",
            values,
        )

    def dead_letter(
        self, reference: Reference, dead_letter: Mapping[str, Any], execution_name: str, *, at: str
    ) -> bool:
        """Put a failure on record, with its dead letter, for a delivery that only waits.

        From then on the execution that waits has nothing left to do: it cannot claim its attempt.

        Args:
            reference: the delivery.
            dead_letter: the delivery document, with a verdict.
            execution_name: the execution that waits.
            at: when, ISO-8601.

        Returns:
            False where an end is on record, a later generation has the delivery, or another
            execution has claimed its attempt.
        """
        status = Status.FAILED.value
        values = {
            **_identity(reference),
            ":status": status,
            ":now": at,
            ":none": [],
            ":zero": 0,
            ":ttl": dead_letter["expiresAt"],
            ":deadLetter": document_text(dead_letter),
            ":executionName": execution_name,
            ":attention": f"{status}#{reference.delivery_id[0]}",
            ":generation": generation_of(dead_letter),
        }
        return self._update(
            reference,
            f"SET {_IDENTITY}, #status = :status, lastUpdatedAt = :now, deadLetter = :deadLetter, "
            "attention = :attention, attentionAt = :now, "
            "retryHistory = if_not_exists(retryHistory, :none), "
            "attempts = if_not_exists(attempts, :zero), #ttl = if_not_exists(#ttl, :ttl) "
            "REMOVE nextRetryAt",
            "(attribute_not_exists(generation) OR generation <= :generation) AND "
            "(attribute_not_exists(pk) OR (attribute_exists(nextRetryAt) AND "
            "createdAt = :createdAt AND "
            "(attribute_not_exists(claimedAttempt) OR claimedAttempt < attempts"
            " OR executionName = :executionName)))",
            values,
        )

    def _update(
        self, reference: Reference, update: str, condition: str, values: Mapping[str, Any]
    ) -> bool:
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(reference),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames=_NAMES,
                ExpressionAttributeValues={
                    name: to_dynamodb(value) for name, value in values.items()
                },
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _key(reference: Reference) -> dict[str, Any]:
    return {"pk": {"S": reference.pk}, "sk": {"S": reference.sk}}


def _identity(reference: Reference) -> dict[str, Any]:
    return {
        ":messageId": reference.message_id,
        ":senderId": reference.sender_id,
        ":timestamp": reference.timestamp,
        ":targetUrl": reference.target_url,
        ":correlationId": reference.correlation_id,
        ":createdAt": reference.created_at,
    }
