"""Runs the unit tests of the shipped code on each Python from 3.11 on: `make test-pythons`.

Homing's functions run on Lambda's Python 3.13, the command and the local cloud on that of the user.
Each Python gets an environment of its own under `build/pythons/`. A version that is installed but
does not work fails the run. The last lines of the output name the versions that were tested.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
OLDEST = (3, 11)
LAMBDA = (3, 13)
LAMBDA_ONLY = "--lambda"
# The tests that run on every Python. The others run only on that of `make check`.
TESTED = ("tests/unit/homing", "tests/unit/homing_cli", "tests/unit/lambdas")
_NAME = re.compile(r"python(3)\.(\d+)")
_PROBE = "import ssl, sqlite3, venv, sys; print('%d.%d' % sys.version_info[:2])"


def candidates(folders: list[Path]) -> dict[tuple[int, int], list[Path]]:
    """Return the programs in folders that are named like a Python from 3.11 on, by version."""
    found: dict[tuple[int, int], list[Path]] = {}
    for folder in folders:
        for path in sorted(folder.glob("python3.*")):
            if match := _NAME.fullmatch(path.name):
                version = (int(match[1]), int(match[2]))
                if version >= OLDEST:
                    found.setdefault(version, []).append(path)
    return dict(sorted(found.items()))


def working(version: tuple[int, int], paths: list[Path]) -> Path | None:
    """Return the first program that runs and has the version in its name; None if none does."""
    wanted = f"{version[0]}.{version[1]}"
    for path in paths:
        try:
            done = subprocess.run(  # noqa: S603 -- a Python that was found on the PATH
                [path, "-c", _PROBE], capture_output=True, text=True, timeout=60, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        if done.stdout.strip() == wanted:
            return path
    return None


def folders() -> list[Path]:
    """Return the folders to search for Pythons: those of PATH, and those of pyenv and uv."""
    on_path = [Path(each) for each in os.environ.get("PATH", os.defpath).split(os.pathsep) if each]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    kept = [pyenv / "versions", Path.home() / ".local" / "share" / "uv" / "python"]
    installed = [found for place in kept for found in sorted(place.glob("*/bin"))]
    ours = PROJECT / ".venv" / "bin"
    return [each for each in [*installed, *on_path] if each != ours]


def run_unit_tests(version: str, python: Path, options: list[str]) -> bool:
    """Run the unit tests on a Python; return whether they passed."""
    home = PROJECT / "build" / "pythons" / version
    env = os.environ | {
        "UV_PROJECT_ENVIRONMENT": str(home),
        "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }
    env.pop("VIRTUAL_ENV", None)
    uv = PROJECT / ".venv" / "bin" / "uv"
    steps = [
        [str(uv), "sync", "--frozen", "--quiet", "--all-extras", "--python", str(python)],
        [str(home / "bin" / "pytest"), *TESTED, "-p", "no:cacheprovider", *options],
    ]
    for step in steps:
        if subprocess.run(step, cwd=PROJECT, env=env, check=False).returncode:  # noqa: S603 -- ours
            return False
    return True


def main(options: list[str]) -> int:
    """Run the unit tests on every Python that is found; return the exit status.

    With `--lambda`, only on Lambda's Python, and only if that is not the one of `make check`.
    """
    results: dict[str, str] = {}
    for version, paths in candidates(folders()).items():
        name = f"{version[0]}.{version[1]}"
        is_tested = version == sys.version_info[:2]
        if LAMBDA_ONLY in options and (is_tested or version != LAMBDA):
            by = "check" if is_tested else "test-pythons"
            print(f"Python {name}: left to `make {by}`", flush=True)  # noqa: T201 -- a script
            continue
        python = working(version, paths)
        if python is None:
            results[name] = f"does not work: {', '.join(map(str, paths))}"
            continue
        print(f"Python {name}: {python}", flush=True)  # noqa: T201 -- a script
        passed = run_unit_tests(name, python, [each for each in options if each != LAMBDA_ONLY])
        results[name] = "passed" if passed else "failed"
    for name, result in results.items():
        print(f"Python {name}: {result}")  # noqa: T201
    on_lambda = f"{LAMBDA[0]}.{LAMBDA[1]}"
    if on_lambda not in results:
        print(f"Python {on_lambda}, which Lambda runs, is not on this machine: not run")  # noqa: T201
    found = bool(results) or LAMBDA_ONLY in options
    return 0 if found and set(results.values()) <= {"passed"} else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
