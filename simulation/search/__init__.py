"""The search for histories that break a promise, and shrinking them."""

__all__ = ["drawing", "exhaustive", "planted", "report", "search", "shrink"]
