"""Who may send, and where to: API keys, endpoints, and the secrets that sign attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.signing_layer import signing_layers

if TYPE_CHECKING:
    from stacks.settings import StackSettings


class Registry(Construct):
    """Three tables, each for other readers.

    - `keys`: hashes of API keys, for `authorize`. A hash of 256 random bits is no secret.
    - `endpoints`: what may be told of endpoints, for reception, delivery and their own API.
    - `secrets`: signing secrets and header values, encrypted with `key`, which only `deliver` and
      the endpoints' own API may use.

    And `signing_layers`, what those two need besides to sign with ed25519.

    Args:
        settings: deletion protection, and what becomes of the data when the stack is deleted.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: StackSettings) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self.key = kms.Key(
            self,
            "Key",
            description="Homing: encrypts the signing secrets of senders and endpoints",
            enable_key_rotation=True,
            removal_policy=settings.removal_policy,
        )
        self.keys = self._table("Keys")
        self.endpoints = self._table("Endpoints", sort_key="sk")
        self.secrets = self._table("Secrets", encryption_key=self.key)
        self.signing_layers = signing_layers(self, settings)

    def _table(
        self, construct_id: str, sort_key: str | None = None, encryption_key: kms.Key | None = None
    ) -> dynamodb.Table:
        return dynamodb.Table(
            self,
            construct_id,
            partition_key=_string("pk"),
            sort_key=_string(sort_key) if sort_key else None,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption_key=encryption_key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=self._settings.deletion_protection,
            removal_policy=self._settings.removal_policy,
        )


def _string(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
