"""Parts of the operations in the OpenAPI document."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

from homing.api.delivery_request import FilterRequest
from homing.api.endpoint_request import MAX_PAGE
from homing.identifiers import ENDPOINT_ID, SENDER_ID
from homing_cli.openapi.models import GatewayError, Problem

if TYPE_CHECKING:
    from pydantic import BaseModel

    from homing.api.routes import Route

JSON = "application/json"
PROBLEM = "application/problem+json"

Operation: TypeAlias = dict[str, Any]
Response: TypeAlias = dict[str, Any]


def _of_filter() -> dict[str, dict[str, Any]]:
    """Return the query parameters of a filter: the fields of `FilterRequest`."""
    schema = FilterRequest.model_json_schema(ref_template="#/components/schemas/{model}")
    return {
        name: {
            "description": field["description"],
            "schema": {
                key: value for key, value in field.items() if key not in {"description", "title"}
            },
        }
        | ({"style": "form", "explode": False} if field.get("type") == "array" else {})
        for name, field in schema["properties"].items()
    }


_PARAMETERS: dict[str, dict[str, Any]] = {
    **_of_filter(),
    "messageId": {"schema": {"type": "string"}},
    "endpointId": {"schema": {"type": "string", "pattern": ENDPOINT_ID.anchored}},
    # There is no default in the schema, since the default depends on the credentials.
    "senderId": {
        "description": "Default: the sender of the key, or `default` with AWS credentials.",
        "schema": {"type": "string", "pattern": SENDER_ID.anchored},
    },
    "redriveId": {"schema": {"type": "string"}},
    "after": {"schema": {"type": "string"}},
    "limit": {
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": MAX_PAGE}
    },
}


def parameters(route: Route) -> list[dict[str, Any]]:
    """Return the path and query parameters of a route."""
    in_path = re.findall(r"\{(\w+)\}", route.path)
    return [
        *({"name": name, "in": "path", "required": True, **_PARAMETERS[name]} for name in in_path),
        *(
            {"name": name, "in": "query", "required": False, **_PARAMETERS[name]}
            for name in route.query
        ),
    ]


def response(
    description: str, model: type[BaseModel], headers: dict[str, Any] | None = None
) -> Response:
    """Return the description of a response with a body."""
    return {"description": description, "content": content(model)} | (
        {"headers": headers} if headers else {}
    )


def refusal(description: str) -> Response:
    """Return the description of an error response, whose body comes from Homing or API Gateway."""
    return {
        "description": description,
        "content": {**content(Problem), **content(GatewayError)},
    }


def refused_by_gateway(description: str) -> Response:
    """Return the description of an error response that comes from API Gateway itself."""
    return {"description": description, "content": content(GatewayError)}


def content(model: type[BaseModel]) -> dict[str, Any]:
    """Return the content of a body, which refers to the schema of the model."""
    media_type = PROBLEM if model is Problem else JSON
    return {media_type: {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}


def retry_after() -> dict[str, Any]:
    """Return the description of the header `Retry-After`."""
    return {"Retry-After": {"description": "In seconds.", "schema": {"type": "integer"}}}
