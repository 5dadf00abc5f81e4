"""The express path: first attempts, and what keeps slow endpoints from holding up the others."""

__all__ = ["admission", "bounded_wait", "bulkhead", "executions", "express_path"]
