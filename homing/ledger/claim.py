"""The claim that an execution makes on an attempt when it wakes up (docs/decisions/0057).

While it slept, the delivery may have been cancelled, or put into the hands of another execution.
One conditional update of the ledger decides: whoever makes it has the attempt, the others stop.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from botocore.exceptions import BotoCoreError, ClientError

from homing import aws
from homing.items import from_dynamodb, to_dynamodb
from homing.ledger.failure import is_express_failure_without_dead_letter, verdict_on_record
from homing.ledger.generation import is_left_to, is_of_previous_acceptance, resumed
from homing.retry.classification import Status
from homing.timestamps import from_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

    from homing.delivery import Reference

# A later generation takes over, and the execution that has claimed may do so again; no other may
# claim what has been claimed, nor what has an end on record or is past.
_CONDITION = (
    "(attribute_not_exists(generation) OR generation < :generation"
    " OR executionName = :executionName) AND "
    "(attribute_not_exists(claimedAttempt) OR claimedAttempt < :attemptNumber"
    " OR executionName = :executionName) AND "
    "(attribute_not_exists(attempts)"
    " OR (attempts <= :attemptNumber AND attribute_exists(nextRetryAt)))"
)


@dataclass(frozen=True, slots=True)
class AttemptClaim:
    """What an execution claims an attempt with.

    Args:
        attempt_number: the attempt, counted from 0.
        execution_name: who claims it.
        generation: that execution's.
        due_at: when the attempt was due, ISO-8601, a whole second.
        expires_at: when the record may be forgotten, epoch seconds.
        due_since: when the attempt was due before it was postponed, by the record, ISO-8601; None
            before the claim is made, and where the record could not tell.
    """

    attempt_number: int
    execution_name: str
    generation: int
    due_at: str
    expires_at: int
    due_since: str | None = None

    @property
    def retention(self) -> timedelta:
        """Give how long the record is kept after the attempt is due."""
        return timedelta(seconds=self.expires_at - from_text(self.due_at).timestamp())

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Self:
        """Read the claim in the input of `Deliver` (docs/architecture.md)."""
        claim = event["claim"]
        return cls(
            event["attemptNumber"],
            claim["executionName"],
            claim["generation"],
            claim["dueAt"],
            claim["expiresAt"],
        )


class AttemptClaims:
    """Claims attempts in the ledger.

    Args:
        table: the table's name.
        report: told where a claim could not be made: an event's name, and its fields.
        client: a DynamoDB client; made with short time-outs where none is given.
    """

    def __init__(
        self,
        table: str,
        report: Callable[[str, dict[str, str]], None],
        client: DynamoDBClient | None = None,
    ) -> None:
        self._table = table
        self._report = report
        # A ledger that is slow must not eat into the time of the attempt.
        self._client: DynamoDBClient = client or aws.client("dynamodb", read_seconds=1, tries=2)

    def contest(
        self, reference: Reference, claim: AttemptClaim, *, at: str
    ) -> AttemptClaim | dict[str, Any]:
        """Claim an attempt: gives the claim if it may be made, else the `outcome` of not making it.

        A ledger that is down must not keep the delivery waiting: then the attempt may be made. So
        it may where the record is of a previous acceptance, which says nothing of this one (0007).

        Args:
            reference: the delivery.
            claim: what the attempt is claimed with.
            at: the time, ISO-8601.
        """
        try:
            answer = self._client.update_item(
                TableName=self._table, **claim_update(reference, claim, at)
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            response: Mapping[str, Any] = error.response
            record = from_dynamodb(response.get("Item", {}))
            if not is_of_previous_acceptance(record, reference.created_at):
                return lost(reference, claim, record)
            self._tell(reference, f"the record is of {record['createdAt']}")
        except (BotoCoreError, ClientError) as error:
            self._tell(reference, f"{type(error).__name__}: {error}")
        else:
            return replace(claim, due_since=from_dynamodb(answer["Attributes"])["nextRetryAt"])
        return claim

    def _tell(self, reference: Reference, reason: str) -> None:
        about = {
            "deliveryId": reference.delivery_id,
            "messageId": reference.message_id,
            "senderId": reference.sender_id,
        }
        self._report("claim.unrecorded", {**about, "reason": reason})


def lost(reference: Reference, claim: AttemptClaim, record: Mapping[str, Any]) -> dict[str, Any]:
    """Give the `outcome` of a claim that the record refuses.

    The attempt is the next one, or another execution has it. Or it has failed in the express path,
    which may have broken before it had dead-lettered the message: then that is for this execution
    to do (0068).
    """
    who = reference.created_at, claim.attempt_number, claim.generation, claim.execution_name
    if is_left_to(record, *who):
        return {"postponed": True, "next": resumed({}, record), "responseTime": None}
    if not claim.generation and is_express_failure_without_dead_letter(
        record, reference.created_at
    ):
        return {
            "recorded": verdict_on_record(record),
            "timestamp": record["lastUpdatedAt"],
            "responseTime": 0,
            "httpStatus": None,
        }
    return {"superseded": True}


def claim_update(reference: Reference, claim: AttemptClaim, at: str) -> dict[str, Any]:
    """Give the arguments of the UpdateItem call that claims an attempt.

    Where there is no record yet, it makes one of a delivery that waits. It answers with the record,
    whose `nextRetryAt` stays as it was before the attempt was postponed.
    """
    values = {
        ":messageId": reference.message_id,
        ":senderId": reference.sender_id,
        ":timestamp": reference.timestamp,
        ":targetUrl": reference.target_url,
        ":correlationId": reference.correlation_id,
        ":createdAt": reference.created_at,
        ":queued": Status.QUEUED.value,
        ":generation": claim.generation,
        ":executionName": claim.execution_name,
        ":attemptNumber": claim.attempt_number,
        ":dueAt": claim.due_at,
        ":now": at,
        ":ttl": claim.expires_at,
        ":none": [],
    }
    return {
        "Key": {"pk": {"S": reference.pk}, "sk": {"S": reference.sk}},
        "UpdateExpression": (
            "SET messageId = :messageId, senderId = :senderId, #timestamp = :timestamp, "
            "targetUrl = :targetUrl, correlationId = :correlationId, createdAt = :createdAt, "
            "#status = if_not_exists(#status, :queued), "
            "attempts = if_not_exists(attempts, :attemptNumber), "
            "nextRetryAt = if_not_exists(nextRetryAt, :dueAt), "
            "retryHistory = if_not_exists(retryHistory, :none), "
            "lastUpdatedAt = if_not_exists(lastUpdatedAt, :now), "
            "#ttl = :ttl, generation = :generation, "
            "executionName = :executionName, claimedAttempt = :attemptNumber"
        ),
        "ConditionExpression": _CONDITION,
        "ReturnValues": "ALL_NEW",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        "ExpressionAttributeNames": {
            "#status": "status",
            "#timestamp": "timestamp",
            "#ttl": "ttl",
        },
        "ExpressionAttributeValues": {name: to_dynamodb(value) for name, value in values.items()},
    }
