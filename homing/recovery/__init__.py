"""How deliveries are recovered: by an operator, one or many at a time, or by the watchdog."""

__all__ = [
    "bulk_redrive",
    "bulk_redrives",
    "bulk_runner",
    "interventions",
    "redrives_table",
    "superfluous",
    "watchdog",
]
