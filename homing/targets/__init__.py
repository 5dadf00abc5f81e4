"""Target URLs, and the address guard, which decides which of them may be reached."""

__all__ = ["address_guard", "target", "target_url"]
