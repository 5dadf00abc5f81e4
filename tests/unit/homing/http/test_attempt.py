"""An attempt under way: its time limit, and the error with which it ends."""

from __future__ import annotations

import errno
import os
import socket
import ssl

import pytest

from homing.http.attempt import Attempt, ProtocolError, Stage
from homing.retry.outcome import AttemptError, ErrorKind


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def test_an_attempt_has_one_deadline_whatever_the_stage() -> None:
    clock = Clock()
    attempt = Attempt(10, clock)
    clock.seconds += 9.5
    attempt.stage = Stage.BODY
    assert (attempt.elapsed(), attempt.remaining()) == (9.5, 0.5)


@pytest.mark.parametrize("over", [0, 0.001, 1000])
def test_an_attempt_past_its_deadline_has_no_time_left(over: float) -> None:
    clock = Clock()
    attempt = Attempt(10, clock)
    clock.seconds += 10 + over
    with pytest.raises(TimeoutError):
        attempt.remaining()


TIMED_OUT = "timed out after 10 s in total"


@pytest.mark.parametrize(
    ("stage", "error", "kind", "what"),
    [
        (Stage.LOOK_UP, TimeoutError(), ErrorKind.TIMEOUT, TIMED_OUT),
        (Stage.CONNECT, TimeoutError("timed out"), ErrorKind.TIMEOUT, TIMED_OUT),
        (Stage.CONNECT, os_error(errno.ETIMEDOUT), ErrorKind.TIMEOUT, TIMED_OUT),
        (Stage.HANDSHAKE, TimeoutError("_ssl.c:983: timed out"), ErrorKind.TIMEOUT, TIMED_OUT),
        (Stage.BODY, TimeoutError(), ErrorKind.TIMEOUT, TIMED_OUT),
        (Stage.LOOK_UP, socket.gaierror(-2, "Name unknown"), ErrorKind.DNS, "Name unknown"),
        (Stage.LOOK_UP, os_error(errno.EMFILE), ErrorKind.DNS, "Too many open files"),
        (Stage.LOOK_UP, UnicodeError("label too long"), ErrorKind.DNS, "label too long"),
        (Stage.CONNECT, os_error(errno.ECONNREFUSED), ErrorKind.CONNECT, "Connection refused"),
        (Stage.CONNECT, os_error(errno.ECONNRESET), ErrorKind.CONNECT, "Connection reset by peer"),
        (Stage.CONNECT, os_error(errno.ENETUNREACH), ErrorKind.CONNECT, "Network is unreachable"),
        (Stage.HANDSHAKE, os_error(errno.ECONNRESET), ErrorKind.RESET, "Connection reset by peer"),
        (Stage.HANDSHAKE, ssl.SSLEOFError(8, "EOF"), ErrorKind.TLS, "EOF"),
        (Stage.HANDSHAKE, ssl.SSLError(1, "bad"), ErrorKind.TLS, "bad"),
        (Stage.WRITE, ssl.SSLError(1, "bad length"), ErrorKind.RESET, "bad length"),
        (Stage.WRITE, ssl.SSLZeroReturnError(6, "closed"), ErrorKind.RESET, "closed"),
        (Stage.HEAD, ssl.SSLError(1, "bad record"), ErrorKind.RESET, "bad record"),
        (Stage.HEAD, ssl.SSLSyscallError(5, "EOF"), ErrorKind.RESET, "EOF"),
        (Stage.HEAD, ssl.SSLEOFError(8, "EOF"), ErrorKind.RESET, "EOF"),
        (Stage.HEAD, ConnectionResetError("closed"), ErrorKind.RESET, "closed"),
        (Stage.HEAD, ProtocolError("not HTTP"), ErrorKind.PROTOCOL, "not HTTP"),
        (Stage.PREPARE, ValueError("no URL"), ErrorKind.INTERNAL, "no URL"),
    ],
)
def test_an_exception_is_explained_by_its_stage_and_its_kind(
    stage: Stage, error: Exception, kind: ErrorKind, what: str
) -> None:
    attempt = Attempt(10, Clock())
    attempt.stage = stage
    assert attempt.explain(error) == AttemptError(kind, f"{stage}: {what}")


def test_an_explanation_is_never_longer_than_200_characters() -> None:
    message = Attempt(10, Clock()).explain(ProtocolError("x" * 1000)).message
    assert len(message) == 200
