"""Reading responses from endpoints, which may send anything."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homing.http.attempt import Attempt, ProtocolError
from homing.http.channel import Channel
from homing.http.response import WIRE_LIMIT, Response, ResponseReader

if TYPE_CHECKING:
    from collections.abc import Iterable

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def read(*pieces: bytes, seconds: float = 10, end: bool = True) -> Response:
    """Read a response that arrives in these pieces, after which the connection ends or idles."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        writer = threading.Thread(target=_write, args=(theirs, pieces, end))
        writer.start()
        try:
            return ResponseReader(Channel(ours), Attempt(seconds, time.monotonic)).response()
        finally:
            ours.close()
            writer.join()


def _write(sock: socket.socket, pieces: Iterable[bytes], end: bool) -> None:
    try:
        for piece in pieces:
            sock.sendall(piece)
        if end:
            sock.shutdown(socket.SHUT_WR)
    except OSError:
        return  # the reader has read enough and has closed


def head(*headers: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode("latin-1")


KIB_4 = b"a" * 4096
EMPTY = "Content-Length: 0"
CHUNKED = head("Transfer-Encoding: chunked")


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        (OK, Response(200, None, b"hi", reusable=True)),
        (head(EMPTY, status="200"), Response(200, None, b"", reusable=True)),
        (head(EMPTY, status="999 \xff"), Response(999, None, b"", reusable=True)),
        (head(status="204 No Content"), Response(204, None, b"", reusable=True)),
        (head("Content-Length: 9", status="304 x"), Response(304, None, b"", reusable=True)),
        (head("RETRY-AFTER:  3 ", EMPTY), Response(200, "3", b"", reusable=True)),
        (head("Retry-After:", EMPTY), Response(200, None, b"", reusable=True)),
        (
            head("Retry-After: 4", EMPTY, "retry-after: 9"),
            Response(200, "4, 9", b"", reusable=True),
        ),
        (
            head("Retry-After: Sun, 28 Dec 2025", "  12:00:30 GMT", EMPTY),
            Response(200, "Sun, 28 Dec 2025 12:00:30 GMT", b"", reusable=True),
        ),
        (head("Retry-After:", "\t4", EMPTY), Response(200, "4", b"", reusable=True)),
        # Responses, and how long the connection may be idle after them.
        (
            head("Keep-Alive: timeout=5, max=99", EMPTY),
            Response(200, None, b"", reusable=True, idle_seconds=5),
        ),
        (
            head('keep-alive: max=3; TIMEOUT = "60"', EMPTY),
            Response(200, None, b"", reusable=True, idle_seconds=60),
        ),
        (head("Keep-Alive: timeout=soon", EMPTY), Response(200, None, b"", reusable=True)),
        (head("Keep-Alive: notimeout=5", EMPTY), Response(200, None, b"", reusable=True)),
        (head("Retry-After: " + "9" * 500, EMPTY), Response(200, "9" * 128, b"", reusable=True)),
        # Responses, and the length of the body.
        (head("Content-Length: 4096") + KIB_4, Response(200, None, KIB_4, reusable=True)),
        (head("Content-Length: 4097") + KIB_4 + b"a", Response(200, None, KIB_4, reusable=False)),
        (head() + b"until the end", Response(200, None, b"until the end", reusable=False)),
        (head("Transfer-Encoding: gzip") + b"zip", Response(200, None, b"zip", reusable=False)),
        (CHUNKED + b"0\r\n\r\n", Response(200, None, b"", reusable=True)),
        (
            CHUNKED + b"3;x=y\r\nabc\r\nA \r\n0123456789\r\n00\r\nTrailer: x\r\n\r\n",
            Response(200, None, b"abc0123456789", reusable=True),
        ),
        (
            CHUNKED + b"1000\r\n" + KIB_4 + b"\r\n0\r\n\r\n",
            Response(200, None, KIB_4, reusable=True),
        ),
        (CHUNKED + b"FFFFFFFF\r\n" + KIB_4 * 3, Response(200, None, KIB_4, reusable=False)),
        # Responses, and whether another request may follow on the connection.
        (head("Connection: Close", EMPTY), Response(200, None, b"", reusable=False)),
        (OK.replace(b"HTTP/1.1", b"HTTP/1.0"), Response(200, None, b"hi", reusable=False)),
        (OK + b"HTTP/1.1 200 OK\r\n", Response(200, None, b"hi", reusable=False)),
        (
            head("Transfer-Encoding: chunked", "Content-Length: 5") + b"0\r\n\r\n",
            Response(200, None, b"", reusable=False),
        ),
        # Interim responses.
        (head(status="100 Continue") + OK, Response(200, None, b"hi", reusable=True)),
        (
            head("Retry-After: 9", "Content-Length: 2", status="103 x") * 50 + OK,
            Response(200, None, b"hi", reusable=True),
        ),
        # Responses that are not quite HTTP but contain the status.
        (OK.replace(b"\r", b""), Response(200, None, b"hi", reusable=True)),
        (OK.replace(b"1.1 200", b"1.1  200"), Response(200, None, b"hi", reusable=True)),
        (OK.replace(b" 200 ", b"\t200\t"), Response(200, None, b"hi", reusable=True)),
        (b"\r\n" + OK, Response(200, None, b"hi", reusable=True)),
        (b"\n\r\n" + OK, Response(200, None, b"hi", reusable=True)),
        (b"\r\r\n" + OK, Response(200, None, b"hi", reusable=True)),
        (
            head(status="100 Continue") + b"\r\n" + OK,
            Response(200, None, b"hi", reusable=True),
        ),
        (
            head(" Content-Length: 9", "Content-Length: 2") + b"hi",
            Response(200, None, b"hi", reusable=True),
        ),
        (
            head("no colon", "Content-Length : 2") + b"hi",
            Response(200, None, b"hi", reusable=True),
        ),
        (
            head("X: 1", " Content-Length: 9", "Content-Length: 2") + b"hi",
            Response(200, None, b"hi", reusable=True),
        ),
    ],
)
def test_a_response_is_read_for_what_it_says(wire: bytes, expected: Response) -> None:
    assert read(wire) == expected


@pytest.mark.parametrize(
    "wire",
    [OK, head(status="103 x") + OK, CHUNKED + b"3;x\r\nabc\r\n0\r\nT: x\r\n\r\n", head() + b"abc"],
)
def test_how_a_response_is_cut_up_on_its_way_makes_no_difference(wire: bytes) -> None:
    assert read(*(wire[at : at + 1] for at in range(len(wire)))) == read(wire)


@pytest.mark.parametrize(
    ("rest", "kept"),
    [
        (b"Content-Length: 9\r\n\r\nshort", b"short"),
        (b"Content-Length: -1\r\n\r\nhi", b""),
        (b"Content-Length: 1_0\r\n\r\nhi", b""),
        (b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi!", b""),
        (b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nhi", b""),
        (b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n", b""),
        (b"Transfer-Encoding: chunked\r\n\r\n-1\r\nhi\r\n", b""),
        (b"Transfer-Encoding: chunked\r\n\r\n0x2\r\nhi\r\n", b""),
        (b"Transfer-Encoding: chunked\r\n\r\n\r\n", b""),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi!!\r\n0\r\n\r\n", b"hi"),
        (b"Transfer-Encoding: chunked\r\n\r\n5\r\nhi", b"hi"),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n", b"hi"),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n" + b"T: x\r\n" * 20_000, b"hi"),
        (b"Transfer-Encoding: chunked\r\n\r\n" + b"1;" + b"x" * 100_000, b""),
    ],
)
def test_a_body_that_breaks_off_or_makes_no_sense_leaves_the_status_standing(
    rest: bytes, kept: bytes
) -> None:
    assert read(b"HTTP/1.1 200 OK\r\n" + rest) == Response(200, None, kept, reusable=False)


@pytest.mark.parametrize(
    "wire",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"<html>nope</html>",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 2_0 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/1.1 1000 OK\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\ngarbage",
        b"HTTP/1.1 200 " + b"x" * 100_000,
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000,
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000,
        b"\r\n" * 50_000,
        b" " + OK,
        b"HTTP/1.1200 OK\r\n\r\n",
        b"HTTP/1.1 2000\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 5_000,
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * 5_000,
    ],
)  # fmt: skip
def test_what_is_no_http_or_never_ends_is_a_protocol_error(wire: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        read(wire, end=False)
    assert len(str(caught.value)) <= 160


@pytest.mark.parametrize(
    ("start", "likeness"),
    [
        (b"SSH-2.0-", ", but looks like SSH"),
        (b"\x15\x03\x01", ", but looks like TLS"),
        (b"<html>", ", but looks like a page without a head"),
        (b"HTTP/2 200", ", but looks like another version of HTTP"),
        (b"POST /", ""),
    ],
)
def test_an_error_names_what_came_and_quotes_none_of_it(start: bytes, likeness: str) -> None:
    """An endpoint may echo what it receives, and errors are logged."""
    with pytest.raises(ProtocolError) as caught:
        read(start + b"planted", end=False)
    assert str(caught.value) == f"not an HTTP/1 response{likeness}"
    with pytest.raises(ProtocolError) as caught:
        read(b"HTTP/1.1 planted\r\n", end=False)
    assert str(caught.value) == "not a status line"


@pytest.mark.parametrize("length", range(len(OK) - 2))
def test_an_end_anywhere_before_the_end_of_the_head_is_a_closed_connection(length: int) -> None:
    with pytest.raises(ConnectionResetError):
        read(OK[:length])


@pytest.mark.parametrize("wire", [b"", b"HTTP/1.1 20", b"HTTP/1.1 200 OK\r\nX: ", OK[:-5]])
def test_silence_before_the_end_of_the_head_is_a_time_out(wire: bytes) -> None:
    with pytest.raises(TimeoutError):
        read(wire, seconds=0.05, end=False)


@pytest.mark.parametrize("status", ["200 OK", "503 x"])
@pytest.mark.parametrize(
    ("rest", "kept"),
    [
        (b"\r\nno end", b"no end"),
        (b"Content-Length: 9\r\n\r\nshort", b"short"),
        (b"Content-Length: 9\r\n\r\n", b""),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", b"hi"),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n", b"hi"),
    ],
)
def test_silence_after_the_head_leaves_the_status_standing(
    status: str, rest: bytes, kept: bytes
) -> None:
    response = read(f"HTTP/1.1 {status}\r\n".encode() + rest, seconds=0.05, end=False)
    assert response == Response(int(status[:3]), None, kept, reusable=False)


def test_no_more_is_read_than_the_budget() -> None:
    ours, theirs = socket.socketpair()
    sent = b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000
    with ours, theirs:
        writer = threading.Thread(target=_write, args=(theirs, [sent], True))
        writer.start()
        with pytest.raises(ProtocolError):
            ResponseReader(Channel(ours), Attempt(10, time.monotonic)).response()
        ours.settimeout(10)
        left = bytearray()
        while piece := ours.recv(65_536):
            left += piece
        writer.join()
    assert len(sent) - len(left) == WIRE_LIMIT


HEADERS = st.sampled_from(
    [
        b"Content-Length: 3",
        b"Transfer-Encoding: chunked",
        b"Connection: close",
        b"X: y",
        b": :",
        b" z",
    ]
)
LINES = st.one_of(
    st.sampled_from(
        [b"HTTP/1.1 200 OK", b"HTTP/1.1 103 x", b"HTTP/1.0 500 x", b"", b"3", b"0", b"abc"]
    ),
    HEADERS,
    st.binary(max_size=20),
)


@settings(deadline=None)  # enough time for a socket on a busy machine
@given(st.lists(LINES, max_size=12))
def test_whatever_comes_is_a_response_or_one_of_the_named_errors(lines: list[bytes]) -> None:
    try:
        response = read(b"\r\n".join([*lines, b""]))
    except (ConnectionResetError, ProtocolError):
        return
    assert 200 <= response.status <= 999


@settings(deadline=None)
@given(
    status=st.integers(200, 599),
    retry_after=st.sampled_from([None, "3", "Wed, 21 Oct 2026 07:28:00 GMT"]),
    body=st.binary(max_size=3000),
    sizes=st.lists(st.integers(1, 500), max_size=8),
    chunked=st.booleans(),
)
def test_a_sound_response_is_read_as_http_client_reads_it(
    status: int, retry_after: str | None, body: bytes, sizes: list[int], *, chunked: bool
) -> None:
    wire = _sound_response(status, retry_after, body, sizes if chunked else None)
    expected = _read_by_http_client(wire)
    response = read(wire)
    assert (response.status, response.retry_after, response.body) == expected
    assert response.reusable


def _sound_response(
    status: int, retry_after: str | None, body: bytes, sizes: list[int] | None
) -> bytes:
    head = [f"HTTP/1.1 {status} Reason", "Server: x"]
    if retry_after:
        head.append(f"Retry-After: {retry_after}")
    if status in (204, 304):
        body = b""
    elif sizes is None:
        head.append(f"Content-Length: {len(body)}")
    else:
        head.append("Transfer-Encoding: chunked")
        body = _in_chunks(body, sizes)
    return "\r\n".join([*head, "", ""]).encode() + body


def _in_chunks(body: bytes, sizes: list[int]) -> bytes:
    chunks = []
    for size in [*sizes, len(body)]:
        chunk, body = body[:size], body[size:]
        chunks.append(b"%x\r\n%s\r\n" % (len(chunk), chunk) if chunk else b"")
    return b"".join(chunks) + b"0\r\n\r\n"


def _read_by_http_client(wire: bytes) -> tuple[int, str | None, bytes]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(wire)
        with closing(http.client.HTTPResponse(ours)) as response:
            response.begin()
            return response.status, response.headers["Retry-After"], response.read()
