"""Reading deliveries for the console: lists, counts, and the faults that they add up to."""

__all__ = [
    "addressed",
    "answers",
    "catalogue",
    "counts",
    "delivered",
    "faults",
    "selection",
]
