"""The actions of an operator in the console, and their progress."""

__all__ = ["chosen", "console_actions", "endpoint_actions", "jobs"]
