"""What a message may contain, and how messages are accepted."""

__all__ = [
    "acceptance",
    "idempotency",
    "ingested",
    "message",
    "messages_table",
    "payload",
    "policy_override",
    "raw_json",
    "recipients",
    "request_checks",
    "request_model",
]
