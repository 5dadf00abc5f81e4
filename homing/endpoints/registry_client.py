"""The client with which `deliver` reads and writes the registry: one, made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# A registry that is slow must not eat into the time of the attempt.
_CONFIG = Config(
    connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 2}
)


def registry_client() -> DynamoDBClient:
    """Make a DynamoDB client that gives up soon."""
    return boto3.client("dynamodb", config=_CONFIG)
