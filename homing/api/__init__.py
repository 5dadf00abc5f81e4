"""The HTTP API: its routes, the requests other than a message, its answers and errors."""

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
