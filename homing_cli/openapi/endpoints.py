"""The routes of endpoints in the OpenAPI document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homing.identifiers import ENDPOINT_ID
from homing.reception.endpoint_request import (
    MAX_BODY_BYTES,
    MAX_PAGE,
    EndpointChange,
    EndpointRequest,
    RotationRequest,
)
from homing_cli.openapi.models import (
    AcceptedMessage,
    DeletedEndpoint,
    EndpointList,
    EndpointState,
    NewEndpoint,
    Problem,
    RotatedSecret,
)
from homing_cli.openapi.parts import content, refusal, response, retry_after, sender_parameter

if TYPE_CHECKING:
    from pydantic import BaseModel

MODELS: tuple[type[BaseModel], ...] = (
    EndpointRequest,
    EndpointChange,
    RotationRequest,
    EndpointState,
    NewEndpoint,
    EndpointList,
    DeletedEndpoint,
    RotatedSecret,
)

_TOO_LARGE = f"The request is longer than {MAX_BODY_BYTES} bytes"


def endpoint_paths() -> dict[str, Any]:
    """Give the paths of endpoints."""
    one = "/v1/endpoints/{endpointId}"
    return {
        "/v1/endpoints": {"get": _list()},
        one: {
            "get": _operation("getEndpoint", "Look at an endpoint", EndpointState),
            "put": _put(),
            "patch": _operation("patchEndpoint", "Change it", EndpointState, EndpointChange),
            "delete": _operation("deleteEndpoint", "Delete it", DeletedEndpoint),
        },
        f"{one}/rotate-secret": {
            "post": _operation(
                "rotateSecret", "Give it a new secret", RotatedSecret, RotationRequest
            )
        },
        f"{one}/test": {"post": _test()},
    }


def _list() -> dict[str, Any]:
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": MAX_PAGE}
    return {
        "operationId": "listEndpoints",
        "summary": "List endpoints, ordered by id",
        "parameters": [
            {"name": "after", "in": "query", "required": False, "schema": {"type": "string"}},
            {"name": "limit", "in": "query", "required": False, "schema": limit},
            sender_parameter(),
        ],
        "responses": {"200": response("Some of them", EndpointList), **_refusals(found=True)},
    }


def _put() -> dict[str, Any]:
    operation = _operation("putEndpoint", "Make or replace it", EndpointState, EndpointRequest)
    operation["responses"]["404"] = response("The path can name no endpoint", Problem)
    made = response("Made; its secret is shown this once", NewEndpoint)
    return operation | {"responses": {"201": made, **operation["responses"]}}


def _test() -> dict[str, Any]:
    operation = _operation("testEndpoint", "Send it a test message", AcceptedMessage)
    del operation["responses"]["200"]
    taken_in = response("Taken in", AcceptedMessage)
    return operation | {"responses": {"202": taken_in, **operation["responses"]}}


def _operation(
    name: str, summary: str, answer: type[BaseModel], body: type[BaseModel] | None = None
) -> dict[str, Any]:
    schema = {"type": "string", "pattern": ENDPOINT_ID.anchored}
    endpoint = {"name": "endpointId", "in": "path", "required": True, "schema": schema}
    needed = body is not RotationRequest  # an empty one asks for the defaults
    request = {"requestBody": {"required": needed, "content": content(body)}} if body else {}
    too_large = {"413": response(_TOO_LARGE, Problem)} if body else {}
    return {
        "operationId": name,
        "summary": summary,
        "parameters": [endpoint, sender_parameter()],
        **request,
        "responses": {"200": response("Done", answer), **too_large, **_refusals(found=False)},
    }


def _refusals(*, found: bool) -> dict[str, Any]:
    missing = {} if found else {"404": response("The sender has no such endpoint", Problem)}
    return {
        "400": response("The request is wrong", Problem),
        "403": refusal("Not let in, or not for this sender"),
        **missing,
        "409": response("Changed by somebody else meanwhile", Problem),
        "503": response("Try again", Problem, retry_after()),
    }
