"""The client with which `deliver` reads and writes the registry: one, made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homing.aws import client

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def registry_client() -> DynamoDBClient:
    """Make a DynamoDB client that gives up soon."""
    # A registry that is slow must not eat into the time of the attempt.
    made: DynamoDBClient = client("dynamodb", read_seconds=1, tries=2)
    return made
