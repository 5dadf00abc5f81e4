"""Who may send, and where to: API keys, endpoints, and the secrets that sign attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_kms as kms
from constructs import Construct

from ..signing_layer import signing_layers
from .table import table

if TYPE_CHECKING:
    from ..settings import NamedSettings


class Registry(Construct):
    """Three tables, each read by other functions.

    - `keys`: hashes of API keys, for `authorize`. A hash of 256 random bits is no secret.
    - `endpoints`: what may be told of endpoints, for reception, delivery and their own API.
    - `secrets`: signing secrets and header values, encrypted with `key`, which only `deliver` and
      the endpoints' own API may use.

    And `signing_layers`, what those two need besides to sign with ed25519.

    Args:
        settings: deletion protection, and what happens to the data when the stack is deleted.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: NamedSettings) -> None:
        super().__init__(scope, construct_id)
        self.key = kms.Key(
            self,
            "Key",
            description="Homing: encrypts the signing secrets of senders and endpoints",
            enable_key_rotation=True,
            removal_policy=settings.removal_policy,
        )
        self.keys = table(self, "Keys", settings)
        self.endpoints = table(self, "Endpoints", settings, sort_key="sk")
        self.secrets = table(self, "Secrets", settings, encryption_key=self.key)
        self.signing_layers = signing_layers(self, settings)
