"""How things look on a terminal; nothing here calls AWS or decides anything."""

__all__ = ["live", "render"]
