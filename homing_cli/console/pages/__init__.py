"""The console"s pages: each function answers one route."""

__all__ = ["actions", "dead_letters", "deliveries", "delivery", "errors", "overview", "what_if"]
