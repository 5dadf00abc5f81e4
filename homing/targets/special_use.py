"""Addresses and names that are not on the public internet, with sources.

The rows follow three registries of IANA: the IPv4 Special-Purpose Address Registry, the one of IPv6
(as of 2025-10-09), and Special-Use Domain Names. A row from elsewhere names its source.
Blocks that a registry calls globally reachable are included if no endpoint can be in them (AS112,
AMT, anycast relays). The first row that matches determines the reason, so the row of a single
address comes before the row of the block that contains it.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class SpecialNetwork:
    """A network that requests may not reach, its special use, and the source of this rule."""

    network: str
    meaning: str
    source: str


IPV4_NETWORKS: tuple[SpecialNetwork, ...] = (
    SpecialNetwork("169.254.169.254/32", "cloud metadata", "AWS, Google Cloud, Azure, and others"),
    SpecialNetwork("169.254.170.0/24", "container credentials", "Amazon ECS and EKS"),
    SpecialNetwork("100.100.100.200/32", "cloud metadata", "Alibaba Cloud"),
    SpecialNetwork("168.63.129.16/32", "the platform's host agent", "Azure"),
    SpecialNetwork("192.0.0.192/32", "cloud metadata", "Oracle Cloud"),
    SpecialNetwork("0.0.0.0/8", "this network", "RFC 791, section 3.2"),
    SpecialNetwork("10.0.0.0/8", "private use", "RFC 1918"),
    SpecialNetwork("100.64.0.0/10", "shared address space", "RFC 6598"),
    SpecialNetwork("127.0.0.0/8", "loopback", "RFC 1122, section 3.2.1.3"),
    SpecialNetwork("169.254.0.0/16", "link-local", "RFC 3927"),
    SpecialNetwork("172.16.0.0/12", "private use", "RFC 1918"),
    SpecialNetwork("192.0.0.0/24", "IETF protocol assignments", "RFC 6890, section 2.1"),
    SpecialNetwork("192.0.2.0/24", "documentation", "RFC 5737"),
    SpecialNetwork("192.31.196.0/24", "AS112", "RFC 7535"),
    SpecialNetwork("192.52.193.0/24", "multicast tunneling (AMT)", "RFC 7450"),
    SpecialNetwork("192.88.99.0/24", "former 6to4 relay anycast", "RFC 7526"),
    SpecialNetwork("192.168.0.0/16", "private use", "RFC 1918"),
    SpecialNetwork("192.175.48.0/24", "AS112", "RFC 7534"),
    SpecialNetwork("198.18.0.0/15", "benchmarking", "RFC 2544"),
    SpecialNetwork("198.51.100.0/24", "documentation", "RFC 5737"),
    SpecialNetwork("203.0.113.0/24", "documentation", "RFC 5737"),
    SpecialNetwork("224.0.0.0/4", "multicast", "RFC 5771"),
    SpecialNetwork("255.255.255.255/32", "limited broadcast", "RFC 919, section 7"),
    SpecialNetwork("240.0.0.0/4", "reserved", "RFC 1112, section 4"),
)

IPV6_NETWORKS: tuple[SpecialNetwork, ...] = (
    # Inside 2000::/3.
    SpecialNetwork("2001::/32", "Teredo, an IPv4 tunnel", "RFC 4380"),
    SpecialNetwork("2001:2::/48", "benchmarking", "RFC 5180"),
    SpecialNetwork("2001:10::/28", "former ORCHID", "RFC 4843"),
    SpecialNetwork("2001:20::/28", "ORCHIDv2", "RFC 7343"),
    SpecialNetwork("2001::/23", "IETF protocol assignments", "RFC 2928"),
    SpecialNetwork("2001:db8::/32", "documentation", "RFC 3849"),
    SpecialNetwork("2002::/16", "6to4, an IPv4 tunnel", "RFC 3056"),
    SpecialNetwork("2620:4f:8000::/48", "AS112", "RFC 7534"),
    SpecialNetwork("3ffe::/16", "the former 6bone", "RFC 3701"),
    SpecialNetwork("3fff::/20", "documentation", "RFC 9637"),
    # Outside of 2000::/3.
    SpecialNetwork("::/128", "the unspecified address", "RFC 4291, section 2.5.2"),
    SpecialNetwork("::1/128", "loopback", "RFC 4291, section 2.5.3"),
    SpecialNetwork("::/96", "IPv4-compatible", "RFC 4291, section 2.5.5.1"),
    SpecialNetwork("::ffff:0:0/96", "IPv4-mapped", "RFC 4291, section 2.5.5.2"),
    SpecialNetwork("::ffff:0:0:0/96", "IPv4-translated", "RFC 2765, section 2.1"),
    SpecialNetwork("64:ff9b:1::/48", "local-use NAT64", "RFC 8215"),
    SpecialNetwork("100::/64", "discard only", "RFC 6666"),
    SpecialNetwork("100:0:0:1::/64", "a dummy prefix", "RFC 9780"),
    SpecialNetwork("5f00::/16", "segment routing", "RFC 9602"),
    SpecialNetwork("fd00:ec2::/32", "cloud metadata and services", "Amazon EC2"),
    SpecialNetwork("fd20:ce::254/128", "cloud metadata", "Google Cloud"),
    SpecialNetwork("fd00:c1::a9fe:a9fe/128", "cloud metadata", "Oracle Cloud"),
    SpecialNetwork("fc00::/7", "unique local", "RFC 4193"),
    SpecialNetwork("fe80::/10", "link-local", "RFC 4291, section 2.5.6"),
    SpecialNetwork("fec0::/10", "former site-local", "RFC 3879"),
    SpecialNetwork("ff00::/8", "multicast", "RFC 4291, section 2.7"),
    # IANA has assigned global unicast addresses only from 2000::/3 (IANA IPv6 Address Space
    # Registry, note 2), so everything outside of it is refused. The rows above serve to log a more
    # precise reason.
    SpecialNetwork("::/3", "outside 2000::/3, global unicast", "RFC 4291, section 2.4"),
    SpecialNetwork("4000::/2", "outside 2000::/3, global unicast", "RFC 4291, section 2.4"),
    SpecialNetwork("8000::/1", "outside 2000::/3, global unicast", "RFC 4291, section 2.4"),
)

# Addresses that embed an IPv4 address, which is checked in their place. Other addresses that embed
# one are refused. These are not, because a resolver with DNS64 returns them for every public name
# that has IPv4 only (docs/decisions/0030).
NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052, section 2.1

SPECIAL_DOMAINS: Mapping[str, str] = MappingProxyType(
    {
        "localhost": "RFC 6761, section 6.3",
        "localdomain": "the loopback's name in many hosts files",
        "local": "multicast DNS, RFC 6762; also the services of a Kubernetes cluster",
        "internal": "ICANN, 2024-07-29: for private use; clouds use it for instances and metadata",
        "intranet": "RFC 6762, appendix G",
        "private": "RFC 6762, appendix G",
        "corp": "RFC 6762, appendix G",
        "home": "RFC 6762, appendix G",
        "lan": "RFC 6762, appendix G",
        "arpa": "RFC 3172: only for infrastructure; for home.arpa, RFC 8375",
        "onion": "RFC 7686",
        "alt": "RFC 9476",
    }
)
"""Top-level domains that no request may go to, with the source.

`test`, `example` and `invalid` are not here: RFC 6761 asks applications to treat the first two like
any other name, and no public resolver knows any of them.
"""

# An ISATAP interface identifier: 0000:5efe or, with the universal bit set, 0200:5efe, before the
# IPv4 address. Any prefix can stand before it (RFC 5214, section 6.1).
_ISATAP_MASK = 0xFDFF_FFFF_0000_0000
_ISATAP = 0x0000_5EFE_0000_0000


def special_use(address: IPv4Address | IPv6Address) -> str | None:
    """Return the special use of an address; None for a public address."""
    number = int(address)
    if isinstance(address, IPv4Address):
        return _IPV4.meaning(number)
    if number & _ISATAP_MASK == _ISATAP:
        return "ISATAP, an IPv4 tunnel (RFC 5214)"
    return _IPV6.meaning(number)


def behind_translator(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address to which NAT64 translates an address; any other address unchanged."""
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


class _Ranges:
    """A table of networks as ranges that do not overlap, so that one bisection finds the row."""

    def __init__(self, rows: Iterable[SpecialNetwork]) -> None:
        blocks = [(ip_network(row.network), f"{row.meaning} ({row.source})") for row in rows]
        spans = [(int(net[0]), int(net[-1]), meaning) for net, meaning in blocks]
        borders = {0, *(first for first, _, _ in spans), *(last + 1 for _, last, _ in spans)}
        self._starts = sorted(borders)
        self._meanings = [
            next((meaning for first, last, meaning in spans if first <= start <= last), None)
            for start in self._starts
        ]

    def meaning(self, number: int) -> str | None:
        return self._meanings[bisect_right(self._starts, number) - 1]


_IPV4 = _Ranges(IPV4_NETWORKS)
_IPV6 = _Ranges(IPV6_NETWORKS)
