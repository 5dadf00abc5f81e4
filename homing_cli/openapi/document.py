"""The OpenAPI document; `python -m homing_cli.openapi.document` writes it to docs/openapi.json.

Its paths come from `homing.api.routes`, its schemas from the models of requests and responses.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from homing.api.routes import ROUTES, Route
from homing_cli.openapi import endpoints, messages
from homing_cli.openapi.endpoints import endpoint_operations
from homing_cli.openapi.messages import message_operations
from homing_cli.openapi.parts import Operation, parameters, refused_by_gateway

PATH = Path(__file__).parents[2] / "docs" / "openapi.json"


def openapi_document() -> dict[str, Any]:
    """Return the OpenAPI document of the API (version 3.1 of OpenAPI)."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Homing",
            "version": version("homing"),
            "description": "Send messages, and get their status. See docs/api.md.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"key": []}, {"iam": []}],
        "paths": _paths(),
        "components": {"schemas": _schemas(), "securitySchemes": {"key": _key(), "iam": _iam()}},
    }


def _paths() -> dict[str, dict[str, Operation]]:
    operations = message_operations() | endpoint_operations()
    paths: dict[str, dict[str, Operation]] = {}
    for route in ROUTES:
        operation = _operation(route, operations[route])
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    return paths


def _operation(route: Route, given: Operation) -> Operation:
    responses = dict(sorted((_from_gateway(route) | given["responses"]).items()))
    taken = parameters(route)
    return {
        "operationId": route.operation_id,
        "summary": route.summary,
        **({"security": []} if route.is_open else {}),
        **({"parameters": taken} if taken else {}),
        **given,
        "responses": responses,
    }


def _from_gateway(route: Route) -> dict[str, Any]:
    """Return the responses that come from API Gateway itself, not from Homing."""
    throttled = {"429": refused_by_gateway("Too many requests")}
    if route.is_open:
        return throttled
    return {"401": refused_by_gateway("No valid credentials (MessagesUrl: 403)")} | throttled


def _key() -> dict[str, Any]:
    return {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "hmg_...",
        "description": "The API key of a sender, for SenderApiUrl. It acts for that sender only.",
    }


def _iam() -> dict[str, Any]:
    return {
        "type": "apiKey",
        "name": "Authorization",
        "in": "header",
        "description": (
            "AWS Signature Version 4: service execute-api for ApiUrl; service lambda for "
            "MessagesUrl, which accepts only messages, batches and test messages."
        ),
        "x-amazon-apigateway-authtype": "awsSigv4",
    }


def _schemas() -> dict[str, Any]:
    _, schemas = models_json_schema(
        [(model, "validation") for model in messages.MODELS + endpoints.MODELS],
        ref_template="#/components/schemas/{model}",
    )
    return {name: _untitled(schema) for name, schema in sorted(schemas["$defs"].items())}


def _untitled(schema: Any) -> Any:
    """Remove the titles that pydantic derives from the names of models and fields."""
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
    """Return the text of docs/openapi.json."""
    return json.dumps(openapi_document(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
