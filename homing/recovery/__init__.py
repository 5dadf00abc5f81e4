"""How deliveries recover: by actions of an operator (interventions) or alone (watchdog)."""

__all__ = ["interventions", "watchdog"]
