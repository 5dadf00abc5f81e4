"""The HTTP API: its routes, requests, responses and errors.

The request body of a message is in `homing.reception`.
"""

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
