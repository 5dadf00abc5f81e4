"""Virtual time, processes, randomness, and the faults at the boundary of every call."""

__all__ = ["chance", "clock", "faults", "plans", "process", "replay", "scheduler"]
