"""Run the benchmarks of `make bench` one after the other. docs/benchmarks.md has the figures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
BENCHMARKS = ("imports", "attempt", "guard", "patterns", "memory", "stampede", "throughput")


def main() -> int:
    """Run the benchmarks and return how many failed."""
    failed = 0
    for name in BENCHMARKS:
        print(f"\n== {name}", flush=True)
        done = subprocess.run([sys.executable, HERE / f"{name}.py"], check=False)
        failed += done.returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
