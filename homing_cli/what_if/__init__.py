"""What a retry policy would do, and would have done with recorded deliveries."""

__all__ = ["assessment", "policy_form", "replay"]
