"""How the console shows things: templates, wording, the picture of the state machine."""

__all__ = ["diagram", "view", "wording"]
