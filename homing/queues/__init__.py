"""The delivery queue and the dead-letter queue: what they contain, and when it is redelivered."""

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
