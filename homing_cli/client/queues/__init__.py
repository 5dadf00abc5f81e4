"""The queues of dead letters and of undispatched messages."""

__all__ = ["dead_letters", "held_dead_letters", "undispatched"]
