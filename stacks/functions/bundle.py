"""The code of the functions: sources, compiled if this machine has Lambda's version of Python.

Without compiled code, Lambda would compile the sources at each cold start, since it cannot write
next to them. Python loads the compiled code without checking whether it matches the sources (PEP
552, unchecked hashes), since in the bundle the two always match. The same sources and the same
Python yield the same bytes on every machine.
"""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from .lambda_python import find_python

# The folder with the functions' code and the workflow definition. In the wheel it is in this
# package (hatch_build.py); in a checkout it is the repository.
_HERE = Path(__file__).resolve().parents[1]  # the folder `stacks`, in the wheel `homing_cdk`
_IN_WHEEL = _HERE / "sources"
SOURCES = _IN_WHEEL if _IN_WHEEL.is_dir() else _HERE.parent

_PACKAGES = ("homing", "lambdas")
# Where Lambda unpacks the bundle.
_TASK = "/var/task"


@cache
def bundle() -> Path:
    """Return a folder with the code that the functions run, and nothing else.

    The CDK asset, and with it every function, changes only if that code changes. The folder is made
    once per process.
    """
    folder = _kept().name
    return make_bundle(Path(folder), find_python())


@cache
def _kept() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="homing-bundle-")  # removed when this process ends


def make_bundle(folder: Path, python: Path | None) -> Path:
    """Make the bundle in an empty folder and return the folder.

    If `python` is given, compile the code with it.
    """
    for name in _PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__", "py.typed", *_client(name))
        shutil.copytree(SOURCES / name, folder / name, ignore=ignored)
    if python is not None:
        compile_sources(folder, python, _TASK)
    return folder


def _client(package: str) -> tuple[str, ...]:
    """Return the names of a package's subpackages that the functions do not use."""
    return ("client",) if package == "homing" else ()


def compile_sources(folder: Path, python: Path, on_lambda: str) -> None:
    """Compile the contents of a folder for `on_lambda`, the path to which Lambda unpacks it."""
    # `compileall` uses one process, in isolated mode (-I), so that the result does not depend on
    # this machine or its load.
    options = ["-q", "--invalidation-mode", "unchecked-hash", "-s", str(folder), "-p", on_lambda]
    command = [str(python), "-I", "-m", "compileall", *options, str(folder)]
    steady = {"PYTHONHASHSEED": "0"}
    subprocess.run(command, check=True, env=steady)  # noqa: S603 -- a Python that we have found
