"""Executions of the Standard workflow that wait, or that broke."""

__all__ = ["broken", "waiting"]
