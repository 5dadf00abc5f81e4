"""Figures of the overview: attempts of the last hours, and the current state of the queues."""

__all__ = ["cloudwatch", "figures", "standing"]
