"""Output on a terminal. Nothing here calls AWS or makes decisions."""

__all__ = ["live", "render"]
