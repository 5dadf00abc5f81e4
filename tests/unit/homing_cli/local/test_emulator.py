"""The emulator's process: started, found again, stopped, and never confused with another."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from homing_cli.errors import LocalCloudError
from homing_cli.local import deployment, emulator, local_cloud
from homing_cli.local.emulator import Emulator
from homing_cli.local.local_key import LocalKey

if TYPE_CHECKING:
    from collections.abc import Iterator


KEY = LocalKey.random()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Emulator]:
    started = emulator.start(tmp_path, emulator.listen(), tied=True)
    yield started
    started.stop()


def wait_until_gone(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        deadline = time.monotonic() + 10
        while process.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
            time.sleep(0.02)
        return process.status() == psutil.STATUS_ZOMBIE
    return True


def test_it_answers_is_found_again_and_is_gone_after_stop(tmp_path: Path) -> None:
    started = emulator.start(tmp_path, emulator.listen(), tied=True)
    try:
        assert started.answers()
        assert Emulator.find(tmp_path) == started
    finally:
        started.stop()
    assert Emulator.find(tmp_path) is None
    assert not started.answers()
    assert not (tmp_path / "tmp").exists()


def test_one_that_is_tied_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    program = (
        "import os, pathlib; from homing_cli.local import emulator; "
        f"print(emulator.start(pathlib.Path({str(tmp_path)!r}), emulator.listen(), "
        "tied=True).pid, flush=True); os._exit(1)"
    )
    done = subprocess.run(  # noqa: S603 -- this interpreter, our own text
        [sys.executable, "-c", program], capture_output=True, check=False
    )
    assert wait_until_gone(int(done.stdout))


@pytest.mark.parametrize(
    "text", ["", "not JSON", "{}", '{"pid": "x", "port": 1}', "[]", '{"pid": 1, "port": 1}']
)
def test_an_unreadable_pid_file_counts_as_not_running(tmp_path: Path, text: str) -> None:
    (tmp_path / "emulator.json").write_text(text)
    assert Emulator.find(tmp_path) is None


def test_a_process_id_that_now_belongs_to_another_program_is_not_killed(tmp_path: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        record = {"pid": stranger.pid, "port": 1, **KEY.to_record()}
        (tmp_path / "emulator.json").write_text(json.dumps(record))
        assert Emulator.find(tmp_path) is None
        assert not local_cloud.down(tmp_path)
        Emulator(stranger.pid, 1, tmp_path, KEY).stop()
        assert stranger.poll() is None
    finally:
        stranger.communicate(b"\n")


def test_an_emulator_that_cannot_start_is_reported_with_the_end_of_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no such luck\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    with pytest.raises(LocalCloudError, match=r"did not start on port \d+:\nno such luck"):
        emulator.start(tmp_path / "state", emulator.listen(), tied=True)


def test_one_with_a_state_directory_below_is_another_one(tmp_path: Path) -> None:
    started = emulator.start(tmp_path / "below", emulator.listen(), tied=True)
    try:
        record = {"pid": started.pid, "port": started.port, **started.key.to_record()}
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
    started = emulator.start(tmp_path, emulator.listen(), tied=True)
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
        local_cloud.up(running.port + 1, tmp_path)


def test_stopping_what_does_not_run_says_so(tmp_path: Path) -> None:
    assert not local_cloud.down(tmp_path)


def test_what_it_keeps_is_for_its_owner_alone(tmp_path: Path, running: Emulator) -> None:
    kept = tmp_path / "emulator.json"
    assert (tmp_path.stat().st_mode & 0o777, kept.stat().st_mode & 0o777) == (0o700, 0o600)
    assert running.key.secret_access_key in kept.read_text()
    assert running.key.secret_access_key not in repr(running)


def test_another_emulator_on_its_port_is_not_taken_for_it(
    tmp_path: Path, running: Emulator
) -> None:
    impostor = replace(running, key=replace(running.key, secret_access_key="other"))
    assert running.answers()
    assert not impostor.answers()


def test_an_emulator_that_does_not_answer_is_reported_with_what_to_do(
    tmp_path: Path, running: Emulator
) -> None:
    record = json.loads((tmp_path / "emulator.json").read_text())
    (tmp_path / "emulator.json").write_text(json.dumps(record | {"secretAccessKey": "other"}))
    with pytest.raises(LocalCloudError, match="does not answer: run `homing down`"):
        local_cloud.up(None, tmp_path)


def test_of_two_that_come_up_at_once_one_waits_for_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So there is one emulator, and one record of it."""
    deployed: list[Emulator] = []
    said: list[str] = []

    def deploy(to: Emulator, app: deployment.App) -> dict[str, str]:
        assert app == deployment.OWN_APP
        deployed.append(to)
        return {"ApiUrl": "http://a", "SenderApiUrl": "http://b", "MessagesUrl": "http://c"}

    monkeypatch.setattr(deployment, "deploy", deploy)
    try:
        with ThreadPoolExecutor(2) as pool:
            ups = [pool.submit(local_cloud.up, None, tmp_path, said.append) for _ in range(2)]
            first, second = (each.result() for each in ups)
        assert first == second
        assert deployed[0] == deployed[1] == Emulator.find(tmp_path)
        assert [text.split()[0] for text in sorted(said)].count("starting") == 1
        assert "waiting for another `homing up` or `homing down` to end" in said
        record = tmp_path / local_cloud.RECORD
        assert json.loads(record.read_text()) == first.to_record()
        assert record.stat().st_mode & 0o777 == 0o600
    finally:
        assert local_cloud.down(tmp_path)
        for process in (each.process for each in deployed if each.process):
            process.wait()
    assert not record.exists()
