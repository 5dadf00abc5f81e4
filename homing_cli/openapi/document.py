"""The OpenAPI document: `python -m homing_cli.openapi.document` writes it from the models."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema

from homing.reception.request_model import MessageRequest
from homing_cli.openapi import endpoints
from homing_cli.openapi.models import (
    AcceptedMessage,
    GatewayError,
    Health,
    MessageState,
    Problem,
    RedrivenMessage,
)
from homing_cli.openapi.parts import (
    content,
    refusal,
    refused_by_gateway,
    response,
    retry_after,
    sender_parameter,
)

if TYPE_CHECKING:
    from pydantic import BaseModel

PATH = Path(__file__).parents[2] / "docs" / "openapi.json"

_MODELS: tuple[type[BaseModel], ...] = (
    MessageRequest,
    AcceptedMessage,
    MessageState,
    RedrivenMessage,
    Problem,
    GatewayError,
    Health,
    *endpoints.MODELS,
)


# What the API in front answers by itself, at every path that is not open to everyone.
_AT_RECEPTION = {
    "401": refused_by_gateway("No valid credentials (MessagesUrl answers 403)"),
    "429": refused_by_gateway("Too many requests"),
}


def openapi_document() -> dict[str, Any]:
    """Make the document (OpenAPI 3.1)."""
    paths = {
        "/v1/messages": {"post": _post_message()},
        "/v1/messages/{messageId}": {"get": _get_message()},
        "/v1/messages/{messageId}/redrive": {"post": _redrive_message()},
        **endpoints.endpoint_paths(),
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Homing",
            "version": version("homing"),
            "description": "Hand over messages, and see the status of them. See docs/api.md.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"key": []}, {"iam": []}],
        "paths": {
            **{path: _behind_the_api(operations) for path, operations in paths.items()},
            "/v1/health": {"get": _get_health()},
        },
        "components": {"schemas": _schemas(), "securitySchemes": {"key": _key(), "iam": _iam()}},
    }


def _behind_the_api(operations: dict[str, Any]) -> dict[str, Any]:
    return {
        method: {**each, "responses": dict(sorted((each["responses"] | _AT_RECEPTION).items()))}
        for method, each in operations.items()
    }


def _post_message() -> dict[str, Any]:
    link = {"Location": {"description": "As links.self.", "schema": {"type": "string"}}}
    return {
        "operationId": "postMessage",
        "summary": "Hand over a message",
        "requestBody": {"required": True, "content": content(MessageRequest)},
        "responses": {
            "202": response("Taken in", AcceptedMessage, headers=link),
            "200": response("Had been taken in before", AcceptedMessage, headers=link),
            "400": response("The request is wrong", Problem),
            "403": refusal("Not let in, or not for this sender"),
            "404": response("The sender has no such endpoint", Problem),
            "409": response("The messageId stands for other content", Problem),
            "413": response("The payload is too large", Problem),
            "503": response("Nothing is promised; repeat", Problem, headers=retry_after()),
        },
    }


def _get_message() -> dict[str, Any]:
    return {
        "operationId": "getMessage",
        "summary": "Ask the status of a message",
        "parameters": _which_message(),
        "responses": {
            "200": response("Every delivery and its history", MessageState),
            "400": response("The request is wrong", Problem),
            "403": refusal("Not let in, or not for this sender"),
            "404": response("No such message is on record", Problem),
            "503": response("The record cannot be read; ask again", Problem, retry_after()),
        },
    }


def _redrive_message() -> dict[str, Any]:
    return {
        "operationId": "redriveMessage",
        "summary": "Bring a message's failed deliveries back, their attempts starting anew",
        "parameters": _which_message(),
        "responses": {
            "202": response("At least one delivery starts anew", RedrivenMessage),
            "200": response("None does; each tells why", RedrivenMessage),
            "400": response("The request is wrong", Problem),
            "403": refusal("Not let in, or not for this sender"),
            "404": response("No such message is on record", Problem),
            "503": response("It broke off; repeat", Problem, retry_after()),
        },
    }


def _which_message() -> list[dict[str, Any]]:
    return [
        {"name": "messageId", "in": "path", "required": True, "schema": {"type": "string"}},
        sender_parameter(),
    ]


def _get_health() -> dict[str, Any]:
    return {
        "operationId": "getHealth",
        "summary": "See whether the API is there",
        "security": [],
        "responses": {
            "200": response("It is", Health),
            "429": _AT_RECEPTION["429"],
        },
    }


def _key() -> dict[str, Any]:
    return {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "hmg_...",
        "description": "The API key of a sender, at SenderApiUrl. It acts for that sender only.",
    }


def _iam() -> dict[str, Any]:
    return {
        "type": "apiKey",
        "name": "Authorization",
        "in": "header",
        "description": (
            "AWS Signature Version 4, service execute-api, at ApiUrl. Messages and trials of "
            "endpoints are taken in at MessagesUrl too, service lambda."
        ),
        "x-amazon-apigateway-authtype": "awsSigv4",
    }


def _schemas() -> dict[str, Any]:
    _, schemas = models_json_schema(
        [(model, "validation") for model in _MODELS],
        ref_template="#/components/schemas/{model}",
    )
    return {name: _untitled(schema) for name, schema in sorted(schemas["$defs"].items())}


def _untitled(schema: Any) -> Any:
    """Leave out the titles that pydantic makes of the names, which say nothing new."""
    match schema:
        case dict():
            return {
                name: _untitled(inner)
                for name, inner in schema.items()
                if not (name == "title" and isinstance(inner, str))
            }
        case list():
            return [_untitled(inner) for inner in schema]
        case _:
            return schema


def text() -> str:
    """Write the document as it is kept in docs/."""
    return json.dumps(openapi_document(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
