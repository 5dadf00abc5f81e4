"""The function `endpoints`, which lists, creates, changes and deletes endpoints."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aws_cdk import Duration
from constructs import Construct

from homing.timeouts import API_SECONDS

from ..exceptions import except_from
from ..functions.function import PythonFunction
from ..storage.table import grant

if TYPE_CHECKING:
    from ..settings import NamedSettings
    from ..storage.registry import Registry


class EndpointApi(Construct):
    """The function `endpoints`.

    Only this function may write secrets; only it and `deliver` may read them.

    Args:
        settings: the default policy, and which targets may be reached.
        registry: the tables of endpoints and their secrets.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: NamedSettings,
        registry: Registry,
    ) -> None:
        super().__init__(scope, construct_id)
        self.endpoints = PythonFunction(
            self,
            "Endpoints",
            settings=settings,
            timeout=Duration.seconds(API_SECONDS),
            memory_size=512,
            environment={
                "ENDPOINTS_TABLE": registry.endpoints.table_name,
                "SECRETS_TABLE": registry.secrets.table_name,
                "DEFAULT_POLICY": json.dumps(settings.policy.to_document()),
                "ADDRESS_GUARD": json.dumps(settings.address_guard.to_document()),
            },
        )
        self.endpoints.add_layers(*registry.signing_layers)
        change = tuple(f"dynamodb:{do}Item" for do in ("Get", "Put", "Delete", "Update"))
        grant(registry.endpoints, self.endpoints, *change, "dynamodb:Query")
        grant(registry.secrets, self.endpoints, *change)
        registry.key.grant_encrypt_decrypt(self.endpoints)
        for action in ("GenerateDataKey", "ReEncrypt"):
            except_from(
                self.endpoints.own_role,
                f"IAM5[Action::kms:{action}*]",
                "DynamoDB needs these to write to an encrypted table; they apply only to this key.",
            )
