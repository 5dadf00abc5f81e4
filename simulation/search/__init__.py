"""Searches for simulated histories that break a promise, and shrinks those that it finds."""

__all__ = ["drawing", "exhaustive", "planted", "report", "search", "shrink"]
