"""API keys of senders, and the sender that a request acts for."""

__all__ = ["acting_sender", "api_key", "keys_table"]
