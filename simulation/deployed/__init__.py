"""The deployed code, with its edges exchanged: clients, network, clock, chance, logs."""

__all__ = ["deployment", "functions"]
