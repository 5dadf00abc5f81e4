"""Retries: what an outcome means, whether to retry, and when."""

__all__ = ["backoff", "classification", "lifetime", "outcome", "plan", "policy"]
