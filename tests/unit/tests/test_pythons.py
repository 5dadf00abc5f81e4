"""`make test-pythons` finds each Python that works, and reports each that does not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import pythons

THIS = sys.version_info[:2]


def make(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_it_finds_versions_from_3_11_on_and_nothing_else_that_begins_so(tmp_path: Path) -> None:
    for name in (
        "python3.11",
        "python3.13",
        "python3.10",
        "python3.13-config",
        "python3",
        "pip3.13",
    ):
        make(tmp_path / name, "exit 0")
    assert list(pythons.candidates([tmp_path])) == [(3, 11), (3, 13)]


def test_a_shim_that_runs_nothing_is_passed_over_for_one_that_works(tmp_path: Path) -> None:
    shim = make(tmp_path / "shims" / "python3.99", "exit 127")
    real = make(tmp_path / "bin" / "python3.99", f'exec {sys.executable} "$@"')
    assert pythons.working(THIS, [shim, real]) == real


@pytest.mark.parametrize("script", ["exit 127", "echo 3.98", "exec /no/such/python"])
def test_one_that_does_not_run_or_is_another_version_does_not_work(
    tmp_path: Path, script: str
) -> None:
    assert pythons.working((3, 99), [make(tmp_path / "python3.99", script)]) is None


def test_a_version_that_is_there_only_broken_fails_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path / "python3.99", "exit 127")
    monkeypatch.setattr(pythons, "folders", lambda: [tmp_path])
    assert pythons.main([]) == 1
    assert "Python 3.99: does not work" in capsys.readouterr().out


def test_no_python_at_all_fails_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pythons, "folders", lambda: [tmp_path])
    assert pythons.main([]) == 1


@pytest.mark.parametrize("own", [(3, 11), pythons.LAMBDA])
def test_the_python_of_lambda_is_tested_unless_make_check_runs_on_it(
    own: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {version: [Path("python")] for version in ((3, 11), (3, 12), pythons.LAMBDA)}
    monkeypatch.setattr("sys.version_info", own)
    ran: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(pythons, "candidates", lambda _: found)
    monkeypatch.setattr(pythons, "working", lambda _, paths: paths[0])
    monkeypatch.setattr(
        pythons, "run_unit_tests", lambda name, _, options: not ran.append((name, options))
    )
    assert pythons.main([pythons.LAMBDA_ONLY, "-q"]) == 0
    name = f"{pythons.LAMBDA[0]}.{pythons.LAMBDA[1]}"
    assert ran == ([] if own == pythons.LAMBDA else [(name, ["-q"])])
