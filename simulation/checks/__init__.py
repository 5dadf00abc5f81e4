"""What must hold of every history and of every change of a record."""

__all__ = ["invariants", "view"]
