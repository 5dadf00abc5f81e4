"""Responses split at every position, with and without TLS: how they arrive makes no difference."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from authority import Authority
from hypothesis import given, settings
from hypothesis import strategies as st

from homing.http.attempt import Attempt, ProtocolError
from homing.http.channel import Channel
from homing.http.exchange import exchange

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence
    from pathlib import Path

    from homing.http.response import Response

REQUEST = b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi"

# Head and body of each response. All but the last say themselves where they end.
RESPONSES = [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"hi"),
    (
        b"\r\nHTTP/1.1  503 x\r\nRetry-After: 4\r\nRetry-After:\r\n 9\r\nContent-Length: 0\r\n\r\n",
        b"",
    ),
    (b"HTTP/1.1 103 x\r\nLink: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", b"x"),
    (
        b"HTTP/1.1 410 x\r\nKeep-Alive: timeout=5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"3;x=y\r\nabc\r\n0\r\nT: x\r\n\r\n",
    ),
    (b"HTTP/1.0 200 OK\r\n\r\n", b"until the end"),
]  # fmt: skip


class Pair:
    """The two ends of a connection; each exchange gets a new connection."""

    def __init__(self, client: ssl.SSLContext | None, server: ssl.SSLContext | None) -> None:
        self.client, self.server = client, server

    def __call__(self, pieces: Sequence[bytes]) -> Response | type[Exception]:
        """Answer a request in pieces, then close; return the response or the kind of error."""
        ours, theirs = socket.socketpair()
        writer = threading.Thread(target=self._answer, args=(theirs, pieces))
        writer.start()
        if self.client is not None:
            ours = self.client.wrap_socket(ours, server_hostname="hooks.example")
        try:
            return exchange(Channel(ours), REQUEST, Attempt(10, time.monotonic))
        except (ConnectionResetError, ProtocolError) as error:
            return type(error)
        finally:
            ours.close()
            writer.join()

    def _answer(self, sock: socket.socket, pieces: Sequence[bytes]) -> None:
        if self.server is not None:
            sock = self.server.wrap_socket(sock, server_side=True)
        with sock:
            sock.recv(1000)
            try:
                for piece in pieces:
                    sock.sendall(piece)
            except OSError:
                return  # the reader has read enough and has closed


@pytest.fixture(scope="module", params=["plain", "TLS"])
def answer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    if request.param == "plain":
        return Pair(None, None)
    authority = Authority()
    folder: Path = tmp_path_factory.mktemp("certificates")
    return Pair(authority.trusted(), authority.context_for("hooks.example", folder))


def in_two(wire: bytes, at: int) -> list[bytes]:
    return [wire[:at], wire[at:]] if at else [wire]


@pytest.mark.parametrize(("head", "body"), RESPONSES)
def test_a_response_that_arrives_in_two_pieces_is_the_same_wherever_it_is_cut(
    answer: Pair, head: bytes, body: bytes
) -> None:
    whole = answer([head + body])
    assert not isinstance(whole, type)
    for at in range(1, len(head + body)):
        assert answer(in_two(head + body, at)) == whole, at


@pytest.mark.parametrize(("head", "body"), RESPONSES)
def test_a_response_that_ends_counts_if_its_head_is_complete_wherever_it_ends(
    answer: Pair, head: bytes, body: bytes
) -> None:
    whole = answer([head + body])
    assert not isinstance(whole, type)
    for end in range(len(head + body)):
        response = answer([head[:end] + body[: max(0, end - len(head))]])
        if end < len(head):
            assert response is ConnectionResetError, end
        else:
            assert not isinstance(response, type)
            assert (response.status, response.retry_after, response.reusable) == (
                whole.status,
                whole.retry_after,
                False,
            ), end
            assert whole.body.startswith(response.body)


LINES = st.one_of(
    st.sampled_from(
        [line + b"\r\n" for head, body in RESPONSES for line in (head + body).split(b"\r\n")]
    ),
    st.binary(max_size=30),
)


@settings(deadline=None, max_examples=60)
@given(wire=st.lists(LINES, max_size=12).map(b"".join), cuts=st.sets(st.integers(1, 200)))
def test_whatever_comes_in_whatever_pieces_comes_to_the_same_response_or_named_error(
    answer: Pair, wire: bytes, cuts: set[int]
) -> None:
    places = [0, *sorted(cut for cut in cuts if cut < len(wire)), len(wire)]
    pieces = [wire[start:end] for start, end in pairwise(places)]
    assert but_for_reuse(answer(pieces)) == but_for_reuse(answer([wire]))


def but_for_reuse(response: Response | type[Exception]) -> Response | type[Exception]:
    """Data after a response may come too late to be seen; it is never taken for a response."""
    return response if isinstance(response, type) else replace(response, reusable=False)
