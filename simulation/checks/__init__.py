"""The invariants of histories and of changes of records."""

__all__ = ["invariants", "view"]
