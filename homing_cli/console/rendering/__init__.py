"""Rendering of the console: templates, wording, the picture of the state machine."""

__all__ = ["diagram", "view", "wording"]
