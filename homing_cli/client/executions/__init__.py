"""Executions of the Standard workflow that are waiting or broken."""

__all__ = ["broken", "waiting"]
