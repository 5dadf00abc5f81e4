"""The processes from which functions of the local cloud are forked (`forked_functions`).

`python -m homing_cli.local.fork_server FD` imports the libraries of Homing's functions. Messages on
the socket FD make it fork

- a template for each of Homing's functions, which imports the function's module and receives
  requests on its own socket, and
- the execution environments of other functions.

The execution environments of Homing's functions are forked from their templates. They start in
milliseconds; to start Python and import botocore and the function's module takes a second.

A process ends when the other end of its socket is closed.
"""

from __future__ import annotations

import functools
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import botocore.session
from botocore.loaders import JSONFileLoader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Only libraries, no code of Homing: each deployment has its own version of Homing's code.
_LIBRARIES = ("boto3", "pydantic", "aws_lambda_powertools.logging", "aws_lambda_powertools.metrics")
_SERVICES = ("dynamodb", "sqs", "stepfunctions", "s3", "events")
_LONGEST_MESSAGE = 200_000


def serve(control: socket.socket) -> None:
    """Fork a process for each message, until the other end of the socket is closed.

    A message is a JSON object with file descriptors: `{"template": {"env", "folder", "module"}}`
    with a socket, or `{"environment": {"env", "folder", "script", "logged"}}` with the standard
    streams. The response is a pidfd of the new process.
    """
    signal.signal(signal.SIGCHLD, _collect)
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, _LONGEST_MESSAGE, 3)
        if not message:
            return
        pid = os.fork()
        if not pid:
            control.close()
            _run(message, descriptors)
        process = os.pidfd_open(pid)
        socket.send_fds(control, [b"."], [process])
        for descriptor in (*descriptors, process):
            os.close(descriptor)


def _run(message: bytes, descriptors: list[int]) -> None:
    """Become the process that a message requests, and exit when it is done."""
    status = 1
    try:
        ((kind, request),) = json.loads(message).items()
        _KINDS[kind](descriptors, **request)
        status = 0
    except BaseException:  # noqa: BLE001 -- printed; this process must never return into `serve`
        traceback.print_exc()
    finally:
        os._exit(status)


def _template(descriptors: list[int], env: Mapping[str, str], folder: str, module: str) -> None:
    """Import the module of a function, and fork its execution environments."""
    _enter(env, folder)
    sys.path.insert(0, folder)
    # An environment imports the module again, and reports any exception as the function's error.
    with suppress(Exception):
        importlib.import_module(module)
    gc.freeze()
    serve(socket.socket(fileno=descriptors[0]))


def _environment(
    descriptors: list[int], env: Mapping[str, str], folder: str, script: str, logged: str
) -> None:
    """Run the emulator's script for an execution environment.

    If the function has libraries of its own, the script runs in a new Python process. Otherwise it
    runs in this process, which logs the line `logged` before each response.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for stream, descriptor in enumerate(descriptors):
        os.dup2(descriptor, stream)
        os.close(descriptor)
    _enter(env, folder)
    if _brings_libraries(env, folder):
        os.execv(sys.executable, [sys.executable, script])  # noqa: S606 -- there is no shell
    sys.stdout = _Responses(os.fdopen(1, "w", closefd=False), logged)
    runpy.run_path(script, run_name="__main__")


class _Responses:
    """A stream for the emulator's script that logs the line `logged` before each response.

    The first line that the script writes says that the environment is ready; every further line is
    a response.
    """

    def __init__(self, stream: TextIO, logged: str) -> None:
        self._stream, self._logged, self._is_ready = stream, logged, False
        self.flush = self._stream.flush

    def write(self, text: str) -> None:
        if self._is_ready:
            sys.stderr.write(f"{self._logged}\n")
            sys.stderr.flush()
        self._is_ready = True
        self._stream.write(text)


_KINDS: Mapping[str, Callable[..., None]] = {"template": _template, "environment": _environment}


def _enter(env: Mapping[str, str], folder: str) -> None:
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)


def _brings_libraries(env: Mapping[str, str], folder: str) -> bool:
    """Return whether a function has layers, or a package in its folder is already loaded here."""
    names = {path.name.partition(".")[0] for path in Path(folder).iterdir()}
    return "_LAMBDA_LAYERS_DIRS" in env or not names.isdisjoint(_loaded)


def _collect(*_: object) -> None:
    """Reap the child processes that have ended."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _load() -> None:
    """Import the libraries and read botocore's descriptions of services, once for all forks."""
    for library in _LIBRARIES:
        importlib.import_module(library)
    # Every session has loaders of its own, so the descriptions are cached in the class that all of
    # them share. Hence the assignment to a method, which mypy rejects.
    read = functools.cache(JSONFileLoader().load_file)
    JSONFileLoader.load_file = lambda _, file_path: read(file_path)  # type: ignore[method-assign,assignment]
    key: Any = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
    for service in _SERVICES:
        botocore.session.Session().create_client(service, "us-east-1", **key)
    gc.freeze()


_loaded: frozenset[str] = frozenset()

if __name__ == "__main__":
    # Functions may keep a reference to stdout when they are imported, so stdout is already stderr
    # then, as in the emulator's script.
    sys.stdout = sys.stderr
    _load()
    _loaded = frozenset(name.partition(".")[0] for name in sys.modules)
    serve(socket.socket(fileno=int(sys.argv[1])))
