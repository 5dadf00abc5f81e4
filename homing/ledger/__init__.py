"""The audit trail: one record for each delivery, and every conditional update of it."""

__all__ = ["claim", "compaction", "failure", "generation", "interventions", "records", "table"]
