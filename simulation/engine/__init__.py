"""The engine of the simulation: virtual time, processes, random draws, and faults of calls."""

__all__ = ["chance", "clock", "faults", "plans", "process", "replay", "scheduler"]
