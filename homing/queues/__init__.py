"""The delivery queue and the dead-letter queue: their contents, and redelivery."""

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
