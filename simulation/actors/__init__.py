"""The actors of the simulation: queue pollers, senders, and the operator."""

__all__ = ["operator", "workers"]
