"""The function `authorize`: it checks the API key of a request to the key API."""

from __future__ import annotations

from functools import cache
from typing import Any

from homing import deadline
from homing.aws import client
from homing.senders.api_key import ApiKey, read_authorization
from homing.senders.keys_table import KeysTable
from homing.settings import AuthorizeSettings
from lambdas.initialization import initialize
from lambdas.observation import log_message


@cache
def _keys() -> KeysTable:
    # API Gateway waits at most 10 s for an authorizer.
    return KeysTable(
        AuthorizeSettings.from_env().keys_table, client("dynamodb", read_seconds=2, tries=2)
    )


def _find(header: str) -> ApiKey | None:
    presented = read_authorization(header)
    key = None if presented is None else _keys().find(presented.key_id)
    return key if key and presented and key.opens_with(presented.secret) else None


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Return whether a request is allowed, in the authorizer format 2.0 of API Gateway's HTTP APIs.

    Unknown, wrong and revoked keys are refused in the same way. If the table cannot be read, the
    error is raised and the API returns 500, so that no unchecked key is accepted.
    """
    deadline.begin(context)
    key = _find(event["identitySource"][0])
    if key is None:
        log_message("key.refused", "KeyRefused", route=event.get("routeKey"))
        return {"isAuthorized": False}
    return {"isAuthorized": True, "context": {"senderId": key.sender_id, "keyId": key.key_id}}


initialize(_keys)
