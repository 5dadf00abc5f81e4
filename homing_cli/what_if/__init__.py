"""The effect of a retry policy: its schedule, its load, and its results for recorded deliveries."""

__all__ = ["assessment", "histories", "policy_form", "replay"]
