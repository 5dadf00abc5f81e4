"""What an endpoint keeps secret: signing secrets, their rotation, and confidential headers."""

__all__ = ["confidential", "secret_rotation", "secrets_table", "signing"]
