"""Recording of the health of endpoints, and the event of one that has been disabled."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self, assert_never

from botocore.exceptions import BotoCoreError, ClientError

from homing import aws
from homing.endpoints.endpoints_table import endpoint_key
from homing.endpoints.health import Finding, Step
from homing.errors import DependencyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

    from homing.endpoints.endpoint import Endpoint
    from homing.settings import DeliverSettings

SOURCE = "homing"
DISABLED = "EndpointDisabled"


class EndpointWatch:
    """Records findings in the endpoints table.

    Args:
        table: the name of the endpoints table.
        dynamodb: a DynamoDB client.
        events: makes an EventBridge client, called when one is needed.
        limit: how long a run of failures may last; None for no limit.
    """

    def __init__(
        self,
        table: str,
        dynamodb: DynamoDBClient,
        events: Callable[[], Any],
        limit: timedelta | None,
    ) -> None:
        self.limit = limit
        self._table = table
        self._dynamodb = dynamodb
        self._events = events

    @classmethod
    def connect(cls, settings: DeliverSettings, client: DynamoDBClient) -> Self:
        """Connect to the table that the settings name, and to the default event bus."""
        return cls(
            settings.endpoints_table,
            client,
            lambda: aws.client("events", read_seconds=1, tries=2),
            timedelta(hours=settings.disable_after_hours) or None,
        )

    def record(self, endpoint: Endpoint, finding: Finding, at: str) -> bool:
        """Record a finding. If it disables the endpoint, send an `EndpointDisabled` event.

        Args:
            endpoint: the endpoint as read before the attempt.
            finding: what to record.
            at: the time, ISO-8601.

        Returns:
            False when another attempt has recorded the same or the endpoint has changed. Of any
            number of concurrent attempts, one disables it and one event is sent.

        Raises:
            DependencyError: when recording or sending the event fails.
        """
        try:
            if not self._update(endpoint, finding, at):
                return False
            if finding.step is Step.DISABLE:
                self._tell(endpoint, finding, at)
        except (BotoCoreError, ClientError) as error:
            raise DependencyError(f"{type(error).__name__}: {error}") from error
        return True

    def _update(self, endpoint: Endpoint, finding: Finding, at: str) -> bool:
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=endpoint_key(endpoint.sender_id, endpoint.endpoint_id),
                **_update_of(endpoint, finding, at),
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _tell(self, endpoint: Endpoint, finding: Finding, at: str) -> None:
        detail = {
            "senderId": endpoint.sender_id,
            "endpointId": endpoint.endpoint_id,
            "url": endpoint.url,
            "reason": finding.reason,
            "failingSince": endpoint.failing_since,
            "disabledAt": at,
        }
        entry = {"Source": SOURCE, "DetailType": DISABLED, "Detail": json.dumps(detail)}
        answer = self._events().put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            raise DependencyError(f"no event: {answer['Entries'][0].get('ErrorCode')}")


def _update_of(endpoint: Endpoint, finding: Finding, at: str) -> dict[str, Any]:
    """Return the update that records a finding if the endpoint is unchanged since the attempt.

    The outcome of an attempt at a previous URL, or at a deleted endpoint with the same id, means
    nothing for the endpoint as it is now. Neither does one of a previous run of failures.
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
