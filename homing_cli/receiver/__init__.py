"""A webhook receiver for trying things out: it does what its URL says."""

__all__ = ["server", "verification"]
