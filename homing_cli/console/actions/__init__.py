"""What an operator can do from the console, and how far each action is."""

__all__ = ["chosen", "console_actions", "jobs"]
