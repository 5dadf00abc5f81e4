"""Opens connections to endpoints: look-up, address check, connect and TLS handshake."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from homing.http.attempt import Attempt, BlockedTargetError, Stage

if TYPE_CHECKING:
    import ssl

    from homing.targets.address_guard import AddressGuard, Refusal
    from homing.targets.target import Target


@dataclass(frozen=True, slots=True)
class Address:
    """One address that a host name has: its family, and the argument of `socket.connect`."""

    family: int
    sockaddr: tuple[Any, ...]


Resolver = Callable[[str, int], Sequence[Address]]
"""Returns the addresses of (host, port), best first. It may block, so it runs in its own thread.

There is only one look-up: connections are made to the same addresses that the guard has checked. A
failed look-up raises `socket.gaierror`.
"""


def look_up(host: str, port: int) -> list[Address]:
    """Return the addresses of a name, as the system finds and orders them (getaddrinfo, RFC 6724).

    Raises:
        socket.gaierror: when the name has no address or the look-up fails.
    """
    infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [Address(family, sockaddr) for family, _, _, _, sockaddr in infos]


def open_connection(
    target: Target,
    attempt: Attempt,
    resolve: Resolver,
    tls: Callable[[], ssl.SSLContext],
    guard: AddressGuard | None = None,
) -> socket.socket:
    """Open a connection to a target; with https, check that the certificate is for its host name.

    Args:
        target: the target.
        attempt: the attempt; its deadline applies, and its stage is updated.
        resolve: looks up the name; called once.
        tls: returns the TLS context; called only for https.
        guard: checks the URL before the look-up, and all addresses after it. If the guard refuses
            one of them, no connection is made (docs/decisions/0030).

    Raises:
        BlockedTargetError: when the guard refuses the target.
        OSError: when a stage fails; in that case, `attempt.stage` is the failed stage.
    """
    if guard is not None:
        attempt.stage = Stage.GUARD
        _insist(guard.check_url(target))
    attempt.stage = Stage.LOOK_UP
    addresses = _resolve_in_time(resolve, target, attempt)
    if guard is not None:
        attempt.stage = Stage.GUARD
        for address in addresses:
            _insist(guard.check_address(address.sockaddr[0]))
    attempt.stage = Stage.CONNECT
    sock = _connect(addresses, attempt)
    if target.scheme == "http":
        return sock
    attempt.stage = Stage.HANDSHAKE
    try:
        context = tls()
        sock.settimeout(attempt.remaining())  # limits the whole handshake, not each read
        return context.wrap_socket(sock, server_hostname=target.server_name)
    except BaseException:
        sock.close()
        raise


def _insist(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise BlockedTargetError(refusal)


def _resolve_in_time(resolve: Resolver, target: Target, attempt: Attempt) -> Sequence[Address]:
    """Look up the name in a thread, which is abandoned when time is up.

    `getaddrinfo` has no time-out.
    """
    answers: queue.SimpleQueue[Sequence[Address] | Exception] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put(resolve(target.host, target.port))
        except Exception as error:  # noqa: BLE001 - raised again in the calling thread
            answers.put(error)

    threading.Thread(target=run, name="look-up", daemon=True).start()
    try:
        answer = answers.get(timeout=attempt.remaining())
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(answer, Exception):
        raise answer
    if not answer:
        raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
    return answer


def _connect(addresses: Sequence[Address], attempt: Attempt) -> socket.socket:
    """Connect to the first address that accepts; raise the error of the last one if all fail.

    Addresses without a route are skipped: many names also have IPv6 addresses, to which a function
    without IPv6 has no route. If no address has a route, the error of one of them is raised.
    """
    if len(addresses) > 1:
        addresses = [one for one in addresses if _has_route(one)] or addresses
    for others in range(len(addresses) - 1, 0, -1):
        # The time is divided equally between the remaining addresses and the request, so that an
        # address that drops packets leaves time for the others.
        seconds = attempt.remaining() / (others + 2)
        try:
            return _connect_one(addresses[-others - 1], seconds)
        except OSError:
            continue
    return _connect_one(addresses[-1], attempt.remaining())


def _has_route(address: Address) -> bool:
    """Return whether there is a route to an address, without sending anything to it."""
    try:
        with socket.socket(address.family, socket.SOCK_DGRAM) as probe:
            probe.connect(address.sockaddr)
    except OSError:
        return False
    return True


def _connect_one(address: Address, seconds: float) -> socket.socket:
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.settimeout(seconds)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.connect(address.sockaddr)
    except BaseException:
        sock.close()
        raise
    return sock
