"""An HTTP/1.1 client for one POST: connections, TLS, and how a response is read."""

__all__ = [
    "attempt",
    "channel",
    "connection",
    "exchange",
    "head",
    "response",
    "tls",
    "warm_connections",
]
