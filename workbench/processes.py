"""Processes known by their id: what an id stands for now, and how to end it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

_GRACE_SECONDS = 3.0


def command_line(pid: int) -> tuple[str, ...]:
    """Give a process's arguments, empty if there is none; from /proc where it exists, else ps."""
    if Path("/proc/self/cmdline").exists():
        with suppress(OSError):
            return tuple(Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1])
        return ()
    listed = subprocess.run(  # noqa: S603 -- no shell, and a number for an argument
        ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return tuple(listed.stdout.split())


def end_group(pid: int) -> None:
    """End the leader of a process group, politely first, and then whatever is left of the group."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    _wait_until_gone(pid)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    _wait_until_gone(pid)


def _wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + _GRACE_SECONDS
    while command_line(pid) and time.monotonic() < deadline:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)  # reaps it where it is our child
        time.sleep(0.05)
