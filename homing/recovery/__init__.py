"""How deliveries recover: by actions of an operator, on one or on many, or alone (watchdog)."""

__all__ = [
    "bulk_redrive",
    "bulk_redrives",
    "bulk_runner",
    "interventions",
    "redrives_table",
    "superfluous",
    "watchdog",
]
