"""What a request may contain, how messages are accepted and read, and the answers of the API."""

__all__ = [
    "acceptance",
    "answer",
    "batch",
    "endpoint_request",
    "event_match",
    "idempotency",
    "ingested",
    "message",
    "message_query",
    "messages_table",
    "payload",
    "policy_override",
    "problem",
    "raw_json",
    "recipients",
    "request_checks",
    "request_model",
    "routes",
]
