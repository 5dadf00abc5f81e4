"""The effect of a retry policy: its schedule, its load, and a replay of recorded deliveries."""

__all__ = ["assessment", "histories", "policy_form", "replay"]
