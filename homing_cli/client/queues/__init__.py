"""The queues of dead letters, of undispatched and of unaccepted messages."""

__all__ = ["dead_letters", "held_dead_letters", "unaccepted", "undispatched"]
