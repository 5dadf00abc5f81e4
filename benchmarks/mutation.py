"""Count the mutants that the tests catch; exit with status 1 if their share is below the target.

    make mutate

A mutant is the code of the modules that make decisions, with one small change; it is caught if a
test fails. In pyproject.toml, [tool.mutmut] specifies which modules are mutated and which tests
run. A mutant in code that no test runs counts as not caught.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

TARGET_PERCENT = 90
ROOT = Path(__file__).resolve().parents[1]
STATS = ROOT / "mutants" / "mutmut-cicd-stats.json"


def mutmut(*arguments: str, quiet: bool = False) -> str:
    """Run mutmut from this environment and return its output."""
    command = [str(Path(sys.executable).with_name("mutmut")), *arguments]
    done = subprocess.run(command, cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE)
    if not quiet:
        print(done.stdout.splitlines()[-1])
    return done.stdout


def main() -> int:
    """Run the tests on all mutants; print the score, and the mutants that were not caught."""
    print("mutating; about two minutes", flush=True)
    mutmut("run")
    mutmut("export-cicd-stats", quiet=True)
    stats = json.loads(STATS.read_text(encoding="utf-8"))
    caught = stats["killed"] + stats["timeout"]
    percent = 100 * caught / stats["total"]
    survivors = [line.strip() for line in mutmut("results", quiet=True).splitlines() if line]
    print("\n".join(survivors))
    print(f"{caught} of {stats['total']} mutants caught: {percent:.1f}%, target {TARGET_PERCENT}%")
    return 0 if percent >= TARGET_PERCENT else 1


if __name__ == "__main__":
    sys.exit(main())
