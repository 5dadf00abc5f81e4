"""The address guard: requests go only to public addresses, over allowed ports.

Untrusted senders choose the targets, and requests start inside a network that the senders cannot
reach themselves. So there are two checks, and both must pass:

    check_url       the URL: at reception, and again before the name look-up
    check_address   every address that the name resolves to, before connecting to that address

The module `ipaddress` only parses addresses. Which addresses are public is defined in
special_use.py, since `is_global` of `ipaddress` differs between versions of Python
(docs/decisions/0030).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import TYPE_CHECKING, Any, Self

from homing.targets.special_use import SPECIAL_DOMAINS, behind_translator, special_use

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from homing.targets.target import Target

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

DEFAULT_PORTS = frozenset({80, 443, 8080, 8443})

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_\-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_MAX_NAME_LENGTH = 253  # RFC 1035, section 2.3.4, as text

# Hosts that inet_aton, and therefore getaddrinfo, may take for an IPv4 address. Octal, hexadecimal,
# short and whole-number forms of an address all end in a number, and no DNS name does ("ends in a
# number" in the WHATWG URL standard).
_ENDS_IN_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9A-Fa-f]*)\.?", re.DOTALL)
_OCTET = r"(?:0|[1-9][0-9]{0,2})"
_DOTTED = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")

_NO_PUBLIC_HOST = "names no public host"
_OWN_HOST = "is an API of Homing itself, to which it does not deliver"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a target is refused.

    Args:
        reason: for the operator's log; may contain internal addresses.
        sentence: for the sender, to be put after the name of the field. It is about the URL and the
            settings, never about the addresses that a name resolved to.
    """

    reason: str
    sentence: str = "is not an allowed target"


@dataclass(frozen=True, slots=True)
class AddressGuard:
    """The settings of the guard in a deployment, in addition to the fixed rules of special_use.py.

    Args:
        allowed_ports: the ports that requests may go to.
        allow_http: whether `http` is allowed beside `https`.
        allowed_networks: networks that may be reached although they are not public. If the URL
            itself contains an address in one of them, `http` and any port are allowed, too
            (docs/decisions/0030). The local cloud needs them; in an AWS account, there are none.
        refused_networks: networks that are refused in addition to those that are not public, such
            as the public ranges of the deployment's own VPC. They override `allowed_networks`.
        refused_hosts: hosts, in lower case, that are refused no matter what they resolve to. They
            are those of the deployment's own APIs: a message sent there could loop for ever
            (docs/decisions/0030). A host that ends with a dot stands for every name that begins
            with it.
    """

    allowed_ports: frozenset[int] = DEFAULT_PORTS
    allow_http: bool = False
    allowed_networks: tuple[Network, ...] = ()
    refused_networks: tuple[Network, ...] = ()
    refused_hosts: frozenset[str] = frozenset()

    def refusing(self, hosts: Iterable[str]) -> Self:
        """Return these rules with additional refused hosts."""
        more = (host.strip().lower() for host in hosts)
        return replace(self, refused_hosts=self.refused_hosts | {host for host in more if host})

    def check_url(self, target: Target) -> Refusal | None:
        """Return why a URL is refused for its host, scheme or port; None if it is allowed.

        The name is not looked up.
        """
        if self._is_refused_host(target.host.lower().removesuffix(".")):
            return Refusal(f"{target.host:.80} is a host of Homing's own", _OWN_HOST)
        if not _looks_like_address(target.host):
            return _check_name(target.host) or self._check_way(target)
        address = _read_address(target.host)
        if address is None:
            return Refusal(_unreadable(target.host), "contains an address in an unusual notation")
        refusal = self._check(address)
        if refusal is not None or _is_in(address, self.allowed_networks):
            return refusal
        return self._check_way(target)

    def check_address(self, address: Address | str) -> Refusal | None:
        """Return why an address is refused; None if it may be connected to.

        Args:
            address: as an object or as text. Text that is not an address in its usual form, or has
                a zone (`fe80::1%eth0`), is refused.
        """
        known = _read_address(str(address))
        return Refusal(_unreadable(str(address))) if known is None else self._check(known)

    def _check(self, address: Address) -> Refusal | None:
        end = behind_translator(address)
        if _is_in(address, self.refused_networks) or _is_in(end, self.refused_networks):
            return Refusal(f"{address} is in a network refused by a setting")
        if _is_in(address, self.allowed_networks):
            return None
        meaning = special_use(end)
        return None if meaning is None else Refusal(f"{address} is {meaning}")

    def _is_refused_host(self, host: str) -> bool:
        prefixes = tuple(each for each in self.refused_hosts if each.endswith("."))
        return host in self.refused_hosts or host.startswith(prefixes)

    def _check_way(self, target: Target) -> Refusal | None:
        schemes = ("http", "https") if self.allow_http else ("https",)
        if target.scheme not in schemes:
            urls = " or ".join(f"{scheme}://" for scheme in schemes)
            return Refusal(f"scheme {target.scheme!r:.20}", f"must begin with {urls}")
        if target.port not in self.allowed_ports:
            ports = ", ".join(map(str, sorted(self.allowed_ports)))
            return Refusal(f"port {target.port}", f"names a port that is not allowed; give {ports}")
        return None

    def to_document(self) -> dict[str, Any]:
        """Return the rules as a JSON document, for the environment of a function."""
        return {
            "allowedPorts": sorted(self.allowed_ports),
            "allowHttp": self.allow_http,
            "allowedNetworks": [str(network) for network in self.allowed_networks],
            "refusedNetworks": [str(network) for network in self.refused_networks],
            "refusedHosts": sorted(self.refused_hosts),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read the rules from a JSON document that `to_document` has written.

        Raises:
            KeyError: when a rule is missing.
            ValueError: when a network is invalid, such as `127.0.0.1/8`, which has host bits set.
        """
        return cls(
            allowed_ports=frozenset(document["allowedPorts"]),
            allow_http=document["allowHttp"],
            allowed_networks=tuple(map(ip_network, document["allowedNetworks"])),
            refused_networks=tuple(map(ip_network, document["refusedNetworks"])),
            refused_hosts=frozenset(document["refusedHosts"]),
        )


def _looks_like_address(host: str) -> bool:
    """Return whether any program could mistake a host for an address."""
    return ":" in host or host.startswith("[") or _ENDS_IN_NUMBER.fullmatch(host) is not None


def _read_address(text: str) -> Address | None:
    """Return an address in its usual form, which is unambiguous; None for any other text."""
    try:
        if _DOTTED.fullmatch(text):
            return IPv4Address(text)
        if "%" not in text:
            return IPv6Address(text[1:-1] if text.startswith("[") and text.endswith("]") else text)
    except ValueError:  # an octet above 255, or not an address
        return None
    return None


def _check_name(host: str) -> Refusal | None:
    if len(host) > _MAX_NAME_LENGTH or _NAME.fullmatch(host) is None:
        return Refusal(f"{host!r:.80} is no host name", "names no valid host")
    parent, _, top = host.lower().removesuffix(".").rpartition(".")
    if not parent:
        return Refusal(f"{host} has a single label", _NO_PUBLIC_HOST)
    if top in SPECIAL_DOMAINS:
        return Refusal(f"{host:.80} is no public name ({SPECIAL_DOMAINS[top]})", _NO_PUBLIC_HOST)
    return None


def _unreadable(text: str) -> str:
    return f"{text!r:.80} is no address in its usual spelling"


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)
