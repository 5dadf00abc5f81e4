"""The claim check: large payloads are stored in S3, and a reference is passed in their place."""

__all__ = ["reference", "store"]
