"""What starts calls in the simulation: senders, the operator, queue pollers, and schedules."""

__all__ = ["operator", "schedule", "workers"]
