"""A webhook receiver for tests, which behaves as specified in its URL."""

__all__ = ["server", "verification"]
