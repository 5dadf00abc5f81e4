"""What acts by itself: queue pollers, senders, and the operator."""

__all__ = ["operator", "workers"]
