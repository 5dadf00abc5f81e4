"""Compiles and executes state machine definitions, as Step Functions does."""

__all__ = ["definition", "machine"]
