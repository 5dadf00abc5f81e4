"""Order per key: deliveries of one line are made one after the other (docs/ordering.md).

A line contains the deliveries of a sender to one endpoint (or URL) with one `orderingKey`. Each
delivery has a numbered place in the line; the number, its `sequence`, counts from 1. Only the next
delivery is queued; the others wait in their places (docs/decisions/0098).
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
