"""The express path, which makes first attempts, and its protection from slow endpoints."""

__all__ = ["admission", "bounded_wait", "bulkhead", "executions", "express_path"]
