"""Measure, for each handler, how much longer a new Python process takes if it imports the handler.

For the Python client, the table shows how much longer its import takes than that of boto3.

The import time of a handler is part of a cold start. Bytecode (.pyc files) exists, as after the
first start on a machine. The handlers alternate, so that load on the machine slows all of them
equally. The fastest run counts, since the additional time of slower runs is noise.

    python benchmarks/imports.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.sizes import sized

PROJECT = Path(__file__).resolve().parents[1]
RUNS = sized(15, 1)

TARGETS_MS = {
    "classify": 80,
    "compute_backoff": 80,
    "deliver": 120,
    "record_retry": 330,
    "dispatch": 330,
    "get_message": 330,
    "accept": 330,
}
CLIENT, CLIENT_TARGET_MS = "homing.client", 60
ENVIRONMENT = {
    "POWERTOOLS_SERVICE_NAME": "homing",
    "POWERTOOLS_METRICS_NAMESPACE": "Homing",
    "PYTHONPATH": str(PROJECT),
}


@dataclass(frozen=True, slots=True)
class Row:
    """The import time of one handler in milliseconds, and its target."""

    handler: str
    milliseconds: float
    target: float


def run(runs: int = RUNS) -> list[Row]:
    """Measure all handlers and return their rows."""
    programs = {"": "pass", "boto3": "import boto3", CLIENT: f"import boto3, {CLIENT}"}
    programs |= {name: f"import lambdas.{name}" for name in TARGETS_MS}
    best = dict.fromkeys(programs, float("inf"))
    for _ in range(runs + 1):  # the first round, which compiles the modules, does not count
        for name, program in programs.items():
            best[name] = min(best[name], _milliseconds(program))
    rows = [Row(name, best[name] - best[""], target) for name, target in TARGETS_MS.items()]
    return [*rows, Row(CLIENT, best[CLIENT] - best["boto3"], CLIENT_TARGET_MS)]


def _milliseconds(program: str) -> float:
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], env=inherited | ENVIRONMENT, check=True)
    return (time.perf_counter() - start) * 1000


def main() -> None:
    """Print the table."""
    print(f"import of each handler over the bare interpreter, best of {RUNS}, with .pyc")
    print(f"{'handler':<18}{'ms':>8}{'target':>9}")
    for row in run():
        verdict = "" if row.milliseconds <= row.target else "  over"
        print(f"{row.handler:<18}{row.milliseconds:>8.0f}{row.target:>9.0f}{verdict}")


if __name__ == "__main__":
    main()
