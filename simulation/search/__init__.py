"""Looking for histories that break a promise, and making them small."""

__all__ = ["drawing", "exhaustive", "planted", "report", "search", "shrink"]
