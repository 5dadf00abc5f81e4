"""The deployed code, with simulated clients, network, clock, randomness and logs."""

__all__ = ["edges", "functions"]
