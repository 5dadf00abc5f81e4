"""Homing's queues of deliveries, dead letters and messages that failed earlier; redelivery."""

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
