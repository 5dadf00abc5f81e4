"""The pages of the console: each function serves one route."""

__all__ = [
    "actions",
    "dead_letters",
    "deliveries",
    "delivery",
    "endpoint_actions",
    "endpoints",
    "errors",
    "events",
    "overview",
    "redrives",
    "senders",
    "what_if",
]
