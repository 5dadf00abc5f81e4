"""The ledger: the DynamoDB table that holds the full audit trail of every delivery.

The ledger records; it is never what keeps a delivery alive. Each attempt makes one atomic update,
conditional on the attempt it follows. A failed condition is read, not guessed at.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from homing import aws
from homing.items import from_dynamodb, to_dynamodb
from homing.ledger.generation import EXPRESS_PATH, is_left_to, is_of_previous_acceptance, resumed
from homing.retry.classification import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

    from homing.delivery import Reference
    from homing.retry.classification import Verdict
    from homing.retry.outcome import Outcome

# An unrecorded attempt is a gap in the audit trail, so a later attempt may pass over it: `<=`, not
# `=`. Two workers with the same attempt still exclude each other (docs/decisions/0002).
# `nextRetryAt` stands for as long as a retry is due, so an end once recorded stays
# (docs/decisions/0002). An execution that a later generation has taken over from writes nothing any
# more (0057).
ATTEMPT_CONDITION = (
    "(attribute_not_exists(generation) OR generation <= :generation) AND "
    "(attribute_not_exists(attempts) OR "
    "(attempts <= :attemptNumber AND attribute_exists(nextRetryAt)))"
)

# The express path makes a first attempt without a claim. Where another execution has claimed it
# meanwhile, since it was postponed before, the retry is that one's to record: it can go on, the
# express path cannot.
_CLAIM_CONDITION = (
    "(attribute_not_exists(claimedAttempt) OR claimedAttempt < :attemptNumber"
    " OR executionName = :executionName)"
)


class RecordResult(StrEnum):
    """The status of an update of the ledger."""

    RECORDED = "RECORDED"
    REPLAYED = "REPLAYED"
    RESUMED = "RESUMED"
    SUPERSEDED = "SUPERSEDED"
    UNRECORDED = "UNRECORDED"


@dataclass(frozen=True, slots=True)
class Recorded:
    """The result of an update, and a sentence for people.

    Args:
        result: the status of it.
        reason: why.
        resumed: where `RESUMED`, what the delivery goes on with: the attempt that the record waits
            for, in place of the one that the update was to schedule.
    """

    result: RecordResult
    reason: str
    resumed: Mapping[str, Any] | None = None

    def to_document(self, scheduled: Mapping[str, Any]) -> dict[str, Any]:
        """Give the `record` of the delivery document (docs/architecture.md).

        Args:
            scheduled: the `next` of the retry that was to be recorded.
        """
        following = scheduled if self.resumed is None else {**scheduled, **self.resumed}
        return {"result": self.result, "reason": self.reason, "next": following}


def retry_entry(
    reference: Reference,
    attempt_number: int,
    outcome: Outcome,
    verdict: Verdict,
    backoff: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the `retryHistory` entry of a failed attempt."""
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


def retry_update(
    reference: Reference,
    attempt_number: int,
    entry: Mapping[str, Any],
    *,
    expires_at: int,
    generation: int = 0,
    execution_name: str = EXPRESS_PATH,
) -> dict[str, Any]:
    """Give the arguments of the UpdateItem call that records a scheduled retry.

    Sets `attempts` to `attempt_number` + 1, the status, `nextRetryAt`, `lastUpdatedAt`, the keys of
    the attention index and the identity, and appends one entry to `retryHistory`.
    """
    values = {
        ":messageId": reference.message_id,
        ":senderId": reference.sender_id,
        ":timestamp": reference.timestamp,
        ":targetUrl": reference.target_url,
        ":correlationId": reference.correlation_id,
        ":createdAt": reference.created_at,
        ":status": Status.RETRY_SCHEDULED.value,
        ":generation": generation,
        ":executionName": execution_name,
        ":attemptNumber": attempt_number,
        ":attempts": attempt_number + 1,
        ":nextRetryAt": entry["nextRetryTimestamp"],
        ":now": entry["timestamp"],
        ":attention": f"{Status.RETRY_SCHEDULED}#{reference.delivery_id[0]}",
        ":ttl": expires_at,
        ":none": [],
        ":entry": [dict(entry)],
    }
    return {
        "Key": {"pk": {"S": reference.pk}, "sk": {"S": reference.sk}},
        "UpdateExpression": (
            "SET messageId = :messageId, senderId = :senderId, #timestamp = :timestamp, "
            "targetUrl = :targetUrl, correlationId = :correlationId, createdAt = :createdAt, "
            "#status = :status, attempts = :attempts, nextRetryAt = :nextRetryAt, "
            "retryHistory = list_append(if_not_exists(retryHistory, :none), :entry), "
            "lastUpdatedAt = :now, attention = :attention, attentionAt = :nextRetryAt, #ttl = :ttl"
        ),
        "ConditionExpression": f"{ATTEMPT_CONDITION} AND {_CLAIM_CONDITION}",
        "ExpressionAttributeNames": {
            "#status": "status",
            "#timestamp": "timestamp",
            "#ttl": "ttl",
        },
        "ExpressionAttributeValues": {name: to_dynamodb(value) for name, value in values.items()},
    }


class Ledger:
    """The ledger table.

    Args:
        table: the table's name.
        client: a DynamoDB client; made with short time-outs where none is given.
    """

    def __init__(self, table: str, client: DynamoDBClient | None = None) -> None:
        self._table = table
        # Short: a ledger that is slow must not hold the delivery.
        self._client: DynamoDBClient = client or aws.client("dynamodb", read_seconds=2, tries=3)

    def record(self, update: Mapping[str, Any]) -> Recorded:
        """Make one attempt's update. A ledger that cannot be written is a result, not an error."""
        try:
            self._client.update_item(
                TableName=self._table, ReturnValuesOnConditionCheckFailure="ALL_OLD", **update
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            response: Mapping[str, Any] = error.response
            return _read_failed_condition(update, response.get("Item", {}))
        except (BotoCoreError, ClientError) as error:
            return Recorded(RecordResult.UNRECORDED, f"{type(error).__name__}: {error}")
        return Recorded(RecordResult.RECORDED, "recorded")

    def read(self, reference: Reference) -> dict[str, Any] | None:
        """Give a delivery's record as it stands now, None without one.

        DynamoDB deletes expired items days late; a record older than the delivery is none.

        Raises:
            botocore.exceptions.ClientError: when the ledger cannot be read.
        """
        found = self._client.get_item(
            TableName=self._table,
            Key={"pk": {"S": reference.pk}, "sk": {"S": reference.sk}},
            ConsistentRead=True,
        )
        record = from_dynamodb(found["Item"]) if "Item" in found else None
        return (
            None if record and is_of_previous_acceptance(record, reference.created_at) else record
        )

    def keep(self, reference: Reference, dead_letter: str) -> None:
        """Keep a dead letter with the record of its failure, to be redriven without the queue.

        What cannot be kept is still in the dead-letter queue, so a failure is passed over; and a
        delivery that has been brought back meanwhile needs no dead letter.
        """
        with suppress(BotoCoreError, ClientError):
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": reference.pk}, "sk": {"S": reference.sk}},
                UpdateExpression="SET deadLetter = :deadLetter",
                ConditionExpression="#status = :failed OR #status = :exceeded",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues={
                    ":deadLetter": {"S": dead_letter},
                    ":failed": {"S": Status.FAILED.value},
                    ":exceeded": {"S": Status.MAX_RETRIES_EXCEEDED.value},
                },
            )


def _read_failed_condition(update: Mapping[str, Any], item: Mapping[str, Any]) -> Recorded:
    """Tell our own write replayed (the same entry stands there) from another worker's.

    A record of a previous acceptance is nobody's who works on this delivery: it goes on without an
    account.
    """
    (ours,) = update["ExpressionAttributeValues"][":entry"]["L"]
    history = item.get("retryHistory", {}).get("L", [])
    if ours in history:
        return Recorded(RecordResult.REPLAYED, "this very entry had been recorded before")
    record, values = from_dynamodb(item), from_dynamodb(update["ExpressionAttributeValues"])
    if is_of_previous_acceptance(record, values[":createdAt"]):
        return Recorded(RecordResult.UNRECORDED, f"the record is of {record['createdAt']}")
    reason = f"another worker has recorded this attempt ({record.get('attempts')} made)"
    names = ("createdAt", "attemptNumber", "generation", "executionName")
    if is_left_to(record, *(values[f":{name}"] for name in names)):
        return Recorded(RecordResult.RESUMED, reason, resumed({}, record))
    return Recorded(RecordResult.SUPERSEDED, reason)
