"""State machine definitions, compiled and executed."""

__all__ = ["definition", "machine"]
