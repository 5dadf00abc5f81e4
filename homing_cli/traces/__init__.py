"""What happened to a delivery: its executions' histories and its record, told together."""

__all__ = ["execution_history", "executions", "story", "trace"]
