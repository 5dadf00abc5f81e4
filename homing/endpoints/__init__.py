"""Endpoints of senders: their settings, health, concurrency, secrets and signatures."""

__all__ = [
    "concurrency",
    "confidential",
    "endpoint",
    "endpoints_table",
    "health",
    "health_recorder",
    "known_endpoints",
    "operators",
    "pattern",
    "rate",
    "rate_slots",
    "registry",
    "registry_client",
    "secret_rotation",
    "secrets_table",
    "signing",
    "store",
    "subscriptions",
]
