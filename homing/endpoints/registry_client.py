"""The DynamoDB client of `deliver` for the endpoints and secrets tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homing.aws import client

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def registry_client() -> DynamoDBClient:
    """Return a DynamoDB client with short timeouts, which leave time for the attempt."""
    made: DynamoDBClient = client("dynamodb", read_seconds=1, tries=2)
    return made
