"""What the operations of the OpenAPI document are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homing.identifiers import SENDER_ID
from homing_cli.openapi.models import GatewayError, Problem

if TYPE_CHECKING:
    from pydantic import BaseModel

JSON = "application/json"
PROBLEM = "application/problem+json"


def response(
    description: str, model: type[BaseModel], headers: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Give a response with a body; a `Problem` is labelled as what it is."""
    return {"description": description, "content": content(model)} | (
        {"headers": headers} if headers else {}
    )


def refusal(description: str) -> dict[str, Any]:
    """Return the response that Homing gives, or the gateway in front of it."""
    return {
        "description": description,
        "content": {**content(Problem), **content(GatewayError)},
    }


def refused_by_gateway(description: str) -> dict[str, Any]:
    """Return the response of the gateway in front of Homing."""
    return {"description": description, "content": content(GatewayError)}


def sender_parameter() -> dict[str, Any]:
    """Return `senderId`; it has no default, since what is left out depends on the credentials."""
    return {
        "name": "senderId",
        "in": "query",
        "required": False,
        "description": "Left out: the sender of the key, or `default` with AWS credentials.",
        "schema": {"type": "string", "pattern": SENDER_ID.anchored},
    }


def content(model: type[BaseModel]) -> dict[str, Any]:
    """Give the content of a body, by reference to its schema."""
    media_type = PROBLEM if model is Problem else JSON
    return {media_type: {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}


def retry_after() -> dict[str, Any]:
    """Give the header that says when to try again."""
    return {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
