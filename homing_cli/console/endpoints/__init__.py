"""What the pages of endpoints and senders show: settings, health, waiting and failed deliveries."""

__all__ = [
    "backlog",
    "health",
    "recent_attempts",
    "registered",
    "rows",
    "sources",
    "tenants",
    "trial",
]
