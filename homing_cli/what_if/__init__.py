"""What a retry policy would do, and would have done with recorded deliveries."""

__all__ = ["assessment", "histories", "policy_form", "replay"]
