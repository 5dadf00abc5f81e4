"""Records the health of endpoints."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self, assert_never

from botocore.exceptions import BotoCoreError, ClientError

from homing.endpoints.endpoints_table import endpoint_key
from homing.endpoints.health import Finding, Step
from homing.errors import DependencyError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from homing.endpoints.endpoint import Endpoint
    from homing.settings import DeliverSettings


class EndpointWatch:
    """Records findings (`homing.endpoints.health`) in the endpoints table.

    Args:
        table: the name of the endpoints table.
        dynamodb: a DynamoDB client.
        limit: how long a run of failures may last; None for no limit.
    """

    def __init__(self, table: str, dynamodb: DynamoDBClient, limit: timedelta | None) -> None:
        self.limit = limit
        self._table = table
        self._dynamodb = dynamodb

    @classmethod
    def connect(cls, settings: DeliverSettings, client: DynamoDBClient) -> Self:
        """Connect to the table that the settings name."""
        limit = timedelta(hours=settings.disable_after_hours) or None
        return cls(settings.endpoints_table, client, limit)

    def record(self, endpoint: Endpoint, finding: Finding, at: str) -> bool:
        """Record a finding. If it disables the endpoint, the table's stream triggers an event.

        Args:
            endpoint: the endpoint as read before the attempt.
            finding: what to record.
            at: the time, in ISO 8601.

        Returns:
            Whether the finding was recorded. It is not recorded if another attempt has recorded the
            same, or if the endpoint has changed. So of several concurrent attempts, only one
            disables the endpoint.

        Raises:
            DependencyError: when recording fails.
        """
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=endpoint_key(endpoint.sender_id, endpoint.endpoint_id),
                **_update_of(endpoint, finding, at),
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        except (BotoCoreError, ClientError) as error:
            raise DependencyError(f"{type(error).__name__}: {error}") from error
        return True


def _update_of(endpoint: Endpoint, finding: Finding, at: str) -> dict[str, Any]:
    """Return the update that records a finding, on condition that the endpoint has not changed.

    The condition fails for outcomes from a previous URL of the endpoint, from a deleted endpoint
    with the same id, and from a previous run of failures.
    """
    condition = "createdAt = :createdAt AND #version = :version"
    values: dict[str, Any] = {
        ":createdAt": {"S": endpoint.created_at},
        ":version": {"N": str(endpoint.version)},
    }
    if finding.run is not None:
        condition += " AND failingSince = :run"
        values[":run"] = {"S": finding.run}
    match finding.step:
        case Step.NOTE_FAILURE:
            update = "SET failingSince = :at"
            condition += " AND attribute_not_exists(failingSince)"
            values[":at"] = {"S": at}
        case Step.NOTE_SUCCESS:
            update = "REMOVE failingSince"
        case Step.DISABLE:
            update = (
                "SET enabled = :no, disabledAt = :at, disabledReason = :reason, updatedAt = :at "
                "ADD #version :one"
            )
            values |= {
                ":at": {"S": at},
                ":reason": {"S": finding.reason},
                ":no": {"BOOL": False},
                ":one": {"N": "1"},
            }
        case unreachable:
            assert_never(unreachable)
    return {
        "UpdateExpression": update,
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {"#version": "version"},
        "ExpressionAttributeValues": values,
    }
