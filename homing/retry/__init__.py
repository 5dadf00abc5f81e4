"""What an outcome means, whether it is worth another attempt, and when that is due."""

__all__ = ["backoff", "classification", "lifetime", "outcome", "plan", "policy"]
