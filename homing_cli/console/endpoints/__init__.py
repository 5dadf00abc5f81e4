"""What the pages of endpoints and senders show: settings, health, what waits or has failed."""

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
