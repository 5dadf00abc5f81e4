"""`homing smoke`: does a deployed Homing work, and if not, why?"""

__all__ = ["checks", "finding", "probes"]
