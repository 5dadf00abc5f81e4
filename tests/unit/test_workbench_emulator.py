"""The emulator as a process: started, found again, stopped, and never mistaken for another."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from workbench import emulator, local_cloud
from workbench.emulator import Emulator
from workbench.errors import LocalCloudError
from workbench.processes import command_line

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Emulator]:
    started = emulator.start(tmp_path, emulator.free_port(), tied=True)
    yield started
    started.stop()


def wait_until_gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while command_line(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not command_line(pid)


def test_it_answers_is_found_again_and_is_gone_after_stop(tmp_path: Path) -> None:
    started = emulator.start(tmp_path, emulator.free_port(), tied=True)
    try:
        assert emulator.answers(started.port)
        assert Emulator.find(tmp_path) == started
    finally:
        started.stop()
    assert Emulator.find(tmp_path) is None
    assert not emulator.answers(started.port)
    assert not (tmp_path / "tmp").exists()


def test_one_that_is_tied_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    program = (
        "import os, pathlib; from workbench import emulator; "
        f"print(emulator.start(pathlib.Path({str(tmp_path)!r}), {emulator.free_port()}, "
        "tied=True).pid, flush=True); os._exit(1)"
    )
    done = subprocess.run(  # noqa: S603 -- this interpreter, our own text
        [sys.executable, "-c", program], capture_output=True, check=False
    )
    assert wait_until_gone(int(done.stdout))


@pytest.mark.parametrize("text", ["", "not JSON", "{}", '{"pid": "x", "port": 1}', "[]"])
def test_an_unreadable_pid_file_counts_as_not_running(tmp_path: Path, text: str) -> None:
    (tmp_path / "emulator.json").write_text(text)
    assert Emulator.find(tmp_path) is None


def test_a_process_id_that_now_belongs_to_another_program_is_left_alone(tmp_path: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        (tmp_path / "emulator.json").write_text(json.dumps({"pid": stranger.pid, "port": 1}))
        assert Emulator.find(tmp_path) is None
        assert not local_cloud.down(tmp_path)
        Emulator(stranger.pid, 1, tmp_path).stop()
        assert stranger.poll() is None
    finally:
        stranger.communicate(b"\n")


def test_one_that_cannot_start_is_told_with_the_end_of_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no such luck\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    with pytest.raises(LocalCloudError, match=r"did not start on port \d+:\nno such luck"):
        emulator.start(tmp_path / "state", emulator.free_port(), tied=True)


def test_one_with_a_state_directory_below_is_another_one(tmp_path: Path) -> None:
    started = emulator.start(tmp_path / "below", emulator.free_port(), tied=True)
    try:
        record = {"pid": started.pid, "port": started.port}
        (tmp_path / "emulator.json").write_text(json.dumps(record))
        assert Emulator.find(tmp_path) is None
    finally:
        started.stop()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="reads /proc")
def test_neither_it_nor_its_functions_see_the_callers_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH"):
        monkeypatch.setenv(name, "mine")
    started = emulator.start(tmp_path, emulator.free_port(), tied=True)
    try:
        seen = (Path("/proc", str(started.pid), "environ")).read_bytes()
    finally:
        started.stop()
    assert b"=mine" not in seen


def test_a_port_that_was_asked_for_and_is_taken_is_refused(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(LocalCloudError, match=f"port {port} is taken"):
            local_cloud.up(port, tmp_path)


def test_another_port_is_refused_while_it_runs(tmp_path: Path, running: Emulator) -> None:
    with pytest.raises(LocalCloudError, match=f"already runs on port {running.port}"):
        local_cloud.up(emulator.free_port(), tmp_path)


def test_stopping_what_does_not_run_says_so(tmp_path: Path) -> None:
    assert not local_cloud.down(tmp_path)
