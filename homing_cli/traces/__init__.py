"""The history of a delivery, combined from its executions and its ledger record."""

__all__ = ["execution_history", "executions", "story", "trace"]
