"""The invariants that every simulated history, and every change to a record, must satisfy."""

__all__ = ["invariants", "view"]
