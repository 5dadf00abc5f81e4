"""The delivery queue and the dead-letter queue: what goes in, and when it is handed out again."""

__all__ = ["dead_letters", "deliveries", "text", "unaccepted", "undispatched", "visibility"]
