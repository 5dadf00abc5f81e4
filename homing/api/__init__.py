"""The HTTP API: its routes, requests (except that of a message), responses and errors."""

__all__ = [
    "answer",
    "batch",
    "delivery_request",
    "endpoint_request",
    "event_match",
    "message_query",
    "problem",
    "routes",
]
