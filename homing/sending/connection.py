"""Connections to endpoints: looked up, checked, connected and secured in time."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from homing.sending.attempt import Attempt, BlockedTargetError, Stage

if TYPE_CHECKING:
    import ssl

    from homing.targets.address_guard import AddressGuard, Refusal
    from homing.targets.target import Target


@dataclass(frozen=True, slots=True)
class Address:
    """One address of a name, as the socket module takes it: family, and what `connect` gets."""

    family: int
    sockaddr: tuple[Any, ...]


Resolver = Callable[[str, int], Sequence[Address]]
"""Gives the addresses of (host, port), best first. May block; it runs in a thread of its own.

What it gives is what the guard checks and what is connected to, with no second look-up in between.
It reports a failed look-up as `socket.gaierror`.
"""


def look_up(host: str, port: int) -> list[Address]:
    """Ask the system for the addresses of a name (getaddrinfo; RFC 6724 order).

    Raises:
        socket.gaierror: when the name has no address or nobody can say.
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
    """Look up, connect and, for https, shake hands; the certificate is checked against the name.

    Args:
        target: where to.
        attempt: bounds the time, and is told the stages.
        resolve: asked once.
        tls: makes the TLS context, if one is needed.
        guard: checks the URL before the look-up, and then all addresses: one that is refused
            refuses the target, and nothing is connected to (docs/decisions/0030).

    Raises:
        BlockedTargetError: when the guard refuses the target.
        OSError: when a stage fails; `attempt.stage` tells which.
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
        sock.settimeout(attempt.remaining())  # bounds the handshake as a whole, not each read
        return context.wrap_socket(sock, server_hostname=target.server_name)
    except BaseException:
        sock.close()
        raise


def _insist(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise BlockedTargetError(refusal)


def _resolve_in_time(resolve: Resolver, target: Target, attempt: Attempt) -> Sequence[Address]:
    """Resolve in a thread that is detached when time is up: getaddrinfo knows no time-out."""
    answers: queue.SimpleQueue[Sequence[Address] | Exception] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put(resolve(target.host, target.port))
        except Exception as error:  # noqa: BLE001 - raised again in the thread that asked
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
    """Try those that this machine has a way to, in turn; if all fail, the last one's error counts.

    A function without IPv6 has no way to half the addresses of many names. They say nothing of the
    endpoint, so they have no share of the time, and are not the last. Where there is no other,
    their error is the answer.
    """
    if len(addresses) > 1:
        addresses = [one for one in addresses if _has_route(one)] or addresses
    for others in range(len(addresses) - 1, 0, -1):
        # An address that swallows packets gets an equal share of the time, less one for the
        # request itself, so that the others still get theirs.
        seconds = attempt.remaining() / (others + 2)
        try:
            return _connect_one(addresses[-others - 1], seconds)
        except OSError:
            continue
    return _connect_one(addresses[-1], attempt.remaining())


def _has_route(address: Address) -> bool:
    """Tell whether there is a way to an address: to connect UDP asks that, and sends nothing."""
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
