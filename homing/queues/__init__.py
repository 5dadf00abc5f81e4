"""Homing's SQS queues: the content of their messages, and how these are sent and redelivered."""

__all__ = [
    "bursts",
    "dead_letters",
    "deliveries",
    "received",
    "text",
    "unaccepted",
    "undispatched",
    "visibility",
]
