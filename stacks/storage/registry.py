"""The tables of API keys, endpoints and secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_kms as kms
from constructs import Construct

from ..functions.signing_layer import signing_layers
from .table import table

if TYPE_CHECKING:
    from ..settings import NamedSettings


class Registry(Construct):
    """Three tables, each read by different functions.

    - `keys`: hashes of API keys, for `authorize`. A hash of 256 random bits is not secret.
    - `endpoints`: endpoints without their secrets, for most functions.
    - `secrets`: signing secrets and header values, encrypted with `key`, which only the functions
      `deliver` and `endpoints` may use.

    `signing_layers` contains the layer that these two functions need for ed25519 signatures.

    Args:
        settings: deletion protection and removal policy.
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
        self.endpoints = table(self, "Endpoints", settings, sort_key="sk", streams=True)
        self.secrets = table(self, "Secrets", settings, encryption_key=self.key)
        self.signing_layers = signing_layers(self, settings)
