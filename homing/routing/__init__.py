"""Who gets an event: subscriptions of endpoints, and the patterns that filter events."""

__all__ = ["known_endpoints", "operators", "pattern", "subscriptions"]
