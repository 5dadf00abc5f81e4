"""Writes endpoints: an endpoint and its secrets are items of two tables, changed together.

Each change is conditional on the `version` that it is based on, so of two concurrent changes, one
fails. Both items have the same `edition`, from which readers see that they belong together.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from homing.credentials.confidential import endpoint_holder
from homing.credentials.secrets_table import (
    SecretsTable,
    conditional_put,
    edition_update,
    secret_key,
)
from homing.endpoints.endpoints_table import EndpointsTable, endpoint_key
from homing.endpoints.rate_slots import rate_change, rate_key
from homing.items import to_dynamodb

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from homing.credentials.confidential import Confidential
    from homing.endpoints.endpoint import Endpoint


class EndpointStore:
    """The endpoints table and the secrets table.

    Every method raises BotoCoreError or ClientError when a call fails.

    Args:
        endpoints_table: the name of the endpoints table.
        secrets_table: the name of the secrets table.
        client: a DynamoDB client.
    """

    def __init__(self, endpoints_table: str, secrets_table: str, client: DynamoDBClient) -> None:
        self.endpoints = EndpointsTable(endpoints_table, client)
        self.secrets = SecretsTable(secrets_table, client)
        self._client = client

    def save(
        self,
        endpoint: Endpoint,
        confidential: Confidential | None = None,
        *,
        has_new_rate: bool = False,
    ) -> bool:
        """Store an endpoint and its confidential data; None leaves that data unchanged.

        Args:
            endpoint: the endpoint.
            confidential: its confidential data.
            has_new_rate: whether its rate has been set, changed or removed.

        Returns:
            Whether the data was stored. If another request has changed the endpoint or its
            confidential data, nothing is stored.
        """
        holder, table = (
            endpoint_holder(endpoint.sender_id, endpoint.endpoint_id),
            self.secrets.name,
        )
        secret: dict[str, Any]
        if confidential is None:
            secret = {"Update": edition_update(table, holder, endpoint.edition)}
        else:
            secret = {
                "Put": conditional_put(
                    table, holder, replace(confidential, edition=endpoint.edition)
                )
            }
        rate = [rate_change(self.endpoints.name, endpoint)] if has_new_rate else []
        return self._transact(
            [{"Put": _endpoint_put(self.endpoints.name, endpoint)}, secret, *rate]
        )

    def delete(self, sender_id: str, endpoint_id: str) -> bool:
        """Delete an endpoint with its secrets. Return False if there is none."""
        holder = endpoint_holder(sender_id, endpoint_id)
        return self._transact(
            [
                {
                    "Delete": {
                        "TableName": self.endpoints.name,
                        "Key": endpoint_key(sender_id, endpoint_id),
                        "ConditionExpression": "attribute_exists(pk)",
                    }
                },
                {"Delete": {"TableName": self.secrets.name, "Key": secret_key(holder)}},
                {
                    "Delete": {
                        "TableName": self.endpoints.name,
                        "Key": rate_key(sender_id, endpoint_id),
                    }
                },
            ]
        )

    def _transact(self, items: list[Any]) -> bool:
        try:
            self._client.transact_write_items(TransactItems=items)
        except self._client.exceptions.TransactionCanceledException as error:
            reasons: Any = error.response.get("CancellationReasons", [])
            codes = {reason.get("Code", "None") for reason in reasons} - {"None"}
            if codes <= {"ConditionalCheckFailed", "TransactionConflict"}:
                return False
            raise
        return True


def _endpoint_put(table: str, endpoint: Endpoint) -> dict[str, Any]:
    item = {name: to_dynamodb(value) for name, value in endpoint.to_item().items()}
    put: dict[str, Any] = {"TableName": table, "Item": item}
    if endpoint.version == 1:
        return put | {"ConditionExpression": "attribute_not_exists(pk)"}
    return put | {
        "ConditionExpression": "#version = :before",
        "ExpressionAttributeNames": {"#version": "version"},
        "ExpressionAttributeValues": {":before": {"N": str(endpoint.version - 1)}},
    }
