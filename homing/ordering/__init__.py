"""Order per key: deliveries of one line are made one after the other (docs/ordering.md).

A line contains the deliveries of a sender to one endpoint, or URL, with one `orderingKey`. Each has
a place in it, with a sequence that counts from 1. Only the next delivery is queued; the others wait
in their places (docs/decisions/0098).
"""

__all__ = [
    "endings",
    "joining",
    "line",
    "lines_table",
    "places_table",
    "releasing",
    "turns",
]
