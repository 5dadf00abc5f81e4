"""Processes known by their id: what an id stands for now, and how to end it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

_WAIT_SECONDS = 5.0


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
    """End a process that leads a group, and the whole group with it, at once."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    deadline = time.monotonic() + _WAIT_SECONDS
    while command_line(pid) and time.monotonic() < deadline:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)  # reaps it where it is our child
        time.sleep(0.02)
