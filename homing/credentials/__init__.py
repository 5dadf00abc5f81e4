"""The secrets of senders and endpoints: signing secrets and confidential headers."""

__all__ = ["confidential", "secret_rotation", "secrets_table", "signing"]
