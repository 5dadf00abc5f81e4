"""Endpoints of senders: their settings, health, concurrency and rate."""

__all__ = [
    "concurrency",
    "endpoint",
    "endpoints_table",
    "health",
    "health_recorder",
    "rate",
    "rate_slots",
    "registry",
    "registry_client",
    "store",
]
