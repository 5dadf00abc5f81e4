"""The actors of the simulation: queue pollers, senders, the operator, and the watchdog."""

__all__ = ["operator", "schedule", "workers"]
