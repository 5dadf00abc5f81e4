"""Measure the time that the address guard adds to a connection.

For a connection, the guard calls `check_url` once, and `check_address` for each address of the host
name. For comparison, the table also shows `getaddrinfo` with a literal address, which makes no DNS
query. The checks should take at most 50 microseconds. The figures are processor time, so other load
on the machine does not count.

    python benchmarks/guard.py
"""

from __future__ import annotations

import socket
import sys
import time
import timeit
from ipaddress import ip_network
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.sizes import sized
from homing.targets.address_guard import AddressGuard
from homing.targets.target import parse_target

if TYPE_CHECKING:
    from collections.abc import Callable

TARGET_MICROSECONDS = 50
NAME = parse_target("https://hooks.example.com/orders")
IPV4 = ["93.184.216.34", "54.239.28.85", "8.8.8.8", "1.1.1.1"]
IPV6 = [f"2606:2800:220:1:248:1893:25c8:{number:x}" for number in range(4)]
NAT64 = "64:ff9b::8.8.8.8"

PLAIN = AddressGuard()
LISTED = AddressGuard(
    allowed_networks=(ip_network("127.0.0.0/8"),),
    refused_networks=(ip_network("2600:1f18::/32"), ip_network("54.240.0.0/16")),
)


def connection(guard: AddressGuard, addresses: list[str]) -> Callable[[], None]:
    """Return a function that makes the checks of one connection."""

    def check() -> None:
        if guard.check_url(NAME) or any(map(guard.check_address, addresses)):
            raise AssertionError("a public address was refused")

    return check


def microseconds(
    function: Callable[[], object], calls: int = sized(1000, 1), rounds: int = 15
) -> float:
    """Return the time of one call in microseconds: the median of several rounds."""
    times = timeit.repeat(function, timer=time.thread_time, number=calls, repeat=rounds)
    return median(times) / calls * 1e6


ROWS: list[tuple[str, Callable[[], object]]] = [
    ("a name with 1 IPv4 address", connection(PLAIN, IPV4[:1])),
    ("a name with 1 IPv6 address", connection(PLAIN, IPV6[:1])),
    ("a name with 1 NAT64 address", connection(PLAIN, [NAT64])),
    ("a name with 4 IPv4 and 4 IPv6 addresses", connection(PLAIN, IPV4 + IPV6)),
    ("the same, with 3 networks in the settings", connection(LISTED, IPV4 + IPV6)),
    ("a refusal", lambda: PLAIN.check_address("169.254.169.254")),
    ("for comparison: getaddrinfo of 127.0.0.1", lambda: socket.getaddrinfo("127.0.0.1", 443)),
]


def main() -> None:
    """Print the table."""
    print(f"{'address guard, per connection':<44}{'microseconds':>14}")
    for label, function in ROWS:
        print(f"{label:<44}{microseconds(function):>14.1f}")
    print(f"{'target, without the look-up':<44}{TARGET_MICROSECONDS:>14.1f}")


if __name__ == "__main__":
    main()
