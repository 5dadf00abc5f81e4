"""The express path: first attempts, isolated from slow endpoints."""

__all__ = ["admission", "bounded_wait", "bulkhead", "executions", "express_path"]
