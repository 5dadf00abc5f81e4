"""The code of the functions: sources, compiled if this machine has Lambda's version of Python.

Lambda cannot write compiled code next to sources, so it would compile them at each cold start. The
compiled code belongs to the copied sources next to it, and is loaded without comparing times or
contents (PEP 552, unchecked hashes). The same sources and the same Python yield the same bytes on
every machine.
"""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from .lambda_python import find_python

# The folder with the functions' code and the definition. In the wheel it is in this package
# (hatch_build.py), in a checkout beside it.
_HERE = Path(__file__).resolve().parents[1]  # the folder `stacks`, in the wheel `homing_cdk`
_IN_WHEEL = _HERE / "sources"
SOURCES = _IN_WHEEL if _IN_WHEEL.is_dir() else _HERE.parent

_PACKAGES = ("homing", "lambdas")
# Where Lambda unpacks the bundle.
_TASK = "/var/task"


@cache
def bundle() -> Path:
    """Return a folder with only the code that the functions run; it is made once per process.

    So the CDK asset, and with it every function, changes only if that code changes.
    """
    folder = _kept().name
    return make_bundle(Path(folder), find_python())


@cache
def _kept() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="homing-bundle-")  # removed when this process ends


def make_bundle(folder: Path, python: Path | None) -> Path:
    """Make the bundle in an empty folder and return the folder.

    If `python` is given, it compiles the code.
    """
    for name in _PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__", "py.typed", *_client(name))
        shutil.copytree(SOURCES / name, folder / name, ignore=ignored)
    if python is not None:
        compile_sources(folder, python, _TASK)
    return folder


def _client(package: str) -> tuple[str, ...]:
    """Return the parts of a package that senders use and functions do not."""
    return ("client",) if package == "homing" else ()


def compile_sources(folder: Path, python: Path, on_lambda: str) -> None:
    """Compile the contents of a folder for `on_lambda`, the path to which Lambda unpacks it."""
    # In one process and isolated, so that the result does not depend on this machine or its load.
    options = ["-q", "--invalidation-mode", "unchecked-hash", "-s", str(folder), "-p", on_lambda]
    command = [str(python), "-I", "-m", "compileall", *options, str(folder)]
    subprocess.run(command, check=True, env={"PYTHONHASHSEED": "0"})  # noqa: S603 -- as above
