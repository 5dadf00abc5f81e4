"""Functions of the local cloud that are forked, rather than started in a new Python process.

This module runs in the emulator's process; `fork_server` runs in the processes that are forked.
"""

from __future__ import annotations

import hashlib
import json
import os
import queue
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import zipfile
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

# The emulator has no types.
from ministack.core import lambda_runtime  # type: ignore[import-untyped]

_OWN = "lambdas."  # where Homing's functions have their modules
_ANSWER_BYTES = 1
# The last line that a forked environment logs in each invocation.
_LOGGED = "homing-invocation-logged"
_LAST_LINE_SECONDS = 0.05

_starting: ContextVar[dict[str, Any] | None] = ContextVar("_starting", default=None)


def supported() -> bool:
    """Return whether this system has pidfds, as Linux has since 5.3."""
    with suppress(AttributeError, OSError):
        os.close(os.pidfd_open(os.getpid()))
        return True
    return False


def install() -> None:
    """Make the emulator fork the Python functions that it starts from now on."""
    lambda_runtime.Worker = _ForkedWorker
    forked = {"Popen": _Functions().start}
    lambda_runtime.subprocess = SimpleNamespace(**{**vars(subprocess), **forked})
    lambda_runtime.zipfile = SimpleNamespace(**{**vars(zipfile), "ZipFile": _SharedZip})


class _ForkedWorker(lambda_runtime.Worker):  # type: ignore[misc]  # as above
    """An execution environment that passes its configuration to `_Functions.start`."""

    def _spawn(self) -> None:
        token = _starting.set(self.config)
        try:
            super()._spawn()
        finally:
            _starting.reset(token)

    def _drain_stderr_bounded(self, *_: Any, **__: Any) -> str:
        """Return what the function has logged in this invocation.

        The emulator's own method polls every millisecond until no line has come for 5 ms (50 ms if
        there was none), which delays every response.
        """
        lines: list[str] = []
        with suppress(queue.Empty):
            while not (line := self._stderr_queue.get(timeout=_LAST_LINE_SECONDS)).endswith(
                _LOGGED
            ):
                lines.append(line)
            if unfinished := line.removesuffix(_LOGGED):
                lines.append(unfinished)
        return "\n".join(lines)


class _SharedZip(zipfile.ZipFile):
    """The archive of a function's code or of a layer.

    It is unpacked once for all environments, so that Python compiles the code only once.
    """

    _lock = threading.Lock()

    def extractall(self, path: Any = None, *_: Any) -> None:
        """Replace `path`, an empty folder, with a link to the folder of the unpacked content."""
        content = Path(str(self.filename)).read_bytes()
        folder = Path(tempfile.gettempdir(), "code", hashlib.sha256(content).hexdigest())
        with self._lock:
            if not folder.exists():
                unfinished = tempfile.mkdtemp()
                super().extractall(unfinished)
                folder.parent.mkdir(exist_ok=True)
                Path(unfinished).rename(folder)
        Path(path).rmdir()
        Path(path).symlink_to(folder)


@dataclass(slots=True)
class _Forking:
    """The client of a process that runs `fork_server.serve`."""

    control: socket.socket
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, message: object, descriptors: list[int]) -> int:
        """Make the other process fork as a message requests; return the new process's pidfd."""
        with self.lock:
            socket.send_fds(self.control, [json.dumps(message).encode()], descriptors)
            _, (process,), _, _ = socket.recv_fds(self.control, _ANSWER_BYTES, 1)
        return process


class _Functions:
    """Starts functions as forked processes: each of Homing's functions from its template."""

    def __init__(self) -> None:
        ours, theirs = _pair()
        with theirs:
            file = theirs.fileno()
            command = [sys.executable, "-P", "-m", "homing_cli.local.fork_server", str(file)]
            self._process = subprocess.Popen(command, pass_fds=[file], stdin=subprocess.DEVNULL)  # noqa: S603 -- runs our own module
        self._server = _Forking(ours)
        self._templates: dict[str, tuple[object, _Forking]] = {}
        self._lock = threading.Lock()

    def start(self, command: list[str], *, cwd: str, env: dict[str, str], **options: Any) -> Any:
        """Start a process as `subprocess.Popen` does, by a fork if it runs a Python function."""
        config = _starting.get()
        if config is None or command[0] != sys.executable:
            return subprocess.Popen(command, cwd=cwd, env=env, **options)  # noqa: S603 -- the emulator's own
        folder = str(Path(cwd).resolve())
        request = {"env": env, "folder": folder, "script": command[1], "logged": _LOGGED}
        return _Started(self._forking(config, env, folder), {"environment": request})

    def _forking(self, config: dict[str, Any], env: dict[str, str], folder: str) -> _Forking:
        """Return the client of the process to fork from: the function's template, or the server."""
        module = config["Handler"].rpartition(".")[0].replace("/", ".")
        if not module.startswith(_OWN):
            return self._server
        key, made_of = config["FunctionArn"], (folder, config.get("Environment"))
        with self._lock:
            if key not in self._templates or self._templates[key][0] != made_of:
                ours, theirs = _pair()
                with theirs:
                    template = {"env": env, "folder": folder, "module": module}
                    os.close(self._server.ask({"template": template}, [theirs.fileno()]))
                # This closes the socket of the template with the previous code. That template then
                # ends.
                self._templates[key] = made_of, _Forking(ours)
            return self._templates[key][1]


def _pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


class _Started:
    """A forked process, used like a `subprocess.Popen`. It has no exit status."""

    def __init__(self, forking: _Forking, request: object) -> None:
        (stdin, self_in), (self_out, stdout), (self_err, stderr) = os.pipe(), os.pipe(), os.pipe()
        streams = [stdin, stdout, stderr]
        try:
            self._process: int | None = forking.ask(request, streams)
        finally:
            for stream in streams:
                os.close(stream)
        self.stdin = os.fdopen(self_in, "w", buffering=1)
        self.stdout, self.stderr = os.fdopen(self_out), os.fdopen(self_err)

    def poll(self) -> int | None:
        """Return None while the process runs, and 0 once it has ended."""
        return 0 if self._ended(0) else None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the process to end; raise `subprocess.TimeoutExpired` if that takes too long."""
        if not self._ended(timeout):
            raise subprocess.TimeoutExpired("function", timeout or 0)
        return 0

    def terminate(self) -> None:
        """Ask the process to end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the process."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._process, number)

    def _ended(self, timeout: float | None) -> bool:
        if self._process is None:
            return True
        ends = select.poll()
        ends.register(self._process, select.POLLIN)
        if not ends.poll(None if timeout is None else timeout * 1000):
            return False
        os.close(self._process)
        self._process = None
        return True
