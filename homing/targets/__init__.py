"""Where a request may go: target URLs and the address guard."""

__all__ = ["address_guard", "target", "target_url"]
