"""A webhook receiver for tests, which behaves as its URL says."""

__all__ = ["server", "verification"]
