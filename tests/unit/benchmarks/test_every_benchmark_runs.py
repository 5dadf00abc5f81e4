"""Every benchmark runs with `--smallest`, so that none breaks unnoticed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from deployed import synthesized

PROJECT = Path(__file__).resolve().parents[3]
BENCHMARKS = PROJECT / "benchmarks"
# `run` starts other benchmarks, and these start `handler_process`; `mutation` needs mutmut (`make
# mutate`).
APART = {"run", "handler_process", "mutation"}
PROGRAMS = [
    path.stem
    for path in sorted(BENCHMARKS.glob("*.py"))
    if "__main__" in path.read_text(encoding="utf-8") and path.stem not in APART
]
ENDED = (0, 1)  # a benchmark exits with 1 if it misses a target, as it may on a busy machine


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_benchmark_runs_to_its_end(name: str) -> None:
    app = synthesized()
    paths = os.pathsep.join([str(PROJECT), str(PROJECT / "tests")])
    done = subprocess.run(  # noqa: S603 -- a program of ours
        [sys.executable, BENCHMARKS / f"{name}.py", "--smallest"],
        env=os.environ | {"PYTHONPATH": paths} | ({"SYNTHESIZED": str(app)} if app else {}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert done.returncode in ENDED, done.stderr
    assert done.stdout
