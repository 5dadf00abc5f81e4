"""Serves the console on 127.0.0.1."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING

import uvicorn

from homing_cli.console import DEFAULT_PORT
from homing_cli.console.app import make_app
from homing_cli.console.services import make_services
from homing_cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from homing_cli.client.target import Target

HOST = "127.0.0.1"
_STOP_SECONDS = 5


def serve(
    target: Target, *, port: int | None, allow_actions: bool, on_ready: Callable[[str], None]
) -> None:
    """Serve the console until Ctrl-C.

    Args:
        target: the deployed Homing.
        port: the port to listen on; None for 8088, or any free port if that is taken.
        allow_actions: whether the actions are allowed.
        on_ready: called with the console's address once it accepts requests.

    Raises:
        CommandError: when the port is taken.
    """
    listening = _listen(port)
    server = _server(target, listening, allow_actions=allow_actions)
    on_ready(_url(listening))
    server.run(sockets=[listening])


@contextmanager
def running(target: Target, *, allow_actions: bool) -> Iterator[str]:
    """Serve the console on a free port in a thread, and yield its address."""
    listening = _listen(0)
    server = _server(target, listening, allow_actions=allow_actions)
    thread = Thread(target=server.run, args=([listening],), name="console", daemon=True)
    thread.start()
    try:
        yield _url(listening)
    finally:
        server.should_exit = True
        thread.join(_STOP_SECONDS)
        listening.close()


def _server(target: Target, listening: socket.socket, *, allow_actions: bool) -> uvicorn.Server:
    services = make_services(target, allow_actions=allow_actions)
    app = make_app(services, listening.getsockname()[1])
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        lifespan="off",
    )
    return uvicorn.Server(config)


def _listen(port: int | None) -> socket.socket:
    for candidate in (DEFAULT_PORT, 0) if port is None else (port,):
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, candidate))
            listening.listen()  # so that the first request is not refused
        except OSError:
            listening.close()
        else:
            return listening
    raise CommandError(f"port {port} is taken: choose another with --port")


def _url(listening: socket.socket) -> str:
    return f"http://{HOST}:{listening.getsockname()[1]}"
