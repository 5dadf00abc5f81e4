"""The parts of a target URL: what to connect to, and what the request contains."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed target URL. It has no user name or password.

    Args:
        scheme: `http` or `https`.
        host: the name or address to look up, without brackets.
        port: the port; by default that of the scheme.
        host_header: the `Host` header, with brackets around an IPv6 address, and with the port
            unless it is the default.
        path: the request target: path and query exactly as in the URL, never encoded again,
            without fragment.
    """

    scheme: str
    host: str
    port: int
    host_header: str
    path: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: targets with the same origin can share a connection."""
        return self.scheme, self.host, self.port

    @property
    def server_name(self) -> str:
        """The name for TLS: the host without a trailing dot, as it is in certificates."""
        return self.host.removesuffix(".")


@lru_cache(maxsize=64)
def parse_target(url: str) -> Target:
    """Parse a target URL.

    Raises:
        ValueError: when it is not an absolute http(s) URL in printable ASCII. URLs were checked on
            acceptance; this check protects the request from a malformed delivery document.
    """
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("the target URL is not printable ASCII")
    parts = urlsplit(url)
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise ValueError("the target URL is not an absolute http or https URL")
    default = DEFAULT_PORTS[parts.scheme]
    port = default if parts.port is None else parts.port
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    # An empty query has a question mark; urlsplit does not distinguish it from no query.
    _, mark, query = url.partition("#")[0].partition("?")
    return Target(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port,
        host_header=name if port == default else f"{name}:{port}",
        path=f"{parts.path or '/'}{mark}{query}",
    )
