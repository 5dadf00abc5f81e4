"""What the operations of the OpenAPI document are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.api_models import Problem

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


def content(model: type[BaseModel]) -> dict[str, Any]:
    """Give the content of a body, by reference to its schema."""
    media_type = PROBLEM if model is Problem else JSON
    return {media_type: {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}


def retry_after() -> dict[str, Any]:
    """Give the header that says when to try again."""
    return {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
