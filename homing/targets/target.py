"""Where a target URL points: what is connected to, and what the request says of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Target:
    """A target URL taken apart.

    Args:
        scheme: `http` or `https`.
        host: the name or address to look up, no brackets.
        port: the port, the scheme's own where the URL names none.
        host_header: the `Host` header: brackets around IPv6, the port unless it is the default.
        path: the request target: path and query exactly as the URL spells them, never
            encoded again; no fragment. User name and password are nowhere in a target.
    """

    scheme: str
    host: str
    port: int
    host_header: str
    path: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """What a connection can be shared by: scheme, host and port."""
        return self.scheme, self.host, self.port

    @property
    def server_name(self) -> str:
        """The name that TLS asks for and checks: certificates hold it without its final dot."""
        return self.host.removesuffix(".")


@lru_cache(maxsize=64)
def parse_target(url: str) -> Target:
    """Take a target URL apart.

    Raises:
        ValueError: when it is no absolute http(s) URL in printable ASCII. Reception has checked
            that, so this stands only between a broken document and a broken request line.
    """
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("the target URL is not printable ASCII")
    parts = urlsplit(url)
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise ValueError("the target URL is not an absolute http or https URL")
    default = DEFAULT_PORTS[parts.scheme]
    port = default if parts.port is None else parts.port
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    # urlsplit cannot tell an empty query from none; only one of them has the question mark.
    _, mark, query = url.partition("#")[0].partition("?")
    return Target(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port,
        host_header=name if port == default else f"{name}:{port}",
        path=f"{parts.path or '/'}{mark}{query}",
    )
