"""Homing's SQS queues: what they contain, how it is sent, and when it is redelivered."""

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
