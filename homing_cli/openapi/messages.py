"""The request bodies and responses of the routes of messages, and of the health check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homing.api.delivery_request import BulkRedriveRequest
from homing.api.routes import (
    GET_HEALTH,
    GET_MESSAGE,
    GET_REDRIVE,
    LIST_DELIVERIES,
    LIST_OF_ENDPOINT,
    POST_BATCH,
    POST_MESSAGE,
    POST_REDRIVE,
    REDRIVE_MESSAGE,
    STOP_REDRIVE,
)
from homing.reception.request_model import MessageRequest
from homing_cli.openapi.models import (
    AcceptedMessage,
    BatchRequest,
    BatchResults,
    BulkRedriveState,
    DeliveryList,
    GatewayError,
    Health,
    MessageState,
    Problem,
    RedrivenMessage,
    RedrivePreview,
)
from homing_cli.openapi.parts import Operation, content, refusal, response, retry_after

if TYPE_CHECKING:
    from pydantic import BaseModel

    from homing.api.routes import Route

MODELS: tuple[type[BaseModel], ...] = (
    MessageRequest,
    BatchRequest,
    AcceptedMessage,
    BatchResults,
    MessageState,
    DeliveryList,
    RedrivenMessage,
    BulkRedriveRequest,
    RedrivePreview,
    BulkRedriveState,
    Problem,
    GatewayError,
    Health,
)

_INVALID = response("The request is invalid", Problem)
_FORBIDDEN = refusal("Access denied, or `senderId` is not the sender of the key")
_UNKNOWN = response("No such message is on record", Problem)
_NO_REDRIVE = response("The sender has no such bulk redrive", Problem)
_NO_ENDPOINT = response("This cannot be the id of an endpoint", Problem)


def message_operations() -> dict[Route, Operation]:
    """Return the operations of messages and of the health check, by route."""
    return {
        POST_MESSAGE: _post_message(),
        POST_BATCH: _post_batch(),
        GET_MESSAGE: _get_message(),
        LIST_DELIVERIES: _list_deliveries(),
        LIST_OF_ENDPOINT: _list_deliveries()
        | {"responses": _list_deliveries()["responses"] | {"404": _NO_ENDPOINT}},
        REDRIVE_MESSAGE: _redrive_message(),
        POST_REDRIVE: _post_redrive(),
        GET_REDRIVE: _show_redrive("The progress of the bulk redrive"),
        STOP_REDRIVE: _show_redrive(
            "The bulk redrive, now stopped; deliveries already redriven continue"
        ),
        GET_HEALTH: {"responses": {"200": response("The API responds", Health)}},
    }


def _post_message() -> Operation:
    location = {"Location": {"description": "As links.self.", "schema": {"type": "string"}}}
    return {
        "requestBody": {"required": True, "content": content(MessageRequest)},
        "responses": {
            "202": response("Accepted", AcceptedMessage, headers=location),
            "200": response("A duplicate of an accepted message", AcceptedMessage, location),
            "400": _INVALID,
            "403": _FORBIDDEN,
            "404": response("The sender has no such endpoint", Problem),
            "409": response("The messageId is in use for a different message", Problem),
            "413": response("The payload is too large", Problem),
            "429": refusal(
                "Too many requests, the sender's rate is exceeded, or the orderingKey's line is "
                "full"
            )
            | {"headers": retry_after()},
            "503": response(
                "The message may not have been accepted; send it again", Problem, retry_after()
            ),
        },
    }


def _post_batch() -> Operation:
    return {
        "requestBody": {"required": True, "content": content(BatchRequest)},
        "responses": {
            "200": response(
                "The response to each message, in the order of the request", BatchResults
            ),
            "400": response("This is not a batch; no message was accepted", Problem),
            "403": refusal("Access denied"),
            "413": response("The request is too large; no message was accepted", Problem),
        },
    }


def _get_message() -> Operation:
    return {
        "responses": {
            "200": response("Every delivery of the message, with its history", MessageState),
            "400": _INVALID,
            "403": _FORBIDDEN,
            "404": _UNKNOWN,
            "503": response(
                "The status of the message cannot be read; try again", Problem, retry_after()
            ),
        },
    }


def _list_deliveries() -> Operation:
    return {
        "responses": {
            "200": response("A page of the deliveries that match the filter", DeliveryList),
            "400": _INVALID,
            "403": _FORBIDDEN,
            "503": response("The ledger cannot be read; try again", Problem, retry_after()),
        },
    }


def _redrive_message() -> Operation:
    return {
        "responses": {
            "202": response("At least one delivery was redriven", RedrivenMessage),
            "200": response(
                "No delivery was redriven; the `result` of each delivery says why", RedrivenMessage
            ),
            "400": _INVALID,
            "403": _FORBIDDEN,
            "404": _UNKNOWN,
            "503": response(
                "Not all deliveries may have been redriven; send the request again",
                Problem,
                retry_after(),
            ),
        },
    }


def _post_redrive() -> Operation:
    return {
        "requestBody": {"required": True, "content": content(BulkRedriveRequest)},
        "responses": {
            "202": response("The bulk redrive has begun", BulkRedriveState),
            "200": response("With dryRun: the deliveries that would be redriven", RedrivePreview),
            "400": _INVALID,
            "403": _FORBIDDEN,
            "503": response(
                "The bulk redrive may not have begun; send the request again with the same "
                "redriveId",
                Problem,
                retry_after(),
            ),
        },
    }


def _show_redrive(description: str) -> Operation:
    return {
        "responses": {
            "200": response(description, BulkRedriveState),
            "400": _INVALID,
            "403": _FORBIDDEN,
            "404": _NO_REDRIVE,
            "503": response("The bulk redrive cannot be read; try again", Problem, retry_after()),
        },
    }
