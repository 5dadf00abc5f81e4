"""The request bodies and responses of the routes of endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homing.api.endpoint_request import (
    MAX_BODY_BYTES,
    EndpointChange,
    EndpointRequest,
    RotationRequest,
)
from homing.api.event_match import EventRequest
from homing.api.routes import (
    DELETE_ENDPOINT,
    GET_ENDPOINT,
    LIST_ENDPOINTS,
    MATCH_EVENT,
    PATCH_ENDPOINT,
    PUT_ENDPOINT,
    ROTATE_SECRET,
    TEST_ENDPOINT,
)
from homing_cli.openapi.models import (
    AcceptedMessage,
    DeletedEndpoint,
    EndpointList,
    EndpointState,
    MatchedEvent,
    NewEndpoint,
    Problem,
    RotatedSecret,
)
from homing_cli.openapi.parts import Operation, Response, content, refusal, response, retry_after

if TYPE_CHECKING:
    from pydantic import BaseModel

    from homing.api.routes import Route

MODELS: tuple[type[BaseModel], ...] = (
    EndpointRequest,
    EndpointChange,
    RotationRequest,
    EventRequest,
    MatchedEvent,
    EndpointState,
    NewEndpoint,
    EndpointList,
    DeletedEndpoint,
    RotatedSecret,
)

_CREATED = "The endpoint with its signing secret, which is shown only once"


def endpoint_operations() -> dict[Route, Operation]:
    """Return the operations of endpoints, by route."""
    put = _operation(
        response("Replaced", EndpointState),
        EndpointRequest,
        not_found="The path has no valid endpointId",
    )
    put["responses"] = {"201": response(_CREATED, NewEndpoint), **put["responses"]}
    accepted = response("Accepted", AcceptedMessage)
    return {
        LIST_ENDPOINTS: {
            "responses": {"200": response("A page of endpoints", EndpointList), **_refusals()}
        },
        GET_ENDPOINT: _operation(response("The endpoint", EndpointState)),
        PUT_ENDPOINT: put,
        PATCH_ENDPOINT: _operation(response("Changed", EndpointState), EndpointChange),
        DELETE_ENDPOINT: _operation(response("Deleted", DeletedEndpoint)),
        ROTATE_SECRET: _operation(response("The new secret", RotatedSecret), RotationRequest),
        MATCH_EVENT: _match(),
        TEST_ENDPOINT: _operation(accepted, status="202"),
    }


def _match() -> Operation:
    operation = _operation(response("Each endpoint of the sender", MatchedEvent), EventRequest)
    for status in ("404", "409"):  # the request names no endpoint and changes none
        del operation["responses"][status]
    return operation


def _operation(
    success: Response,
    body: type[BaseModel] | None = None,
    *,
    status: str = "200",
    not_found: str = "The sender has no such endpoint",
) -> Operation:
    responses = {status: success, "404": response(not_found, Problem), **_refusals()}
    if body is None:
        return {"responses": responses}
    required = body is not RotationRequest  # an empty body means the defaults
    responses["413"] = response(f"The request is longer than {MAX_BODY_BYTES} bytes", Problem)
    return {
        "requestBody": {"required": required, "content": content(body)},
        "responses": responses,
    }


def _refusals() -> dict[str, Response]:
    return {
        "400": response("The request is invalid", Problem),
        "403": refusal("Access denied, or `senderId` is not the sender of the key"),
        "409": response("Another request changed the endpoint at the same time", Problem),
        "503": response("Homing cannot do this right now; try again", Problem, retry_after()),
    }
