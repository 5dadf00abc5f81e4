"""Accepting messages: what a request may contain, idempotency, and the answers."""

__all__ = [
    "acceptance",
    "answer",
    "endpoint_request",
    "idempotency",
    "message",
    "message_query",
    "messages_table",
    "payload",
    "policy_override",
    "problem",
    "raw_json",
    "request_model",
]
