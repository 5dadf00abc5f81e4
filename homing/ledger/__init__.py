"""The ledger: one record for each delivery, and every conditional update of it."""

__all__ = [
    "claim",
    "compaction",
    "generation",
    "read_ahead",
    "record",
    "table",
    "transitions",
    "updates",
]
