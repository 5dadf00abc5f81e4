"""Figures of the overview: attempts of the last hours, and the queues now."""

__all__ = ["cloudwatch", "figures", "standing"]
