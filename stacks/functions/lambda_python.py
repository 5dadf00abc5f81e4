"""Finds a Python with the version of Lambda's runtime on this machine."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

VERSION = "3.13"

_PROBE = "import sys; print('%d.%d' % sys.version_info[:2], sys.implementation.name)"


@cache
def find_python() -> Path | None:
    """Return a CPython of Lambda's version, from the PATH, pyenv or uv; None if there is none.

    A candidate that does not run, such as a shim of pyenv, is skipped.
    """
    return next((path for path in _candidates() if _works(path)), None)


def _candidates() -> list[Path]:
    name = f"python{VERSION}"
    on_path = [Path(each) for each in os.environ.get("PATH", os.defpath).split(os.pathsep) if each]
    kept = [Path.home() / ".pyenv" / "versions", Path.home() / ".local" / "share" / "uv" / "python"]
    installed = [found for place in kept for found in sorted(place.glob("*/bin"))]
    return [folder / name for folder in [*on_path, *installed] if (folder / name).is_file()]


def _works(path: Path) -> bool:
    try:
        done = subprocess.run(  # noqa: S603 -- from a folder in which Pythons are installed
            [path, "-I", "-c", _PROBE], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.stdout.split() == [VERSION, "cpython"]
