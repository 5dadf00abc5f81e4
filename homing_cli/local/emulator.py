"""The AWS emulator (ministack) as a local process: start it, find it again, stop it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Self

from homing_cli.errors import LocalCloudError
from homing_cli.local import local_key, private_files
from homing_cli.local.local_key import REGION, LocalKey

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HOST = "127.0.0.1"
ACCOUNT = "000000000000"
# An argument and two environment variables of `emulator_process`.
TIED = "--tied"
CALLS = "HOMING_CALLS"
STEADY = "HOMING_STEADY"

_START_SECONDS = 30.0
_ANSWER_SECONDS = 10.0
_END_SECONDS = 5.0
# The only environment variables of the user that the emulator and its functions inherit.
# PYTHONDONTWRITEBYTECODE, for example, would make every cold start compile its imports.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "SSL_CERT_FILE")


def account_settings(key: LocalKey) -> dict[str, str]:
    """Return environment variables that select the emulator's AWS account, not the user's."""
    return {
        "AWS_ACCESS_KEY_ID": key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running emulator: its process id, port and key, and the directory that holds its state."""

    pid: int
    port: int
    state_dir: Path
    key: LocalKey
    # The process object is kept so that the pipe to a tied emulator stays open.
    process: subprocess.Popen[bytes] | None = field(default=None, compare=False, repr=False)

    @property
    def endpoint(self) -> str:
        """The endpoint of every AWS service, without a trailing slash."""
        return f"http://{HOST}:{self.port}"

    @classmethod
    def find(cls, state_dir: Path) -> Self | None:
        """Find the emulator started for this directory; None if it no longer runs.

        A pid file that a crash has left behind is ignored, even if its process id now belongs to
        another program.
        """
        import psutil  # noqa: PLC0415 -- in the extra `local`, which other commands do not need

        with suppress(OSError, ValueError, KeyError, TypeError, psutil.Error):
            record = json.loads(_pid_file(state_dir).read_text())
            key = LocalKey.from_record(record)
            emulator = cls(int(record["pid"]), int(record["port"]), state_dir, key)
            if _mark(state_dir) in psutil.Process(emulator.pid).cmdline():
                return emulator
        return None

    def answers(self) -> bool:
        """Return whether the emulator, rather than another process, responds at its port."""
        return local_key.answers(self.endpoint, self.key, _ANSWER_SECONDS)

    def stop(self) -> None:
        """Kill the process and the functions it runs, and delete its files.

        The processes are killed because the emulator has nothing to save, and a graceful stop would
        wait for executions to end.
        """
        import psutil  # noqa: PLC0415 -- as in `find`

        if Emulator.find(self.state_dir) == self:
            with suppress(ProcessLookupError, psutil.Error):
                process = psutil.Process(self.pid)
                os.killpg(self.pid, signal.SIGKILL)
                process.wait(_END_SECONDS)
        if self.process is not None:
            with suppress(OSError):
                self.process.communicate(timeout=1)
        _pid_file(self.state_dir).unlink(missing_ok=True)
        shutil.rmtree(self.state_dir / "tmp", ignore_errors=True)


def listen(port: int = 0) -> socket.socket:
    """Return a socket that listens on a port of 127.0.0.1; port 0 means any free one.

    Raises:
        LocalCloudError: when the port is taken.
    """
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise LocalCloudError(f"port {port} is taken: choose another with --port") from error
    return listening


def start(
    state_dir: Path,
    listening: socket.socket,
    *,
    tied: bool = False,
    wait_scale: float = 1,
    calls: Path | None = None,
    steady: bool = False,
) -> Emulator:
    """Start an emulator on 127.0.0.1 with a new key, and wait until it responds.

    Args:
        state_dir: an absolute directory for its pid file, log and temporary files.
        listening: the socket for it to listen on (`listen`); closed in this process.
        tied: whether it ends when this process ends, even if this process is killed.
        wait_scale: the factor for the waits of Step Functions; 1 waits as AWS does.
        calls: the file to which it appends the calls that it serves; None for no file.
        steady: whether idle functions are kept and garbage is not collected, for measurements.

    Raises:
        LocalCloudError: when it does not answer in time, with the end of its log.
    """
    private_files.make_folder(state_dir)
    tmp = state_dir / "tmp"
    shutil.rmtree(tmp, ignore_errors=True)
    tmp.mkdir()
    port, key = listening.getsockname()[1], LocalKey.random()
    environment = _environment(port, tmp, key) | {"SFN_WAIT_SCALE": str(wait_scale)}
    if calls:
        environment[CALLS] = str(calls)
    if steady:
        environment |= {STEADY: "1", "LAMBDA_WARM_TTL_SECONDS": "3600"}
    with log_file(state_dir).open("wb") as log, listening:
        process = _spawn(state_dir, listening, environment, log, tied=tied)
    emulator = Emulator(process.pid, port, state_dir, key, process)
    record = {"pid": process.pid, "port": port, **key.to_record()}
    private_files.write(_pid_file(state_dir), json.dumps(record))
    # The socket listens already: the first answer comes when the emulator is ready.
    if not local_key.answers(emulator.endpoint, key, _START_SECONDS):
        tail = log_tail(log_file(state_dir))
        emulator.stop()
        raise LocalCloudError(f"the emulator did not start on port {port}:\n{tail}")
    return emulator


def _spawn(
    state_dir: Path,
    listening: socket.socket,
    environment: Mapping[str, str],
    log: IO[bytes],
    *,
    tied: bool,
) -> subprocess.Popen[bytes]:
    file = listening.fileno()
    command = [
        sys.executable,
        "-m",
        "homing_cli.local.emulator_process",
        _mark(state_dir),
        str(file),
    ]
    return subprocess.Popen(  # noqa: S603 -- runs our own module
        [*command, TIED] if tied else command,
        env=environment,
        stdin=subprocess.PIPE if tied else subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        pass_fds=[file],
        start_new_session=True,  # so that Ctrl-C stops the command, not the cloud
    )


def _environment(port: int, tmp: Path, key: LocalKey) -> dict[str, str]:
    return {
        **{name: os.environ[name] for name in _INHERITED if name in os.environ},
        **account_settings(key),
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": "localhost",
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "LAMBDA_WARM_TTL_SECONDS": "60",  # an idle worker holds 35 MB
        "IOT_MTLS_ENABLED": "0",  # IoT and SFTP would listen on ports of their own
        "SFTP_ENABLED": "0",
        "TMPDIR": str(tmp),
        # Functions inherit this: the host name `sync-<host>`, to which StartSyncExecution is sent,
        # does not resolve here.
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
    }


def log_file(state_dir: Path) -> Path:
    """Return the path of the emulator's log, which is in the state directory."""
    return state_dir / "emulator.log"


def log_tail(path: Path, lines: int = 15) -> str:
    """Return the last lines of a log, for an error message."""
    with suppress(OSError):
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    return "(no log)"


def _mark(state_dir: Path) -> str:
    """Return the command-line argument that marks a process as this directory's emulator."""
    return hashlib.sha256(str(state_dir).encode()).hexdigest()[:16]


def _pid_file(state_dir: Path) -> Path:
    return state_dir / "emulator.json"
