"""Reads deliveries for the console: lists, counts and faults."""

__all__ = [
    "addressed",
    "answers",
    "catalogue",
    "counts",
    "delivered",
    "faults",
    "selection",
]
