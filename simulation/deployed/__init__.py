"""The deployed code, with simulated clients, network, clock, chance and logs."""

__all__ = ["edges", "functions"]
