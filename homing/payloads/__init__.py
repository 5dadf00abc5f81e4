"""The claim check: large payloads wait in S3, and a reference travels in their place."""

__all__ = ["reference", "store"]
