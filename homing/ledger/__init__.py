"""The ledger: one record for each delivery, and every conditional update of it."""

__all__ = ["claim", "compaction", "generation", "record", "table", "transitions", "updates"]
