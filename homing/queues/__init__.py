"""The delivery queue and the dead-letter queue: what goes in, and when it is handed out again."""

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
