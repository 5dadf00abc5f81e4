"""The event that a function gets for `POST /v1/messages`, in payload format 2.0."""

from __future__ import annotations

from typing import Any


def posted(
    body: str | None, *, path: str = "/v1/messages", is_base64: bool = False
) -> dict[str, Any]:
    """Return the event for a body; for None, that for a request without a body."""
    event = {
        "version": "2.0",
        "routeKey": f"POST {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json"},
        "requestContext": {
            "http": {"method": "POST", "path": path},
            "stage": "$default",
        },
        "isBase64Encoded": is_base64,
    }
    return event if body is None else {**event, "body": body}
