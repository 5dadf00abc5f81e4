"""The pages of the console: each function serves one route."""

__all__ = ["actions", "dead_letters", "deliveries", "delivery", "errors", "overview", "what_if"]
