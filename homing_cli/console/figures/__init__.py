"""How deliveries went over the last hours, and how things stand now."""

__all__ = ["cloudwatch", "figures", "standing"]
